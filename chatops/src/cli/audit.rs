//! `chatops audit`: proof that nobody changed the trail, and the trail as a file.

mod export;
mod restore;

use std::{
    fs::File,
    io::{BufReader, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;
use chatops_audit::{check, outside};
use chatops_schemas::audit::{Head, Verdict};

use super::AuditVerb;
use crate::{
    compose,
    config::Config,
    output::Output,
    trouble::{Code, Trouble},
};

pub(super) async fn run(config: &Config, verb: AuditVerb, output: &Output) -> anyhow::Result<()> {
    match verb {
        AuditVerb::Verify { export, heads, key } => {
            let outside = read_heads(&heads, key.as_deref(), output)?;
            let kept = outside.len();
            let (verdict, events) = match export {
                Some(file) => (offline(&file, outside)?, None),
                None => online(config, outside, output).await?,
            };
            tell(&verdict, events, kept, key.as_deref(), output)
        }
        AuditVerb::AcceptRestore {
            by,
            reason,
            heads,
            yes,
        } => {
            let said = by.zip(reason).filter(|_| yes);
            restore::run(config, &heads, said, output).await
        }
        AuditVerb::Export { format, from, to } => {
            export::run(config, format, &from, to.as_deref(), output).await
        }
    }
}

/// The heads of files, each named by its line.
fn read_heads(
    files: &[PathBuf],
    key: Option<&str>,
    output: &Output,
) -> anyhow::Result<Vec<(String, Head)>> {
    let mut heads = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("read the heads in {}", path.display()))?;
        let (found, others) = outside::parse(path, &text);
        if !others.is_empty() {
            output.warn(format_args!(
                "{} lines of {} are no heads; the first is line {}",
                others.len(),
                path.display(),
                others[0]
            ));
        }
        heads.extend(found);
    }
    if let Some(key) = key
        && let Some((origin, head)) = heads
            .iter()
            .find(|(_, head)| head.key_id.to_string() != key)
    {
        return Err(tampered(format!(
            "the head {origin} was signed by key {}, not by {key}",
            head.key_id
        )));
    }
    // The first head says which key all others must be of: those from outside are trusted most.
    Ok(heads)
}

async fn online(
    config: &Config,
    outside: Vec<(String, Head)>,
    output: &Output,
) -> anyhow::Result<(Verdict, Option<u64>)> {
    let config = super::located(config)?;
    let bus = compose::bus(&config, "chatops audit verify").await?;
    let report = check::whole(&bus, outside).await?;
    if report.unreadable_heads > 0 {
        output.warn(format_args!(
            "{} messages among the signed heads are no heads",
            report.unreadable_heads
        ));
    }
    Ok((report.verdict, Some(report.events)))
}

fn offline(file: &Path, outside: Vec<(String, Head)>) -> anyhow::Result<Verdict> {
    let open = || File::open(file).map(BufReader::new);
    chatops_audit::export::check(open, outside).with_context(|| format!("check {}", file.display()))
}

fn tell(
    verdict: &Verdict,
    events: Option<u64>,
    outside: usize,
    key: Option<&str>,
    output: &Output,
) -> anyhow::Result<()> {
    if let (Some(wanted), Some(found)) = (key, verdict.key)
        && found.to_string() != wanted
    {
        return Err(tampered(format!(
            "the heads are signed by key {found}, not by {wanted}"
        )));
    }
    let mut out = std::io::stdout().lock();
    let key = verdict
        .key
        .map_or_else(|| "none".to_owned(), |key| key.to_string());
    writeln!(out, "entries   {}", verdict.size)?;
    writeln!(out, "signed    {} by key {key}", verdict.signed)?;
    writeln!(
        out,
        "heads     {} compared, {outside} of them from outside",
        verdict.heads
    )?;
    if let Some(events) = events {
        writeln!(out, "events    {events} are still kept and were compared")?;
    }
    writeln!(out, "root      {}", verdict.root)?;
    for restore in &verdict.restores {
        writeln!(out, "restored  {restore}")?;
    }
    for finding in &verdict.findings {
        writeln!(out, "{:9} {finding}", finding.kind())?;
    }
    out.flush()?;
    match verdict.findings.first() {
        Some(first) => Err(tampered(first.to_string())),
        None => {
            match verdict.restores.as_slice() {
                [] => output.note("nothing was altered, removed, reordered or forked"),
                restores => output.warn(format_args!(
                    "{} accepted: nothing else was altered, removed, reordered or forked",
                    match restores.len() {
                        1 => "a restore was".to_owned(),
                        several => format!("{several} restores were"),
                    }
                )),
            }
            if outside == 0 {
                output.note("no heads from outside were compared: name them with --heads");
            }
            Ok(())
        }
    }
}

fn tampered(what: String) -> anyhow::Error {
    Trouble::new(
        Code::Tampered,
        what,
        "keep the streams as they are, compare with your backups, and read docs/audit.md",
    )
    .into()
}
