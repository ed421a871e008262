//! What one socket may see and wants to see. Asked again for every item, at the moment of delivery.

use std::collections::HashMap;

use chatops_projections::Visible;
use chatops_schemas::ids::{ServerId, UserId};

use super::{
    item::{Item, Kind},
    rights::Rights,
    ring::Tick,
};
use crate::access::{self, Action, Level, Resource, Subject};

/// Most topics of one socket.
pub const MAX_TOPICS: usize = 256;

/// Shapes of all topics.
pub const TOPICS: [&str; 3] = ["fleet", "server:{id}", "alerts"];

/// Something to subscribe to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Topic {
    /// The rows of all servers that the person sees.
    Fleet,
    /// Whole samples of one server.
    Server(ServerId),
    /// What happens to alerts of all servers that the person sees, and how many are open.
    Alerts,
}

impl Topic {
    /// From `fleet`, `alerts` or `server:<id>`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "fleet" => Some(Self::Fleet),
            "alerts" => Some(Self::Alerts),
            _ => {
                let id = text.strip_prefix("server:")?;
                ServerId::parse(id).ok().map(Self::Server)
            }
        }
    }

    /// Its shape, one of [`TOPICS`].
    pub const fn shape(&self) -> &'static str {
        match self {
            Self::Fleet => TOPICS[0],
            Self::Server(_) => TOPICS[1],
            Self::Alerts => TOPICS[2],
        }
    }
}

impl std::fmt::Display for Topic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fleet => f.write_str("fleet"),
            Self::Server(id) => write!(f, "server:{id}"),
            Self::Alerts => f.write_str("alerts"),
        }
    }
}

/// What another look at the rights came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refreshed {
    /// They see what they saw before.
    Same,
    /// They see more or less than before.
    Changed,
    /// Their account is switched off.
    SwitchedOff,
}

/// A person at a socket with their topics.
#[derive(Debug)]
pub struct Viewer {
    subject: Subject,
    /// What is shared with them.
    granted: HashMap<ServerId, Level>,
    /// Topic → position up to which its items were seen in another way (replay) or are not wanted (before it began).
    fleet: Option<u64>,
    servers: HashMap<ServerId, u64>,
    /// They are not from the metrics stream, and not replayed: see [`super::counts`].
    alerts: bool,
}

impl Viewer {
    /// Without topics.
    pub fn new(subject: Subject, rights: &Rights) -> Self {
        Self {
            subject: rights.now(subject),
            granted: rights.granted(subject.user),
            fleet: None,
            servers: HashMap::new(),
            alerts: false,
        }
    }

    /// Who looks.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Looks again what this person may see; `subject` is who they came as.
    pub fn refresh(&mut self, subject: Subject, rights: &Rights) -> Refreshed {
        let before = std::mem::replace(&mut self.subject, rights.now(subject));
        let granted = rights.granted(subject.user);
        let shared = std::mem::replace(&mut self.granted, granted);
        if !self.subject.active {
            return Refreshed::SwitchedOff;
        }
        let (then, now) = (sight(&before), sight(&self.subject));
        let same = then == now
            && (now != Some(Visible::To(subject.user, Level::View))
                || shared
                    .keys()
                    .all(|server| self.granted.contains_key(server))
                    && shared.len() == self.granted.len());
        if same {
            Refreshed::Same
        } else {
            Refreshed::Changed
        }
    }

    /// Takes the topics away whose servers this person may no longer see.
    pub fn drop_hidden(&mut self, rights: &Rights) -> Vec<Topic> {
        let hidden: Vec<ServerId> = self
            .servers
            .keys()
            .filter(|server| {
                let owner = rights.last_owner(server);
                owner.is_some_and(|owner| !self.may_see(server, owner))
            })
            .cloned()
            .collect();
        for server in &hidden {
            self.servers.remove(server);
        }
        hidden.into_iter().map(Topic::Server).collect()
    }

