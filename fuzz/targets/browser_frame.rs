//! Frames that browsers send: live views, logs, containers and terminals.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| chatops_api::fuzzing::browser_frame(text));
