//! Kinds of devices. The numbers of all devices of a kind lie in one flat array, device after device.

use crate::event::metric::Sample;

/// One number of a device.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// Last part of a series' name.
    pub name: &'static str,
    /// What it is in.
    pub unit: &'static str,
    /// Its name for people.
    pub label: &'static str,
}

const fn field(name: &'static str, unit: &'static str, label: &'static str) -> Field {
    Field { name, unit, label }
}

/// A kind of device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// Processor cores; the only kind that needs no names.
    Core,
    /// File systems by mount point.
    Fs,
    /// Block devices.
    Disk,
    /// Network interfaces.
    Net,
    /// Temperature sensors.
    Temp,
    /// Containers by name.
    Container,
}

impl Family {
    /// All, in the order of the columns.
    pub const ALL: [Self; 6] = [
        Self::Core,
        Self::Fs,
        Self::Disk,
        Self::Net,
        Self::Temp,
        Self::Container,
    ];

    /// The kinds with names: all but [`Self::Core`], in the order of a layout.
    pub const NAMED: [Self; 5] = [Self::Fs, Self::Disk, Self::Net, Self::Temp, Self::Container];

    /// First part of a series' name, and the column.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Fs => "fs",
            Self::Disk => "disk",
            Self::Net => "net",
            Self::Temp => "temp",
            Self::Container => "container",
        }
    }

    /// From the first part of a series' name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.name() == name)
    }

    /// The numbers of one device, in order.
    pub const fn fields(self) -> &'static [Field] {
        match self {
            Self::Core => const { &[field("busy", "percent", "busy")] },
            Self::Fs => {
                const {
                    &[
                        field("total", "bytes", "size"),
                        field("used", "bytes", "used"),
                        field("available", "bytes", "available"),
                        field("inodes", "", "inodes"),
                        field("inodes_used", "", "inodes used"),
                    ]
                }
            }
            Self::Disk => {
                const {
                    &[
                        field("read", "bytes/s", "read"),
                        field("write", "bytes/s", "written"),
                        field("read_ops", "1/s", "reads"),
                        field("write_ops", "1/s", "writes"),
                        field("util", "percent", "busy"),
                        field("await_ms", "ms", "wait"),
                    ]
                }
            }
            Self::Net => {
                const {
                    &[
                        field("rx", "bytes/s", "received"),
                        field("tx", "bytes/s", "sent"),
                        field("rx_packets", "1/s", "packets received"),
                        field("tx_packets", "1/s", "packets sent"),
                        field("rx_errors", "1/s", "receive errors"),
                        field("tx_errors", "1/s", "send errors"),
                        field("rx_drops", "1/s", "received and dropped"),
                        field("tx_drops", "1/s", "dropped before sending"),
                    ]
                }
            }
            Self::Temp => const { &[field("celsius", "celsius", "temperature")] },
            Self::Container => {
                const {
                    &[
                        field("cpu", "percent", "processor"),
                        field("mem", "bytes", "memory"),
                        field("rx", "bytes/s", "received"),
                        field("tx", "bytes/s", "sent"),
                        field("read", "bytes/s", "read"),
                        field("write", "bytes/s", "written"),
                    ]
                }
            }
        }
    }

    /// Numbers per device.
    pub const fn stride(self) -> usize {
        self.fields().len()
    }

    /// Index in [`Self::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// How many devices of a kind a sample has.
pub fn devices(sample: &Sample, family: Family) -> usize {
    match family {
        Family::Core => sample.cpu.as_ref().map_or(0, |cpu| cpu.cores.len()),
        Family::Fs => sample.fs.len(),
        Family::Disk => sample.disk.len(),
        Family::Net => sample.net.len(),
        Family::Temp => sample.temp.len(),
        Family::Container => sample.containers.len(),
    }
}

/// Name of a device; cores have none.
pub fn device_name(sample: &Sample, family: Family, device: usize) -> &str {
    match family {
        Family::Core => "",
        Family::Fs => &sample.fs[device].mount,
        Family::Disk => &sample.disk[device].name,
        Family::Net => &sample.net[device].name,
        Family::Temp => &sample.temp[device].name,
        Family::Container => &sample.containers[device].name,
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "seven digits are what a chart can show"
)]
pub(crate) fn big(value: Option<u64>) -> Option<f32> {
    value.map(|value| value as f32)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "seven digits are what a chart can show"
)]
pub(crate) fn small(value: Option<u32>) -> Option<f32> {
    value.map(|value| value as f32)
}

/// Hands the numbers of a kind to `put`, in the order of the array.
pub fn numbers(sample: &Sample, family: Family, mut put: impl FnMut(Option<f32>)) {
    match family {
        Family::Core => sample
            .cpu
            .iter()
            .flat_map(|cpu| &cpu.cores)
            .for_each(|busy| put(*busy)),
        Family::Fs => {
            for d in &sample.fs {
                [d.total, d.used, d.available, d.inodes, d.inodes_used]
                    .into_iter()
                    .for_each(|value| put(big(value)));
            }
        }
        Family::Disk => {
            for d in &sample.disk {
                [d.read, d.write, d.read_ops, d.write_ops, d.util, d.await_ms]
                    .into_iter()
                    .for_each(&mut put);
            }
        }
        Family::Net => {
            for d in &sample.net {
                [
                    d.rx,
                    d.tx,
                    d.rx_packets,
                    d.tx_packets,
                    d.rx_errors,
                    d.tx_errors,
                    d.rx_drops,
                    d.tx_drops,
                ]
                .into_iter()
                .for_each(&mut put);
            }
        }
        Family::Temp => sample.temp.iter().for_each(|d| put(d.celsius)),
        Family::Container => {
            for d in &sample.containers {
                [d.cpu, big(d.mem), d.rx, d.tx, d.read, d.write]
                    .into_iter()
                    .for_each(&mut put);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::event::metric::{Container, Cpu, Disk, Filesystem, Interface, Sensor};

    use super::*;

    #[test]
    fn every_device_has_as_many_numbers_as_its_kind_has_fields() {
        let sample = Sample {
            cpu: Some(Cpu {
                cores: vec![Some(1.0), None],
                ..Cpu::default()
            }),
            fs: vec![Filesystem::default(); 2],
            disk: vec![Disk::default(); 2],
            net: vec![Interface::default(); 2],
            temp: vec![Sensor::default(); 2],
            containers: vec![Container::default(); 2],
            ..Sample::default()
        };
        for family in Family::ALL {
            let mut count = 0;
            numbers(&sample, family, |_| count += 1);
            assert_eq!(
                count,
                devices(&sample, family) * family.stride(),
                "{family:?}"
            );
            assert_eq!(Family::ALL[family.index()], family);
        }
    }
}
