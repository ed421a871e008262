//! A process's connection to the bus.
//!
//! It reconnects for ever, with jitter so that a fleet does not come back in one instant. While it is away, publishing
//! waits or fails; nothing is reported as stored.

use std::{
    path::{Path, PathBuf},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use async_nats::{Auth, AuthError, Client, Event, HeaderMap, client::RequestErrorKind, jetstream};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use rand::Rng;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::watch;

/// Oldest server whose JetStream keeps its promises: 2.10.20 to 2.10.22 could lose streams after a crash.
pub const OLDEST_SERVER: (i64, i64, i64) = (2, 10, 23);

/// How long a JetStream acknowledgement may take before its outcome counts as unknown.
const ACK_TIMEOUT: Duration = Duration::from_secs(5);

/// Acknowledgements that may be outstanding on one connection before publishing waits.
const ACKS_IN_FLIGHT: usize = 4096;

/// What a process needs to reach the bus.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// One or more URLs, comma separated: `nats://`, `tls://`, `ws://` or `wss://`.
    pub url: String,
    /// Shown in the server's connection list.
    pub name: String,
    /// Absent on a server without authentication.
    pub user: Option<Credentials>,
    /// Prefix of reply subjects, where the account separates them by user.
    pub inbox_prefix: Option<String>,
    /// PEM file of a private certificate authority; then no other is believed.
    pub ca_file: Option<PathBuf>,
    /// Return at once and keep trying, also when the first attempt is refused.
    pub retry_on_initial_connect: bool,
}

/// User name and password.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// User name.
    pub user: String,
    /// Password; never printed.
    pub password: SecretString,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nothing answers, or it refuses us.
    #[error("connect to {url}")]
    Connect {
        /// Where.
        url: String,
        /// Why.
        #[source]
        source: async_nats::ConnectError,
    },
    /// The file of a private certificate authority cannot be used.
    #[error("cannot use the certificate file {}: {reason}", path.display())]
    Authority {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The server is too old to be trusted with the log.
    #[error(
        "nats-server {found} at {url} is too old: at least 2.10.23 is needed (older ones can lose streams after a crash); upgrade it and start again"
    )]
    TooOld {
        /// Where.
        url: String,
        /// Its version.
        found: String,
    },
}

/// State of the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// Up. Counts connects, so that a missed drop is still noticed.
    Connected {
        /// How many times the connection came up.
        generation: u64,
    },
    /// Down or not up yet.
    Disconnected {
        /// The last thing the server or the library said, for people.
        reason: Option<String>,
    },
}

/// A connection. Cheap to clone; closed when the last clone is dropped.
#[derive(Clone)]
pub struct Bus {
    pub(crate) client: Client,
    pub(crate) js: jetstream::Context,
    link: watch::Receiver<Link>,
    last_error: Arc<watch::Sender<Option<String>>>,
    url: Arc<str>,
}

impl std::fmt::Debug for Bus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bus")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// Connects; the connection comes back by itself for ever.
pub async fn connect(options: ConnectOptions) -> Result<Bus, ConnectError> {
    let retry = options.retry_on_initial_connect;
    let (bus, config) = prepare(&options, async_nats::ConnectOptions::new())?;
    let mut config = config
        .reconnect_delay_callback(reconnect_delay)
        .max_reconnects(None);
    if let Some(Credentials { user, password }) = &options.user {
        config = config.user_and_password(user.clone(), password.expose_secret().to_owned());
    }
    if retry {
        config = config.retry_on_initial_connect();
    }
    let bus = bus.open(config, options.url).await?;
    if !retry {
        bus.check_server()?;
    }
    Ok(bus)
}

