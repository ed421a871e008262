//! `POST /auth/register`: makes an account and signs it in. The first account becomes the owner.
//!
//! Order: name, address (each claimed in the stream), password into the vault, the account's event. A crash in between
//! leaves claims and a hash that belong to nobody; such claims can be taken over after two minutes.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use chatops_schemas::{
    event::ctl::{Role, UserRegistered},
    ids::UserId,
    subject::Entity,
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    auth::{api_key::too_many, door, name, session::Opening, setup},
    body::session::{Keep, Method, Session},
    code::Code,
    config,
    decide::register_user,
    extract::Body,
    peer::Peer,
    problem::{Document, Problem},
    state::Api,
    written::{self, Appended, By, Pending, Written},
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
    /// Where the tokens go.
    #[serde(default)]
    session: Keep,
}

/// Make an account and sign in
///
/// The first account needs the set-up token that the server printed, and becomes the owner. Later accounts are operators:
/// they see the servers that they add.
#[utoipa::path(post, path = "/auth/register", tag = "Auth", operation_id = "auth_register", security(()),
    request_body = RegisterRequest,
    responses(
        (status = 201, description = "signed in", body = Session),
        (status = 202, description = "stored; sign in in a moment", body = Pending),
        (status = 403, description = "CO1006, CO1007 or CO1004", body = Document, content_type = "application/problem+json"),
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
    let role = role(&api, &peer, request.setup_token.as_ref()).await?;
    let command = register_user::Command {
        username: &request.username,
        email: request.email.as_deref(),
        full_name: request.full_name.as_deref(),
        password: request.password.expose_secret(),
        password_confirm: request
            .password_confirm
            .as_ref()
            .map(ExposeSecret::expose_secret),
    };
    let account = register_user::decide(command, user, role)?;
    let seq = store(
        &api,
        &By::user(user, peer.address),
        account,
        request.password,
    )
    .await?;
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

/// What the new account will be, if it may be made at all.
async fn role(api: &Api, peer: &Peer, token: Option<&SecretString>) -> Result<Role, Problem> {
    let now = api.clock().now();
    if api.setup_required().await? {
        api.throttle()
            .attempt(peer.address, setup::ACCOUNT, now)
            .map_err(too_many)?;
        if !setup::token_matches(api, token).await? {
            return Err(Problem::new(Code::SetupToken));
        }
        api.throttle().succeeded(peer.address, setup::ACCOUNT);
        return Ok(Role::Owner);
    }
    match api.config().registration {
        config::Registration::Open => {
            api.throttle()
                .register(peer.address, now)
                .map_err(too_many)?;
            Ok(Role::Operator)
        }
        config::Registration::Closed => Err(Problem::new(Code::RegistrationClosed)),
    }
}

/// Claims the names, keeps the password, appends the event. What was claimed is given back when a later step is refused.
async fn store(
    api: &Api,
    by: &By,
    account: UserRegistered,
    password: SecretString,
) -> Result<u64, Problem> {
    let user = account.user;
    let owner = account.role == Role::Owner;
    let phc = api.passwords().hash(password).await?;
    let names = [
        ("username", Some(account.username.clone())),
        ("email", account.email.clone()),
    ];
    let mut claimed = Vec::new();
    let stored = async {
        if owner && !setup::claim(api, by, user).await? {
            return Err(
                Problem::new(Code::SetupToken).detail("Somebody else has just become the owner.")
            );
        }
        for (field, name) in names {
            let Some(name) = name else { continue };
            if !name::claim(api, by, &name, user).await? {
                return Err(Problem::new(Code::NameTaken).and_field(field, "is taken"));
            }
            claimed.push(name);
        }
        api.store()
            .set_password(user, &phc.into(), api.clock().now())
            .await?;
        let event = written::event(api, by, account);
        match written::append(api, Entity::User, &user.to_string(), 0, &event).await? {
            Appended::At(seq) => Ok(seq),
            // The id is fresh: nobody else can have used it.
            Appended::Conflict => Err(Problem::new(Code::Conflict)),
        }
    };
    let stored = stored.await;
    match &stored {
        Ok(_) if owner => setup::done(api).await?,
        Ok(_) => {}
        // When nobody knows whether the event is stored, the names stay claimed: they may be the account's.
        Err(problem) if problem.code() == Code::StreamsDown => {}
        Err(_) => {
            for name in &claimed {
                name::release(api, by, name, user).await;
            }
            if owner {
                setup::release(api, by, user).await;
            }
            api.store().forget_password(user).await?;
        }
    }
    stored
}
