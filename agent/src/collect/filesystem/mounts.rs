//! The mount table: parsing it, and choosing what people mean by "disks". Called by [`super::Reader`].

use std::{collections::HashMap, ffi::CString};

use chatops_schemas::event::metric::Filesystem;

use crate::collect::text::{lines, name, number, split_at_byte, words};

/// File systems that hold no data of their own, or are read-only images that are always full.
const NOT_STORAGE: [&[u8]; 35] = [
    b"autofs",
    b"bdev",
    b"binfmt_misc",
    b"bpf",
    b"cgroup",
    b"cgroup2",
    b"configfs",
    b"cpuset",
    b"cramfs",
    b"debugfs",
    b"devpts",
    b"devtmpfs",
    b"efivarfs",
    b"erofs",
    b"fusectl",
    b"hugetlbfs",
    b"iso9660",
    b"mqueue",
    b"nfsd",
    b"none",
    b"nsfs",
    b"pipefs",
    b"proc",
    b"pstore",
    b"ramfs",
    b"rootfs",
    b"rpc_pipefs",
    b"securityfs",
    b"selinuxfs",
    b"smackfs",
    b"sockfs",
    b"squashfs",
    b"sysfs",
    b"tracefs",
    b"udf",
];
/// FUSE servers that show no storage.
const NOT_STORAGE_FUSE: [&[u8]; 4] = [
    b"fuse.lxcfs",
    b"fuse.portal",
    b"fuse.gvfsd-fuse",
    b"fuse.snapfuse",
];
/// File systems whose answer depends on another machine or process.
const REMOTE: [&[u8]; 14] = [
    b"9p",
    b"afs",
    b"beegfs",
    b"ceph",
    b"cifs",
    b"coda",
    b"gfs2",
    b"glusterfs",
    b"lustre",
    b"ncpfs",
    b"nfs",
    b"nfs4",
    b"smb3",
    b"smbfs",
];
/// Memory is storage only where people put files.
const TMPFS_POINTS: [&[u8]; 3] = [b"/", b"/tmp", b"/var/tmp"];

/// One line of `/proc/self/mountinfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The kernel's id of the mount.
    pub id: u64,
    /// Major and minor number: the same for all mounts of one file system.
    pub device: (u64, u64),
    /// Whether the file system's own root is mounted, and not a folder of it (bind mount, container).
    pub whole: bool,
    /// Mount point, exactly.
    pub path: CString,
    /// Type.
    pub kind: Vec<u8>,
    /// Device or source.
    pub source: Vec<u8>,
    /// Whether its answer depends on another machine or process.
    pub remote: bool,
}

impl Mount {
    /// As it appears in a sample, without sizes.
    pub fn describe(&self) -> Filesystem {
        Filesystem {
            mount: name(self.path.as_bytes()),
            device: Some(name(&self.source)).filter(|text| !text.is_empty()),
            kind: Some(name(&self.kind)),
            ..Filesystem::default()
        }
    }

    fn is_storage(&self) -> bool {
        match self.kind.as_slice() {
            b"tmpfs" => TMPFS_POINTS.contains(&self.path.as_bytes()),
            // Containers' roots: they have the sizes of the disk below, unless one of them is all we see.
            b"overlay" | b"aufs" => self.path.as_bytes() == b"/",
            kind => !NOT_STORAGE.contains(&kind) && !NOT_STORAGE_FUSE.contains(&kind),
        }
    }
}

/// Parses the whole table. Lines that are none are left out.
pub fn parse(text: &[u8]) -> impl Iterator<Item = Mount> {
    lines(text).filter_map(line)
}

/// `36 35 98:0 /root /point rw,noatime master:1 - ext3 /dev/root rw`: the number of optional fields before the dash
/// varies.
fn line(text: &[u8]) -> Option<Mount> {
    let mut words = words(text);
    let id = number(words.next()?)?;
    let (major, minor) = split_at_byte(words.nth(1)?, b':')?;
    let whole = words.next()? == b"/";
    let path = CString::new(unescape(words.next()?)).ok()?;
    let mut behind = words.skip_while(|word| *word != b"-").skip(1);
    let kind = behind.next()?;
    let source = unescape(behind.next().unwrap_or_default());
    Some(Mount {
        id,
        device: (number(major)?, number(minor)?),
        whole,
        path,
        remote: REMOTE.contains(&kind) || kind.starts_with(b"fuse"),
        kind: kind.to_vec(),
        source,
    })
}

