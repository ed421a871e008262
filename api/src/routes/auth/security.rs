//! `GET /auth/security`: what a person can sign in with.

use axum::{Json, extract::State};
use chatops_projections::view::WayKind;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    auth::actor::InPerson,
    body::moment::Moment,
    problem::{Document, Problem},
    state::Api,
};

/// What a person can sign in with.
#[derive(Debug, Serialize, ToSchema)]
pub struct Security {
    /// The account has a password.
    password: bool,
    /// This server can keep second factors.
    second_factor_possible: bool,
    /// Since when a code of an authenticator app is asked for after the password; `null`: it is not.
    #[schema(required)]
    totp_since: Option<Moment>,
    /// Recovery codes that were not used.
    recovery_codes_left: u64,
    /// Passkeys, oldest first.
    passkeys: Vec<PasskeyInfo>,
    /// Accounts at identity providers, oldest first.
    identities: Vec<Identity>,
}

/// A passkey.
#[derive(Debug, Serialize, ToSchema)]
pub struct PasskeyInfo {
    /// Id of the credential, base64url.
    id: String,
    /// Name for people.
    name: String,
    /// Since when.
    added_at: Moment,
    /// When it was last used.
    #[schema(required)]
    last_used_at: Option<Moment>,
}

/// An account at an identity provider.
#[derive(Debug, Serialize, ToSchema)]
pub struct Identity {
    /// For unlinking it.
    id: String,
    /// Address of the provider.
    issuer: String,
    /// Since when.
    added_at: Moment,
}

/// What can I sign in with?
#[utoipa::path(get, path = "/auth/security", tag = "Auth", operation_id = "auth_security",
    responses(
        (status = 200, description = "what you can sign in with", body = Security),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1010", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    InPerson { actor, .. }: InPerson,
) -> Result<Json<Security>, Problem> {
    let store = api.store();
    let mut security = Security {
        password: store.password(actor.user).await?.is_some(),
        second_factor_possible: api.seal().is_ok(),
        totp_since: None,
        recovery_codes_left: store.recovery_left(actor.user).await?,
        passkeys: Vec::new(),
        identities: Vec::new(),
    };
    for way in store.sign_in_ways(actor.user).await? {
        let (name, added_at) = (way.name.unwrap_or_default(), way.added_at.into());
        match way.kind {
            WayKind::Totp => security.totp_since = Some(added_at),
            WayKind::Passkey => security.passkeys.push(PasskeyInfo {
                id: way.id,
                name,
                added_at,
                last_used_at: way.last_used_at.map(Moment),
            }),
            WayKind::Identity => security.identities.push(Identity {
                id: super::oidc::id_of(&way.id),
                issuer: name,
                added_at,
            }),
        }
    }
    Ok(Json(security))
}
