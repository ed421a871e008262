//! Ways in for the fuzz targets (`fuzz/`), which live outside the workspace and see nothing private. Not part of any build
//! of the product.

use chatops_schemas::clock::{System, Timestamp};

use crate::{gate, gateway};

/// The first byte chooses the encoding; then what follows is a frame of a socket.
pub fn frame(bytes: &[u8]) {
    if let Some((first, rest)) = bytes.split_first() {
        gateway::fuzz_frame(
            first % 2 == 0,
            rest,
            Timestamp::from_millis(1_700_000_000_000),
            &System,
        );
    }
}

/// The first byte chooses the encoding; then what follows is the body of a post.
pub fn posted(bytes: &[u8]) {
    if let Some((first, rest)) = bytes.split_first() {
        gateway::fuzz_posted(first % 2 == 0, rest);
    }
}

/// An authorization request after it was opened.
pub fn callout(bytes: &[u8]) {
    gate::fuzz_request(bytes);
}
