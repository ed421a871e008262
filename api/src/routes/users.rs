//! `/users`: all accounts, for those who decide about people.

mod owners;

use axum::{Json, extract::State, http::StatusCode};
use chatops_projections::view::{self, UserQuery};
use chatops_schemas::{
    event::{
        ctl,
        people::{UserDeactivated, UserReactivated, UserRoleChanged},
    },
    ids::UserId,
    subject::Entity,
};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    access::{self, Action},
    auth::{
        account::{self, Way},
        actor::Actor,
        door, secret,
    },
    body::user::{Role, User},
    code::Code,
    decide::register_user,
    extract::{Body, Path, Query},
    problem::{Document, Problem},
    state::Api,
    written::{self, Appended, Pending, Written},
};

const DEFAULT_LIMIT: u32 = 100;
const MAX_LIMIT: u32 = 1_000;

/// Which accounts.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListUsers {
    /// Part of the sign-in name, the full name or the address.
    #[param(nullable = false)]
    q: Option<String>,
    /// Most accounts in the answer; 100 when absent.
    #[param(nullable = false, minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// `next` of the page before.
    #[param(nullable = false)]
    after: Option<String>,
}

/// A page of accounts.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserList {
    /// In order of their names.
    users: Vec<User>,
    /// Give it as `after` to get what follows; `null`: this was the end.
    #[schema(required)]
    next: Option<String>,
}

/// List accounts
#[utoipa::path(get, path = "/users", tag = "People", operation_id = "users_list", params(ListUsers),
    responses(
        (status = 200, description = "a page of accounts", body = UserList),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn list(
    State(api): State<Api>,
    actor: Actor,
    Query(asked): Query<ListUsers>,
) -> Result<Json<UserList>, Problem> {
    access::may(&actor, Action::SeeUsers)?;
    let limit = asked.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::field("limit", "must be between 1 and 1000"));
    }
    let query = UserQuery {
        q: asked.q.map(|q| q.chars().take(256).collect()),
        after: asked.after,
        limit,
    };
    let page = api.store().users(&query).await?;
    Ok(Json(UserList {
        users: page.items.into_iter().map(User::from).collect(),
        next: page.next,
    }))
}

/// A new account, made for somebody.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateUserRequest {
    /// 2 to 64 letters (a-z), digits, '.', '_' and '-'.
    #[schema(example = "grace")]
    username: String,
    /// Also good for signing in.
    email: Option<String>,
    /// Name for people.
    full_name: Option<String>,
    /// What they may do.
    role: Role,
}

/// An account with its first password, for the only time.
#[derive(Serialize, ToSchema)]
pub struct CreatedUser {
    /// The account.
    user: User,
    /// Made at random. Give it to the person: it cannot be shown again.
    password: String,
}

/// Make an account for somebody
#[utoipa::path(post, path = "/users", tag = "People", operation_id = "users_create",
    request_body = CreateUserRequest,
    responses(
        (status = 201, description = "the account, with its password for the only time", body = CreatedUser),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1205: the name or address is taken", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn create(
    State(api): State<Api>,
    actor: Actor,
    Body(request): Body<CreateUserRequest>,
) -> Result<(StatusCode, Json<CreatedUser>), Problem> {
    let role = ctl::Role::from(request.role);
    access::may_with_account(&actor, Action::ManageUsers, role, "")?;
    let password = secret::token()?;
    let user = UserId(api.ids().next());
    let command = register_user::Command {
        username: &request.username,
        email: request.email.as_deref(),
        full_name: request.full_name.as_deref(),
        password: password.expose_secret(),
        password_confirm: None,
    };
    let made = register_user::decide(command, user, role)?;
    let now = api.clock().now();
    let by = actor.by();
    let seq = account::make(&api, &by, made.clone(), password.clone(), Way::Free).await?;
    let row = match written::visible(&api, seq).await? {
        true => api.store().user(user).await?,
        false => None,
    };
    // Also when the row is late: the password must not be lost.
    let row = row.unwrap_or(view::User {
        id: user,
        username: made.username,
        email: made.email,
        full_name: made.full_name,
        role,
        active: true,
        created_at: now,
        ctl_seq: seq,
    });
    let user = User::from(row);
    let password = password.expose_secret().to_owned();
    Ok((StatusCode::CREATED, Json(CreatedUser { user, password })))
}

