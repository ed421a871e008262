//! What a nats-server asks the gate, opened: tokens that anybody could have signed.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| chatops_ingest::fuzzing::callout(bytes));
