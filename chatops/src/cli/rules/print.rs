//! What a trial found, for people and for programs.

use std::io::Write;

use chatops_alerting::history::Detail;
use chatops_schemas::{
    clock::Timestamp,
    rule::{Rule, wording::time_text},
};
use serde_json::json;

use super::Tried;
use crate::output::{Output, table};

pub(super) fn all(
    rule: &Rule,
    tried: &[Tried],
    machine: bool,
    output: &Output,
) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if machine {
        for one in tried {
            writeln!(out, "{}", object(one))?;
        }
        return Ok(());
    }
    let rows: Vec<_> = tried.iter().flat_map(|one| rows(rule, one)).collect();
    if !rows.is_empty() {
        writeln!(
            out,
            "{}",
            table(
                &["server", "device", "since", "told", "lasted", "values"],
                rows
            )
        )?;
    }
    for one in tried {
        output.say(sentence(rule, one));
    }
    if tried.is_empty() {
        output.say("There is no server yet. Add one on the fleet page.");
    }
    Ok(())
}

fn rows<'a>(rule: &'a Rule, one: &'a Tried) -> impl Iterator<Item = Vec<String>> + 'a {
    one.found.report.episodes.iter().map(move |episode| {
        let lasted = episode.resolved.map(|end| lasted(episode.raised, end));
        let values = rule.when.measures().into_iter().zip(&episode.values);
        let values = values.map(|(measure, value)| match value {
            Some(value) => format!("{measure} {}", short(*value)),
            None => format!("{measure} ?"),
        });
        vec![
            one.name.clone(),
            if episode.device.is_empty() {
                "-".to_owned()
            } else {
                episode.device.clone()
            },
            second(episode.since),
            second(episode.raised),
            lasted.unwrap_or_else(|| "still".to_owned()),
            values.collect::<Vec<_>>().join(", "),
        ]
    })
}

fn sentence(rule: &Rule, one: &Tried) -> String {
    let report = &one.found.report;
    if report.readings == 0 {
        return format!("{}: no readings in this time", one.name);
    }
    let alerts = count(report.episodes.len() as u64, "alert");
    let mut text = format!(
        "{}: {alerts} in {}",
        one.name,
        count(report.readings, "reading")
    );
    if report.passed > 0 {
        text.push_str(&format!(
            "; true for less than {} another {}",
            time_text(rule.for_ms),
            count(report.passed, "time")
        ));
    }
    if report.flaps > 0 {
        let better = time_text(report.suggested_for_ms);
        text.push_str(&format!(
            "; {} came back within ten minutes: try `for {better}`",
            report.flaps
        ));
    }
    if one.found.unread > 0 {
        text.push_str(&format!(
            "; {} could not be read",
            count(one.found.unread, "reading")
        ));
    }
    for part in &one.found.parts {
        let of = match part.detail {
            Detail::Each => continue,
            Detail::Minutes => "minutes",
            Detail::Hours => "hours",
        };
        text.push_str(&format!(
            "; up to {} there are only means of {of}, which hide short peaks",
            second(part.to)
        ));
    }
    text
}

fn object(one: &Tried) -> serde_json::Value {
    let episodes = one.found.report.episodes.iter().map(|episode| {
        json!({
            "device": episode.device,
            "since": episode.since,
            "raised": episode.raised,
            "resolved": episode.resolved,
            "values": episode.values,
        })
    });
    let parts = one.found.parts.iter().map(|part| {
        json!({
            "resolution": match part.detail {
                Detail::Each => "raw",
                Detail::Minutes => "1m",
                Detail::Hours => "1h",
            },
            "from": part.from,
            "to": part.to,
            "readings": part.readings,
        })
    });
    json!({
        "server_id": one.server,
        "name": one.name,
        "readings": one.found.report.readings,
        "unread": one.found.unread,
        "complete": one.found.complete,
        "parts": parts.collect::<Vec<_>>(),
        "alerts": episodes.collect::<Vec<_>>(),
        "passed": one.found.report.passed,
        "flaps": one.found.report.flaps,
        "suggested_for_ms": one.found.report.suggested_for_ms,
    })
}

fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn lasted(from: Timestamp, to: Timestamp) -> String {
    let seconds = u64::try_from(to.micros_since(from) / 1_000_000).unwrap_or_default();
    time_text(seconds * 1000)
}

/// To the second: the rest is noise in a table.
fn second(at: Timestamp) -> String {
    Timestamp::from_micros(at.micros().div_euclid(1_000_000) * 1_000_000).rfc3339()
}

fn short(value: f64) -> String {
    if value.abs() >= 1000.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}
