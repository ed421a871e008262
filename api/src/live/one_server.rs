//! The conversation of `/api/v1/ws/metrics/{server_id}`: the samples of one server, one message each.
//!
//! `auth` (token, `resume`) → `auth_success` → what was missed → `metrics` … A client that falls far behind gets the newest
//! sample only, with the number of those left out.

use std::convert::Infallible;

use axum::extract::ws::Utf8Bytes;
use chatops_schemas::ids::ServerId;
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tokio::time::sleep_until;

use super::{
    close::Close,
    item::{Item, Kind},
    replay::{ReplayError, Samples},
    ring::Unseen,
    socket::{authorise, first_frame, recheck, seat},
    viewer::{Refreshed, Topic, Viewer},
    wire::{End, Wire},
};
use crate::{access::Action, auth::actor::Arrival, code::Code, state::Api};

/// Samples of one wake-up beyond which only the newest is sent.
const COMFORTABLE: usize = 64;
const TICKS: usize = 4096;

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
        /// Position up to which the client has everything.
        #[serde(default)]
        resume: Option<u64>,
    },
    /// Are you there?
    Ping,
    /// Answers a ping.
    Pong,
}

/// What we say, samples apart.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum ServerFrame<'a> {
    /// The credential is good and the server may be seen.
    AuthSuccess {
        /// The server.
        server_id: &'a ServerId,
    },
    /// Refused; the socket closes.
    Error {
        /// Stable code.
        code: &'static str,
        /// For people.
        message: &'static str,
    },
    /// What lies between the client and now cannot be given.
    Gap {
        /// First missing position.
        from: u64,
        /// Last missing position.
        to: u64,
    },
    /// Answers a ping.
    Pong,
}

fn text(frame: &ServerFrame<'_>) -> Utf8Bytes {
    serde_json::to_string(frame).unwrap_or_default().into()
}

/// Talks with a client until it ends.
pub async fn talk(
    wire: &mut Wire,
    api: &Api,
    arrival: Arrival,
    server: ServerId,
) -> Result<Infallible, End> {
    let first = first_frame(wire, api.hub().config().hello).await?;
    let (mut actor, resume) = match serde_json::from_str(&first) {
        Ok(ClientFrame::Auth { token, resume }) => {
            (arrival.actor(api, token.as_ref()).await?, resume)
        }
        Ok(_) => return Err(Close::Unauthenticated.into()),
        Err(_) => return Err(Close::BadFrame.into()),
    };
    authorise(wire, api, &actor, (&server, Action::SeeServer), refusal).await?;
    let (mut place, mut rechecks) = seat(api, &mut actor).await?;
    let mut viewer = Viewer::new(actor.subject(), &api.hub().rights());
    if !viewer.subject().active {
        return Err(Close::Unauthenticated.into());
    }
    let topic = Topic::Server(server.clone());
    let mut position = place.want(topic.clone());
    viewer.subscribe(&topic, resume.unwrap_or(position));
    wire.send(text(&ServerFrame::AuthSuccess { server_id: &server }))
        .await?;
    if let Some(from) = resume {
        replay(wire, api, &mut viewer, topic, from, position).await?;
    }
    let mut rights = place.rights_moved();
    let expiry = api.instant_of(actor.expires_at);
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
            word = rechecks.recv() => drop(recheck(api, &mut actor, word).await?),
            _ = rights.changed() => {
                let refreshed = viewer.refresh(actor.subject(), &api.hub().rights());
                match refreshed {
                    Refreshed::Same => {}
                    Refreshed::SwitchedOff => return Err(Close::Unauthenticated.into()),
                    Refreshed::Changed => authorise(wire, api, &actor, (&server, Action::SeeServer), refusal).await?,
                }
            }
            () = place.changed() => {
                let ticks = match place.take(TICKS) {
                    Unseen::Ticks(ticks) => ticks,
                    Unseen::TooOld => {
                        place.jump();
                        let to = place.position();
                        viewer.seen_up_to(to);
                        wire.send(text(&ServerFrame::Gap { from: position + 1, to })).await?;
                        position = to;
                        continue;
                    }
                };
                let seen: Vec<&Item> =
                    ticks.iter().flat_map(|tick| &tick.items).filter(|item| viewer.sees(item)).collect();
                if seen.iter().any(|item| item.kind == Kind::Server) {
                    authorise(wire, api, &actor, (&server, Action::SeeServer), refusal).await?;
                }
                if let Some((from, to)) = ticks.iter().find_map(|tick| tick.gap_from.map(|from| (from, tick.seq))) {
                    wire.send(text(&ServerFrame::Gap { from, to })).await?;
                }
                wire.send_all(messages(&seen)).await?;
                position = ticks.last().map_or(position, |tick| tick.seq);
            }
        }
    }
}

fn refusal(code: Code) -> Utf8Bytes {
    text(&ServerFrame::Error {
        code: code.as_str(),
        message: code.title(),
    })
}

async fn replay(
    wire: &mut Wire,
    api: &Api,
    viewer: &mut Viewer,
    topic: Topic,
    from: u64,
    to: u64,
) -> Result<(), End> {
    let sent = async {
        let most = api.hub().config().max_replay;
        let mut samples = Samples::open(api.bus(), vec![topic], from, to, most).await?;
        while let Some((items, _)) = samples.next(api.hub()).await? {
            let seen = items
                .iter()
                .filter(|item| viewer.sees(item))
                .filter_map(|item| message(item, 0))
                .collect();
            if let Err(end) = wire.send_all(seen).await {
                return Ok::<_, ReplayError>(Err(end));
            }
        }
        Ok(Ok(()))
    };
    match sent.await {
        Ok(sent) => sent?,
        Err(ReplayError::Gap) => {
            viewer.begin_behind(to);
            wire.send(text(&ServerFrame::Gap {
                from: from.saturating_add(1).min(to),
                to,
            }))
            .await?;
        }
        Err(error @ (ReplayError::Bus(_) | ReplayError::Store(_))) => {
            tracing::warn!(error = %crate::problem::Chain(&error), "a live client could not resume");
            return Err(Close::TryLater.into());
        }
    }
    viewer.seen_up_to(to);
    Ok(())
}

fn messages(seen: &[&Item]) -> Vec<Utf8Bytes> {
    let mut samples = seen.iter().filter(|item| item.kind == Kind::Sample);
    match samples.clone().count() {
        many if many > COMFORTABLE => samples
            .next_back()
            .and_then(|item| message(item, many - 1))
            .into_iter()
            .collect(),
        _ => samples.filter_map(|item| message(item, 0)).collect(),
    }
}

fn message(item: &Item, skipped: usize) -> Option<Utf8Bytes> {
    let (seq, at, data) = (item.seq, item.at?, item.sample_json());
    (item.kind == Kind::Sample).then(|| {
        let skipped = if skipped > 0 {
            format!(r#","skipped":{skipped}"#)
        } else {
            String::new()
        };
        format!(r#"{{"type":"metrics","seq":{seq},"timestamp":"{at}"{skipped},"data":{data}}}"#)
            .into()
    })
}
