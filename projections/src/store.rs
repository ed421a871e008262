//! Every SQL statement of the system, one file per area. Callers outside this crate see [`Store`] and the plain structs
//! of [`view`](crate::view); inside, projectors and workers hold connections of their own.
//!
//! Statements are checked against a real schema when they are compiled. Exceptions, because the macros cannot express
//! them: `COPY`, the temporary table of [`samples`], and [`history`] and [`readings`], whose columns depend on the question and come from
//! the closed list in [`series`](chatops_schemas::series).

pub(crate) mod access;
pub(crate) mod alert_rules;
pub(crate) mod alert_state;
pub(crate) mod alerts;
pub(crate) mod audit;
pub(crate) mod channels;
pub(crate) mod commands;
pub(crate) mod containers;
pub(crate) mod credential;
pub(crate) mod enrolment;
pub(crate) mod history;
pub(crate) mod inventory;
pub(crate) mod jobs;
pub(crate) mod keys;
pub(crate) mod layout;
pub(crate) mod logs;
pub(crate) mod parked;
pub(crate) mod people;
pub(crate) mod position;
pub(crate) mod presence;
pub(crate) mod proof;
pub(crate) mod readings;
pub(crate) mod retention;
pub(crate) mod rollup;
pub(crate) mod samples;
pub(crate) mod schedules;
pub(crate) mod scripts;
pub(crate) mod servers;
pub(crate) mod settings;
pub(crate) mod silences;
pub(crate) mod terminal;
pub(crate) mod users;
pub(crate) mod vault;

use std::{str::FromStr, time::Duration};

use chatops_schemas::{access::Level, clock::Timestamp, ids::UserId};
use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection,
    postgres::{PgConnectOptions, PgPool, PgPoolOptions},
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::{Doing, StoreError};

pub use alert_state::AlertPlace;
pub use readings::{PastEnd, PastQuery, PastReader, Take};
pub use terminal::TerminalQuery;
pub use users::OwnersLock;

/// Oldest PostgreSQL: `transaction_timeout` is what bounds a projector's transaction.
const OLDEST_SERVER: i32 = 170_000;

/// The database as reads and vault writes see it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) pool: PgPool,
    pub(crate) options: PgConnectOptions,
}

/// Whose servers a reader may see. An argument of every read that lists or fetches servers, so that no route can
/// forget it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visible {
    /// Every server.
    All,
    /// The servers of one person, and those shared with them at this level or a higher one.
    To(UserId, Level),
}

impl Visible {
    /// The person, for `($1::uuid IS NULL OR owner = $1 OR server_id IN (SELECT g.server_id FROM granted_to($1, $2) g))`.
    /// Statements are planned for their parameters, so all of it vanishes for those who see everything.
    pub(crate) fn asker(self) -> Option<Uuid> {
        match self {
            Self::All => None,
            Self::To(user, _) => Some(user.0),
        }
    }

    /// The level, as the second of the two parameters.
    pub(crate) fn least(self) -> i16 {
        match self {
            Self::All => 0,
            Self::To(_, level) => level.rank(),
        }
    }
}

impl Store {
    /// Prepares a pool of up to `connections`; the first one is made at once to prove that the database answers.
    pub async fn connect(url: &str, connections: u32) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url)
            .map_err(StoreError::Connect)?
            .application_name("chatops");
        // Reads are planned for what they ask: a page needs another plan than the whole fleet, and a chart only the
        // chunks of its range.
        let reading = options.clone().options([
            ("statement_timeout", "15s"),
            ("plan_cache_mode", "force_custom_plan"),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(Duration::from_secs(5))
            .connect_with(reading)
            .await
            .map_err(StoreError::Connect)?;
        Ok(Self { pool, options })
    }

    /// Closes all connections once they are idle.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// A connection outside the pool, for whoever holds a session lock or a temporary table.
    pub(crate) async fn dedicated(&self, role: &str) -> Result<PgConnection, StoreError> {
        self.options
            .clone()
            .application_name(&format!("chatops {role}"))
            .options([
                // A host that vanished without a word must not hold its locks for hours.
                ("tcp_keepalives_idle", "10"),
                ("tcp_keepalives_interval", "5"),
                ("tcp_keepalives_count", "3"),
                ("tcp_user_timeout", "25s"),
            ])
            .connect()
            .await
            .map_err(StoreError::Connect)
    }
}

/// Brings the schema up to date. Safe to run from several processes at once; nothing else ever touches the schema.
pub async fn migrate(url: &str) -> Result<(), StoreError> {
    let options = PgConnectOptions::from_str(url).map_err(StoreError::Connect)?;
    let mut connection = options
        .application_name("chatops migrate")
        .connect()
        .await
        .map_err(StoreError::Connect)?;
    let version = sqlx::query!(
        r#"SELECT current_setting('server_version_num')::integer AS "number!", current_setting('server_version') AS "text!""#
    )
    .fetch_one(&mut connection)
    .await
    .doing("ask for the version of the database")?;
    if version.number < OLDEST_SERVER {
        return Err(StoreError::TooOld {
            found: version.text,
        });
    }
    sqlx::migrate!()
        .run(&mut connection)
        .await
        .map_err(StoreError::Migrate)?;
    connection
        .close()
        .await
        .doing("close the migrating connection")
}

/// As the database wants it. Moments outside the calendar are refused long before; here they saturate.
pub(crate) fn datetime(at: Timestamp) -> OffsetDateTime {
    at.to_datetime().unwrap_or(if at.micros() < 0 {
        OffsetDateTime::UNIX_EPOCH
    } else {
        time::macros::datetime!(9999-12-31 0:00 UTC)
    })
}

pub(crate) fn timestamp(at: OffsetDateTime) -> Timestamp {
    Timestamp::from(at)
}

/// Sequences are below 2⁶³ in any stream that fits on a disk.
pub(crate) fn to_i64(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

pub(crate) fn to_u64(seq: i64) -> u64 {
    u64::try_from(seq).unwrap_or(0)
}
