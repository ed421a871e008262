//! A container's figures from its control group (version 2) and its network namespace. Called by [`super::Reader`].

use std::path::PathBuf;

use super::usage::Usage;
use crate::collect::{
    network,
    source::{Roots, Source},
    text::{lines, number, split_at_byte, words},
};

/// The open files of one container.
#[derive(Debug)]
pub(super) struct Group {
    cpu: Source,
    memory: Source,
    memory_stat: Source,
    memory_limit: Source,
    io: Source,
    /// Absent when the container uses the host's network: its traffic cannot be told from the host's.
    network: Option<Source>,
}

impl Group {
    /// Finds the group of a container by its first process; `None` when it cannot be read from here.
    pub(super) fn find(roots: &Roots, pid: u32, id: &str) -> Option<Self> {
        let process = roots.proc.join(pid.to_string());
        let text = std::fs::read(process.join("cgroup")).ok()?;
        let folder = roots.sys.join("fs/cgroup").join(parse_path(&text, id)?);
        if !folder.join("cpu.stat").is_file() {
            return None;
        }
        let namespace = |folder: PathBuf| std::fs::read_link(folder.join("ns/net")).ok();
        let own = namespace(process.clone())
            .filter(|own| Some(own) != namespace(roots.proc.join("self")).as_ref());
        Some(Self {
            cpu: Source::new(folder.join("cpu.stat")),
            memory: Source::new(folder.join("memory.current")),
            memory_stat: Source::new(folder.join("memory.stat")),
            memory_limit: Source::new(folder.join("memory.max")),
            io: Source::new(folder.join("io.stat")),
            network: own.map(|_| Source::new(process.join("net/dev"))),
        })
    }

    /// Reads; `None` when the group is gone.
    pub(super) fn read(&mut self, buffer: &mut Vec<u8>) -> Option<Usage> {
        let cpu_us = value(self.cpu.read(buffer).ok()?, b"usage_usec");
        let mut plain = |source: &mut Source| number(source.read(buffer).ok()?.trim_ascii());
        let (current, memory_limit) = (plain(&mut self.memory), plain(&mut self.memory_limit));
        let cache = self
            .memory_stat
            .read(buffer)
            .ok()
            .and_then(|text| value(text, b"inactive_file"));
        let io = self.io.read(buffer).ok().map(parse_io);
        let traffic = self
            .network
            .as_mut()
            .and_then(|source| source.read(buffer).ok())
            .map(parse_traffic);
        Some(Usage {
            cpu_us,
            memory: current.map(|bytes| bytes.saturating_sub(cache.unwrap_or(0))),
            memory_limit,
            received: traffic.map(|(received, _)| received),
            sent: traffic.map(|(_, sent)| sent),
            read: io.map(|(read, _)| read),
            written: io.map(|(_, written)| written),
        })
    }
}

/// The group's path below the mount, from `/proc/<pid>/cgroup`: up to the part that bears the container's id, since a
/// container may have groups of its own. `None` for version 1 and for paths that lead out of what we see.
fn parse_path(text: &[u8], id: &str) -> Option<PathBuf> {
    let path = lines(text).find_map(|line| line.strip_prefix(b"0::/"))?;
    let path = std::str::from_utf8(path).ok()?;
    let mut found = PathBuf::new();
    for part in path.split('/') {
        if part == ".." {
            return None;
        }
        found.push(part);
        if !id.is_empty() && part.contains(id) {
            return Some(found);
        }
    }
    None
}

/// The number behind a name, one pair a line.
fn value(text: &[u8], name: &[u8]) -> Option<u64> {
    lines(text).find_map(|line| {
        number(
            split_at_byte(line, b' ')
                .filter(|(label, _)| *label == name)?
                .1,
        )
    })
}

