//! Answers the agents' edge from the read models: which server a key speaks for, and who may still have something done.
//! The edge and the projections never meet except here.

use chatops_api::auth::seal::{self, Seal};
use chatops_ingest::{
    directory::{DirectoryError, KeyDirectory, KeyRecord, KeyState},
    dispatch::{Authority, AuthorityError},
};
use chatops_projections::{
    Store,
    view::{self, KeyForGate},
};
use chatops_schemas::{
    access::{Action, Reason, Resource, Subject, decide},
    clock::{Clock, System, Timestamp},
    event::command::Asked,
    ids::{CommandId, KeyId, ServerId, UserId},
};
use secrecy::ExposeSecret;

pub(super) struct Directory {
    store: Store,
}

impl Directory {
    pub(super) fn new(store: Store) -> Self {
        Self { store }
    }
}

impl KeyDirectory for Directory {
    async fn find(&self, key: &KeyId) -> Result<Option<KeyRecord>, DirectoryError> {
        let found = self
            .store
            .key_for_gate(key, System.now())
            .await
            .map_err(DirectoryError::new)?;
        Ok(found.map(record))
    }

    async fn ending(
        &self,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<(KeyId, Timestamp)>, DirectoryError> {
        self.store
            .keys_ending(from, until)
            .await
            .map_err(DirectoryError::new)
    }

    async fn used(&self, key: &KeyId, at: Timestamp) -> Result<(), DirectoryError> {
        self.store
            .note_key_use(key, at)
            .await
            .map_err(DirectoryError::new)
    }
}

fn record(key: KeyForGate) -> KeyRecord {
    KeyRecord {
        server: key.server,
        server_name: key.server_name,
        secret_sha256: key.secret_sha256,
        state: match key.state {
            // The edge judges the time itself, at the moment of each connect.
            view::KeyState::Active | view::KeyState::Expired => KeyState::Active,
            view::KeyState::Revoked => KeyState::Revoked,
            view::KeyState::ServerDeleted => KeyState::ServerDeleted,
        },
        expires_at: key.expires_at,
        interval_ms: key.interval_ms,
    }
}

/// What the dispatcher asks, at the moment at which something goes out.
pub(super) struct Rights {
    store: Store,
    seal: Option<Seal>,
}

impl Rights {
    pub(super) fn new(store: Store, seal: Option<Seal>) -> Self {
        Self { store, seal }
    }
}

impl Authority for Rights {
    async fn refuses(
        &self,
        actor: &str,
        server: &ServerId,
        asked: &Asked,
    ) -> Result<Option<String>, AuthorityError> {
        let id = match actor.split_once(':') {
            // A schedule, or this program itself.
            None if actor == "system" => return Ok(None),
            Some(("user", id)) => id.parse::<UserId>().ok(),
            _ => None,
        };
        let Some(id) = id else {
            return Ok(Some("nobody is known to have asked for this".to_owned()));
        };
        // Somebody waits for the command: both at once.
        let (user, found) = tokio::join!(self.store.user(id), self.store.registered(server));
        let user = user.map_err(AuthorityError::new)?;
        let Some(found) = found.map_err(AuthorityError::new)? else {
            return Ok(Some("the server is gone".to_owned()));
        };
        let Some(user) = user else {
            return Ok(Some("the account of who asked is gone".to_owned()));
        };
        let subject = Subject {
            active: user.active,
            ..Subject::of(id, user.role)
        };
        let granted = match subject.role.is_everywhere() || found.owner == id {
            true => None,
            false => {
                let granted = self.store.granted_level(id, server).await;
                granted.map_err(AuthorityError::new)?
            }
        };
        let resource = Resource::Server {
            owner: found.owner,
            granted,
        };
        let action = match asked {
            Asked::Container(_) => Action::ControlContainer,
            Asked::Run { .. } | Asked::Signal(_) | Asked::Unit(_) => Action::RunCommand,
        };
        let decision = decide(&subject, action, resource);
        if decision.allow {
            return Ok(None);
        }
        let name = &user.username;
        Ok(Some(match decision.reason {
            Reason::Deactivated => format!("the account of {name} is switched off"),
            _ => format!("{name} may not do this any more"),
        }))
    }

    async fn order(&self, command: CommandId) -> Result<Option<Vec<u8>>, AuthorityError> {
        let sealed = self
            .store
            .order(command)
            .await
            .map_err(AuthorityError::new)?;
        let (Some(seal), Some(sealed)) = (&self.seal, sealed) else {
            return Ok(None);
        };
        // One that does not open, opens never: as good as erased. The log has the reason.
        let opened = seal.open(&seal::of_order(command), &sealed).ok();
        Ok(opened.map(|order| order.expose_secret().to_vec()))
    }
}
