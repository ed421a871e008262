//! The conversation of `/api/v1/ws/live`: one task per socket, no queue, a time limit on everything that waits for the
//! client.
//!
//! `hello` (token or cookie, `resume`) → `ready` → `subscribe` → `subscribed` → what was missed → live. A replay belongs to
//! the first `subscribe`: topics that are added later begin where the stream is. Commands and jobs are outside of that: see
//! [`super::watched`].

use std::{convert::Infallible, time::Duration};

use axum::extract::ws::Utf8Bytes;
use chatops_bus::StreamName;
use chatops_schemas::ids::{JobId, ServerId, UserId};
use tokio::{
    sync::broadcast::{self, error::RecvError},
    time::sleep_until,
};

use super::{
    Place,
    close::Close,
    command,
    counts::Counts,
    frame::{self, ClientFrame, RefusedTopic, ServerFrame},
    job,
    replay::{self, ReplayError, Samples},
    ring::Unseen,
    viewer::{MAX_TOPICS, Refreshed, Topic, Viewer},
    watched::{Begin, Telling, Told, Watched, Watches},
    wire::{End, Wire},
};
use crate::{
    access::{self, Action, Level, Resource},
    auth::actor::{Actor, Arrival},
    body::moment::Moment,
    code::Code,
    problem::{Chain, Problem},
    routes::{commands, jobs},
    state::Api,
    witness, written,
};

/// Ticks taken in one go.
const TICKS: usize = 4096;
/// Until a job is looked at anew whose rows this person may no longer see all of: the tables learn that in a moment, too.
const ANEW: Duration = Duration::from_secs(1);

/// Talks with a client until it ends.
pub async fn talk(wire: &mut Wire, api: &Api, arrival: Arrival) -> Result<Infallible, End> {
    let (mut actor, resume) = hello(wire, api, arrival).await?;
    let (place, mut rechecks) = seat(api, &mut actor).await?;
    let position = place.position();
    let viewer = Viewer::new(actor.subject(), &api.hub().rights());
    if !viewer.subject().active {
        return Err(Close::Unauthenticated.into());
    }
    let mut client = Client {
        actor,
        place,
        viewer,
        resume,
        position,
        watches: Watches::default(),
        counts: Counts::default(),
    };
    let ready = ServerFrame::Ready {
        seq: position,
        version: crate::VERSION,
        server_time: Moment(api.clock().now()),
    };
    wire.send(ready.text()).await?;
    let mut rights = client.place.rights_moved();
    let expiry = api.instant_of(client.actor.expires_at);
    loop {
        tokio::select! {
            biased;
            () = api.stopping() => return Err(Close::GoingAway.into()),
            () = sleep_until(expiry) => return Err(Close::Unauthenticated.into()),
            text = wire.receive() => client.take(wire, api, text?.as_str()).await?,
            word = rechecks.recv() => drop(recheck(api, &mut client.actor, word).await?),
            // Before any item: what follows is decided by what holds now.
            _ = rights.changed() => {
                client.look_again(wire, api).await?;
                client.jobs_anew(wire, api).await?;
            }
            () = client.place.changed() => client.deliver(wire).await?,
            () = client.counts.due() => {
                client.counts.tell(wire, api, client.viewer.subject()).await?;
            }
            told = client.watches.next() => match told {
                Ok(told) => client.tell(wire, api, told).await?,
                Err(error) => {
                    tracing::warn!(error = %Chain(&error), "a live client cannot be told how it goes on");
                    return Err(Close::TryLater.into());
                }
            },
        }
    }
}

async fn hello(wire: &mut Wire, api: &Api, arrival: Arrival) -> Result<(Actor, Option<u64>), End> {
    let first = first_frame(wire, api.hub().config().hello).await?;
    match serde_json::from_str(&first) {
        Ok(ClientFrame::Hello { token, resume }) => {
            Ok((arrival.actor(api, token.as_ref()).await?, resume))
        }
        Ok(_) => Err(Close::Unauthenticated.into()),
        Err(_) => Err(Close::BadFrame.into()),
    }
}

