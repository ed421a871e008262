//! Contract tests: what was ever written stays readable, and hostile bytes are refused with a reason.

mod evolution;
mod examples;
mod golden;
mod hostile;
mod originals;
mod roundtrip;
mod subjects;
