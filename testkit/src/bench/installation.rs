//! ChatOps as people run it: `chatops up` with its own nats-server and PostgreSQL, on free loopback ports, with its data
//! in a scratch directory. Everything measured goes through it; only durability differs between installations.
//!
//! It ends with its value: asked first, killed with all its children when it does not listen.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use chatops_schemas::ids::ServerId;
use futures::{StreamExt, TryStreamExt};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    database::Database,
    limit,
    options::Options,
    process::{self, Servers},
    rest::Rest,
    wire::Login,
};
use crate::{Runtime, Scratch, free_port, scratch_dir, watchdog};

const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(10);
/// What `chatops up` does by default.
const ROLES: [&str; 10] = [
    "gate",
    "presence",
    "gateway",
    "dispatcher",
    "notifier",
    "projections",
    "rollups",
    "alerting",
    "audit",
    "api",
];
/// Registrations in flight.
const REGISTRATIONS: usize = 8;

/// A running installation.
pub(super) struct Installation {
    program: PathBuf,
    scratch: Scratch,
    environment: Vec<(&'static str, String)>,
    /// How it is started: all roles, or some.
    verb: String,
    child: Option<Child>,
    pub(super) http: SocketAddr,
    pub(super) nats: SocketAddr,
    database_port: u16,
    token: Option<String>,
}

/// A process with one role; ends with its value.
pub(super) struct Beside(Child);

impl Beside {
    pub(super) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
        watchdog::forget(self.0.id());
    }
}

/// A registered server, and the key its agent connects with.
pub(super) struct Enrolled {
    pub(super) server: ServerId,
    /// Absent when the fleet is played over one privileged connection.
    pub(super) key: Option<String>,
}

impl Installation {
    /// Starts with a nats-server that syncs `sync` (`always`, or an interval), and signs the owner up.
    pub(super) async fn start(options: &Options, sync: &str) -> anyhow::Result<Self> {
        Self::start_as(options, sync, "up").await
    }

    /// With some roles only: the others are started by [`Self::beside`].
    pub(super) async fn start_without(
        options: &Options,
        sync: &str,
        left_out: &str,
    ) -> anyhow::Result<Self> {
        let roles: Vec<&str> = ROLES.into_iter().filter(|role| *role != left_out).collect();
        Self::start_as(options, sync, &format!("up --role {}", roles.join(","))).await
    }

    async fn start_as(options: &Options, sync: &str, verb: &str) -> anyhow::Result<Self> {
        if !options.chatops.exists() {
            bail!(
                "there is no {}; build it, or name it with --chatops",
                options.chatops.display()
            );
        }
        let scratch = scratch_dir()?;
        let port = || free_port().map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let (http, nats, database) = (port()?, port()?, port()?);
        let runtime = Runtime::find()?;
        let environment = vec![
            ("CHATOPS_DATA", scratch.join("data").display().to_string()),
            ("CHATOPS_RUNTIME", runtime.root().display().to_string()),
            ("CHATOPS_LISTEN", http.to_string()),
            ("CHATOPS_NATS_LISTEN", nats.to_string()),
            ("CHATOPS_NATS_WEBSOCKET_LISTEN", port()?.to_string()),
            ("CHATOPS_NATS_MONITOR_LISTEN", port()?.to_string()),
            ("CHATOPS_NATS_SYNC", sync.to_owned()),
            ("CHATOPS_DATABASE_LISTEN", database.to_string()),
            ("CHATOPS_AGENT_LOCAL", "false".to_owned()),
            ("CHATOPS_ALERTING_INTERNAL_ADDRESSES", "true".to_owned()),
            ("CHATOPS_LOG_LEVEL", "warn".to_owned()),
        ];
        let mut this = Self {
            program: options.chatops.clone(),
            scratch,
            environment,
            verb: verb.to_owned(),
            child: None,
            http,
            nats,
            database_port: database.port(),
            token: None,
        };
        this.up().await?;
        this.sign_up().await?;
        Ok(this)
    }