/// Connects once: the connection ends with its first break, and what was not written yet ends with it.
///
/// For publishers that keep what they send and its order, as agents do. The library would send what it still holds as
/// soon as it is back, before the publisher has learned of the break and could send again what was lost with the line:
/// later events would overtake earlier ones. `retry_on_initial_connect` has no meaning here.
pub async fn connect_once(options: ConnectOptions) -> Result<Bus, ConnectError> {
    let credentials = options.user.clone();
    let used = AtomicBool::new(false);
    // There is no switch for it in the library. Refusing to authenticate a second time ends an attempt to come back, and
    // their number ends the rest.
    let base = async_nats::ConnectOptions::with_auth_callback(move |_| {
        let answer = if used.swap(true, Ordering::Relaxed) {
            Err(AuthError::new("this connection is not to come back"))
        } else {
            Ok(credentials.as_ref().map(login).unwrap_or_default())
        };
        std::future::ready(answer)
    });
    let (bus, config) = prepare(&options, base)?;
    let config = config
        .reconnect_delay_callback(|_| Duration::from_millis(1))
        .max_reconnects(Some(options.url.split(',').count()));
    bus.open(config, options.url).await
}

fn login(credentials: &Credentials) -> Auth {
    let mut auth = Auth::new();
    auth.username = Some(credentials.user.clone());
    auth.password = Some(credentials.password.expose_secret().to_owned());
    auth
}

/// What every connection has in common, and its bus but for the client.
fn prepare(
    options: &ConnectOptions,
    base: async_nats::ConnectOptions,
) -> Result<(Unopened, async_nats::ConnectOptions), ConnectError> {
    let (link_in, link) = watch::channel(Link::Disconnected { reason: None });
    let last_error = Arc::new(watch::channel(None).0);
    let errors = Arc::clone(&last_error);
    let mut config = base
        .name(&options.name)
        .ping_interval(Duration::from_secs(10))
        .connection_timeout(Duration::from_secs(10))
        .subscription_capacity(65_536)
        .event_callback(move |event| {
            note(&link_in, &errors, &event);
            std::future::ready(())
        });
    if let Some(prefix) = &options.inbox_prefix {
        config = config.custom_inbox_prefix(prefix);
    }
    if let Some(ca) = &options.ca_file {
        config = config
            .tls_client_config(trusting_only(ca)?)
            .require_tls(true);
    }
    Ok((Unopened { link, last_error }, config))
}

/// The library would trust every public authority beside this one: whoever gets a certificate for the host's name from any
/// of them could stand in between.
fn trusting_only(path: &Path) -> Result<ClientConfig, ConnectError> {
    let unusable = |reason: &dyn std::fmt::Display| ConnectError::Authority {
        path: path.to_owned(),
        reason: reason.to_string(),
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unusable(&error))? {
        let certificate = certificate.map_err(|error| unusable(&error))?;
        roots.add(certificate).map_err(|error| unusable(&error))?;
    }
    if roots.is_empty() {
        return Err(unusable(&"it holds no certificate"));
    }
    let versions = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&error))?;
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}

struct Unopened {
    link: watch::Receiver<Link>,
    last_error: Arc<watch::Sender<Option<String>>>,
}

impl Unopened {
    async fn open(
        self,
        config: async_nats::ConnectOptions,
        url: String,
    ) -> Result<Bus, ConnectError> {
        let addresses: Vec<&str> = url.split(',').map(str::trim).collect();
        let client = match config.connect(addresses).await {
            Ok(client) => client,
            Err(source) => return Err(ConnectError::Connect { url, source }),
        };
        let js = jetstream::context::ContextBuilder::new()
            .timeout(ACK_TIMEOUT)
            .ack_timeout(ACK_TIMEOUT)
            .max_ack_inflight(ACKS_IN_FLIGHT)
            .backpressure_on_inflight(true)
            .build(client.clone());
        let Self { link, last_error } = self;
        Ok(Bus {
            client,
            js,
            link,
            last_error,
            url: url.into(),
        })
    }
}

/// Full jitter over an exponential window of 0.2 s to 10 s: thousands of agents that lost one server spread their return.
fn reconnect_delay(attempt: usize) -> Duration {
    let window = 200_u64.saturating_mul(1 << attempt.min(6)).min(10_000);
    Duration::from_millis(rand::rng().random_range(20..=window))
}

