//! Whether terminals are recorded: `/settings/terminal` for everything, `/servers/{id}/terminal-policy` for one server.
//! A change counts for terminals that are opened after it.

use axum::{Json, extract::State, http::StatusCode};
use chatops_schemas::{event::terminal::TerminalRecordingDecided, ids::ServerId, subject::Entity};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    access::{self, Action},
    auth::actor::Actor,
    code::Code,
    extract::{Body, Path},
    problem::{Document, Problem},
    state::Api,
    terminal::is_recorded,
    written::{self, Appended, Pending, Written},
};

/// Whether terminals are recorded.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TerminalSettings {
    /// Record what terminals show, where nothing else is decided for a server.
    recorded: bool,
}

/// Whether terminals of a server are recorded.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct TerminalPolicy {
    /// What holds.
    recorded: bool,
    /// What was decided for this server; `null`: what holds for all.
    #[schema(required)]
    own: Option<bool>,
}

/// What to decide for a server.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeTerminalPolicy {
    /// Recorded or not; `null`: what holds for all.
    #[schema(required)]
    own: Option<bool>,
}

async fn all(api: &Api) -> Result<bool, Problem> {
    let decided = api.store().terminal_policy(None).await?.recorded;
    Ok(decided.unwrap_or(api.config().terminal.recorded))
}

/// Are terminals recorded?
#[utoipa::path(get, path = "/settings/terminal", tag = "Terminals", operation_id = "settings_terminal",
    responses(
        (status = 200, description = "the settings", body = TerminalSettings),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn show(State(api): State<Api>, actor: Actor) -> Result<Json<TerminalSettings>, Problem> {
    access::may(&actor, Action::ChangeSettings)?;
    let recorded = all(&api).await?;
    Ok(Json(TerminalSettings { recorded }))
}

/// Decide whether terminals are recorded
#[utoipa::path(put, path = "/settings/terminal", tag = "Terminals", operation_id = "settings_change_terminal",
    request_body = TerminalSettings,
    responses(
        (status = 200, description = "the settings", body = TerminalSettings),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1206", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn change(
    State(api): State<Api>,
    actor: Actor,
    Body(request): Body<TerminalSettings>,
) -> Result<Written<Json<TerminalSettings>>, Problem> {
    access::may(&actor, Action::ChangeSettings)?;
    Ok(
        match decide(&api, &actor, None, Some(request.recorded)).await? {
            Decided::Visible => Written::Row(StatusCode::OK, Json(request)),
            Decided::Stored(seq) => Written::Pending(seq),
        },
    )
}

/// Are terminals of this server recorded?
#[utoipa::path(get, path = "/servers/{id}/terminal-policy", tag = "Terminals", operation_id = "terminals_policy",
    params(("id" = String, Path)),
    responses(
        (status = 200, description = "the policy", body = TerminalPolicy),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn show_own(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<ServerId>,
) -> Result<Json<TerminalPolicy>, Problem> {
    access::server(&api, &actor, &id, Action::SeeServer).await?;
    Ok(Json(policy(&api, &id).await?))
}

async fn policy(api: &Api, server: &ServerId) -> Result<TerminalPolicy, Problem> {
    Ok(TerminalPolicy {
        recorded: is_recorded(api, server).await?,
        own: api.store().terminal_policy(Some(server)).await?.recorded,
    })
}

/// Decide whether terminals of this server are recorded
#[utoipa::path(put, path = "/servers/{id}/terminal-policy", tag = "Terminals", operation_id = "terminals_change_policy",
    params(("id" = String, Path)),
    request_body = ChangeTerminalPolicy,
    responses(
        (status = 200, description = "the policy", body = TerminalPolicy),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1206", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn change_own(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<ServerId>,
    Body(request): Body<ChangeTerminalPolicy>,
) -> Result<Written<Json<TerminalPolicy>>, Problem> {
    access::server(&api, &actor, &id, Action::ChangeServer).await?;
    Ok(match decide(&api, &actor, Some(&id), request.own).await? {
        Decided::Visible => Written::Row(StatusCode::OK, Json(policy(&api, &id).await?)),
        Decided::Stored(seq) => Written::Pending(seq),
    })
}

enum Decided {
    Visible,
    Stored(u64),
}

async fn decide(
    api: &Api,
    actor: &Actor,
    server: Option<&ServerId>,
    recorded: Option<bool>,
) -> Result<Decided, Problem> {
    let aggregate = TerminalRecordingDecided::aggregate(server);
    for _ in 0..written::ATTEMPTS {
        let now = api.store().terminal_policy(server).await?;
        if now.recorded == recorded {
            return Ok(Decided::Visible);
        }
        let decided = TerminalRecordingDecided {
            server: server.cloned(),
            recorded,
        };
        let event = match server {
            Some(server) => written::event_about(api, &actor.by(), server, decided),
            None => written::event(api, &actor.by(), decided),
        };
        match written::append(api, Entity::Settings, &aggregate, now.ctl_seq, &event).await? {
            Appended::At(seq) if written::visible(api, seq).await? => return Ok(Decided::Visible),
            Appended::At(seq) => return Ok(Decided::Stored(seq)),
            Appended::Conflict => {
                written::visible_now(api, Entity::Settings, &aggregate).await?;
            }
        }
    }
    Err(Problem::new(Code::Conflict))
}