    /// Seconds until it answers that it is ready.
    pub(super) async fn up(&mut self) -> anyhow::Result<f64> {
        let began = Instant::now();
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.scratch.join("log"))
            .context("open a log")?;
        let mut command = self.command(&self.verb);
        let child = command.stdout(Stdio::null()).stderr(log).spawn();
        let child = child.with_context(|| format!("start {}", self.program.display()))?;
        watchdog::watch(child.id())?;
        self.child = Some(child);
        loop {
            if let Some(status) = self
                .child
                .as_mut()
                .map(Child::try_wait)
                .transpose()
                .context("look after chatops")?
                .flatten()
            {
                bail!("`chatops up` ended with {status}:\n{}", self.log());
            }
            let ready = Rest::new(self.http, None).get("/readyz").await;
            if ready.is_ok_and(|answer| answer.status == 200) {
                return Ok(began.elapsed().as_secs_f64());
            }
            if began.elapsed() > PATIENCE {
                bail!(
                    "`chatops up` is not ready after {PATIENCE:?}:\n{}",
                    self.log()
                );
            }
            sleep(PAUSE).await;
        }
    }

    /// Runs a verb that ends by itself.
    pub(super) fn run(&self, verb: &str) -> anyhow::Result<()> {
        let output = self
            .command(verb)
            .output()
            .with_context(|| format!("run chatops {verb}"))?;
        if !output.status.success() {
            bail!(
                "chatops {verb}: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(())
    }

    /// A role in a process of its own.
    pub(super) fn beside(&self, role: &str) -> anyhow::Result<Beside> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.scratch.join("log"))
            .context("open a log")?;
        let mut command = self.command(&format!("serve --role {role}"));
        let child = command.stdout(Stdio::null()).stderr(log).spawn();
        let child = child.with_context(|| format!("start the role {role}"))?;
        watchdog::watch(child.id())?;
        Ok(Beside(child))
    }

    /// Asks it to leave, and waits until it and its children are gone.
    pub(super) async fn down(&mut self) -> anyhow::Result<()> {
        let Some(child) = &mut self.child else {
            return Ok(());
        };
        signal(child.id(), Signal::INT);
        let began = Instant::now();
        while child.try_wait().context("wait for chatops")?.is_none() {
            if began.elapsed() > PATIENCE {
                bail!("`chatops up` does not leave");
            }
            sleep(PAUSE).await;
        }
        watchdog::forget(child.id());
        self.child = None;
        Ok(())
    }

    fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(verb.split(' '))
            .envs(self.environment.iter().cloned())
            .current_dir(self.scratch.path())
            .stdin(Stdio::null());
        command
    }

    fn log(&self) -> String {
        let log = fs::read_to_string(self.scratch.join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    async fn sign_up(&mut self) -> anyhow::Result<()> {
        let output = self
            .command("admin setup-token --plain")
            .output()
            .context("ask for a set-up token")?;
        let token = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if !output.status.success() || token.is_empty() {
            bail!(
                "no set-up token: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        let body = json!({ "username": "bench", "password": "correct-horse-battery-7", "setup_token": token, "session": "token" });
        let answer = Rest::new(self.http, None)
            .post("/api/v1/auth/register", &body)
            .await?
            .json()
            .context("sign up")?;
        self.token = Some(
            answer["access_token"]
                .as_str()
                .context("no access token came")?
                .to_owned(),
        );
        Ok(())
    }

    /// The access token of the owner.
    pub(super) fn token(&self) -> &str {
        self.token.as_deref().unwrap_or_default()
    }

    /// A connection to the API as the owner.
    pub(super) fn rest(&self) -> Rest {
        Rest::new(self.http, self.token.clone())
    }

    /// Registers servers through the API; with a key each when every agent connects by itself.
    pub(super) async fn enrol(
        &self,
        count: usize,
        with_keys: bool,
    ) -> anyhow::Result<Vec<Enrolled>> {
        let one = |number: usize| async move {
            let mut rest = self.rest();
            let made = rest
                .post(
                    "/api/v1/servers",
                    &json!({ "name": format!("bench-{number:05}") }),
                )
                .await?
                .json()?;
            let server = ServerId::parse(text(&made, "id")?)?;
            let key = if with_keys {
                let made = rest
                    .post(
                        "/api/v1/api-keys",
                        &json!({ "server_id": server, "name": "bench" }),
                    )
                    .await?
                    .json()?;
                Some(text(&made, "key")?)
            } else {
                None
            };
            anyhow::Ok(Enrolled { server, key })
        };
        futures::stream::iter((0..count).map(one))
            .buffered(REGISTRATIONS)
            .try_collect()
            .await
            .context("register servers")
    }

    fn credential(&self, section: &str, name: &str) -> anyhow::Result<String> {
        let text = fs::read_to_string(self.scratch.join("data/credentials.toml"))
            .context("read the credentials")?;
        let credentials: toml::Table = toml::from_str(&text).context("read the credentials")?;
        let value = credentials
            .get(section)
            .and_then(|section| section.get(name))
            .and_then(toml::Value::as_str);
        value
            .map(str::to_owned)
            .with_context(|| format!("there is no {section}.{name} among the credentials"))
    }

    /// The service user of the bus: what a gateway in front of many agents would be.
    pub(super) fn service(&self) -> anyhow::Result<Login> {
        Ok(Login {
            user: "svc".to_owned(),
            password: self.credential("nats", "svc_password")?,
            inbox: "_INBOX".to_owned(),
        })
    }

    /// Connection URL of the database.
    pub(super) fn database(&self) -> anyhow::Result<String> {
        let password = self.credential("database", "password")?;
        Ok(format!(
            "postgres://chatops:{password}@127.0.0.1:{}/chatops",
            self.database_port
        ))
    }

    /// Someone to ask the database.
    pub(super) async fn open_database(&self) -> anyhow::Result<Database> {
        let bus = limit::bus::client(self.nats, Some(&self.service()?)).await?;
        Database::connect(&self.database()?, bus).await
    }

    /// Its processes.
    pub(super) fn servers(&self) -> anyhow::Result<Servers> {
        let chatops = self.child.as_ref().context("chatops does not run")?.id();
        Ok(Servers {
            nats: process::descendant(chatops, "nats-server")?,
            postgres: process::descendant(chatops, "postgres")?,
            chatops: Some(chatops),
        })
    }

    /// Where the files of a stream lie.
    pub(super) fn stream_directory(&self) -> PathBuf {
        self.scratch.join("data/nats/store/jetstream/OPS/streams")
    }
}

fn text(value: &Value, field: &str) -> anyhow::Result<String> {
    value[field]
        .as_str()
        .map(str::to_owned)
        .with_context(|| format!("an answer has no {field}"))
}

/// User name and password of an agent's key `chatops_<key id>_<secret>`.
pub(super) fn agent_login(key: &str) -> anyhow::Result<Login> {
    let (user, password) = key
        .strip_prefix("chatops_")
        .and_then(|rest| rest.split_once('_'))
        .context("an API key has another form than chatops_<id>_<secret>")?;
    Ok(Login {
        user: user.to_owned(),
        password: password.to_owned(),
        inbox: format!("_INBOX_{user}"),
    })
}

fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else {
            return;
        };
        // Below it are servers that would otherwise live on: the list is taken while they can still be found.
        let below = process::descendants(child.id());
        let _ = child.kill();
        for pid in below {
            signal(pid, Signal::KILL);
        }
        let _ = child.wait();
        watchdog::forget(child.id());
    }
}
