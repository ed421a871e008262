//! Reads about who may do what: teams, grants, invitations, and the facts that decisions are made from.

use chatops_schemas::{
    access::Level,
    clock::Timestamp,
    event::{
        ctl::Role,
        people::{Granted, Grantee, Registration},
    },
    ids::{GrantId, InvitationId, ServerId, TeamId, UserId},
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Store, timestamp, to_i64, to_u64};
use crate::{
    error::{Doing, StoreError},
    page::Page,
    view::{
        AccessFacts, Grant, GrantQuery, Invitation, InvitationState, Person, SystemSettings, Team,
    },
};

fn grantee(user: Option<Uuid>, team: Option<Uuid>) -> Option<Grantee> {
    user.map(|user| Grantee::User(UserId(user)))
        .or(team.map(|team| Grantee::Team(TeamId(team))))
}

fn granted(server: Option<String>, tag: Option<String>) -> Option<Granted> {
    match server {
        Some(server) => ServerId::parse(server).ok().map(Granted::Server),
        None => tag.map(Granted::Tag),
    }
}

struct GrantRow {
    grant_id: Uuid,
    user_id: Option<Uuid>,
    team_id: Option<Uuid>,
    server_id: Option<String>,
    tag: Option<String>,
    level: i16,
    given_by: Option<String>,
    given_at: OffsetDateTime,
    ctl_seq: i64,
    username: Option<String>,
    team_name: Option<String>,
    server_name: Option<String>,
}

impl GrantRow {
    /// `None` when it cannot have come from an event.
    fn grant(self) -> Option<Grant> {
        let on_name = self.server_name.or_else(|| self.tag.clone());
        Some(Grant {
            id: GrantId(self.grant_id),
            to: grantee(self.user_id, self.team_id)?,
            to_name: self.username.or(self.team_name).unwrap_or_default(),
            on: granted(self.server_id, self.tag)?,
            on_name: on_name.unwrap_or_default(),
            level: Level::of_rank(self.level)?,
            given_by: self.given_by,
            given_at: timestamp(self.given_at),
            ctl_seq: to_u64(self.ctl_seq),
        })
    }
}

impl Store {
    /// The highest level at which a server is shared with a person.
    pub async fn granted_level(
        &self,
        user: UserId,
        server: &ServerId,
    ) -> Result<Option<Level>, StoreError> {
        let rank = sqlx::query_scalar!(
            "SELECT max(g.level) FROM granted_to($1, 1::smallint) g WHERE g.server_id = $2",
            user.0,
            server.as_str()
        )
        .fetch_one(&self.pool)
        .await
        .doing("read how a server is shared")?;
        Ok(rank.and_then(Level::of_rank))
    }

    /// Grants that hold now, newest first.
    pub async fn grants(&self, query: &GrantQuery) -> Result<Page<Grant>, StoreError> {
        let before = query
            .after
            .as_deref()
            .and_then(|cursor| cursor.parse::<u64>().ok())
            .unwrap_or(u64::MAX);
        let rows = sqlx::query_as!(
            GrantRow,
            r#"
            SELECT g.grant_id, g.user_id, g.team_id, g.server_id, g.tag, g.level, g.given_by, g.given_at, g.ctl_seq,
                   u.username AS "username?", t.name AS "team_name?", s.name AS "server_name?"
            FROM grants g
            LEFT JOIN users u ON u.user_id = g.user_id
            LEFT JOIN teams t ON t.team_id = g.team_id
            LEFT JOIN servers s ON s.server_id = g.server_id
            WHERE g.revoked_at IS NULL AND s.deleted_at IS NULL AND g.ctl_seq < $1
              AND ($2::text IS NULL OR g.server_id = $2
                   OR g.tag = ANY((SELECT x.tags FROM servers x WHERE x.server_id = $2)::text[]))
              AND ($3::text IS NULL OR g.tag = $3)
              AND ($4::uuid IS NULL OR g.user_id = $4
                   OR g.team_id IN (SELECT m.team_id FROM team_members m WHERE m.user_id = $4))
              AND ($5::uuid IS NULL OR g.team_id = $5)
              AND ($6::uuid IS NULL OR g.user_id = $6 OR s.owner = $6
                   OR g.team_id IN (SELECT m.team_id FROM team_members m WHERE m.user_id = $6))
            ORDER BY g.ctl_seq DESC LIMIT $7
            "#,
            to_i64(before),
            query.server.as_ref().map(ServerId::as_str),
            query.tag.as_deref().map(|tag| tag.replace('\0', "")),
            query.user.map(|user| user.0),
            query.team.map(|team| team.0),
            query.concerning.map(|user| user.0),
            i64::from(query.limit) + 1,
        )
        .fetch_all(&self.pool)
        .await
        .doing("list grants")?;
        let page = Page::cut(rows, query.limit, |row| row.ctl_seq.to_string());
        Ok(Page {
            items: page.items.into_iter().filter_map(GrantRow::grant).collect(),
            next: page.next,
        })
    }