/// The first frame, if it comes in time.
pub(crate) async fn first_frame(wire: &mut Wire, patience: Duration) -> Result<String, End> {
    match tokio::time::timeout(patience, wire.receive()).await {
        Ok(text) => Ok(text?.as_str().to_owned()),
        Err(_) => Err(Close::Unauthenticated.into()),
    }
}

struct Client {
    actor: Actor,
    place: Place,
    viewer: Viewer,
    /// Position that the client has, until its first topics are known.
    resume: Option<u64>,
    /// Position up to which it got everything that it may and wants to see.
    position: u64,
    watches: Watches,
    counts: Counts,
}

impl Client {
    async fn take(&mut self, wire: &mut Wire, api: &Api, text: &str) -> Result<(), End> {
        match serde_json::from_str(text) {
            Ok(ClientFrame::Ping) => wire.send(ServerFrame::Pong.text()).await,
            Ok(ClientFrame::Subscribe { topics, from }) => {
                self.subscribe(wire, api, topics, &from).await
            }
            Ok(ClientFrame::Unsubscribe { topics }) => {
                for text in &topics {
                    if let Some(topic) = Watched::parse(text) {
                        self.watches.end(topic);
                    } else if let Some(topic) = Topic::parse(text)
                        && self.viewer.unsubscribe(&topic)
                    {
                        self.place.unwant(&topic);
                        if topic == Topic::Alerts {
                            self.counts.end();
                        }
                    }
                }
                self.confirm(wire, Vec::new()).await
            }
            Ok(ClientFrame::Hello { .. }) | Err(_) => Err(Close::BadFrame.into()),
        }
    }

    async fn confirm(&mut self, wire: &mut Wire, refused: Vec<RefusedTopic>) -> Result<(), End> {
        let topics = self
            .viewer
            .topics()
            .map(|topic| topic.to_string())
            .chain(self.watches.topics().map(|topic| topic.to_string()))
            .collect();
        wire.send(ServerFrame::Subscribed { topics, refused }.text())
            .await
    }

    async fn subscribe(
        &mut self,
        wire: &mut Wire,
        api: &Api,
        texts: Vec<String>,
        from: &Begin,
    ) -> Result<(), End> {
        let mut refused = Vec::new();
        let mut fresh = Vec::new();
        for text in texts {
            if let Some(topic) = Watched::parse(&text) {
                let from = from.get(&text).copied().unwrap_or(0);
                if let Some(code) = self.watch(api, topic, (from, Duration::ZERO)).await? {
                    let code = code.as_str();
                    refused.push(RefusedTopic { topic: text, code });
                }
                continue;
            }
            match self.may_subscribe(api, &text).await? {
                Err(code) => refused.push(RefusedTopic {
                    topic: text,
                    code: code.as_str(),
                }),
                Ok(topic) if self.viewer.has(&topic) => {}
                Ok(topic) => {
                    let floor = self.place.want(topic.clone());
                    // What a client resumes from is its floor, until the replay is done.
                    self.viewer.subscribe(&topic, self.resume.unwrap_or(floor));
                    if topic == Topic::Alerts {
                        self.counts.begin();
                    }
                    fresh.push(topic);
                }
            }
        }
        self.confirm(wire, refused).await?;
        if fresh.is_empty() {
            return Ok(());
        }
        match self.resume.take() {
            Some(from) => self.replay(wire, api, fresh, from).await,
            None => Ok(()),
        }
    }

    async fn may_subscribe(&mut self, api: &Api, text: &str) -> Result<Result<Topic, Code>, End> {
        let Some(topic) = Topic::parse(text).filter(|_| self.viewer.topics().count() < MAX_TOPICS)
        else {
            return Ok(Err(Code::InvalidField));
        };
        match &topic {
            // Everybody may look at their part of the fleet, also when it is empty.
            Topic::Fleet | Topic::Alerts => Ok(Ok(topic)),
            Topic::Server(server) => {
                match may_look(api, &self.actor, server, Action::SeeServer).await? {
                    true => Ok(Ok(topic)),
                    false => Ok(Err(Code::NoServer)),
                }
            }
        }
    }