/// Bytes read and written on all devices: `8:0 rbytes=1 wbytes=2 rios=…`.
fn parse_io(text: &[u8]) -> (u64, u64) {
    let (mut read, mut written) = (0_u64, 0_u64);
    for word in lines(text).flat_map(words) {
        if let Some(bytes) = word.strip_prefix(b"rbytes=").and_then(number) {
            read = read.saturating_add(bytes);
        } else if let Some(bytes) = word.strip_prefix(b"wbytes=").and_then(number) {
            written = written.saturating_add(bytes);
        }
    }
    (read, written)
}

fn parse_traffic(text: &[u8]) -> (u64, u64) {
    lines(text)
        .filter_map(network::parse)
        .filter(|stat| stat.name != b"lo")
        .fold((0, 0), |(received, sent), stat| {
            (
                received.saturating_add(stat.rx.bytes),
                sent.saturating_add(stat.tx.bytes),
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ID: &str = "8dfafdbc3a40e1";

    #[test]
    fn paths_of_both_drivers_and_of_nested_groups() {
        let path =
            |text: &str| parse_path(text.as_bytes(), ID).map(|path| path.display().to_string());
        let systemd = format!("0::/system.slice/docker-{ID}.scope\n");
        assert_eq!(
            path(&systemd),
            Some(format!("system.slice/docker-{ID}.scope"))
        );
        let nested = format!("1:name=x:/y\n0::/docker/{ID}/init.scope\n");
        assert_eq!(path(&nested), Some(format!("docker/{ID}")));
        assert_eq!(path(&format!("0::/../{ID}\n")), None);
        assert_eq!(path(&format!("4:memory:/docker/{ID}\n")), None);
        assert_eq!(path("0::/\n"), None);
        assert_eq!(parse_path(b"0::/a\n", ""), None);
    }

    #[test]
    fn a_groups_files() {
        let dir = tempfile::tempdir().unwrap();
        let roots = Roots {
            proc: dir.path().join("proc"),
            sys: dir.path().join("sys"),
        };
        let process = roots.proc.join("77");
        let folder = roots.sys.join("fs/cgroup/docker").join(ID);
        std::fs::create_dir_all(process.join("net")).unwrap();
        std::fs::create_dir_all(process.join("ns")).unwrap();
        std::fs::create_dir_all(&folder).unwrap();
        std::os::unix::fs::symlink("net:[1]", process.join("ns/net")).unwrap();
        let files = [
            (process.join("cgroup"), format!("0::/docker/{ID}\n")),
            (
                process.join("net/dev"),
                "lo: 9 1 0 0 0 0 0 0 9 1 0 0\neth0: 5 1 0 0 0 0 0 0 6 1 0 0\n".to_owned(),
            ),
            (
                folder.join("cpu.stat"),
                "usage_usec 1234\nuser_usec 1000\n".to_owned(),
            ),
            (folder.join("memory.current"), "1000\n".to_owned()),
            (
                folder.join("memory.stat"),
                "anon 1\ninactive_file 300\n".to_owned(),
            ),
            (folder.join("memory.max"), "max\n".to_owned()),
            (
                folder.join("io.stat"),
                "8:0 rbytes=10 wbytes=20 rios=1\n8:16 rbytes=1 wbytes=2\n".to_owned(),
            ),
        ];
        for (path, text) in files {
            std::fs::write(path, text).unwrap();
        }
        let usage = Group::find(&roots, 77, ID)
            .unwrap()
            .read(&mut Vec::new())
            .unwrap();
        let expected = Usage {
            cpu_us: Some(1234),
            memory: Some(700),
            memory_limit: None,
            received: Some(5),
            sent: Some(6),
            read: Some(11),
            written: Some(22),
        };
        assert_eq!(usage, expected);
        assert!(Group::find(&roots, 78, ID).is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_parse_without_panic(text in proptest::collection::vec(any::<u8>(), 0..500)) {
            parse_path(&text, ID);
            parse_io(&text);
            parse_traffic(&text);
            value(&text, b"usage_usec");
        }
    }
}
