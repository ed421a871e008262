//! What one socket may see and wants to see. Asked again for every item, at the moment of delivery.

use std::collections::HashMap;

use chatops_projections::Visible;
use chatops_schemas::ids::ServerId;

use super::item::{Item, Kind};
use crate::access::{self, Action, Resource, Subject};

/// Most topics of one socket.
pub const MAX_TOPICS: usize = 256;

/// Something to subscribe to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Topic {
    /// The rows of all servers that the person sees.
    Fleet,
    /// Whole samples of one server.
    Server(ServerId),
}

impl Topic {
    /// From `fleet` or `server:<id>`.
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("server:") {
            None => (text == "fleet").then_some(Self::Fleet),
            Some(id) => ServerId::parse(id).ok().map(Self::Server),
        }
    }
}

impl std::fmt::Display for Topic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fleet => f.write_str("fleet"),
            Self::Server(id) => write!(f, "server:{id}"),
        }
    }
}

/// A person at a socket with their topics.
#[derive(Debug)]
pub struct Viewer {
    subject: Subject,
    /// Topic → position up to which its items were seen in another way (replay) or are not wanted (before it began).
    fleet: Option<u64>,
    servers: HashMap<ServerId, u64>,
}

impl Viewer {
    /// Without topics.
    pub fn new(subject: Subject) -> Self {
        Self {
            subject,
            fleet: None,
            servers: HashMap::new(),
        }
    }

    /// Who looks.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The account changed.
    pub fn become_subject(&mut self, subject: Subject) {
        self.subject = subject;
    }

    /// Its topics, servers in no particular order.
    pub fn topics(&self) -> impl Iterator<Item = Topic> {
        self.fleet
            .map(|_| Topic::Fleet)
            .into_iter()
            .chain(self.servers.keys().cloned().map(Topic::Server))
    }

    /// Whether it wants this topic already.
    pub fn has(&self, topic: &Topic) -> bool {
        match topic {
            Topic::Fleet => self.fleet.is_some(),
            Topic::Server(id) => self.servers.contains_key(id),
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
        }
    }

    /// Does not want a topic any more. False: it did not.
    pub fn unsubscribe(&mut self, topic: &Topic) -> bool {
        match topic {
            Topic::Fleet => self.fleet.take().is_some(),
            Topic::Server(id) => self.servers.remove(id).is_some(),
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
        if !access::decide(&self.subject, Action::SeeServer, Resource::Server { owner }).allow {
            return false;
        }
        let fresh = |floor: &u64| item.seq == 0 || item.seq > *floor;
        let detail = || self.servers.get(&item.server).is_some_and(fresh);
        match item.kind {
            Kind::Sample => detail(),
            Kind::Row | Kind::Presence | Kind::Server => {
                self.fleet.as_ref().is_some_and(fresh) || detail()
            }
        }
    }

    /// Whether it sees exactly what everybody with the whole fleet and nothing else sees, from `seq` on.
    pub fn sees_whole_fleet_from(&self, seq: u64) -> bool {
        self.servers.is_empty()
            && self.fleet.is_some_and(|floor| floor < seq)
            && access::visible(&self.subject) == Some(Visible::All)
    }
}

#[cfg(test)]
mod tests {
    use chatops_schemas::{clock::Timestamp, event::ctl::Role, event::metric, ids::UserId};
    use uuid::Uuid;

    use super::*;
    use crate::live::item;

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

    #[test]
    fn an_operator_gets_own_servers_only_and_nobody_gets_ownerless_ones() {
        let mut viewer = Viewer::new(Subject {
            user: ME,
            role: Role::Operator,
        });
        assert!(!viewer.sees(&row("a", Some(ME), 1)));
        assert!(viewer.subscribe(&Topic::Fleet, 0));
        assert!(viewer.sees(&row("a", Some(ME), 1)));
        assert!(!viewer.sees(&row("b", Some(OTHER), 1)));
        assert!(!viewer.sees(&row("c", None, 1)));
        viewer.become_subject(Subject {
            user: ME,
            role: Role::Viewer,
        });
        assert!(!viewer.sees(&row("a", Some(ME), 1)));
    }

    #[test]
    fn a_topic_begins_behind_its_floor() {
        let mut viewer = Viewer::new(Subject {
            user: ME,
            role: Role::Admin,
        });
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
        let mut admin = Viewer::new(Subject {
            user: ME,
            role: Role::Admin,
        });
        admin.subscribe(&Topic::Fleet, 5);
        assert!(admin.sees_whole_fleet_from(6));
        assert!(!admin.sees_whole_fleet_from(5));
        admin.subscribe(&Topic::Server(id("a")), 5);
        assert!(!admin.sees_whole_fleet_from(6));
        let mut operator = Viewer::new(Subject {
            user: ME,
            role: Role::Operator,
        });
        operator.subscribe(&Topic::Fleet, 5);
        assert!(!operator.sees_whole_fleet_from(6));
    }

    #[test]
    fn topics_have_one_spelling() {
        for text in ["fleet", "server:a-1"] {
            assert_eq!(Topic::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "Fleet", "server:", "server:a.b", "server:*", "alerts"] {
            assert_eq!(Topic::parse(text), None, "{text}");
        }
    }
}
