//! Sharing: with whom, and what.

use chatops_schemas::{
    event::people::{Granted, Grantee},
    ids::{ServerId, TeamId, UserId},
};

use super::text::Check;
use crate::problem::Problem;

/// Who is meant, before anybody knows whether they exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whom {
    /// By id.
    Is(Grantee),
    /// By sign-in name.
    Named(String),
}

/// What somebody asked for.
#[derive(Debug, Clone, Default)]
pub struct Command {
    /// A person.
    pub user: Option<UserId>,
    /// A person, by sign-in name.
    pub username: Option<String>,
    /// A team.
    pub team: Option<TeamId>,
    /// A server.
    pub server: Option<ServerId>,
    /// A label.
    pub tag: Option<String>,
}

/// The pair: exactly one of each.
pub fn decide(command: Command) -> Result<(Whom, Granted), Problem> {
    let mut check = Check::default();
    let to = match (command.user, command.username, command.team) {
        (Some(user), None, None) => Some(Whom::Is(Grantee::User(user))),
        (None, Some(name), None) => Some(Whom::Named(check.text("username", &name, 254))),
        (None, None, Some(team)) => Some(Whom::Is(Grantee::Team(team))),
        _ => {
            check.refuse("user_id", "give one of user_id, username and team_id");
            None
        }
    };
    let on = match (command.server, command.tag) {
        (Some(server), None) => Some(Granted::Server(server)),
        (None, Some(tag)) => Some(Granted::Tag(check.text("tag", &tag, 64))),
        _ => {
            check.refuse("server_id", "give one of server_id and tag");
            None
        }
    };
    check.done(())?;
    to.zip(on)
        .ok_or(Problem::field("body", "says not who or not what"))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn it_takes_one_of_each() {
        let server = ServerId::parse("web-1").unwrap();
        let user = UserId(Uuid::from_u128(1));
        let good = Command {
            user: Some(user),
            server: Some(server.clone()),
            ..Command::default()
        };
        let (to, on) = decide(good.clone()).unwrap();
        assert_eq!(to, Whom::Is(Grantee::User(user)));
        assert_eq!(on, Granted::Server(server));
        let named = Command {
            user: None,
            username: Some(" ada ".to_owned()),
            ..good.clone()
        };
        assert_eq!(decide(named).unwrap().0, Whom::Named("ada".to_owned()));
        assert_eq!(decide(Command::default()).unwrap_err().errors().len(), 2);
        let both = Command {
            team: Some(TeamId(Uuid::from_u128(2))),
            tag: Some("prod".to_owned()),
            ..good.clone()
        };
        assert_eq!(decide(both).unwrap_err().errors().len(), 2);
        let bad_tag = Command {
            server: None,
            tag: Some("a\u{202e}b".to_owned()),
            ..good
        };
        assert_eq!(decide(bad_tag).unwrap_err().errors()[0].field, "tag");
    }
}
