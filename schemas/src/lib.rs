//! The contract of the system: what an event is, what it may contain and on which subject it travels.
//!
//! Everything here is pure data. Nothing reads a clock, a socket or a file except [`clock`], which is
//! the only place in the workspace that asks the operating system for the time or for randomness.
//!
//! | module | answers |
//! |---|---|
//! | [`ids`] | what names a server, a user, a key, an event |
//! | [`clock`] | what time is it, and where do fresh ids come from |
//! | [`envelope`] | which fields surround every payload |
//! | [`event`] | the payloads: metrics, facts, control events |
//! | [`rule`] | what an alert rule may say |
//! | [`scope`] | what an API token may be used for |
//! | [`catalogue`] | the closed list of event types and versions |
//! | [`channel`] | where people are told about alerts |
//! | [`codec`] | bytes in, event out; every way decoding can fail |
//! | [`access`] | who may do what, and why |
//! | [`order`] | what a host is asked to do, signed |
//! | [`asyncapi`] | the AsyncAPI document: what travels where, for programs in any language |
//! | [`series`] | what is measured, as lines of a chart: names, columns, arrays |
//! | [`answer`] | what a host answers to questions |
//! | [`session`] | bytes of terminals and followed logs |
//! | [`subject`] | the subject tree `ops.v1.…`; nobody else formats subjects |
//! | [`audit`] | the audit chain: entries, hashes, signed heads, and how to check them |
//! | [`wire`] | frames of the `/api/v1/agents/ws` protocol, and the original JSON sample |
//!
//! # Adding an event type
//! 1. Write the payload struct in `event/<area>.rs`, every new field `Option` or `#[serde(default)]`.
//! 2. Implement [`event::Event`] for it (`TYPE` in the past tense, `VERSION` 1).
//! 3. Add it to the list in [`catalogue`].
//! 4. Add one example to `tests/it/examples.rs` and run the tests with `CHATOPS_BLESS=1`: this writes its JSON
//!    Schema and its golden file. Both are committed and never change again.
//! 5. Decide in [`audit::derive()`] whether it becomes an audit entry: the program does not compile before. What it becomes
//!    is frozen by `golden/audit/`.
//! 6. A later incompatible change is `VERSION` + 1 and a step in [`event::Event::upcast`].

#![warn(missing_docs)]

pub mod access;
pub mod answer;
pub mod asyncapi;
pub mod audit;
pub mod catalogue;
pub mod channel;
pub mod clock;
pub mod codec;
pub mod envelope;
pub mod event;
pub mod ids;
pub mod order;
pub mod rule;
pub mod scope;
pub mod series;
pub mod session;
pub mod subject;
pub mod wire;
