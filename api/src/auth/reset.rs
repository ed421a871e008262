//! A new password for somebody who lost theirs. Whoever has the machine and its data gives it (`chatops admin
//! reset-password`); there is no route to it.

use secrecy::SecretString;

use super::secret;
use crate::{problem::Problem, routes::auth::change_password::announce, state::Api};

/// Replaces the password of an account, by name or e-mail address, with a random one and ends all its sessions; `None`
/// when there is no such account.
pub(crate) async fn run(api: &Api, login: &str) -> Result<Option<SecretString>, Problem> {
    let Some(user) = api.store().user_by_login(login).await? else {
        return Ok(None);
    };
    let password = secret::token()?;
    let phc = api.passwords().hash(password.clone()).await?;
    let now = api.clock().now();
    api.store().set_password(user.id, &phc.into(), now).await?;
    api.store().end_sessions(user.id, None, None, now).await?;
    announce(api, "system", user.id).await?;
    Ok(Some(password))
}