    /// One grant that holds now.
    pub async fn grant(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        let row = sqlx::query_as!(
            GrantRow,
            r#"
            SELECT g.grant_id, g.user_id, g.team_id, g.server_id, g.tag, g.level, g.given_by, g.given_at, g.ctl_seq,
                   u.username AS "username?", t.name AS "team_name?", s.name AS "server_name?"
            FROM grants g
            LEFT JOIN users u ON u.user_id = g.user_id
            LEFT JOIN teams t ON t.team_id = g.team_id
            LEFT JOIN servers s ON s.server_id = g.server_id
            WHERE g.grant_id = $1 AND g.revoked_at IS NULL AND s.deleted_at IS NULL
            "#,
            id.0
        )
        .fetch_optional(&self.pool)
        .await
        .doing("read a grant")?;
        Ok(row.and_then(GrantRow::grant))
    }

    /// What the next event of a grant must expect, whether it holds or not; 0: it was never given.
    pub async fn grant_seq(&self, id: GrantId) -> Result<u64, StoreError> {
        let seq = sqlx::query_scalar!("SELECT ctl_seq FROM grants WHERE grant_id = $1", id.0)
            .fetch_optional(&self.pool)
            .await
            .doing("read a grant's position")?;
        Ok(seq.map_or(0, to_u64))
    }

    /// Teams with their members, by name; with `of`: those that this person is in.
    pub async fn teams(&self, of: Option<UserId>) -> Result<Vec<Team>, StoreError> {
        self.teams_where(of, None).await
    }

    /// One team.
    pub async fn team(&self, id: TeamId) -> Result<Option<Team>, StoreError> {
        Ok(self.teams_where(None, Some(id)).await?.pop())
    }

    async fn teams_where(
        &self,
        of: Option<UserId>,
        id: Option<TeamId>,
    ) -> Result<Vec<Team>, StoreError> {
        let rows = sqlx::query!(
            r#"
            SELECT t.team_id, t.name, t.created_at, t.ctl_seq, u.user_id AS "user_id?", u.username AS "username?",
                   u.full_name AS "full_name?", u.role AS "role?", u.active AS "active?"
            FROM teams t
            LEFT JOIN team_members m USING (team_id)
            LEFT JOIN users u ON u.user_id = m.user_id
            WHERE t.deleted_at IS NULL AND ($2::uuid IS NULL OR t.team_id = $2)
              AND ($1::uuid IS NULL OR t.team_id IN (SELECT x.team_id FROM team_members x WHERE x.user_id = $1))
            ORDER BY t.name_key, t.team_id, u.username_key
            "#,
            of.map(|user| user.0),
            id.map(|team| team.0),
        )
        .fetch_all(&self.pool)
        .await
        .doing("list teams")?;
        let mut teams: Vec<Team> = Vec::new();
        for row in rows {
            let id = TeamId(row.team_id);
            if teams.last().is_none_or(|last| last.id != id) {
                teams.push(Team {
                    id,
                    name: row.name,
                    created_at: timestamp(row.created_at),
                    members: Vec::new(),
                    ctl_seq: to_u64(row.ctl_seq),
                });
            }
            if let (Some(user), Some(team)) = (row.user_id, teams.last_mut()) {
                team.members.push(Person {
                    id: UserId(user),
                    username: row.username.unwrap_or_default(),
                    full_name: row.full_name,
                    role: Role::parse(row.role.as_deref().unwrap_or_default()),
                    active: row.active.unwrap_or_default(),
                });
            }
        }
        Ok(teams)
    }

