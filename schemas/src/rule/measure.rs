//! Which number a rule looks at.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Reading;
use crate::{
    event::Invalid,
    series::{Family, Series, host},
};

/// Longest window, in milliseconds: an hour. What is longer is a chart, not an alarm.
const MAX_WINDOW_MS: u64 = 3_600_000;
/// Shortest and longest window of a forecast, in milliseconds: it looks at a few readings of it only.
const FORECAST_MS: std::ops::RangeInclusive<u64> = 600_000..=86_400_000;
/// Numbers of file systems that are not measured but worked out: share of bytes and of inodes in use, as `df` counts.
const FS_SHARES: [&str; 2] = ["share", "inodes_share"];

/// First part of the name of what is known of systemd units.
const UNIT: &str = "unit";

/// A number: a line of a chart, or what becomes of it over a window.
///
/// `series` is the name of a line (see [`Series`]) in which the device may hold `*` for any characters: `cpu`, `mem`,
/// `core:*`, `fs:/var:used`, `fs:*:share`, `net:eth*:rx_errors`, `container:web-*:mem`. File systems also have `share` and
/// `inodes_share`, in percent. `unit:nginx*:failed` is 1 for each systemd unit that has failed, and 0 for one that has not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Measure {
    /// Name of the line.
    pub series: String,
    /// Looked at over a window instead of by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
}

/// Readings of the last stretch of time, made one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Window {
    /// How.
    pub aggregate: Aggregate,
    /// Length in milliseconds. The newest reading is in, one that is exactly so old is not.
    pub over_ms: u64,
}

/// How readings become one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// Arithmetic mean.
    Avg,
    /// Least.
    Min,
    /// Greatest.
    Max,
    /// Newest minus oldest.
    Change,
    /// [`Self::Change`] per second.
    Rate,
    /// Seconds until a share reaches 100 percent at the latest, with a confidence of 95 percent, if it goes on as it did in the
    /// window. What is never full is so in ten years.
    FullIn,
}

impl Aggregate {
    /// As in a wording.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Avg => "avg",
            Self::Min => "min",
            Self::Max => "max",
            Self::Change => "change",
            Self::Rate => "rate",
            Self::FullIn => "full_in",
        }
    }
}

/// Why a text does not name a number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MeasureError(String);

/// A [`Measure::series`], taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// A number of the host.
    Host(&'static host::HostSeries),
    /// A number of devices of a kind.
    Devices {
        /// Kind.
        family: Family,
        /// Their names, `*` for any characters; for cores their numbers.
        pattern: String,
        /// Which number.
        field: Number,
    },
    /// Whether a systemd unit has failed: 1, or 0.
    Units {
        /// Their names, `*` for any characters.
        pattern: String,
    },
}

/// A number of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Number {
    /// Index in [`Family::fields`].
    Measured(usize),
    /// `numerator` in percent of `numerator` + `rest` (or of `of`).
    Share {
        /// Index of the used part.
        used: usize,
        /// Index of what is left, added to the used part to make the whole.
        left: Option<usize>,
        /// Index of the whole.
        whole: usize,
    },
}

impl Measure {
    /// Taken apart.
    ///
    /// # Errors
    /// There is no such number; says what there is.
    pub fn selector(&self) -> Result<Selector, MeasureError> {
        let (family, rest) = match self.series.split_once(':') {
            None => match self.series.parse::<Series>() {
                Ok(Series::Host(series)) => return Ok(Selector::Host(series)),
                Ok(_) => return Err(MeasureError("names no device".to_owned())),
                Err(error) => return Err(MeasureError(error.to_string())),
            },
            Some(parts) => parts,
        };
        if family == UNIT {
            return match rest.rsplit_once(':') {
                Some((pattern, "failed")) if !pattern.is_empty() => Ok(Selector::Units {
                    pattern: pattern.to_owned(),
                }),
                _ => Err(MeasureError(
                    "is not written as unit:nginx.service:failed, * standing for any characters"
                        .to_owned(),
                )),
            };
        }
        let unknown = || {
            MeasureError(format!(
                "{family:?} is not a kind of device: core, fs, disk, net, temp, container or unit"
            ))
        };
        let family = Family::parse(family).ok_or_else(unknown)?;
        let (pattern, field) = match (family, rest.rsplit_once(':')) {
            (Family::Core, None) => (rest, "busy"),
            (_, Some(parts)) => parts,
            (_, None) => {
                return Err(MeasureError(
                    "does not end in the name of a number, as fs:/var:used does".to_owned(),
                ));
            }
        };
        if pattern.is_empty() {
            return Err(MeasureError(
                "names no device; * stands for each".to_owned(),
            ));
        }
        let field = number(family, field)?;
        Ok(Selector::Devices {
            family,
            pattern: pattern.to_owned(),
            field,
        })
    }

