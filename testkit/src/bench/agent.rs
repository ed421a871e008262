//! A real agent that takes orders: enrolled as people enrol one, with everything allowed. Ends with its value.

use std::{
    fs,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::{installation::Installation, options::Options};
use crate::{Scratch, scratch_dir, watchdog};

const PATIENCE: Duration = Duration::from_secs(30);

/// A running agent.
pub(super) struct Agent {
    child: Child,
    _scratch: Scratch,
    /// The server it is.
    pub(super) server: String,
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        watchdog::forget(self.child.id());
    }
}

impl Agent {
    /// Registers a server, enrols an agent for it with these further settings, and waits until it carries out orders.
    pub(super) async fn start(
        installation: &Installation,
        name: &str,
        settings: &str,
        options: &Options,
    ) -> anyhow::Result<Self> {
        if !options.agent.exists() {
            bail!(
                "there is no {}; build it, or name it with --agent",
                options.agent.display()
            );
        }
        let text = |value: &Value| value.as_str().map(str::to_owned).context("not enrolled");
        let mut rest = installation.rest();
        let named = json!({ "name": name });
        let made = rest.post("/api/v1/servers", &named).await?.json()?;
        let server = text(&made["id"])?;
        let path = format!("/api/v1/servers/{server}/enrolment");
        let offer = rest.post(&path, &json!({})).await?.json()?;
        let body = json!({"code": offer["code"], "hostname": name});
        let enrolled = rest.post("/api/v1/enroll", &body).await?.json()?;
        let scratch = scratch_dir()?;
        let config = scratch.join("agent.toml");
        let written = format!(
            "url = \"nats://{}\"\napi_key = \"{}\"\nsigning_key = \"{}\"\ncapabilities = [\"all\"]\ndata = {:?}\nlog = \"warn\"\n{settings}",
            installation.nats,
            text(&enrolled["key"])?,
            text(&enrolled["signing_key"]["public_key"])?,
            scratch.join("state"),
        );
        fs::write(&config, written).context("write the agent's settings")?;
        let child = Command::new(&options.agent)
            .args(["run", "--config"])
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("start {}", options.agent.display()))?;
        watchdog::watch(child.id())?;
        let agent = Self {
            child,
            _scratch: scratch,
            server,
        };
        agent.answers(installation).await?;
        Ok(agent)
    }

    /// Waits until a command comes back from it.
    async fn answers(&self, installation: &Installation) -> anyhow::Result<()> {
        let mut rest = installation.rest();
        let body = json!({"server_id": self.server, "argv": ["/bin/true"], "ttl": 20});
        let began = Instant::now();
        loop {
            let answer = rest.post("/api/v1/commands?wait=20", &body).await?;
            if answer.status == 200 && answer.json()?["outcome"] == "finished" {
                return Ok(());
            }
            if began.elapsed() > PATIENCE {
                bail!("the agent carries out nothing: {}", answer.status);
            }
        }
    }

    /// Its process.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }
}
