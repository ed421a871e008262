//! What can go wrong with the database.

use sqlx::migrate::MigrateError;

/// Names the attempted action and keeps the cause.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No connection.
    #[error("connect to the database")]
    Connect(#[source] sqlx::Error),
    /// A statement failed.
    #[error("{action}")]
    Query {
        /// What was tried.
        action: &'static str,
        /// The database's words.
        #[source]
        source: sqlx::Error,
    },
    /// The schema could not be brought up to date.
    #[error("apply migrations")]
    Migrate(#[source] MigrateError),
    /// A server without the features this schema relies on.
    #[error(
        "PostgreSQL {found} is too old: version 17 with TimescaleDB 2.19 or newer is needed; upgrade it, or let ChatOps run its own"
    )]
    TooOld {
        /// Its version.
        found: String,
    },
    /// Events name servers that the inventory has not learnt of yet.
    #[error(
        "the inventory is at {position} of {end} control events: {server} may be among the rest"
    )]
    InventoryBehind {
        /// Where the inventory is.
        position: u64,
        /// Where its stream ends.
        end: u64,
        /// One of the unknown servers.
        server: String,
    },
    /// The bus could not be asked how far the inventory must be.
    #[error("ask the bus for the end of the control stream")]
    Bus(#[source] chatops_bus::ReadError),
}

impl StoreError {
    /// Whether the database is away or overloaded: a caller answers "try again later", not "our fault".
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Connect(_) => true,
            Self::Query { source, .. } => match source {
                sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed => true,
                // 53: out of resources, 57: shut down or cancelled by the operator, 08: connection lost.
                sqlx::Error::Database(error) => error.code().is_some_and(|code| {
                    ["53", "57", "08"]
                        .iter()
                        .any(|class| code.starts_with(class))
                }),
                _ => false,
            },
            Self::Migrate(_)
            | Self::TooOld { .. }
            | Self::InventoryBehind { .. }
            | Self::Bus(_) => false,
        }
    }
}

/// Says what was tried when a statement fails.
pub(crate) trait Doing<T> {
    fn doing(self, action: &'static str) -> Result<T, StoreError>;
}

impl<T> Doing<T> for Result<T, sqlx::Error> {
    fn doing(self, action: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Query { action, source })
    }
}