/// Show an account
#[utoipa::path(get, path = "/users/{id}", tag = "People", operation_id = "users_show",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "the account", body = User),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1240", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn show(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<UserId>,
) -> Result<Json<User>, Problem> {
    access::may(&actor, Action::SeeUsers)?;
    let user = api.store().user(id).await?;
    Ok(Json(user.ok_or(Problem::new(Code::NoUser))?.into()))
}

/// What to change; what is absent stays.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeUserRequest {
    /// What they may do.
    #[schema(nullable = false)]
    role: Option<Role>,
    /// Switched off, the account has no sessions and can do nothing.
    #[schema(nullable = false)]
    active: Option<bool>,
}

/// Change what an account may do
///
/// Sockets and sessions of an account that is switched off end at once.
#[utoipa::path(patch, path = "/users/{id}", tag = "People", operation_id = "users_change",
    params(("id" = uuid::Uuid, Path)),
    request_body = ChangeUserRequest,
    responses(
        (status = 200, description = "the account", body = User),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1240", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1206, or CO1244: the last owner", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn change(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<UserId>,
    Body(request): Body<ChangeUserRequest>,
) -> Result<Written<Json<User>>, Problem> {
    access::may(&actor, Action::ManageUsers)?;
    let mut seq = 0;
    if let Some(role) = request.role {
        seq = seq.max(change_role(&api, &actor, id, role.into()).await?);
    }
    if let Some(active) = request.active {
        seq = seq.max(switch(&api, &actor, id, active).await?);
    }
    if !written::visible(&api, seq).await? {
        return Ok(Written::Pending(seq));
    }
    let now = api.store().user(id).await?;
    let now = now.ok_or(Problem::new(Code::NoUser))?;
    Ok(Written::Row(StatusCode::OK, Json(now.into())))
}

/// The account as it is, if this person may decide about it.
async fn find(api: &Api, actor: &Actor, id: UserId) -> Result<view::User, Problem> {
    let user = api.store().user(id).await?;
    let user = user.ok_or(Problem::new(Code::NoUser))?;
    access::may_with_account(actor, Action::ManageUsers, user.role, &id.to_string())?;
    Ok(user)
}

/// The position of the change; 0 when there is nothing to change.
async fn change_role(
    api: &Api,
    actor: &Actor,
    id: UserId,
    role: ctl::Role,
) -> Result<u64, Problem> {
    access::may_with_account(actor, Action::ManageUsers, role, &id.to_string())?;
    for _ in 0..written::ATTEMPTS {
        let now = find(api, actor, id).await?;
        if now.role == role {
            return Ok(0);
        }
        let kept = owners::keep_one(api, &now).await?;
        let event = written::event(api, &actor.by(), UserRoleChanged { user: id, role });
        let appended =
            written::append(api, Entity::User, &id.to_string(), now.ctl_seq, &event).await;
        drop(kept);
        match appended? {
            Appended::At(seq) => {
                api.sessions().forget_all_of(id);
                return Ok(seq);
            }
            Appended::Conflict => {
                written::visible_now(api, Entity::User, &id.to_string()).await?;
            }
        }
    }
    Err(Problem::new(Code::Conflict))
}

/// As [`change_role`], for the switch.
async fn switch(api: &Api, actor: &Actor, id: UserId, active: bool) -> Result<u64, Problem> {
    let (name, by) = (id.to_string(), actor.by());
    for _ in 0..written::ATTEMPTS {
        let now = find(api, actor, id).await?;
        if now.active == active {
            return Ok(0);
        }
        let appended = if active {
            let event = written::event(api, &by, UserReactivated { user: id });
            written::append(api, Entity::User, &name, now.ctl_seq, &event).await
        } else {
            let kept = owners::keep_one(api, &now).await?;
            let event = written::event(api, &by, UserDeactivated { user: id });
            let appended = written::append(api, Entity::User, &name, now.ctl_seq, &event).await;
            drop(kept);
            appended
        };
        match appended? {
            Appended::At(seq) => {
                api.sessions().forget_all_of(id);
                if !active {
                    // The account is off whatever becomes of this; open sockets hear of it by the event.
                    let sessions = api.sessions().end_all(id, None).await?;
                    door::ended(api, &by, id, sessions, "deactivated").await;
                }
                return Ok(seq);
            }
            Appended::Conflict => {
                written::visible_now(api, Entity::User, &name).await?;
            }
        }
    }
    Err(Problem::new(Code::Conflict))
}