    fn may_see(&self, server: &ServerId, owner: UserId) -> bool {
        let granted = self.granted.get(server).copied();
        let resource = Resource::Server { owner, granted };
        access::decide(&self.subject, Action::SeeServer, resource).allow
    }

    /// Its topics, servers in no particular order.
    pub fn topics(&self) -> impl Iterator<Item = Topic> {
        self.fleet
            .map(|_| Topic::Fleet)
            .into_iter()
            .chain(self.alerts.then_some(Topic::Alerts))
            .chain(self.servers.keys().cloned().map(Topic::Server))
    }

    /// Whether it wants this topic already.
    pub fn has(&self, topic: &Topic) -> bool {
        match topic {
            Topic::Fleet => self.fleet.is_some(),
            Topic::Server(id) => self.servers.contains_key(id),
            Topic::Alerts => self.alerts,
        }
    }

    /// Wants a topic, from behind position `floor`. False: it has it already.
    pub fn subscribe(&mut self, topic: &Topic, floor: u64) -> bool {
        match topic {
            Topic::Fleet if self.fleet.is_some() => false,
            Topic::Fleet => {
                self.fleet = Some(floor);
                true
            }
            Topic::Server(id) if self.servers.contains_key(id) => false,
            Topic::Server(id) => {
                self.servers.insert(id.clone(), floor);
                true
            }
            Topic::Alerts => !std::mem::replace(&mut self.alerts, true),
        }
    }

    /// Does not want a topic any more. False: it did not.
    pub fn unsubscribe(&mut self, topic: &Topic) -> bool {
        match topic {
            Topic::Fleet => self.fleet.take().is_some(),
            Topic::Server(id) => self.servers.remove(id).is_some(),
            Topic::Alerts => std::mem::take(&mut self.alerts),
        }
    }

    /// Everything up to here has been seen.
    pub fn seen_up_to(&mut self, seq: u64) {
        for floor in self.fleet.iter_mut().chain(self.servers.values_mut()) {
            *floor = (*floor).max(seq);
        }
    }

    /// Everything begins behind this position, whatever was asked for: what lies before is given up.
    pub fn begin_behind(&mut self, seq: u64) {
        for floor in self.fleet.iter_mut().chain(self.servers.values_mut()) {
            *floor = seq;
        }
    }

    /// Whether this item goes out on this socket now.
    pub fn sees(&self, item: &Item) -> bool {
        let Some(owner) = item.owner else {
            return false;
        };
        if !self.may_see(&item.server, owner) {
            return false;
        }
        let fresh = |floor: &u64| item.seq == 0 || item.seq > *floor;
        let detail = || self.servers.get(&item.server).is_some_and(fresh);
        match item.kind {
            Kind::Alert => self.alerts,
            Kind::Sample => detail(),
            Kind::Row | Kind::Presence | Kind::Server => {
                self.fleet.as_ref().is_some_and(fresh) || detail()
            }
        }
    }

    /// Whether it sees exactly what everybody with the whole fleet sees of this tick.
    pub fn sees_whole_fleet(&self, tick: &Tick) -> bool {
        self.servers.is_empty()
            && self.fleet.is_some_and(|floor| floor < tick.first_seq())
            && (self.alerts || !tick.has_alerts())
            && sight(&self.subject) == Some(Visible::All)
    }
}

fn sight(subject: &Subject) -> Option<Visible> {
    access::visible(subject, Level::View)
}

#[cfg(test)]
mod tests {
    use chatops_schemas::{
        catalogue::Payload,
        clock::Timestamp,
        event::{
            ctl::{Role, ServerRegistered},
            metric,
            people::{
                GrantGiven, GrantRevoked, Granted, Grantee, UserDeactivated, UserRoleChanged,
            },
        },
        ids::{AlertId, GrantId, RuleId},
    };
    use std::sync::Arc;
    use uuid::Uuid;

    use super::*;
    use crate::{
        body::alert::AlertCounts,
        live::{
            item,
            ring::{Ring, Unseen},
        },
    };

