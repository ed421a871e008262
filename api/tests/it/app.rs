//! A whole server side in this process: streams, database, projectors, HTTP on a free port.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, serve::ListenerExt};
use chatops_alerting::notify::{Sender, sender::Options};
use chatops_api::{Api, Config, Parts, oidc};
use chatops_bus::{
    Bus, ConnectOptions, connect,
    projector::{self, Sink, Spec, StatusHandle},
    topology,
};
use chatops_projections::{Progress, Store, StoreError, migrate, project, projector::SinkSettings};
use chatops_schemas::{
    clock::{Clock, IdSource, System, Timestamp},
    envelope::Envelope,
    event::{
        Event,
        metric::{Cpu, Memory, Process, Sample},
    },
    ids::ServerId,
    subject,
};
use chatops_testkit::{Database, NatsServer, evidence};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::browser::{Browser, Client};

pub(crate) const SOON: Duration = Duration::from_secs(20);
pub(crate) const PASSWORD: &str = "tangerine lamp 7";
pub(crate) const VAULT_SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// Everything that runs; it ends with this value.
pub(crate) struct App {
    pub(crate) address: SocketAddr,
    pub(crate) api: Api,
    pub(crate) bus: Bus,
    pub(crate) database: Database,
    pub(crate) nats: NatsServer,
    stop: CancellationToken,
    _tasks: JoinSet<()>,
}

/// Another API process of the same system: its own sockets, caches and relay over the same streams and database.
pub(crate) struct Sibling {
    address: SocketAddr,
    stop: CancellationToken,
    _tasks: JoinSet<()>,
}

