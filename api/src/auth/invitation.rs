//! The secret of an invitation's link: `<id>_<secret>`. The vault keeps a digest; the events know the id alone.

use chatops_projections::view::{Invitation, InvitationState};
use chatops_schemas::ids::InvitationId;
use secrecy::{ExposeSecret, SecretString};

use super::secret::{self, Digest};
use crate::{code::Code, problem::Problem, state::Api};

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
    let found = api.store().invitation(id, api.clock().now()).await?;
    found
        .filter(|found| found.state == InvitationState::Open)
        .ok_or_else(refused)
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
