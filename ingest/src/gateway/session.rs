//! One agent's WebSocket as a state machine without sockets: messages in, effects out.
//! [`socket`](super::socket) performs the effects.

use chatops_schemas::{
    clock::{IdSource, Timestamp},
    ids::ServerId,
    subject,
    wire::{AgentFrame, MetricsData, ServerFrame},
};
use uuid::Uuid;

use super::{
    executor::Answer,
    frame::{self, Encoding, Rejected, UNKNOWN_TYPE},
    rates::Rates,
    reading::{self, Circumstances, Outgoing},
};
use crate::{
    api_key::ApiKey,
    keyring::{Admitted, Refusal},
};

/// The peer broke a rule.
pub(super) const POLICY: u16 = 1008;
/// Not the peer's fault: come back.
pub(super) const TRY_AGAIN: u16 = 1013;

/// What the shell has to do, in this order.
#[derive(Debug)]
pub(super) enum Effect {
    /// Have the key judged, then call [`Session::admitted`] or [`Session::refused`].
    Check(ApiKey),
    /// Send a frame.
    Send(ServerFrame),
    /// Store an event; when a receipt is due, call [`Session::stored`] or [`Session::not_stored`] with it.
    Store {
        event: Outgoing,
        receipt: Option<Uuid>,
    },
    /// A command is over, as the agent says.
    Over(Answer),
    /// Close with this code and reason, and end.
    Close(u16, &'static str),
}

/// Who is on the other end.
#[derive(Debug)]
enum Peer {
    Stranger,
    Agent(ServerId),
}

/// The machine.
#[derive(Debug)]
pub(super) struct Session {
    peer: Peer,
    encoding: Encoding,
    /// Bad frames not yet made up for by good ones.
    bad: u32,
    most_bad: u32,
    rates: Rates,
}

impl Session {
    /// Of a socket that has just been opened.
    pub(super) fn new(most_bad: u32) -> Self {
        Self {
            peer: Peer::Stranger,
            encoding: Encoding::default(),
            bad: 0,
            most_bad,
            rates: Rates::default(),
        }
    }

    /// How to write to the peer: as it wrote last.
    pub(super) fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// A text or binary message came.
    pub(super) fn message(
        &mut self,
        encoding: Encoding,
        bytes: &[u8],
        now: Timestamp,
        ids: &dyn IdSource,
    ) -> Vec<Effect> {
        self.encoding = encoding;
        let frame = frame::decode(encoding, bytes);
        match &self.peer {
            Peer::Stranger => stranger(frame),
            Peer::Agent(server) => {
                let server = server.clone();
                match frame.and_then(|frame| self.agent(&server, frame, now, ids)) {
                    Ok(effects) => effects,
                    Err(rejected) => self.reject(rejected),
                }
            }
        }
    }

    fn agent(
        &mut self,
        server: &ServerId,
        frame: AgentFrame,
        now: Timestamp,
        ids: &dyn IdSource,
    ) -> Result<Vec<Effect>, Rejected> {
        let store = |event: Outgoing, receipt| vec![Effect::Store { event, receipt }];
        let effects = match frame {
            AgentFrame::Auth { .. } => {
                return Ok(vec![Effect::Close(POLICY, "already authenticated")]);
            }
            AgentFrame::Hello { data } => {
                let event = reading::fact(server, subject::HELLO, data, now, ids)?;
                store(event, None)
            }
            AgentFrame::Metrics {
                id,
                timestamp,
                boot,
                n,
                data,
            } => {
                let original = matches!(data, MetricsData::Original(_));
                let mut sample = data.into_sample();
                if original {
                    self.rates.fill(timestamp.unwrap_or(now), &mut sample);
                }
                let with = Circumstances {
                    id,
                    timestamp,
                    boot,
                    n,
                };
                let event = reading::sample(server, with, sample, now, ids)?;
                let receipt = event.id.0;
                store(event, Some(receipt))
            }
            AgentFrame::CommandResponse(answer) => vec![Effect::Over(Answer::Command(answer))],
            AgentFrame::DockerResponse(answer) => vec![Effect::Over(Answer::Docker(answer))],
            AgentFrame::Ping => vec![Effect::Send(ServerFrame::Pong)],
            AgentFrame::Pong => Vec::new(),
        };
        self.bad = self.bad.saturating_sub(1);
        Ok(effects)
    }

