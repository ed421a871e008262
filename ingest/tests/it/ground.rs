//! What every test stands on: a nats-server configured as in production, its streams, and an edge in this process.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use chatops_bus::{
    Bus, ConnectOptions, Credentials, From, Reader, RequestError, StreamName, connect, topology,
};
use chatops_ingest::{
    api_key,
    directory::{DirectoryError, KeyDirectory, KeyRecord, KeyState},
    gate::{GateConfig, GateKeys, GateParts, GateService},
    gateway::{GatewayConfig, GatewayParts, GatewayService, router},
    keyring::KeyRing,
    presence::{PresenceConfig, PresenceParts, PresenceService, Roster},
    revocation::RevocationService,
};
use chatops_schemas::{
    clock::{Clock, IdSource, System, Timestamp},
    envelope::Envelope,
    event::{
        Event,
        ctl::{KeyRetired, KeyRevoked, ServerDeleted},
    },
    ids::{KeyId, ServerId},
    order::SigningKey,
    subject::{self, Entity},
};
use chatops_testkit::{NatsServer, NatsVersion, evidence};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{agent::PATIENCE, recorder};

const ACCOUNTS: &str = include_str!("../../../nats/accounts.conf");
const LIMITS: &str = include_str!("../../../nats/limits.conf");
/// Password of the services' users; made up here, like every secret of these tests.
const SERVICE_PASSWORD: &str = "service-password-of-the-tests";

/// Keys in memory. The directory is an input of this crate; its real one is tested where it lives.
#[derive(Default)]
pub(crate) struct Book {
    records: Mutex<HashMap<KeyId, KeyRecord>>,
    down: AtomicBool,
    asked: AtomicUsize,
    pub(crate) used: AtomicUsize,
}

impl Book {
    /// A working key of a server, with this secret.
    pub(crate) fn issue(&self, key: &str, server: &str, secret: &str) {
        evidence::secret("an agent's key", secret);
        let record = KeyRecord {
            server: ServerId::parse(server).expect("a server id"),
            server_name: format!("host {server}"),
            secret_sha256: api_key::digest(secret),
            state: KeyState::Active,
            expires_at: None,
            interval_ms: Some(5000),
        };
        self.records
            .lock()
            .expect("not poisoned")
            .insert(KeyId::parse(key).expect("a key id"), record);
    }

    pub(crate) fn change(&self, key: &str, change: impl FnOnce(&mut KeyRecord)) {
        let key = KeyId::parse(key).expect("a key id");
        change(
            self.records
                .lock()
                .expect("not poisoned")
                .get_mut(&key)
                .expect("an issued key"),
        );
    }

    /// Questions about single keys so far.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub(crate) fn go_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }
}

impl KeyDirectory for Book {
    async fn find(&self, key: &KeyId) -> Result<Option<KeyRecord>, DirectoryError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.down.load(Ordering::SeqCst) {
            return Err(DirectoryError::new("the database is away"));
        }
        Ok(self.records.lock().expect("not poisoned").get(key).cloned())
    }

    async fn ending(
        &self,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<(KeyId, Timestamp)>, DirectoryError> {
        let records = self.records.lock().expect("not poisoned");
        let ends = records
            .iter()
            .filter_map(|(key, record)| Some((key.clone(), record.expires_at?)));
        Ok(ends.filter(|(_, at)| (from..until).contains(at)).collect())
    }

    async fn used(&self, _: &KeyId, _: Timestamp) -> Result<(), DirectoryError> {
        self.used.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

/// What orders of a test are signed with.
pub(crate) fn signing_key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

/// How the edge of a test differs from the usual one.
pub(crate) struct Plan {
    pub(crate) version: NatsVersion,
    /// Added to the server's configuration.
    pub(crate) config: &'static str,
    pub(crate) gateway: GatewayConfig,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            version: NatsVersion::V2_15,
            config: "",
            gateway: GatewayConfig::default(),
        }
    }
}