    /// Begins to watch a command or a job, unless that is done already; the code of the refusal otherwise.
    async fn watch(
        &mut self,
        api: &Api,
        topic: Watched,
        (from, pause): (u32, Duration),
    ) -> Result<Option<Code>, End> {
        if self.watches.has(topic) {
            return Ok(None);
        }
        if self.watches.is_full() {
            return Ok(Some(Code::Busy));
        }
        let telling = match topic {
            Watched::Command(id) => {
                match commands::found(api, &self.actor, id, Action::SeeCommands).await {
                    Ok((found, _)) => command::follow(api, found, from).await,
                    Err(problem) => Err(problem),
                }
            }
            Watched::Job(id) => job_of(api, &self.actor, id, pause).await,
        };
        match telling {
            Ok(telling) => {
                self.watches.begin(topic, telling);
                Ok(None)
            }
            Err(problem) => refused(api, &self.actor, &problem).map(Some),
        }
    }

    /// Sends what a topic tells, if this person may see all of it now.
    async fn tell(&mut self, wire: &mut Wire, api: &Api, told: Told) -> Result<(), End> {
        let mut allowed = told.frame.is_some();
        for server in &told.about {
            allowed = allowed
                && may(
                    api,
                    &self.actor,
                    server,
                    Action::SeeCommands,
                    Level::Operate,
                )
                .await?;
        }
        match (told.topic, told.frame) {
            (_, Some(frame)) if allowed => wire.send(frame).await,
            (Watched::Job(_), Some(_)) => self.anew(wire, api, told.topic, ANEW).await,
            (topic, _) => {
                self.watches.end(topic);
                self.lost(wire, topic, topic.absent()).await
            }
        }
    }

    /// Jobs are watched as this person may see them now.
    async fn jobs_anew(&mut self, wire: &mut Wire, api: &Api) -> Result<(), End> {
        let jobs: Vec<Watched> = self.watches.topics().filter(Watched::is_job).collect();
        if !jobs.is_empty() {
            wait_for_tables(api).await;
        }
        for topic in jobs {
            self.anew(wire, api, topic, Duration::ZERO).await?;
        }
        Ok(())
    }

    async fn anew(
        &mut self,
        wire: &mut Wire,
        api: &Api,
        topic: Watched,
        pause: Duration,
    ) -> Result<(), End> {
        self.watches.end(topic);
        match self.watch(api, topic, (0, pause)).await? {
            Some(code) => self.lost(wire, topic, code).await,
            None => Ok(()),
        }
    }

    async fn lost(&mut self, wire: &mut Wire, topic: Watched, code: Code) -> Result<(), End> {
        let (topic, code) = (topic.to_string(), code.as_str());
        let refused = vec![RefusedTopic { topic, code }];
        self.confirm(wire, refused).await
    }

    /// Sends what the client missed behind `from`, up to where the ring goes on.
    async fn replay(
        &mut self,
        wire: &mut Wire,
        api: &Api,
        topics: Vec<Topic>,
        from: u64,
    ) -> Result<(), End> {
        let to = self.place.position();
        let hub = api.hub();
        let sent = async {
            let mut samples =
                Samples::open(api.bus(), topics, from, to, hub.config().max_replay).await?;
            while let Some((items, seq)) = samples.next(hub).await? {
                let items: Vec<_> = items
                    .into_iter()
                    .filter(|item| self.viewer.sees(item))
                    .collect();
                if let Err(end) = wire.send_all(frame::replayed(&items, seq)).await {
                    return Ok(Err(end));
                }
            }
            let subject = self.viewer.subject();
            let mut items =
                replay::changes(api.bus(), api.store(), hub, subject, samples.since).await?;
            items.retain(|item| self.viewer.sees(item));
            Ok(wire.send_all(frame::replayed(&items, to)).await)
        };
        match sent.await {
            Ok(sent) => sent?,
            Err(ReplayError::Gap) => {
                self.viewer.begin_behind(to);
                wire.send(
                    ServerFrame::Gap {
                        from: from.saturating_add(1).min(to),
                        to,
                    }
                    .text(),
                )
                .await?;
            }
            Err(error @ (ReplayError::Bus(_) | ReplayError::Store(_))) => {
                tracing::warn!(error = %crate::problem::Chain(&error), "a live client could not resume");
                return Err(Close::TryLater.into());
            }
        }
        self.viewer.seen_up_to(to);
        self.position = to;
        Ok(())
    }