    const ME: UserId = UserId(Uuid::from_u128(1));
    const OTHER: UserId = UserId(Uuid::from_u128(2));

    fn id(text: &str) -> ServerId {
        ServerId::parse(text).unwrap()
    }

    fn row(server: &str, owner: Option<UserId>, seq: u64) -> Item {
        item::row(
            &id(server),
            owner,
            seq,
            Timestamp::default(),
            &metric::Sample::default(),
        )
        .unwrap()
    }

    fn sample(server: &str, owner: Option<UserId>, seq: u64) -> Item {
        item::sample(
            &id(server),
            owner,
            seq,
            Timestamp::default(),
            &metric::Sample::default(),
        )
        .unwrap()
    }

    fn alert(server: &str, owner: Option<UserId>) -> Item {
        let news = item::AlertNews {
            op: "raised",
            server: id(server),
            alert: AlertId(Uuid::from_u128(3)),
            rule: RuleId(Uuid::from_u128(4)),
        };
        item::alert(&news, AlertCounts::default(), owner).unwrap()
    }

    fn tick(item: Item) -> Arc<Tick> {
        let mut ring = Ring::new(9);
        let seq = item.seq.max(9);
        ring.push(vec![item], seq, None);
        match ring.since(1, 1) {
            Unseen::Ticks(mut ticks) => ticks.remove(0),
            Unseen::TooOld => unreachable!("it has one tick"),
        }
    }

    #[test]
    fn an_operator_gets_own_servers_only_and_nobody_gets_ownerless_ones() {
        let mut rights = Rights::default();
        let mut viewer = Viewer::new(Subject::of(ME, Role::Operator), &rights);
        assert!(!viewer.sees(&row("a", Some(ME), 1)));
        assert!(viewer.subscribe(&Topic::Fleet, 0));
        assert!(viewer.sees(&row("a", Some(ME), 1)));
        assert!(!viewer.sees(&row("b", Some(OTHER), 1)));
        assert!(!viewer.sees(&row("c", None, 1)));
        // A viewer still looks at their own; one of a role that is not known does not.
        let is = |role| Payload::UserRoleChanged(UserRoleChanged { user: ME, role });
        rights.apply(&is(Role::Viewer));
        let came = Subject::of(ME, Role::Operator);
        assert_eq!(viewer.refresh(came, &rights), Refreshed::Same);
        assert!(viewer.sees(&row("a", Some(ME), 1)));
        rights.apply(&is(Role::Unknown));
        assert_eq!(viewer.refresh(came, &rights), Refreshed::Changed);
        assert!(!viewer.sees(&row("a", Some(ME), 1)));
        rights.apply(&Payload::UserDeactivated(UserDeactivated { user: ME }));
        assert_eq!(viewer.refresh(came, &rights), Refreshed::SwitchedOff);
    }

    #[test]
    fn what_is_shared_is_seen_until_it_is_not() {
        let mut rights = Rights::default();
        rights.apply(&Payload::ServerRegistered(ServerRegistered {
            server: id("b"),
            name: "b".to_owned(),
            owner: OTHER,
            tags: vec![],
            interval_ms: None,
        }));
        let came = Subject::of(ME, Role::Viewer);
        let mut viewer = Viewer::new(came, &rights);
        viewer.subscribe(&Topic::Fleet, 0);
        viewer.subscribe(&Topic::Server(id("b")), 0);
        assert!(!viewer.sees(&row("b", Some(OTHER), 1)));
        let (to, on) = (Grantee::User(ME), Granted::Server(id("b")));
        let grant = GrantId::of(&to, &on);
        let level = Level::View;
        rights.apply(&Payload::GrantGiven(GrantGiven {
            grant,
            to,
            on,
            level,
        }));
        assert_eq!(viewer.refresh(came, &rights), Refreshed::Changed);
        assert_eq!(viewer.refresh(came, &rights), Refreshed::Same);
        assert!(viewer.sees(&row("b", Some(OTHER), 1)));
        assert!(viewer.drop_hidden(&rights).is_empty());
        rights.apply(&Payload::GrantRevoked(GrantRevoked { grant }));
        assert_eq!(viewer.refresh(came, &rights), Refreshed::Changed);
        assert!(!viewer.sees(&row("b", Some(OTHER), 1)));
        assert_eq!(viewer.drop_hidden(&rights), [Topic::Server(id("b"))]);
        assert!(!viewer.has(&Topic::Server(id("b"))));
    }

