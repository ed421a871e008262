//! `GET /servers/{id}/terminals`: terminals that are and were open, the newest first.

use axum::{Json, extract::State};
use chatops_projections::{TerminalQuery, view};
use chatops_schemas::ids::{CommandId, ServerId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    access::{self, Action},
    auth::actor::Actor,
    body::moment::Moment,
    code::Code,
    extract::{Path, Query},
    problem::{Document, Problem},
    state::Api,
};

/// Which terminals.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListTerminals {
    /// Only open ones, or only those that are over.
    #[param(nullable = false)]
    open: Option<bool>,
    /// Only one's own.
    #[param(nullable = false)]
    mine: Option<bool>,
    /// Most terminals in the answer; 50 when absent.
    #[param(nullable = false, minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next` of the page before.
    #[param(nullable = false)]
    after: Option<String>,
}

/// A terminal.
#[derive(Debug, Serialize, ToSchema)]
pub struct Terminal {
    /// Its session.
    #[schema(value_type = uuid::Uuid)]
    session: CommandId,
    /// Who opened it.
    #[schema(value_type = Option<uuid::Uuid>, required)]
    user: Option<UserId>,
    /// Their name.
    #[schema(required)]
    user_name: Option<String>,
    /// Whether that is you: only then you can go on with it.
    mine: bool,
    /// In this container instead of on the host.
    #[schema(required)]
    container: Option<String>,
    /// The shell that was asked for.
    #[schema(required)]
    shell: Option<String>,
    /// Whether what it shows is or was recorded.
    recorded: bool,
    /// When it was opened.
    opened_at: Moment,
    /// When it ended; `null`: it is open.
    #[schema(required)]
    closed_at: Option<Moment>,
    /// Why it ended: `exited`, `closed`, `idle`, `abandoned`, `agent_stopped`, `refused`, `revoked`, `failed`.
    #[schema(required)]
    reason: Option<String>,
    /// Exit code of the shell, if it ended by itself.
    #[schema(required)]
    exit_code: Option<i32>,
    /// In words.
    #[schema(required)]
    message: Option<String>,
    /// Its recording, as long as it is kept.
    #[schema(required)]
    recording: Option<Recording>,
}

/// A recording.
#[derive(Debug, Serialize, ToSchema)]
pub struct Recording {
    /// Seconds.
    duration_s: f64,
    /// Bytes of output.
    bytes: u64,
    /// Whether something is missing.
    cut: bool,
}

impl Terminal {
    /// As this person sees it.
    pub fn of(terminal: view::TerminalSession, me: UserId) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "hours in milliseconds")]
        let recording = terminal.recording.map(|recording| Recording {
            duration_s: recording.duration_ms as f64 / 1000.0,
            bytes: recording.bytes,
            cut: recording.cut,
        });
        Self {
            session: terminal.session,
            mine: terminal.user == Some(me),
            user: terminal.user,
            user_name: terminal.user_name,
            container: terminal.container,
            shell: terminal.shell,
            recorded: terminal.recorded,
            opened_at: terminal.opened_at.into(),
            closed_at: terminal.closed_at.map(Moment::from),
            reason: terminal.reason,
            exit_code: terminal.exit_code,
            message: terminal.message,
            recording,
        }
    }
}

/// A page of terminals.
#[derive(Debug, Serialize, ToSchema)]
pub struct TerminalList {
    /// The newest first.
    terminals: Vec<Terminal>,
    /// Give it as `after` to get what follows; `null`: this was the end.
    #[schema(required)]
    next: Option<String>,
}

/// List a server's terminals
///
/// One's own; who manages the server sees everybody's.
#[utoipa::path(get, path = "/servers/{id}/terminals", tag = "Terminals", operation_id = "terminals_list",
    params(("id" = String, Path), ListTerminals),
    responses(
        (status = 200, description = "a page of terminals", body = TerminalList),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<ServerId>,
    Query(asked): Query<ListTerminals>,
) -> Result<Json<TerminalList>, Problem> {
    access::server(&api, &actor, &id, Action::SeeServer).await?;
    let limit = asked.limit.unwrap_or(50);
    if !(1..=200).contains(&limit) {
        return Err(Problem::field("limit", "must be between 1 and 200"));
    }
    let after: Option<CommandId> = match asked.after.as_deref() {
        None | Some("") => None,
        Some(text) => Some(
            text.parse()
                .map_err(|_| Problem::field("after", "is not the next of a page before"))?,
        ),
    };
    let mine = asked.mine.unwrap_or_default() || !manages(&api, &actor, &id).await?;
    let query = TerminalQuery {
        server: Some(id),
        user: mine.then_some(actor.user),
        session: None,
        open: asked.open,
    };
    let page = api.store().terminals(&query, after, limit).await?;
    let terminals = page.items.into_iter();
    Ok(Json(TerminalList {
        terminals: terminals
            .map(|terminal| Terminal::of(terminal, actor.user))
            .collect(),
        next: page.next,
    }))
}

/// Whether this person sees everybody's. Nothing is refused here, so the audit hears nothing.
async fn manages(api: &Api, actor: &Actor, server: &ServerId) -> Result<bool, Problem> {
    match access::server(api, actor, server, Action::ChangeServer).await {
        Ok(_) => Ok(true),
        Err(problem) if problem.code() == Code::Forbidden => Ok(false),
        Err(problem) => Err(problem),
    }
}
