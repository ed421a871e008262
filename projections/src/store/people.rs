//! Writes of the projector `inventory-v1` about teams, grants, invitations and system settings. Reads are in
//! [`access`](super::access).

use chatops_schemas::{
    event::people::{self, Granted, Grantee},
    ids::{InvitationId, TeamId, UserId},
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{datetime, inventory::Stored, to_i64};
use crate::{
    error::{Doing, StoreError},
    text::{clean, fold, optional},
};

const NAME: usize = 128;
const EMAIL: usize = 254;
const TAG: usize = 128;

pub(crate) async fn role_changed(
    tx: &mut PgConnection,
    stored: Stored,
    event: &people::UserRoleChanged,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE users SET role = $2, updated_at = $3, ctl_seq = $4 WHERE user_id = $1",
        event.user.0,
        event.role.as_str(),
        datetime(stored.at),
        to_i64(stored.seq),
    )
    .execute(tx)
    .await
    .doing("write a changed role")?;
    Ok(())
}

pub(crate) async fn switched(
    tx: &mut PgConnection,
    stored: Stored,
    user: UserId,
    active: bool,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE users SET active = $2, updated_at = $3, ctl_seq = $4 WHERE user_id = $1",
        user.0,
        active,
        datetime(stored.at),
        to_i64(stored.seq),
    )
    .execute(tx)
    .await
    .doing("write that an account was switched")?;
    Ok(())
}

pub(crate) async fn team_named(
    tx: &mut PgConnection,
    stored: Stored,
    team: TeamId,
    name: &str,
) -> Result<(), StoreError> {
    let name = clean(name, NAME);
    sqlx::query!(
        "
        INSERT INTO teams AS t (team_id, name, name_key, created_at, updated_at, ctl_seq) VALUES ($1, $2, $3, $4, $4, $5)
        ON CONFLICT (team_id) DO UPDATE
        SET name = excluded.name, name_key = excluded.name_key, updated_at = excluded.updated_at, ctl_seq = excluded.ctl_seq
        WHERE t.deleted_at IS NULL
        ",
        team.0,
        &*name,
        fold(&name),
        datetime(stored.at),
        to_i64(stored.seq),
    )
    .execute(tx)
    .await
    .doing("write a team")?;
    Ok(())
}

/// Its members leave and its grants end: in the same transaction, so that nobody reads one without the other.
pub(crate) async fn team_deleted(
    tx: &mut PgConnection,
    stored: Stored,
    team: TeamId,
) -> Result<(), StoreError> {
    let at = datetime(stored.at);
    sqlx::query!(
        "UPDATE teams SET deleted_at = $2, updated_at = $2, ctl_seq = $3 WHERE team_id = $1 AND deleted_at IS NULL",
        team.0,
        at,
        to_i64(stored.seq),
    )
    .execute(&mut *tx)
    .await
    .doing("write a deleted team")?;
    sqlx::query!("DELETE FROM team_members WHERE team_id = $1", team.0)
        .execute(&mut *tx)
        .await
        .doing("empty a deleted team")?;
    sqlx::query!(
        "UPDATE grants SET revoked_at = $2 WHERE team_id = $1 AND revoked_at IS NULL",
        team.0,
        at
    )
    .execute(tx)
    .await
    .doing("end the grants of a deleted team")?;
    Ok(())
}

async fn team_touched(
    tx: &mut PgConnection,
    stored: Stored,
    team: TeamId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE teams SET updated_at = $2, ctl_seq = $3 WHERE team_id = $1",
        team.0,
        datetime(stored.at),
        to_i64(stored.seq),
    )
    .execute(tx)
    .await
    .doing("write that a team changed")?;
    Ok(())
}

async fn join(
    tx: &mut PgConnection,
    stored: Stored,
    user: UserId,
    teams: &[Uuid],
) -> Result<(), StoreError> {
    sqlx::query!(
        "
        INSERT INTO team_members (team_id, user_id, since)
        SELECT team_id, $1, $2 FROM teams WHERE team_id = ANY($3) AND deleted_at IS NULL
        ON CONFLICT DO NOTHING
        ",
        user.0,
        datetime(stored.at),
        teams,
    )
    .execute(tx)
    .await
    .doing("write a member of a team")?;
    Ok(())
}

pub(crate) async fn member_added(
    tx: &mut PgConnection,
    stored: Stored,
    event: &people::TeamMemberAdded,
) -> Result<(), StoreError> {
    join(tx, stored, event.user, &[event.team.0]).await?;
    team_touched(tx, stored, event.team).await
}

