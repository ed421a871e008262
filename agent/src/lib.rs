//! The agent: runs on every monitored host, reads it, and sees to it that the readings reach their stream.
//!
//! | module | answers |
//! |---|---|
//! | [`cli`] | what can be typed: `enroll`, `run`, `check`, `sample`, `grant`, `grants`, `revoke` |
//! | [`enroll`] | how a host becomes a server with a one-time code |
//! | [`trust`] | which certificates are believed |
//! | [`config`], [`key`], [`endpoint`] | what is set, and what is wrong with it, in a sentence |
//! | [`service`] | the one loop: when to read, what to do with the reading |
//! | [`collect`] | where each figure comes from |
//! | [`operate`] | what the server may ask of this host, and the checks before it |
//! | [`logs`] | which lines of logs are sent |
//! | [`grants`] | what somebody on this host has allowed for a while |
//! | [`outbox`] | results, logs and facts on their way out |
//! | [`record`] | a reading or another event as it waits and travels |
//! | [`spool`] | what waits, on disk |
//! | [`uplink`] | what to send when; no sockets |
//! | [`queue`], [`lanes`] | spool and uplink together, for each kind of event |
//! | [`transport`] | the two ways to the server |
//! | [`data`], [`identity`] | what is remembered over restarts; what this host is |
//!
//! # What is guaranteed
//! - Every reading has an id, a time and a number from the moment it is taken, and keeps them however often it is sent.
//! - A crash of the agent loses at most one reading; a server that is away costs none until the spool is full, and then
//!   the oldest go first and are counted.
//! - The host decides what may be read and done; the server cannot widen it. No sample ever holds arguments of
//!   processes.
//! - What the server asks for is done at most once, and only if it signed it: see [`operate`].
//! - It stays small: one thread, a few files kept open, next to no allocation per reading.
//!
//! On crash: everything but the newest reading is on disk or in the stream. On a hung file system, an engine that does
//! not answer, a directory service that is away: the figure concerned is absent, all others go on.

pub mod cli;
pub mod collect;
pub mod config;
pub mod data;
pub mod endpoint;
pub mod enroll;
pub mod grants;
pub mod identity;
pub mod key;
pub mod lanes;
pub mod logs;
pub mod operate;
pub mod outbox;
pub mod queue;
pub mod record;
pub mod service;
pub mod spool;
pub mod transport;
pub mod trust;
pub mod uplink;
