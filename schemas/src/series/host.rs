//! Numbers of the host: one column each.
//!
//! Some are derived here, once, so that the fleet page and the live view agree: `rx`, `tx`, `disk_read` and `disk_write`
//! are sums over physical devices (a packet of a container passes `veth`, bridge and network card, but is one packet),
//! `disk_max` is the fullest file system as `df` counts it, `temp_max` the hottest sensor.

use crate::event::metric::Sample;

use super::family::{big, small};

macro_rules! columns {
    ($($index:ident = $name:literal),* $(,)?) => {
        /// Columns, in the order of the table and of [`HostValues`].
        pub const COLUMNS: [&str; [$($name),*].len()] = [$($name),*];

        /// A value per column.
        pub type HostValues = [Option<f32>; COLUMNS.len()];

        #[expect(non_camel_case_types, clippy::upper_case_acronyms, reason = "numbers the columns")]
        enum Index { $($index),* }

        $(
            #[doc = concat!("Index of `", $name, "`.")]
            pub const $index: usize = Index::$index as usize;
        )*
    };
}

columns! {
    CPU = "cpu",
    CPU_USER = "cpu_user",
    CPU_SYSTEM = "cpu_system",
    CPU_IOWAIT = "cpu_iowait",
    CPU_STEAL = "cpu_steal",
    LOAD1 = "load1",
    LOAD5 = "load5",
    LOAD15 = "load15",
    MEM_TOTAL = "mem_total",
    MEM_USED = "mem_used",
    MEM_AVAILABLE = "mem_available",
    MEM_CACHED = "mem_cached",
    MEM_BUFFERS = "mem_buffers",
    SWAP_TOTAL = "swap_total",
    SWAP_USED = "swap_used",
    PSI_CPU = "psi_cpu",
    PSI_MEM = "psi_mem",
    PSI_IO = "psi_io",
    UPTIME_S = "uptime_s",
    PROCESSES = "processes",
    PROCS_RUNNING = "procs_running",
    PROCS_BLOCKED = "procs_blocked",
    RX = "rx",
    TX = "tx",
    DISK_READ = "disk_read",
    DISK_WRITE = "disk_write",
    DISK_MAX = "disk_max",
    TEMP_MAX = "temp_max",
}

/// A line of a chart.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct HostSeries {
    /// Its name.
    pub name: &'static str,
    /// What it is in.
    pub unit: &'static str,
    /// Its name for people.
    pub label: &'static str,
    /// Index of the column.
    pub column: usize,
    /// Index of the column it is a share of, in percent.
    pub percent_of: Option<usize>,
}

impl HostSeries {
    /// Its value in these, if it is there and finite.
    pub fn value(&self, values: &HostValues) -> Option<f64> {
        let value = f64::from(values[self.column]?);
        let value = match self.percent_of {
            None => value,
            Some(of) => 100.0 * value / f64::from(values[of]?),
        };
        value.is_finite().then_some(value)
    }
}

const fn plain(column: usize, unit: &'static str, label: &'static str) -> HostSeries {
    HostSeries {
        name: COLUMNS[column],
        unit,
        label,
        column,
        percent_of: None,
    }
}

const fn share(name: &'static str, column: usize, of: usize, label: &'static str) -> HostSeries {
    HostSeries {
        name,
        unit: "percent",
        label,
        column,
        percent_of: Some(of),
    }
}

/// All lines about the host.
pub const SERIES: &[HostSeries] = &[
    plain(CPU, "percent", "Processor busy"),
    plain(CPU_USER, "percent", "Processor, programs"),
    plain(CPU_SYSTEM, "percent", "Processor, kernel"),
    plain(CPU_IOWAIT, "percent", "Processor waiting for disks"),
    plain(CPU_STEAL, "percent", "Processor taken by the hypervisor"),
    plain(LOAD1, "", "Load, 1 minute"),
    plain(LOAD5, "", "Load, 5 minutes"),
    plain(LOAD15, "", "Load, 15 minutes"),
    plain(MEM_TOTAL, "bytes", "Memory"),
    plain(MEM_USED, "bytes", "Memory used"),
    plain(MEM_AVAILABLE, "bytes", "Memory available"),
    plain(MEM_CACHED, "bytes", "Memory, page cache"),
    plain(MEM_BUFFERS, "bytes", "Memory, buffers"),
    share("mem", MEM_USED, MEM_TOTAL, "Memory used, share"),
    plain(SWAP_TOTAL, "bytes", "Swap"),
    plain(SWAP_USED, "bytes", "Swap used"),
    share("swap", SWAP_USED, SWAP_TOTAL, "Swap used, share"),
    plain(PSI_CPU, "percent", "Tasks waiting for a processor"),
    plain(PSI_MEM, "percent", "Tasks waiting for memory"),
    plain(PSI_IO, "percent", "Tasks waiting for disks"),
    plain(UPTIME_S, "seconds", "Uptime"),
    plain(PROCESSES, "", "Processes"),
    plain(PROCS_RUNNING, "", "Tasks running"),
    plain(PROCS_BLOCKED, "", "Tasks blocked"),
    plain(RX, "bytes/s", "Network received"),
    plain(TX, "bytes/s", "Network sent"),
    plain(DISK_READ, "bytes/s", "Disks read"),
    plain(DISK_WRITE, "bytes/s", "Disks written"),
    HostSeries {
        name: "disk",
        ..plain(DISK_MAX, "percent", "Fullest file system")
    },
    plain(TEMP_MAX, "celsius", "Highest temperature"),
];

