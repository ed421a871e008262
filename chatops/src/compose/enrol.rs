//! Enrolling the machine that `up` runs on: the same events a person's clicks would append, each only if it is missing.

use std::time::Duration;

use anyhow::Context;
use chatops_bus::{AppendError, Bus, StreamName};
use chatops_ingest::api_key;
use chatops_projections::{INVENTORY, Progress};
use chatops_schemas::{
    clock::{Clock, IdSource, System},
    codec,
    envelope::Envelope,
    event::{
        Event,
        ctl::{KeyIssued, KeyRevoked, ServerDeleted, ServerRegistered},
    },
    ids::{KeyId, ServerId, UserId},
    subject::{self, Entity},
};
use data_encoding::BASE64URL_NOPAD;
use rand::{TryRngCore, rngs::OsRng};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::Connections;

/// Owner of a server that no person has added. Everybody who sees all servers sees it.
const NOBODY: UserId = UserId(Uuid::nil());
const ACTOR: &str = "system";
/// The projections of this process are starting up beside us.
const PATIENCE: Duration = Duration::from_secs(30);

/// The machine to enrol, chosen before anything was written.
#[derive(Debug)]
pub(crate) struct LocalServer {
    pub(crate) id: ServerId,
    pub(crate) name: String,
    pub(crate) api_key: SecretString,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Enrolment {
    /// Its agent will be admitted.
    Enrolled,
    /// A person removed the server or revoked the key, and that holds.
    Deleted,
}

/// A fresh API key.
pub(crate) fn new_api_key() -> anyhow::Result<SecretString> {
    let (mut id, mut secret) = ([0; 10], [0; 32]);
    OsRng
        .try_fill_bytes(&mut id)
        .context("ask the system for randomness")?;
    OsRng
        .try_fill_bytes(&mut secret)
        .context("ask the system for randomness")?;
    let id = data_encoding::BASE32_NOPAD.encode(&id).to_lowercase();
    Ok(format!("chatops_{id}_{}", BASE64URL_NOPAD.encode(&secret)).into())
}

pub(super) async fn enrol(
    connections: &Connections,
    local: &LocalServer,
) -> anyhow::Result<Enrolment> {
    let (key, secret) = parts(&local.api_key)?;
    let server = Aggregate::read(&connections.bus, Entity::Server, local.id.as_str()).await?;
    let issued = Aggregate::read(&connections.bus, Entity::Key, key.as_str()).await?;
    if server.is(ServerDeleted::TYPE) || issued.is(KeyRevoked::TYPE) {
        return Ok(Enrolment::Deleted);
    }
    if server.kind.is_none() {
        let registered = ServerRegistered {
            server: local.id.clone(),
            name: local.name.clone(),
            owner: NOBODY,
            tags: Vec::new(),
            interval_ms: None,
        };
        server
            .append_first(&connections.bus, &local.id, registered)
            .await?;
    }
    if issued.kind.is_none() {
        // A start that was killed right here has left the digest behind.
        connections.store.forget_key_digest(&key).await?;
        connections
            .store
            .put_key_digest(&key, api_key::digest(secret))
            .await?;
        let event = KeyIssued {
            key: key.clone(),
            server: local.id.clone(),
            name: Some("made by chatops up".to_owned()),
            expires_at: None,
        };
        let seq = issued
            .append_first(&connections.bus, &local.id, event)
            .await?;
        // The gate asks the read model; an agent that came sooner would be refused once.
        Progress::new(connections.store.clone())
            .wait_until(INVENTORY, seq, PATIENCE)
            .await?;
    }
    Ok(Enrolment::Enrolled)
}

/// What the enrolment over the web address would have the agent pin.
pub(super) async fn signing_key(connections: &Connections) -> anyhow::Result<String> {
    let key = chatops_api::auth::signing::public_key(&connections.store).await;
    let key = key.map_err(|_| anyhow::anyhow!("the key that signs for agents cannot be had"))?;
    Ok(key.public_key)
}

fn parts(api_key: &SecretString) -> anyhow::Result<(KeyId, &str)> {
    let rest = api_key.expose_secret().strip_prefix("chatops_");
    let (id, secret) = rest
        .and_then(|rest| rest.split_once('_'))
        .context("this machine's key is damaged")?;
    Ok((KeyId::parse(id)?, secret))
}

/// A control aggregate as far as it matters here.
struct Aggregate {
    subject: String,
    /// Type of its newest event; `None` when it has none.
    kind: Option<String>,
}

impl Aggregate {
    async fn read(bus: &Bus, entity: Entity, id: &str) -> anyhow::Result<Self> {
        let subject = subject::ctl(entity, id);
        let last = bus.last(StreamName::Ctl, &subject).await?;
        let kind = last
            .map(|event| codec::head(&event.payload).map(|head| head.kind))
            .transpose()?;
        Ok(Self { subject, kind })
    }

    fn is(&self, kind: &str) -> bool {
        self.kind.as_deref() == Some(kind)
    }

    /// Appends the first event. Somebody who was faster can only have been ourselves, in another process.
    async fn append_first<T: Event>(
        &self,
        bus: &Bus,
        server: &ServerId,
        data: T,
    ) -> anyhow::Result<u64> {
        let event = Envelope::new(System.event_id(), System.now(), data)
            .about(server.clone())
            .by(ACTOR);
        match bus.append(StreamName::Ctl, &self.subject, 0, &event).await {
            Ok(seq) => Ok(seq),
            Err(AppendError::Conflict { .. }) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use chatops_ingest::api_key::ApiKey;

    use super::*;

    #[test]
    fn a_new_key_is_one_that_the_gate_understands() {
        let key = new_api_key().unwrap();
        let (id, secret) = parts(&key).unwrap();
        let read = ApiKey::parse(key.expose_secret()).unwrap();
        assert_eq!(read.id, id);
        assert!(read.opens(&api_key::digest(secret)));
    }
}
