//! Reading the host. Called by [`service`](crate::service) once per interval and by the verbs `sample` and `check`.
//!
//! Guarantees: a reading never blocks on another machine, never panics on what the kernel says, and what a host does
//! not have is absent, never 0. Buffers, open files and the sample's own lists are used again, so that a reading
//! allocates next to nothing. Readers keep the reading before for rates; nothing here knows the clock or the network.
//!
//! | module | source | why not sysinfo |
//! |---|---|---|
//! | [`cpu`] | `/proc/stat` | it has neither iowait nor steal |
//! | [`memory`] | `/proc/meminfo` | it has no caches and buffers |
//! | [`load`] | `/proc/loadavg` | wrong inside system containers |
//! | [`pressure`] | `/proc/pressure/*` | it has none |
//! | [`host`] | `/proc/uptime`, boot id | opens and rounds the same file |
//! | [`filesystem`] | `/proc/self/mountinfo`, `statvfs` | a dead NFS server stops it; bind mounts count twice |
//! | [`disk`] | `/proc/diskstats` | mounted disks only, no utilisation, no service time |
//! | [`network`] | `/proc/net/dev` | ten files an interface instead of one for all |
//! | [`sensor`] | `/sys/class/hwmon`, `thermal` | opens each file at each reading |
//! | [`process`] | `/proc/<pid>/stat` | five to ten files a process, command lines kept |
//! | [`container`] | Docker or Podman socket, cgroup files | it has none |
//! | [`systemd`] | the service manager | it has none |
//!
//! sysinfo serves where it is right and cheap: what the host is ([`identity`](crate::identity)), asked once a connect.
//!
//! # Adding a collector
//! 1. A file here with `parse(text)`, pure and tested with hostile bytes, and a `Reader` that keeps its file open.
//! 2. A row in the table above, saying why this source.
//! 3. A field in [`Collector`] and a line in [`Collector::read`]; lists have a cap and add to `truncated`.
//! 4. An independent reading to compare with in `tests/it/readings.rs`, and a line in `check`.

pub mod container;
pub mod counter;
pub mod cpu;
pub mod disk;
pub mod filesystem;
pub mod host;
pub mod load;
pub mod memory;
pub mod network;
mod pace;
pub mod pressure;
pub mod process;
mod rate;
pub mod sensor;
mod slot;
mod source;
pub mod systemd;
mod text;

use std::time::{Duration, Instant};

use chatops_schemas::event::metric::{Host, Sample};
use counter::Ledger;
use serde::{Deserialize, Serialize};
pub use source::Roots;

/// What to read.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the kernel's file systems are.
    pub roots: Roots,
    /// Whether processes may be looked at.
    pub processes: bool,
    /// Interfaces whose names start with one of these are left out.
    pub skip_interfaces: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            roots: Roots::default(),
            processes: true,
            skip_interfaces: vec!["veth".to_owned()],
        }
    }
}

/// Counters of all devices, to be kept over restarts and reboots.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Block devices: read, written.
    #[serde(default)]
    pub disk: Ledger,
    /// Interfaces: received, sent.
    #[serde(default)]
    pub net: Ledger,
}

/// All readers that can be read without waiting.
#[derive(Debug)]
pub struct Collector {
    buffer: Vec<u8>,
    cpu: cpu::Reader,
    memory: memory::Reader,
    load: load::Reader,
    pressure: pressure::Reader,
    uptime: host::Reader,
    filesystems: filesystem::Reader,
    disks: disk::Reader,
    interfaces: network::Reader,
    sensors: sensor::Reader,
    processes: Option<process::Reader>,
}

impl Collector {
    /// Makes the readers; nothing is read yet. `counters` are those of earlier runs.
    pub fn new(options: &Options, counters: Counters) -> Self {
        let roots = &options.roots;
        Self {
            buffer: Vec::new(),
            cpu: cpu::Reader::new(roots),
            memory: memory::Reader::new(roots),
            load: load::Reader::new(roots),
            pressure: pressure::Reader::new(roots),
            uptime: host::Reader::new(roots),
            filesystems: filesystem::Reader::new(roots),
            disks: disk::Reader::new(roots, counters.disk),
            interfaces: network::Reader::new(roots, options.skip_interfaces.clone(), counters.net),
            sensors: sensor::Reader::new(roots),
            processes: options.processes.then(|| process::Reader::new(roots)),
        }
    }

    /// Reads everything into `sample`, whose lists are used again. Containers and units stay as they are: they are
    /// read elsewhere. The first reading has no rates.
    pub fn read(&mut self, now: Instant, interval: Duration, sample: &mut Sample) {
        let buffer = &mut self.buffer;
        let cores = sample.cpu.take().map(|cpu| cpu.cores).unwrap_or_default();
        sample.interval_ms = u32::try_from(interval.as_millis()).ok();
        sample.cpu = self.cpu.read(buffer, cores);
        (sample.mem, sample.swap) = self.memory.read(buffer);
        sample.load = self.load.read(buffer);
        sample.psi = self.pressure.read(buffer);
        let mut left_out = self.cpu.stat().left_out;
        left_out += self.disks.read(now, buffer, &mut sample.disk);
        left_out += self.interfaces.read(now, buffer, &mut sample.net);
        left_out += self.filesystems.read(buffer, &mut sample.fs);
        left_out += self.sensors.read(now, buffer, &mut sample.temp);
        if let Some(processes) = &mut self.processes {
            processes.read(now, interval, &mut sample.top_cpu, &mut sample.top_mem);
        }
        sample.host = Some(Host {
            uptime_s: self.uptime.read(buffer),
            processes: self.processes.as_ref().and_then(process::Reader::count),
            running: self.cpu.stat().running,
            blocked: self.cpu.stat().blocked,
        });
        sample.truncated = (left_out > 0).then_some(left_out);
    }

    /// Whether every file system has answered: false for a moment after the start on hosts with network mounts.
    pub fn settled(&self) -> bool {
        self.filesystems.settled()
    }

    /// The counters as they stand.
    pub fn counters(&self) -> Counters {
        Counters {
            disk: self.disks.ledger(),
            net: self.interfaces.ledger(),
        }
    }
}
