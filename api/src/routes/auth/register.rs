//! `POST /auth/register`: makes an account and signs it in. The first account becomes the owner.
//!
//! Order: name, address (each claimed in the stream), password into the vault, the account's event. A crash in between
//! leaves claims and a hash that belong to nobody; such claims can be taken over after two minutes.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use chatops_projections::{fold, view};
use chatops_schemas::{
    event::{ctl::Role, people::Registration},
    ids::UserId,
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    auth::{
        account::{self, Way},
        api_key::too_many,
        door, invitation,
        session::Opening,
        setup,
    },
    body::session::{Keep, Method, Session},
    code::Code,
    decide::register_user,
    extract::Body,
    peer::Peer,
    problem::{Document, Problem},
    routes::settings,
    state::Api,
    written::{self, By, Pending, Written},
};

/// A new account.
#[derive(Deserialize, ToSchema)]
pub struct RegisterRequest {
    /// 2 to 64 letters (a-z), digits, '.', '_' and '-'.
    #[schema(example = "ada")]
    username: String,
    /// Optional; also good for signing in.
    #[schema(example = "ada@example.org")]
    email: Option<String>,
    /// At least 10 characters.
    #[schema(value_type = String, format = Password)]
    password: SecretString,
    /// When given, must equal `password`.
    #[schema(value_type = Option<String>, format = Password)]
    password_confirm: Option<SecretString>,
    /// Name for people.
    full_name: Option<String>,
    /// Printed in the terminal; needed while there is no account.
    #[schema(value_type = Option<String>)]
    setup_token: Option<SecretString>,
    /// What stands behind the `#` of an invitation's link.
    #[schema(value_type = Option<String>)]
    invitation: Option<SecretString>,
    /// Where the tokens go.
    #[serde(default)]
    session: Keep,
}

/// Make an account and sign in
///
/// The first account needs the set-up token that the server printed, and becomes the owner. An account made with an
/// invitation is what the invitation says; others are operators: they see the servers that they add.
#[utoipa::path(post, path = "/auth/register", tag = "Auth", operation_id = "auth_register", security(()),
    request_body = RegisterRequest,
    responses(
        (status = 201, description = "signed in", body = Session),
        (status = 202, description = "stored; sign in in a moment", body = Pending),
        (status = 403, description = "CO1006, CO1007, CO1246 or CO1004", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1243: the invitation does not work", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1205: the name or address is taken", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
        (status = 429, description = "CO1005", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    peer: Peer,
    opening: Opening,
    Body(request): Body<RegisterRequest>,
) -> Result<Response, Problem> {
    peer.may_receive_cookies(request.session)?;
    let user = UserId(api.ids().next());
    let way = way(&api, &peer, &request).await?;
    let (role, email) = match &way {
        Way::Founder => (Role::Owner, request.email.as_deref()),
        Way::Free => (Role::Operator, request.email.as_deref()),
        Way::Invited(invitation) => (invitation.role, invited_email(invitation, &request)?),
    };
    let command = register_user::Command {
        username: &request.username,
        email,
        full_name: request.full_name.as_deref(),
        password: request.password.expose_secret(),
        password_confirm: request
            .password_confirm
            .as_ref()
            .map(ExposeSecret::expose_secret),
    };
    let account = register_user::decide(command, user, role)?;
    let by = By::user(user, peer.address);
    let seq = account::make(&api, &by, account, request.password, way).await?;
    let row = if written::visible(&api, seq).await? {
        api.store().user(user).await?
    } else {
        None
    };
    match row {
        Some(row) => {
            door::open(
                &api,
                row,
                Method::Password,
                &opening,
                request.session,
                StatusCode::CREATED,
            )
            .await
        }
        None => Ok(Written::<()>::Pending(seq).into_response()),
    }
}

/// By which right the account is made, if it may be made at all.
async fn way(api: &Api, peer: &Peer, request: &RegisterRequest) -> Result<Way, Problem> {
    let now = api.clock().now();
    if api.setup_required().await? {
        api.throttle()
            .attempt(peer.address, setup::ACCOUNT, now)
            .map_err(too_many)?;
        if !setup::token_matches(api, request.setup_token.as_ref()).await? {
            return Err(Problem::new(Code::SetupToken));
        }
        api.throttle().succeeded(peer.address, setup::ACCOUNT);
        return Ok(Way::Founder);
    }
    match (settings::registration(api).await?, &request.invitation) {
        (Registration::Closed, _) => Err(Problem::new(Code::RegistrationClosed)),
        (Registration::Open | Registration::Invite, Some(token)) => {
            let invitation = invitation::open(api, token).await?;
            Ok(Way::Invited(Box::new(invitation)))
        }
        (Registration::Invite, None) => Err(Problem::new(Code::InvitationNeeded)),
        (Registration::Open, None) => {
            api.throttle()
                .register(peer.address, now)
                .map_err(too_many)?;
            Ok(Way::Free)
        }
    }
}

/// An invitation that is for an address makes an account with that address.
fn invited_email<'a>(
    invitation: &'a view::Invitation,
    request: &'a RegisterRequest,
) -> Result<Option<&'a str>, Problem> {
    let given = request.email.as_deref().filter(|email| !email.is_empty());
    match (invitation.email.as_deref(), given) {
        (Some(meant), Some(given)) if fold(meant) != fold(given) => Err(Problem::field(
            "email",
            "must be the address that the invitation is for",
        )),
        (Some(meant), _) => Ok(Some(meant)),
        (None, given) => Ok(given),
    }
}
