//! What happens on an open socket: records and their acknowledgements, orders and their answers, bytes of sessions.
//!
//! Reading never waits for writing. A gateway that has much to say and an agent that has much to say would otherwise wait
//! for each other, both with full sockets. What is to be written waits in [`Outbox`]; while that is full nothing more is
//! taken from the service, so sessions stop their programs and records stay in their spools.

use std::{
    collections::{HashMap, VecDeque},
    pin::pin,
};

use bytes::Bytes;
use chatops_schemas::{
    codec,
    envelope::Envelope,
    event::fact::AgentHello,
    order::{Refusal, RefusalCode, Reply, Verb},
    subject,
    wire::{AgentFrame, MAX_ANSWER_BYTES, MetricsData, ServerFrame},
};
use futures::{Sink, SinkExt as _, StreamExt as _, stream::FuturesUnordered};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, interval_at, timeout},
};
use tokio_tungstenite::tungstenite::{self, Message};
use uuid::Uuid;

use super::{ANSWER_WITHIN, ASK_EVERY, SILENCE, Socket, frame, receive};
use crate::{
    outbox::Lane,
    record::Record,
    transport::{Event, Io, Order, Outcome, Welcome, Wire},
};

/// Frames that wait to be written before nothing more is taken. An echo is at most so many frames late.
const WAITING: usize = 4;

/// What was sent and is not acknowledged.
#[derive(Debug)]
enum Sent {
    /// A record: which spool, its number there, and since when.
    Record(Lane, u64, Instant),
    /// The description of this host, encoded: no spool keeps it.
    Hello(Vec<u8>),
}

/// Carries out orders until the connection is gone and says why it went; `None` when the service is gone.
pub(super) async fn serve(socket: Socket, welcome: &Welcome, wire: &mut Wire) -> Option<String> {
    let (sink, mut stream) = socket.split();
    let (to, frames) = mpsc::channel(WAITING);
    let mut writing = pin!(write(sink, frames));
    let mut line = Line {
        welcome,
        out: VecDeque::new(),
        sent: HashMap::new(),
    };
    let mut answers = FuturesUnordered::new();
    let mut ask = interval_at(Instant::now() + ASK_EVERY, ASK_EVERY);
    let mut heard_at = Instant::now();
    loop {
        let room = line.out.len() < WAITING;
        let done = tokio::select! {
            reason = &mut writing => Err(reason),
            permit = to.reserve(), if !line.out.is_empty() => {
                if let (Ok(permit), Some(frame)) = (permit, line.out.pop_front()) {
                    permit.send(frame);
                }
                Ok(())
            }
            frame = receive(&mut stream) => {
                heard_at = Instant::now();
                match frame {
                    Err(reason) => Err(reason),
                    Ok(None) => Ok(()),
                    Ok(Some(frame)) => match line.heard(frame) {
                        Heard::Nothing => Ok(()),
                        Heard::Event(event) => {
                            wire.events.send(event).await.ok()?;
                            Ok(())
                        }
                        Heard::Request(request, event, answer) => {
                            answers.push(async move { (request, answer.await.ok()) });
                            wire.events.send(event).await.ok()?;
                            Ok(())
                        }
                    },
                }
            }
            Some((request, answer)) = answers.next() => match answer {
                Some(answer) => line.answer(request, answer),
                None => Ok(()),
            },
            Some(io) = wire.io.recv(), if room => line.output(io),
            order = wire.orders.recv(), if room => match order? {
                Order::Hello(data) => {
                    let event = Envelope::new(wire.ids.event_id(), wire.clock.now(), *data);
                    line.hello(event)
                }
                Order::Send { lane, number, record } => match line.record(lane, number, &record) {
                    Ok(()) => Ok(()),
                    Err(outcome) => {
                        wire.events.send(Event::Settled { lane, number, outcome }).await.ok()?;
                        Ok(())
                    }
                },
            },
            _ = ask.tick() => line.look(heard_at),
        };
        if let Err(reason) = done {
            return Some(reason);
        }
    }
}

