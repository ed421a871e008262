//! Replacing an API key without a gap: the next one is made, the old one works on until the overlap is over.

use chatops_projections::view::{Key, KeyState};
use chatops_schemas::{
    clock::Timestamp,
    event::ctl::{KeyIssued, KeyRetired},
    ids::KeyId,
};

use super::text::Check;
use crate::{code::Code, problem::Problem};

/// Time to bring the new key to the host unless told otherwise, in seconds.
pub const USUAL_OVERLAP_S: u32 = 24 * 3600;
/// Longest overlap, in seconds.
pub const MOST_OVERLAP_S: u32 = 30 * 24 * 3600;

/// What was asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wish<'a> {
    /// Seconds that the old key works on.
    pub overlap_s: Option<u32>,
    /// Name of the new key; that of the old one unless given.
    pub name: Option<&'a str>,
    /// When the new key stops working by itself.
    pub expires_at: Option<Timestamp>,
}

/// The two events, if everything is in order: first the new key, then the end of the old one.
pub fn decide(
    old: &Key,
    successor: KeyId,
    wish: Wish<'_>,
    now: Timestamp,
) -> Result<(KeyIssued, KeyRetired), Problem> {
    if old.state != KeyState::Active {
        return Err(Problem::new(Code::KeyEnded).detail("only a key that works can be replaced"));
    }
    if old.successor.is_some() {
        return Err(Problem::new(Code::KeyEnded)
            .detail("this key has a successor already; replace that one"));
    }
    let mut check = Check::default();
    let name = check.optional("name", wish.name.or(old.name.as_deref()), 128);
    if wish.expires_at.is_some_and(|at| at <= now) {
        check.refuse("expires_at", "must be in the future");
    }
    let overlap = wish.overlap_s.unwrap_or(USUAL_OVERLAP_S);
    if overlap > MOST_OVERLAP_S {
        check.refuse("overlap_s", "is longer than 30 days");
    }
    let end = now.plus_millis(i64::from(overlap) * 1000);
    check.done((
        KeyIssued {
            key: successor.clone(),
            server: old.server_id.clone(),
            name,
            expires_at: wish.expires_at,
        },
        KeyRetired {
            key: old.id.clone(),
            server: old.server_id.clone(),
            // Replacing a key never makes it live longer.
            expires_at: old.expires_at.map_or(end, |at| at.min(end)),
            successor,
        },
    ))
}

#[cfg(test)]
mod tests {
    use chatops_schemas::ids::ServerId;

    use super::*;

    fn key() -> Key {
        Key {
            id: KeyId::parse("old").unwrap(),
            server_id: ServerId::parse("s1").unwrap(),
            name: Some("laptop".into()),
            state: KeyState::Active,
            created_at: Timestamp::from_millis(0),
            expires_at: None,
            successor: None,
            last_used: None,
            ctl_seq: 1,
        }
    }

    fn run(old: &Key, wish: Wish<'_>) -> Result<(KeyIssued, KeyRetired), Problem> {
        let next = KeyId::parse("next").unwrap();
        decide(old, next, wish, Timestamp::from_millis(1000))
    }

    #[test]
    fn the_old_key_works_on_for_the_overlap_but_never_longer_than_it_would_have() {
        let (issued, retired) = run(&key(), Wish::default()).unwrap();
        assert_eq!(issued.name.as_deref(), Some("laptop"));
        assert_eq!((issued.key, issued.expires_at), (retired.successor, None));
        assert_eq!(retired.expires_at, Timestamp::from_millis(86_401_000));
        let at_once = Wish {
            overlap_s: Some(0),
            ..Wish::default()
        };
        assert_eq!(
            run(&key(), at_once).unwrap().1.expires_at,
            Timestamp::from_millis(1000)
        );
        let brief = Key {
            expires_at: Some(Timestamp::from_millis(5000)),
            ..key()
        };
        let (_, retired) = run(&brief, Wish::default()).unwrap();
        assert_eq!(retired.expires_at, Timestamp::from_millis(5000));
    }

    #[test]
    fn what_has_ended_or_been_replaced_is_not_replaced() {
        for state in [KeyState::Revoked, KeyState::Expired] {
            let refused = run(&Key { state, ..key() }, Wish::default()).unwrap_err();
            assert_eq!(refused.code(), Code::KeyEnded);
        }
        let replaced = Key {
            successor: KeyId::parse("other").ok(),
            ..key()
        };
        assert_eq!(
            run(&replaced, Wish::default()).unwrap_err().code(),
            Code::KeyEnded
        );
        let too_long = Wish {
            overlap_s: Some(MOST_OVERLAP_S + 1),
            ..Wish::default()
        };
        assert_eq!(
            run(&key(), too_long).unwrap_err().errors()[0].field,
            "overlap_s"
        );
    }
}
