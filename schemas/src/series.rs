//! What is measured, as columns, arrays and names of lines: the closed list that samples, roll-ups and charts share.

pub mod family;
pub mod host;

use std::{fmt, str::FromStr};

pub use family::Family;

/// A line of a chart.
///
/// Names: a number of the host (`cpu`, `mem`, `rx`, …), `core:<n>`, or `<family>:<device>:<field>` such as
/// `fs:/var:used` and `net:eth0:rx`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Series {
    /// A number of the host.
    Host(&'static host::HostSeries),
    /// Percent busy of a processor core.
    Core(u16),
    /// A number of a device.
    Device {
        /// Kind of device.
        family: Family,
        /// Its name.
        device: String,
        /// Index in [`Family::fields`].
        field: usize,
    },
}

/// Why a text is not the name of a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeriesError {
    /// No such number of the host, and no colon that would make it a device's.
    #[error("there is no series {0:?}; ask for the series of the server to see their names")]
    Unknown(String),
    /// No such kind of device.
    #[error("{0:?} is not one of core, fs, disk, net, temp, container")]
    Family(String),
    /// No such number of that kind of device.
    #[error("a series of {family} ends in one of {known}, not in {found:?}")]
    Field {
        /// Kind of device.
        family: &'static str,
        /// What there is.
        known: String,
        /// What was asked.
        found: String,
    },
    /// Not the number of a core.
    #[error("{0:?} is not the number of a processor core")]
    Core(String),
}

impl FromStr for Series {
    type Err = SeriesError;

    fn from_str(name: &str) -> Result<Self, SeriesError> {
        if let Some(host) = host::SERIES.iter().find(|series| series.name == name) {
            return Ok(Self::Host(host));
        }
        let short = |text: &str| text.chars().take(64).collect::<String>();
        let (family, rest) = name
            .split_once(':')
            .ok_or_else(|| SeriesError::Unknown(short(name)))?;
        let family = Family::parse(family).ok_or_else(|| SeriesError::Family(short(family)))?;
        if family == Family::Core {
            return rest
                .parse()
                .map(Self::Core)
                .map_err(|_| SeriesError::Core(short(rest)));
        }
        // A device's name may hold colons, a field's never does.
        let (device, field) = rest
            .rsplit_once(':')
            .ok_or_else(|| SeriesError::Unknown(short(name)))?;
        match family.fields().iter().position(|known| known.name == field) {
            Some(field) => Ok(Self::Device {
                family,
                device: device.to_owned(),
                field,
            }),
            None => Err(SeriesError::Field {
                family: family.name(),
                known: family
                    .fields()
                    .iter()
                    .map(|field| field.name)
                    .collect::<Vec<_>>()
                    .join(", "),
                found: short(field),
            }),
        }
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(series) => f.write_str(series.name),
            Self::Core(n) => write!(f, "core:{n}"),
            Self::Device {
                family,
                device,
                field,
            } => {
                write!(
                    f,
                    "{}:{device}:{}",
                    family.name(),
                    family.fields()[*field].name
                )
            }
        }
    }
}

impl Series {
    /// What its numbers are in.
    pub fn unit(&self) -> &'static str {
        match self {
            Self::Host(series) => series.unit,
            Self::Core(_) => "percent",
            Self::Device { family, field, .. } => family.fields()[*field].unit,
        }
    }

    /// Its name for people.
    pub fn label(&self) -> String {
        match self {
            Self::Host(series) => series.label.to_owned(),
            Self::Core(n) => format!("Core {n}"),
            Self::Device {
                family,
                device,
                field,
            } => {
                let field = &family.fields()[*field];
                if family.fields().len() == 1 {
                    device.clone()
                } else {
                    format!("{device} {}", field.label)
                }
            }
        }
    }

    /// All numbers of the host, in the order of the columns.
    pub fn all_of_host() -> Vec<Self> {
        host::SERIES.iter().map(Self::Host).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_as_they_were() {
        for name in [
            "cpu",
            "mem",
            "disk",
            "core:0",
            "core:63",
            "fs:/:used",
            "fs:C:\\:total",
            "net:eth0.1:rx_drops",
        ] {
            assert_eq!(name.parse::<Series>().unwrap().to_string(), name);
        }
        for family in Family::ALL
            .into_iter()
            .filter(|family| *family != Family::Core)
        {
            for field in family.fields() {
                let name = format!("{}:a b:c:{}", family.name(), field.name);
                assert_eq!(name.parse::<Series>().unwrap().to_string(), name);
            }
        }
    }

    #[test]
    fn other_names_are_refused_with_a_reason() {
        for name in [
            "",
            "cpu2",
            "core:x",
            "core:-1",
            "fs:/",
            "fs:/:size",
            "gpu:0:busy",
            "net:eth0:rx; DROP TABLE x",
        ] {
            assert!(name.parse::<Series>().is_err(), "{name}");
        }
    }
}
