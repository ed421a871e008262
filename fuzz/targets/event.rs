//! Everything that lies in a stream: the codec of events.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(event) = chatops_schemas::codec::decode_any(bytes) else {
        return;
    };
    // What was accepted can be judged and has a type of the catalogue.
    let _ = event.data.validate();
    assert!(!event.kind.is_empty());
});
