//! `/auth/passkeys`: passkeys of one's own, and signing in with one. What goes to and comes from the browser's
//! `navigator.credentials` is passed on as the standard's JSON.

use axum::{Json, extract::State, http::StatusCode, response::Response};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    auth::{
        actor::InPerson,
        api_key::too_many,
        confirm, door,
        passkey::{self, Begun},
        session::Opening,
    },
    body::session::{Keep, Method, Session},
    code::Code,
    extract::{Body, Path},
    peer::Peer,
    problem::{Document, Problem},
    state::Api,
    written::Pending,
};

/// Proof that it is you.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddPasskeyRequest {
    /// Your password; not needed by an account that has none.
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<SecretString>,
}

/// A ceremony that was begun.
#[derive(Serialize, ToSchema)]
pub struct PasskeyCeremony {
    /// Goes back with the browser's answer, within five minutes.
    ticket: String,
    /// For `PublicKeyCredential.parseCreationOptionsFromJSON` or `parseRequestOptionsFromJSON`.
    #[schema(value_type = Object)]
    options: Value,
}

impl From<Begun> for PasskeyCeremony {
    fn from(begun: Begun) -> Self {
        Self {
            ticket: begun.ticket.expose_secret().to_owned(),
            options: begun.options,
        }
    }
}

/// A new passkey.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPasskeyRequest {
    /// Of the ceremony.
    #[schema(value_type = String)]
    ticket: SecretString,
    /// Name for people.
    #[schema(example = "laptop")]
    name: String,
    /// `credential.toJSON()` of what `navigator.credentials.create` gave.
    #[schema(value_type = Object)]
    credential: Value,
}

/// A passkey that was added.
#[derive(Serialize, ToSchema)]
pub struct AddedPasskey {
    /// Id of the credential, base64url.
    id: String,
}

/// A passkey's answer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeyLoginRequest {
    /// Of the ceremony.
    #[schema(value_type = String)]
    ticket: SecretString,
    /// `credential.toJSON()` of what `navigator.credentials.get` gave.
    #[schema(value_type = Object)]
    credential: Value,
    /// Where the tokens go.
    #[serde(default)]
    session: Keep,
}

/// Begin to add a passkey
#[utoipa::path(post, path = "/auth/passkeys/register/start", tag = "Auth", operation_id = "auth_passkeys_begin",
    request_body = AddPasskeyRequest,
    responses(
        (status = 200, description = "for the browser", body = PasskeyCeremony),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1008, CO1010 or CO1004", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1017", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
        (status = 429, description = "CO1005", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn begin(
    State(api): State<Api>,
    InPerson { actor, .. }: InPerson,
    peer: Peer,
    Body(request): Body<AddPasskeyRequest>,
) -> Result<Json<PasskeyCeremony>, Problem> {
    let user = confirm::password_if_any(&api, &actor, &peer, request.password).await?;
    let begun = passkey::begin_adding(&api, &peer, &user).await?;
    Ok(Json(begun.into()))
}

/// Add a passkey
#[utoipa::path(post, path = "/auth/passkeys/register/finish", tag = "Auth", operation_id = "auth_passkeys_add",
    request_body = NewPasskeyRequest,
    responses(
        (status = 201, description = "added", body = AddedPasskey),
        (status = 401, description = "CO1002, or CO1012: start again", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1018, CO1010 or CO1004", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1017", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn add(
    State(api): State<Api>,
    InPerson { actor, .. }: InPerson,
    peer: Peer,
    Body(request): Body<NewPasskeyRequest>,
) -> Result<(StatusCode, Json<AddedPasskey>), Problem> {
    let NewPasskeyRequest {
        ticket,
        name,
        credential,
    } = request;
    let by = actor.by();
    let id = passkey::add(&api, &peer, &by, actor.user, &ticket, &name, &credential).await?;
    Ok((StatusCode::CREATED, Json(AddedPasskey { id })))
}

/// Remove a passkey of mine
#[utoipa::path(delete, path = "/auth/passkeys/{id}", tag = "Auth", operation_id = "auth_passkeys_remove",
    params(("id" = String, Path)),
    responses(
        (status = 204, description = "removed"),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1010 or CO1004", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1223", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn remove(
    State(api): State<Api>,
    InPerson { actor, .. }: InPerson,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let hidden = || Problem::new(Code::NoPasskey);
    if !passkey::is_id(&id) {
        return Err(hidden());
    }
    match passkey::remove(&api, &actor.by(), actor.user, &id).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(hidden()),
    }
}

/// Begin to sign in with a passkey
#[utoipa::path(post, path = "/auth/passkeys/login/start", tag = "Auth", operation_id = "auth_passkeys_login_begin", security(()),
    responses(
        (status = 200, description = "for the browser", body = PasskeyCeremony),
        (status = 409, description = "CO1017", body = Document, content_type = "application/problem+json"),
        (status = 429, description = "CO1005, see Retry-After", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn begin_login(
    State(api): State<Api>,
    peer: Peer,
) -> Result<Json<PasskeyCeremony>, Problem> {
    api.throttle()
        .ceremony(peer.address, api.clock().now())
        .map_err(too_many)?;
    let begun = passkey::begin_login(&api, &peer).await?;
    Ok(Json(begun.into()))
}

/// Sign in with a passkey
#[utoipa::path(post, path = "/auth/passkeys/login/finish", tag = "Auth", operation_id = "auth_passkeys_login", security(()),
    request_body = PasskeyLoginRequest,
    responses(
        (status = 200, description = "signed in", body = Session),
        (status = 401, description = "CO1012: start again", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1018 or CO1004", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1017", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn login(
    State(api): State<Api>,
    peer: Peer,
    opening: Opening,
    Body(request): Body<PasskeyLoginRequest>,
) -> Result<Response, Problem> {
    peer.may_receive_cookies(request.session)?;
    let user = passkey::who(&api, &peer, &request.ticket, &request.credential).await;
    let user = user.inspect_err(|problem| {
        if problem.code() == Code::PasskeyRefused {
            door::failed(&api, &peer, None, None, Method::Passkey, "wrong_passkey");
        }
    })?;
    let user = api.store().user(user).await?;
    let user = user.ok_or(Problem::new(Code::PasskeyRefused))?;
    door::open(
        &api,
        user,
        Method::Passkey,
        &opening,
        request.session,
        StatusCode::OK,
    )
    .await
}
