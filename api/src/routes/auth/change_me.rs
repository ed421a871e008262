//! `PATCH /auth/me`: changes one's own profile. A new e-mail address is claimed before, the old one released after.

use axum::{Json, extract::State, http::StatusCode};
use chatops_schemas::subject::Entity;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    auth::{
        actor::{Actor, InPerson},
        name,
    },
    body::user::User,
    code::Code,
    decide::change_profile::{self, Profile},
    extract::{self, Body},
    problem::{Document, Problem},
    state::Api,
    written::{self, Appended, Pending, Written},
};

/// What to change: absent keeps, `null` clears.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeMeRequest {
    /// E-mail address.
    #[serde(default, deserialize_with = "extract::change::field")]
    #[schema(value_type = Option<String>)]
    email: Option<Option<String>>,
    /// Name for people.
    #[serde(default, deserialize_with = "extract::change::field")]
    #[schema(value_type = Option<String>)]
    full_name: Option<Option<String>>,
}

/// Change my profile
#[utoipa::path(patch, path = "/auth/me", tag = "Auth", operation_id = "auth_change_me",
    request_body = ChangeMeRequest,
    responses(
        (status = 200, description = "the account", body = User),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1010: an API token cannot do this", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1205 or CO1206", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    InPerson { actor, .. }: InPerson,
    Body(request): Body<ChangeMeRequest>,
) -> Result<Written<Json<User>>, Problem> {
    let command = change_profile::Command {
        email: request.email,
        full_name: request.full_name,
    };
    for _ in 0..written::ATTEMPTS {
        let now = api
            .store()
            .user(actor.user)
            .await?
            .ok_or(Problem::new(Code::NotSignedIn))?;
        let profile = Profile {
            user: now.id,
            email: now.email.as_deref(),
            full_name: now.full_name.as_deref(),
        };
        let Some(change) = change_profile::decide(&profile, &command)? else {
            return Ok(Written::Row(StatusCode::OK, Json(now.into())));
        };
        let (old, new) = (now.email.clone(), change.email.clone());
        let moves = old.as_deref().map(name::subject_of) != new.as_deref().map(name::subject_of);
        let claimed = new.filter(|_| moves);
        if let Some(new) = &claimed
            && !name::claim(&api, &actor.by(), new, actor.user).await?
        {
            return Err(Problem::new(Code::NameTaken).and_field("email", "is taken"));
        }
        let event = written::event(&api, &actor.by(), change);
        match written::append(&api, Entity::User, &now.id.to_string(), now.ctl_seq, &event).await {
            Ok(Appended::At(seq)) => {
                if let Some(old) = old.filter(|_| moves) {
                    name::release(&api, &actor.by(), &old, actor.user).await;
                }
                api.sessions().forget_all_of(actor.user);
                return answer(&api, &actor, seq).await;
            }
            Ok(Appended::Conflict) => {
                give_back(&api, &actor, claimed).await;
                written::visible_now(&api, Entity::User, &now.id.to_string()).await?;
            }
            // When nobody knows whether the event is stored, the address stays claimed: it may be the account's.
            Err(problem) if problem.code() == Code::StreamsDown => return Err(problem),
            Err(problem) => {
                give_back(&api, &actor, claimed).await;
                return Err(problem);
            }
        }
    }
    Err(Problem::new(Code::Conflict))
}

async fn give_back(api: &Api, actor: &Actor, claimed: Option<String>) {
    if let Some(name) = claimed {
        name::release(api, &actor.by(), &name, actor.user).await;
    }
}

async fn answer(api: &Api, actor: &Actor, seq: u64) -> Result<Written<Json<User>>, Problem> {
    let row = if written::visible(api, seq).await? {
        api.store().user(actor.user).await?
    } else {
        None
    };
    Ok(row.map_or(Written::Pending(seq), |row| {
        Written::Row(StatusCode::OK, Json(row.into()))
    }))
}
