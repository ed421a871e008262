//! `chatops audit accept-restore`: a person says that what looks like a cut was a restore.

use std::{io::Write, path::PathBuf};

use anyhow::Context;
use chatops_audit::{
    Outside,
    restore::{self, Proposal, RestoreError},
};
use chatops_schemas::clock::System;

use crate::{
    compose,
    config::Config,
    output::Output,
    trouble::{Code, Trouble},
};

/// Says what would be accepted; accepts it when somebody gives their name and reason.
pub(super) async fn run(
    config: &Config,
    heads: &[PathBuf],
    said: Option<(String, String)>,
    output: &Output,
) -> anyhow::Result<()> {
    let config = super::super::located(config)?;
    let mut outside = super::read_heads(heads, None, output)?;
    let file = config.audit.heads_file.clone().map(Into::into);
    let kept = Outside::new(file, None).map_err(anyhow::Error::msg)?;
    outside.extend(kept.heads().await.context("read the heads outside")?);
    let bus = compose::bus(&config, "chatops audit accept-restore").await?;
    let proposal = restore::look(&bus, outside).await.map_err(told)?;
    show(&proposal)?;
    let Some((by, reason)) = said else {
        output.note("nothing was changed; to accept this add --yes --by NAME --reason TEXT");
        return Ok(());
    };
    if by.trim().is_empty() || reason.trim().is_empty() {
        return Err(Trouble::new(
            Code::Settings,
            "who accepts and why must not be empty",
            "give --by NAME and --reason TEXT",
        )
        .into());
    }
    let store = compose::store(&config).await?;
    let key = compose::audit_key(&store).await?;
    let accepted = restore::accept(&bus, &key, proposal, (&by, &reason), &System)
        .await
        .map_err(told)?;
    // The table may hold entries of the lost history.
    store
        .rebuild_audit()
        .await
        .context("have the table of the audit built anew")?;
    output.note(format_args!("{accepted}"));
    output
        .note("the audit goes on within ten seconds; if its page stays behind, restart the server");
    Ok(())
}

fn show(proposal: &Proposal) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let (kept, before) = (proposal.kept, &proposal.before);
    writeln!(out, "chain     {} entries", proposal.size)?;
    writeln!(
        out,
        "head      {} entries, signed at {}, root {}",
        before.size, before.time, before.root
    )?;
    if before.size > kept {
        let first = kept + 1;
        writeln!(out, "lost      entries {first} to {}", before.size)?;
    }
    for (stream, (position, entered)) in &proposal.positions {
        if position < entered {
            let first = position + 1;
            writeln!(
                out,
                "lost      events {first} to {entered} of {stream}; what lies there now gets entries"
            )?;
        } else {
            let first = entered + 1;
            writeln!(
                out,
                "lost      events {first} to {position} of {stream}, which never had entries"
            )?;
        }
    }
    if let Some(restore) = &proposal.unsigned {
        writeln!(out, "unsigned  {restore}")?;
    }
    out.flush()?;
    Ok(())
}

fn told(error: RestoreError) -> anyhow::Error {
    match error {
        RestoreError::Nothing => Trouble::new(
            Code::Failed,
            error.to_string(),
            "see what the audit waits for with `chatops audit verify` and on its page",
        )
        .into(),
        RestoreError::Tampered(_) => super::tampered(error.to_string()),
        RestoreError::Key => Trouble::new(
            Code::Failed,
            error.to_string(),
            "restore the database that belongs to these streams: the key lies in its vault",
        )
        .into(),
        other => anyhow::Error::from(other).context("accept the restore"),
    }
}
