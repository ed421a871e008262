//! A reading as a rule looks at it: as the host sent it, or as the database gives it back. Both answer with the same numbers,
//! so that what is judged live and what is judged later cannot differ.

use std::sync::Arc;

use crate::{
    event::metric::Sample,
    series::{
        Family,
        family::{device_name, devices, numbers},
        host::{self, HostSeries, HostValues},
    },
};

use super::{Rule, Selector};

/// Numbers of a host at a moment.
pub trait Reading {
    /// Milliseconds between readings.
    fn interval_ms(&self) -> Option<u32>;

    /// A number of the host.
    fn host(&self, series: &HostSeries) -> Option<f64>;

    /// Hands each device of a kind to `found`, with its numbers in the order of [`Family::fields`]. Cores are named by their
    /// numbers.
    fn devices(&self, family: Family, found: &mut dyn FnMut(&str, &[Option<f32>]));

    /// Hands each systemd unit to `found` that has failed.
    fn failed_units(&self, found: &mut dyn FnMut(&str));
}

impl Reading for Sample {
    fn interval_ms(&self) -> Option<u32> {
        self.interval_ms
    }

    fn host(&self, series: &HostSeries) -> Option<f64> {
        series.value(&host::values(self))
    }

    fn devices(&self, family: Family, found: &mut dyn FnMut(&str, &[Option<f32>])) {
        let mut flat = Vec::with_capacity(devices(self, family) * family.stride());
        numbers(self, family, |value| flat.push(value));
        each(family, &flat, |n| device_name(self, family, n), found);
    }

    fn failed_units(&self, found: &mut dyn FnMut(&str)) {
        self.failed_units.iter().for_each(|unit| found(unit));
    }
}

/// A reading that was stored as a row. Only the columns are filled that somebody [needs](Needs).
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// Milliseconds between rows.
    pub interval_ms: Option<u32>,
    /// Numbers of the host.
    pub host: HostValues,
    /// Numbers of the devices of each kind, in the order of [`Family::ALL`], device after device.
    pub devices: [Vec<Option<f32>>; Family::ALL.len()],
    /// Their names, in the order of [`Family::NAMED`].
    pub names: Arc<[Vec<String>; Family::NAMED.len()]>,
}

impl Reading for Row {
    fn interval_ms(&self) -> Option<u32> {
        self.interval_ms
    }

    fn host(&self, series: &HostSeries) -> Option<f64> {
        series.value(&self.host)
    }

    fn devices(&self, family: Family, found: &mut dyn FnMut(&str, &[Option<f32>])) {
        let kind = Family::NAMED.iter().position(|named| *named == family);
        let names = kind.map(|kind| &self.names[kind]);
        let name = |n: usize| {
            let name = names.and_then(|names| names.get(n));
            name.map_or("", String::as_str)
        };
        each(family, &self.devices[family.index()], name, found);
    }

    /// They are in no row.
    fn failed_units(&self, _: &mut dyn FnMut(&str)) {}
}

fn each<'a>(
    family: Family,
    flat: &[Option<f32>],
    name: impl Fn(usize) -> &'a str,
    found: &mut dyn FnMut(&str, &[Option<f32>]),
) {
    for (n, numbers) in flat.chunks_exact(family.stride()).enumerate() {
        match family {
            Family::Core => found(&n.to_string(), numbers),
            _ => found(name(n), numbers),
        }
    }
}

/// Which numbers of a reading a rule looks at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Needs {
    /// Indexes in [`host::COLUMNS`], in order.
    pub host: Vec<usize>,
    /// Kinds of devices, in order.
    pub families: Vec<Family>,
    /// Something that is in no row: only the readings themselves say it.
    pub unstored: bool,
}

impl Needs {
    /// Those of a rule. What names no number needs none.
    pub fn of(rule: &Rule) -> Self {
        let mut needs = Self::default();
        for selector in rule
            .when
            .measures()
            .iter()
            .filter_map(|m| m.selector().ok())
        {
            match selector {
                Selector::Host(series) => {
                    needs.host.push(series.column);
                    needs.host.extend(series.percent_of);
                }
                Selector::Devices { family, .. } => needs.families.push(family),
                Selector::Units { .. } => needs.unstored = true,
            }
        }
        needs.host.sort_unstable();
        needs.host.dedup();
        needs.families.sort_unstable_by_key(|family| family.index());
        needs.families.dedup();
        needs
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        event::metric::{Cpu, Filesystem, Memory},
        rule::{Scope, Severity, Wording},
    };

    use super::*;

    fn rule(wording: &str) -> Rule {
        let wording = Wording::parse(wording).unwrap();
        Rule {
            name: "r".to_owned(),
            note: String::new(),
            enabled: true,
            severity: Severity::Info,
            scope: Scope::All,
            when: wording.when,
            for_ms: 0,
            keep_ms: 0,
        }
    }

    #[test]
    fn a_row_with_what_is_needed_gives_the_numbers_of_its_sample() {
        let sample = Sample {
            interval_ms: Some(5000),
            cpu: Some(Cpu {
                total: Some(12.5),
                cores: vec![Some(1.0), None, Some(3.0)],
                ..Cpu::default()
            }),
            mem: Some(Memory {
                total: Some(3_000_000_001),
                used: Some(1_000_000_001),
                ..Memory::default()
            }),
            fs: ["/", "/var"]
                .map(|mount| Filesystem {
                    mount: mount.to_owned(),
                    used: Some(7),
                    available: Some(3),
                    ..Filesystem::default()
                })
                .to_vec(),
            ..Sample::default()
        };
        let rule = rule("mem > 1 or cpu > 1 and core:* > 2 or fs:/var:share > 1");
        let needs = Needs::of(&rule);
        assert_eq!(needs.host, [host::CPU, host::MEM_TOTAL, host::MEM_USED]);
        assert_eq!(needs.families, [Family::Core, Family::Fs]);
        let all = host::values(&sample);
        let mut row = Row {
            interval_ms: sample.interval_ms,
            names: Arc::new([
                vec!["/".to_owned(), "/var".to_owned()],
                vec![],
                vec![],
                vec![],
                vec![],
            ]),
            ..Row::default()
        };
        for column in needs.host {
            row.host[column] = all[column];
        }
        for family in needs.families {
            numbers(&sample, family, |value| {
                row.devices[family.index()].push(value)
            });
        }
        for measure in rule.when.measures() {
            let read = |reading: &dyn Reading| {
                let mut found = Vec::new();
                let selector = measure.selector().unwrap();
                selector.read(reading, |device, value| {
                    found.push((device.to_owned(), value));
                });
                found
            };
            let found = read(&row);
            assert!(!found.is_empty(), "{measure}");
            assert_eq!(found, read(&sample), "{measure}");
        }
    }
}
