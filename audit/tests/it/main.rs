//! The appender and the check against a real nats-server.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod exactly_once;
mod ground;
mod heads_outside;
mod restore;
mod tampering;
