//! One life of the notifier: read where everything is, then follow.

use std::{
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use chatops_bus::{From, ReadError, StreamName};
use chatops_schemas::{
    clock::Timestamp,
    event::alert::Occasion,
    ids::{AlertId, ChannelId, ServerId, SilenceId, UserId},
    subject,
};
use futures::StreamExt;
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use super::{
    AT_ONCE, NotifierParts, STORM, STORM_TIME, World,
    book::{Alert, Book},
    plan::{self, Circumstances, Next},
    send::{self, Act, Errand, Item, Sent},
    world::{About, Decided, Standing, WorldError},
};
use crate::{notify::message::MAX_GROUPED, silence};

/// Time between looks at what is due, and at what people decided.
const SWEEP: Duration = Duration::from_secs(1);
/// What is known of a server and of rights there is asked anew after this long.
const FRESH_MS: i64 = 2_000;

/// An open alert of which nobody is told is looked at again after this long.
const LOOK_AGAIN_MS: i64 = 2_000;

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Lost {
    #[error("read OPS_ALERT")]
    Read(#[from] ReadError),
    #[error("the stream ended")]
    Ended,
}

type Key = (ChannelId, AlertId);

/// What a look at a server found.
#[derive(Debug, Clone)]
struct Looked {
    at: Timestamp,
    /// None: it was deleted.
    about: Option<Arc<About>>,
}

enum Done {
    Decided(Result<Decided, WorldError>),
    About(ServerId, Result<Option<About>, WorldError>),
    Sent(Sent),
}

struct Session<W> {
    parts: Arc<NotifierParts<W>>,
    book: Book,
    decided: Arc<Decided>,
    /// Its silences, ready to be asked, with their authors.
    silences: Vec<(SilenceId, UserId, silence::Silence)>,
    /// What is known of servers. None: asked, not answered.
    servers: HashMap<ServerId, Option<Looked>>,
    /// To be looked at again, the earliest first.
    due: BTreeSet<(Timestamp, AlertId)>,
    /// On their way.
    busy: HashSet<Key>,
    /// Wait until their channel may be used again, and are told in one message then.
    waiting: HashMap<(ChannelId, Occasion), BTreeSet<AlertId>>,
    /// Tries that failed, and when the next one is.
    failed: HashMap<Key, (u32, Timestamp)>,
    /// When each channel was used last.
    used: HashMap<ChannelId, VecDeque<Timestamp>>,
    tasks: JoinSet<Done>,
    refreshing: bool,
}

pub(super) async fn run<W: World>(parts: Arc<NotifierParts<W>>) -> Result<(), Lost> {
    let filters = [subject::ALERTS.to_owned(), subject::TOLD.to_owned()];
    let newest = parts.bus.stream_info(StreamName::Alert).await?;
    let mut events = parts
        .bus
        .read_many(StreamName::Alert, &filters, From::LastPerSubject)
        .await?;
    let mut session = Session {
        parts: Arc::clone(&parts),
        book: Book::default(),
        decided: Arc::new(Decided::default()),
        silences: Vec::new(),
        servers: HashMap::new(),
        due: BTreeSet::new(),
        busy: HashSet::new(),
        waiting: HashMap::new(),
        failed: HashMap::new(),
        used: HashMap::new(),
        tasks: JoinSet::new(),
        refreshing: false,
    };
    // The newest message of the stream is the newest of its subject, so it is delivered.
    let mut read = 0;
    while newest.messages > 0 && read < newest.last_seq {
        let event = events.next().await.ok_or(Lost::Ended)??;
        read = event.seq;
        session.book.fold(&event);
    }
    let now = parts.clock.now();
    session.book.forget(now);
    let known: Vec<_> = session.book.alerts().map(|(id, _)| (now, id)).collect();
    tracing::info!(alerts = known.len(), "the notifier knows where alerts are");
    session.due.extend(known);
    let mut sweep = interval(SWEEP);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            event = events.next() => {
                let id = session.book.fold(&event.ok_or(Lost::Ended)??);
                if let Some(id) = id {
                    session.look(id);
                }
            }
            Some(done) = session.tasks.join_next(), if !session.tasks.is_empty() => {
                // A task that panicked leaves its message busy; the session is not to be trusted any more.
                session.done(done.map_err(|_| Lost::Ended)?);
            }
            _ = sweep.tick() => session.sweep(),
        }
    }
}

impl<W: World> Session<W> {
    fn sweep(&mut self) {
        if !self.refreshing {
            self.refreshing = true;
            let parts = Arc::clone(&self.parts);
            self.tasks
                .spawn(async move { Done::Decided(parts.world.decided().await) });
        }
        let now = self.parts.clock.now();
        self.book.forget(now);
        let fresh = |known: &Option<Looked>| {
            let known = known.as_ref();
            known.is_none_or(|known| now.micros_since(known.at) < FRESH_MS * 1000)
        };
        self.servers.retain(|_, known| fresh(known));
        self.failed
            .retain(|key, _| self.book.alert(key.1).is_some());
        self.storms();
        while let Some((at, id)) = self.due.first().copied()
            && at <= now
        {
            self.due.pop_first();
            self.look(id);
        }
    }

