//! `chatops audit export`: the chain to standard output. That it was taken out becomes an entry itself.

use std::io::Write;

use chatops_audit::{chain, export};
use chatops_bus::{Bus, StreamName};
use chatops_schemas::{
    audit::Entry,
    clock::{Clock, IdSource, System},
    envelope::Envelope,
    event::access::{Exported, Witnessed},
    subject,
};
use futures::StreamExt;

use super::super::{ExportFormat, replay::position::Position};
use crate::{compose, config::Config, output::Output};

pub(super) async fn run(
    config: &Config,
    format: ExportFormat,
    from: &str,
    to: Option<&str>,
    output: &Output,
) -> anyhow::Result<()> {
    let now = System.now();
    let first = Position::parse(from, now)?;
    let last = to.map(|to| Position::parse(to, now)).transpose()?;
    let config = super::super::located(config)?;
    let bus = compose::bus(&config, "chatops audit export").await?;
    let ends = bus.stream_info(StreamName::Audit).await?;
    witness(&bus, from, to, ends.messages).await?;

    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    if format == ExportFormat::Csv {
        writeln!(
            out,
            "seq,at,actor,action,target,address,result,stream,stream_seq,digest"
        )?;
    }
    let start = match first {
        Position::Seq(seq) => seq,
        Position::At(_) | Position::New => 1,
    };
    let mut entries = bus
        .read_to_end(StreamName::Audit, subject::AUDIT, start)
        .await?;
    let mut count = 0_u64;
    while let Some(recorded) = entries.next().await {
        let recorded = recorded?;
        let entry = Entry::decode(&recorded.payload).ok();
        // What cannot be read is taken along: leaving it out would hide it.
        let at = entry
            .as_ref()
            .map_or(recorded.stored_at, |entry| entry.content.at);
        let early = matches!(first, Position::At(from) if at < from) || first == Position::New;
        let late = match last {
            Some(Position::Seq(seq)) => recorded.seq > seq,
            Some(Position::At(to)) => at > to,
            Some(Position::New) | None => false,
        };
        if early || late {
            continue;
        }
        match (format, entry) {
            (ExportFormat::Ndjson, _) => writeln!(out, "{}", export::line(&recorded.payload))?,
            (ExportFormat::Csv, Some(entry)) => writeln!(out, "{}", row(&entry))?,
            (ExportFormat::Csv, None) => writeln!(out, "{},,,(unreadable)", recorded.seq)?,
        }
        count += 1;
    }
    if format == ExportFormat::Ndjson {
        for (_, head) in chain::heads(&bus).await?.heads {
            writeln!(out, "{}", export::head_line(&head))?;
        }
    }
    out.flush()?;
    output.note(format_args!("{count} entries"));
    Ok(())
}

/// Whoever runs this has the passwords of the servers; the trail says at least that it was done.
async fn witness(bus: &Bus, from: &str, to: Option<&str>, entries: u64) -> anyhow::Result<()> {
    let seen = Exported {
        what: "audit".to_owned(),
        query: format!("from={from}&to={}", to.unwrap_or_default()),
        entries,
    };
    let event = Envelope::new(System.event_id(), System.now(), seen).by("system");
    bus.publish(&subject::access(Exported::KIND), &event)
        .await?;
    Ok(())
}

/// Ids, wire names and addresses hold no comma and no quote; a target may, because it is whatever an event names.
fn row(entry: &Entry) -> String {
    let content = &entry.content;
    let cells = [
        entry.seq.to_string(),
        content.at.to_string(),
        content.actor.clone(),
        content.action.clone(),
        content.target.clone(),
        content.address.clone().unwrap_or_default(),
        content.outcome.as_str().to_owned(),
        content.source.stream.clone(),
        content.source.seq.to_string(),
        content.digest.to_string(),
    ];
    let quoted = cells.map(|cell| {
        if cell.contains([',', '"']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell
        }
    });
    quoted.join(",")
}
