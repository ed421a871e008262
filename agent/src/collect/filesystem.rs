//! Mounted file systems from `/proc/self/mountinfo`, their sizes from `statvfs`.
//!
//! Not from sysinfo: it asks every mount on the calling thread, so one dead NFS server stops the agent; it also lists
//! bind mounts twice. The kernel announces changes of the mount table on the open file, so ten thousand mounts are
//! parsed when one of them changes and not at each reading.
//!
//! Local file systems are asked here; those that wait for somebody else (network, FUSE) in [`remote`], where they may
//! hang as long as they like.

mod mounts;
mod remote;

use std::ffi::CStr;

use chatops_schemas::event::metric::Filesystem;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{AtFlags, CWD, StatVfs, StatxFlags, statvfs, statx},
};

use super::source::{Roots, Source};
pub use mounts::{Mount, parse, select};
use remote::Remote;

/// Most file systems in a sample.
pub const MAX_FILESYSTEMS: usize = 128;

/// Sizes of a file system, in bytes and inodes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    total: u64,
    used: u64,
    available: u64,
    inodes: u64,
    inodes_used: u64,
}

impl From<StatVfs> for Usage {
    fn from(fs: StatVfs) -> Self {
        let bytes = |blocks: u64| blocks.saturating_mul(fs.f_frsize);
        Self {
            total: bytes(fs.f_blocks),
            used: bytes(fs.f_blocks.saturating_sub(fs.f_bfree)),
            available: bytes(fs.f_bavail),
            inodes: fs.f_files,
            inodes_used: fs.f_files.saturating_sub(fs.f_ffree),
        }
    }
}

#[derive(Debug)]
struct Watched {
    mount: Mount,
    remote: Option<Remote>,
}

/// Reads file systems.
#[derive(Debug)]
pub struct Reader {
    source: Source,
    watched: Vec<Watched>,
    left_out: u32,
    known: bool,
}

impl Reader {
    /// Reads below `roots.proc`.
    pub fn new(roots: &Roots) -> Self {
        Self {
            source: Source::new(roots.proc.join("self/mountinfo")),
            watched: Vec::new(),
            left_out: 0,
            known: false,
        }
    }

    /// Reads into `list`; gives the number left out because there are more than [`MAX_FILESYSTEMS`]. A file system
    /// that does not answer is listed without sizes.
    pub fn read(&mut self, buffer: &mut Vec<u8>, list: &mut Vec<Filesystem>) -> u32 {
        let changed = !self.known || self.changed();
        if changed {
            self.known = self.discover(buffer).is_ok();
        }
        // A list that was cut to fit into a message is made whole again.
        if changed || list.len() != self.watched.len() {
            list.clear();
            list.extend(self.watched.iter().map(|watched| watched.mount.describe()));
        }
        for (watched, entry) in self.watched.iter_mut().zip(list.iter_mut()) {
            let usage = match &mut watched.remote {
                Some(remote) => remote.ask(),
                None => usage(&watched.mount.path),
            };
            let usage = usage.filter(|usage| usage.total > 0);
            entry.total = usage.map(|usage| usage.total);
            entry.used = usage.map(|usage| usage.used);
            entry.available = usage.map(|usage| usage.available);
            // btrfs and others have no fixed number of inodes and say 0.
            let counted = usage.filter(|usage| usage.inodes > 0);
            entry.inodes = counted.map(|usage| usage.inodes);
            entry.inodes_used = counted.map(|usage| usage.inodes_used);
        }
        self.left_out
    }

    /// Whether every file system has answered the last question put to it.
    pub fn settled(&self) -> bool {
        self.watched
            .iter()
            .all(|watched| watched.remote.as_ref().is_none_or(Remote::settled))
    }

    fn changed(&mut self) -> bool {
        let Ok(file) = self.source.file() else {
            return true;
        };
        let mut fds = [PollFd::new(file, PollFlags::PRI)];
        // An error means that nothing is known about changes, so the table is read.
        poll(
            &mut fds,
            Some(&Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            }),
        )
        .is_err()
            || fds[0].revents().intersects(PollFlags::PRI | PollFlags::ERR)
    }

    fn discover(&mut self, buffer: &mut Vec<u8>) -> std::io::Result<()> {
        let (mut mounts, left_out) = select(parse(self.source.read(buffer)?), MAX_FILESYSTEMS);
        mounts.retain(visible);
        let mut before = std::mem::take(&mut self.watched);
        self.watched = mounts
            .into_iter()
            .map(|mount| {
                let known = before.iter_mut().find(|watched| watched.mount == mount);
                let remote = match known {
                    Some(watched) => watched.remote.take(),
                    None => mount.remote.then(|| Remote::new(mount.path.clone())),
                };
                Watched { mount, remote }
            })
            .collect();
        self.left_out = left_out;
        Ok(())
    }
}

fn usage(path: &CStr) -> Option<Usage> {
    statvfs(path).ok().map(Usage::from)
}

/// Whether the path still leads to this mount and not to one mounted over it or over a folder above it. Asked of local
/// ones only, since a question to a dead server would hang; kernels before 5.8 cannot answer, which counts as yes.
fn visible(mount: &Mount) -> bool {
    mount.remote
        || statx(
            CWD,
            mount.path.as_c_str(),
            AtFlags::NO_AUTOMOUNT,
            StatxFlags::MNT_ID,
        )
        .map_or(true, |stat| {
            stat.stx_mask & StatxFlags::MNT_ID.bits() == 0 || stat.stx_mnt_id == mount.id
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_a_root_with_sizes_that_add_up() {
        let mut list = Vec::new();
        Reader::new(&Roots::default()).read(&mut Vec::new(), &mut list);
        let root = list
            .iter()
            .find(|fs| fs.mount == "/")
            .expect("a root file system");
        let (total, used, available) = (
            root.total.unwrap(),
            root.used.unwrap(),
            root.available.unwrap(),
        );
        assert!(used <= total && available <= total - used, "{root:?}");
    }

    #[test]
    fn an_unchanged_table_is_not_read_again() {
        let mut reader = Reader::new(&Roots::default());
        let mut list = Vec::new();
        reader.read(&mut Vec::new(), &mut list);
        assert!(!reader.changed());
    }

    #[test]
    fn a_host_without_proc_has_no_file_systems() {
        let roots = Roots {
            proc: "/nowhere".into(),
            ..Roots::default()
        };
        let mut list = Vec::new();
        assert_eq!(Reader::new(&roots).read(&mut Vec::new(), &mut list), 0);
        assert!(list.is_empty());
    }
}
