//! Making an account.

use chatops_schemas::{
    event::ctl::{Role, UserRegistered},
    ids::UserId,
};

use super::text::Check;
use crate::{
    auth::{oidc::Person, strength},
    problem::Problem,
};

/// What somebody typed.
#[derive(Clone, Copy)]
pub struct Command<'a> {
    /// Sign-in name.
    pub username: &'a str,
    /// E-mail address.
    pub email: Option<&'a str>,
    /// Name for people.
    pub full_name: Option<&'a str>,
    /// Only judged here, never kept.
    pub password: &'a str,
    /// The password again, when the form asks twice.
    pub password_confirm: Option<&'a str>,
}

/// The account, if everything is in order.
pub fn decide(command: Command<'_>, user: UserId, role: Role) -> Result<UserRegistered, Problem> {
    let mut check = Check::default();
    let username = command.username.trim().to_owned();
    if let Some(objection) = username_objection(&username) {
        check.refuse("username", objection);
    }
    let email = email(&mut check, command.email);
    let full_name = check.optional("full_name", command.full_name, 128);
    if let Some(objection) = strength::objection(command.password, &username, email.as_deref()) {
        check.refuse("password", objection);
    }
    if command
        .password_confirm
        .is_some_and(|again| again != command.password)
    {
        check.refuse("password_confirm", "differs from the password");
    }
    check.done(UserRegistered {
        user,
        username,
        email,
        full_name,
        role,
    })
}

/// The account of a person for whom an identity provider vouches, under a name that was claimed for them. What the
/// provider says and would be refused here is left out.
pub fn vouched(user: UserId, role: Role, username: String, person: &Person) -> UserRegistered {
    let kept = |read: fn(&mut Check, Option<&str>) -> Option<String>, value: Option<&str>| {
        let mut check = Check::default();
        let read = read(&mut check, value);
        check.done(read).ok().flatten()
    };
    UserRegistered {
        user,
        username,
        email: kept(email, person.email.as_deref()),
        full_name: kept(
            |check, name| check.optional("full_name", name, 128),
            person.full_name.as_deref(),
        ),
        role,
    }
}

/// Names are plain ASCII: two names that look the same are the same.
fn username_objection(name: &str) -> Option<&'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    match name.len() {
        0..2 => Some("needs at least 2 characters"),
        2..=64 if !name.chars().all(plain) => {
            Some("may hold only letters a-z, digits, '.', '_' and '-'")
        }
        2..=64 if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) => {
            Some("must begin with a letter or a digit")
        }
        2..=64 => None,
        _ => Some("has more than 64 characters"),
    }
}

pub(super) fn email(check: &mut Check, email: Option<&str>) -> Option<String> {
    let email = check.optional("email", email, 254)?;
    let sound = email.split_once('@').is_some_and(|(local, domain)| {
        let labels = domain.split('.').all(|label| {
            !label.is_empty()
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
                && !label.starts_with('-')
        });
        let plain = |c: char| {
            !c.is_whitespace()
                && !matches!(
                    c,
                    '<' | '>' | '"' | '(' | ')' | ',' | ';' | ':' | '\\' | '@'
                )
        };
        !local.is_empty() && local.len() <= 64 && local.chars().all(plain) && labels
    });
    if !sound {
        check.refuse("email", "is not an e-mail address");
    }
    Some(email)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const USER: UserId = UserId(Uuid::from_u128(1));

    fn ada() -> Command<'static> {
        Command {
            username: " ada ",
            email: Some("ada@example.org"),
            full_name: Some("  "),
            password: "tangerine lamp 7",
            password_confirm: None,
        }
    }

    #[test]
    fn a_sound_account_is_trimmed() {
        let event = decide(ada(), USER, Role::Owner).unwrap();
        assert_eq!(
            (event.username.as_str(), event.full_name, event.role),
            ("ada", None, Role::Owner)
        );
    }

    #[test]
    fn all_errors_are_named_at_once() {
        let problem = decide(
            Command {
                username: "'; DROP TABLE users; --",
                email: Some("nonsense"),
                full_name: Some("a\u{202e}b"),
                password: "short",
                password_confirm: Some("other"),
            },
            USER,
            Role::Operator,
        )
        .unwrap_err();
        let fields: Vec<&str> = problem
            .errors()
            .iter()
            .map(|error| error.field.as_str())
            .collect();
        assert_eq!(
            fields,
            [
                "username",
                "email",
                "full_name",
                "password",
                "password_confirm"
            ]
        );
    }

    #[test]
    fn names_that_could_be_addresses_or_look_alike_are_refused() {
        for username in [
            "",
            "a",
            "ada@example.org",
            "аda",
            "ada lovelace",
            "-ada",
            "<b>ada</b>",
            &"a".repeat(65),
        ] {
            assert!(
                decide(Command { username, ..ada() }, USER, Role::Operator).is_err(),
                "{username}"
            );
        }
    }

    #[test]
    fn addresses() {
        for (email, sound) in [
            ("ada@example.org", true),
            ("ada+ops@mail.example.org", true),
            ("ada@localhost", true),
            ("ada@bücher.example", true),
            ("@example.org", false),
            ("ada@", false),
            ("ada@@example.org", false),
            ("ada@example..org", false),
            ("a da@example.org", false),
            ("<ada@example.org>", false),
        ] {
            assert_eq!(
                decide(
                    Command {
                        email: Some(email),
                        ..ada()
                    },
                    USER,
                    Role::Operator
                )
                .is_ok(),
                sound,
                "{email}"
            );
        }
    }
}