pub(crate) async fn member_removed(
    tx: &mut PgConnection,
    stored: Stored,
    event: &people::TeamMemberRemoved,
) -> Result<(), StoreError> {
    sqlx::query!(
        "DELETE FROM team_members WHERE team_id = $1 AND user_id = $2",
        event.team.0,
        event.user.0
    )
    .execute(&mut *tx)
    .await
    .doing("remove a member of a team")?;
    team_touched(tx, stored, event.team).await
}

pub(crate) async fn grant_given(
    tx: &mut PgConnection,
    stored: Stored,
    actor: Option<&str>,
    event: &people::GrantGiven,
) -> Result<(), StoreError> {
    let (user, team) = match &event.to {
        Grantee::User(user) => (Some(user.0), None),
        Grantee::Team(team) => (None, Some(team.0)),
    };
    let (server, tag) = match &event.on {
        Granted::Server(server) => (Some(server.as_str()), None),
        Granted::Tag(tag) => (None, Some(clean(tag, TAG))),
    };
    sqlx::query!(
        "
        INSERT INTO grants (grant_id, user_id, team_id, server_id, tag, level, given_by, given_at, ctl_seq)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (grant_id) DO UPDATE SET level = excluded.level, given_by = excluded.given_by,
            given_at = excluded.given_at, revoked_at = NULL, ctl_seq = excluded.ctl_seq
        ",
        event.grant.0,
        user,
        team,
        server,
        tag.as_deref(),
        event.level.rank(),
        optional(actor, NAME),
        datetime(stored.at),
        to_i64(stored.seq),
    )
    .execute(tx)
    .await
    .doing("write a grant")?;
    Ok(())
}

pub(crate) async fn grant_revoked(
    tx: &mut PgConnection,
    stored: Stored,
    event: &people::GrantRevoked,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE grants SET revoked_at = coalesce(revoked_at, $2), ctl_seq = $3 WHERE grant_id = $1",
        event.grant.0,
        datetime(stored.at),
        to_i64(stored.seq),
    )
    .execute(tx)
    .await
    .doing("write a revoked grant")?;
    Ok(())
}

pub(crate) async fn invitation_made(
    tx: &mut PgConnection,
    stored: Stored,
    actor: Option<&str>,
    event: &people::InvitationMade,
) -> Result<(), StoreError> {
    let teams: Vec<Uuid> = event.teams.iter().map(|team| team.0).collect();
    sqlx::query!(
        "
        INSERT INTO invitations (invitation_id, role, teams, email, made_by, made_at, expires_at, ctl_seq)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (invitation_id) DO NOTHING
        ",
        event.invitation.0,
        event.role.as_str(),
        &teams,
        optional(event.email.as_deref(), EMAIL),
        optional(actor, NAME),
        datetime(stored.at),
        datetime(event.expires_at),
        to_i64(stored.seq),
    )
    .execute(tx)
    .await
    .doing("write an invitation")?;
    Ok(())
}

pub(crate) async fn invitation_revoked(
    tx: &mut PgConnection,
    stored: Stored,
    invitation: InvitationId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE invitations SET revoked_at = $2, ctl_seq = $3 WHERE invitation_id = $1",
        invitation.0,
        datetime(stored.at),
        to_i64(stored.seq),
    )
    .execute(tx)
    .await
    .doing("write a revoked invitation")?;
    Ok(())
}

pub(crate) async fn invitation_accepted(
    tx: &mut PgConnection,
    stored: Stored,
    event: &people::InvitationAccepted,
) -> Result<(), StoreError> {
    let teams = sqlx::query_scalar!(
        "
        UPDATE invitations SET accepted_at = $2, accepted_by = $3, ctl_seq = $4 WHERE invitation_id = $1
        RETURNING teams
        ",
        event.invitation.0,
        datetime(stored.at),
        event.user.0,
        to_i64(stored.seq),
    )
    .fetch_optional(&mut *tx)
    .await
    .doing("write an accepted invitation")?;
    join(tx, stored, event.user, &teams.unwrap_or_default()).await
}

pub(crate) async fn settings_changed(
    tx: &mut PgConnection,
    stored: Stored,
    actor: Option<&str>,
    event: &people::SettingsChanged,
) -> Result<(), StoreError> {
    sqlx::query!(
        "
        INSERT INTO system_settings (registration, changed_by, changed_at, ctl_seq) VALUES ($1, $2, $3, $4)
        ON CONFLICT (one) DO UPDATE SET registration = excluded.registration, changed_by = excluded.changed_by,
            changed_at = excluded.changed_at, ctl_seq = excluded.ctl_seq
        ",
        event.registration.as_str(),
        optional(actor, NAME),
        datetime(stored.at),
        to_i64(stored.seq),
    )
    .execute(tx)
    .await
    .doing("write changed system settings")?;
    Ok(())
}
