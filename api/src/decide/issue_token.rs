//! Making a personal API token.

use chatops_schemas::{
    clock::Timestamp,
    event::credential::{NAME, TokenIssued},
    ids::{TokenId, UserId},
    scope::{Scope, ScopeSet},
};

use super::text::Check;
use crate::problem::Problem;

/// Longest life of a token, in days: one that nobody remembers must end by itself.
pub const MAX_DAYS: i64 = 366;
/// Most tokens of a person that have not been revoked.
pub const MAX_TOKENS: usize = 50;

/// What the person asks for.
#[derive(Debug, Clone, Copy)]
pub struct Command<'a> {
    /// Name for people.
    pub name: &'a str,
    /// What it may be used for.
    pub scopes: &'a [Scope],
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// The token, if everything is in order. The secret is not part of the decision.
pub fn decide(
    command: Command<'_>,
    token: TokenId,
    user: UserId,
    existing: usize,
    now: Timestamp,
) -> Result<TokenIssued, Problem> {
    let mut check = Check::default();
    let name = check.text("name", command.name, NAME);
    let scopes: ScopeSet = command.scopes.iter().copied().collect();
    if scopes.is_empty() {
        check.refuse("scopes", "must hold at least one");
    }
    if command.expires_at <= now {
        check.refuse("expires_at", "must be in the future");
    }
    if command.expires_at > now.plus_millis(MAX_DAYS * 86_400_000) {
        check.refuse("expires_at", format!("must be within {MAX_DAYS} days"));
    }
    if existing >= MAX_TOKENS {
        check.refuse(
            "name",
            format!("you have {MAX_TOKENS} tokens already: revoke one first"),
        );
    }
    check.done(TokenIssued {
        token,
        user,
        name,
        scopes,
        expires_at: command.expires_at,
    })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_token_has_a_name_a_scope_and_an_end_within_a_year() {
        let now = Timestamp::from_millis(1_800_000_000_000);
        let run = |name, scopes: &[Scope], days: i64, existing| {
            let command = Command {
                name,
                scopes,
                expires_at: now.plus_millis(days * 86_400_000),
            };
            let token = TokenId::parse("t1").unwrap();
            decide(command, token, UserId(Uuid::nil()), existing, now)
        };
        let issued = run(" deploy ", &[Scope::Read, Scope::Read], MAX_DAYS, 49).unwrap();
        assert_eq!(issued.name, "deploy");
        assert_eq!(issued.scopes.iter().count(), 1);
        for (name, scopes, days, existing) in [
            ("", &[Scope::Read][..], 1, 0),
            ("a\nb", &[Scope::Read], 1, 0),
            ("a", &[], 1, 0),
            ("a", &[Scope::Read], 0, 0),
            ("a", &[Scope::Read], MAX_DAYS + 1, 0),
            ("a", &[Scope::Read], 1, MAX_TOKENS),
        ] {
            assert!(
                run(name, scopes, days, existing).is_err(),
                "{name} {scopes:?} {days}"
            );
        }
    }
}
