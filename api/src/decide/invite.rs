//! Inviting somebody.

use chatops_schemas::{
    clock::Timestamp,
    event::{
        ctl::Role,
        people::{InvitationMade, MAX_INVITED_TEAMS},
    },
    ids::{InvitationId, TeamId},
};

use super::{register_user, text::Check};
use crate::problem::Problem;

/// How long a link works when nothing else is asked for, in days.
pub const DAYS: i64 = 7;
/// Longest life of a link, in days: it is as good as an account.
pub const MAX_DAYS: i64 = 30;

/// What somebody asked for.
#[derive(Debug, Clone)]
pub struct Command<'a> {
    /// What the account may do.
    pub role: Role,
    /// Teams that it is in from the start; they exist.
    pub teams: &'a [TeamId],
    /// The address it is for.
    pub email: Option<&'a str>,
    /// When the link stops working.
    pub expires_at: Option<Timestamp>,
}

/// The invitation, if everything is in order.
pub fn decide(
    command: Command<'_>,
    invitation: InvitationId,
    now: Timestamp,
) -> Result<InvitationMade, Problem> {
    let mut check = Check::default();
    let email = register_user::email(&mut check, command.email);
    let days = |days: i64| now.plus_millis(days * 86_400_000);
    let expires_at = command.expires_at.unwrap_or_else(|| days(DAYS));
    if expires_at <= now {
        check.refuse("expires_at", "must be in the future");
    }
    if expires_at > days(MAX_DAYS) {
        check.refuse("expires_at", format!("must be within {MAX_DAYS} days"));
    }
    let mut teams = command.teams.to_vec();
    teams.sort_unstable();
    teams.dedup();
    if teams.len() > MAX_INVITED_TEAMS {
        let most = format!("must be at most {MAX_INVITED_TEAMS}");
        check.refuse("teams", most);
    }
    check.done(InvitationMade {
        invitation,
        role: command.role,
        teams,
        email,
        expires_at,
    })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_link_ends_and_names_its_teams_once() {
        let now = Timestamp::from_millis(1_800_000_000_000);
        let team = TeamId(Uuid::from_u128(1));
        let teams = [team, team];
        let command = Command {
            role: Role::Viewer,
            teams: &teams,
            email: Some("grace@example.org"),
            expires_at: None,
        };
        let id = InvitationId(Uuid::from_u128(2));
        let made = decide(command.clone(), id, now).unwrap();
        assert_eq!(made.expires_at, now.plus_millis(7 * 86_400_000));
        assert_eq!(made.teams, [team]);
        for (email, days) in [
            ("nobody", 1),
            ("grace@example.org", 0),
            ("grace@example.org", 31),
        ] {
            let bad = Command {
                email: Some(email),
                expires_at: Some(now.plus_millis(days * 86_400_000)),
                ..command.clone()
            };
            assert!(decide(bad, id, now).is_err(), "{email} {days}");
        }
    }
}
