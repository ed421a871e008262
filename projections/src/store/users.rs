//! Reads about people.

use chatops_schemas::{event::ctl::Role, ids::UserId};
use uuid::Uuid;

use super::{Store, servers::like, timestamp, to_u64};
use crate::{
    error::{Doing, StoreError},
    page::Page,
    text::fold,
    view::{User, UserQuery},
};

macro_rules! user {
    ($row:ident) => {
        User {
            id: UserId($row.user_id),
            username: $row.username,
            email: $row.email,
            full_name: $row.full_name,
            role: Role::parse(&$row.role),
            active: $row.active,
            created_at: timestamp($row.created_at),
            ctl_seq: to_u64($row.ctl_seq),
        }
    };
}

impl Store {
    /// An account by id.
    pub async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        let row = sqlx::query!(
            "SELECT user_id, username, email, full_name, role, active, created_at, ctl_seq FROM users WHERE user_id = $1",
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
            SELECT user_id, username, email, full_name, role, active, created_at, ctl_seq FROM users
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

    /// Accounts that match, ordered by name.
    pub async fn users(&self, query: &UserQuery) -> Result<Page<User>, StoreError> {
        let q = query
            .q
            .as_deref()
            .filter(|q| !q.trim().is_empty())
            .map(like);
        let (after_id, after_name) = query
            .after
            .as_deref()
            .and_then(|cursor| cursor.split_once('.'))
            .and_then(|(id, name)| Some((Uuid::parse_str(id).ok()?, name)))
            .unwrap_or((Uuid::nil(), ""));
        let rows = sqlx::query!(
            "
            SELECT user_id, username, username_key, email, full_name, role, active, created_at, ctl_seq FROM users
            WHERE (username_key, user_id) > ($1, $2)
              AND ($3::text IS NULL OR username_key LIKE $3 OR email_key LIKE $3 OR lower(full_name) LIKE $3)
            ORDER BY username_key, user_id LIMIT $4
            ",
            after_name.replace('\0', ""),
            after_id,
            q,
            i64::from(query.limit) + 1,
        )
        .fetch_all(&self.pool)
        .await
        .doing("list users")?;
        let page = Page::cut(rows, query.limit, |row| {
            format!("{}.{}", row.user_id, row.username_key)
        });
        Ok(Page {
            items: page.items.into_iter().map(|row| user!(row)).collect(),
            next: page.next,
        })
    }

    /// Number of accounts with the highest role that are switched on, not counting this one.
    pub async fn other_owners(&self, but: UserId) -> Result<u64, StoreError> {
        let count = sqlx::query_scalar!(
            r#"SELECT count(*) AS "count!" FROM users WHERE role = 'owner' AND active AND user_id <> $1"#,
            but.0
        )
        .fetch_one(&self.pool)
        .await
        .doing("count owners")?;
        Ok(to_u64(count))
    }

    /// Only one caller anywhere on this database is between this and the drop of what it returns. Callers keep it for a
    /// single decision.
    pub async fn only_one_changes_owners(&self) -> Result<OwnersLock, StoreError> {
        let mut transaction = self.pool.begin().await.doing("begin a change of owners")?;
        sqlx::query!("SELECT pg_advisory_xact_lock($1)", OWNERS)
            .execute(&mut *transaction)
            .await
            .doing("wait for another change of owners")?;
        Ok(OwnersLock {
            _transaction: transaction,
        })
    }
}

/// Number of the lock: any that nothing else uses.
const OWNERS: i64 = 0x6f77_6e65_7273;

/// See [`Store::only_one_changes_owners`]. The lock falls with the transaction, also when the process dies.
#[derive(Debug)]
pub struct OwnersLock {
    _transaction: sqlx::Transaction<'static, sqlx::Postgres>,
}
