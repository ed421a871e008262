//! Frames that a server sends to an agent on a WebSocket, in both encodings: a host must survive a server that lies.
#![no_main]

use libfuzzer_sys::fuzz_target;

// The decoder alone: the agent as a whole would bring its engine, terminals and disks along.
#[expect(dead_code, reason = "only what reads is used here")]
#[path = "../../agent/src/transport/websocket/frame.rs"]
mod frame;

fuzz_target!(|bytes: &[u8]| {
    let _ = frame::decode(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        // What can be read can be written, and is then the same.
        if let Ok(read) = frame::decode_text(text) {
            let again = serde_json::to_string(&read).expect("it was read");
            assert_eq!(frame::decode_text(&again).as_ref(), Ok(&read));
        }
    }
});