    /// Somebody's rights changed: this socket goes on with what this person may see now. A client whose part of the fleet
    /// changed is told to load it anew; one that lost a server is told which topics are left.
    async fn look_again(&mut self, wire: &mut Wire, api: &Api) -> Result<(), End> {
        let (refreshed, lost) = {
            let rights = api.hub().rights();
            let refreshed = self.viewer.refresh(self.actor.subject(), &rights);
            (refreshed, self.viewer.drop_hidden(&rights))
        };
        match refreshed {
            Refreshed::Same => return Ok(()),
            Refreshed::SwitchedOff => return Err(Close::Unauthenticated.into()),
            Refreshed::Changed => {}
        }
        for topic in &lost {
            self.place.unwant(topic);
        }
        if !lost.is_empty() {
            let refused = lost.iter().map(|topic| RefusedTopic {
                topic: topic.to_string(),
                code: Code::NoServer.as_str(),
            });
            self.confirm(wire, refused.collect()).await?;
        }
        if self.viewer.has(&Topic::Fleet) || self.viewer.has(&Topic::Alerts) {
            // The client loads what it shows as soon as it is told so.
            wait_for_tables(api).await;
            let (from, to) = (self.position, self.position);
            wire.send(ServerFrame::Gap { from, to }.text()).await?;
            self.count_anew();
        }
        Ok(())
    }

    /// Alerts may have begun or ended on the servers that this person sees.
    fn count_anew(&mut self) {
        if self.viewer.has(&Topic::Alerts) {
            self.counts.stale();
        }
    }

    async fn deliver(&mut self, wire: &mut Wire) -> Result<(), End> {
        let ticks = match self.place.take(TICKS) {
            Unseen::Ticks(ticks) => ticks,
            Unseen::TooOld => {
                self.place.jump();
                let to = self.place.position();
                let from = self.position + 1;
                self.viewer.seen_up_to(to);
                self.position = to;
                self.count_anew();
                metrics::counter!("chatops_api_live_gaps_total").increment(1);
                return wire.send(ServerFrame::Gap { from, to }.text()).await;
            }
        };
        let Some(last) = ticks.last() else {
            return Ok(());
        };
        if let Some(from) = ticks.iter().find_map(|tick| tick.gap_from) {
            wire.send(ServerFrame::Gap { from, to: last.seq }.text())
                .await?;
        }
        if ticks
            .iter()
            .any(|tick| tick.has_alerts() || tick.gap_from.is_some())
        {
            self.count_anew();
        }
        match ticks.as_slice() {
            [tick] if self.viewer.sees_whole_fleet(tick) => {
                for frame in tick.whole_fleet() {
                    wire.send(frame.clone()).await?;
                }
            }
            ticks => {
                for frame in frame::batches(ticks, &|item| self.viewer.sees(item)) {
                    wire.send(frame).await?;
                }
            }
        }
        self.position = last.seq;
        Ok(())
    }
}

/// A seat among the live sockets, and the words that accounts changed. What changed between the check of the credential
/// and the first word is found by asking once more.
pub(super) async fn seat(
    api: &Api,
    actor: &mut Actor,
) -> Result<(Place, broadcast::Receiver<UserId>), End> {
    let place = api.hub().enter().await.map_err(|_| Close::TryLater)?;
    let rechecks = api.hub().rechecks();
    recheck(api, actor, Ok(actor.user)).await?;
    Ok((place, rechecks))
}

