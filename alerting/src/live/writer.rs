//! Writes what becomes of alerts. Every append expects the event that the decision was made on; whoever was slower looks
//! again and decides again, so that an alert is raised once and ends once, however many write.

use std::sync::Arc;

use chatops_bus::{AppendError, Bus, ReadError, StreamName};
use chatops_schemas::{
    catalogue::Payload,
    clock::{Clock, Timestamp},
    envelope::Envelope,
    event::{
        Event,
        alert::{AlertCleared, AlertRaised, AlertResolved, Cause, Evidence, Head, Value},
        metric::Process,
    },
    ids::{AlertId, EventId, ServerId},
    subject,
};
use futures::StreamExt;

use super::{
    AT_ONCE,
    board::{self, Board, Entry, State},
    force::Known,
};
use crate::{
    phase::Step,
    watch::{Change, Kind},
};

/// Attempts at an aggregate that others write, too.
const ATTEMPTS: usize = 8;

/// Why something could not be written. It is evaluated again.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    #[error("append to an alert")]
    Append(#[from] AppendError),
    #[error("read an alert again")]
    Read(#[from] ReadError),
    #[error("others were faster again and again")]
    Crowded,
}

/// What follows from an event for an alert.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) server: ServerId,
    pub(super) known: Arc<Known>,
    pub(super) device: String,
    /// When, by the clock that decides.
    pub(super) at: Timestamp,
    pub(super) basis: Basis,
    /// The event that it follows from.
    pub(super) cause: Option<EventId>,
    pub(super) turn: Turn,
}

/// What somebody went by.
#[derive(Debug, Clone, Copy)]
pub(super) enum Basis {
    /// One reading: whoever evaluates it again finds the same, once.
    Reading {
        /// Its sequence.
        seq: u64,
    },
    /// How things are, which may be looked at again and again: what follows depends on where the alert is.
    Fact {
        /// Sequence of the fact that says so.
        seq: u64,
    },
}

/// See [`Outcome`].
#[derive(Debug)]
pub(super) enum Turn {
    /// The condition was true for long enough.
    Begins(Box<Begins>),
    /// It is not true any more, or its device is gone.
    Ends {
        cause: Cause,
        values: Vec<Option<f64>>,
    },
}

/// What an alert shows of its beginning.
#[derive(Debug)]
pub(super) struct Begins {
    pub(super) since: Timestamp,
    pub(super) values: Vec<Option<f64>>,
    pub(super) evidence: Vec<Evidence>,
    pub(super) processes: Vec<Process>,
    pub(super) lines: Vec<String>,
}

impl Turn {
    /// What a change of a watch means for its alert. None: nothing.
    pub(super) fn of(
        change: &mut Change,
        processes: impl FnOnce() -> Vec<Process>,
    ) -> Option<Self> {
        let values = std::mem::take(&mut change.values);
        Some(match change.kind {
            Kind::Step(Step::Waits | Step::Passed) => return None,
            Kind::Step(Step::Raised { since }) => Self::Begins(Box::new(Begins {
                since,
                values,
                evidence: std::mem::take(&mut change.evidence),
                processes: processes(),
                lines: Vec::new(),
            })),
            Kind::Step(Step::Resolved | Step::Cleared) => Self::Ends {
                cause: Cause::Condition,
                values,
            },
            Kind::Gone => Self::Ends {
                cause: Cause::DeviceGone,
                values,
            },
        })
    }
}

/// An event on its way.
enum Said {
    Raised(Envelope<AlertRaised>),
    Resolved(Envelope<AlertResolved>),
    Cleared(Envelope<AlertCleared>),
}

/// See the module.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) bus: Bus,
    pub(super) board: Arc<Board>,
    pub(super) clock: Arc<dyn Clock>,
}

impl Writer {
    /// Writes what follows from a batch: of one instance in order, of several at the same time.
    pub(super) async fn write_all(&self, outcomes: Vec<Outcome>) -> Result<(), WriteError> {
        let mut aggregates: std::collections::BTreeMap<String, Vec<Outcome>> =
            std::collections::BTreeMap::new();
        for outcome in outcomes {
            let subject = subject::alert(&outcome.server, outcome.known.id, &outcome.device);
            aggregates.entry(subject).or_default().push(outcome);
        }
        let mut writing = futures::stream::iter(aggregates)
            .map(|(subject, outcomes)| async move {
                for outcome in outcomes {
                    self.decide(&outcome.server, &subject, |entry| outcome.said(entry))
                        .await?;
                }
                Ok::<_, WriteError>(())
            })
            .buffer_unordered(AT_ONCE);
        while let Some(written) = writing.next().await {
            written?;
        }
        Ok(())
    }

    /// An open alert is over, because there is nothing to evaluate any more.
    pub(super) async fn close(
        &self,
        server: &ServerId,
        open: &Entry,
        cause: Cause,
    ) -> Result<(), WriteError> {
        let subject = subject::alert(server, open.rule, &open.device);
        let at = self.clock.now();
        self.decide(server, &subject, |entry| match entry {
            Some(entry) if entry.seq == open.seq => match &entry.state {
                State::Open(head) => {
                    let what = format!("{} {}", cause.as_str(), open.rule);
                    let id = EventId::derived(StreamName::Alert.as_str(), entry.seq, &what);
                    let over = AlertResolved {
                        head: Head::clone(head),
                        at,
                        cause,
                        values: Vec::new(),
                        note: String::new(),
                    };
                    Some(Said::Resolved(
                        Envelope::new(id, at, over).about(server.clone()),
                    ))
                }
                State::Ok | State::Settled(_) => None,
            },
            _ => None,
        })
        .await
    }

