//! Events become entries, exactly once, and every so often a head is signed.
//!
//! The stream is the mutex: an entry is appended only if the newest message of OPS_AUDIT is still the one that this
//! appender has read last. Whoever appends therefore knows every entry before, and with them up to which event of each
//! source there are entries; an event at or before that place is skipped. Any number of appenders may run: of two, one
//! wins each place, and the other reads what was written and goes on.
//!
//! # When it dies
//! | where | what happens |
//! |---|---|
//! | while it reads the chain | nothing was changed; the next start reads again |
//! | with an event in hand, before the append | the event has no entry yet: the next start reads it again, because the position is that of the last entry |
//! | between append and acknowledgement | the entry is stored or not; the next start, or the same process after reading what lies behind, finds out, and the event's position says whether it has its entry. A late duplicate is refused by its id and by the expected sequence |
//! | after the append, before anything else | the next start reads the entry as part of the chain |
//! | after an event that gets no entry | it is read and passed over again |
//! | before a head is stored | no head; the next start signs one over the whole chain |
//! | after it is stored, before it is outside | the next start delivers the newest stored head |
//! | while a line is written to the file | a cut line; the next one starts on a line of its own, and readers pass over what is no head |
//! | two at once, one cut off from the network | the one cut off cannot append: its expectation is outdated when it comes back, and it reads before it tries again |
//!
//! # When it stops appending
//! When the chain does not agree with the known heads (somebody changed it), when a source was replaced or has lost events
//! that had no entry, or when an event is of a newer version than this program. It says so in its [`State`](crate::State), looks again
//! every ten seconds, and the events wait in their streams. After a restore from a backup a person accepts what is there
//! ([`restore`](crate::restore)), and the next look goes on.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use chatops_bus::{AppendError, Bus, From, PublishError, ReadError, Recorded, StreamName};
use chatops_schemas::{
    audit::{
        Derived, Entry, Head, HeadKey, Verdict,
        derive::{Stored, derive},
    },
    clock::Clock,
    ids::EventId,
    subject,
};
use futures::{Stream, StreamExt};
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use crate::{
    chain::{self, Chain, ChainError},
    check,
    outside::Outside,
    source::{SOURCES, Source},
    state::{Checked, Phase, Teller},
};

/// Pause before another attempt, once the first ones failed.
const RETRY: Duration = Duration::from_secs(10);
const FIRST_RETRY: Duration = Duration::from_millis(100);
/// How often it looks whether a head is due.
const LOOK: Duration = Duration::from_secs(1);
/// How long a stopping process tries to sign what it has appended.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// How often things are done.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Longest time between an entry and the head over it.
    pub head_after: Duration,
    /// Most entries without a head over them.
    pub head_entries: u64,
    /// Time between two checks of the whole chain.
    pub check_every: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            head_after: Duration::from_secs(60),
            head_entries: 1000,
            check_every: Duration::from_secs(600),
        }
    }
}

/// The appender.
pub struct Appender {
    bus: Bus,
    key: HeadKey,
    outside: Arc<Outside>,
    settings: Settings,
    clock: Arc<dyn Clock>,
    teller: Teller,
    newest: watch::Sender<Option<Head>>,
}

