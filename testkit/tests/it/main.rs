//! The testkit tested on itself: what it promises about servers, databases, cuts and cleaning.
#![expect(
    clippy::unwrap_used,
    reason = "a panic is the failure report of a test"
)]

mod cleaning;
mod evidence;
mod nats;
mod nats_configurations;
mod postgres;
mod protocol;
mod proxy;
