//! How often somebody may guess. Only failures count, per address and per account *and* address, so that nobody can lock
//! another person out: whoever floods an account from one place changes nothing for its owner elsewhere.
//!
//! Guesses from many places at once are counted per account, too, but that limit is only for places from which nobody has
//! signed in to this account lately ([`Throttle::everywhere`]): its owner at a usual place is never behind it.
//!
//! An attempt is charged before it is judged, so that a burst of parallel guesses is counted too, and given back when it
//! was right. Pure but for a lock: the time is an argument. Memory is bounded; under a flood of addresses the oldest are
//! forgotten.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, MutexGuard, PoisonError},
};

use chatops_schemas::clock::Timestamp;

/// Most places remembered.
const MAX_ENTRIES: usize = 50_000;

/// Allows `burst` attempts at once and one more every `refill_s` seconds.
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
const PER_ACCOUNT: Rate = Rate {
    burst: 100,
    refill_s: 30,
};
const NEW_ACCOUNTS: Rate = Rate {
    burst: 60,
    refill_s: 20,
};

const CEREMONIES: Rate = Rate {
    burst: 60,
    refill_s: 2,
};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Place {
    Address(IpAddr),
    Account(IpAddr, String),
    Everywhere(String),
    Registration(IpAddr),
    Ceremony(IpAddr),
}

impl Place {
    const fn rate(&self) -> Rate {
        match self {
            Self::Address(_) => PER_ADDRESS,
            Self::Account(..) => PER_ACCOUNT_AND_ADDRESS,
            Self::Everywhere(_) => PER_ACCOUNT,
            Self::Registration(_) => NEW_ACCOUNTS,
            Self::Ceremony(_) => CEREMONIES,
        }
    }
}

/// Counts attempts.
#[derive(Debug, Default)]
pub struct Throttle {
    /// The moment at which a place would be without guilt again (GCRA's theoretical arrival time), in microseconds.
    innocent_at: Mutex<HashMap<Place, i64>>,
}

impl Throttle {
    /// Charges a guess at an account; refused with the seconds to wait.
    pub fn attempt(&self, address: IpAddr, account: &str, now: Timestamp) -> Result<(), u64> {
        let network = network(address);
        self.charge(
            [
                Place::Address(network),
                Place::Account(network, account.to_owned()),
            ],
            now,
        )
    }

    /// Charges a guess at an account by somebody at a place that the account does not know; refused with the seconds to
    /// wait.
    pub fn everywhere(&self, account: &str, now: Timestamp) -> Result<(), u64> {
        self.charge([Place::Everywhere(account.to_owned())], now)
    }

    /// Gives [`Self::everywhere`] back: the guess was right.
    pub fn succeeded_everywhere(&self, account: &str) {
        if let Some(at) = self.table().get_mut(&Place::Everywhere(account.to_owned())) {
            *at -= PER_ACCOUNT.refill_s * 1_000_000;
        }
    }

    /// The guess was right: forgets the failures at this account and address.
    pub fn succeeded(&self, address: IpAddr, account: &str) {
        let network = network(address);
        let mut table = self.table();
        table.remove(&Place::Account(network, account.to_owned()));
        if let Some(at) = table.get_mut(&Place::Address(network)) {
            *at -= PER_ADDRESS.refill_s * 1_000_000;
        }
    }

    /// Charges a new account.
    pub fn register(&self, address: IpAddr, now: Timestamp) -> Result<(), u64> {
        self.charge([Place::Registration(network(address))], now)
    }

    /// Charges the begin of a sign-in for which the server has to remember something.
    pub fn ceremony(&self, address: IpAddr, now: Timestamp) -> Result<(), u64> {
        self.charge([Place::Ceremony(network(address))], now)
    }

    fn table(&self) -> MutexGuard<'_, HashMap<Place, i64>> {
        self.innocent_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn charge<const N: usize>(&self, places: [Place; N], now: Timestamp) -> Result<(), u64> {
        let now = now.micros();
        let mut table = self.table();
        let wait = places.iter().map(|place| {
            let guilt = table.get(place).map_or(0, |at| at - now);
            guilt - (place.rate().burst - 1) * place.rate().refill_s * 1_000_000
        });
        if let Some(micros) = wait.max().filter(|micros| *micros > 0) {
            return Err(u64::try_from(micros / 1_000_000 + 1).unwrap_or(1));
        }
        make_room(&mut table, now);
        for place in places {
            let refill = place.rate().refill_s * 1_000_000;
            let at = table.entry(place).or_insert(0);
            *at = (*at).max(now) + refill;
        }
        Ok(())
    }
}

