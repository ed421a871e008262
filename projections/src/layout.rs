//! Layouts: which devices the arrays of a row are about.

use chatops_schemas::{
    event::metric::Sample,
    series::family::{self, Family},
};
use serde::Serialize;
use uuid::Uuid;

/// Layout number of a sample without named devices.
pub(crate) const NONE: i32 = 0;

/// Names of the devices per kind, in the order of [`Family::NAMED`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize)]
pub(crate) struct Layout {
    pub(crate) names: [Vec<String>; 5],
}

impl Layout {
    pub(crate) fn of(sample: &Sample) -> Self {
        Self {
            names: Family::NAMED.map(|kind| {
                (0..family::devices(sample, kind))
                    .map(|n| family::device_name(sample, kind, n).to_owned())
                    .collect()
            }),
        }
    }

    /// Whether the sample has exactly these devices in this order. Runs for every sample.
    pub(crate) fn fits(&self, sample: &Sample) -> bool {
        Family::NAMED.iter().zip(&self.names).all(|(kind, names)| {
            family::devices(sample, *kind) == names.len()
                && names
                    .iter()
                    .enumerate()
                    .all(|(n, name)| family::device_name(sample, *kind, n) == name)
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.names.iter().all(Vec::is_empty)
    }

    /// The same names always give the same digest; lengths are part of it, so that no two layouts read alike.
    pub(crate) fn digest(&self) -> Uuid {
        const NAMESPACE: Uuid = Uuid::from_u128(0x6c61_796f_7574_2e63_6861_746f_7073_0001);
        let mut bytes = Vec::new();
        for names in &self.names {
            bytes.extend((names.len() as u64).to_be_bytes());
            for name in names {
                bytes.extend((name.len() as u64).to_be_bytes());
                bytes.extend(name.as_bytes());
            }
        }
        Uuid::new_v5(&NAMESPACE, &bytes)
    }
}

#[cfg(test)]
mod tests {
    use chatops_schemas::event::metric::{Filesystem, Interface};

    use super::*;

    fn sample(fs: &[&str], net: &[&str]) -> Sample {
        Sample {
            fs: fs
                .iter()
                .map(|m| Filesystem {
                    mount: (*m).to_owned(),
                    ..Filesystem::default()
                })
                .collect(),
            net: net
                .iter()
                .map(|n| Interface {
                    name: (*n).to_owned(),
                    ..Interface::default()
                })
                .collect(),
            ..Sample::default()
        }
    }

    #[test]
    fn a_layout_fits_its_own_devices_only() {
        let layout = Layout::of(&sample(&["/", "/var"], &["eth0"]));
        assert!(layout.fits(&sample(&["/", "/var"], &["eth0"])));
        for other in [
            sample(&["/var", "/"], &["eth0"]),
            sample(&["/"], &["eth0"]),
            sample(&["/", "/var"], &[]),
        ] {
            assert!(!layout.fits(&other));
            assert_ne!(layout.digest(), Layout::of(&other).digest());
        }
        assert!(Layout::of(&Sample::default()).is_empty());
    }

    #[test]
    fn names_that_run_into_each_other_differ() {
        assert_ne!(
            Layout::of(&sample(&["ab", "c"], &[])).digest(),
            Layout::of(&sample(&["a", "bc"], &[])).digest()
        );
        assert_ne!(
            Layout::of(&sample(&["x"], &[])).digest(),
            Layout::of(&sample(&[], &["x"])).digest()
        );
    }
}