    /// Everybody who can do anything with a server: those who see all, its owner, and those it is shared with, by name.
    pub async fn people_of_server(&self, server: &ServerId) -> Result<Vec<Person>, StoreError> {
        let rows = sqlx::query!(
            "
            SELECT u.user_id, u.username, u.full_name, u.role, u.active FROM users u
            WHERE u.role IN ('owner', 'admin')
               OR u.user_id = (SELECT s.owner FROM servers s WHERE s.server_id = $1)
               OR u.user_id IN (
                    SELECT coalesce(g.user_id, m.user_id) FROM grants g LEFT JOIN team_members m ON m.team_id = g.team_id
                    WHERE g.revoked_at IS NULL AND (g.server_id = $1
                      OR g.tag = ANY((SELECT s.tags FROM servers s WHERE s.server_id = $1)::text[])))
            ORDER BY u.username_key
            ",
            server.as_str()
        )
        .fetch_all(&self.pool)
        .await
        .doing("list who can use a server")?;
        Ok(rows
            .into_iter()
            .map(|row| Person {
                id: UserId(row.user_id),
                username: row.username,
                full_name: row.full_name,
                role: Role::parse(&row.role),
                active: row.active,
            })
            .collect())
    }

    /// Invitations, newest first.
    pub async fn invitations(&self, now: Timestamp) -> Result<Vec<Invitation>, StoreError> {
        self.invitations_where(None, now).await
    }

    /// One invitation.
    pub async fn invitation(
        &self,
        id: InvitationId,
        now: Timestamp,
    ) -> Result<Option<Invitation>, StoreError> {
        Ok(self.invitations_where(Some(id), now).await?.pop())
    }

    async fn invitations_where(
        &self,
        id: Option<InvitationId>,
        now: Timestamp,
    ) -> Result<Vec<Invitation>, StoreError> {
        let rows = sqlx::query!(
            r#"
            SELECT i.invitation_id, i.role, i.email, i.made_by, i.made_at, i.expires_at, i.revoked_at, i.accepted_at,
                   i.accepted_by, i.ctl_seq,
                   array(SELECT t.team_id FROM teams t WHERE t.team_id = ANY(i.teams) AND t.deleted_at IS NULL
                         ORDER BY t.name_key, t.team_id) AS "team_ids!",
                   array(SELECT t.name FROM teams t WHERE t.team_id = ANY(i.teams) AND t.deleted_at IS NULL
                         ORDER BY t.name_key, t.team_id) AS "team_names!"
            FROM invitations i WHERE $1::uuid IS NULL OR i.invitation_id = $1
            ORDER BY i.made_at DESC, i.invitation_id LIMIT 1000
            "#,
            id.map(|id| id.0)
        )
        .fetch_all(&self.pool)
        .await
        .doing("list invitations")?;
        let invitations = rows.into_iter().map(|row| {
            let state = if row.accepted_at.is_some() {
                InvitationState::Accepted
            } else if row.revoked_at.is_some() {
                InvitationState::Revoked
            } else if timestamp(row.expires_at) <= now {
                InvitationState::Expired
            } else {
                InvitationState::Open
            };
            Invitation {
                id: InvitationId(row.invitation_id),
                role: Role::parse(&row.role),
                teams: row
                    .team_ids
                    .into_iter()
                    .map(TeamId)
                    .zip(row.team_names)
                    .collect(),
                email: row.email,
                made_by: row.made_by,
                made_at: timestamp(row.made_at),
                expires_at: timestamp(row.expires_at),
                state,
                accepted_by: row.accepted_by.map(UserId),
                ctl_seq: to_u64(row.ctl_seq),
            }
        });
        Ok(invitations.collect())
    }

