//! Bodies of `POST /api/v1/metrics`, in both encodings, up to the event they would become.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| chatops_ingest::fuzzing::posted(bytes));
