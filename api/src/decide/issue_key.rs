//! Making an API key for a server.

use chatops_schemas::{
    clock::Timestamp,
    event::ctl::KeyIssued,
    ids::{KeyId, ServerId},
};

use super::text::Check;
use crate::problem::Problem;

/// The key, if everything is in order. The secret is not part of the decision.
pub fn decide(
    server: ServerId,
    key: KeyId,
    name: Option<&str>,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<KeyIssued, Problem> {
    let mut check = Check::default();
    let name = check.optional("name", name, 128);
    if expires_at.is_some_and(|at| at <= now) {
        check.refuse("expires_at", "must be in the future");
    }
    check.done(KeyIssued {
        key,
        server,
        name,
        expires_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_must_end_in_the_future() {
        let ids = || (ServerId::parse("s1").unwrap(), KeyId::parse("k1").unwrap());
        let run = |name, at| {
            let (server, key) = ids();
            decide(server, key, name, at, Timestamp::from_millis(1000))
        };
        assert_eq!(
            run(Some(" laptop "), None).unwrap().name.as_deref(),
            Some("laptop")
        );
        assert!(run(None, Some(Timestamp::from_millis(1001))).is_ok());
        assert!(run(None, Some(Timestamp::from_millis(1000))).is_err());
        assert!(run(Some("a\nb"), None).is_err());
    }
}
