//! Counters that survive reboots. Used by the readers of disks and networks; stored in the data folder (`crate::data`).
//!
//! The kernel starts again at 0 when the host boots, when a module is loaded anew or a device replaced. A [`Counter`]
//! adds what was counted since and never goes backwards. It starts at 0 when the agent first sees the device.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Devices remembered although they are gone; beyond it the unseen are forgotten.
pub const MAX_REMEMBERED: usize = 512;

/// The kernel's number and ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    /// The kernel's number at the last reading.
    pub raw: u64,
    /// Counted since the agent first saw the device.
    pub total: u64,
}

impl Counter {
    /// A device seen for the first time.
    pub const fn first(raw: u64) -> Self {
        Self { raw, total: 0 }
    }

    /// Takes the kernel's next number and gives the total.
    pub const fn advance(&mut self, raw: u64) -> u64 {
        let step = if raw >= self.raw { raw - self.raw } else { raw };
        self.raw = raw;
        self.total = self.total.saturating_add(step);
        self.total
    }
}

/// In and out of every device of one kind, by name.
pub type Ledger = BTreeMap<String, [Counter; 2]>;

/// Makes counters of an earlier boot ready for this one: the kernel has started again at 0.
pub fn after_reboot(ledger: &mut Ledger) {
    for counter in ledger.values_mut().flatten() {
        counter.raw = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_replaced_device_goes_on_counting() {
        let mut counter = Counter::first(1000);
        assert_eq!(counter.advance(1500), 500);
        assert_eq!(counter.advance(20), 520);
    }

    #[test]
    fn a_reboot_is_seen_even_when_the_new_number_is_higher() {
        let mut ledger = Ledger::from([(
            "eth0".to_owned(),
            [Counter {
                raw: 100,
                total: 100,
            }; 2],
        )]);
        after_reboot(&mut ledger);
        assert_eq!(ledger.get_mut("eth0").unwrap()[0].advance(5000), 5100);
    }

    proptest! {
        #[test]
        fn it_never_goes_backwards(raws in proptest::collection::vec(any::<u64>(), 1..50)) {
            let mut counter = Counter::first(raws[0]);
            let mut before = 0;
            for raw in raws {
                let total = counter.advance(raw);
                prop_assert!(total >= before);
                before = total;
            }
        }
    }
}
