//! What every handler gets.

use std::{sync::Arc, time::Duration};

use chatops_alerting::notify::Sender;
use chatops_bus::Bus;
use chatops_projections::{Progress, Store};
use chatops_schemas::clock::{Clock, IdSource, Timestamp};
use data_encoding::HEXLOWER;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use tokio::{
    sync::{OnceCell, Semaphore},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::{
    auth::{
        oidc,
        password::Passwords,
        reset,
        seal::Seal,
        secret::{self, Digest},
        session::Sessions,
        setup, signing,
        throttle::Throttle,
        token::Tokens,
    },
    code::Code,
    commands::follower::Follower,
    config::Config,
    jobs::{Runner, Scheduler},
    live::{Hub, relay::Relay, shared::Follows, wire},
    order::Orders,
    problem::Problem,
    routes::install::Installer,
    terminal::reaper::Reaper,
    witness::{Notary, Notes},
};

/// Name in the vault of the key that signs access tokens.
const TOKEN_KEY: &str = "access_token_key";

/// Trials of alert rules at the same time: each reads up to a week of readings.
const TRIALS: usize = 2;

/// What the composition gives.
pub struct Parts {
    /// Settings.
    pub config: Config,
    /// The bus, for appends and for everything live.
    pub bus: Bus,
    /// The database, for reads and the vault.
    pub store: Store,
    /// How far the read models are; the composition runs it.
    pub progress: Progress,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Fresh ids.
    pub ids: Arc<dyn IdSource>,
    /// Sends messages to channels.
    pub sender: Sender,
    /// Renders the process's counters as Prometheus text.
    pub render_metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// Encrypts what the vault must give back: 32 bytes as base64url. Without it there are no second factors.
    pub vault_secret: Option<SecretString>,
    /// The OpenID provider, if there is one.
    pub oidc: Option<oidc::settings::Settings>,
    /// Ends all sockets when cancelled.
    pub stop: CancellationToken,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// Why the HTTP side cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The vault could not be read or written, or there is no randomness. The log has the cause.
    #[error("prepare the HTTP side: {0}")]
    Prepare(&'static str),
    /// The key of the vault is none.
    #[error("use api.vault_secret: it must be 32 bytes as base64url")]
    VaultSecret,
    /// No requests can be made.
    #[error("prepare for requests to the identity provider: {0}")]
    Http(String),
}

impl From<Problem> for StartError {
    fn from(problem: Problem) -> Self {
        Self::Prepare(problem.code().title())
    }
}

/// The state of the HTTP side. Cheap to clone.
#[derive(Clone)]
pub struct Api(Arc<Inner>);

struct Inner {
    parts: Parts,
    sessions: Sessions,
    passwords: Passwords,
    seal: Option<Seal>,
    oidc: Option<oidc::Provider>,
    throttle: Throttle,
    hub: Hub,
    orders: Orders,
    follower: Follower,
    follows: Follows,
    notes: Notes,
    installer: OnceCell<Installer>,
    trials: Semaphore,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api")
            .field("parts", &self.0.parts)
            .finish_non_exhaustive()
    }
}

impl Api {
    /// Prepares the HTTP side. The second value is the live relay: run it as a service, or live sockets wait in vain.
    pub async fn new(parts: Parts) -> Result<(Self, Relay), StartError> {
        let key = token_key(&parts.store).await?;
        let id = HEXLOWER.encode(&Digest::of(&HEXLOWER.encode(key.expose_secret())).bytes()[..8]);
        let tokens = Tokens::new(
            [(id.as_str(), key.expose_secret())],
            parts.config.access_ttl,
        );
        let clock = Arc::clone(&parts.clock);
        let sessions = Sessions::new(parts.store.clone(), clock, tokens, parts.config.refresh_ttl);
        let seal = match &parts.vault_secret {
            Some(secret) => Some(Seal::new(secret).ok_or(StartError::VaultSecret)?),
            None => None,
        };
        let oidc = parts.oidc.clone().map(oidc::Provider::new).transpose();
        let oidc = oidc.map_err(|error| StartError::Http(error.to_string()))?;
        let passwords = Passwords::new(parts.config.password_checks).await?;
        let hub = Hub::new(parts.config.live.clone());
        let relay = Relay::new(
            hub.clone(),
            parts.bus.clone(),
            parts.store.clone(),
            parts.progress.clone(),
            Arc::clone(&parts.clock),
        );
        let orders = Orders::new(
            parts.bus.clone(),
            signing::pair(&parts.store).await?,
            Arc::clone(&parts.clock),
            Arc::clone(&parts.ids),
        );
        let inner = Inner {
            sessions,
            passwords,
            seal,
            oidc,
            throttle: Throttle::default(),
            hub,
            orders,
            follower: Follower::default(),
            follows: Follows::default(),
            notes: Notes::default(),
            installer: OnceCell::new(),
            trials: Semaphore::new(TRIALS),
            parts,
        };
        Ok((Self(Arc::new(inner)), relay))
    }

    /// Carries what [`crate::witness`] noted into the stream: run it as a service, or noted events are lost.
    pub fn notary(&self) -> Notary {
        Notary::new(self.clone())
    }

    /// Ends terminals that nobody came back to: run it as a service.
    pub fn reaper(&self) -> Reaper {
        Reaper::new(self.clone())
    }

    /// Carries jobs from host to host: run it as a service, or jobs stand still.
    pub fn job_runner(&self) -> Runner {
        Runner::new(self.clone())
    }

    /// Starts the jobs of schedules: run it as a service, or nothing is started.
    pub fn scheduler(&self) -> Scheduler {
        Scheduler::new(self.clone())
    }

    /// Makes a fresh one-time token for the first owner and returns it for printing; `None` when there is an account.
    pub async fn setup_token(&self) -> Result<Option<SecretString>, StartError> {
        Ok(setup::fresh_token(self).await?)
    }

    /// Replaces the password of an account by a random one and ends its sessions; `None` when nobody has this name or
    /// address.
    pub async fn reset_password(&self, login: &str) -> Result<Option<SecretString>, StartError> {
        Ok(reset::password(self, login).await?)
    }

    /// Ends all sessions of an account; how many, `None` when nobody has this name or address.
    pub async fn end_sessions(&self, login: &str) -> Result<Option<usize>, StartError> {
        Ok(reset::sessions(self, login).await?)
    }

    /// Turns the second factor of an account off; whether it was on, `None` when nobody has this name or address.
    pub async fn remove_second_factor(&self, login: &str) -> Result<Option<bool>, StartError> {
        Ok(reset::second_factor(self, login).await?)
    }

    /// Whether there is no account yet.
    pub async fn setup_required(&self) -> Result<bool, Problem> {
        Ok(self.store().user_count().await? == 0)
    }

    pub(crate) fn config(&self) -> &Config {
        &self.0.parts.config
    }

    pub(crate) fn bus(&self) -> &Bus {
        &self.0.parts.bus
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.parts.store
    }

    pub(crate) fn progress(&self) -> &Progress {
        &self.0.parts.progress
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        self.0.parts.clock.as_ref()
    }

    pub(crate) fn ids(&self) -> &dyn IdSource {
        self.0.parts.ids.as_ref()
    }

    /// Sends messages to channels.
    pub(crate) fn sender(&self) -> &Sender {
        &self.0.parts.sender
    }

    pub(crate) fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    /// What secrets of the vault are encrypted with.
    pub(crate) fn seal(&self) -> Result<&Seal, Problem> {
        self.0.seal.as_ref().ok_or(Problem::new(Code::NoVaultKey))
    }

    /// The OpenID provider.
    pub(crate) fn oidc(&self) -> Result<&oidc::Provider, Problem> {
        self.0.oidc.as_ref().ok_or(Problem::new(Code::NoProvider))
    }

    pub(crate) fn passwords(&self) -> &Passwords {
        &self.0.passwords
    }

    pub(crate) fn throttle(&self) -> &Throttle {
        &self.0.throttle
    }

    pub(crate) fn notes(&self) -> &Notes {
        &self.0.notes
    }

    pub(crate) fn installer(&self) -> &OnceCell<Installer> {
        &self.0.installer
    }

    pub(crate) fn hub(&self) -> &Hub {
        &self.0.hub
    }

    /// Places for trials of alert rules.
    pub(crate) fn trials(&self) -> &Semaphore {
        &self.0.trials
    }

    /// What this installation asks hosts to do.
    pub(crate) fn orders(&self) -> &Orders {
        &self.0.orders
    }

    /// What follows commands for those who wait: run it as a service, or `?wait=` waits in vain.
    pub fn follower(&self) -> &Follower {
        &self.0.follower
    }

    /// Logs of containers that somebody watches here.
    pub(crate) fn follows(&self) -> &Follows {
        &self.0.follows
    }

    pub(crate) fn render_metrics(&self) -> String {
        (self.0.parts.render_metrics)()
    }

    pub(crate) fn socket_limits(&self) -> wire::Limits {
        let live = &self.config().live;
        wire::Limits {
            stalled: live.stalled,
            silent: live.silent,
        }
    }

    /// Resolves when the process wants to end.
    pub(crate) async fn stopping(&self) {
        self.0.parts.stop.cancelled().await;
    }

    /// A moment of our clock as one that can be waited for.
    pub(crate) fn instant_of(&self, at: Timestamp) -> Instant {
        let micros = at.micros_since(self.clock().now()).max(0);
        Instant::now() + Duration::from_micros(micros.unsigned_abs())
    }
}

/// The key that signs access tokens; made at the first start, the same for all processes on this database.
async fn token_key(store: &Store) -> Result<SecretSlice<u8>, Problem> {
    let fresh = SecretSlice::from(secret::random::<32>()?.to_vec());
    let key = store.secret_or_put(TOKEN_KEY, &fresh).await?;
    if key.expose_secret().len() < 32 {
        tracing::error!("the key that signs access tokens is too short");
        return Err(Problem::new(Code::Internal));
    }
    Ok(key)
}
