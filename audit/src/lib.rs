//! The audit chain at work. What an entry is and how it is checked stands in `chatops_schemas::audit`; here is who reads,
//! appends, signs and carries.
//!
//! | module | answers |
//! |---|---|
//! | [`source`] | which streams are audited |
//! | [`mod@chain`] | the chain as it lies in OPS_AUDIT, read and checked |
//! | [`appender`] | how events become entries exactly once, and when a head is signed |
//! | [`outside`] | how heads leave this system: a file on another mount, a webhook |
//! | [`check`] | the whole chain against its heads and its events |
//! | [`export`] | the chain as a file that can be checked anywhere |
//! | [`restore`] | how a person accepts what a restore from a backup left |
//! | [`state`] | what people are shown of all that |
//!
//! # Guarantees
//! Every audited event of the sources has exactly one entry, in the order of its stream. No entry is ever appended to a
//! chain that does not agree with the heads that are known: a tampered chain is left as it is, and people are told. Only a person can accept that it goes on
//! after a restore, and every later check says so.

#![warn(missing_docs)]

pub mod appender;
pub mod chain;
pub mod check;
pub mod export;
pub mod outside;
pub mod restore;
pub mod source;
pub mod state;

pub use appender::{Appender, Settings};
pub use outside::Outside;
pub use state::State;