impl std::fmt::Debug for Appender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Appender")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// Why an attempt ended.
#[derive(Debug, thiserror::Error)]
enum Stop {
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error("{0}")]
    Head(#[from] PublishError),
    #[error(transparent)]
    Outside(#[from] crate::outside::OutsideError),
    #[error("a restore was accepted")]
    Restored,
    #[error("{0}")]
    Halt(String),
}

/// What is in hand between two entries.
struct Work {
    chain: Chain,
    /// Entries under the newest stored head.
    signed: u64,
    /// When the oldest entry without a head was appended.
    unsigned_since: Option<Instant>,
}

impl Appender {
    /// With the signing key, of which nobody else has a copy.
    pub fn new(
        bus: Bus,
        key: HeadKey,
        outside: Outside,
        settings: Settings,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            bus,
            key,
            outside: Arc::new(outside),
            settings,
            clock,
            teller: Teller::new(),
            newest: watch::Sender::new(None),
        }
    }

    /// What it is doing, for people.
    pub fn state(&self) -> Teller {
        self.teller.clone()
    }

    /// Runs until `stop`. Signs a last head on the way out.
    pub async fn run(self, stop: CancellationToken) {
        let done = CancellationToken::new();
        let carrying = self
            .outside
            .carry(self.newest.subscribe(), &self.teller, done.clone());
        let appending = async {
            let _guard = done.drop_guard();
            let mut pause = FIRST_RETRY;
            while !stop.is_cancelled() {
                self.teller.update(|state| state.phase = Phase::Starting);
                let Err(why) = self.attempt(&stop, &mut pause).await else {
                    return;
                };
                let phase = match &why {
                    Stop::Chain(ChainError::Tampered(_)) => {
                        tracing::error!(reason = %why, "the audit chain was tampered with; nothing is appended to it");
                        pause = RETRY;
                        Phase::Tampered(why.to_string())
                    }
                    Stop::Halt(_) => {
                        tracing::error!(reason = %why, "the audit stands still");
                        pause = RETRY;
                        Phase::Waiting(why.to_string())
                    }
                    _ => {
                        tracing::info!(reason = %why, "the audit starts over");
                        Phase::Waiting(why.to_string())
                    }
                };
                metrics::counter!("chatops_audit_restart_total", "phase" => phase.as_str())
                    .increment(1);
                self.teller.update(|state| state.phase = phase);
                stop.run_until_cancelled(tokio::time::sleep(pause)).await;
                pause = (pause * 2).min(RETRY);
            }
        };
        tokio::join!(self.check_regularly(&stop), appending, carrying);
    }

    /// From reading the chain to the first trouble. `Ok`: it was asked to stop.
    async fn attempt(&self, stop: &CancellationToken, pause: &mut Duration) -> Result<(), Stop> {
        let opened = stop.run_until_cancelled(self.open()).await;
        let Some(mut work) = opened.transpose()? else {
            return Ok(());
        };
        let mut events = self.follow(&work.chain).await?;
        *pause = FIRST_RETRY;
        self.teller.update(|state| state.phase = Phase::Running);
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                event = events.next() => match event {
                    Some((source, event)) => self.take(&mut work, source, &event?).await?,
                    None => return Err(Stop::Halt("no stream is read any more".to_owned())),
                },
                _ = look.tick() => {}
            }
            if self.is_due(&work) {
                self.sign(&mut work).await?;
            }
        }
        if work.chain.size() > work.signed {
            let signed = tokio::time::timeout(LAST_WORDS, self.sign(&mut work)).await;
            if !matches!(signed, Ok(Ok(()))) {
                tracing::warn!("the last entries have no head; the next start signs one");
            }
        }
        Ok(())
    }

    /// The chain, checked against every head that is known.
    async fn open(&self) -> Result<Work, Stop> {
        let mut heads = chain::heads(&self.bus).await?.heads;
        let newest = heads.last().map(|(_, head)| head.clone());
        heads.extend(self.outside.heads().await?);
        if let Some((origin, head)) = heads
            .iter()
            .find(|(_, head)| head.key_id != self.key.id() && head.check().is_ok())
        {
            return Err(Stop::Halt(format!(
                "the head {origin} was signed by key {}, ours is {}: the vault was replaced or lost",
                head.key_id,
                self.key.id()
            )));
        }
        let chain = Chain::load(&self.bus, heads).await?;
        let signed = newest.as_ref().map_or(0, |head| head.size);
        self.teller.update(|state| {
            state.size = chain.size();
            state.head.clone_from(&newest);
        });
        self.newest.send_replace(newest);
        Ok(Work {
            unsigned_since: (chain.size() > signed).then(Instant::now),
            chain,
            signed,
        })
    }

    /// Events behind those that have entries, of all sources, each in its own order.
    async fn follow(
        &self,
        chain: &Chain,
    ) -> Result<impl Stream<Item = (Source, Result<Recorded, ReadError>)> + Unpin + use<>, Stop>
    {
        let mut all = futures::stream::SelectAll::new();
        for source in SOURCES {
            let position = chain.position(source.stream.as_str());
            let ends = self.bus.stream_info(source.stream).await?;
            if ends.last_seq < position {
                return Err(Stop::Halt(format!(
                    "stream {} ends at {}, but there are entries up to {position}: it was replaced or restored",
                    source.stream, ends.last_seq
                )));
            }
            if source.complete && ends.first_seq > position + 1 {
                return Err(Stop::Halt(format!(
                    "events {} to {} of stream {} were removed before they had entries",
                    position + 1,
                    ends.first_seq - 1,
                    source.stream
                )));
            }
            let reader = self
                .bus
                .read(source.stream, source.filter, From::Seq(position + 1))
                .await?;
            all.push(reader.map(move |event| (source, event)).boxed());
        }
        Ok(all)
    }

    /// Gives an event its entry, unless it has one.
    async fn take(&self, work: &mut Work, source: Source, event: &Recorded) -> Result<(), Stop> {
        let stream = source.stream.as_str();
        let derived = derive(Stored {
            stream,
            seq: event.seq,
            at: event.stored_at,
            bytes: &event.payload,
        });
        let content = match derived {
            Derived::Entry(content) => content,
            Derived::NotAudited(_) => return Ok(()),
            Derived::NeedsUpgrade(why) => {
                return Err(Stop::Halt(format!(
                    "{stream} {} needs a newer version of this program: {why}",
                    event.seq
                )));
            }
        };
        // Not by its place alone: after a restore another event may lie there.
        let id = EventId::derived(stream, event.seq, &format!("audit {}", content.digest));
        while work.chain.position(stream) < event.seq {
            let expected = work.chain.size();
            let entry = Entry {
                seq: expected + 1,
                prev: work.chain.prev(),
                content: content.clone(),
            };
            let bytes = Bytes::from(entry.encode());
            let appended = self
                .bus
                .append_last(
                    StreamName::Audit,
                    subject::AUDIT,
                    expected,
                    id,
                    bytes.clone(),
                )
                .await;
            match appended {
                Ok(seq) if seq == entry.seq => {
                    work.chain.push(&bytes);
                    metrics::counter!("chatops_audit_entries_total").increment(1);
                }
                Ok(seq) => {
                    return Err(Stop::Halt(format!(
                        "entry {} was stored at {seq}: the stream's numbers are not those of the chain",
                        entry.seq
                    )));
                }
                Err(
                    AppendError::Conflict { .. } | AppendError::Publish(PublishError::Unknown(_)),
                ) => {
                    metrics::counter!("chatops_audit_conflicts_total").increment(1);
                    work.chain.catch_up(&self.bus).await?;
                    if work.chain.was_restored() {
                        return Err(Stop::Restored);
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        let size = work.chain.size();
        if size > work.signed {
            work.unsigned_since.get_or_insert_with(Instant::now);
        }
        self.teller.update(|state| state.size = size);
        Ok(())
    }

    fn is_due(&self, work: &Work) -> bool {
        let unsigned = work.chain.size().saturating_sub(work.signed);
        let waited = |since: Instant| since.elapsed() >= self.settings.head_after;
        unsigned > 0
            && (unsigned >= self.settings.head_entries || work.unsigned_since.is_some_and(waited))
    }

    /// Signs the chain as it is and stores the head.
    async fn sign(&self, work: &mut Work) -> Result<(), Stop> {
        let head = self.key.sign(work.chain.tree(), self.clock.now());
        chain::store_head(&self.bus, &head).await?;
        work.signed = head.size;
        work.unsigned_since = None;
        self.teller.update(|state| state.head = Some(head.clone()));
        self.newest.send_replace(Some(head));
        Ok(())
    }

    /// Checks the whole chain now and then.
    async fn check_regularly(&self, stop: &CancellationToken) {
        let mut look = tokio::time::interval(self.settings.check_every);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(look.tick()).await.is_some() {
            let Some(checked) = stop.run_until_cancelled(self.check()).await else {
                return;
            };
            match checked {
                Ok(verdict) => {
                    if let Some(finding) = verdict.findings.first() {
                        tracing::error!(%finding, "the audit chain was tampered with");
                    }
                    let at = self.clock.now();
                    self.teller
                        .update(|state| state.checked = Some(Checked { at, verdict }));
                }
                Err(error) => {
                    tracing::warn!(%error, "the audit chain could not be checked");
                    look.reset_after(RETRY);
                }
            }
        }
    }

    async fn check(&self) -> Result<Verdict, Stop> {
        let outside = self.outside.heads().await?;
        Ok(check::whole(&self.bus, outside).await?.verdict)
    }
}