/// Forgets who is innocent, and under a flood the half that soon would be.
fn make_room(table: &mut HashMap<Place, i64>, now: i64) {
    if table.len() >= MAX_ENTRIES {
        table.retain(|_, at| *at > now);
    }
    if table.len() >= MAX_ENTRIES {
        let mut moments: Vec<i64> = table.values().copied().collect();
        let middle = moments.len() / 2;
        let median = *moments.select_nth_unstable(middle).1;
        table.retain(|_, at| *at > median);
    }
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
            throttle.attempt(HERE, "ada", at(0)).unwrap();
        }
        let wait = throttle.attempt(HERE, "ada", at(0)).unwrap_err();
        assert!((1..=16).contains(&wait), "{wait}");
        throttle.attempt(THERE, "ada", at(0)).unwrap();
        throttle.attempt(HERE, "bob", at(0)).unwrap();
        throttle.attempt(HERE, "ada", at(16)).unwrap();
        throttle.attempt(HERE, "ada", at(16)).unwrap_err();
    }

    #[test]
    fn who_is_right_is_never_slowed() {
        let throttle = Throttle::default();
        for _ in 0..1000 {
            throttle.attempt(HERE, "ada", at(0)).unwrap();
            throttle.succeeded(HERE, "ada");
        }
        for _ in 1..PER_ACCOUNT_AND_ADDRESS.burst {
            throttle.attempt(HERE, "ada", at(0)).unwrap();
        }
        throttle.attempt(HERE, "ada", at(0)).unwrap();
        throttle.succeeded(HERE, "ada");
        throttle.attempt(HERE, "ada", at(0)).unwrap();
    }

    #[test]
    fn one_address_cannot_try_many_accounts() {
        let throttle = Throttle::default();
        for n in 0..PER_ADDRESS.burst {
            throttle.attempt(HERE, &format!("user{n}"), at(0)).unwrap();
        }
        throttle.attempt(HERE, "new", at(0)).unwrap_err();
        throttle.attempt(THERE, "new", at(0)).unwrap();
    }

    #[test]
    fn guesses_from_many_places_are_counted_together_and_right_ones_given_back() {
        let throttle = Throttle::default();
        for _ in 0..PER_ACCOUNT.burst {
            throttle.everywhere("ada", at(0)).unwrap();
            throttle.succeeded_everywhere("ada");
        }
        for _ in 0..PER_ACCOUNT.burst {
            throttle.everywhere("ada", at(0)).unwrap();
        }
        assert_eq!(throttle.everywhere("ada", at(0)), Err(31));
        throttle.everywhere("bob", at(0)).unwrap();
        throttle.attempt(HERE, "ada", at(0)).unwrap();
        throttle.everywhere("ada", at(31)).unwrap();
    }

    #[test]
    fn new_accounts_are_limited_by_themselves() {
        let throttle = Throttle::default();
        for _ in 0..NEW_ACCOUNTS.burst {
            throttle.register(HERE, at(0)).unwrap();
        }
        throttle.register(HERE, at(0)).unwrap_err();
        throttle.attempt(HERE, "ada", at(0)).unwrap();
        throttle.register(HERE, at(21)).unwrap();
    }

    #[test]
    fn a_subscriber_of_ipv6_is_one_place_and_memory_is_bounded() {
        let throttle = Throttle::default();
        for n in 0..PER_ADDRESS.burst {
            let address = IpAddr::V6(Ipv6Addr::from(
                (0x2001_0db8_u128 << 96) | n.unsigned_abs() as u128,
            ));
            throttle
                .attempt(address, &format!("user{n}"), at(0))
                .unwrap();
        }
        let neighbour = IpAddr::V6(Ipv6Addr::from((0x2001_0db8_u128 << 96) | 0xffff));
        throttle.attempt(neighbour, "new", at(0)).unwrap_err();
        for n in 0..200_000_u128 {
            let address = IpAddr::V6(Ipv6Addr::from(n << 64));
            throttle.attempt(address, "x", at(1)).unwrap();
        }
        assert!(throttle.table().len() <= MAX_ENTRIES + 2);
    }
}
