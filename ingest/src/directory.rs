//! Who knows the API keys. This crate asks; the composing binary answers from the database. Kept as a trait because the
//! middle crates never import each other.

use std::{future::Future, sync::Arc};

use chatops_schemas::{
    clock::Timestamp,
    ids::{KeyId, ServerId},
};
use futures::future::BoxFuture;

/// Looks keys up.
pub trait KeyDirectory: Send + Sync + 'static {
    /// The record of a key; `None` when nobody ever made it.
    fn find(
        &self,
        key: &KeyId,
    ) -> impl Future<Output = Result<Option<KeyRecord>, DirectoryError>> + Send;

    /// Keys that end by themselves between two moments: their connections must end then.
    fn ending(
        &self,
        from: Timestamp,
        until: Timestamp,
    ) -> impl Future<Output = Result<Vec<(KeyId, Timestamp)>, DirectoryError>> + Send;

    /// Notes that a key was used without a connection of its own, which would be a fact anyway. Called at most once a
    /// minute and key; losing a call loses nothing that matters.
    fn used(
        &self,
        key: &KeyId,
        at: Timestamp,
    ) -> impl Future<Output = Result<(), DirectoryError>> + Send;
}

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// The server it speaks for.
    pub server: ServerId,
    /// That server's name for people.
    pub server_name: String,
    /// [`digest`](crate::api_key::digest) of its secret.
    pub secret_sha256: [u8; 32],
    /// Whether it works.
    pub state: KeyState,
    /// When it stops working by itself.
    pub expires_at: Option<Timestamp>,
    /// Milliseconds between samples that the owner of the server asked for.
    pub interval_ms: Option<u32>,
}

impl KeyRecord {
    /// Whether the key works at this moment.
    pub fn works(&self, now: Timestamp) -> bool {
        self.state == KeyState::Active && self.expires_at.is_none_or(|at| at > now)
    }
}

/// Whether a key works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// It does, until it expires.
    Active,
    /// Somebody took it back.
    Revoked,
    /// Its server was deleted.
    ServerDeleted,
}

/// The directory could not answer, which says nothing about the key.
#[derive(Debug, thiserror::Error)]
#[error("look up an API key")]
pub struct DirectoryError(#[source] Box<dyn std::error::Error + Send + Sync>);

impl DirectoryError {
    /// Wraps the reason.
    pub fn new(reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(reason.into())
    }
}

/// The trait with its type erased, so that nothing else in the crate is generic over it.
pub(crate) trait Erased: Send + Sync {
    fn find<'a>(
        &'a self,
        key: &'a KeyId,
    ) -> BoxFuture<'a, Result<Option<KeyRecord>, DirectoryError>>;
    fn ending(
        &self,
        from: Timestamp,
        until: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<(KeyId, Timestamp)>, DirectoryError>>;
    fn used<'a>(
        &'a self,
        key: &'a KeyId,
        at: Timestamp,
    ) -> BoxFuture<'a, Result<(), DirectoryError>>;
}

impl<D: KeyDirectory> Erased for D {
    fn find<'a>(
        &'a self,
        key: &'a KeyId,
    ) -> BoxFuture<'a, Result<Option<KeyRecord>, DirectoryError>> {
        Box::pin(KeyDirectory::find(self, key))
    }

    fn ending(
        &self,
        from: Timestamp,
        until: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<(KeyId, Timestamp)>, DirectoryError>> {
        Box::pin(KeyDirectory::ending(self, from, until))
    }

    fn used<'a>(
        &'a self,
        key: &'a KeyId,
        at: Timestamp,
    ) -> BoxFuture<'a, Result<(), DirectoryError>> {
        Box::pin(KeyDirectory::used(self, key, at))
    }
}

impl<D: KeyDirectory> KeyDirectory for Arc<D> {
    async fn find(&self, key: &KeyId) -> Result<Option<KeyRecord>, DirectoryError> {
        D::find(self, key).await
    }

    async fn ending(
        &self,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<(KeyId, Timestamp)>, DirectoryError> {
        D::ending(self, from, until).await
    }

    async fn used(&self, key: &KeyId, at: Timestamp) -> Result<(), DirectoryError> {
        D::used(self, key, at).await
    }
}
