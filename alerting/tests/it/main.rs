//! The evaluator against a naive one, against scenarios that people can read, and at work on a real stream; messages as they
//! arrive.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod live;
mod naive;
mod notify;
mod reference;
mod scenarios;
