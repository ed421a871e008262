//! Collectors against other programs' readings of the same machine. Tolerances are stated where things move meanwhile.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use chatops_agent::collect::{Collector, Counters, Options};
use chatops_schemas::event::{Event as _, metric::Sample};

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C")
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8(output.stdout).unwrap())
}

fn sample() -> Sample {
    let mut sample = Sample::default();
    Collector::new(&Options::default(), Counters::default()).read(
        Instant::now(),
        Duration::from_secs(5),
        &mut sample,
    );
    sample
}

/// Two samples with work on one core in between, and the ticks of `/proc/stat` around them.
fn working_samples() -> (Sample, [Vec<u64>; 2]) {
    let ticks = || -> Vec<u64> {
        let text = std::fs::read_to_string("/proc/stat").unwrap();
        text.lines()
            .next()
            .unwrap()
            .split_whitespace()
            .skip(1)
            .map(|word| word.parse().unwrap())
            .collect()
    };
    let mut collector = Collector::new(&Options::default(), Counters::default());
    let mut sample = Sample::default();
    let start = Instant::now();
    let before = ticks();
    collector.read(start, Duration::from_secs(1), &mut sample);
    while start.elapsed() < Duration::from_secs(1) {
        std::hint::spin_loop();
    }
    collector.read(Instant::now(), Duration::from_secs(1), &mut sample);
    (sample, [before, ticks()])
}

fn near(what: &str, ours: u64, theirs: u64, tolerance: u64) {
    assert!(
        ours.abs_diff(theirs) <= tolerance,
        "{what}: {ours} here, {theirs} there, {tolerance} tolerated"
    );
}

/// Memory in use moves while tests run; 256 MiB is what two compilers may take in the moment between.
const MEMORY_TOLERANCE: u64 = 256 << 20;

#[test]
fn memory_is_what_free_says() {
    let Some(text) = output("free", &["-b"]) else {
        panic!("free is missing: install procps")
    };
    let sample = sample();
    let row = |label: &str| -> Vec<u64> {
        let line = text.lines().find(|line| line.starts_with(label)).unwrap();
        line.split_whitespace()
            .skip(1)
            .map(|word| word.parse().unwrap())
            .collect()
    };
    let (theirs, ours) = (row("Mem:"), sample.mem.unwrap());
    assert_eq!(ours.total, Some(theirs[0]));
    near(
        "available",
        ours.available.unwrap(),
        theirs[5],
        MEMORY_TOLERANCE,
    );
    near(
        "used",
        ours.used.unwrap(),
        theirs[0] - theirs[5],
        MEMORY_TOLERANCE,
    );
    near(
        "buffers and cache",
        ours.buffers.unwrap() + ours.cached.unwrap(),
        theirs[4],
        MEMORY_TOLERANCE,
    );
    let swap = row("Swap:");
    match sample.swap {
        Some(ours) => assert_eq!(ours.total, Some(swap[0])),
        None => assert_eq!(swap[0], 0),
    }
}

/// Files come and go while tests run.
const DISK_TOLERANCE: u64 = 512 << 20;

#[test]
fn file_systems_are_what_df_says() {
    let columns = "--output=target,size,used,avail,itotal,iused";
    let Some(text) = output("df", &["-B1", columns]) else {
        panic!("df failed")
    };
    let sample = sample();
    let mut compared = 0;
    for line in text.lines().skip(1) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let Some(ours) = sample.fs.iter().find(|fs| fs.mount == words[0]) else {
            continue;
        };
        let theirs: Vec<u64> = words[1..]
            .iter()
            .map(|word| word.parse().unwrap_or(0))
            .collect();
        assert_eq!(ours.total, Some(theirs[0]), "{}", ours.mount);
        near("used", ours.used.unwrap(), theirs[1], DISK_TOLERANCE);
        near(
            "available",
            ours.available.unwrap(),
            theirs[2],
            DISK_TOLERANCE,
        );
        if let Some(inodes) = ours.inodes {
            assert_eq!(inodes, theirs[3], "{}", ours.mount);
            near("inodes used", ours.inodes_used.unwrap(), theirs[4], 50_000);
        }
        compared += 1;
    }
    assert!(compared > 0, "no file system is in both lists");
}

/// The kernel counts in hundredths of a second, and our reading lies inside theirs: 3 points.
const SHARE_TOLERANCE: f64 = 3.0;

#[test]
fn processor_time_is_what_proc_stat_adds_up_to() {
    let (sample, [before, after]) = working_samples();
    let spent: Vec<u64> = after
        .iter()
        .zip(&before)
        .map(|(after, before)| after.saturating_sub(*before))
        .collect();
    let all: u64 = spent[..8].iter().sum();
    let share = |ticks: u64| ticks as f64 / all as f64 * 100.0;
    let cpu = sample.cpu.unwrap();
    let near = |what: &str, ours: Option<f32>, theirs: f64| {
        let ours = f64::from(ours.unwrap());
        assert!(
            (ours - theirs).abs() <= SHARE_TOLERANCE,
            "{what}: {ours} here, {theirs} there"
        );
    };
    near("total", cpu.total, share(all - spent[3] - spent[4]));
    near("user", cpu.user, share(spent[0] + spent[1]));
    near("system", cpu.system, share(spent[2] + spent[5] + spent[6]));
    near("iowait", cpu.iowait, share(spent[4]));
    near("steal", cpu.steal, share(spent[7]));
    let cores = std::fs::read_to_string("/proc/stat").unwrap();
    let cores = cores
        .lines()
        .filter(|line| line.starts_with("cpu") && !line.starts_with("cpu "))
        .count();
    assert_eq!(cpu.cores.iter().flatten().count(), cores);
}