    fn reject(&mut self, rejected: Rejected) -> Vec<Effect> {
        crate::metrics::frame(rejected.code);
        // A newer agent may speak of things this server has never heard of; that is no offence.
        if rejected.code != UNKNOWN_TYPE {
            self.bad += 1;
        }
        let mut effects = vec![Effect::Send(error(
            rejected.code,
            rejected.message,
            rejected.id,
        ))];
        if self.bad > self.most_bad {
            effects.push(Effect::Close(POLICY, "too many bad frames"));
        }
        effects
    }

    /// The key is good.
    pub(super) fn admitted(&mut self, admitted: &Admitted, now: Timestamp) -> Vec<Effect> {
        self.peer = Peer::Agent(admitted.server.clone());
        vec![Effect::Send(ServerFrame::AuthSuccess {
            server_id: admitted.server.clone(),
            message: format!("connected as {}", admitted.name),
            interval_ms: admitted.interval_ms,
            server_time: now,
        })]
    }

    /// The key is not good, or nobody can say.
    pub(super) fn refused(&self, refusal: &Refusal) -> Vec<Effect> {
        let (code, message, close, reason) = match refusal {
            // Wrong and unknown look alike: a stranger does not learn which key ids exist.
            Refusal::Unknown => wrong_key(),
            Refusal::Known { reason, .. } => match reason {
                crate::keyring::Reason::WrongSecret => wrong_key(),
                reason => (
                    reason.as_str(),
                    "this API key does not work any more: make a new one for the server",
                    POLICY,
                    reason.as_str(),
                ),
            },
            Refusal::Unavailable(_) => (
                "directory_unavailable",
                "keys cannot be checked at the moment: try again",
                TRY_AGAIN,
                "try again",
            ),
        };
        vec![
            Effect::Send(error(code, message, None)),
            Effect::Close(close, reason),
        ]
    }

    /// Others of its kind have failed too often.
    pub(super) fn too_many_attempts(&self) -> Vec<Effect> {
        vec![
            Effect::Send(error(
                "too_many_attempts",
                "too many attempts failed from this address: try again later",
                None,
            )),
            Effect::Close(TRY_AGAIN, "too many attempts"),
        ]
    }

    /// An answer to a command that is not running.
    pub(super) fn not_running(&mut self) -> Vec<Effect> {
        self.reject(Rejected::new(
            "unknown_command",
            "no such command is running on this connection",
        ))
    }

    /// A reading is in the stream.
    pub(super) fn stored(&self, id: Uuid, seq: u64) -> Effect {
        crate::metrics::frame("stored");
        Effect::Send(ServerFrame::MetricsReceived { id, seq })
    }

    /// An event is not known to be in the stream: the agent keeps it and sends it again, under the same id.
    pub(super) fn not_stored(&self, receipt: Option<Uuid>) -> Effect {
        crate::metrics::frame("not_stored");
        Effect::Send(error(
            "not_stored",
            "the stream did not answer: send it again with the same id",
            receipt,
        ))
    }
}

fn stranger(frame: Result<AgentFrame, Rejected>) -> Vec<Effect> {
    let refuse = |message: String| {
        vec![
            Effect::Send(error("unauthenticated", message, None)),
            Effect::Close(POLICY, "authenticate first"),
        ]
    };
    match frame {
        Ok(AgentFrame::Auth { api_key }) => match ApiKey::parse(&api_key) {
            Ok(key) => vec![Effect::Check(key)],
            Err(not) => refuse(not.to_string()),
        },
        Ok(_) => refuse("the first frame must be auth".into()),
        Err(rejected) => refuse(rejected.message),
    }
}

const fn wrong_key() -> (&'static str, &'static str, u16, &'static str) {
    (
        "wrong_key",
        "this API key is not known",
        POLICY,
        "wrong key",
    )
}

fn error(code: &'static str, message: impl Into<String>, id: Option<Uuid>) -> ServerFrame {
    ServerFrame::Error {
        code: code.into(),
        message: message.into(),
        id,
    }
}

#[cfg(test)]
mod tests;
