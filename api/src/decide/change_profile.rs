//! Changing one's own profile.

use chatops_schemas::{event::ctl::UserProfileChanged, ids::UserId};

use super::{register_user, text::Check};
use crate::problem::Problem;

/// The profile as it is.
#[derive(Debug, Clone, Copy)]
pub struct Profile<'a> {
    /// The account.
    pub user: UserId,
    /// E-mail address.
    pub email: Option<&'a str>,
    /// Name for people.
    pub full_name: Option<&'a str>,
}

/// What should change; outer `None` keeps, inner `None` clears.
#[derive(Debug, Clone, Default)]
pub struct Command {
    /// E-mail address.
    pub email: Option<Option<String>>,
    /// Name for people.
    pub full_name: Option<Option<String>>,
}

/// The new profile, or `None` when nothing changes.
pub fn decide(
    profile: &Profile<'_>,
    command: &Command,
) -> Result<Option<UserProfileChanged>, Problem> {
    let mut check = Check::default();
    let email = match &command.email {
        None => profile.email.map(str::to_owned),
        Some(email) => register_user::email(&mut check, email.as_deref()),
    };
    let full_name = match &command.full_name {
        None => profile.full_name.map(str::to_owned),
        Some(name) => check.optional("full_name", name.as_deref(), 128),
    };
    let changed = email.as_deref() != profile.email || full_name.as_deref() != profile.full_name;
    let event = changed.then_some(UserProfileChanged {
        user: profile.user,
        email,
        full_name,
    });
    check.done(event)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const NOW: Profile<'static> = Profile {
        user: UserId(Uuid::from_u128(1)),
        email: Some("ada@example.org"),
        full_name: None,
    };

    #[test]
    fn absent_keeps_null_clears_and_nothing_is_no_event() {
        assert_eq!(decide(&NOW, &Command::default()).unwrap(), None);
        let cleared = decide(
            &NOW,
            &Command {
                email: Some(None),
                full_name: None,
            },
        )
        .unwrap()
        .unwrap();
        assert_eq!((cleared.email, cleared.full_name), (None, None));
        let named = decide(
            &NOW,
            &Command {
                email: None,
                full_name: Some(Some("Ada".into())),
            },
        )
        .unwrap()
        .unwrap();
        assert_eq!(
            (named.email.as_deref(), named.full_name.as_deref()),
            (Some("ada@example.org"), Some("Ada"))
        );
        assert!(
            decide(
                &NOW,
                &Command {
                    email: Some(Some("x".into())),
                    full_name: None
                }
            )
            .is_err()
        );
    }
}
