//! Reads about people.

use chatops_schemas::{event::ctl::Role, ids::UserId};

use super::{Store, timestamp, to_u64};
use crate::{
    error::{Doing, StoreError},
    text::fold,
    view::User,
};

macro_rules! user {
    ($row:ident) => {
        User {
            id: UserId($row.user_id),
            username: $row.username,
            email: $row.email,
            full_name: $row.full_name,
            role: Role::parse(&$row.role),
            created_at: timestamp($row.created_at),
            ctl_seq: to_u64($row.ctl_seq),
        }
    };
}

impl Store {
    /// An account by id.
    pub async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        let row = sqlx::query!(
            "SELECT user_id, username, email, full_name, role, created_at, ctl_seq FROM users WHERE user_id = $1",
            id.0
        )
        .fetch_optional(&self.pool)
        .await
        .doing("read a user")?;
        Ok(row.map(|row| user!(row)))
    }

    /// An account by sign-in name or e-mail address, as typed. A name wins over somebody else's e-mail address.
    pub async fn user_by_login(&self, login: &str) -> Result<Option<User>, StoreError> {
        if login.contains('\0') {
            // No text in the database holds one, and asking with one is an error.
            return Ok(None);
        }
        let key = fold(login);
        let row = sqlx::query!(
            "
            SELECT user_id, username, email, full_name, role, created_at, ctl_seq FROM users
            WHERE username_key = $1 OR email_key = $1 ORDER BY username_key <> $1, created_at LIMIT 1
            ",
            key
        )
        .fetch_optional(&self.pool)
        .await
        .doing("find a user by name")?;
        Ok(row.map(|row| user!(row)))
    }

    /// Number of accounts; 0 means that nobody has set the system up yet.
    pub async fn user_count(&self) -> Result<u64, StoreError> {
        let count = sqlx::query_scalar!(r#"SELECT count(*) AS "count!" FROM users"#)
            .fetch_one(&self.pool)
            .await
            .doing("count users")?;
        Ok(to_u64(count))
    }
}
