//! Frames of an agent's WebSocket, in both encodings.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| chatops_ingest::fuzzing::frame(bytes));
