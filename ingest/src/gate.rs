//! The gate: answers the NATS servers' question "may this client come in, and what may it do?" (auth callout).
//!
//! Called by nobody: it listens in the AUTH account, in a queue group, so any number of gates share the work. A client
//! shows a key id and its secret; the [`KeyRing`](crate::keyring::KeyRing) judges them; the answer is a user token that
//! permits exactly the subjects of that key's server.
//!
//! When no gate is running, connected agents stay connected and new ones are refused after the server's timeout, in
//! the same words as for a bad key: agents therefore retry for ever. Nothing is kept here, so nothing is lost in a crash.

mod answer;
mod keys;
mod request;
mod service;
mod whoami;

#[cfg(feature = "fuzzing")]
pub(crate) use request::fuzz as fuzz_request;

pub use keys::{GateKeys, GateKeysError};
pub use service::{GateConfig, GateError, GateParts, GateService};
