//! How things are on one host, as its facts say. Pure.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chatops_bus::Recorded;
use chatops_schemas::{
    clock::Timestamp,
    event::{
        container::{Change, ContainerChanged},
        fact::{AgentConnected, AgentDisconnected},
    },
    rule::{MAX_DEATHS, MAX_FOR_MS, Trouble, fits},
};
use serde::{Deserialize, Serialize};

/// Containers of a host whose trouble is remembered; further ones are not, which is counted.
const CONTAINERS: usize = 512;
/// How far back the ends of a container are remembered, in microseconds: as long as a rule can ask for.
const DEATHS_BACK: i64 = MAX_FOR_MS as i64 * 1000;

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
    /// When containers ended, by the stream's clock, oldest first; by name.
    #[serde(default)]
    deaths: BTreeMap<String, VecDeque<Timestamp>>,
    /// Containers that were in trouble when they were removed, the newest last.
    #[serde(default)]
    gone: VecDeque<String>,
    /// Version of its agent, and the fact that says so.
    #[serde(default)]
    agent: Option<(String, Truth)>,
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
        match told.change {
            Change::Died => self.died(&told.name, recorded.stored_at),
            Change::Started => self.gone.retain(|gone| *gone != told.name),
            Change::Removed => self.removed(&told.name),
            _ => {}
        }
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

    fn died(&mut self, name: &str, at: Timestamp) {
        self.gone.retain(|gone| gone != name);
        let before = at.plus_micros(-DEATHS_BACK);
        self.deaths.retain(|_, all| all.back() > Some(&before));
        if self.deaths.len() >= CONTAINERS && !self.deaths.contains_key(name) {
            metrics::counter!("chatops_alerting_containers_left_out_total").increment(1);
            return;
        }
        let all = self.deaths.entry(name.to_owned()).or_default();
        if all.len() >= MAX_DEATHS as usize {
            all.pop_front();
        }
        all.push_back(at);
    }

    fn removed(&mut self, name: &str) {
        let ended = self.deaths.remove(name).is_some();
        if ended || self.troubled.contains_key(name) {
            if self.gone.len() >= CONTAINERS {
                self.gone.pop_front();
            }
            self.gone.push_back(name.to_owned());
        }
    }

    /// Whether a container was removed while it was in trouble, and is not there again.
    pub(super) fn is_gone(&self, container: &str) -> bool {
        self.gone.iter().any(|gone| gone == container)
    }

    /// Containers of these names that have ended so often within this time.
    pub(super) fn crash_loops(
        &self,
        names: &str,
        deaths: u32,
        within_ms: u64,
        now: Timestamp,
    ) -> Vec<(String, Truth)> {
        let within = i64::try_from(within_ms).unwrap_or(i64::MAX / 1000);
        let begin = now.plus_millis(-within);
        let fitting = self.deaths.iter().filter(|(name, _)| fits(names, name));
        fitting
            .filter_map(|(name, all)| {
                let mut newest = all.iter().rev().take_while(|at| **at > begin);
                let enough = newest.nth(deaths.saturating_sub(1) as usize).is_some();
                let last = all.back().filter(|_| enough)?;
                let lines = self.troubled.get(name).into_iter().flatten();
                let lines = lines.map(|(_, truth)| truth.lines.clone()).next();
                let truth = Truth {
                    from: *last,
                    since: *last,
                    seq: self.seq,
                    lines: lines.unwrap_or_default(),
                };
                Some((name.clone(), truth))
            })
            .collect()
    }

    pub(super) fn hello(&mut self, recorded: &Recorded, version: String) {
        self.seq = recorded.seq;
        let known = self.agent.take().filter(|(known, _)| *known == version);
        self.agent = known.or(Some((
            version,
            Truth {
                from: recorded.stored_at,
                since: recorded.stored_at,
                seq: recorded.seq,
                lines: Vec::new(),
            },
        )));
    }

    /// Whether its agent is older than this program.
    pub(super) fn agent_outdated(&self) -> Option<(String, Truth)> {
        let truth = self.outdated(env!("CARGO_PKG_VERSION"))?;
        Some((String::new(), truth))
    }

    /// Whether its agent is older than this.
    fn outdated(&self, current: &str) -> Option<Truth> {
        let (version, truth) = self.agent.as_ref()?;
        let older = parts(version)? < parts(current)?;
        older.then(|| Truth {
            lines: vec![format!("agent {version}, this hub {current}")],
            ..truth.clone()
        })
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

/// The numbers of a version; what follows them, as in `1.2.0-rc1`, does not count.
fn parts(version: &str) -> Option<[u64; 3]> {
    let numbers = version.split(['-', '+']).next()?;
    let mut parts = numbers.split('.').map(str::parse);
    let mut next = || parts.next()?.ok();
    Some([next()?, next()?, next()?])
}

#[cfg(test)]
mod scenarios;

#[cfg(test)]
mod tests {
    use chatops_schemas::event::fact::Transport;

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

    fn change(host: &mut Host, seq: u64, change: Change) {
        let told = ContainerChanged {
            container: "c".to_owned(),
            name: "web-1".to_owned(),
            image: None,
            project: None,
            change,
            exit_code: None,
            lines: Vec::new(),
            left_out: 0,
        };
        host.container(&at(seq * 1_000_000), Timestamp::default(), told);
    }

    #[test]
    fn a_container_that_ends_again_and_again_is_in_a_loop_until_it_stays_up() {
        let mut host = Host::default();
        let second = |second: u64| at(second * 1_000_000).stored_at;
        let looping = |host: &Host, now| host.crash_loops("web-*", 3, 60_000, second(now)).len();
        for (seq, what) in (0..).zip([Change::Died, Change::Started].repeat(2)) {
            change(&mut host, seq * 10, what);
        }
        assert_eq!(looping(&host, 30), 0, "twice is not three times");
        change(&mut host, 40, Change::Died);
        assert_eq!(looping(&host, 40), 1);
        assert_eq!(host.crash_loops("db", 3, 60_000, second(40)), []);
        assert_eq!(looping(&host, 59), 1);
        assert_eq!(looping(&host, 61), 0, "the first one is too long ago");
        // Never more are remembered than a rule can ask for.
        (50..150).for_each(|n| change(&mut host, n, Change::Died));
        assert_eq!(host.deaths["web-1"].len(), MAX_DEATHS as usize);
    }

    #[test]
    fn what_is_removed_is_gone_until_it_is_there_again() {
        let mut host = Host::default();
        change(&mut host, 1, Change::Removed);
        assert!(!host.is_gone("web-1"), "it was in no trouble");
        change(&mut host, 2, Change::Died);
        change(&mut host, 3, Change::Removed);
        assert!(host.is_gone("web-1") && host.containers("*", Trouble::Died).is_empty());
        change(&mut host, 4, Change::Started);
        assert!(!host.is_gone("web-1"));
    }

    #[test]
    fn an_agent_is_outdated_when_its_version_is_smaller() {
        let mut host = Host::default();
        assert_eq!(host.outdated("1.0.0"), None, "it never said");
        for (version, older) in [
            ("0.9.12", true),
            ("1.2.0", true),
            ("1.10.0", false),
            ("1.10.0-dev", false),
            ("2.0.0", false),
            ("unknown", false),
        ] {
            host.hello(&at(1), version.to_owned());
            assert_eq!(host.outdated("1.10.0").is_some(), older, "{version}");
        }
    }
}
