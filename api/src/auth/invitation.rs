//! The secret of an invitation's link: `<id>_<secret>`. The vault keeps a digest; the events know the id alone.

use chatops_projections::view::{Invitation, InvitationState};
use chatops_schemas::{
    event::people::InvitationAccepted,
    ids::{InvitationId, UserId},
    subject::Entity,
};
use secrecy::{ExposeSecret, SecretString};

use super::secret::{self, Digest};
use crate::{
    code::Code,
    problem::Problem,
    state::Api,
    written::{self, Appended, By},
};

/// A fresh token for this invitation, and the digest of its secret.
pub fn fresh(id: InvitationId) -> Result<(Digest, SecretString), Problem> {
    let secret = secret::token()?;
    let text = format!("{}_{}", id.0.simple(), secret.expose_secret()).into();
    Ok((Digest::of(secret.expose_secret()), text))
}

fn parse(text: &str) -> Option<(InvitationId, &str)> {
    let (id, secret) = text.trim().split_once('_')?;
    Some((id.parse().ok()?, secret))
}

/// The invitation that a link stands for, if it still works. Why it does not is not told: nobody learns which exist.
pub async fn open(api: &Api, token: &SecretString) -> Result<Invitation, Problem> {
    let refused = || Problem::new(Code::NoInvitation);
    let (id, secret) = parse(token.expose_secret()).ok_or_else(refused)?;
    let stored = api.store().invitation_digest(id).await?;
    // Without a stored digest the comparison still takes place, with the digest of nothing.
    let stored = stored.unwrap_or_else(|| vec![0; 32]);
    if !Digest::of(secret).matches(&stored) {
        return Err(refused());
    }
    still_open(api, id).await
}

/// An invitation whose secret was shown before, if it still works.
pub async fn still_open(api: &Api, id: InvitationId) -> Result<Invitation, Problem> {
    let found = api.store().invitation(id, api.clock().now()).await?;
    found
        .filter(|found| found.state == InvitationState::Open)
        .ok_or(Problem::new(Code::NoInvitation))
}

/// Uses an invitation up for the account that is about to be made: of two who come with the same link one gets it.
pub async fn accept(
    api: &Api,
    by: &By,
    invitation: &Invitation,
    user: UserId,
) -> Result<(), Problem> {
    let accepted = InvitationAccepted {
        invitation: invitation.id,
        user,
    };
    let event = written::event(api, by, accepted);
    let (id, expected) = (invitation.id.to_string(), invitation.ctl_seq);
    match written::append(api, Entity::Invitation, &id, expected, &event).await? {
        Appended::At(_) => Ok(()),
        // Somebody came with the same link, or it was taken back.
        Appended::Conflict => Err(Problem::new(Code::NoInvitation)),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_token_is_taken_apart_as_it_was_put_together() {
        let id = InvitationId(Uuid::from_u128(7));
        let (digest, text) = fresh(id).unwrap();
        let (parsed, secret) = parse(text.expose_secret()).unwrap();
        assert_eq!(parsed, id);
        assert!(digest.matches(&Digest::of(secret).bytes()));
        for bad in ["", "_", "x_y", "'; DROP TABLE invitations; --_a"] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }
}
