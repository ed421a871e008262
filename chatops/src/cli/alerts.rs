//! `chatops alerts`: what is open, and what people do about it, from a shell on a machine with the settings. Looking shows
//! everything; doing something is done as a person, with the rights that they have, and their name is on it.

use std::io::Write;

use chatops_api::{
    Api,
    chat::{act, link, words::Words},
};
use chatops_projections::{
    Visible,
    view::{Alert, AlertQuery},
};
use chatops_schemas::{
    clock::{Clock, System, Timestamp},
    rule::wording::time_text,
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{AlertsVerb, Handle};
use crate::{
    compose::{self, Connections},
    config::Config,
    output::{Output, table},
    trouble::{Code, Trouble},
};

/// Alerts that a list shows.
const LISTED: u32 = 1000;

pub(super) async fn run(config: &Config, verb: AlertsVerb, output: &Output) -> anyhow::Result<()> {
    let config = super::located(config)?;
    let both = compose::connect(&config).await?;
    match verb {
        AlertsVerb::List { all, server, json } => {
            list(&both, all, server.as_deref(), json, output).await
        }
        AlertsVerb::Show { alert, json } => show(&both, &alert, json).await,
        AlertsVerb::Ack(Handle { what, by, note }) => {
            say(&config, &both, &by, Words::Acknowledge { what, note }).await
        }
        AlertsVerb::Resolve(Handle { what, by, note }) => {
            say(&config, &both, &by, Words::Resolve { what, note }).await
        }
        AlertsVerb::Silence {
            what,
            time,
            by,
            reason,
        } => {
            let line = format!("silence \"{what}\" {time} {reason}");
            let words = Words::parse(&line).map_err(|expected| wrong(&expected))?;
            say(&config, &both, &by, words).await
        }
    }
}

async fn alerts(both: &Connections, open: Option<bool>) -> anyhow::Result<Vec<Alert>> {
    let query = AlertQuery {
        open,
        limit: LISTED,
        ..AlertQuery::default()
    };
    Ok(both.store.alerts(Visible::All, &query).await?.items)
}

async fn list(
    both: &Connections,
    all: bool,
    server: Option<&str>,
    machine: bool,
    output: &Output,
) -> anyhow::Result<()> {
    let mut alerts = alerts(both, (!all).then_some(true)).await?;
    if let Some(server) = server {
        alerts.retain(|alert| alert.server.as_str() == server || alert.server_name == server);
    }
    let mut out = std::io::stdout().lock();
    if machine {
        for alert in &alerts {
            writeln!(out, "{}", object(alert))?;
        }
        return Ok(());
    }
    if alerts.is_empty() {
        output.say("No alert is open.");
        return Ok(());
    }
    let now = System.now();
    let rows = alerts.iter().map(|alert| row(alert, now));
    let headings = [
        "alert", "severity", "server", "device", "rule", "since", "state",
    ];
    writeln!(out, "{}", table(&headings, rows))?;
    Ok(())
}

fn row(alert: &Alert, now: Timestamp) -> Vec<String> {
    let state = match (&alert.end, &alert.acknowledged) {
        (Some(end), _) => format!("over, {}", end.cause.as_str().replace('_', " ")),
        (None, Some(_)) => format!(
            "{} takes care of it",
            alert.acknowledged_by_name.as_deref().unwrap_or("somebody")
        ),
        (None, None) => "open".to_owned(),
    };
    let device = match alert.device.as_str() {
        "" => "-",
        device => device,
    };
    let minutes = u64::try_from(now.micros_since(alert.since) / 60_000_000).unwrap_or_default();
    vec![
        act::short(alert.id),
        alert.severity.as_str().to_owned(),
        alert.server_name.clone(),
        device.to_owned(),
        alert.name.clone(),
        format!("{} ago", time_text(minutes * 60_000)),
        state,
    ]
}

fn object(alert: &Alert) -> serde_json::Value {
    json!({
        "id": alert.id,
        "server_id": alert.server,
        "server_name": alert.server_name,
        "rule_id": alert.rule,
        "rule_version": alert.rule_version,
        "name": alert.name,
        "wording": alert.wording,
        "device": alert.device,
        "severity": alert.severity,
        "since": alert.since,
        "raised_at": alert.raised_at,
        "acknowledged_by": alert.acknowledged_by_name,
        "acknowledged_at": alert.acknowledged.as_ref().map(|(_, at)| at),
        "resolved_at": alert.end.as_ref().map(|end| end.at),
        "resolved_cause": alert.end.as_ref().map(|end| end.cause),
    })
}

async fn show(both: &Connections, asked: &str, machine: bool) -> anyhow::Result<()> {
    let wanted = asked.replace('-', "").to_lowercase();
    let found = alerts(both, None).await?.into_iter();
    let mut found = found.filter(|alert| alert.id.0.simple().to_string().ends_with(&wanted));
    let (Some(alert), None) = (found.next().filter(|_| wanted.len() >= 4), found.next()) else {
        return Err(Trouble::new(
            Code::Settings,
            format!("{asked:?} is not the end of the id of exactly one alert"),
            "`chatops alerts list --all` shows them; give at least four characters",
        )
        .into());
    };
    let log = both.store.alert_log(alert.id).await?;
    let mut out = std::io::stdout().lock();
    if machine {
        let mut object = object(&alert);
        object["log"] = log
            .iter()
            .map(|entry| {
                json!({ "at": entry.at, "kind": entry.kind, "actor": entry.actor_name, "data": entry.data })
            })
            .collect();
        writeln!(out, "{object}")?;
        return Ok(());
    }
    writeln!(
        out,
        "{} on {}: {}",
        alert.name, alert.server_name, alert.wording
    )?;
    writeln!(out, "id      {}", alert.id)?;
    if !alert.device.is_empty() {
        writeln!(out, "device  {}", alert.device)?;
    }
    writeln!(out, "since   {}, told {}", alert.since, alert.raised_at)?;
    for entry in log {
        let who = entry.actor_name.as_deref().unwrap_or("-");
        let note = ["note", "cause", "channel_name"]
            .iter()
            .filter_map(|field| entry.data.get(field)?.as_str())
            .collect::<Vec<_>>()
            .join(", ");
        writeln!(out, "{}  {:<14} {who:<12} {note}", entry.at, entry.kind)?;
    }
    Ok(())
}

/// Does it as a person.
async fn say(config: &Config, both: &Connections, login: &str, words: Words) -> anyhow::Result<()> {
    let nobody = || {
        Trouble::new(
            Code::Settings,
            format!("nobody is called {login:?}"),
            "give a sign-in name with --as",
        )
    };
    let user = both.store.user_by_login(login).await?.ok_or_else(nobody)?;
    let api: Api = compose::api(config, both).await?;
    let here = std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    let refused = |problem: chatops_api::problem::Problem| {
        Trouble::new(
            Code::Failed,
            problem.words(),
            "see `chatops doctor` when it is not about this person",
        )
    };
    let actor = link::vouched(&api, user.id, here).await.map_err(refused)?;
    let actor = actor.ok_or_else(nobody)?;
    let said = act::act(&api, &actor, words).await;
    // What was refused is noted for the audit before this process ends.
    let now = CancellationToken::new();
    now.cancel();
    api.notary().run(now).await;
    let said = said.map_err(refused)?;
    if !said.for_all {
        return Err(wrong(&said.text).into());
    }
    writeln!(std::io::stdout(), "{}", said.text)?;
    Ok(())
}

fn wrong(what: &str) -> Trouble {
    Trouble::new(
        Code::Failed,
        what.to_owned(),
        "`chatops alerts list` shows what is open",
    )
}
