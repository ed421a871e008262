//! The conversation of `/api/v1/ws/containers/{server_id}/{container}/logs`: the log of one container as it is written.
//!
//! `auth` (token, `tail`, `since`) → `auth_success` → `lines` … → `ended`. Those who watch the same log share one follow on
//! the host, see [`shared`](super::shared). What a client has not taken stops the reading on the host, for as long as it
//! holds up nobody else, so nothing piles up; what is missing is counted in `dropped`.

use std::convert::Infallible;

use axum::extract::ws::Utf8Bytes;
use chatops_schemas::{ids::ServerId, session::Ended};
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tokio::time::sleep_until;

use super::{
    close::Close,
    follow::Line,
    shared::{Viewer, Watched},
    socket::{authorise, first_frame, recheck, seat},
    wire::{End, Wire},
};
use crate::{
    access::Action,
    auth::actor::{Actor, Arrival},
    code::Code,
    problem::Problem,
    state::Api,
};

/// Lines of the past that a view begins with, unless it says how many.
const TAIL: u32 = 1000;
/// Most that it can ask for.
const MAX_TAIL: u32 = 500_000;

/// What a client says.
#[derive(Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum ClientFrame {
    /// First frame.
    Auth {
        /// Access token, without cookies.
        #[serde(default)]
        #[schemars(with = "Option<String>")]
        token: Option<SecretString>,
        /// Lines of the past to begin with; 1,000 when absent.
        #[serde(default)]
        tail: Option<u32>,
        /// Unix seconds to begin at.
        #[serde(default)]
        since: Option<i64>,
    },
    /// Are you there?
    Ping,
    /// Answers a ping.
    Pong,
}

/// What we say.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum ServerFrame<'a> {
    /// The credential is good and the log may be read; now the host is asked.
    AuthSuccess {
        /// The server.
        server_id: &'a ServerId,
    },
    /// Lines in their order: milliseconds since 1970, `stdout` or `stderr`, and the text.
    Lines {
        /// Each of them.
        #[schemars(with = "Vec<(Option<i64>, Option<String>, String)>")]
        lines: &'a [Line],
    },
    /// Lines are missing here.
    Dropped {
        /// How many; 0: nobody knows.
        lines: u64,
    },
    /// There is no more.
    Ended {
        /// Why.
        reason: Ended,
        /// In the host's words.
        message: Option<String>,
    },
    /// It cannot be had.
    Error {
        /// Stable code.
        code: &'static str,
        /// For people.
        message: String,
    },
    /// Answers a ping.
    Pong,
}

pub(super) fn text(frame: &ServerFrame<'_>) -> Utf8Bytes {
    serde_json::to_string(frame).unwrap_or_default().into()
}

/// Talks with a client until it ends.
pub async fn talk(
    wire: &mut Wire,
    api: &Api,
    arrival: Arrival,
    server: ServerId,
    container: String,
) -> Result<Infallible, End> {
    let first = first_frame(wire, api.hub().config().hello).await?;
    let (mut actor, tail, since) = match serde_json::from_str(&first) {
        Ok(ClientFrame::Auth { token, tail, since }) => {
            (arrival.actor(api, token.as_ref()).await?, tail, since)
        }
        Ok(_) => return Err(Close::Unauthenticated.into()),
        Err(_) => return Err(Close::BadFrame.into()),
    };
    authorise(wire, api, &actor, (&server, Action::ReadLogs), refusal).await?;
    wire.send(text(&ServerFrame::AuthSuccess { server_id: &server }))
        .await?;
    let watched = Watched {
        server,
        container,
        tail: tail.unwrap_or(TAIL).min(MAX_TAIL),
        since,
    };
    let opened = api.follows().watch(api, &actor.by(), &watched).await;
    let mut log = match opened {
        Ok(log) => log,
        Err(problem) => return Err(tell(wire, &problem).await),
    };
    relay(wire, api, &mut actor, &watched.server, &mut log).await
}

async fn relay(
    wire: &mut Wire,
    api: &Api,
    actor: &mut Actor,
    server: &ServerId,
    log: &mut Viewer,
) -> Result<Infallible, End> {
    let (place, mut rechecks) = seat(api, actor).await?;
    let mut rights = place.rights_moved();
    let expiry = api.instant_of(actor.expires_at);
    // Rights may have changed while the host was asked.
    authorise(wire, api, actor, (server, Action::ReadLogs), refusal).await?;
    let mut over = false;
    loop {
        tokio::select! {
            biased;
            () = api.stopping() => return Err(Close::GoingAway.into()),
            () = sleep_until(expiry) => return Err(Close::Unauthenticated.into()),
            said = wire.receive() => match serde_json::from_str(said?.as_str()) {
                Ok(ClientFrame::Ping) => wire.send(text(&ServerFrame::Pong)).await?,
                Ok(ClientFrame::Pong) => {}
                Ok(ClientFrame::Auth { .. }) | Err(_) => return Err(Close::BadFrame.into()),
            },
            word = rechecks.recv() => if recheck(api, actor, word).await? {
                authorise(wire, api, actor, (server, Action::ReadLogs), refusal).await?;
            },
            _ = rights.changed() => authorise(wire, api, actor, (server, Action::ReadLogs), refusal).await?,
            frame = log.next(), if !over => match frame {
                Some(frame) => wire.send(frame).await?,
                None => over = true,
            },
        }
    }
}

fn refusal(code: Code) -> Utf8Bytes {
    text(&ServerFrame::Error {
        code: code.as_str(),
        message: code.title().to_owned(),
    })
}

/// Says why, and ends.
async fn tell(wire: &mut Wire, problem: &Problem) -> End {
    let code = problem.code();
    let frame = ServerFrame::Error {
        code: code.as_str(),
        message: problem.occasion().unwrap_or(code.title()).to_owned(),
    };
    if let Err(end) = wire.send(text(&frame)).await {
        return end;
    }
    match code {
        Code::DatabaseDown | Code::StreamsDown | Code::HostBusy => Close::TryLater.into(),
        _ => Close::Forbidden.into(),
    }
}
