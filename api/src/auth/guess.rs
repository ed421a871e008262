//! One guess at a person's password or code, charged before it is judged and given back when it was right.
//!
//! A flood from many places slows strangers, not the person: a place from which they were signed in lately is not behind
//! the limit that counts all places together.

use std::net::IpAddr;

use chatops_projections::view;
use chatops_schemas::ids::UserId;
use uuid::Uuid;

use super::api_key::too_many;
use crate::{peer::Peer, problem::Problem, state::Api};

/// For so long a place is known after a session was opened or renewed there, in milliseconds.
const KNOWN_MS: i64 = 90 * 86_400_000;

/// A guess that was charged.
#[derive(Debug)]
pub struct Guess {
    address: IpAddr,
    account: String,
    stranger: bool,
}

impl Guess {
    /// Charges a guess at an account, or at a name that nobody has.
    pub async fn charge(
        api: &Api,
        peer: &Peer,
        user: Option<&view::User>,
        name: &str,
    ) -> Result<Self, Problem> {
        // A person has a name and an address: both are the same account.
        let account = user.map_or_else(|| name.to_owned(), |user| user.id.to_string());
        Self::charge_as(api, peer, user, account).await
    }

    /// Charges a guess at a person's second factor, apart from guesses at the password: those are forgotten with each
    /// right one.
    pub async fn charge_code(api: &Api, peer: &Peer, user: &view::User) -> Result<Self, Problem> {
        Self::charge_as(api, peer, Some(user), format!("code {}", user.id)).await
    }

    async fn charge_as(
        api: &Api,
        peer: &Peer,
        user: Option<&view::User>,
        account: String,
    ) -> Result<Self, Problem> {
        let now = api.clock().now();
        api.throttle()
            .attempt(peer.address, &account, now)
            .map_err(too_many)?;
        let address = peer.address.to_canonical().to_string();
        let since = now.plus_millis(-KNOWN_MS);
        // Asked for nobody, too, so that both cost the same.
        let id = user.map_or(UserId(Uuid::nil()), |user| user.id);
        let known = api.store().was_here(id, &address, since).await?;
        if !known {
            api.throttle().everywhere(&account, now).map_err(too_many)?;
        }
        Ok(Self {
            address: peer.address,
            account,
            stranger: !known,
        })
    }

    /// It was right: it does not count.
    pub fn was_right(self, api: &Api) {
        api.throttle().succeeded(self.address, &self.account);
        if self.stranger {
            api.throttle().succeeded_everywhere(&self.account);
        }
    }
}
