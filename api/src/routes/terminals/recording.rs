//! `/servers/{id}/terminals/{session}/recording`: what a terminal showed, as a file, and its deletion. Both leave a trace.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use chatops_bus::StreamName;
use chatops_projections::TERMINALS;
use chatops_schemas::{
    event::{access::Exported, terminal::TerminalRecordingErased},
    ids::{CommandId, ServerId},
    subject,
};
use futures::stream;

use super::theirs;
use crate::{
    access::Action,
    auth::actor::Actor,
    code::Code,
    extract::Path,
    problem::{Chain, Document, Problem},
    state::Api,
    terminal::asciicast::{self, Lines},
    witness,
    written::{self, Written},
};

/// Get a terminal's recording
///
/// An asciicast v2 file: a header, then one line per piece of output or change of size. What was typed is not in it, but for
/// what the shell echoed. Whoever opened the terminal may get it, and whoever manages the server; that they did is in the
/// audit trail.
#[utoipa::path(get, path = "/servers/{id}/terminals/{session}/recording", tag = "Terminals", operation_id = "terminals_recording",
    params(("id" = String, Path), ("session" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "the recording", body = String, content_type = "application/x-asciicast"),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201, CO1421, CO1422: it was not recorded, or is not kept any more", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "CO1902", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn show(
    State(api): State<Api>,
    actor: Actor,
    Path((id, session)): Path<(ServerId, CommandId)>,
) -> Result<Response, Problem> {
    let found = theirs(&api, &actor, &id, session, Action::SeeServer).await?;
    let recording = found.recording.ok_or(Problem::new(Code::NoRecording))?;
    let seen = Exported {
        what: "terminal_recording".to_owned(),
        query: session.to_string(),
        entries: 1,
    };
    witness::must(&api, &actor.by(), seen).await?;
    let title = found.container.as_deref().unwrap_or(id.as_str());
    let header = asciicast::header(&recording, title);
    let mut response = Body::from_stream(lines(api, session, header)).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/x-asciicast"),
    );
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{session}.cast\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

/// The file, read as fast as the client takes it. A failure in the middle cuts the answer off.
fn lines(
    api: Api,
    session: CommandId,
    header: String,
) -> impl stream::Stream<Item = Result<String, std::io::Error>> {
    let start = Some((header, -1, Lines::default()));
    stream::try_unfold(start, move |step| {
        let api = api.clone();
        async move {
            let Some((mut text, after, mut lines)) = step else {
                return Ok(None);
            };
            let pieces = api.store().terminal_pieces(session, after).await;
            let pieces = pieces.map_err(|error| {
                tracing::warn!(error = %Chain(&error), "a recording was cut off");
                std::io::Error::other("the database does not answer")
            })?;
            for piece in &pieces {
                text.push_str(&lines.line(piece));
            }
            let next = pieces.last().map(|last| (String::new(), last.n, lines));
            Ok(Some((text, next)))
        }
    })
}

/// Delete a terminal's recording
///
/// For good; that it was deleted stays. Whoever manages the server may do it.
#[utoipa::path(delete, path = "/servers/{id}/terminals/{session}/recording", tag = "Terminals", operation_id = "terminals_erase_recording",
    params(("id" = String, Path), ("session" = uuid::Uuid, Path)),
    responses(
        (status = 204, description = "it is gone"),
        (status = 202, description = "stored, gone in a moment", body = crate::written::Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201, CO1421, CO1422", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1206, CO1424: the terminal is open", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn erase(
    State(api): State<Api>,
    actor: Actor,
    Path((id, session)): Path<(ServerId, CommandId)>,
) -> Result<Written<()>, Problem> {
    let found = theirs(&api, &actor, &id, session, Action::ChangeServer).await?;
    if found.recording.is_none() {
        return Err(Problem::new(Code::NoRecording));
    }
    if found.closed_at.is_none() {
        return Err(Problem::new(Code::TerminalOpen));
    }
    let erased = TerminalRecordingErased { session };
    let event = written::event_about(&api, &actor.by(), &id, erased);
    let subject = subject::command(&id, session);
    let seq = api
        .bus()
        .append(StreamName::Cmd, &subject, found.cmd_seq, &event)
        .await
        .map_err(|error| written::refused(&error))?;
    let patience = api.config().read_your_writes;
    match api.progress().wait_until(TERMINALS, seq, patience).await? {
        true => Ok(Written::Row(StatusCode::NO_CONTENT, ())),
        false => Ok(Written::Pending(seq)),
    }
}
