//! Making an account: claims its names, keeps its password, uses the invitation up, appends the event. What was claimed is
//! given back when a later step is refused.
//!
//! An invitation is used up just before the account exists: of two who come with the same link the stream lets one through.
//! A crash in between leaves a link that no longer works, and no account; never two accounts.

use chatops_projections::view;
use chatops_schemas::{event::ctl::UserRegistered, subject::Entity};
use secrecy::SecretString;

use super::{invitation, name, setup};
use crate::{
    code::Code,
    problem::Problem,
    state::Api,
    written::{self, Appended, By},
};

/// By which right the account is made.
#[derive(Debug)]
pub enum Way {
    /// It is the first, with the set-up token.
    Founder,
    /// With this invitation.
    Invited(Box<view::Invitation>),
    /// Somebody who may decided so, or everybody may.
    Free,
}

/// Makes the account; the position of its event.
pub async fn make(
    api: &Api,
    by: &By,
    account: UserRegistered,
    password: SecretString,
    way: Way,
) -> Result<u64, Problem> {
    let user = account.user;
    let founder = matches!(way, Way::Founder);
    let phc = api.passwords().hash(password).await?;
    let names = [
        ("username", Some(account.username.clone())),
        ("email", account.email.clone()),
    ];
    let mut claimed = Vec::new();
    let stored = async {
        if founder && !setup::claim(api, by, user).await? {
            return Err(
                Problem::new(Code::SetupToken).detail("Somebody else has just become the owner.")
            );
        }
        for (field, name) in names {
            let Some(name) = name else { continue };
            if !name::claim(api, by, &name, user).await? {
                return Err(Problem::new(Code::NameTaken).and_field(field, "is taken"));
            }
            claimed.push(name);
        }
        api.store()
            .set_password(user, &phc.into(), api.clock().now())
            .await?;
        if let Way::Invited(invitation) = &way {
            invitation::accept(api, by, invitation, user).await?;
        }
        let event = written::event(api, by, account);
        match written::append(api, Entity::User, &user.to_string(), 0, &event).await? {
            Appended::At(seq) => Ok(seq),
            // The id is fresh: nobody else can have used it.
            Appended::Conflict => Err(Problem::new(Code::Conflict)),
        }
    };
    let stored = stored.await;
    match (&stored, &way) {
        (Ok(_), Way::Founder) => setup::done(api).await?,
        (Ok(_), Way::Invited(invitation)) => {
            api.store().forget_invitation_digest(invitation.id).await?;
        }
        (Ok(_), Way::Free) => {}
        // When nobody knows whether the event is stored, the names stay claimed: they may be the account's.
        (Err(problem), _) if problem.code() == Code::StreamsDown => {}
        (Err(_), _) => {
            for name in &claimed {
                name::release(api, by, name, user).await;
            }
            if founder {
                setup::release(api, by, user).await;
            }
            api.store().forget_password(user).await?;
        }
    }
    stored
}
