//! How things are on one host, as its facts say. Pure.

use std::collections::{BTreeMap, BTreeSet};

use chatops_bus::Recorded;
use chatops_schemas::{
    clock::Timestamp,
    event::{
        container::ContainerChanged,
        fact::{AgentConnected, AgentDisconnected},
    },
    rule::{Trouble, fits},
};
use serde::{Deserialize, Serialize};

/// Containers of a host whose trouble is remembered; further ones are not, which is counted.
const CONTAINERS: usize = 512;

/// See the module.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Host {
    /// Open sessions of its agent.
    sessions: BTreeSet<String>,
    /// Since when there is one, or none, once there was one; by the stream's clock.
    turned: Option<Timestamp>,
    /// The same by the clock of whoever saw it.
    since: Timestamp,
    /// Containers in trouble, by name.
    troubled: BTreeMap<String, Vec<(u8, Truth)>>,
    /// The newest fact.
    pub(super) seq: u64,
}

/// That something is so.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Truth {
    /// From when waiting counts, by the stream's clock.
    pub(super) from: Timestamp,
    /// From when it is so, by the clock of whoever saw it.
    pub(super) since: Timestamp,
    /// The fact that says so.
    pub(super) seq: u64,
    /// What was written last.
    pub(super) lines: Vec<String>,
}

impl Host {
    pub(super) fn connected(&mut self, recorded: &Recorded, told: AgentConnected) {
        self.seq = recorded.seq;
        if self.sessions.is_empty() {
            self.turned = Some(recorded.stored_at);
            self.since = recorded.stored_at;
        }
        self.sessions.insert(told.session);
    }

    pub(super) fn disconnected(
        &mut self,
        recorded: &Recorded,
        at: Timestamp,
        told: &AgentDisconnected,
    ) {
        self.seq = recorded.seq;
        let was_up = !self.sessions.is_empty() || self.turned.is_none();
        self.sessions.remove(&told.session);
        if told.remaining == 0 {
            self.sessions.clear();
        }
        if was_up && self.sessions.is_empty() {
            self.turned = Some(recorded.stored_at);
            self.since = at;
        }
    }

    pub(super) fn container(&mut self, recorded: &Recorded, at: Timestamp, told: ContainerChanged) {
        self.seq = recorded.seq;
        for (kind, trouble) in (0_u8..).zip(Trouble::ALL) {
            match trouble.told_by(told.change) {
                Some(true) => {
                    if self.troubled.len() >= CONTAINERS && !self.troubled.contains_key(&told.name)
                    {
                        metrics::counter!("chatops_alerting_containers_left_out_total")
                            .increment(1);
                        return;
                    }
                    let all = self.troubled.entry(told.name.clone()).or_default();
                    let new = Truth {
                        from: recorded.stored_at,
                        since: at,
                        seq: recorded.seq,
                        lines: told.lines.clone(),
                    };
                    match all.iter_mut().find(|(known, _)| *known == kind) {
                        // It goes on; what it wrote last is what helps.
                        Some((_, known)) => known.lines = new.lines,
                        None => all.push((kind, new)),
                    }
                }
                Some(false) => {
                    if let Some(all) = self.troubled.get_mut(&told.name) {
                        all.retain(|(known, _)| *known != kind);
                        if all.is_empty() {
                            self.troubled.remove(&told.name);
                        }
                    }
                }
                None => {}
            }
        }
    }

    /// Whether it has no connection although it once had one. `hub`: since when anybody could have connected.
    pub(super) fn down(&self, hub: Timestamp) -> Option<Truth> {
        let turned = self.turned.filter(|_| self.sessions.is_empty())?;
        Some(Truth {
            from: turned.max(hub),
            since: self.since,
            seq: self.seq,
            lines: Vec::new(),
        })
    }

    /// Since when it has a connection.
    pub(super) fn connected_since(&self) -> Option<Timestamp> {
        self.turned.filter(|_| !self.sessions.is_empty())
    }

    /// Containers of these names that are in this trouble.
    pub(super) fn containers(&self, names: &str, trouble: Trouble) -> Vec<(String, Truth)> {
        let kind = Trouble::ALL.iter().position(|known| *known == trouble);
        let fitting = self.troubled.iter().filter(|(name, _)| fits(names, name));
        fitting
            .filter_map(|(name, all)| {
                let same = |(known, _): &&(u8, Truth)| Some(usize::from(*known)) == kind;
                let (_, truth) = all.iter().find(same)?;
                Some((name.clone(), truth.clone()))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use chatops_schemas::event::{container::Change, fact::Transport};

    use super::*;

    fn at(seq: u64) -> Recorded {
        Recorded {
            seq,
            subject: String::new(),
            stored_at: Timestamp::from_micros(i64::try_from(seq).unwrap()),
            id: None,
            payload: Vec::new().into(),
            pending: 0,
        }
    }

    fn came(host: &mut Host, seq: u64, session: &str) {
        let told = AgentConnected {
            session: session.to_owned(),
            key: chatops_schemas::ids::KeyId::parse("k").unwrap(),
            transport: Transport::Nats,
            address: None,
            orders: false,
        };
        host.connected(&at(seq), told);
    }

    fn went(host: &mut Host, seq: u64, session: &str, remaining: u32) {
        let told = AgentDisconnected {
            session: session.to_owned(),
            transport: Transport::Nats,
            address: None,
            reason: None,
            remaining,
        };
        host.disconnected(&at(seq), Timestamp::default(), &told);
    }

    #[test]
    fn a_host_is_down_when_its_last_session_has_ended() {
        let mut host = Host::default();
        let hub = Timestamp::default();
        assert_eq!(host.down(hub), None, "it never came");
        came(&mut host, 1, "a");
        came(&mut host, 2, "b");
        went(&mut host, 3, "a", 1);
        assert_eq!(host.down(hub), None);
        went(&mut host, 4, "b", 0);
        assert_eq!(host.down(hub).unwrap().from, at(4).stored_at);
        went(&mut host, 5, "a", 0);
        assert_eq!(host.down(hub).unwrap().from, at(4).stored_at, "told twice");
        let later = Timestamp::from_micros(9);
        assert_eq!(host.down(later).unwrap().from, later);
        came(&mut host, 6, "c");
        assert_eq!(host.down(hub), None);
    }

    #[test]
    fn a_container_is_in_trouble_until_the_opposite_is_told() {
        let mut host = Host::default();
        let mut tell = |seq, change, line: &str| {
            let told = ContainerChanged {
                container: "c".to_owned(),
                name: "web-1".to_owned(),
                image: None,
                project: None,
                change,
                exit_code: None,
                lines: vec![line.to_owned()],
                left_out: 0,
            };
            host.container(&at(seq), Timestamp::default(), told);
            host.containers("web-*", Trouble::Died)
        };
        assert!(tell(1, Change::Started, "").is_empty());
        assert_eq!(tell(2, Change::Died, "one")[0].1.lines, ["one"]);
        let again = tell(3, Change::Died, "two");
        assert_eq!((again[0].1.seq, &again[0].1.lines[0][..]), (2, "two"));
        assert_eq!(tell(4, Change::Unhealthy, "").len(), 1);
        assert!(tell(5, Change::Started, "").is_empty());
        assert!(host.troubled.is_empty());
    }
}
