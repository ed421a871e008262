//! One agent's WebSocket as a state machine without sockets: messages in, effects out.
//! [`socket`](super::socket) performs the effects.

use chatops_schemas::{
    clock::{IdSource, Timestamp},
    ids::{CommandId, ServerId},
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
    /// Have the key judged, then call [`Session::admitted`] or [`Session::refused`]. With `orders`, the agent checks
    /// signed orders itself.
    Check { key: ApiKey, orders: bool },
    /// Send a frame.
    Send(ServerFrame),
    /// Store an event; when a receipt is due, call [`Session::stored`] or [`Session::not_stored`] with it.
    Store {
        event: Outgoing,
        receipt: Option<Receipt>,
    },
    /// A command is over, as the agent says.
    Over(Answer),
    /// Pass an answer on, or call [`Session::not_asked`].
    Answer { request: u64, data: Vec<u8> },
    /// Pass output of a session on, or call [`Session::too_many_sessions`].
    Output { session: CommandId, data: Vec<u8> },
    /// Close with this code and reason, and end.
    Close(u16, &'static str),
}

/// What an agent is told once a stream has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Receipt {
    Sample(Uuid),
    Event(Uuid),
}

impl Receipt {
    const fn id(self) -> Uuid {
        match self {
            Self::Sample(id) | Self::Event(id) => id,
        }
    }
}

/// Who is on the other end.
#[derive(Debug)]
enum Peer {
    Stranger,
    Agent { server: ServerId, orders: bool },
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
        // What orders are wrapped in cannot be written as text, whatever the peer writes in between.
        if !matches!(self.peer, Peer::Agent { orders: true, .. }) {
            self.encoding = encoding;
        }
        let frame = frame::decode(encoding, bytes);
        match &self.peer {
            Peer::Stranger => stranger(encoding, frame),
            Peer::Agent { server, orders } => {
                let (server, orders) = (server.clone(), *orders);
                match frame.and_then(|frame| self.agent(&server, orders, frame, now, ids)) {
                    Ok(effects) => effects,
                    Err(rejected) => self.reject(rejected),
                }
            }
        }
    }

    fn agent(
        &mut self,
        server: &ServerId,
        orders: bool,
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
                let receipt = Receipt::Sample(event.id.0);
                store(event, Some(receipt))
            }
            AgentFrame::Answer { .. } | AgentFrame::Output { .. } | AgentFrame::Event { .. }
                if !orders =>
            {
                return Err(Rejected::new(
                    "not_offered",
                    "this connection does not carry it: say orders in auth, in a binary frame",
                ));
            }
            AgentFrame::Answer { request, data } => vec![Effect::Answer { request, data }],
            AgentFrame::Output { session, data } => vec![Effect::Output { session, data }],
            AgentFrame::Event { id, data } => {
                let event = reading::event(server, id, data)?;
                store(event, Some(Receipt::Event(id)))
            }
            AgentFrame::CommandResponse(answer) => vec![Effect::Over(Answer::Command(answer))],
            AgentFrame::DockerResponse(answer) => vec![Effect::Over(Answer::Docker(answer))],
            AgentFrame::Ping => vec![Effect::Send(ServerFrame::Pong)],
            AgentFrame::Pong => Vec::new(),
        };
        // Whether these are good is not known yet.
        let doubtful =
            |effect: &Effect| matches!(effect, Effect::Answer { .. } | Effect::Output { .. });
        if !effects.iter().any(doubtful) {
            self.bad = self.bad.saturating_sub(1);
        }
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

    /// The key is good; `orders`: this connection carries signed orders, sessions and events.
    pub(super) fn admitted(
        &mut self,
        admitted: &Admitted,
        orders: bool,
        now: Timestamp,
    ) -> Vec<Effect> {
        self.peer = Peer::Agent {
            server: admitted.server.clone(),
            orders,
        };
        vec![Effect::Send(ServerFrame::AuthSuccess {
            server_id: admitted.server.clone(),
            message: format!("connected as {}", admitted.name),
            interval_ms: admitted.interval_ms,
            server_time: now,
            orders,
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

    /// An answer to something that was not asked on this connection, or was answered, or that came too late.
    pub(super) fn not_asked(&mut self) -> Vec<Effect> {
        self.reject(Rejected::new(
            "unknown_request",
            "nobody waits for an answer to this request on this connection",
        ))
    }

    /// Output of one session too many.
    pub(super) fn too_many_sessions(&mut self) -> Vec<Effect> {
        self.reject(Rejected::new(
            "too_many_sessions",
            "output of so many sessions at the same time is not taken",
        ))
    }

    /// An event is in the stream.
    pub(super) fn stored(&self, receipt: Receipt, seq: u64) -> Effect {
        crate::metrics::frame("stored");
        Effect::Send(match receipt {
            Receipt::Sample(id) => ServerFrame::MetricsReceived { id, seq },
            Receipt::Event(id) => ServerFrame::EventReceived { id, seq },
        })
    }

    /// An event is not known to be in the stream: the agent keeps it and sends it again, under the same id.
    pub(super) fn not_stored(&self, receipt: Option<Receipt>) -> Effect {
        crate::metrics::frame("not_stored");
        Effect::Send(error(
            "not_stored",
            "the stream did not answer: send it again with the same id",
            receipt.map(Receipt::id),
        ))
    }
}

fn stranger(encoding: Encoding, frame: Result<AgentFrame, Rejected>) -> Vec<Effect> {
    let refuse = |message: String| {
        vec![
            Effect::Send(error("unauthenticated", message, None)),
            Effect::Close(POLICY, "authenticate first"),
        ]
    };
    match frame {
        Ok(AgentFrame::Auth { api_key, orders }) => match ApiKey::parse(&api_key) {
            Ok(key) => vec![Effect::Check {
                key,
                // What orders are wrapped in cannot be written as text.
                orders: orders && encoding == Encoding::Msgpack,
            }],
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