/// The numbers of a sample.
pub fn values(sample: &Sample) -> HostValues {
    let mut v: HostValues = [None; COLUMNS.len()];
    if let Some(cpu) = &sample.cpu {
        (v[CPU], v[CPU_USER], v[CPU_SYSTEM]) = (cpu.total, cpu.user, cpu.system);
        (v[CPU_IOWAIT], v[CPU_STEAL]) = (cpu.iowait, cpu.steal);
    }
    if let Some(load) = &sample.load {
        (v[LOAD1], v[LOAD5], v[LOAD15]) = (load.one, load.five, load.fifteen);
    }
    if let Some(mem) = &sample.mem {
        (v[MEM_TOTAL], v[MEM_USED], v[MEM_AVAILABLE]) =
            (big(mem.total), big(mem.used), big(mem.available));
        (v[MEM_CACHED], v[MEM_BUFFERS]) = (big(mem.cached), big(mem.buffers));
    }
    if let Some(swap) = &sample.swap {
        (v[SWAP_TOTAL], v[SWAP_USED]) = (big(swap.total), big(swap.used));
    }
    if let Some(psi) = &sample.psi {
        (v[PSI_CPU], v[PSI_MEM], v[PSI_IO]) = (psi.cpu, psi.mem, psi.io);
    }
    if let Some(host) = &sample.host {
        v[UPTIME_S] = big(host.uptime_s);
        (v[PROCESSES], v[PROCS_RUNNING], v[PROCS_BLOCKED]) = (
            small(host.processes),
            small(host.running),
            small(host.blocked),
        );
    }
    if !sample.net.is_empty() {
        let virtual_only = sample.net.iter().all(|net| is_virtual_interface(&net.name));
        let physical = || {
            sample
                .net
                .iter()
                .filter(move |net| virtual_only || !is_virtual_interface(&net.name))
        };
        v[RX] = sum(physical().map(|net| net.rx));
        v[TX] = sum(physical().map(|net| net.tx));
    }
    if !sample.disk.is_empty() {
        let virtual_only = sample.disk.iter().all(|disk| is_virtual_disk(&disk.name));
        let physical = || {
            sample
                .disk
                .iter()
                .filter(move |disk| virtual_only || !is_virtual_disk(&disk.name))
        };
        v[DISK_READ] = sum(physical().map(|disk| disk.read));
        v[DISK_WRITE] = sum(physical().map(|disk| disk.write));
    }
    v[DISK_MAX] = greatest(
        sample
            .fs
            .iter()
            .map(|fs| match (big(fs.used), big(fs.available)) {
                (Some(used), Some(available)) if used + available > 0.0 => {
                    Some(100.0 * used / (used + available))
                }
                _ => None,
            }),
    );
    v[TEMP_MAX] = greatest(sample.temp.iter().map(|sensor| sensor.celsius));
    v
}

fn is_virtual_interface(name: &str) -> bool {
    name == "lo"
        || [
            "veth", "docker", "br-", "virbr", "cni", "flannel", "cali", "vxlan", "kube-", "lxc",
            "podman",
        ]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

fn is_virtual_disk(name: &str) -> bool {
    ["loop", "ram", "zram", "dm-", "md"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

/// Of the values that are there. Two huge ones must not add up to infinity, which no chart can show.
fn sum(values: impl Iterator<Item = Option<f32>>) -> Option<f32> {
    values
        .flatten()
        .reduce(|a, b| a + b)
        .map(|sum| sum.clamp(f32::MIN, f32::MAX))
}

fn greatest(values: impl Iterator<Item = Option<f32>>) -> Option<f32> {
    values.flatten().reduce(f32::max)
}

#[cfg(test)]
mod tests {
    use crate::event::metric::{Disk, Filesystem, Interface};

    use super::*;

    #[test]
    fn a_packet_of_a_container_counts_once() {
        let net = |name: &str, rx| Interface {
            name: name.to_owned(),
            rx: Some(rx),
            ..Interface::default()
        };
        let mut sample = Sample {
            net: vec![
                net("lo", 5.0),
                net("eth0", 10.0),
                net("docker0", 9.0),
                net("veth1", 9.0),
            ],
            ..Sample::default()
        };
        assert_eq!(values(&sample)[RX], Some(10.0));
        sample.net.remove(1);
        assert_eq!(
            values(&sample)[RX],
            Some(23.0),
            "nothing but virtual ones: better than nothing"
        );
    }

    #[test]
    fn the_fullest_file_system_counts_as_df_does() {
        let fs = |used, available| Filesystem {
            total: Some(1000),
            used: Some(used),
            available: Some(available),
            ..Filesystem::default()
        };
        let sample = Sample {
            fs: vec![fs(100, 850), fs(475, 475), fs(0, 0)],
            ..Sample::default()
        };
        assert_eq!(values(&sample)[DISK_MAX], Some(50.0));
    }

    #[test]
    fn huge_numbers_stay_finite() {
        let disk = || Disk {
            name: "sda".to_owned(),
            read: Some(f32::MAX),
            ..Disk::default()
        };
        let sample = Sample {
            disk: vec![disk(), disk()],
            ..Sample::default()
        };
        assert_eq!(values(&sample)[DISK_READ], Some(f32::MAX));
        assert_eq!(values(&sample)[DISK_WRITE], None);
    }

    #[test]
    fn a_host_without_devices_has_no_device_numbers() {
        assert_eq!(values(&Sample::default()), [None; COLUMNS.len()]);
    }
}
