//! Answers the agents' edge from the read models: which server a key speaks for. The edge and the projections never
//! meet except here.

use chatops_ingest::directory::{DirectoryError, KeyDirectory, KeyRecord, KeyState};
use chatops_projections::{
    Store,
    view::{self, KeyForGate},
};
use chatops_schemas::{
    clock::{Clock, System, Timestamp},
    ids::KeyId,
};

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
