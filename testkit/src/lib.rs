//! Real servers for tests: nats-server, PostgreSQL with TimescaleDB, and a proxy that breaks the
//! way networks break. Dev-dependency only; nothing that ships links it.
//!
//! Cast:
//! - [`NatsServer`]: one private nats-server per test, 2.15 or the oldest supported 2.10.
//! - [`Database`]: a database of one's own on the server all tests of a run share, cloned from a
//!   template that is migrated once. [`Postgres`]: a private server, for tests that kill it.
//! - [`ContainerEngine`]: a Docker engine of one's own, with an image made here.
//! - [`OpenIdProvider`]: somebody else's OpenID provider, for signing in through one.
//! - [`MailServer`]: somebody else's mail server, which keeps what it gets.
//! - [`CuttingProxy`]: TCP in between, with delay, cuts that lose bytes in flight, and stalls.
//! - [`evidence`]: logs and secrets of a whole run, for the search that ends `make test`.
//! - [`eventually`], [`until`]: await a condition with a deadline; tests never sleep.
//!
//! Guarantees: everything a test starts is gone when its value is dropped, also by a panic, and
//! when the test process is killed outright (a watchdog process sees its pipe close). The shared
//! PostgreSQL is stopped and deleted by its reaper once the run that used it has ended.
//!
//! The programs come from `deploy/runtime.sh`: `$CHATOPS_RUNTIME`, else the nearest `.run/runtime`
//! above the working directory.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use chatops_testkit::{CuttingProxy, Database, NatsServer, eventually};
//! use std::time::Duration;
//!
//! let nats = NatsServer::start().await?;
//! let proxy = CuttingProxy::start(nats.address()).await?;
//! let database = Database::create("projections", |_url| async move { anyhow::Ok(()) }).await?;
//! proxy.delay(Duration::from_millis(40));
//! proxy.cut();
//! eventually("the database answers", Duration::from_secs(5), || async {
//!     database.psql("SELECT 1").await.is_ok()
//! })
//! .await;
//! # Ok(())
//! # }
//! ```

mod await_condition;
#[cfg(feature = "bench")]
pub mod bench;
mod engine;
pub mod evidence;
mod mail;
mod nats;
mod node;
mod openid;
mod port;
mod postgres;
mod proxy;
mod runtime;
mod watchdog;

pub use await_condition::{eventually, until};
pub use engine::{ContainerEngine, TEST_IMAGE};
pub use mail::{Mail, MailLine, MailServer};
pub use nats::{NatsServer, NatsServerBuilder, NatsVersion};
pub use openid::OpenIdProvider;
pub use port::free_port;
pub use postgres::{Database, Postgres, PostgresBuilder};
pub use proxy::CuttingProxy;
pub use runtime::Runtime;
pub use watchdog::{Scratch, forget, scratch_dir, watch};
