//! The JSON of the first agents.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(data) = serde_json::from_slice::<chatops_schemas::wire::MetricsData>(bytes) else {
        return;
    };
    let sample = data.into_sample();
    let _ = chatops_schemas::event::Event::validate(&sample);
});