    /// Whether this account was made with an invitation.
    pub async fn was_invited(&self, user: UserId) -> Result<bool, StoreError> {
        sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM invitations WHERE accepted_by = $1) AS "invited!""#,
            user.0
        )
        .fetch_one(&self.pool)
        .await
        .doing("look whether an account was invited")
    }

    /// Stores the SHA-256 of an invitation's secret. Before the event, so that no link is ever shown that cannot work.
    pub async fn put_invitation_digest(
        &self,
        id: InvitationId,
        secret_sha256: [u8; 32],
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "INSERT INTO vault_invitation (invitation_id, secret_sha256) VALUES ($1, $2)",
            id.0,
            &secret_sha256[..]
        )
        .execute(&self.pool)
        .await
        .doing("store an invitation's digest")?;
        Ok(())
    }

    /// The SHA-256 of an invitation's secret.
    pub async fn invitation_digest(&self, id: InvitationId) -> Result<Option<Vec<u8>>, StoreError> {
        sqlx::query_scalar!(
            "SELECT secret_sha256 FROM vault_invitation WHERE invitation_id = $1",
            id.0
        )
        .fetch_optional(&self.pool)
        .await
        .doing("read an invitation's digest")
    }

    /// Erases the digest of an invitation that was used, taken back or never made.
    pub async fn forget_invitation_digest(&self, id: InvitationId) -> Result<(), StoreError> {
        sqlx::query!(
            "DELETE FROM vault_invitation WHERE invitation_id = $1",
            id.0
        )
        .execute(&self.pool)
        .await
        .doing("erase an invitation's digest")?;
        Ok(())
    }

    /// Settings of the whole system; `None`: never changed.
    pub async fn system_settings(&self) -> Result<Option<SystemSettings>, StoreError> {
        let row = sqlx::query!("SELECT registration, ctl_seq FROM system_settings")
            .fetch_optional(&self.pool)
            .await
            .doing("read the system settings")?;
        Ok(row.map(|row| SystemSettings {
            registration: Registration::parse(&row.registration),
            ctl_seq: to_u64(row.ctl_seq),
        }))
    }

    /// All that decisions about servers are made from, in one moment.
    pub async fn access_facts(&self) -> Result<AccessFacts, StoreError> {
        let mut tx = self
            .pool
            .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .await
            .doing("begin to read who may do what")?;
        let servers = sqlx::query!(
            r#"SELECT server_id, owner, tags, deleted_at IS NOT NULL AS "removed!" FROM servers"#
        )
        .fetch_all(&mut *tx)
        .await
        .doing("list the owners of servers")?;
        let users = sqlx::query!("SELECT user_id, role, active FROM users")
            .fetch_all(&mut *tx)
            .await
            .doing("list roles")?;
        let members = sqlx::query!("SELECT team_id, user_id FROM team_members")
            .fetch_all(&mut *tx)
            .await
            .doing("list members of teams")?;
        let grants = sqlx::query!(
            "SELECT grant_id, user_id, team_id, server_id, tag, level FROM grants WHERE revoked_at IS NULL"
        )
        .fetch_all(&mut *tx)
        .await
        .doing("list what is shared")?;
        let invitations = sqlx::query!(
            "SELECT invitation_id, teams FROM invitations WHERE accepted_at IS NULL AND revoked_at IS NULL AND teams <> '{}'"
        )
        .fetch_all(&mut *tx)
        .await
        .doing("list open invitations")?;
        tx.commit().await.doing("end reading who may do what")?;
        Ok(AccessFacts {
            servers: servers
                .into_iter()
                .filter_map(|row| {
                    let id = ServerId::parse(row.server_id).ok()?;
                    Some((id, UserId(row.owner), row.tags, row.removed))
                })
                .collect(),
            users: users
                .into_iter()
                .map(|row| (UserId(row.user_id), Role::parse(&row.role), row.active))
                .collect(),
            members: members
                .into_iter()
                .map(|row| (TeamId(row.team_id), UserId(row.user_id)))
                .collect(),
            grants: grants
                .into_iter()
                .filter_map(|row| {
                    let to = grantee(row.user_id, row.team_id)?;
                    let on = granted(row.server_id, row.tag)?;
                    Some((GrantId(row.grant_id), to, on, Level::of_rank(row.level)?))
                })
                .collect(),
            invitations: invitations
                .into_iter()
                .map(|row| {
                    let teams = row.teams.into_iter().map(TeamId).collect();
                    (InvitationId(row.invitation_id), teams)
                })
                .collect(),
        })
    }
}
