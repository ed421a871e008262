//! The account of a person for whom a provider vouches: found by the provider's own id of them, made at the first sign-in.
//!
//! Nothing but that id finds an account: neither a name nor an address, which a provider may hand to somebody else.
//!
//! Who runs this server has written down which groups are worth which role: people of these groups are expected, and get an
//! account whatever the registration mode is. Who would get in by the default role alone makes an account by themselves, so
//! only open registration lets them. The role of an account that was made so follows the groups at each sign-in, but an
//! owner stays one. An account whose role was decided here keeps it: one that was made here (it has a password) and linked to
//! the provider by its person, and one that was made with an invitation, whatever the groups of its person are worth.

use chatops_projections::{
    fold,
    view::{self, WayKind},
};
use chatops_schemas::{
    event::{
        credential::{IdentityLinked, IdentityUnlinked},
        ctl::{Role, UserRegistered},
        people::{Registration, UserRoleChanged},
    },
    ids::{InvitationId, UserId},
    subject::Entity,
};
use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use super::{Person, settings::Settings};
use crate::{
    auth::{invitation, name},
    code::Code,
    decide::register_user,
    problem::Problem,
    routes::settings::registration,
    state::Api,
    written::{self, Appended, By},
};

/// Names that are tried, when the one that the provider suggests is taken.
const NAMES: usize = 4;

/// The account of a person; who has none and holds an invitation gets one with it. [`Code::NoRole`]: their groups give them
/// none.
pub async fn of(
    api: &Api,
    settings: &Settings,
    person: &Person,
    address: std::net::IpAddr,
    invited: Option<InvitationId>,
) -> Result<view::User, Problem> {
    // The first account is the owner's, and made with the set-up token.
    if api.setup_required().await? {
        return Err(Problem::new(Code::SetupToken));
    }
    let (issuer, subject) = (&person.issuer, &person.subject);
    let linked = api.store().user_by_identity(issuer, subject).await?;
    let no_role = || Problem::new(Code::NoRole);
    let id = match (linked, invited) {
        (Some(id), _) => id,
        (None, Some(invited)) => {
            let invitation = invitation_for(api, invited, person).await?;
            make(api, person, &Grounds::Invited(invitation), address).await?
        }
        (None, None) => {
            let role = settings.role(&person.groups).ok_or_else(no_role)?;
            may_be_made(api, settings, person).await?;
            make(api, person, &Grounds::Groups(role), address).await?
        }
    };
    let user = api.store().user(id).await?;
    // Stored, but its row is late.
    let user = user.ok_or(Problem::new(Code::DatabaseDown).retry_after(2))?;
    if api.store().password(id).await?.is_some() || api.store().was_invited(id).await? {
        return Ok(user);
    }
    let role = settings.role(&person.groups).ok_or_else(no_role)?;
    if user.role == role || user.role == Role::Owner {
        return Ok(user);
    }
    let by = By::user(user.id, address);
    let changed = UserRoleChanged { user: id, role };
    written::to_user(api, &by, id, changed).await?;
    api.sessions().forget_all_of(id);
    api.hub().recheck(id);
    Ok(view::User { role, ..user })
}

/// Why an account is made.
enum Grounds {
    /// What the person belongs to is worth this role.
    Groups(Role),
    /// Somebody invited them.
    Invited(view::Invitation),
}

/// The invitation, if it still works and is for this person. One for an address is for whom the provider vouches to have it:
/// what people say about themselves is not in [`Person::email`].
async fn invitation_for(
    api: &Api,
    id: InvitationId,
    person: &Person,
) -> Result<view::Invitation, Problem> {
    if registration(api).await? == Registration::Closed {
        return Err(Problem::new(Code::RegistrationClosed));
    }
    let invitation = invitation::still_open(api, id).await?;
    match (&invitation.email, &person.email) {
        (None, _) => Ok(invitation),
        (Some(meant), Some(email)) if fold(meant) == fold(email) => Ok(invitation),
        (Some(_), _) => Err(Problem::new(Code::InvitedAddress)),
    }
}

