//! What differs between the roster and the world. The asking is done apart from the service's loop, so that an agent
//! that comes meanwhile does not wait.

use std::collections::{HashMap, HashSet};

use chatops_bus::Bus;
use chatops_schemas::{clock::Timestamp, event::fact::Transport};
use futures::{StreamExt, stream};

use super::{
    agent_of,
    book::{Seen, holder, nats_base, websocket_base},
    gateways::{self, Holding},
};
use crate::connz::{self, Survey};

/// Questions about single connections under way at the same time.
const PARALLEL: usize = 32;

/// A comparison with one kind of holder.
#[derive(Debug)]
pub(super) struct Findings {
    /// Which kind.
    pub(super) transport: Transport,
    /// When it was asked.
    pub(super) asked: Timestamp,
    /// What is there: everything for NATS, names only for gateways.
    pub(super) alive: Vec<Alive>,
    /// Bases that their holder says it does not have.
    pub(super) gone: Vec<String>,
    /// Bases whose holder does not answer.
    pub(super) silent: Vec<String>,
}

/// Something that is there.
#[derive(Debug)]
pub(super) enum Alive {
    /// All that is needed to write a fact about it.
    Known(Seen),
    /// Its base only.
    Named(String),
}

/// Compares with the NATS servers. `before` are the bases that were open when the question was decided on: what came
/// later cannot be missing from the answer.
pub(super) async fn with_servers(
    sys: Bus,
    account: String,
    before: Vec<String>,
    asked: Timestamp,
) -> Result<Findings, connz::SurveyError> {
    let survey = connz::survey(&sys, &account).await?;
    let (missing, silent) = sort_out(&before, &survey);
    // Pages shift while they are read, so absence from a list is not yet proof.
    let checked: Vec<_> = stream::iter(missing)
        .map(|base| {
            let sys = &sys;
            async move {
                let there = match holder(&base) {
                    Some((_, server, cid)) => connz::exists(sys, server, cid).await,
                    None => Some(false),
                };
                (base, there)
            }
        })
        .buffer_unordered(PARALLEL)
        .collect()
        .await;
    let mut findings = Findings {
        transport: Transport::Nats,
        asked,
        alive: survey.connections.into_iter().filter_map(alive).collect(),
        gone: Vec::new(),
        silent,
    };
    for (base, there) in checked {
        match there {
            Some(false) => findings.gone.push(base),
            Some(true) => {}
            None => findings.silent.push(base),
        }
    }
    Ok(findings)
}

fn alive(connection: connz::Connection) -> Option<Alive> {
    let (server, key) = agent_of(&connection.user)?;
    Some(Alive::Known(Seen {
        base: nats_base(&connection.server_id, connection.cid),
        server,
        key,
        transport: Transport::Nats,
        address: connection.address,
        orders: false,
        since: connection.start,
    }))
}

/// Bases absent from a server that answered, and bases of servers that did not.
fn sort_out(before: &[String], survey: &Survey) -> (Vec<String>, Vec<String>) {
    let there: HashSet<String> = survey
        .connections
        .iter()
        .map(|connection| nats_base(&connection.server_id, connection.cid))
        .collect();
    let absent = before.iter().filter(|base| !there.contains(*base)).cloned();
    absent
        .partition(|base| holder(base).is_none_or(|(_, server, _)| survey.servers.contains(server)))
}

/// Compares with the WebSocket gateways.
pub(super) async fn with_gateways(
    ops: Bus,
    before: Vec<String>,
    asked: Timestamp,
) -> Result<Findings, chatops_bus::RequestError> {
    let holdings = gateways::ask(&ops).await?;
    Ok(sort_out_gateways(&before, &holdings, asked))
}

fn sort_out_gateways(before: &[String], holdings: &[Holding], asked: Timestamp) -> Findings {
    let held: HashMap<&str, HashSet<u64>> = holdings
        .iter()
        .map(|holding| {
            (
                holding.instance.as_str(),
                holding.open.iter().copied().collect(),
            )
        })
        .collect();
    let mut findings = Findings {
        transport: Transport::Websocket,
        asked,
        alive: Vec::new(),
        gone: Vec::new(),
        silent: Vec::new(),
    };
    for (instance, numbers) in &held {
        findings.alive.extend(
            numbers
                .iter()
                .map(|number| Alive::Named(websocket_base(instance, *number))),
        );
    }
    for base in before {
        match holder(base).map(|(_, instance, number)| (held.get(instance), number)) {
            Some((Some(numbers), number)) if numbers.contains(&number) => {}
            Some((None, _)) => findings.silent.push(base.clone()),
            Some((Some(_), _)) | None => findings.gone.push(base.clone()),
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bases(list: &[&str]) -> Vec<String> {
        list.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn absence_counts_only_where_the_server_answered() {
        let survey = Survey {
            servers: HashSet::from(["N1".to_owned()]),
            connections: vec![connz::Connection {
                server_id: "N1".into(),
                cid: 1,
                user: "agent:h1:k1".into(),
                address: None,
                start: None,
            }],
        };
        let (missing, silent) = sort_out(&bases(&["nats:N1:1", "nats:N1:2", "nats:N2:1"]), &survey);
        assert_eq!(missing, bases(&["nats:N1:2"]));
        assert_eq!(silent, bases(&["nats:N2:1"]));
    }

    #[test]
    fn a_gateway_that_answers_is_believed_and_a_silent_one_is_not_presumed_dead() {
        let holdings = [Holding {
            instance: "g1".into(),
            open: vec![1],
        }];
        let found = sort_out_gateways(
            &bases(&["ws:g1:1", "ws:g1:2", "ws:g2:1"]),
            &holdings,
            Timestamp::from_millis(0),
        );
        assert_eq!(found.gone, bases(&["ws:g1:2"]));
        assert_eq!(found.silent, bases(&["ws:g2:1"]));
        assert_eq!(found.alive.len(), 1);
    }
}
