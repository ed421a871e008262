//! Temperatures from `/sys/class/hwmon`, or from `/sys/class/thermal` on boards that have no such chip.
//!
//! Not from sysinfo: it opens some ten files of each sensor at each reading; here the one file that changes stays open.
//! Chips of the kind `drivetemp` are left out: asking a sleeping disk for its temperature every few seconds keeps some
//! disks from ever sleeping.

use std::{fs, path::Path, time::Duration, time::Instant};

use chatops_schemas::event::metric::Sensor;

use super::{
    rate::tenths,
    slot::slot,
    source::{Roots, Source},
    text::name,
};

/// Most sensors in a sample.
pub const MAX_SENSORS: usize = 64;
/// How often is looked for chips that came or went.
const DISCOVER_EVERY: Duration = Duration::from_secs(600);

/// Parses thousandths of a degree Celsius. Readings no hardware survives are those of an unconnected sensor.
pub fn parse(text: &[u8]) -> Option<f32> {
    let millidegrees: i32 = std::str::from_utf8(text.trim_ascii()).ok()?.parse().ok()?;
    (-100_000..=250_000)
        .contains(&millidegrees)
        .then(|| tenths(f64::from(millidegrees) / 1000.0))
}

/// Reads temperatures.
#[derive(Debug)]
pub struct Reader {
    roots: Roots,
    found: Vec<(String, Source)>,
    left_out: u32,
    found_at: Option<Instant>,
}

impl Reader {
    /// Reads below `roots.sys`.
    pub fn new(roots: &Roots) -> Self {
        Self {
            roots: roots.clone(),
            found: Vec::new(),
            left_out: 0,
            found_at: None,
        }
    }

    /// Reads into `sensors`; gives the number left out because there are more than [`MAX_SENSORS`].
    pub fn read(&mut self, now: Instant, buffer: &mut Vec<u8>, sensors: &mut Vec<Sensor>) -> u32 {
        if self
            .found_at
            .is_none_or(|at| now.saturating_duration_since(at) >= DISCOVER_EVERY)
        {
            self.discover();
            self.found_at = Some(now);
        }
        let mut listed = 0;
        for (name, source) in &mut self.found {
            if let Some(celsius) = source.read(buffer).ok().and_then(parse) {
                slot(sensors, listed, name).celsius = Some(celsius);
                listed += 1;
            }
        }
        sensors.truncate(listed);
        self.left_out
    }

    fn discover(&mut self) {
        let mut found = chips(&self.roots.sys.join("class/hwmon"));
        if found.is_empty() {
            found = zones(&self.roots.sys.join("class/thermal"));
        }
        self.left_out = u32::try_from(found.len().saturating_sub(MAX_SENSORS)).unwrap_or(u32::MAX);
        found.truncate(MAX_SENSORS);
        self.found = distinct(found);
    }
}

fn chips(folder: &Path) -> Vec<(String, Source)> {
    let mut found = Vec::new();
    for chip in entries(folder) {
        let label = label(&chip.join("name")).unwrap_or_else(|| "sensor".to_owned());
        if label == "drivetemp" {
            continue;
        }
        for file in entries(&chip) {
            let Some(number) = file_name(&file)
                .strip_prefix("temp")
                .and_then(|rest| rest.strip_suffix("_input"))
            else {
                continue;
            };
            let sensor = self::label(&chip.join(format!("temp{number}_label")))
                .unwrap_or_else(|| format!("temp{number}"));
            found.push((
                name(format!("{label} {sensor}").as_bytes()),
                Source::new(&file),
            ));
        }
    }
    found
}

fn zones(folder: &Path) -> Vec<(String, Source)> {
    entries(folder)
        .into_iter()
        .filter(|zone| file_name(zone).starts_with("thermal_zone"))
        .map(|zone| {
            let kind = label(&zone.join("type")).unwrap_or_else(|| "thermal".to_owned());
            (name(kind.as_bytes()), Source::new(zone.join("temp")))
        })
        .collect()
}

/// Two chips of one kind (two sockets, two drives) bear the same names; from the second on they get a number.
fn distinct(found: Vec<(String, Source)>) -> Vec<(String, Source)> {
    let mut seen = std::collections::HashMap::<String, u32>::new();
    found
        .into_iter()
        .map(|(name, source)| {
            let count = seen.entry(name.clone()).or_default();
            *count += 1;
            (
                if *count == 1 {
                    name
                } else {
                    format!("{name} #{count}")
                },
                source,
            )
        })
        .collect()
}

/// Entries in an order that stays: by length, then by name, so that `temp10` comes behind `temp2`.
fn entries(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    paths.sort_by(|a, b| {
        file_name(a)
            .len()
            .cmp(&file_name(b).len())
            .then_with(|| a.cmp(b))
    });
    paths
}

fn file_name(path: &Path) -> &str {
    path.file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default()
}

fn label(path: &Path) -> Option<String> {
    Some(name(fs::read(path).ok()?.trim_ascii())).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, Roots) {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join("class").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let roots = Roots {
            sys: dir.path().into(),
            ..Roots::default()
        };
        (dir, roots)
    }

    fn read(roots: &Roots) -> Vec<(String, f32)> {
        let mut sensors = Vec::new();
        Reader::new(roots).read(Instant::now(), &mut Vec::new(), &mut sensors);
        sensors
            .into_iter()
            .map(|sensor| (sensor.name, sensor.celsius.unwrap()))
            .collect()
    }

    #[test]
    fn chips_and_labels() {
        let (_dir, roots) = tree(&[
            ("hwmon/hwmon0/name", "coretemp\n"),
            ("hwmon/hwmon0/temp1_input", "45000\n"),
            ("hwmon/hwmon0/temp1_label", "Package id 0\n"),
            ("hwmon/hwmon0/temp2_input", "-1250\n"),
            ("hwmon/hwmon1/name", "nvme\n"),
            ("hwmon/hwmon1/temp1_input", "38850\n"),
            ("hwmon/hwmon2/name", "nvme\n"),
            ("hwmon/hwmon2/temp1_input", "39000\n"),
            ("hwmon/hwmon3/name", "drivetemp\n"),
            ("hwmon/hwmon3/temp1_input", "30000\n"),
            ("hwmon/hwmon4/name", "odd\n"),
            ("hwmon/hwmon4/temp1_input", "4000000000\n"),
        ]);
        let expected = [
            ("coretemp Package id 0", 45.0),
            ("coretemp temp2", -1.3),
            ("nvme temp1", 38.9),
            ("nvme temp1 #2", 39.0),
        ];
        assert_eq!(
            read(&roots),
            expected.map(|(name, celsius)| (name.to_owned(), celsius))
        );
    }

    #[test]
    fn boards_without_chips_have_zones() {
        let (_dir, roots) = tree(&[
            ("thermal/thermal_zone0/type", "cpu-thermal\n"),
            ("thermal/thermal_zone0/temp", "51234\n"),
        ]);
        assert_eq!(read(&roots), [("cpu-thermal".to_owned(), 51.2)]);
    }

    #[test]
    fn a_machine_without_sensors_has_none() {
        let (_dir, roots) = tree(&[]);
        assert_eq!(read(&roots), []);
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_possible_temperature_or_none(text in proptest::collection::vec(any::<u8>(), 0..20)) {
            prop_assert!(parse(&text).is_none_or(|celsius| (-100.0..=250.0).contains(&celsius)));
        }
    }
}