    #[test]
    fn a_topic_begins_behind_its_floor() {
        let mut viewer = Viewer::new(Subject::of(ME, Role::Admin), &Rights::default());
        viewer.subscribe(&Topic::Fleet, 10);
        assert!(!viewer.sees(&row("a", Some(OTHER), 10)));
        assert!(viewer.sees(&row("a", Some(OTHER), 11)));
        assert!(!viewer.sees(&sample("a", Some(OTHER), 11)));
        assert!(viewer.subscribe(&Topic::Server(id("a")), 20));
        assert!(!viewer.subscribe(&Topic::Server(id("a")), 0));
        assert!(!viewer.sees(&sample("a", Some(OTHER), 20)));
        assert!(viewer.sees(&sample("a", Some(OTHER), 21)));
        viewer.seen_up_to(30);
        assert!(!viewer.sees(&row("a", Some(OTHER), 30)));
        assert!(viewer.unsubscribe(&Topic::Server(id("a"))));
        assert!(!viewer.sees(&sample("a", Some(OTHER), 31)));
    }

    #[test]
    fn the_shared_frame_is_only_for_those_who_see_all_of_it_and_no_more() {
        let mut admin = Viewer::new(Subject::of(ME, Role::Admin), &Rights::default());
        admin.subscribe(&Topic::Fleet, 5);
        assert!(admin.sees_whole_fleet(&tick(row("a", Some(OTHER), 6))));
        assert!(!admin.sees_whole_fleet(&tick(row("a", Some(OTHER), 5))));
        // Nobody gets alerts that they did not ask for.
        assert!(!admin.sees_whole_fleet(&tick(alert("a", Some(OTHER)))));
        admin.subscribe(&Topic::Alerts, 5);
        assert!(admin.sees_whole_fleet(&tick(alert("a", Some(OTHER)))));
        admin.subscribe(&Topic::Server(id("a")), 5);
        assert!(!admin.sees_whole_fleet(&tick(row("a", Some(OTHER), 6))));
        let mut operator = Viewer::new(Subject::of(ME, Role::Operator), &Rights::default());
        operator.subscribe(&Topic::Fleet, 5);
        assert!(!operator.sees_whole_fleet(&tick(row("a", Some(OTHER), 6))));
    }

    #[test]
    fn alerts_are_seen_by_those_who_asked_and_may_see_the_server() {
        let mut viewer = Viewer::new(Subject::of(ME, Role::Operator), &Rights::default());
        viewer.subscribe(&Topic::Fleet, 0);
        viewer.subscribe(&Topic::Server(id("a")), 0);
        assert!(!viewer.sees(&alert("a", Some(ME))));
        assert!(viewer.subscribe(&Topic::Alerts, 90));
        assert!(!viewer.subscribe(&Topic::Alerts, 90));
        assert!(viewer.sees(&alert("a", Some(ME))));
        assert!(!viewer.sees(&alert("b", Some(OTHER))));
        assert!(!viewer.sees(&alert("c", None)));
        assert!(viewer.unsubscribe(&Topic::Alerts) && !viewer.has(&Topic::Alerts));
        assert!(!viewer.sees(&alert("a", Some(ME))));
    }

    #[test]
    fn topics_have_one_spelling() {
        for text in ["fleet", "server:a-1", "alerts"] {
            assert_eq!(Topic::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "Fleet", "server:", "server:a.b", "server:*", "alert"] {
            assert_eq!(Topic::parse(text), None, "{text}");
        }
    }
}