/// A nats-server and everything that belongs to its edge except the running roles.
pub(crate) struct Ground {
    pub(crate) nats: NatsServer,
    pub(crate) book: Arc<Book>,
    pub(crate) keys: Arc<GateKeys>,
    /// A service's connection in the agents' account.
    pub(crate) ops: Bus,
    gateway: GatewayConfig,
    _log: recorder::Leaving,
}

/// Roles that run in this process, as one process of a deployment.
pub(crate) struct Process {
    pub(crate) http: SocketAddr,
    pub(crate) roster: Roster,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Ground {
    pub(crate) async fn new(plan: Plan) -> Self {
        recorder::record();
        evidence::secret("a service's password", SERVICE_PASSWORD);
        let (issuer, xkey) = GateKeys::generate().expect("keys");
        let keys = Arc::new(GateKeys::from_seeds(&issuer, &xkey).expect("keys"));
        let password = format!("\"{SERVICE_PASSWORD}\"");
        let nats = NatsServer::builder()
            .version(plan.version)
            .config(format!("{LIMITS}\n{ACCOUNTS}\n{}", plan.config))
            .env("CHATOPS_NATS_SYS_PASSWORD", &password)
            .env("CHATOPS_NATS_AUTH_PASSWORD", &password)
            .env("CHATOPS_NATS_SVC_PASSWORD", &password)
            .env(
                "CHATOPS_NATS_ISSUER",
                format!("\"{}\"", keys.issuer_public()),
            )
            .env("CHATOPS_NATS_XKEY", format!("\"{}\"", keys.xkey_public()))
            .start()
            .await
            .expect("a nats-server");
        let ops = service(&nats.url(), "svc").await;
        let streams = topology::embedded().expect("the committed topology parses");
        topology::apply(&ops, &streams, 1, topology::Mode::Apply)
            .await
            .expect("apply topology");
        Self {
            nats,
            book: Arc::default(),
            keys,
            ops,
            gateway: plan.gateway,
            _log: recorder::Leaving,
        }
    }

    /// Server, streams and one process with all roles; keys `k1` of `h1` and `k2` of `h2`.
    pub(crate) async fn with_process(plan: Plan) -> (Self, Process) {
        let ground = Self::new(plan).await;
        ground.book.issue("k1", "h1", "the-secret-one");
        ground.book.issue("k2", "h2", "the-secret-two");
        let process = ground.process().await;
        (ground, process)
    }

    /// Starts a process with all roles of the edge and waits until it works.
    pub(crate) async fn process(&self) -> Process {
        let stop = CancellationToken::new();
        let clock: Arc<dyn Clock> = Arc::new(System);
        let ids: Arc<dyn IdSource> = Arc::new(System);
        let url = self.nats.url();
        let (auth, sys, ops) = (
            service(&url, "auth").await,
            service(&url, "sys").await,
            service(&url, "svc").await,
        );
        let ring = KeyRing::new(self.book.clone(), clock.clone());
        let roster = Roster::new(clock.clone());
        let mut tasks = JoinSet::new();
        let revocation = RevocationService::new(ops.clone(), ring.clone(), clock.clone());
        tasks.spawn(revocation.run(stop.clone()));
        tasks.spawn(roster.clone().run(ops.clone(), stop.clone()));
        let gate = GateService::new(GateParts {
            config: GateConfig::default(),
            keys: self.keys.clone(),
            ring: ring.clone(),
            auth: auth.clone(),
            sys: sys.clone(),
            ops: ops.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
        });
        let token = stop.clone();
        tasks.spawn(async move { gate.run(token).await.expect("the gate ends when told to") });
        let presence = PresenceService::new(PresenceParts {
            config: PresenceConfig {
                gateways_every: Duration::from_millis(500),
                ..PresenceConfig::default()
            },
            keys: self.keys.clone(),
            ring: ring.clone(),
            roster: roster.clone(),
            sys: sys.clone(),
            ops: ops.clone(),
            clock: clock.clone(),
        });
        let token = stop.clone();
        tasks.spawn(async move {
            presence
                .run(token)
                .await
                .expect("presence ends when told to")
        });
        let gateway = GatewayService::new(GatewayParts {
            config: self.gateway.clone(),
            ring,
            roster: roster.clone(),
            ops: ops.clone(),
            orders: signing_key().verifying_key(),
            clock,
            ids,
            stop: stop.clone(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let http = listener.local_addr().expect("an address");
        let routes = router(gateway.gateway()).into_make_service_with_connect_info::<SocketAddr>();
        let token = stop.clone();
        tasks.spawn(async move {
            let serve = axum::serve(listener, routes).with_graceful_shutdown(async move {
                token.cancelled().await;
            });
            serve.await.expect("serve");
        });
        tasks.spawn(async move { gateway.run().await.expect("the gateway ends when told to") });
        roster
            .complete()
            .wait_for(|complete| *complete)
            .await
            .expect("the roster reads the stream");
        // The subscriptions of the gate are made in its first poll; a round trip later the server has them.
        for bus in [&auth, &sys, &ops] {
            round_trip(bus, "nobody.listens").await;
        }
        Process {
            http,
            roster,
            stop,
            tasks,
        }
    }

    /// Presence facts of every server from now on.
    pub(crate) async fn presence_from_now(&self) -> Reader {
        self.ops
            .read(
                StreamName::Fact,
                &subject::fact_every(subject::PRESENCE),
                From::New,
            )
            .await
            .expect("a reader")
    }

    /// What the API does when somebody revokes a key, without the database having noticed yet.
    pub(crate) async fn revoke_key(&self, key: &str, server: &str) {
        let event = KeyRevoked {
            key: KeyId::parse(key).expect("a key id"),
            server: ServerId::parse(server).expect("a server id"),
        };
        self.append(Entity::Key, key, event).await;
    }

    /// What the API does when somebody has a key replaced.
    pub(crate) async fn retire_key(&self, key: &str, server: &str, at: Timestamp, next: &str) {
        let event = KeyRetired {
            key: KeyId::parse(key).expect("a key id"),
            server: ServerId::parse(server).expect("a server id"),
            expires_at: at,
            successor: KeyId::parse(next).expect("a key id"),
        };
        self.append(Entity::Key, key, event).await;
    }

    pub(crate) async fn delete_server(&self, server: &str) {
        let event = ServerDeleted {
            server: ServerId::parse(server).expect("a server id"),
        };
        self.append(Entity::Server, server, event).await;
    }

    async fn append<T: Event>(&self, entity: Entity, id: &str, event: T) {
        let event = Envelope::new(System.event_id(), System.now(), event);
        self.ops
            .append(StreamName::Ctl, &subject::ctl(entity, id), 0, &event)
            .await
            .expect("append");
    }
}

impl Process {
    /// Ends the roles, as SIGTERM does.
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.expect("no task panics");
        }
    }

    /// Ends them as `kill -9` does: nothing is written any more.
    pub(crate) async fn kill(mut self) {
        self.tasks.shutdown().await;
    }
}

/// Returns once the server has handled everything this connection wrote before; asks a subject it may publish to.
pub(crate) async fn round_trip(bus: &Bus, subject: &str) {
    match bus.request(subject, Bytes::new(), PATIENCE).await {
        Ok(_) | Err(RequestError::NoResponders) => {}
        Err(error) => panic!("no round trip: {error}"),
    }
}

async fn service(url: &str, user: &str) -> Bus {
    let options = ConnectOptions {
        url: url.to_owned(),
        name: format!("test-{user}"),
        user: Some(Credentials {
            user: user.to_owned(),
            password: SERVICE_PASSWORD.into(),
        }),
        inbox_prefix: None,
        ca_file: None,
        retry_on_initial_connect: false,
    };
    connect(options).await.expect("connect a service")
}