/// The kernel writes blanks, line feeds and backslashes as three octal digits.
fn unescape(word: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((&first, behind)) = rest.split_first() {
        match (first, behind) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', tail @ ..]) => {
                plain.push((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'));
                rest = tail;
            }
            _ => {
                plain.push(first);
                rest = behind;
            }
        }
    }
    plain
}

/// One mount for each file system that holds data, in the order of the table, at most `max`; and how many more there
/// were. Of several mounts of one file system the one of its root wins, then the shortest path; of several on one
/// mount point the last, which hides the others.
pub fn select(mounts: impl Iterator<Item = Mount>, max: usize) -> (Vec<Mount>, u32) {
    let mut chosen: Vec<Option<Mount>> = Vec::new();
    let mut by_device: HashMap<(u64, u64), usize> = HashMap::new();
    let mut by_point: HashMap<CString, usize> = HashMap::new();
    for mount in mounts {
        if let Some(hidden) = by_point.remove(&mount.path)
            && let Some(gone) = chosen[hidden].take()
        {
            by_device.remove(&gone.device);
        }
        if !mount.is_storage() {
            continue;
        }
        let index = match by_device.get(&mount.device) {
            Some(&index) => {
                let Some(rival) = &chosen[index] else {
                    continue;
                };
                if !better(&mount, rival) {
                    continue;
                }
                by_point.remove(&rival.path);
                index
            }
            None => {
                chosen.push(None);
                chosen.len() - 1
            }
        };
        by_device.insert(mount.device, index);
        by_point.insert(mount.path.clone(), index);
        chosen[index] = Some(mount);
    }
    let mut chosen: Vec<Mount> = chosen.into_iter().flatten().collect();
    let left_out = u32::try_from(chosen.len().saturating_sub(max)).unwrap_or(u32::MAX);
    // What is left out should not be what matters: short paths are where systems live, containers' are long.
    if left_out > 0 {
        chosen.sort_by_key(|mount| mount.path.as_bytes().len());
        chosen.truncate(max);
    }
    (chosen, left_out)
}

