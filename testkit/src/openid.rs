//! An OpenID provider of one's own: `testkit/oidc`, somebody else's certified implementation. Called by tests of signing in
//! through one.
//!
//! Guarantees: `start` returns once it listens; what a person belongs to can be changed while it runs. On Drop the process
//! is killed. Its packages are installed from the lock file at the first use in a checkout.

use anyhow::Context;

use crate::{Scratch, evidence, node::NodeProgram, scratch_dir};

/// A running provider.
#[derive(Debug)]
pub struct OpenIdProvider {
    issuer: String,
    scratch: Scratch,
    program: NodeProgram,
}

impl OpenIdProvider {
    /// The only client that it knows.
    pub const CLIENT_ID: &str = "chatops";
    /// Its secret.
    pub const CLIENT_SECRET: &str = "a secret between provider and client";

    /// Starts it for a client at this address; `accounts` are the claims of each person, as a JSON object by name.
    pub async fn start(redirect: &str, accounts: &str) -> anyhow::Result<Self> {
        evidence::secret("secret of the OpenID client", Self::CLIENT_SECRET);
        let scratch = scratch_dir()?;
        let file = scratch.join("accounts.json");
        std::fs::write(&file, accounts).context("write the provider's accounts")?;
        let settings = format!(
            r#"{{"client_secret": "{}", "redirect_uris": ["{redirect}"], "accounts": "{}"}}"#,
            Self::CLIENT_SECRET,
            file.display()
        );
        let (program, issuer) =
            NodeProgram::start("oidc", "provider.mjs", &settings, "ISSUER ").await?;
        Ok(Self {
            issuer,
            scratch,
            program,
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
        self.program.kill().await
    }
}