    /// Appends what `decide` makes of the newest event, until that is still the newest one when it is stored.
    async fn decide(
        &self,
        server: &ServerId,
        subject: &str,
        decide: impl Fn(Option<&Entry>) -> Option<Said>,
    ) -> Result<(), WriteError> {
        for _ in 0..ATTEMPTS {
            let entry = self.board.get(server, subject);
            let Some(said) = decide(entry.as_ref()) else {
                return Ok(());
            };
            let expected = entry.map_or(0, |entry| entry.seq);
            let appended = match said {
                Said::Raised(event) => {
                    let kind = Payload::AlertRaised;
                    self.append(server, subject, expected, event, kind).await
                }
                Said::Resolved(event) => {
                    let kind = Payload::AlertResolved;
                    self.append(server, subject, expected, event, kind).await
                }
                Said::Cleared(event) => {
                    let kind = Payload::AlertCleared;
                    self.append(server, subject, expected, event, kind).await
                }
            };
            match appended {
                Ok(()) => return Ok(()),
                Err(AppendError::Conflict { .. }) => {
                    metrics::counter!("chatops_alerting_conflicts_total").increment(1);
                    if let Some(newest) = self.bus.last(StreamName::Alert, subject).await? {
                        self.board.take(&newest);
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(WriteError::Crowded)
    }

    async fn append<T: Event>(
        &self,
        server: &ServerId,
        subject: &str,
        expected: u64,
        event: Envelope<T>,
        kind: impl FnOnce(T) -> Payload,
    ) -> Result<(), AppendError> {
        let seq = self
            .bus
            .append(StreamName::Alert, subject, expected, &event)
            .await?;
        metrics::counter!("chatops_alerting_events_total", "type" => T::TYPE).increment(1);
        if let Some(entry) = board::entry(seq, kind(event.data)) {
            self.board.note(server, subject.to_owned(), entry);
        }
        Ok(())
    }
}

impl Outcome {
    /// The event that it becomes, given where the alert is. None: nothing is to be written.
    fn said(&self, entry: Option<&Entry>) -> Option<Said> {
        if let Basis::Reading { seq } = self.basis
            && entry.is_some_and(|entry| entry.has_seen(StreamName::Metrics, seq))
        {
            return None;
        }
        let from = self.from(entry);
        let state = entry.map_or(&State::Ok, |entry| &entry.state);
        match (&self.turn, state) {
            (Turn::Begins(begins), State::Ok) => Some(Said::Raised(self.raised(from, begins))),
            (Turn::Begins(_), State::Open(_) | State::Settled(_))
            | (Turn::Ends { .. }, State::Ok) => None,
            (Turn::Ends { cause, values }, State::Open(head)) => {
                let changed = head.rule_version != self.known.version;
                let over = AlertResolved {
                    head: self.seen(head),
                    at: self.at,
                    cause: if changed { Cause::RuleChanged } else { *cause },
                    values: self.values(values),
                    note: String::new(),
                };
                Some(Said::Resolved(self.envelope(from, "resolved", over)))
            }
            (Turn::Ends { .. }, State::Settled(head)) => {
                let head = self.seen(head);
                Some(Said::Cleared(self.envelope(
                    from,
                    "cleared",
                    AlertCleared { head },
                )))
            }
        }
    }

    /// The event from which ids follow: the reading, or for how things are the event that the alert is at.
    fn from(&self, entry: Option<&Entry>) -> (&'static str, u64) {
        match self.basis {
            Basis::Reading { seq } => (StreamName::Metrics.as_str(), seq),
            Basis::Fact { .. } => {
                let seq = entry.map_or(0, |entry| entry.seq);
                (StreamName::Alert.as_str(), seq)
            }
        }
    }

    /// The event that was evaluated.
    fn evaluated(&self) -> (String, u64) {
        let (stream, seq) = match self.basis {
            Basis::Reading { seq } => (StreamName::Metrics, seq),
            Basis::Fact { seq } => (StreamName::Fact, seq),
        };
        (stream.as_str().to_owned(), seq)
    }

    fn raised(&self, from: (&str, u64), begins: &Begins) -> Envelope<AlertRaised> {
        let rule = self.known.rule();
        let (stream, seq) = from;
        let (source, through) = self.evaluated();
        let head = Head {
            alert: AlertId::of(self.known.id, &self.server, &self.device, stream, seq),
            rule: self.known.id,
            rule_version: self.known.version,
            name: rule.name.clone(),
            wording: self.known.wording.clone(),
            device: self.device.clone(),
            severity: rule.severity,
            since: begins.since,
            raised: self.at,
            source,
            through,
        };
        let raised = AlertRaised {
            head,
            values: self.values(&begins.values),
            evidence: begins.evidence.clone(),
            processes: begins.processes.clone(),
            note: rule.note.clone(),
            lines: begins.lines.clone(),
        };
        self.envelope(from, "raised", raised)
    }

    /// The alert, evaluated up to here.
    fn seen(&self, head: &Head) -> Head {
        let (source, through) = self.evaluated();
        Head {
            source,
            through,
            ..head.clone()
        }
    }

    fn values(&self, values: &[Option<f64>]) -> Vec<Value> {
        let named = self.known.series.iter().zip(values);
        let value = |(series, value): (&String, &Option<f64>)| Value {
            series: series.clone(),
            value: *value,
        };
        named.map(value).collect()
    }

    fn envelope<T: Event>(&self, from: (&str, u64), kind: &str, data: T) -> Envelope<T> {
        let (server, rule, device) = (&self.server, self.known.id, &self.device);
        let what = format!("alert {server} {rule} {kind} {device}");
        let id = EventId::derived(from.0, from.1, &what);
        let mut event = Envelope::new(id, self.at, data).about(self.server.clone());
        event.cause = self.cause;
        event
    }
}
