//! Every number this crate counts, in one place. Names are `chatops_ingest_<thing>_total`.

use metrics::{counter, gauge};

/// The key directory did not answer.
pub(crate) fn directory_error() {
    counter!("chatops_ingest_directory_errors_total").increment(1);
}

/// A client was let in or turned away. `outcome` is from a closed list, never text of a client.
pub(crate) fn admission(transport: &'static str, outcome: &'static str) {
    counter!("chatops_ingest_admissions_total", "transport" => transport, "outcome" => outcome)
        .increment(1);
}

/// The gate did not answer a question of a server.
pub(crate) fn question_unanswered(reason: &'static str) {
    counter!("chatops_ingest_gate_unanswered_total", "reason" => reason).increment(1);
}

/// A connection of a revoked key was ended.
pub(crate) fn kicked(transport: &'static str) {
    counter!("chatops_ingest_kicked_total", "transport" => transport).increment(1);
}

/// A connection fact was written, or given up.
pub(crate) fn announced(outcome: &'static str) {
    counter!("chatops_ingest_facts_total", "outcome" => outcome).increment(1);
}

/// A presence difference was mended without an event from a server.
pub(crate) fn mended(how: &'static str) {
    counter!("chatops_ingest_presence_mended_total", "how" => how).increment(1);
}

/// Something on a control or presence subject could not be read.
pub(crate) fn unreadable(what: &'static str) {
    counter!("chatops_ingest_unreadable_total", "what" => what).increment(1);
}

/// A frame or a posted sample was accepted or refused; `outcome` is the error code.
pub(crate) fn frame(outcome: &'static str) {
    counter!("chatops_ingest_frames_total", "outcome" => outcome).increment(1);
}

/// An agent's socket was ended by this side.
pub(crate) fn cut(reason: &'static str) {
    counter!("chatops_ingest_sockets_cut_total", "reason" => reason).increment(1);
}

/// Open agent sockets.
pub(crate) fn sockets(open: usize) {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a count of sockets is far below 2^52"
    )]
    gauge!("chatops_ingest_sockets_open").set(open as f64);
}