/// A job that this person may know of, as they may see it now.
async fn job_of(api: &Api, actor: &Actor, id: JobId, pause: Duration) -> Result<Telling, Problem> {
    access::may(actor, Action::SeeFleet)?;
    let subject = api.hub().rights().now(actor.subject());
    let found = jobs::known_to(api, &subject, id).await?;
    job::follow(api, &subject, &found, pause).await
}

/// Until the tables show what the rights know already. When they take too long, an early word is better than none.
async fn wait_for_tables(api: &Api) {
    if let Ok(ctl) = api.bus().stream_info(StreamName::Ctl).await {
        let _ = written::visible(api, ctl.last_seq).await;
    }
}

/// The code of a refusal, which the audit is told of; an end where nothing can be said.
fn refused(api: &Api, actor: &Actor, problem: &Problem) -> Result<Code, End> {
    if let Some(denial) = problem.denial() {
        witness::denied(api, &actor.by(), denial);
    }
    match problem.code() {
        Code::DatabaseDown | Code::StreamsDown | Code::Internal => Err(Close::TryLater.into()),
        code => Ok(code),
    }
}

/// Takes the word that an account changed. True: it was this person's, and they are still in.
pub(super) async fn recheck(
    api: &Api,
    actor: &mut Actor,
    word: Result<UserId, RecvError>,
) -> Result<bool, End> {
    match word {
        Ok(user) if user != actor.user => return Ok(false),
        Ok(_) | Err(RecvError::Lagged(_)) => {}
        Err(RecvError::Closed) => return Err(Close::GoingAway.into()),
    }
    match actor.still(api).await {
        Ok(Some(now)) => {
            *actor = now;
            Ok(true)
        }
        Ok(None) => Err(Close::Unauthenticated.into()),
        Err(_) => Err(Close::TryLater.into()),
    }
}

/// Ends the conversation, with a refusal in its own form, when this person may not (any more) look at this server so.
pub(super) async fn authorise(
    wire: &mut Wire,
    api: &Api,
    actor: &Actor,
    (server, action): (&ServerId, Action),
    refusal: fn(Code) -> Utf8Bytes,
) -> Result<(), End> {
    if may_look(api, actor, server, action).await? {
        return Ok(());
    }
    wire.send(refusal(Code::NoServer)).await?;
    Err(Close::Forbidden.into())
}

/// Whether this person may look at this server so, now. A refusal is told to the audit.
async fn may_look(
    api: &Api,
    actor: &Actor,
    server: &ServerId,
    action: Action,
) -> Result<bool, End> {
    let allowed = may(api, actor, server, action, Level::View).await?;
    if !allowed {
        let problem = access::absent(api, actor, server).await;
        if let Some(denial) = problem.denial() {
            witness::denied(api, &actor.by(), denial);
        }
    }
    Ok(allowed)
}

/// Whether this person may do this, which needs this level, on this server now. The relay knows most servers; the database
/// knows what was added a moment ago.
pub(crate) async fn may(
    api: &Api,
    actor: &Actor,
    server: &ServerId,
    action: Action,
    level: Level,
) -> Result<bool, End> {
    let rights_say = {
        let rights = api.hub().rights();
        let subject = rights.now(actor.subject());
        match rights.owner(server) {
            Some(owner) => {
                let granted = rights.granted_on(subject.user, server);
                let resource = Resource::Server { owner, granted };
                Ok(access::decide(&subject, action, resource).allow)
            }
            None if rights.is_removed(server) => Ok(false),
            None => Err(access::visible(&subject, level)),
        }
    };
    match rights_say {
        Ok(said) => Ok(said),
        Err(None) => Ok(false),
        Err(Some(visible)) => api
            .store()
            .may_see(visible, server)
            .await
            .map_err(|_| Close::TryLater.into()),
    }
}
