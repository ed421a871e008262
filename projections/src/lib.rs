//! Read models: events in, rows out, and the questions people ask of them. The only crate that speaks SQL.
//!
//! | module | answers |
//! |---|---|
//! | [`store`] | the database as everybody else sees it: reads, the vault, migrations |
//! | [`project`] | which events become which rows |
//! | [`projector`] | how a batch, its parked events and the position are committed as one |
//! | [`progress`] | how to wait until one's own write can be read |
//! | [`rollup`] | minutes and hours from samples |
//! | [`retention`] | what is removed, and when |
//! | [`view`] | plain structs that readers get |
//! | [`breaker`] | when to stop instead of parking |
//!
//! # What is guaranteed
//! Rows and position of a projector commit together, and only its newest copy can commit: every event is applied once,
//! whatever dies when. An event that cannot be read is parked in that same transaction, with its reason. Everything but
//! the vault can be dropped and rebuilt from the streams.
//!
//! # A new projection in five steps
//! 1. Write a migration for its tables, with a comment on each, under a new timestamp. Released migrations never change.
//!    `deploy/dev-db.sh` applies it to the development database, which the statements are checked against.
//! 2. Put its statements into `store/<name>.rs`, as functions on a connection. They must not fail on any event that
//!    decodes: clean texts with `text::clean`, saturate numbers, ignore conflicts.
//! 3. Implement `projector::Projection` for it in `project/<name>.rs`: `prepare` decodes and parks, `write` calls the
//!    statements, `start` forgets what another copy may have changed.
//! 4. Add a constructor to [`project`] with its name, version, stream and filter, and run it in `chatops/src/compose/readers.rs`.
//!    An incompatible change later is a new version with tables of its own, flipped in `projection_active`.
//! 5. Test it in `tests/it/` through a real stream: feed events, cut the connection, compare counts; then drop its tables,
//!    set its position to 0 and compare again. `make sqlx` renews the offline data of the checked statements.

#![warn(missing_docs)]

pub mod breaker;
mod copy;
mod error;
mod history;
mod layout;
mod page;
mod park;
pub mod progress;
pub mod project;
pub mod projector;
pub mod retention;
pub mod rollup;
pub mod store;
mod text;
pub mod view;

pub use error::StoreError;
pub use page::Page;
pub use progress::Progress;
pub use project::{
    ALERTS, AUDIT, COMMAND_OUTPUT, COMMANDS, INVENTORY, LOGS, METRICS, PRESENCE, TERMINALS,
};
pub use store::{
    AlertPlace, OwnersLock, PastEnd, PastQuery, PastReader, Store, Take, TerminalQuery, Visible,
    migrate, settings::SettingError,
};
pub use text::fold;