    fn done(&mut self, done: Done) {
        match done {
            Done::Decided(result) => {
                self.refreshing = false;
                match result {
                    Ok(decided) if decided != *self.decided => {
                        self.silences = silences(&decided, self.parts.clock.now());
                        self.decided = Arc::new(decided);
                        self.servers.clear();
                        self.look_at_all();
                    }
                    Ok(_) => {}
                    Err(error) => {
                        tracing::warn!(%error, "what people decided about channels and silences cannot be read");
                    }
                }
            }
            Done::About(server, Ok(about)) => {
                let now = self.parts.clock.now();
                let about = about.map(Arc::new);
                let looked = Looked { at: now, about };
                self.servers.insert(server.clone(), Some(looked));
                let its = self.book.alerts();
                let its: Vec<_> = its
                    .filter(|(_, alert)| alert.server == server)
                    .map(|(id, _)| id)
                    .collect();
                its.into_iter().for_each(|id| self.look(id));
            }
            Done::About(server, Err(error)) => {
                tracing::warn!(%server, %error, "rights on a server cannot be read: its alerts wait");
                self.servers.remove(&server);
                self.look_later(&server);
            }
            Done::Sent(sent) => self.sent(sent),
        }
    }

    /// A silence may have begun or ended, a channel may be new.
    fn look_at_all(&mut self) {
        let all: Vec<_> = self.book.alerts().map(|(id, _)| id).collect();
        all.into_iter().for_each(|id| self.look(id));
    }

    fn look_later(&mut self, server: &ServerId) {
        let soon = self.parts.clock.now().plus_millis(1000);
        let its = self.book.alerts();
        let its = its.filter(|(_, alert)| alert.server == *server);
        self.due.extend(its.map(|(id, _)| (soon, id)));
    }

    /// What is known of a server; asks when nothing is.
    fn about(&mut self, server: &ServerId) -> Option<Option<Arc<About>>> {
        if let Some(known) = self.servers.get(server) {
            return known.as_ref().map(|looked| looked.about.clone());
        }
        self.servers.insert(server.clone(), None);
        let people: BTreeSet<UserId> = {
            let channels = self.decided.channels.iter().map(|channel| channel.author);
            channels
                .chain(self.decided.silences.iter().map(|silence| silence.author))
                .collect()
        };
        let people: Vec<_> = people.into_iter().collect();
        let (parts, server) = (Arc::clone(&self.parts), server.clone());
        self.tasks.spawn(async move {
            let about = parts.world.about(&server, &people).await;
            Done::About(server, about)
        });
        None
    }

    /// Decides about an alert, for each channel.
    fn look(&mut self, id: AlertId) {
        let decided = Arc::clone(&self.decided);
        let Some(alert) = self.book.alert(id) else {
            return;
        };
        if decided.channels.is_empty() {
            return;
        }
        let server = alert.server.clone();
        let Some(about) = self.about(&server) else {
            return;
        };
        // The server is gone: the evaluator ends its alerts, and there is nobody whose rights could be asked.
        let Some(about) = about else { return };
        for standing in &decided.channels {
            self.look_for(id, standing, &about);
        }
    }

    /// What is to be done about an alert for a channel now; nothing when it is being done.
    fn plan(&self, id: AlertId, standing: &Standing, about: &About) -> Option<Next> {
        let now = self.parts.clock.now();
        let alert = self.book.alert(id)?;
        let receives = &standing.channel.receives;
        let key = (standing.id, id);
        if self.busy.contains(&key) || !receives.scope.holds(&alert.server, &about.tags) {
            return None;
        }
        if let Some((_, again)) = self.failed.get(&key)
            && now < *again
        {
            return Some(Next::At(*again));
        }
        let is = Circumstances {
            now,
            channel_made: standing.made,
            silence: self.silenced(alert, about, now),
            host_down: match alert.is_host_down() {
                true => None,
                false => self.book.host_down(&alert.server),
            },
            allowed: about.rights.get(&standing.author).is_some_and(|is| is.see),
        };
        Some(plan::next(
            alert,
            self.book.told(standing.id, id),
            receives,
            &is,
        ))
    }

