//! A person forgot the password: somebody with a shell on the server gives them a new one (`chatops admin`).

use chatops_schemas::event::ctl::UserPasswordChanged;
use secrecy::SecretString;

use super::secret;
use crate::{
    problem::Problem,
    state::Api,
    written::{self, By},
};

/// Replaces the password by a random one and ends all sessions; `None` when nobody has this name or address.
pub async fn password(api: &Api, login: &str) -> Result<Option<SecretString>, Problem> {
    let Some(user) = api.store().user_by_login(login).await? else {
        return Ok(None);
    };
    let fresh = secret::token()?;
    let phc = api.passwords().hash(fresh.clone()).await?;
    let now = api.clock().now();
    api.store().set_password(user.id, &phc.into(), now).await?;
    api.store().end_sessions(user.id, None, None, now).await?;
    changed(api, &By::system(), user.id).await?;
    Ok(Some(fresh))
}

/// Tells everybody that a password is another one now: it is in the vault already.
pub async fn changed(
    api: &Api,
    by: &By,
    user: chatops_schemas::ids::UserId,
) -> Result<(), Problem> {
    written::to_user(api, by, user, UserPasswordChanged { user }).await
}
