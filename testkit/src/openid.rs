//! An OpenID provider of one's own: `testkit/oidc`, somebody else's certified implementation. Called by tests of signing in
//! through one.
//!
//! Guarantees: `start` returns once it listens; what a person belongs to can be changed while it runs. On Drop the process
//! is killed. Its packages are installed from the lock file at the first use in a checkout.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, bail};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use crate::{Runtime, Scratch, forget, scratch_dir, watch};

const PATIENCE: Duration = Duration::from_secs(60);

/// A running provider.
#[derive(Debug)]
pub struct OpenIdProvider {
    issuer: String,
    scratch: Scratch,
    child: Child,
    /// Kept open: a program that cannot say something may end.
    _said: Lines<BufReader<ChildStdout>>,
}

impl OpenIdProvider {
    /// The only client that it knows.
    pub const CLIENT_ID: &str = "chatops";
    /// Its secret.
    pub const CLIENT_SECRET: &str = "a secret between provider and client";

    /// Starts it for a client at this address; `accounts` are the claims of each person, as a JSON object by name.
    pub async fn start(redirect: &str, accounts: &str) -> anyhow::Result<Self> {
        let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("oidc");
        install(&place).await?;
        let scratch = scratch_dir()?;
        let file = scratch.join("accounts.json");
        std::fs::write(&file, accounts).context("write the provider's accounts")?;
        let settings = format!(
            r#"{{"client_secret": "{}", "redirect_uris": ["{redirect}"], "accounts": "{}"}}"#,
            Self::CLIENT_SECRET,
            file.display()
        );
        let mut child = Command::new(node("node")?)
            .arg(place.join("provider.mjs"))
            .arg(settings)
            .current_dir(&place)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("start the OpenID provider")?;
        watch(child.id().context("the OpenID provider has ended")?)?;
        let said = child.stdout.take().context("read what it says")?;
        let mut lines = BufReader::new(said).lines();
        let issuer = async {
            while let Some(line) = lines.next_line().await? {
                if let Some(issuer) = line.strip_prefix("ISSUER ") {
                    return Ok(issuer.to_owned());
                }
            }
            bail!("the OpenID provider has ended")
        };
        let issuer = timeout(PATIENCE, issuer)
            .await
            .context("the OpenID provider does not listen")??;
        Ok(Self {
            issuer,
            scratch,
            child,
            _said: lines,
        })
    }

    /// Its address.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Changes what it says about people.
    pub fn set_accounts(&self, accounts: &str) -> anyhow::Result<()> {
        std::fs::write(self.scratch.join("accounts.json"), accounts)
            .context("write the provider's accounts")
    }

    /// Ends it.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        let pid = self.child.id();
        self.child
            .kill()
            .await
            .context("kill the OpenID provider")?;
        pid.into_iter().for_each(forget);
        Ok(())
    }
}

/// Installs the packages unless they are there; one of several test processes does, the others wait.
async fn install(place: &Path) -> anyhow::Result<()> {
    let lock = std::env::temp_dir().join("chatops-test-oidc.lock");
    let lock = File::create(lock).context("open the lock of the provider's packages")?;
    let held = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock));
    let held = held.await?.context("wait for the provider's packages")?;
    let installed = packages(place).await;
    drop(held);
    installed
}

async fn packages(place: &Path) -> anyhow::Result<()> {
    let done = place.join("node_modules/.package-lock.json");
    if done.exists() {
        return Ok(());
    }
    let installed = Command::new(node("npm")?)
        .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
        .current_dir(place)
        .output()
        .await
        .context("run npm")?;
    if !installed.status.success() {
        bail!(
            "npm ci in {}: {}",
            place.display(),
            String::from_utf8_lossy(&installed.stderr)
        );
    }
    Ok(())
}

/// The runtime's own, where this machine has none that is new enough.
fn node(program: &str) -> anyhow::Result<PathBuf> {
    let own = Runtime::find()?.root().join("node/bin").join(program);
    Ok(if own.exists() { own } else { program.into() })
}