/// Whether this person may have an account made for them.
async fn may_be_made(api: &Api, settings: &Settings, person: &Person) -> Result<(), Problem> {
    if settings.mapped(&person.groups).is_some() {
        return Ok(());
    }
    match registration(api).await? {
        Registration::Open => Ok(()),
        Registration::Invite => Err(Problem::new(Code::InvitationNeeded)),
        Registration::Closed => Err(Problem::new(Code::RegistrationClosed)),
    }
}

/// From now on this person at the provider signs in as `user`, who has asked for it.
pub async fn link(api: &Api, by: &By, user: UserId, person: &Person) -> Result<(), Problem> {
    let taken = || Problem::new(Code::IdentityTaken);
    let (issuer, subject) = (&person.issuer, &person.subject);
    match api.store().user_by_identity(issuer, subject).await? {
        Some(linked) if linked == user => return Ok(()),
        Some(_) => return Err(taken()),
        None => {}
    }
    if !name::claim(api, by, &identity_of(issuer, subject), user).await? {
        return Err(taken());
    }
    let link = IdentityLinked {
        user,
        issuer: issuer.clone(),
        subject: subject.clone(),
    };
    written::to_user(api, by, user, link).await?;
    Ok(())
}

/// Takes a linked account away from `user`. [`Code::LastWay`] where nothing else signs them in.
pub async fn unlink(api: &Api, by: &By, user: UserId, id: &str) -> Result<(), Problem> {
    let ways = api.store().sign_in_ways(user).await?;
    let linked = |way: &&view::Way| way.kind == WayKind::Identity && way.id == id;
    let known = ways.iter().find(linked);
    let (issuer, subject) = known
        .and_then(|way| way.id.split_once(' '))
        .ok_or(Problem::new(Code::NoIdentity))?;
    let opens = |way: &view::Way| way.kind != WayKind::Totp && !is_of_chat(&way.id);
    let others = |way: &view::Way| opens(way) && way.id != id;
    if is_of_chat(id) {
        return part(api, by, user, issuer, subject).await;
    }
    if api.store().password(user).await?.is_none() && !ways.iter().any(others) {
        return Err(Problem::new(Code::LastWay));
    }
    part(api, by, user, issuer, subject).await
}

async fn part(
    api: &Api,
    by: &By,
    user: UserId,
    issuer: &str,
    subject: &str,
) -> Result<(), Problem> {
    let unlinked = IdentityUnlinked {
        user,
        issuer: issuer.to_owned(),
        subject: subject.to_owned(),
    };
    written::to_user(api, by, user, unlinked).await?;
    name::release(api, by, &identity_of(issuer, subject), user).await;
    Ok(())
}

/// A link to a chat: nobody signs in with it.
fn is_of_chat(id: &str) -> bool {
    id.starts_with(crate::chat::link::ISSUER)
}

/// Under which name an account at a provider is claimed.
fn identity_of(issuer: &str, subject: &str) -> String {
    format!("identity {issuer} {subject}")
}

async fn make(
    api: &Api,
    person: &Person,
    grounds: &Grounds,
    address: std::net::IpAddr,
) -> Result<UserId, Problem> {
    let user = UserId(api.ids().next());
    let by = By::user(user, address);
    // Two browsers of a person who is here for the first time: the second finds the account of the first.
    let identity = identity_of(&person.issuer, &person.subject);
    if !name::claim(api, &by, &identity, user).await? {
        return Err(Problem::new(Code::Conflict));
    }
    let made = register(api, &by, person, user, grounds).await;
    if let Err(problem) = &made
        && problem.code() != Code::StreamsDown
    {
        name::release(api, &by, &identity, user).await;
    }
    made?;
    let link = IdentityLinked {
        user,
        issuer: person.issuer.clone(),
        subject: person.subject.clone(),
    };
    written::to_user(api, &by, user, link).await?;
    if let Grounds::Invited(invitation) = grounds {
        api.store().forget_invitation_digest(invitation.id).await?;
    }
    Ok(user)
}

