//! How often somebody may guess. Only failures count, per address and per account *and* address, so that nobody can lock
//! another person out: whoever floods an account from one place changes nothing for its owner elsewhere.
//!
//! Pure but for a lock: the time is an argument. Memory is bounded; under a flood of addresses the oldest are forgotten.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
};

use chatops_schemas::clock::Timestamp;

/// Most places remembered.
const MAX_ENTRIES: usize = 50_000;

/// Allows `burst` failures at once and one more every `refill_s` seconds.
#[derive(Debug, Clone, Copy)]
struct Rate {
    burst: i64,
    refill_s: i64,
}

const PER_ACCOUNT_AND_ADDRESS: Rate = Rate {
    burst: 8,
    refill_s: 15,
};
const PER_ADDRESS: Rate = Rate {
    burst: 40,
    refill_s: 3,
};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Address(IpAddr),
    Account(IpAddr, String),
}

/// Counts failures.
#[derive(Debug, Default)]
pub struct Throttle {
    /// The moment at which a place would be without guilt again (GCRA's theoretical arrival time), in microseconds.
    innocent_at: Mutex<HashMap<Key, i64>>,
}

impl Throttle {
    /// Whether this place may try now; otherwise the seconds to wait.
    pub fn check(&self, address: IpAddr, account: &str, now: Timestamp) -> Result<(), u64> {
        let table = self
            .innocent_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let wait = places(address, account).into_iter().map(|(key, rate)| {
            let guilt = table.get(&key).map_or(0, |at| at - now.micros());
            guilt - (rate.burst - 1) * rate.refill_s * 1_000_000
        });
        match wait.max() {
            Some(micros) if micros > 0 => Err(u64::try_from(micros / 1_000_000 + 1).unwrap_or(1)),
            _ => Ok(()),
        }
    }

    /// Notes a failure.
    pub fn failed(&self, address: IpAddr, account: &str, now: Timestamp) {
        let mut table = self
            .innocent_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if table.len() >= MAX_ENTRIES {
            table.retain(|_, at| *at > now.micros());
        }
        if table.len() >= MAX_ENTRIES {
            let mut moments: Vec<i64> = table.values().copied().collect();
            let middle = moments.len() / 2;
            let median = *moments.select_nth_unstable(middle).1;
            table.retain(|_, at| *at > median);
        }
        for (key, rate) in places(address, account) {
            let at = table.entry(key).or_insert(0);
            *at = (*at).max(now.micros()) + rate.refill_s * 1_000_000;
        }
    }

    /// Forgets the failures of an account at an address: the right password came.
    pub fn succeeded(&self, address: IpAddr, account: &str) {
        let mut table = self
            .innocent_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        table.remove(&Key::Account(network(address), account.to_owned()));
    }
}

fn places(address: IpAddr, account: &str) -> [(Key, Rate); 2] {
    let network = network(address);
    [
        (Key::Address(network), PER_ADDRESS),
        (
            Key::Account(network, account.to_owned()),
            PER_ACCOUNT_AND_ADDRESS,
        ),
    ]
}

/// One subscriber has a whole /64 of IPv6 addresses.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from(u128::from(v6) & !(u128::MAX >> 64))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000 + seconds * 1000)
    }

    #[test]
    fn a_guesser_is_slowed_and_the_owner_elsewhere_is_not() {
        let throttle = Throttle::default();
        for _ in 0..PER_ACCOUNT_AND_ADDRESS.burst {
            throttle.check(HERE, "ada", at(0)).unwrap();
            throttle.failed(HERE, "ada", at(0));
        }
        let wait = throttle.check(HERE, "ada", at(0)).unwrap_err();
        assert!((1..=16).contains(&wait), "{wait}");
        throttle.check(THERE, "ada", at(0)).unwrap();
        throttle.check(HERE, "bob", at(0)).unwrap();
        throttle.check(HERE, "ada", at(16)).unwrap();
        throttle.failed(HERE, "ada", at(16));
        throttle.check(HERE, "ada", at(16)).unwrap_err();
    }

    #[test]
    fn success_clears_the_account_and_time_clears_all() {
        let throttle = Throttle::default();
        for _ in 0..PER_ACCOUNT_AND_ADDRESS.burst {
            throttle.failed(HERE, "ada", at(0));
        }
        throttle.check(HERE, "ada", at(0)).unwrap_err();
        throttle.succeeded(HERE, "ada");
        throttle.check(HERE, "ada", at(0)).unwrap();
    }

    #[test]
    fn one_address_cannot_try_many_accounts() {
        let throttle = Throttle::default();
        for n in 0..PER_ADDRESS.burst {
            throttle.failed(HERE, &format!("user{n}"), at(0));
        }
        throttle.check(HERE, "new", at(0)).unwrap_err();
        throttle.check(THERE, "new", at(0)).unwrap();
    }

    #[test]
    fn a_subscriber_of_ipv6_is_one_place_and_memory_is_bounded() {
        let throttle = Throttle::default();
        for n in 0..60_u128 {
            let address = IpAddr::V6(Ipv6Addr::from((0x2001_0db8_u128 << 96) | n));
            throttle.failed(address, &format!("user{n}"), at(0));
        }
        let neighbour = IpAddr::V6(Ipv6Addr::from((0x2001_0db8_u128 << 96) | 0xffff));
        throttle.check(neighbour, "new", at(0)).unwrap_err();
        for n in 0..200_000_u128 {
            let address = IpAddr::V6(Ipv6Addr::from(n << 64));
            throttle.failed(address, "x", at(1));
        }
        assert!(throttle.innocent_at.lock().unwrap().len() <= MAX_ENTRIES + 2);
    }
}
