//! Contract tests: what was ever written stays readable, and hostile bytes are refused with a reason.

#![expect(
    clippy::unwrap_used,
    reason = "a panic in a test is its failure report"
)]

mod audit;
mod evolution;
mod examples;
mod golden;
mod hostile;
mod originals;
mod roundtrip;
mod subjects;
