//! Who somebody in a chat is here.
//!
//! A signed-in person makes a code that holds once and for ten minutes, and says it in the chat; from then on they are one and
//! the same. The link is an identity of the account like one at an identity provider (an event, in the audit, listed and taken
//! away where those are), but nobody can sign in with it.

use std::net::IpAddr;

use chatops_projections::view::Ceremony;
use chatops_schemas::ids::{ChannelId, UserId};

use crate::{
    auth::{
        actor::{Actor, Credential},
        oidc::{Person, account},
        secret::{self, Digest},
    },
    code::Code,
    problem::Problem,
    state::Api,
    written::By,
};

/// What links are issued by, so that none can be taken for one of an identity provider, which are addresses.
pub const ISSUER: &str = "chat:";
const KIND: &str = "chat_link";
const CODE_MS: i64 = 600_000;

/// A code for this person, shown once.
pub async fn code(api: &Api, user: UserId) -> Result<String, Problem> {
    let code = secret::key_id()?.as_str().to_owned();
    let ceremony = Ceremony {
        kind: KIND,
        user: Some(user),
        state: Vec::new(),
        expires_at: api.clock().now().plus_millis(CODE_MS),
    };
    let ticket = Digest::of(&code).bytes();
    api.store().put_ceremony(ticket, &ceremony).await?;
    Ok(code)
}

fn issuer(channel: ChannelId) -> String {
    format!("{ISSUER}{channel}")
}

/// From now on `subject` in this chat is whoever made the code. Their sign-in name; `None`: the code is none, used or too old.
pub async fn link(
    api: &Api,
    channel: ChannelId,
    subject: &str,
    code: &str,
    address: IpAddr,
) -> Result<Option<String>, Problem> {
    let ticket = Digest::of(&code.to_lowercase()).bytes();
    let store = api.store();
    let now = api.clock().now();
    let Some(ceremony) = store.try_ceremony(ticket, KIND, 1, now).await? else {
        return Ok(None);
    };
    let (Some(user), true) = (ceremony.user, store.end_ceremony(ticket).await?) else {
        return Ok(None);
    };
    let Some(user) = store.user(user).await?.filter(|user| user.active) else {
        return Ok(None);
    };
    let by = By::user(user.id, address);
    let person = Person {
        issuer: issuer(channel),
        subject: subject.to_owned(),
        username: None,
        email: None,
        full_name: None,
        groups: Vec::new(),
    };
    account::link(api, &by, user.id, &person).await?;
    Ok(Some(user.username))
}

/// Whoever is linked, with the rights that they have now; `None`: nobody is.
pub async fn actor(
    api: &Api,
    channel: ChannelId,
    subject: &str,
    address: IpAddr,
) -> Result<Option<Actor>, Problem> {
    let issuer = issuer(channel);
    let Some(user) = api.store().user_by_identity(&issuer, subject).await? else {
        return Ok(None);
    };
    vouched(api, user, address).await
}

/// A person for whom something else than a session or a token of theirs vouches.
pub async fn vouched(api: &Api, user: UserId, address: IpAddr) -> Result<Option<Actor>, Problem> {
    let Some(user) = api.store().user(user).await? else {
        return Ok(None);
    };
    if !user.active {
        return Err(Problem::new(Code::Deactivated));
    }
    Ok(Some(Actor {
        user: user.id,
        role: user.role,
        credential: Credential::Vouched,
        scopes: None,
        expires_at: api.clock().now(),
        address,
    }))
}
