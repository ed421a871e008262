//! Roles in processes of their own on servers of their own, as a larger installation runs them: each can be killed, held
//! still and started again by itself.

use std::{path::PathBuf, process::Command};

use chatops_bus::{Bus, ConnectOptions, Credentials};
use chatops_projections::Store;
use chatops_testkit::{Database, NatsServer, Scratch, eventually, free_port, scratch_dir};
use reqwest::StatusCode;

use crate::{
    http::Client,
    installation::{PATIENCE, Supervisor},
};

pub(crate) struct Apart {
    pub(crate) nats: NatsServer,
    database: Database,
    scratch: Scratch,
    settings: PathBuf,
    port: u16,
}

impl Apart {
    /// Servers, and a database with its schema; no role yet.
    pub(crate) async fn start() -> Self {
        let scratch = scratch_dir().unwrap();
        let made = Command::new(env!("CARGO_BIN_EXE_chatops"))
            .args(["admin", "credentials"])
            .output()
            .unwrap();
        let made = String::from_utf8(made.stdout).unwrap();
        let settings = scratch.join("chatops.toml");
        std::fs::write(&settings, &made).unwrap();
        let variables = made.lines().filter_map(|line| {
            let (name, value) = line.strip_prefix("# CHATOPS_")?.split_once("='")?;
            Some((format!("CHATOPS_{name}"), value.strip_suffix('\'')?))
        });
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../nats/embedded.conf");
        let builder = NatsServer::builder()
            .config_file(file)
            .websocket()
            .sync_always();
        let builder = variables.fold(builder, |all, (name, value)| all.env(name, value));
        let this = Self {
            nats: builder.start().await.unwrap(),
            database: Database::empty().await.unwrap(),
            scratch,
            settings,
            port: free_port().unwrap(),
        };
        let migrated = this.command(&["migrate"]).output().unwrap();
        let said = String::from_utf8_lossy(&migrated.stderr);
        assert!(migrated.status.success(), "{said}");
        this
    }

    /// More settings for the roles that are started from now on.
    pub(crate) fn set(&self, more: &str) {
        let settings = std::fs::read_to_string(&self.settings).unwrap();
        std::fs::write(&self.settings, format!("{settings}\n{more}")).unwrap();
    }

    fn command(&self, verb: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chatops"));
        command.args(verb).arg("--config").arg(&self.settings);
        for setting in [
            format!("nats.url={}", self.nats.url()),
            format!("database.url={}", self.database.url()),
            format!("data={}", self.scratch.join("data").display()),
            format!("listen=127.0.0.1:{}", self.port),
            "log.level=info,chatops_ingest=debug".to_owned(),
        ] {
            command.args(["--set", &setting]);
        }
        command
    }

    /// What a command that ends by itself says: exit code, stdout, stderr.
    pub(crate) fn output(&self, verb: &[&str]) -> (i32, String, String) {
        let done = self.command(verb).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let code = done.status.code().unwrap_or(-1);
        (code, text(done.stdout), text(done.stderr))
    }

    /// Starts roles in one process, and waits until they are at work.
    pub(crate) async fn serve(&self, roles: &str) -> Supervisor {
        let role = Supervisor::new(self.command(&["serve", "--role", roles]));
        eventually(&format!("{roles} is at work"), PATIENCE, async || {
            role.said().contains("\"serving\"")
        })
        .await;
        role
    }

    /// For the API that [`Self::serve`] starts.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.port)
    }

    /// Makes the owner's account.
    pub(crate) async fn register(&self, client: &mut Client, username: &str) {
        let made = self.command(&["admin", "setup-token", "--plain"]).output();
        let token = String::from_utf8(made.unwrap().stdout).unwrap();
        let made = client.register(username, Some(token.trim())).await;
        assert_eq!(made, StatusCode::CREATED);
    }

    /// A connection of the test's own, for looking into streams.
    pub(crate) async fn bus(&self) -> Bus {
        let settings = std::fs::read_to_string(&self.settings).unwrap();
        let settings: toml::Table = settings.parse().unwrap();
        let password = settings["nats"]["svc_password"].as_str().unwrap();
        chatops_bus::connect(ConnectOptions {
            url: self.nats.url(),
            name: "test".to_owned(),
            user: Some(Credentials {
                user: "svc".to_owned(),
                password: password.into(),
            }),
            inbox_prefix: None,
            ca_file: None,
            retry_on_initial_connect: false,
        })
        .await
        .unwrap()
    }

    /// A connection of the test's own to the database.
    pub(crate) async fn store(&self) -> Store {
        Store::connect(self.database.url(), 2).await.unwrap()
    }

    /// A folder of the test's own.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.scratch.join(name)
    }

    /// Where the API listens.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What the database answers.
    pub(crate) async fn sql(&self, statement: &str) -> String {
        self.database.psql(statement).await.unwrap()
    }

    /// Where agents connect.
    pub(crate) fn nats_url(&self) -> String {
        format!("nats://{}", self.nats.address())
    }
}
