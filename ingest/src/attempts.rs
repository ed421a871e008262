//! How often somebody may fail to come in, per address and per key and address. Asked by the gate and the gateway before
//! a key is looked up, so that a flood of wrong keys never becomes a flood of questions to the database.
//!
//! Only failures count: a fleet behind one address that comes back at once is not in its own way. A key that fails again
//! and again is stopped by itself before it uses up what its address may do, so that one forgotten agent does not lock out
//! its neighbours. Pure but for a lock; memory is bounded, and nothing of it survives a restart.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
};

use chatops_schemas::{clock::Timestamp, ids::KeyId};

/// Most places remembered.
const MOST: usize = 50_000;

/// Allows `burst` failures at once and one more every `refill` microseconds.
#[derive(Debug, Clone, Copy)]
struct Rate {
    burst: i64,
    refill: i64,
}

const PER_KEY: Rate = Rate {
    burst: 10,
    refill: 6_000_000,
};
const PER_ADDRESS: Rate = Rate {
    burst: 200,
    refill: 1_000_000,
};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Place {
    Key(IpAddr, KeyId),
    Address(IpAddr),
}

impl Place {
    const fn rate(&self) -> Rate {
        match self {
            Self::Key(..) => PER_KEY,
            Self::Address(_) => PER_ADDRESS,
        }
    }
}

/// Counts failures.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    /// When a place would be without guilt again, in microseconds.
    innocent_at: Mutex<HashMap<Place, i64>>,
}

impl Attempts {
    /// Seconds to wait before this address, or this key from it, may try again; `None`: now.
    pub(crate) fn wait(
        &self,
        address: Option<IpAddr>,
        key: Option<&KeyId>,
        now: Timestamp,
    ) -> Option<u64> {
        let table = self
            .innocent_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let longest = places(address?, key)
            .filter_map(|place| {
                let Rate { burst, refill } = place.rate();
                let guilt = table.get(&place)? - now.micros();
                // Room for one more failure.
                Some(guilt - (burst - 1) * refill)
            })
            .max()?;
        (longest > 0).then(|| u64::try_from(longest).unwrap_or(0).div_ceil(1_000_000))
    }

    /// An attempt has failed through the fault of whoever made it.
    pub(crate) fn failed(&self, address: Option<IpAddr>, key: Option<&KeyId>, now: Timestamp) {
        let Some(address) = address else { return };
        let mut table = self
            .innocent_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if table.len() >= MOST {
            table.retain(|_, at| *at > now.micros());
        }
        for place in places(address, key) {
            // Under a flood from everywhere nothing new is remembered; the old is forgotten soon.
            if table.len() >= MOST && !table.contains_key(&place) {
                continue;
            }
            let refill = place.rate().refill;
            let at = table.entry(place).or_insert(now.micros());
            *at = (*at).max(now.micros()) + refill;
        }
    }
}

/// Everybody behind a proxy on this host has its address, so it is never stopped as a whole.
fn places(address: IpAddr, key: Option<&KeyId>) -> impl Iterator<Item = Place> {
    let network = network(address);
    let key = key.map(|key| Place::Key(network, key.clone()));
    let whole = (!address.is_loopback()).then_some(Place::Address(network));
    key.into_iter().chain(whole)
}

/// A host usually has a whole /64 of IPv6 addresses to choose from.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: usize) -> KeyId {
        KeyId::parse(format!("k{n}")).unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + seconds * 1000)
    }

    #[test]
    fn one_key_is_stopped_long_before_its_address() {
        let attempts = Attempts::default();
        let home: Option<IpAddr> = "192.0.2.1".parse().ok();
        for _ in 0..10 {
            assert_eq!(attempts.wait(home, Some(&key(1)), at(0)), None);
            attempts.failed(home, Some(&key(1)), at(0));
        }
        assert_eq!(attempts.wait(home, Some(&key(1)), at(0)), Some(6));
        assert_eq!(attempts.wait(home, Some(&key(2)), at(0)), None);
        assert_eq!(attempts.wait(home, Some(&key(1)), at(6)), None);
        let away: Option<IpAddr> = "192.0.2.2".parse().ok();
        assert_eq!(attempts.wait(away, Some(&key(1)), at(0)), None);
    }

    #[test]
    fn an_address_that_tries_many_keys_is_stopped_as_a_whole_with_its_network() {
        let attempts = Attempts::default();
        let home: Option<IpAddr> = "2001:db8::1".parse().ok();
        for n in 0..200 {
            assert_eq!(attempts.wait(home, Some(&key(n)), at(0)), None, "{n}");
            attempts.failed(home, Some(&key(n)), at(0));
        }
        let sibling: Option<IpAddr> = "2001:db8::ffff:2".parse().ok();
        assert_eq!(attempts.wait(sibling, Some(&key(999)), at(0)), Some(1));
        assert_eq!(attempts.wait(sibling, None, at(2)), None);
        let other: Option<IpAddr> = "2001:db8:0:1::1".parse().ok();
        assert_eq!(attempts.wait(other, None, at(0)), None);
    }

    #[test]
    fn a_proxy_on_this_host_is_not_stopped_and_nobody_is_when_nothing_is_known() {
        let attempts = Attempts::default();
        let local: Option<IpAddr> = "127.0.0.1".parse().ok();
        for n in 0..500 {
            attempts.failed(local, Some(&key(n)), at(0));
            attempts.failed(None, Some(&key(n)), at(0));
        }
        assert_eq!(attempts.wait(local, Some(&key(999)), at(0)), None);
        assert_eq!(attempts.wait(None, Some(&key(1)), at(0)), None);
    }

    #[test]
    fn memory_is_bounded() {
        let attempts = Attempts::default();
        for n in 0..u32::try_from(MOST).unwrap() + 10 {
            let address = IpAddr::V4(std::net::Ipv4Addr::from_bits(0x0b00_0000 + n));
            attempts.failed(Some(address), None, at(0));
        }
        assert!(attempts.innocent_at.lock().unwrap().len() <= MOST);
        attempts.failed("11.0.0.9".parse().ok(), None, at(5000));
        assert_eq!(attempts.innocent_at.lock().unwrap().len(), 1);
    }
}