    /// Name of the kind of device of which each is looked at, if so.
    pub fn each(&self) -> Option<&'static str> {
        match self.selector() {
            Ok(Selector::Devices {
                family, pattern, ..
            }) if pattern.contains('*') => Some(family.name()),
            Ok(Selector::Units { pattern }) if pattern.contains('*') => Some(UNIT),
            _ => None,
        }
    }

    pub(super) fn validate(&self) -> Result<(), Invalid> {
        if self.series.len() > 512 {
            return Err(Invalid::new("series", "has more than 512 bytes"));
        }
        if let Err(error) = self.selector() {
            return Err(Invalid::new("series", error.to_string()));
        }
        match self.window {
            Some(Window {
                aggregate: Aggregate::FullIn,
                over_ms,
            }) => {
                let share = self.series.ends_with("share")
                    || ["mem", "swap", "disk_max"].contains(&self.series.as_str());
                match (share, FORECAST_MS.contains(&over_ms)) {
                    (true, true) => Ok(()),
                    (false, _) => Err(Invalid::new(
                        "series",
                        "is no share of something: full_in needs one, such as fs:*:share",
                    )),
                    (_, false) => Err(Invalid::new(
                        "window.over_ms",
                        "is not between ten minutes and a day",
                    )),
                }
            }
            Some(window) if window.over_ms == 0 || window.over_ms > MAX_WINDOW_MS => Err(
                Invalid::new("window.over_ms", "is not between a millisecond and an hour"),
            ),
            _ => Ok(()),
        }
    }
}

fn number(family: Family, name: &str) -> Result<Number, MeasureError> {
    if let Some(field) = family.fields().iter().position(|field| field.name == name) {
        return Ok(Number::Measured(field));
    }
    let index = |name| family.fields().iter().position(|field| field.name == name);
    let share = match (family, name) {
        (Family::Fs, "share") => {
            index("used")
                .zip(index("total"))
                .map(|(used, whole)| Number::Share {
                    used,
                    left: index("available"),
                    whole,
                })
        }
        (Family::Fs, "inodes_share") => {
            index("inodes_used")
                .zip(index("inodes"))
                .map(|(used, whole)| Number::Share {
                    used,
                    left: None,
                    whole,
                })
        }
        _ => None,
    };
    share.ok_or_else(|| {
        let mut known: Vec<_> = family.fields().iter().map(|field| field.name).collect();
        if family == Family::Fs {
            known.extend(FS_SHARES);
        }
        MeasureError(format!(
            "{name:?} is not a number of a {}: {}",
            family.name(),
            known.join(", ")
        ))
    })
}

impl Selector {
    /// Hands each number that is there to `found`, with the device it belongs to (empty for the host).
    pub fn read(&self, reading: &dyn Reading, mut found: impl FnMut(&str, f64)) {
        match self {
            Self::Host(series) => {
                if let Some(value) = reading.host(series) {
                    found("", value);
                }
            }
            Self::Devices {
                family,
                pattern,
                field,
            } => reading.devices(*family, &mut |name, numbers| {
                if fits(pattern, name)
                    && let Some(value) = field.value(numbers)
                {
                    found(name, value);
                }
            }),
            Self::Units { pattern } => reading.failed_units(&mut |name| {
                if fits(pattern, name) {
                    found(name, 1.0);
                }
            }),
        }
    }

    /// The number of a device that is not in a reading, where that says something: a unit that is not among the failed ones
    /// has not failed.
    pub const fn absent(&self) -> Option<f64> {
        match self {
            Self::Units { .. } => Some(0.0),
            Self::Host(_) | Self::Devices { .. } => None,
        }
    }
}

impl Number {
    fn value(self, numbers: &[Option<f32>]) -> Option<f64> {
        let of = |field: usize| {
            numbers[field]
                .map(f64::from)
                .filter(|value| value.is_finite())
        };
        match self {
            Self::Measured(field) => of(field),
            Self::Share { used, left, whole } => {
                let used = of(used)?;
                let whole = match left {
                    Some(left) => used + of(left)?,
                    None => of(whole)?,
                };
                (whole > 0.0).then(|| 100.0 * used / whole)
            }
        }
    }
}

/// Whether `name` fits `pattern`, in which `*` stands for any characters, also none.
pub fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(rest) = parts.next().and_then(|first| name.strip_prefix(first)) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    let Some(mut rest) = rest.strip_suffix(last) else {
        return false;
    };
    // The first place at which a part occurs leaves most for those behind it.
    parts.iter().all(|part| match rest.find(part) {
        Some(at) => {
            rest = &rest[at + part.len()..];
            true
        }
        None => false,
    })
}
