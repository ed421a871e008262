//! The evaluator against a naive one, and against scenarios that people can read; messages as they arrive.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod naive;
mod notify;
mod reference;
mod scenarios;