fn note(link: &watch::Sender<Link>, errors: &watch::Sender<Option<String>>, event: &Event) {
    match event {
        Event::Connected => {
            link.send_modify(|link| {
                let generation = match link {
                    Link::Connected { generation } => *generation + 1,
                    Link::Disconnected { .. } => {
                        GENERATION.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1
                    }
                };
                *link = Link::Connected { generation };
            });
        }
        Event::Disconnected | Event::Closed => {
            let reason = errors.borrow().clone();
            link.send_replace(Link::Disconnected { reason });
        }
        Event::SlowConsumer(_) => {
            metrics::counter!("chatops_bus_slow_consumer_total").increment(1);
            tracing::warn!(
                "a subscription of this process is too slow: the bus dropped messages for it"
            );
        }
        Event::ServerError(_) | Event::ClientError(_) => {
            tracing::warn!(%event, "bus connection error");
            errors.send_replace(Some(event.to_string()));
        }
        Event::LameDuckMode | Event::Draining => {}
    }
}

/// Generations differ across all connections of a process; that they count up is all that matters.
static GENERATION: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

/// Whether a version such as `2.15.1` or `2.12.0-RC.1` is at least `wanted`. The client library has the same question
/// answered by a regular expression, which would put an engine for those into the agent.
fn at_least(version: &str, wanted: (i64, i64, i64)) -> bool {
    let mut parts = version.splitn(3, '.').map(|part| {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        part[..digits].parse::<i64>().ok()
    });
    let mut next = || parts.next().flatten();
    next()
        .zip(next())
        .zip(next())
        .is_some_and(|((major, minor), patch)| (major, minor, patch) >= wanted)
}

impl Bus {
    /// Refuses servers older than [`OLDEST_SERVER`].
    pub fn check_server(&self) -> Result<(), ConnectError> {
        let found = self.server_version();
        if at_least(&found, OLDEST_SERVER) {
            return Ok(());
        }
        Err(ConnectError::TooOld {
            url: self.url.to_string(),
            found,
        })
    }

    /// Version of the connected server; empty before the first connect.
    pub fn server_version(&self) -> String {
        self.client.server_info().version
    }

    /// Whether the server is at least this version.
    pub fn server_at_least(&self, major: i64, minor: i64) -> bool {
        at_least(&self.server_version(), (major, minor, 0))
    }

    /// Follows the connection.
    pub fn state(&self) -> watch::Receiver<Link> {
        self.link.clone()
    }

    /// The last error that the server or the library reported, for example a permissions violation: a forbidden publish
    /// into a stream fails as a missing acknowledgement, and only this says why.
    pub fn last_error(&self) -> Option<String> {
        self.last_error.borrow().clone()
    }

    /// Returns when the server has taken everything that was written before, subscriptions too: a message to ourselves
    /// has come back. The library's own flush ends when the bytes are on their way.
    pub async fn flush(&self) -> Result<(), RequestError> {
        let failed = |error: &dyn std::fmt::Display| RequestError::Failed(error.to_string());
        let echo = self.client.new_inbox();
        let mut echoes = self
            .client
            .subscribe(echo.clone())
            .await
            .map_err(|error| failed(&error))?;
        self.client
            .publish(echo, Bytes::new())
            .await
            .map_err(|error| failed(&error))?;
        match tokio::time::timeout(ACK_TIMEOUT, echoes.next()).await {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(failed(&"the connection was closed")),
            Err(_) => Err(RequestError::Timeout),
        }
    }

    /// Sends a request and waits for one answer.
    pub async fn request(
        &self,
        subject: &str,
        payload: Bytes,
        timeout: Duration,
    ) -> Result<Bytes, RequestError> {
        let request = async_nats::Request::new()
            .payload(payload)
            .timeout(Some(timeout));
        match self.client.send_request(subject.to_owned(), request).await {
            Ok(answer) => Ok(answer.payload),
            Err(error) => Err(match error.kind() {
                RequestErrorKind::NoResponders => RequestError::NoResponders,
                RequestErrorKind::TimedOut => RequestError::Timeout,
                RequestErrorKind::InvalidSubject
                | RequestErrorKind::MaxPayloadExceeded
                | RequestErrorKind::Other => RequestError::Failed(error.to_string()),
            }),
        }
    }

