//! A Docker engine of one's own for a test that needs containers. Debian's `docker.io` and `busybox-static` supply the
//! programs (`make test` installs them); root is needed. Such tests live in modules named `with_engine`: `deploy/test.sh`
//! leaves those out, counted and with the reason, where no engine can run. The same with Podman in place of Docker:
//! [`ContainerEngine::podman`], modules named `with_podman`.
//!
//! It starts in half a second, so every test has its own. The engine and all that it has started live in a process
//! namespace (`engine/run.sh`): killing one process ends everything, whatever the test did.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    time::{Instant, sleep},
};

use crate::{Scratch, scratch_dir, watchdog};

const RUN: &str = include_str!("engine/run.sh");
const RUN_PODMAN: &str = include_str!("engine/podman.sh");
const MAKE_IMAGE: &str = include_str!("engine/image.sh");
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);

/// The image that every engine has: busybox.
pub const TEST_IMAGE: &str = "chatops-test:1";

/// A running engine; it and its containers end with this value.
#[derive(Debug)]
pub struct ContainerEngine {
    child: Child,
    scratch: Scratch,
}

impl ContainerEngine {
    /// Starts Docker with [`TEST_IMAGE`] in it.
    pub async fn start() -> anyhow::Result<Self> {
        Self::run_by(RUN).await
    }

    /// Starts Podman with [`TEST_IMAGE`] in it.
    pub async fn podman() -> anyhow::Result<Self> {
        Self::run_by(RUN_PODMAN).await
    }

    async fn run_by(script: &str) -> anyhow::Result<Self> {
        let scratch = scratch_dir()?;
        let log = std::fs::File::create(scratch.join("log")).context("open the engine's log")?;
        let child = shell(script, &scratch)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("start the engine")?;
        watchdog::watch(child.id())?;
        let mut engine = Self { child, scratch };
        engine.wait().await?;
        let made = shell(MAKE_IMAGE, &engine.scratch)
            .output()
            .context("make the image of the tests")?;
        if !made.status.success() {
            bail!(
                "make the image of the tests: {}",
                String::from_utf8_lossy(&made.stderr)
            );
        }
        engine.import("1").await?;
        Ok(engine)
    }

    /// Imports the image (again) under this tag; an image that has the tag already loses it.
    pub async fn import(&self, tag: &str) -> anyhow::Result<()> {
        let image =
            std::fs::read(self.scratch.join("image.tar")).context("read the image of the tests")?;
        // The time of the import is part of the image, so that each has an id of its own.
        let path = format!("/images/create?fromSrc=-&repo=chatops-test&tag={tag}");
        let (status, answer) = self
            .exchange("POST", &path, "application/x-tar", &image)
            .await?;
        if status != 200 {
            bail!("import the image of the tests: {status} {answer}");
        }
        // Podman has only heard the name; to Docker this is nothing new.
        let told: Value = serde_json::from_str(&answer).context("what was imported")?;
        let id = told["status"].as_str().context("an id")?;
        let path = format!("/images/{id}/tag?repo=chatops-test&tag={tag}");
        self.expect("POST", &path, None).await?;
        Ok(())
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        self.scratch.join("engine.sock")
    }

    /// Makes and starts a container of [`TEST_IMAGE`] that runs this line in a shell; its id. `more` is merged into what
    /// the engine is given (`Tty`, `Labels`, …).
    pub async fn run(&self, name: &str, line: &str, more: Value) -> anyhow::Result<String> {
        let id = self.create(name, line, more).await?;
        self.expect("POST", &format!("/containers/{id}/start"), None)
            .await?;
        Ok(id)
    }

    /// The same without starting it.
    pub async fn create(&self, name: &str, line: &str, more: Value) -> anyhow::Result<String> {
        let mut body = json!({
            "Image": TEST_IMAGE, "Cmd": ["/bin/sh", "-c", line], "HostConfig": { "NetworkMode": "none" },
        });
        if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
            body.extend(more);
        }
        let path = format!("/containers/create?name={name}");
        let made = self.expect("POST", &path, Some(&body)).await?;
        Ok(made["Id"].as_str().context("an id")?.to_owned())
    }

    /// Asks the engine, without the library that the agent uses; an error unless it agrees.
    pub async fn expect(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Value> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let (status, answer) = self
            .exchange(method, path, "application/json", body.as_bytes())
            .await?;
        if !(200..300).contains(&status) {
            bail!("{method} {path}: {status} {answer}");
        }
        if answer.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&answer).with_context(|| format!("{method} {path}: {answer}"))
    }

    async fn exchange(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        body: &[u8],
    ) -> anyhow::Result<(u16, String)> {
        let mut stream = UnixStream::connect(self.socket())
            .await
            .context("reach the engine")?;
        let head = format!(
            "{method} {path} HTTP/1.0\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body).await?;
        let mut answer = Vec::new();
        stream
            .read_to_end(&mut answer)
            .await
            .context("hear the engine")?;
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").context("an HTTP answer")?;
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .context("a status")?;
        Ok((status, body.trim().to_owned()))
    }

    async fn wait(&mut self) -> anyhow::Result<()> {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().context("look after the engine")? {
                bail!("the engine ended with {status}:\n{}", self.last_words());
            }
            if self
                .exchange("GET", "/_ping", "text/plain", b"")
                .await
                .is_ok_and(|(status, _)| status == 200)
            {
                return Ok(());
            }
            if Instant::now() >= end {
                bail!(
                    "the engine did not answer within {PATIENCE:?}:\n{}",
                    self.last_words()
                );
            }
            sleep(PAUSE).await;
        }
    }

    fn last_words(&self) -> String {
        let log = std::fs::read_to_string(self.scratch.join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }
}

impl Drop for ContainerEngine {
    fn drop(&mut self) {
        let pid = self.child.id();
        let _ = self.child.kill();
        let _ = self.child.wait();
        watchdog::forget(pid);
    }
}

fn shell(script: &str, scratch: &Scratch) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", script, "chatops-test-engine"])
        .arg(scratch.path())
        .stdin(Stdio::null());
    command
}