async fn register(
    api: &Api,
    by: &By,
    person: &Person,
    user: UserId,
    grounds: &Grounds,
) -> Result<(), Problem> {
    let (role, invitation) = match grounds {
        Grounds::Groups(role) => (*role, None),
        Grounds::Invited(invitation) => (invitation.role, Some(invitation)),
    };
    let mut username = None;
    for n in 0..NAMES {
        let wanted = suggestion(person, n);
        if name::claim(api, by, &wanted, user).await? {
            username = Some(wanted);
            break;
        }
    }
    let username = username.ok_or(Problem::new(Code::NameTaken))?;
    let sound = register_user::vouched(user, role, username, person);
    // An address that somebody here has already stays theirs.
    let email = match sound.email.clone() {
        Some(email) if name::claim(api, by, &email, user).await? => Some(email),
        _ => None,
    };
    let account = UserRegistered { email, ..sound };
    let names = [Some(account.username.clone()), account.email.clone()];
    let stored = async {
        if let Some(invitation) = invitation {
            // It promised this address, which is also what the account would be found by.
            if invitation.email.is_some() && account.email.is_none() {
                return Err(Problem::new(Code::NameTaken));
            }
            invitation::accept(api, by, invitation, user).await?;
        }
        let event = written::event(api, by, account);
        match written::append(api, Entity::User, &user.to_string(), 0, &event).await? {
            Appended::At(seq) => Ok(seq),
            // The id is fresh: nobody else can have used it.
            Appended::Conflict => Err(Problem::new(Code::Conflict)),
        }
    };
    match stored.await {
        Ok(seq) => {
            written::visible(api, seq).await?;
            Ok(())
        }
        // When nobody knows whether the event is stored, the names stay claimed: they may be the account's.
        Err(problem) if problem.code() == Code::StreamsDown => Err(problem),
        Err(problem) => {
            for name in names.into_iter().flatten() {
                name::release(api, by, &name, user).await;
            }
            Err(problem)
        }
    }
}

/// A sign-in name: what the provider suggests as far as it is one, then the same with something behind it.
fn suggestion(person: &Person, attempt: usize) -> String {
    let source = person
        .username
        .as_deref()
        .or(person.email.as_deref())
        .unwrap_or_default();
    let local = source.split('@').next().unwrap_or_default();
    let plain: String = local
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
        .collect();
    let plain = plain.trim_start_matches(['.', '_', '-']);
    let base = match plain.len() {
        0 | 1 => "person",
        _ => plain.get(..40).unwrap_or(plain),
    };
    if attempt == 0 && plain.len() > 1 {
        return base.to_owned();
    }
    // The same person gets the same name again when the first attempt broke off.
    let seed = format!("{} {} {attempt}", person.issuer, person.subject);
    let mark = HEXLOWER.encode(&Sha256::digest(seed.as_bytes())[..3]);
    format!("{base}-{mark}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggested_names_are_ones_that_can_be_registered() {
        let person = |username: Option<&str>, email: Option<&str>| Person {
            issuer: "https://id.example.org".to_owned(),
            subject: "1".to_owned(),
            username: username.map(str::to_owned),
            email: email.map(str::to_owned),
            full_name: None,
            groups: Vec::new(),
        };
        for (username, email, first) in [
            (Some("ada"), None, "ada"),
            (Some("Ada@Example.org"), None, "Ada"),
            (None, Some("grace.hopper@example.org"), "grace.hopper"),
            (Some("-\u{0}'; DROP--"), None, "DROP--"),
        ] {
            assert_eq!(suggestion(&person(username, email), 0), first);
        }
        for odd in [None, Some(""), Some("\u{430}\u{434}\u{430}"), Some("x")] {
            let name = suggestion(&person(odd, None), 0);
            assert!(name.starts_with("person-") && name.len() == 13, "{name}");
        }
        let (second, third) = (
            suggestion(&person(Some("ada"), None), 1),
            suggestion(&person(Some("ada"), None), 2),
        );
        assert!(second.starts_with("ada-") && second != third);
    }
}