fn better(new: &Mount, old: &Mount) -> bool {
    let rank = |mount: &Mount| (!mount.whole, mount.path.as_bytes().len());
    rank(new) < rank(old)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TABLE: &str = "\
22 27 0:21 / /proc rw,relatime - proc proc rw
24 27 0:6 / /dev rw,relatime - devtmpfs devtmpfs rw,size=12334460k
25 24 0:23 / /dev/shm rw,relatime - tmpfs tmpfs rw
27 0 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
28 27 254:0 /srv/data /mnt/bind rw,relatime shared:1 master:2 - ext4 /dev/vda rw
30 27 8:17 /sub /data/long rw - btrfs /dev/sdb1 rw
31 27 8:17 / /pool rw - btrfs /dev/sdb1 rw
32 27 0:50 / /tmp rw - tmpfs tmpfs rw
33 27 7:0 / /snap/core/1 ro - squashfs /dev/loop0 ro
34 27 0:60 / /net/with\\040blank rw - nfs4 server:/export rw
35 27 0:61 / /home/me/sshfs rw - fuse.sshfs me@host: rw
37 27 0:63 / /var/lib/docker/overlay2/1f/merged rw - overlay overlay rw,lowerdir=/a
36 27 0:62 / /auto rw - autofs systemd-1 rw
";

    fn chosen(table: &str) -> Vec<String> {
        select(parse(table.as_bytes()), 100)
            .0
            .iter()
            .map(|mount| mount.describe().mount)
            .collect()
    }

    #[test]
    fn real_file_systems_once_each() {
        assert_eq!(
            chosen(TABLE),
            ["/", "/pool", "/tmp", "/net/with blank", "/home/me/sshfs"]
        );
    }

    #[test]
    fn what_depends_on_others_is_remote() {
        let remote: Vec<bool> = select(parse(TABLE.as_bytes()), 100)
            .0
            .iter()
            .map(|mount| mount.remote)
            .collect();
        assert_eq!(remote, [false, false, false, true, true]);
    }

    #[test]
    fn the_last_mount_on_a_point_hides_the_others() {
        let table = "1 0 8:1 / /mnt rw - ext4 /dev/a rw\n2 0 8:2 / /mnt rw - xfs /dev/b rw\n";
        let (mounts, _) = select(parse(table.as_bytes()), 100);
        assert_eq!(mounts.iter().map(|mount| mount.id).collect::<Vec<_>>(), [2]);
        assert_eq!(
            chosen("1 0 8:1 / /mnt rw - ext4 /dev/a rw\n2 0 0:9 / /mnt rw - proc proc rw\n"),
            [""; 0]
        );
    }

    #[test]
    fn hostile_names_cannot_break_a_line() {
        let table = "1 0 8:1 / /a\\012b\\134c\\400\\09 rw - ext4 /dev/\\033[31m rw\n";
        let mount = parse(table.as_bytes()).next().unwrap();
        assert_eq!(mount.path.as_bytes(), b"/a\nb\\c\\400\\09");
        let shown = mount.describe();
        assert_eq!(shown.mount, "/a\u{fffd}b\\c\\400\\09");
        assert_eq!(shown.device.as_deref(), Some("/dev/\u{fffd}[31m"));
    }

    #[test]
    fn lines_that_are_none_are_left_out() {
        for bad in [
            "",
            "1 2",
            "x 0 8:1 / /a rw - ext4 d rw",
            "1 0 8 / /a rw - ext4 d",
            "1 0 8:1 / /a rw ext4 d",
            "1 0 8:1 / /\\000 - e d",
        ] {
            assert_eq!(parse(bad.as_bytes()).count(), 0, "{bad}");
        }
    }

    #[test]
    fn ten_thousand_mounts_are_cut_to_the_shortest_and_counted() {
        let mut table: String = (0..10_000)
            .map(|n| format!("{n} 1 9:{n} / /var/lib/kubelet/pods/volume-{n} rw,relatime shared:{n} - ext4 /dev/rbd{n} rw\n"))
            .collect();
        table.push_str("20000 0 254:0 / / rw - ext4 /dev/vda rw\n");
        let (mounts, left_out) = select(parse(table.as_bytes()), 128);
        assert_eq!((mounts.len(), left_out), (128, 10_001 - 128));
        assert_eq!(mounts[0].path.as_bytes(), b"/");
    }

    #[test]
    fn ten_thousand_bind_mounts_are_one_file_system() {
        let mut table = String::from("1 0 254:0 / / rw - ext4 /dev/vda rw\n");
        for n in 2..10_000 {
            table.push_str(&format!("{n} 1 254:0 /x /p{n} rw - ext4 /dev/vda rw\n"));
        }
        assert_eq!(chosen(&table), ["/"]);
    }

    proptest! {
        #[test]
        fn any_bytes_parse_without_panic(text in proptest::collection::vec(any::<u8>(), 0..3000)) {
            select(parse(&text), 8);
        }

        #[test]
        fn any_table_gives_each_device_and_each_point_once(
            rows in proptest::collection::vec((0u8..5, 0u8..5, any::<bool>(), 0u8..3), 0..40)
        ) {
            let table: String = rows.iter().enumerate().map(|(id, (device, point, whole, kind))| {
                let root = if *whole { "/" } else { "/sub" };
                let kind = ["ext4", "proc", "nfs"][usize::from(*kind)];
                format!("{id} 0 8:{device} {root} /p{point} rw - {kind} d rw\n")
            }).collect();
            let (mounts, left_out) = select(parse(table.as_bytes()), 100);
            let mut devices: Vec<_> = mounts.iter().map(|mount| mount.device).collect();
            let mut points: Vec<_> = mounts.iter().map(|mount| mount.path.clone()).collect();
            devices.sort_unstable();
            points.sort_unstable();
            let counts = (devices.len(), points.len());
            devices.dedup();
            points.dedup();
            prop_assert_eq!((devices.len(), points.len()), counts);
            prop_assert_eq!(left_out, 0);
        }
    }
}
