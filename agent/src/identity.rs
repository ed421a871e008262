//! What this host is, for the `agent.hello` that follows each connect.
//!
//! sysinfo serves here: it knows distributions, and it is asked once at the start. The processor's name and number of
//! cores come from `/proc/cpuinfo`, because sysinfo would set up frequency and usage tracking for them.

use chatops_schemas::event::fact::AgentHello;
use sysinfo::System;

use crate::collect::{Roots, memory};

/// Version of this agent.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Longest text in a fact.
const MAX_TEXT: usize = 256;

/// The host as it is; interval, capabilities and spool are added when the fact is sent.
pub fn describe(roots: &Roots) -> AgentHello {
    let (cpu_model, cores) = std::fs::read(roots.proc.join("cpuinfo"))
        .map(|text| parse(&text))
        .unwrap_or_default();
    let memory = std::fs::read(roots.proc.join("meminfo"))
        .map(|text| memory::parse(&text))
        .unwrap_or_default()
        .0;
    AgentHello {
        version: VERSION.to_owned(),
        hostname: hostname(),
        os: System::long_os_version().ok().map(|text| clean(&text)),
        kernel: System::kernel_version().ok().map(|text| clean(&text)),
        arch: Some(System::cpu_arch()),
        cpu_model,
        cores: Some(cores).filter(|cores| *cores > 0),
        memory_total: memory.and_then(|memory| memory.total),
        ..AgentHello::default()
    }
}

/// Model and number of logical cores from `/proc/cpuinfo`. Only x86 names the model of each core; boards name
/// themselves at the end.
pub fn parse(text: &[u8]) -> (Option<String>, u32) {
    let text = String::from_utf8_lossy(text);
    let (mut model, mut board, mut cores) = (None, None, 0);
    for (label, value) in text.lines().filter_map(|line| line.split_once(':')) {
        match label.trim() {
            "processor" => cores += 1,
            "model name" if model.is_none() => model = Some(value),
            "Model" | "Hardware" | "cpu model" if board.is_none() => board = Some(value),
            _ => {}
        }
    }
    (
        model.or(board).map(clean).filter(|text| !text.is_empty()),
        cores,
    )
}

fn clean(text: &str) -> String {
    text.trim()
        .chars()
        .filter(|c| !c.is_control())
        .take(MAX_TEXT)
        .collect()
}

/// This host's name.
pub fn hostname() -> String {
    clean(&System::host_name().unwrap_or_else(|_| "unknown".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chatops_schemas::event::Event as _;

    #[test]
    fn this_host_has_a_valid_description() {
        let hello = describe(&Roots::default());
        hello.validate().unwrap();
        assert!(hello.cores.unwrap() > 0 && hello.memory_total.unwrap() > 0);
        assert!(!hello.hostname.is_empty() && hello.kernel.is_some());
    }

    #[test]
    fn processors_of_servers_and_boards() {
        let x86 = b"processor : 0\nmodel name : Xeon  E5\nprocessor : 1\nmodel name : Xeon  E5\n";
        assert_eq!(parse(x86), (Some("Xeon  E5".to_owned()), 2));
        let board = b"processor : 0\nBogoMIPS : 1\n\nprocessor : 1\n\nModel : Raspberry Pi 5\n";
        assert_eq!(parse(board), (Some("Raspberry Pi 5".to_owned()), 2));
        assert_eq!(parse(b"\xff\xfe:::\n"), (None, 0));
    }
}
