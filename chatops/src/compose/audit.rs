//! The appender of the audit chain, and what it tells of itself, carried to where the API looks.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use chatops_audit::{Appender, Outside, Settings, State};
use chatops_projections::{
    Store,
    view::{AuditChecked, AuditFound, AuditRestored, AuditTold},
};
use chatops_schemas::{audit::HeadKey, clock::System};
use rand::{TryRngCore, rngs::OsRng};
use secrecy::{ExposeSecret, SecretSlice};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Connections, bus};
use crate::{
    config::Config,
    lifecycle::Stage,
    trouble::{Code, Trouble},
};

/// Name in the vault of the key that signs heads. Made by the first appender; nobody else reads it.
const KEY: &str = "audit_signing_key";
/// Shortest and longest time between two tellings.
const AT_MOST_EVERY: Duration = Duration::from_secs(1);
const AT_LEAST_EVERY: Duration = Duration::from_secs(30);

pub(super) async fn run(
    stage: &mut Stage,
    config: &Config,
    connections: &Connections,
) -> anyhow::Result<()> {
    let key = key(&connections.store).await?;
    let webhook = config.audit.heads_webhook.get();
    let outside = Outside::new(
        config.audit.heads_file.clone().map(Into::into),
        webhook.map(ExposeSecret::expose_secret),
    )
    .map_err(|why| {
        Trouble::new(
            Code::Settings,
            format!("audit.heads_webhook is no address: {why}"),
            "set it to an address such as https://example.org/heads, or leave it empty",
        )
    })?;
    let bus = bus(config, "chatops audit").await?;
    let appender = Appender::new(bus, key, outside, Settings::default(), Arc::new(System));
    let (token, store) = (stage.token(), connections.store.clone());
    let state = appender.state().subscribe();
    // At once, so that nobody reads the words of a process that is gone.
    store
        .tell_audit_state(&told(&State::default()))
        .await
        .context("tell the state of the audit")?;
    stage.run("audit state", async move {
        tell(store, state, token).await;
        Ok(())
    });
    let token = stage.token();
    stage.run("audit", async move {
        Box::pin(appender.run(token)).await;
        Ok(())
    });
    Ok(())
}

/// The key that signs heads.
pub(crate) async fn key(store: &Store) -> anyhow::Result<HeadKey> {
    let mut seed = [0; 32];
    OsRng
        .try_fill_bytes(&mut seed)
        .context("make the key of the audit chain")?;
    let kept = store
        .secret_or_put(KEY, &SecretSlice::from(seed.to_vec()))
        .await
        .context("read the key of the audit chain")?;
    let seed: &[u8; 32] = kept
        .expose_secret()
        .try_into()
        .context("the key of the audit chain in the vault has the wrong length")?;
    Ok(HeadKey::from_seed(seed))
}

/// Writes what the appender says where the API reads it. Nothing depends on it: a database that does not answer only makes
/// people see older words, with their time.
async fn tell(store: Store, mut state: watch::Receiver<State>, stop: CancellationToken) {
    loop {
        let told = told(&state.borrow_and_update());
        if let Err(error) = store.tell_audit_state(&told).await {
            tracing::debug!(%error, "the state of the audit could not be told");
        }
        let next = async {
            tokio::time::sleep(AT_MOST_EVERY).await;
            // An appender that has ended changes nothing any more: its last words are out already.
            let _ = tokio::time::timeout(AT_LEAST_EVERY, state.changed()).await;
        };
        if stop.run_until_cancelled(next).await.is_none() {
            return;
        }
    }
}

fn told(state: &State) -> AuditTold {
    AuditTold {
        phase: state.phase.as_str().to_owned(),
        reason: state.phase.reason().map(str::to_owned),
        size: state.size,
        head: state.head.clone(),
        outside: state.outside.clone(),
        checked: state.checked.as_ref().map(|checked| AuditChecked {
            at: checked.at,
            size: checked.verdict.size,
            signed: checked.verdict.signed,
            restores: checked
                .verdict
                .restores
                .iter()
                .map(|restore| AuditRestored {
                    entry: restore.entry,
                    at: restore.at,
                    text: restore.to_string(),
                })
                .collect(),
            findings: checked
                .verdict
                .findings
                .iter()
                .map(|finding| AuditFound {
                    kind: finding.kind().to_owned(),
                    entry: finding.entry(),
                    text: finding.to_string(),
                })
                .collect(),
        }),
    }
}
