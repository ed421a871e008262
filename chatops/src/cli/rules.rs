//! `chatops rules try`: a rule on what was measured, in the database and in the stream, judged by the code that judges live
//! readings.

mod print;

use std::collections::BTreeMap;

use anyhow::Context;
use chatops_alerting::history::{Bounds, Found, Span};
use chatops_api::trial;
use chatops_bus::{Bus, StreamName};
use chatops_schemas::{
    catalogue::Payload,
    clock::{Clock, System, Timestamp},
    codec,
    ids::ServerId,
    rule::{Rule, Scope, Severity, Wording},
    subject::{self, Entity},
};
use futures::StreamExt;

use super::{TryRule, replay::position::Position};
use crate::{
    compose,
    config::Config,
    output::Output,
    trouble::{Code, Trouble},
};

/// What came out for one server.
struct Tried {
    server: ServerId,
    name: String,
    found: Found,
}

pub(super) async fn try_out(
    config: &Config,
    asked: TryRule,
    output: &Output,
) -> anyhow::Result<()> {
    let rule = rule(&asked.rule)?;
    let from = match Position::parse(&asked.from, System.now())? {
        Position::At(at) => at,
        Position::Seq(_) | Position::New => {
            return Err(Trouble::new(
                Code::Settings,
                format!("{:?} is no time to begin at", asked.from),
                "give a moment such as 2026-01-31T12:00:00Z, or a time ago such as -7d",
            )
            .into());
        }
    };
    let config = super::located(config)?;
    let both = compose::connect(&config).await?;
    let servers = chosen(&known(&both.bus).await?, &asked.server)?;
    let span = Span { from, to: None };
    let mut past = both.store.past();
    let (mut tried, many) = (Vec::new(), servers.len());
    for (n, (server, name)) in (1..).zip(servers) {
        let title = if many == 1 {
            format!("readings of {name}")
        } else {
            format!("readings of {name}, {n} of {many}")
        };
        let mut told = |at: Timestamp| output.detail(&title, format_args!("at {}", minute(at)));
        // Whoever waits at a terminal can end it, so nothing else does.
        let bounds = (span, Bounds::default());
        let found = trial::on_server(&mut past, &both.bus, &rule, &server, bounds, &mut told);
        let found = output.step(&title, Box::pin(found)).await?;
        tried.push(Tried {
            server,
            name,
            found,
        });
    }
    print::all(&rule, &tried, asked.json, output)
}

fn rule(text: &str) -> Result<Rule, Trouble> {
    let trouble = |what: String| {
        Trouble::new(
            Code::Settings,
            what,
            "see `chatops rules try --help` for what a rule may say",
        )
    };
    let wording = Wording::parse(text).map_err(|error| trouble(error.to_string()))?;
    let rule = Rule {
        name: wording
            .to_string()
            .chars()
            .take(chatops_schemas::rule::MAX_NAME)
            .collect(),
        note: String::new(),
        enabled: true,
        severity: Severity::Warning,
        scope: Scope::All,
        when: wording.when,
        for_ms: wording.for_ms,
        keep_ms: wording.keep_ms,
    };
    rule.validate()
        .map_err(|error| trouble(error.to_string()))?;
    Ok(rule)
}

/// Names of the servers of the fleet.
async fn known(bus: &Bus) -> anyhow::Result<BTreeMap<ServerId, String>> {
    let filter = subject::ctl_every(Entity::Server);
    let mut events = bus.read_to_end(StreamName::Ctl, &filter, 1).await?;
    let mut known = BTreeMap::new();
    while let Some(event) = events.next().await {
        let event = event.context("read OPS_CTL")?;
        match codec::decode_any(&event.payload).map(|event| event.data) {
            Ok(Payload::ServerRegistered(data)) => known.insert(data.server, data.name),
            Ok(Payload::ServerChanged(data)) => known.insert(data.server, data.name),
            Ok(Payload::ServerDeleted(data)) => known.remove(&data.server),
            _ => None,
        };
    }
    Ok(known)
}

fn chosen(
    known: &BTreeMap<ServerId, String>,
    asked: &[String],
) -> Result<Vec<(ServerId, String)>, Trouble> {
    let all = known
        .iter()
        .map(|(server, name)| (server.clone(), name.clone()));
    if asked.is_empty() {
        return Ok(all.collect());
    }
    for asked in asked {
        if !known
            .iter()
            .any(|(server, name)| name == asked || server.as_str() == asked)
        {
            return Err(Trouble::new(
                Code::Settings,
                format!("there is no server {asked:?}"),
                "give the name or the id of a server as the fleet page shows it",
            ));
        }
    }
    Ok(all
        .filter(|(server, name)| {
            asked
                .iter()
                .any(|asked| name == asked || server.as_str() == asked)
        })
        .collect())
}

/// As exact as somebody needs it who waits.
fn minute(at: Timestamp) -> String {
    let text = at.rfc3339();
    text.get(..16)
        .map_or(text.clone(), |text| text.replace('T', " "))
}
