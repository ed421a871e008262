//! What is to be done next for a job. Pure: events in, steps out; no clock, no I/O.
//!
//! However often the same steps are worked out, by one runner or by several, carrying them out twice does nothing: a
//! command's id follows from job and host, and an end is appended once. A runner that knows less than there is (another one
//! was faster) counts hosts as running that have ended already: it never runs more than it may.

use std::collections::HashMap;

use chatops_schemas::{
    event::job::{JobEnded, JobOutcome, JobStarted},
    ids::{CommandId, ServerId},
};

/// How far a job is on one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// Nothing was asked of it.
    Waiting,
    /// It was asked, and there is no end yet.
    Asked,
    /// It ended as it should.
    Succeeded,
    /// It ended in another way.
    Failed,
}

/// What a person decided about the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Going {
    Unapproved,
    On,
    Paused,
    Cancelled,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Ask this host.
    Ask(ServerId),
    /// End what runs on this host.
    Stop(ServerId),
    /// The job is over.
    End(JobOutcome, Counts),
}

/// How many hosts ended how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// As they should.
    pub succeeded: u32,
    /// In another way.
    pub failed: u32,
    /// Never asked.
    pub skipped: u32,
}

/// A job that is not over.
#[derive(Debug, Clone)]
pub struct State {
    started: JobStarted,
    hosts: Vec<Host>,
    places: HashMap<CommandId, usize>,
    going: Going,
    /// Hosts that were told to stop, so that they are told once.
    told: Vec<bool>,
}

impl State {
    /// As it begins.
    pub fn new(started: JobStarted) -> Self {
        let places = started
            .servers
            .iter()
            .enumerate()
            .map(|(place, server)| (CommandId::of_job(started.job, server), place))
            .collect();
        let going = match started.needs_approval {
            true => Going::Unapproved,
            false => Going::On,
        };
        Self {
            hosts: vec![Host::Waiting; started.servers.len()],
            told: vec![false; started.servers.len()],
            places,
            going,
            started,
        }
    }

    /// As it was started.
    pub fn started(&self) -> &JobStarted {
        &self.started
    }

    /// The commands of all its hosts.
    pub fn commands(&self) -> impl Iterator<Item = (CommandId, &ServerId)> {
        self.started
            .servers
            .iter()
            .map(|server| (CommandId::of_job(self.started.job, server), server))
    }

    /// Whether it waits for another person.
    pub fn waits_for_approval(&self) -> bool {
        self.going == Going::Unapproved
    }

    /// Another person agreed.
    pub fn approved(&mut self) {
        if self.going == Going::Unapproved {
            self.going = Going::On;
        }
    }

    /// No further host until somebody resumes it.
    pub fn paused(&mut self) {
        if self.going == Going::On {
            self.going = Going::Paused;
        }
    }

    /// Further.
    pub fn resumed(&mut self) {
        if self.going == Going::Paused {
            self.going = Going::On;
        }
    }

    /// No further host, and an end to what runs.
    pub fn cancelled(&mut self) {
        self.going = Going::Cancelled;
    }

    /// A command of this job is known to be so far. What has ended stays ended; commands of others are none of ours.
    pub fn learnt(&mut self, command: CommandId, now: Host) {
        let Some(host) = self
            .places
            .get(&command)
            .map(|place| &mut self.hosts[*place])
        else {
            return;
        };
        if matches!(*host, Host::Waiting | Host::Asked) && now != Host::Waiting {
            *host = now;
        }
    }

    fn count(&self, wanted: Host) -> usize {
        self.hosts.iter().filter(|host| **host == wanted).count()
    }

    /// So many of the first hosts go first.
    fn canaries(&self) -> usize {
        let canary = usize::try_from(self.started.plan.canary).unwrap_or(usize::MAX);
        canary.min(self.hosts.len())
    }

    /// Whether failures have ended it.
    fn stopped(&self) -> bool {
        let canaries = &self.hosts[..self.canaries()];
        let allowed = usize::try_from(self.started.plan.stop_after).unwrap_or(usize::MAX);
        canaries.contains(&Host::Failed) || (allowed > 0 && self.count(Host::Failed) >= allowed)
    }

    /// How many hosts ended how, if it were over.
    pub fn counts(&self) -> Counts {
        let count = |host| u32::try_from(self.count(host)).unwrap_or(u32::MAX);
        Counts {
            succeeded: count(Host::Succeeded),
            failed: count(Host::Failed),
            skipped: count(Host::Waiting),
        }
    }

    /// The event of its end.
    pub fn end(&self, outcome: JobOutcome, counts: Counts) -> JobEnded {
        JobEnded {
            job: self.started.job,
            outcome,
            succeeded: counts.succeeded,
            failed: counts.failed,
            skipped: counts.skipped,
            message: None,
        }
    }

    /// What is to be done now. Steps that are carried out must be told ([`Self::learnt`]) before this is asked again.
    pub fn steps(&mut self) -> Vec<Step> {
        let (waiting, running) = (self.count(Host::Waiting), self.count(Host::Asked));
        let over = |outcome, state: &Self| match running {
            0 => vec![Step::End(outcome, state.counts())],
            _ => Vec::new(),
        };
        match self.going {
            Going::Unapproved => Vec::new(),
            Going::Cancelled if running == 0 => over(JobOutcome::Cancelled, self),
            Going::Cancelled => {
                let told = self.told.iter_mut();
                let hosts = self.hosts.iter().zip(&self.started.servers);
                told.zip(hosts)
                    .filter(|(told, (host, _))| **host == Host::Asked && !**told)
                    .map(|(told, (_, server))| {
                        *told = true;
                        Step::Stop(server.clone())
                    })
                    .collect()
            }
            Going::On | Going::Paused if waiting == 0 => over(JobOutcome::Completed, self),
            Going::On | Going::Paused if self.stopped() => over(JobOutcome::Stopped, self),
            Going::Paused => Vec::new(),
            Going::On => self.further(running),
        }
    }

    fn further(&self, running: usize) -> Vec<Step> {
        let canaries = self.canaries();
        let first = &self.hosts[..canaries];
        let proved = first.iter().all(|host| *host == Host::Succeeded);
        let reach = if proved { self.hosts.len() } else { canaries };
        let most = usize::try_from(self.started.plan.concurrency).unwrap_or(usize::MAX);
        self.hosts[..reach]
            .iter()
            .zip(&self.started.servers)
            .filter(|(host, _)| **host == Host::Waiting)
            .take(most.saturating_sub(running))
            .map(|(_, server)| Step::Ask(server.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests;
