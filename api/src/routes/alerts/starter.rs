//! `GET /alerts/starter-rules`: rules that help almost everybody, to begin with. Nothing of it is on by itself.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    access::{self, Action},
    auth::actor::Actor,
    body::alert::Severity,
    problem::{Document, Problem},
    state::Api,
};

/// A rule to begin with.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct StarterRule {
    /// For people.
    name: &'static str,
    /// What to do about it.
    note: &'static str,
    /// How bad it is.
    severity: Severity,
    /// What it watches.
    wording: &'static str,
}

/// Rules to begin with.
#[derive(Debug, Serialize, ToSchema)]
pub struct StarterRules {
    /// The most important first. `POST /alerts/rules` takes them one by one.
    rules: Vec<StarterRule>,
}

use Severity::{Critical, Info, Warning};

const fn starter(
    severity: Severity,
    name: &'static str,
    wording: &'static str,
    note: &'static str,
) -> StarterRule {
    StarterRule {
        name,
        note,
        severity,
        wording,
    }
}

const RULES: [StarterRule; 22] = [
    starter(
        Critical,
        "Host down",
        "down for 1m",
        "Is the machine on, and does the network reach it? While it is down, its other alerts are raised but nobody is told of them. If only the agent stopped: systemctl status chatops-agent.",
    ),
    starter(
        Warning,
        "Host silent",
        "silent for 5m",
        "The agent is connected but sends no readings: look at its log (journalctl -u chatops-agent) and at the load of the host.",
    ),
    starter(
        Critical,
        "Disk full",
        "fs:*:share >= 95 clear 92 for 5m",
        "Programs begin to fail when it is full. Make room now: old logs, old releases, package caches; du -xh --max-depth=2 shows where it went.",
    ),
    starter(
        Warning,
        "Disk almost full",
        "fs:*:share >= 90 clear 85 for 5m",
        "Find what grows before it is full: logs without rotation, backups, unused container images.",
    ),
    starter(
        Warning,
        "Disk full within a day",
        "full_in(fs:*:share, 6h) < 1d clear 2d for 30m",
        "If it goes on as in the last six hours, it is full within a day. Find what grows: logs, backups, a queue that nobody empties.",
    ),
    starter(
        Warning,
        "Inodes almost used up",
        "fs:*:inodes_share >= 90 clear 85 for 5m",
        "Too many small files: no new one can be made when they are used up, however much space is left. Look at caches, mail queues and sessions.",
    ),
    starter(
        Critical,
        "Memory used up",
        "mem >= 97 clear 94 for 5m",
        "The kernel ends programs when nothing is left. See which process grew, and restart or limit it.",
    ),
    starter(
        Warning,
        "Memory almost used up",
        "mem >= 90 clear 85 for 10m",
        "See which processes hold it. Caches do not count; this is memory that cannot be had otherwise.",
    ),
    starter(
        Warning,
        "Swap in use",
        "swap >= 60 clear 40 for 10m",
        "The host is short of memory and gets slow. Find what grew, or give it more memory.",
    ),
    starter(
        Warning,
        "Processor busy",
        "cpu >= 90 clear 80 for 15m",
        "See which processes use it. Is this work wanted at this time? If it stays so, the host is too small.",
    ),
    starter(
        Info,
        "Work waits for the processor",
        "psi_cpu >= 50 clear 30 for 15m",
        "More is to be done than cores can do. Unlike the load it needs no division by the number of cores.",
    ),
    starter(
        Warning,
        "Work waits for disks",
        "psi_io >= 40 clear 20 for 15m",
        "Disks are too slow for what is asked of them, or one is failing: look at the time that reads and writes take, and at the kernel's log.",
    ),
    starter(
        Critical,
        "Too hot",
        "temp:*:celsius >= 90 clear 80 for 2m",
        "Look at fans, dust and the temperature of the room. Processors slow down or switch off when it gets worse.",
    ),
    starter(
        Warning,
        "Hot",
        "temp:*:celsius >= 80 clear 75 for 10m",
        "Look at fans and at what keeps the host busy.",
    ),
    starter(
        Critical,
        "Container out of memory",
        "container \"*\" out_of_memory",
        "It needed more memory than it may have and was ended. Raise its limit, or find the leak; its last lines are with the alert.",
    ),
    starter(
        Warning,
        "Container unhealthy",
        "container \"*\" unhealthy for 2m",
        "Its health check fails. Look at its log and at what the check asks.",
    ),
    starter(
        Warning,
        "Container ended",
        "container \"*\" died for 1m",
        "It ended and was not started again within a minute. If that is meant, name the containers that matter instead of *.",
    ),
    starter(
        Critical,
        "Container in a crash loop",
        "container \"*\" died 5 times in 10m",
        "It ends as often as it is started. Its last lines are with the alert; look at its configuration and at what it needs to begin.",
    ),
    starter(
        Warning,
        "Service failed",
        "unit:*:failed > 0 for 1m",
        "A systemd unit ended with an error and was not started again: systemctl status and journalctl -u with its name say why.",
    ),
    starter(
        Info,
        "Host restarted",
        "change(uptime_s, 5m) < 0",
        "Was it planned? If not: journalctl -b -1 -e shows the end of the time before.",
    ),
    starter(
        Info,
        "Agent out of date",
        "agent outdated for 1d",
        "It is older than the hub and may not know everything that the hub asks. The server's page has the command that updates it.",
    ),
    starter(
        Info,
        "Network errors",
        "avg(net:*:rx_errors, 5m) > 1 for 10m",
        "A cable, a port or a driver: compare with the switch, and with other hosts on it.",
    ),
];

/// List rules to begin with
#[utoipa::path(get, path = "/alerts/starter-rules", tag = "Alerts", operation_id = "alerts_starter_rules",
    responses(
        (status = 200, description = "the rules", body = StarterRules),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(State(_api): State<Api>, actor: Actor) -> Result<Json<StarterRules>, Problem> {
    access::may(&actor, Action::SeeFleet)?;
    Ok(Json(StarterRules {
        rules: RULES.to_vec(),
    }))
}

#[cfg(test)]
mod tests {
    use chatops_schemas::rule::{Rule, Scope, Wording};

    use super::*;

    #[test]
    fn each_can_be_a_rule_as_it_is() {
        let mut names = std::collections::HashSet::new();
        for draft in RULES {
            assert!(names.insert(draft.name), "{} is there twice", draft.name);
            let Wording {
                when,
                for_ms,
                keep_ms,
            } = Wording::parse(draft.wording)
                .unwrap_or_else(|error| panic!("{}: {error}", draft.name));
            let rule = Rule {
                name: draft.name.to_owned(),
                note: draft.note.to_owned(),
                enabled: true,
                severity: draft.severity.into(),
                scope: Scope::All,
                when,
                for_ms,
                keep_ms,
            };
            assert_eq!(rule.validate(), Ok(()), "{}", draft.name);
            assert_eq!(rule.wording(), draft.wording);
            assert!(draft.note.len() > 20, "{} says nothing", draft.name);
        }
    }
}
