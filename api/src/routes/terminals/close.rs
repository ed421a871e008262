//! `DELETE /servers/{id}/terminals/{session}`: ends a terminal and all that runs in it.

use axum::{extract::State, http::StatusCode};
use bytes::Bytes;
use chatops_projections::TERMINALS;
use chatops_schemas::{
    event::terminal::TerminalEnd,
    ids::{CommandId, ServerId},
    session::Control,
    subject::{self, Way},
};

use super::theirs;
use crate::{
    access::Action,
    auth::actor::Actor,
    extract::Path,
    problem::{Document, Problem},
    state::Api,
    terminal::aggregate::{self, End},
    written::Written,
};

/// End a terminal
///
/// Whoever opened it, or manages the server. One that is over already stays so.
#[utoipa::path(delete, path = "/servers/{id}/terminals/{session}", tag = "Terminals", operation_id = "terminals_close",
    params(("id" = String, Path), ("session" = uuid::Uuid, Path)),
    responses(
        (status = 204, description = "it is over"),
        (status = 202, description = "stored, not visible yet", body = crate::written::Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201, CO1421", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Path((id, session)): Path<(ServerId, CommandId)>,
) -> Result<Written<()>, Problem> {
    theirs(&api, &actor, &id, session, Action::OpenTerminal).await?;
    let done = Written::Row(StatusCode::NO_CONTENT, ());
    let Some(opened) = aggregate::find(&api, &id, session).await? else {
        return Ok(done);
    };
    if let Ok(close) = Control::Close.encode() {
        let ctl = subject::io(&id, session, Way::Ctl);
        let said = api.bus().publish_core(&ctl, None, &[], Bytes::from(close));
        said.await.map_err(|error| {
            tracing::warn!(%error, "a host could not be told to end a terminal");
            Problem::new(crate::code::Code::StreamsDown).retry_after(2)
        })?;
    }
    let end = End::of(TerminalEnd::Closed);
    let closed = aggregate::close(&api, &actor.by(), &id, session, opened.seq, &end).await?;
    let Some(seq) = closed else {
        return Ok(done);
    };
    let patience = api.config().read_your_writes;
    match api.progress().wait_until(TERMINALS, seq, patience).await? {
        true => Ok(done),
        false => Ok(Written::Pending(seq)),
    }
}