impl Drop for Sibling {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Where a browser goes.
pub(crate) trait Reachable {
    fn address(&self) -> SocketAddr;
}

impl Reachable for App {
    fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Reachable for Sibling {
    fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl App {
    pub(crate) async fn start() -> Self {
        Self::with(Config::default()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        Self::build(Arc::new(System), config, None).await
    }

    /// With a clock of the HTTP side's own.
    pub(crate) async fn at(clock: Arc<dyn Clock>, config: Config) -> Self {
        Self::build(clock, config, None).await
    }

    /// With an identity provider.
    pub(crate) async fn build(
        clock: Arc<dyn Clock>,
        config: Config,
        oidc: Option<oidc::Settings>,
    ) -> Self {
        evidence::listen();
        evidence::secret("vault_secret", VAULT_SECRET);
        let nats = NatsServer::start().await.unwrap();
        let bus = bus(&nats.url()).await;
        let streams = topology::embedded().unwrap();
        topology::apply(&bus, &streams, 1, topology::Mode::Apply)
            .await
            .unwrap();
        let database = Database::create(
            "projections",
            |url: String| async move { migrate(&url).await },
        )
        .await
        .unwrap();
        let store = Store::connect(database.url(), 8).await.unwrap();
        let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
        let stored: Arc<dyn Clock> = Arc::new(System);
        let settings = SinkSettings::default();
        project_with(
            &mut tasks,
            &bus,
            &stop,
            project::inventory(&store, Arc::clone(&stored), settings.clone()),
        );
        project_with(
            &mut tasks,
            &bus,
            &stop,
            project::presence(&store, Arc::clone(&stored), settings.clone()),
        );
        project_with(
            &mut tasks,
            &bus,
            &stop,
            project::audit(&store, Arc::clone(&clock), settings.clone()),
        );
        project_with(
            &mut tasks,
            &bus,
            &stop,
            project::commands(&store, Arc::clone(&stored), settings.clone()),
        );
        project_with(
            &mut tasks,
            &bus,
            &stop,
            project::command_output(&store, Arc::clone(&stored), settings.clone()),
        );
        project_with(
            &mut tasks,
            &bus,
            &stop,
            project::logs(&store, Arc::clone(&stored), settings.clone()),
        );
        project_with(
            &mut tasks,
            &bus,
            &stop,
            project::terminals(&store, Arc::clone(&stored), settings.clone()),
        );
        project_with(
            &mut tasks,
            &bus,
            &stop,
            project::alerts(&store, Arc::clone(&stored), settings.clone()),
        );
        let defaults = project::MetricsSettings::default();
        for partition in project::metrics(&store, &bus, &stored, &settings, &defaults) {
            project_with(&mut tasks, &bus, &stop, partition);
        }
        let (address, api) = serve(&mut tasks, (&bus, &store, clock, &stop), config, oidc).await;
        Self {
            address,
            api,
            bus,
            database,
            nats,
            stop,
            _tasks: tasks,
        }
    }

    /// A second process beside this one.
    pub(crate) async fn sibling(&self) -> Sibling {
        let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
        let store = Store::connect(self.database.url(), 8).await.unwrap();
        let bus = bus(&self.nats.url()).await;
        let parts = (&bus, &store, Arc::new(System) as Arc<dyn Clock>, &stop);
        let (address, _) = serve(&mut tasks, parts, Config::default(), None).await;
        Sibling {
            address,
            stop,
            _tasks: tasks,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Nobody.
    pub(crate) fn stranger(&self) -> Client {
        Client::new(self, None)
    }

    /// A browser without a session.
    pub(crate) fn browser(&self) -> Browser {
        Browser::new(self)
    }

    /// The first account.
    pub(crate) async fn owner(&self) -> Client {
        let token = self.api.setup_token().await.unwrap().unwrap();
        let body =
            json!({"username": "root", "password": PASSWORD, "setup_token": token.expose_secret()});
        let (status, session) = self.stranger().post("/api/v1/auth/register", &body).await;
        assert_eq!(status, 201, "{session}");
        Client::new(self, session["access_token"].as_str())
    }

    /// Another account; there must be an owner already.
    pub(crate) async fn operator(&self, username: &str) -> Client {
        let session = self.register(username).await;
        Client::new(self, session["access_token"].as_str())
    }

    /// Another account's whole answer.
    pub(crate) async fn register(&self, username: &str) -> Value {
        let body = json!({"username": username, "email": format!("{username}@example.org"), "password": PASSWORD});
        let (status, session) = self.stranger().post("/api/v1/auth/register", &body).await;
        assert_eq!(status, 201, "{session}");
        session
    }

    /// Publishes a sample as an agent does; its position.
    pub(crate) async fn sample(&self, server: &str, cpu: f32) -> u64 {
        let server = ServerId::parse(server).unwrap();
        let event =
            Envelope::new(System.event_id(), System.now(), sample(cpu)).about(server.clone());
        self.bus
            .publish(&subject::metrics(&server), &event)
            .await
            .unwrap()
            .seq
    }

    /// Publishes a sample of some 40 kB; its position.
    pub(crate) async fn large_sample(&self, server: &str) -> u64 {
        let server = ServerId::parse(server).unwrap();
        let process = |pid| Process {
            pid,
            name: "x".repeat(60),
            ..Process::default()
        };
        let data = Sample {
            top_cpu: (0..400).map(process).collect(),
            ..sample(1.0)
        };
        let event = Envelope::new(System.event_id(), System.now(), data).about(server.clone());
        self.bus
            .publish(&subject::metrics(&server), &event)
            .await
            .unwrap()
            .seq
    }

    /// Publishes a fact as the gate does; its position.
    pub(crate) async fn fact<T: Event>(&self, server: &str, kind: &str, data: T) -> u64 {
        let server = ServerId::parse(server).unwrap();
        let event = Envelope::new(System.event_id(), System.now(), data).about(server.clone());
        self.bus
            .publish(&subject::fact(&server, kind), &event)
            .await
            .unwrap()
            .seq
    }
}

/// The HTTP side with what runs beside it, on a free port.
async fn serve(
    tasks: &mut JoinSet<()>,
    (bus, store, clock, stop): (&Bus, &Store, Arc<dyn Clock>, &CancellationToken),
    config: Config,
    oidc: Option<oidc::Settings>,
) -> (SocketAddr, Api) {
    let progress = Progress::new(store.clone());
    let listening = (progress.clone(), stop.clone());
    tasks.spawn(async move { listening.0.run(listening.1).await });
    // Receivers of tests are on this machine.
    let options = Options {
        internal: true,
        roots: Vec::new(),
    };
    let parts = Parts {
        config,
        bus: bus.clone(),
        store: store.clone(),
        progress,
        clock,
        ids: Arc::new(System),
        sender: Sender::new(&options, Arc::new(System)).unwrap(),
        render_metrics: Arc::new(|| "chatops_up 1\n".to_owned()),
        vault_secret: Some(VAULT_SECRET.into()),
        oidc,
        stop: stop.clone(),
    };
    let (api, relay) = Api::new(parts).await.unwrap();
    tasks.spawn(relay.run(stop.clone()));
    tasks.spawn(api.notary().run(stop.clone()));
    tasks.spawn(api.follower().clone().run(bus.clone(), stop.clone()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
    let service = chatops_api::router(api.clone(), other_routes())
        .into_make_service_with_connect_info::<SocketAddr>();
    tasks.spawn(async move { axum::serve(listener, service).await.unwrap() });
    (address, api)
}

/// A route that breaks, as a part of another crate might.
fn other_routes() -> Router {
    async fn breaks() -> &'static str {
        panic!("this route always breaks")
    }
    Router::new().route("/test/panic", axum::routing::get(breaks))
}

pub(crate) fn sample(cpu: f32) -> Sample {
    Sample {
        cpu: Some(Cpu {
            total: Some(cpu),
            ..Cpu::default()
        }),
        mem: Some(Memory {
            total: Some(1 << 30),
            used: Some(1 << 28),
            ..Memory::default()
        }),
        ..Sample::default()
    }
}

pub(crate) fn now() -> Timestamp {
    System.now()
}

async fn bus(url: &str) -> Bus {
    let options = ConnectOptions {
        url: url.to_owned(),
        name: "api test".to_owned(),
        user: None,
        inbox_prefix: None,
        ca_file: None,
        retry_on_initial_connect: false,
    };
    connect(options).await.unwrap()
}

fn project_with<S: Sink<Error = StoreError> + 'static>(
    tasks: &mut JoinSet<()>,
    bus: &Bus,
    stop: &CancellationToken,
    (spec, sink): (Spec, S),
) {
    let (bus, stop, status) = (
        bus.clone(),
        stop.clone(),
        StatusHandle::new(spec.consumer()),
    );
    tasks.spawn(async move {
        projector::run(bus, spec, sink, stop, status).await;
    });
}
