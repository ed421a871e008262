//! A way in for the fuzz targets (`fuzz/`), which live outside the workspace and see nothing private. Not part of any build
//! of the product.

use chatops_schemas::order::{Operation, Terminal};

use crate::{
    live::{container_logs, frame, one_server, tail, viewer::Topic, watched::Watched},
    terminal,
};

/// A text frame of a browser, as each of the sockets reads it. A topic that is understood is written as it was read.
pub fn browser_frame(text: &str) {
    if let Ok(frame::ClientFrame::Subscribe { topics, .. }) = serde_json::from_str(text) {
        for topic in topics {
            if let Some(known) = Topic::parse(&topic) {
                assert_eq!(known.to_string(), topic);
            }
            if let Some(known) = Watched::parse(&topic) {
                assert_eq!(Watched::parse(&known.to_string()), Some(known));
            }
        }
    }
    if let Ok(terminal::frame::ClientFrame::Open(open)) = serde_json::from_str(text) {
        let terminal = Terminal {
            cols: open.cols,
            rows: open.rows,
            container: open.container,
            shell: open.shell,
            idle_s: 3600,
            lease_s: 600,
            reattach: open.session.is_some(),
        };
        let _ = Operation::Terminal(terminal).validate();
    }
    tail::fuzz_frame(text);
    let _ = serde_json::from_str::<one_server::ClientFrame>(text);
    let _ = serde_json::from_str::<container_logs::ClientFrame>(text);
}
