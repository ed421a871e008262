//! `GET /commands/{id}/output`: what a command wrote, piece by piece, also while it runs.

use axum::{Json, extract::State};
use chatops_projections::view::OutputPiece;
use chatops_schemas::{ids::CommandId, session::Stream};
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::found;
use crate::{
    access::Action,
    auth::actor::Actor,
    body::moment::Moment,
    extract::{Path, Query},
    problem::{Document, Problem},
    state::Api,
};

/// Bytes of output in one answer, about.
const PAGE: u64 = 1 << 20;

/// Which part of it.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OutputPart {
    /// Number of the first piece; 0 when absent.
    #[param(nullable = false)]
    from: Option<u32>,
}

/// A part of the output.
#[derive(Debug, Serialize, ToSchema)]
pub struct CommandOutput {
    /// In the order in which they were written.
    pieces: Vec<Piece>,
    /// Give it as `from` to get what follows.
    next: u32,
    /// There is more already.
    more: bool,
}

/// A piece.
#[derive(Debug, Serialize, ToSchema)]
pub struct Piece {
    /// Counts the pieces of both streams, from 0.
    pub(crate) n: u32,
    /// `stdout` or `stderr`.
    stream: &'static str,
    /// Bytes of this stream before it.
    off: u64,
    /// The bytes, base64: a piece may end in the middle of a character.
    data: String,
    /// When it was stored.
    at: Moment,
}

impl From<OutputPiece> for Piece {
    fn from(piece: OutputPiece) -> Self {
        Self {
            n: piece.n,
            stream: match piece.stream {
                Stream::Stdout => "stdout",
                Stream::Stderr => "stderr",
            },
            off: piece.off,
            data: BASE64.encode(&piece.data),
            at: piece.at.into(),
        }
    }
}

/// Show the output of a command
#[utoipa::path(get, path = "/commands/{id}/output", tag = "Commands", operation_id = "commands_output",
    params(("id" = Uuid, Path), OutputPart),
    responses(
        (status = 200, description = "a part of the output", body = CommandOutput),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1410", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<CommandId>,
    Query(part): Query<OutputPart>,
) -> Result<Json<CommandOutput>, Problem> {
    let (command, _) = found(&api, &actor, id, Action::SeeCommands).await?;
    let from = part.from.unwrap_or(0);
    let pieces = api
        .store()
        .command_output(&command.server, id, from, PAGE)
        .await?;
    let next = pieces
        .last()
        .map_or(from, |piece| piece.n.saturating_add(1));
    let bytes: usize = pieces.iter().map(|piece| piece.data.len()).sum();
    Ok(Json(CommandOutput {
        pieces: pieces.into_iter().map(Piece::from).collect(),
        next,
        more: bytes as u64 >= PAGE,
    }))
}
