//! A rule on what was measured already: what feeds a [`Trial`], for people at a terminal and for the API.
//!
//! An [`Attempt`] takes what the database holds from whoever reads it, and what is not there yet from the stream. Both are taken
//! one reading at a time, so memory is what the trial remembers; [`Bounds`] say how long it may read and how much it may find.
//! It keeps nothing: when it is dropped or the process dies, nothing is left. An answer that came to such an end, or for which
//! there were only means of minutes or hours, says so.

use std::{future::Future, ops::ControlFlow, time::Duration};

use chatops_bus::{Bus, From, ReadError, Reader, Recorded, StreamName};
use chatops_schemas::{
    clock::Timestamp,
    codec,
    event::metric::Sample,
    ids::ServerId,
    rule::{MeasureError, Reading, Rule},
    subject,
};
use futures::StreamExt;
use tokio::time::Instant;

use crate::trial::{Report, Trial};

/// Which readings: those that the host took from here to there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first moment.
    pub from: Timestamp,
    /// The last moment; None: up to the newest reading.
    pub to: Option<Timestamp>,
}

impl Span {
    fn holds(&self, at: Timestamp) -> bool {
        at >= self.from && self.to.is_none_or(|to| at <= to)
    }
}

/// Where a trial ends early.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bounds {
    /// It reads no longer than this.
    pub deadline: Option<Instant>,
    /// It ends when this many stretches in which the condition was true were found.
    pub stretches: Option<usize>,
}

/// What a reading is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// As the host took it.
    Each,
    /// The means of a minute: what is left when readings are too old to be kept.
    Minutes,
    /// The means of an hour.
    Hours,
}

/// A stretch of time for which there were readings of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Of which kind.
    pub detail: Detail,
    /// The first one.
    pub from: Timestamp,
    /// The last one.
    pub to: Timestamp,
    /// How many.
    pub readings: u64,
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// What the rule would have done.
    pub report: Report,
    /// Readings that could not be read.
    pub unread: u64,
    /// Whether all readings of the span were looked at, each as the host took it.
    pub complete: bool,
    /// What was looked at, in order of time.
    pub parts: Vec<Part>,
}

/// A rule that is being tried on one server.
#[derive(Debug)]
pub struct Attempt {
    trial: Trial,
    span: Span,
    bounds: Bounds,
    parts: Vec<Part>,
    unread: u64,
    cut: bool,
}

impl Attempt {
    /// Begins with nothing seen.
    ///
    /// # Errors
    /// The rule names a number that does not exist.
    pub fn new(rule: &Rule, span: Span, bounds: Bounds) -> Result<Self, MeasureError> {
        Ok(Self {
            trial: Trial::new(rule)?,
            span,
            bounds,
            parts: Vec::new(),
            unread: 0,
            cut: false,
        })
    }

    /// Takes a reading; they come in order of time. Break: enough was found.
    pub fn take(
        &mut self,
        detail: Detail,
        at: Timestamp,
        reading: &dyn Reading,
    ) -> ControlFlow<()> {
        if !self.span.holds(at) {
            return ControlFlow::Continue(());
        }
        self.trial.see(at, reading);
        match self.parts.last_mut() {
            Some(part) if part.detail == detail => {
                part.to = part.to.max(at);
                part.readings += 1;
            }
            _ => self.parts.push(Part {
                detail,
                from: at,
                to: at,
                readings: 1,
            }),
        }
        let stretches = self.trial.stretches();
        if self.bounds.stretches.is_some_and(|most| stretches >= most) {
            self.cut = true;
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    /// Whether it came to an end before it had seen everything.
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// Whether time is over; from then on it is cut.
    pub fn is_over(&mut self) -> bool {
        self.cut |= over(self.bounds.deadline);
        self.cut
    }

    /// Does something within the bounds. None: time is over.
    pub async fn in_time<T>(&mut self, work: impl AsyncFnOnce(&mut Self) -> T) -> Option<T> {
        let deadline = self.bounds.deadline;
        let done = in_time(deadline, work(self)).await;
        self.cut |= done.is_none();
        done
    }

    /// Takes the readings that are in the stream when it begins. `after`: those behind this place are wanted only.
    ///
    /// # Errors
    /// The stream cannot be read. What was taken until then stays.
    pub async fn stream(
        &mut self,
        bus: &Bus,
        server: &ServerId,
        after: Option<u64>,
    ) -> Result<(), ReadError> {
        let read = async |attempt: &mut Self| attempt.read(bus, server, after).await;
        self.in_time(read).await.unwrap_or(Ok(()))
    }

    async fn read(
        &mut self,
        bus: &Bus,
        server: &ServerId,
        after: Option<u64>,
    ) -> Result<(), ReadError> {
        let Some((mut reader, newest)) = open(bus, server, self.span, after).await? else {
            return Ok(());
        };
        while let Some(event) = reader.next().await {
            let event = event?;
            match codec::decode::<Sample>(&event.payload) {
                Ok(sample) => {
                    if self
                        .take(Detail::Each, sample.time, &sample.data)
                        .is_break()
                    {
                        return Ok(());
                    }
                }
                Err(_) => self.unread += 1,
            }
            if event.seq >= newest.seq {
                return Ok(());
            }
            // Readings that are there already would always win against the deadline.
            if self.is_over() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// What there is to say at the end.
    pub fn found(self) -> Found {
        let whole = self.parts.iter().all(|part| part.detail == Detail::Each);
        Found {
            report: self.trial.report(),
            unread: self.unread,
            complete: whole && !self.cut,
            parts: self.parts,
        }
    }
}

/// The readings, and the newest one, behind which the reader would wait for what comes.
async fn open(
    bus: &Bus,
    server: &ServerId,
    span: Span,
    after: Option<u64>,
) -> Result<Option<(Reader, Recorded)>, ReadError> {
    let filter = subject::metrics_stored(server);
    let newest = bus.last(StreamName::Metrics, &filter).await?;
    // A reading is stored after it was taken, so what was stored before the span is not in it.
    let wanted = |newest: &Recorded| {
        newest.stored_at >= span.from && after.is_none_or(|after| newest.seq > after)
    };
    let Some(newest) = newest.filter(wanted) else {
        return Ok(None);
    };
    let from = after.map_or(From::Time(span.from), |after| From::Seq(after + 1));
    let reader = bus.read(StreamName::Metrics, &filter, from).await?;
    Ok(Some((reader, newest)))
}

fn over(deadline: Option<Instant>) -> bool {
    deadline.is_some_and(|deadline| {
        deadline.saturating_duration_since(Instant::now()) == Duration::ZERO
    })
}

async fn in_time<T>(deadline: Option<Instant>, work: impl Future<Output = T>) -> Option<T> {
    let Some(deadline) = deadline else {
        return Some(work.await);
    };
    if over(Some(deadline)) {
        return None;
    }
    tokio::time::timeout_at(deadline, work).await.ok()
}
