//! One host's random walk.

use chatops_schemas::event::metric::{
    Container, Cpu, Disk, Filesystem, Host, Interface, Load, Memory, Pressure, Process, Sample,
    Sensor, Swap,
};

use super::{Shape, random};

const GIB: u64 = 1 << 30;

/// State between readings.
#[derive(Debug)]
pub(super) struct Walk {
    shape: Shape,
    state: u64,
    load: f32,
    uptime_s: u64,
}

impl Walk {
    pub(super) fn new(shape: Shape, seed: u64) -> Self {
        Self {
            shape,
            state: seed,
            load: 30.0,
            uptime_s: 86_400 + seed % 1_000_000,
        }
    }

    /// Five seconds later.
    pub(super) fn step(&mut self) -> Sample {
        self.load = (self.load + self.around(0.0, 8.0)).clamp(1.0, 95.0);
        self.uptime_s += 5;
        let small = Sample {
            interval_ms: Some(5000),
            cpu: Some(self.cpu()),
            load: Some(Load {
                one: self.near(2.0),
                five: self.near(1.8),
                fifteen: self.near(1.5),
            }),
            mem: Some(Memory {
                total: Some(16 * GIB),
                used: self.pages(7 * GIB),
                available: self.pages(9 * GIB),
                cached: self.pages(5 * GIB),
                buffers: self.pages(GIB / 4),
            }),
            swap: Some(Swap {
                total: Some(2 * GIB),
                used: self.pages(GIB / 8),
            }),
            psi: Some(Pressure {
                cpu: self.near(1.5),
                mem: self.near(0.2),
                io: self.near(0.8),
            }),
            host: Some(Host {
                uptime_s: Some(self.uptime_s),
                processes: Some(180 + self.below(40)),
                running: Some(1 + self.below(4)),
                blocked: Some(self.below(2)),
            }),
            ..Sample::default()
        };
        match self.shape {
            Shape::Small => small,
            Shape::Full => self.fill(small),
        }
    }

    fn fill(&mut self, sample: Sample) -> Sample {
        const MOUNTS: [&str; 6] = [
            "/",
            "/boot",
            "/home",
            "/var",
            "/var/lib/docker",
            "/srv/data",
        ];
        Sample {
            fs: MOUNTS.iter().map(|mount| self.filesystem(mount)).collect(),
            disk: (0..4).map(|n| self.disk(format!("nvme{n}n1"))).collect(),
            net: ["eth0", "eth1", "docker0", "wg0"]
                .iter()
                .map(|name| self.interface(name))
                .collect(),
            temp: (0..6)
                .map(|n| Sensor {
                    name: format!("coretemp Core {n}"),
                    celsius: self.near(52.0),
                })
                .collect(),
            top_cpu: (0..5).map(|n| self.process(n)).collect(),
            top_mem: (5..10).map(|n| self.process(n)).collect(),
            containers: (0..13).map(|n| self.container(n)).collect(),
            ..sample
        }
    }

    fn cpu(&mut self) -> Cpu {
        let cores = if self.shape == Shape::Small { 2 } else { 8 };
        Cpu {
            total: tenths(self.load),
            user: tenths(self.load * 0.7),
            system: tenths(self.load * 0.3),
            iowait: self.near(0.6),
            steal: self.near(0.1),
            cores: (0..cores)
                .map(|_| self.near(f64::from(self.load)))
                .collect(),
        }
    }

    fn filesystem(&mut self, mount: &str) -> Filesystem {
        Filesystem {
            mount: mount.to_owned(),
            device: Some("/dev/nvme0n1p2".to_owned()),
            kind: Some("ext4".to_owned()),
            total: Some(200 * GIB),
            used: self.pages(90 * GIB),
            available: self.pages(100 * GIB),
            inodes: Some(13_107_200),
            inodes_used: Some(u64::from(400_000 + self.below(1000))),
        }
    }

    fn disk(&mut self, name: String) -> Disk {
        Disk {
            name,
            read_total: self.pages(700 * GIB),
            write_total: self.pages(900 * GIB),
            read: self.near(250_000.0),
            write: self.near(900_000.0),
            read_ops: self.near(12.0),
            write_ops: self.near(60.0),
            util: self.near(3.0),
            await_ms: self.near(0.7),
        }
    }

    fn interface(&mut self, name: &str) -> Interface {
        Interface {
            name: name.to_owned(),
            rx_total: self.pages(300 * GIB),
            tx_total: self.pages(200 * GIB),
            rx: self.near(90_000.0),
            tx: self.near(60_000.0),
            rx_packets: self.near(150.0),
            tx_packets: self.near(120.0),
            rx_errors: Some(0.0),
            tx_errors: Some(0.0),
            rx_drops: Some(0.0),
            tx_drops: Some(0.0),
        }
    }

    fn process(&mut self, number: u32) -> Process {
        Process {
            pid: 1000 + number,
            name: format!("worker-{number}"),
            user: Some("www-data".to_owned()),
            cpu: self.near(4.0),
            mem: self.pages(GIB / 4),
        }
    }

    fn container(&mut self, number: u32) -> Container {
        Container {
            id: format!("{:012x}", 0x1234_5678_u64 + u64::from(number)),
            name: format!("service-{number}"),
            image: Some("registry.example.org/service:1.4.2".to_owned()),
            state: Some("running".to_owned()),
            restarts: Some(0),
            cpu: self.near(2.0),
            mem: self.pages(GIB / 3),
            rx: self.near(20_000.0),
            tx: self.near(15_000.0),
            read: self.near(1000.0),
            write: self.near(8000.0),
            ..Container::default()
        }
    }

    /// Between -1 and 1, times `width`, plus `middle`.
    fn around(&mut self, middle: f32, width: f32) -> f32 {
        let share = (random(&mut self.state) >> 40) as f32 / (1_u32 << 24) as f32;
        middle + (share * 2.0 - 1.0) * width
    }

    /// Within a quarter of the middle.
    fn near(&mut self, middle: f64) -> Option<f32> {
        tenths(self.around(middle as f32, middle as f32 / 4.0))
    }

    /// Within an eighth, in whole pages.
    fn pages(&mut self, middle: u64) -> Option<u64> {
        Some((middle + random(&mut self.state) % (middle / 8)) & !4095)
    }

    fn below(&mut self, end: u32) -> u32 {
        u32::try_from(random(&mut self.state) % u64::from(end)).unwrap_or(0)
    }
}

/// One decimal, as agents round.
fn tenths(value: f32) -> Option<f32> {
    Some((value * 10.0).round() / 10.0)
}

/// Numbers that end up in a row.
pub(super) fn stored(sample: &Sample) -> usize {
    let scalars = 22;
    scalars
        + sample.cpu.as_ref().map_or(0, |cpu| cpu.cores.len())
        + sample.fs.len() * 5
        + sample.disk.len() * 6
        + sample.net.len() * 8
        + sample.temp.len()
        + sample.containers.len() * 6
}