    /// A fresh reply subject of this connection.
    pub fn new_inbox(&self) -> String {
        self.client.new_inbox()
    }

    /// Receives what is published from now on. Delivery is at most once.
    pub async fn subscribe(&self, subject: &str) -> Result<Subscription, RequestError> {
        let inner = self.client.subscribe(subject.to_owned()).await;
        inner
            .map(Subscription)
            .map_err(|error| RequestError::Failed(error.to_string()))
    }

    /// Like [`Self::subscribe`], each message going to one member of the group.
    pub async fn queue_subscribe(
        &self,
        subject: &str,
        group: &str,
    ) -> Result<Subscription, RequestError> {
        let inner = self
            .client
            .queue_subscribe(subject.to_owned(), group.to_owned())
            .await;
        inner
            .map(Subscription)
            .map_err(|error| RequestError::Failed(error.to_string()))
    }

    /// Publishes without acknowledgement: replies, requests and live bytes. `reply` asks receivers to answer there.
    pub async fn publish_core(
        &self,
        subject: &str,
        reply: Option<&str>,
        headers: &[(&str, &str)],
        payload: Bytes,
    ) -> Result<(), RequestError> {
        let headers = (!headers.is_empty())
            .then(|| headers.iter().map(|(n, v)| (*n, *v)).collect::<Headers>().0);
        let sent = match (reply, headers) {
            (None, None) => self.client.publish(subject.to_owned(), payload).await,
            (None, Some(headers)) => {
                self.client
                    .publish_with_headers(subject.to_owned(), headers, payload)
                    .await
            }
            (Some(reply), None) => {
                self.client
                    .publish_with_reply(subject.to_owned(), reply.to_owned(), payload)
                    .await
            }
            (Some(reply), Some(headers)) => {
                self.client
                    .publish_with_reply_and_headers(
                        subject.to_owned(),
                        reply.to_owned(),
                        headers,
                        payload,
                    )
                    .await
            }
        };
        sent.map_err(|error| RequestError::Failed(error.to_string()))
    }
}

struct Headers(HeaderMap);

impl<'a> FromIterator<(&'a str, &'a str)> for Headers {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(pairs: I) -> Self {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.insert(name, value);
        }
        Self(map)
    }
}

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// Nobody listens: the request was certainly not handled.
    #[error("nobody answers on this subject")]
    NoResponders,
    /// No answer in time: the request may have been handled.
    #[error("no answer in time")]
    Timeout,
    /// The connection or the request itself failed.
    #[error("{0}")]
    Failed(String),
}

/// A live message.
#[derive(Debug, Clone)]
pub struct Message {
    /// Where it was published.
    pub subject: String,
    /// Where an answer goes.
    pub reply: Option<String>,
    /// Headers, in no particular order.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub payload: Bytes,
}

/// A live subscription; ends when dropped.
#[derive(Debug)]
pub struct Subscription(async_nats::Subscriber);

impl Stream for Subscription {
    type Item = Message;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        self.0
            .poll_next_unpin(cx)
            .map(|message| message.map(from_nats))
    }
}

fn from_nats(message: async_nats::Message) -> Message {
    let headers = message
        .headers
        .iter()
        .flat_map(HeaderMap::iter)
        .flat_map(|(name, values)| {
            values
                .iter()
                .map(move |value| (name.to_string(), value.as_str().to_owned()))
        });
    Message {
        headers: headers.collect(),
        subject: message.subject.into_string(),
        reply: message.reply.map(|reply| reply.into_string()),
        payload: message.payload,
    }
}

#[cfg(test)]
mod tests {
    use super::at_least;

    #[test]
    fn versions_are_compared_by_number() {
        for (version, enough) in [
            ("2.10.23", true),
            ("2.10.22", false),
            ("2.9.99", false),
            ("2.15.1", true),
            ("3.0.0", true),
            ("2.12.0-RC.1", true),
            ("2.10", false),
            ("", false),
            ("two.ten.three", false),
        ] {
            assert_eq!(at_least(version, (2, 10, 23)), enough, "{version}");
        }
    }
}