    fn look_for(&mut self, id: AlertId, standing: &Arc<Standing>, about: &About) {
        let Some(next) = self.plan(id, standing, about) else {
            return;
        };
        let now = self.parts.clock.now();
        match next {
            // Silences, hours and rights end without an event of the alert.
            Next::Nothing if self.book.alert(id).is_some_and(|alert| !alert.over) => {
                self.due.insert((now.plus_millis(LOOK_AGAIN_MS), id));
            }
            Next::Nothing => {}
            Next::At(at) => {
                self.due.insert((at, id));
            }
            Next::Hold(why) => self.go(standing, Act::Hold(why), &[id]),
            Next::Tell(_) if self.busy.len() >= AT_ONCE => {
                self.due.insert((now.plus_millis(100), id));
            }
            Next::Tell(occasion) if self.stormy(standing.id, now) => {
                let waiting = self.waiting.entry((standing.id, occasion)).or_default();
                waiting.insert(id);
            }
            Next::Tell(occasion) => {
                let tries = self.failed.get(&(standing.id, id));
                let tries = tries.map_or(0, |(tries, _)| *tries);
                self.go(standing, Act::Tell { occasion, tries }, &[id]);
            }
        }
    }

    /// Tells of those that had to wait, all of a channel in one message. Each is looked at once more: a silence may have
    /// begun, or somebody may have acknowledged it.
    fn storms(&mut self) {
        let now = self.parts.clock.now();
        let decided = Arc::clone(&self.decided);
        for ((channel, occasion), mut ids) in std::mem::take(&mut self.waiting) {
            let Some(standing) = decided.channels.iter().find(|one| one.id == channel) else {
                continue;
            };
            if self.stormy(channel, now) {
                self.waiting.insert((channel, occasion), ids);
                continue;
            }
            ids.retain(|id| {
                let about = self
                    .book
                    .alert(*id)
                    .and_then(|alert| self.known(&alert.server));
                let about = about.and_then(|about| self.plan(*id, standing, &about));
                match about {
                    Some(Next::Tell(what)) => what == occasion,
                    _ => {
                        self.due.insert((now, *id));
                        false
                    }
                }
            });
            let ids: Vec<_> = ids.into_iter().collect();
            for some in ids.chunks(MAX_GROUPED) {
                self.go(standing, Act::Tell { occasion, tries: 0 }, some);
            }
        }
    }

    /// The first silence that is on and covers the alert, of somebody who may say so.
    fn silenced(&self, alert: &Alert, about: &About, now: Timestamp) -> Option<SilenceId> {
        let covers = |(_, author, silence): &&(SilenceId, UserId, silence::Silence)| {
            about.rights.get(author).is_some_and(|is| is.handle)
                && silence.covers(&alert.server, &about.tags, alert.head.rule, now)
        };
        self.silences.iter().find(covers).map(|(id, _, _)| *id)
    }

    /// Whether this channel has had its share of messages at this moment. Counts this one otherwise.
    fn stormy(&mut self, channel: ChannelId, now: Timestamp) -> bool {
        let used = self.used.entry(channel).or_default();
        let span = i64::try_from(STORM_TIME.as_micros()).unwrap_or(i64::MAX);
        while used.front().is_some_and(|at| now.micros_since(*at) >= span) {
            used.pop_front();
        }
        if used.len() >= STORM {
            return true;
        }
        used.push_back(now);
        false
    }

    fn known(&self, server: &ServerId) -> Option<Arc<About>> {
        self.servers.get(server)?.as_ref()?.about.clone()
    }

    fn go(&mut self, channel: &Arc<Standing>, act: Act, ids: &[AlertId]) {
        let items = ids.iter().filter_map(|id| {
            let alert = self.book.alert(*id)?;
            let about = self.known(&alert.server)?;
            Some(Item::new(
                alert,
                self.book.told(channel.id, *id),
                &about.name,
            ))
        });
        let items: Vec<_> = items.collect();
        if items.is_empty() {
            return;
        }
        self.busy
            .extend(items.iter().map(|item| (channel.id, item.id())));
        let errand = Errand {
            channel: Arc::clone(channel),
            act,
            items,
        };
        let parts = Arc::clone(&self.parts);
        self.tasks
            .spawn(async move { Done::Sent(send::run(&parts, errand).await) });
    }

    fn sent(&mut self, sent: Sent) {
        for (id, told) in sent.told {
            let key = (sent.channel, id);
            self.busy.remove(&key);
            match told {
                Ok(told) => {
                    self.failed.remove(&key);
                    self.book.note(key, told);
                    self.look(id);
                }
                Err(again) => {
                    let at = self.parts.clock.now().plus_millis(again.pause_ms);
                    self.failed.insert(key, (again.tries, at));
                    self.due.insert((at, id));
                }
            }
        }
    }
}

/// One whose times cannot be understood holds nothing back: better told than lost.
fn silences(decided: &Decided, now: Timestamp) -> Vec<(SilenceId, UserId, silence::Silence)> {
    let ready = decided.silences.iter().filter_map(|silence| {
        let id = silence.saved.silence;
        match silence::Silence::new(&silence.saved, now) {
            Ok(ready) => Some((id, silence.author, ready)),
            Err(wrong) => {
                tracing::warn!(silence = %id, field = wrong.field, reason = wrong.reason, "a silence holds nothing back");
                None
            }
        }
    });
    ready.collect()
}