/// Writes frames, a few at once where several wait. Ends with the reason why no more can be written.
async fn write(
    mut sink: impl Sink<Message, Error = tungstenite::Error> + Unpin,
    mut frames: mpsc::Receiver<Vec<u8>>,
) -> String {
    while let Some(frame) = frames.recv().await {
        let written = async {
            sink.feed(Message::Binary(frame.into())).await?;
            // Not all that ever come: the time counts for these.
            for _ in 1..WAITING {
                let Ok(frame) = frames.try_recv() else { break };
                sink.feed(Message::Binary(frame.into())).await?;
            }
            sink.flush().await
        };
        match timeout(ANSWER_WITHIN, written).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return error.to_string(),
            Err(_) => return "the server does not read".to_owned(),
        }
    }
    "the connection was given up".to_owned()
}

/// What a frame of the server means.
enum Heard {
    Nothing,
    Event(Event),
    Request(u64, Event, oneshot::Receiver<Bytes>),
}

struct Line<'a> {
    welcome: &'a Welcome,
    /// Encoded frames. Answers and pongs come beyond [`WAITING`]: there are never more than orders.
    out: VecDeque<Vec<u8>>,
    sent: HashMap<Uuid, Sent>,
}

impl Line<'_> {
    fn send(&mut self, frame: &AgentFrame) -> Result<(), String> {
        self.out.push_back(frame::encode(frame)?);
        Ok(())
    }

    fn heard(&mut self, frame: ServerFrame) -> Heard {
        match frame {
            ServerFrame::MetricsReceived { id, .. } | ServerFrame::EventReceived { id, .. } => {
                self.settled(id, Outcome::Stored)
            }
            ServerFrame::Error {
                code,
                message,
                id: Some(id),
            } => {
                let text = format!("{message} ({code})");
                // What is wrong with the event itself stays wrong; anything else passes.
                let outcome = if frame::IS_FINAL.contains(&code.as_str()) {
                    Outcome::Refused(text)
                } else {
                    Outcome::Unknown(text)
                };
                self.settled(id, outcome)
            }
            ServerFrame::Error {
                code,
                message,
                id: None,
            } => {
                tracing::warn!("the server refused a frame: {message} ({code})");
                Heard::Nothing
            }
            ServerFrame::Request {
                request,
                verb,
                data,
            } => {
                let Some(verb) = Verb::parse(&verb) else {
                    return Heard::Nothing;
                };
                let (answer, answered) = oneshot::channel();
                let payload = data.into();
                let event = Event::Request {
                    verb,
                    payload,
                    answer,
                };
                Heard::Request(request, event, answered)
            }
            ServerFrame::Session { session, way, data } => {
                let Some(way) = subject::Way::parse(&way) else {
                    return Heard::Nothing;
                };
                Heard::Event(Event::Io {
                    session,
                    way,
                    payload: data.into(),
                })
            }
            ServerFrame::Ping => {
                // It has a form; if it had none, the server would miss nothing but a sign of life.
                let _ = self.send(&AgentFrame::Pong);
                Heard::Nothing
            }
            // Commands in this form are for agents that know no signed orders.
            ServerFrame::AuthSuccess { .. }
            | ServerFrame::Command { .. }
            | ServerFrame::DockerCommand { .. }
            | ServerFrame::Pong => Heard::Nothing,
        }
    }

    fn settled(&mut self, id: Uuid, outcome: Outcome) -> Heard {
        match (self.sent.remove(&id), outcome) {
            (Some(Sent::Record(lane, number, _)), outcome) => Heard::Event(Event::Settled {
                lane,
                number,
                outcome,
            }),
            (Some(hello @ Sent::Hello(_)), Outcome::Unknown(reason)) => {
                tracing::warn!(
                    "the server did not take the description of this host: {reason}; trying again"
                );
                self.sent.insert(id, hello);
                Heard::Nothing
            }
            (Some(Sent::Hello(_)), Outcome::Refused(reason)) => {
                tracing::warn!("the server refuses the description of this host: {reason}");
                Heard::Nothing
            }
            (Some(Sent::Hello(_)), Outcome::Stored) | (None, _) => Heard::Nothing,
        }
    }

    fn answer(&mut self, request: u64, mut answer: Bytes) -> Result<(), String> {
        if answer.len() > MAX_ANSWER_BYTES {
            let text = format!(
                "the answer has {} bytes, at most {MAX_ANSWER_BYTES} can be sent",
                answer.len()
            );
            let refusal = Reply::Refused(Refusal::new(RefusalCode::Failed, text));
            answer = rmp_serde::to_vec_named(&refusal)
                .map_err(|error| error.to_string())?
                .into();
        }
        self.send(&AgentFrame::Answer {
            request,
            data: answer.into(),
        })
    }

    fn output(&mut self, Io { session, payload }: Io) -> Result<(), String> {
        // Where sessions are not carried nobody can have opened one.
        if !self.welcome.takes_events {
            return Ok(());
        }
        self.send(&AgentFrame::Output {
            session,
            data: payload.into(),
        })
    }

    fn hello(&mut self, event: Envelope<AgentHello>) -> Result<(), String> {
        if !self.welcome.takes_events {
            return self.send(&AgentFrame::Hello { data: event.data });
        }
        let id = event.id.0;
        let event = event.about(self.welcome.server.clone());
        let data = codec::encode(&event).map_err(|error| error.to_string())?;
        // Only the newest counts.
        self.sent.retain(|_, sent| !matches!(sent, Sent::Hello(_)));
        let frame = frame::encode(&AgentFrame::Event { id, data })?;
        self.sent.insert(id, Sent::Hello(frame.clone()));
        self.out.push_back(frame);
        Ok(())
    }

    /// Sends a record, or says what becomes of it instead.
    fn record(&mut self, lane: Lane, number: u64, record: &Bytes) -> Result<(), Outcome> {
        let refused = |error: &dyn std::fmt::Display| Outcome::Refused(error.to_string());
        let read = Record::parse(lane, record).map_err(|error| refused(&error))?;
        let (id, frame) = match lane {
            Lane::Samples => metrics(&read).map_err(|error| refused(&error))?,
            Lane::Events | Lane::Logs if self.welcome.takes_events => {
                let data = read.addressed(&self.welcome.server);
                let data = data.map_err(|error| refused(&error))?.into();
                let id = read.id.0;
                (id, AgentFrame::Event { id, data })
            }
            Lane::Events | Lane::Logs => {
                let text = "this gateway takes samples only";
                return Err(Outcome::Unknown(text.to_owned()));
            }
        };
        self.send(&frame).map_err(|error| refused(&error))?;
        self.sent
            .insert(id, Sent::Record(lane, number, Instant::now()));
        Ok(())
    }

    /// Asks for a sign of life, and gives up where none came.
    fn look(&mut self, heard_at: Instant) -> Result<(), String> {
        if heard_at.elapsed() > SILENCE {
            return Err("the server has fallen silent".to_owned());
        }
        let mut hello = None;
        for sent in self.sent.values() {
            match sent {
                Sent::Record(.., at) if at.elapsed() > SILENCE => {
                    return Err("the server does not acknowledge what it was sent".to_owned());
                }
                Sent::Record(..) => {}
                Sent::Hello(frame) => hello = Some(frame.clone()),
            }
        }
        self.out.extend(hello);
        self.send(&AgentFrame::Ping)
    }
}

fn metrics(record: &Record) -> Result<(Uuid, AgentFrame), crate::record::RecordError> {
    let envelope = record.envelope()?;
    let frame = AgentFrame::Metrics {
        id: Some(envelope.id.0),
        timestamp: Some(envelope.time),
        boot: envelope.boot,
        n: envelope.n,
        data: MetricsData::Sample(Box::new(envelope.data)),
    };
    Ok((envelope.id.0, frame))
}