#[test]
fn a_busy_process_is_found_with_its_share() {
    let (sample, _) = working_samples();
    let own = sample
        .top_cpu
        .iter()
        .find(|process| process.pid == std::process::id())
        .expect("this test is busy");
    // One thread spins and gets at least a part of its core, whoever else works.
    assert!(own.cpu.unwrap() > 10.0, "{own:?}");
    assert!(own.mem.unwrap() > 1 << 20);
}

#[test]
fn interfaces_are_what_ip_says() {
    let Some(text) = output("ip", &["-s", "-j", "link"]) else {
        eprintln!("skipped: ip is not installed here");
        return;
    };
    let links: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut collector = Collector::new(&Options::default(), Counters::default());
    let mut sample = Sample::default();
    collector.read(Instant::now(), Duration::from_secs(1), &mut sample);
    let before: Vec<_> = collector.counters().net.into_iter().collect();
    for (name, [rx, tx]) in &before {
        let link = links
            .as_array()
            .unwrap()
            .iter()
            .find(|link| link["ifname"] == name.as_str())
            .unwrap();
        let theirs = |way: &str| link["stats64"][way]["bytes"].as_u64().unwrap();
        // What flows between the two readings: a second at 10 Gbit/s.
        assert!(
            rx.raw >= theirs("rx") && rx.raw - theirs("rx") < 1_250_000_000,
            "{name}"
        );
        assert!(
            tx.raw >= theirs("tx") && tx.raw - theirs("tx") < 1_250_000_000,
            "{name}"
        );
    }
    assert!(!before.is_empty());
}

#[test]
fn traffic_of_one_megabyte_is_counted() {
    use std::io::{Read as _, Write as _};
    const SENT: usize = 1 << 20;
    let mut collector = Collector::new(&Options::default(), Counters::default());
    let mut sample = Sample::default();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut sender = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut receiver, _) = listener.accept().unwrap();
    sender
        .write_all(b"so that the interface is in use")
        .unwrap();
    let start = Instant::now();
    collector.read(start, Duration::from_secs(1), &mut sample);
    let writer = std::thread::spawn(move || sender.write_all(&vec![7; SENT]).unwrap());
    let mut received = vec![0; SENT];
    receiver.read_exact(&mut received).unwrap();
    writer.join().unwrap();
    collector.read(
        start + Duration::from_secs(1),
        Duration::from_secs(1),
        &mut sample,
    );
    let loopback = sample
        .net
        .iter()
        .find(|interface| interface.name == "lo")
        .expect("a loopback interface");
    assert!(
        loopback.rx_total.unwrap() >= SENT as u64 && loopback.rx.unwrap() >= SENT as f32,
        "{loopback:?}"
    );
}

#[test]
fn written_bytes_are_counted_by_the_disk() {
    use std::io::Write as _;
    const WRITTEN: usize = 8 << 20;
    let mut collector = Collector::new(&Options::default(), Counters::default());
    let mut sample = Sample::default();
    let start = Instant::now();
    collector.read(start, Duration::from_secs(1), &mut sample);
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&vec![7; WRITTEN]).unwrap();
    file.sync_all().unwrap();
    collector.read(
        start + Duration::from_secs(1),
        Duration::from_secs(1),
        &mut sample,
    );
    let on_disk = output(
        "stat",
        &[
            "-f",
            "-c",
            "%T",
            &std::env::temp_dir().display().to_string(),
        ],
    );
    if sample.disk.is_empty()
        || on_disk.is_some_and(|kind| kind.contains("tmpfs") || kind.contains("overlay"))
    {
        eprintln!("skipped: temporary files are not on a block device of this machine");
        return;
    }
    let written: u64 = sample.disk.iter().filter_map(|disk| disk.write_total).sum();
    assert!(written >= WRITTEN as u64, "{written} bytes counted");
}

#[test]
fn load_and_uptime_are_what_the_kernel_prints() {
    let sample = sample();
    let uptime: f64 = std::fs::read_to_string("/proc/uptime")
        .unwrap()
        .split('.')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    near(
        "uptime",
        sample.host.unwrap().uptime_s.unwrap(),
        uptime as u64,
        1,
    );
    let load = std::fs::read_to_string("/proc/loadavg").unwrap();
    let fifteen: f32 = load.split_whitespace().nth(2).unwrap().parse().unwrap();
    assert!((sample.load.unwrap().fifteen.unwrap() - fifteen).abs() < 0.5);
}

#[test]
fn a_sample_of_this_machine_is_valid_and_full() {
    let (sample, _) = working_samples();
    sample.validate().unwrap();
    assert!(!sample.fs.is_empty() && !sample.net.is_empty() && !sample.top_mem.is_empty());
    assert!(sample.host.unwrap().processes.unwrap() > 1);
}
