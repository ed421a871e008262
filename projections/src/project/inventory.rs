//! `OPS_CTL` → `users`, `name_claims`, `sign_in_ways`, `api_tokens`, `servers`, `api_keys`, `teams`, `team_members`,
//! `grants`, `invitations`, `system_settings`, `jobs`, `scripts`, `script_versions`, `schedules`, `terminal_policy`,
//! `alert_rules`, `alert_rule_versions`, `silences`, `channels`.
//!
//! An aggregate is one subject. Once an event of it is parked, what follows on that subject is parked behind it: applying
//! the second decision without the first could show something that nobody decided.

use std::collections::HashSet;

use chatops_bus::{Recorded, projector::Halt};
use chatops_schemas::{
    catalogue::Payload,
    clock::Timestamp,
    codec::{self, DecodeError},
    envelope::Envelope,
    event::terminal::TerminalRecordingDecided,
    subject::SYSTEM,
};
use sqlx::PgConnection;

use super::INVENTORY;
use crate::{
    error::StoreError,
    park::{Parking, Reason},
    projector::{Projection, Refusal},
    store::{
        alert_rules, channels,
        credential::{self, Proof},
        inventory::{self as write, Stored},
        jobs, people, schedules, scripts, silences, terminal,
    },
    view::JobState,
};

/// The read model.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    /// Subjects with a parked event.
    blocked: HashSet<String>,
}

/// A decoded event and the id its subject names.
#[derive(Debug)]
pub(crate) struct Decision {
    stored: Stored,
    id: String,
    event: Envelope<Payload>,
}

impl Projection for Inventory {
    type Work = Vec<Decision>;

    const ANNOUNCED: bool = true;

    async fn start(&mut self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let consumer = format!("{INVENTORY}-v1-p0");
        self.blocked = write::blocked_subjects(connection, &consumer)
            .await?
            .into_iter()
            .collect();
        Ok(())
    }

    async fn prepare(
        &mut self,
        _connection: &mut PgConnection,
        events: &[Recorded],
        parking: &mut Parking,
    ) -> Result<Self::Work, Refusal> {
        let mut work = Vec::with_capacity(events.len());
        for event in events {
            if self.blocked.contains(&event.subject) {
                parking.park(
                    event,
                    None,
                    Reason::Behind,
                    "an earlier event of this subject is parked",
                );
                continue;
            }
            match read(event) {
                Ok(decision) => work.push(decision),
                Err(Unreadable::Newer(reason)) => {
                    return Err(Refusal::Halt(Halt::NeedsUpgrade(reason)));
                }
                Err(Unreadable::Foreign(kind)) => {
                    tracing::debug!(
                        seq = event.seq,
                        kind,
                        "skipped a control event of a type this build does not know"
                    );
                    metrics::counter!("chatops_projections_skipped_total", "projector" => INVENTORY).increment(1);
                }
                Err(Unreadable::Parked(reason, error)) => {
                    self.blocked.insert(event.subject.clone());
                    parking.park(event, None, reason, error);
                }
            }
        }
        Ok(work)
    }

    async fn write(
        &mut self,
        tx: &mut PgConnection,
        work: &Self::Work,
        _now: Timestamp,
    ) -> Result<(), StoreError> {
        for Decision { stored, id, event } in work {
            let stored = *stored;
            match &event.data {
                Payload::UserRegistered(data) => write::user_registered(tx, stored, data).await?,
                Payload::UserProfileChanged(data) => {
                    write::user_profile_changed(tx, stored, data).await?
                }
                Payload::UserPasswordChanged(data) => {
                    write::user_password_changed(tx, stored, data.user).await?
                }
                Payload::NameClaimed(data) => {
                    write::name_claimed(tx, stored, id, Some(data.user)).await?
                }
                Payload::NameReleased(_) => write::name_claimed(tx, stored, id, None).await?,
                Payload::ServerRegistered(data) => {
                    // Checked when it was read.
                    let server_pk = i32::try_from(stored.seq).unwrap_or(i32::MAX);
                    write::server_registered(tx, stored, server_pk, data).await?;
                }
                Payload::ServerChanged(data) => write::server_changed(tx, stored, data).await?,
                Payload::ServerDeleted(data) => write::server_deleted(tx, stored, data).await?,
                Payload::KeyIssued(data) => {
                    write::key_issued(tx, stored, event.actor.as_deref(), data).await?
                }
                Payload::KeyRevoked(data) => write::key_revoked(tx, stored, data).await?,
                Payload::KeyRetired(data) => write::key_retired(tx, stored, data).await?,
                // Nothing to show: the offer is over in minutes, and its code is in the vault.
                Payload::EnrolmentOffered(_) => {}
                Payload::TokenIssued(data) => credential::token_issued(tx, stored, data).await?,
                Payload::TokenRevoked(data) => credential::token_revoked(tx, stored, data).await?,
                Payload::SecondFactorEnabled(data) => {
                    credential::added(tx, stored, data.user, Proof::Totp).await?
                }
                Payload::SecondFactorDisabled(data) => {
                    credential::removed(tx, stored, data.user, Proof::Totp).await?
                }
                Payload::RecoveryCodesMade(data) => {
                    credential::touched(tx, stored, data.user).await?
                }
                Payload::SessionsEnded(data) => credential::touched(tx, stored, data.user).await?,
                Payload::PasskeyAdded(data) => {
                    let proof = Proof::Passkey(&data.passkey, &data.name);
                    credential::added(tx, stored, data.user, proof).await?
                }
                Payload::PasskeyRemoved(data) => {
                    let proof = Proof::Passkey(&data.passkey, "");
                    credential::removed(tx, stored, data.user, proof).await?
                }
                Payload::IdentityLinked(data) => {
                    let proof = Proof::Identity(&data.issuer, &data.subject);
                    credential::added(tx, stored, data.user, proof).await?
                }
                Payload::IdentityUnlinked(data) => {
                    let proof = Proof::Identity(&data.issuer, &data.subject);
                    credential::removed(tx, stored, data.user, proof).await?
                }
                Payload::UserRoleChanged(data) => people::role_changed(tx, stored, data).await?,
                Payload::UserDeactivated(data) => {
                    people::switched(tx, stored, data.user, false).await?
                }
                Payload::UserReactivated(data) => {
                    people::switched(tx, stored, data.user, true).await?
                }
                Payload::TeamCreated(data) => {
                    people::team_named(tx, stored, data.team, &data.name).await?
                }
                Payload::TeamChanged(data) => {
                    people::team_named(tx, stored, data.team, &data.name).await?
                }
                Payload::TeamDeleted(data) => people::team_deleted(tx, stored, data.team).await?,
                Payload::TeamMemberAdded(data) => people::member_added(tx, stored, data).await?,
                Payload::TeamMemberRemoved(data) => {
                    people::member_removed(tx, stored, data).await?
                }
                Payload::GrantGiven(data) => {
                    people::grant_given(tx, stored, event.actor.as_deref(), data).await?
                }
                Payload::GrantRevoked(data) => people::grant_revoked(tx, stored, data).await?,
                Payload::InvitationMade(data) => {
                    people::invitation_made(tx, stored, event.actor.as_deref(), data).await?
                }
                Payload::InvitationRevoked(data) => {
                    people::invitation_revoked(tx, stored, data.invitation).await?
                }
                Payload::InvitationAccepted(data) => {
                    people::invitation_accepted(tx, stored, data).await?
                }
                Payload::SettingsChanged(data) => {
                    people::settings_changed(tx, stored, event.actor.as_deref(), data).await?
                }
                Payload::JobStarted(data) => {
                    jobs::started(tx, stored, event.actor.as_deref(), data).await?
                }
                Payload::JobApproved(data) => {
                    jobs::approved(tx, stored, event.actor.as_deref(), data.job).await?
                }
                Payload::JobPaused(data) => {
                    jobs::moved(tx, stored, data.job, JobState::Paused).await?
                }
                Payload::JobResumed(data) => {
                    jobs::moved(tx, stored, data.job, JobState::Running).await?
                }
                Payload::JobCancelRequested(data) => {
                    jobs::moved(tx, stored, data.job, JobState::Cancelling).await?
                }
                Payload::JobEnded(data) => {
                    jobs::ended(tx, stored, event.actor.as_deref(), data).await?
                }
                Payload::ScriptSaved(data) => {
                    scripts::saved(tx, stored, event.actor.as_deref(), data).await?
                }
                Payload::ScriptDeleted(data) => scripts::deleted(tx, stored, data.script).await?,
                Payload::ScheduleSaved(data) => {
                    schedules::saved(tx, stored, event.actor.as_deref(), data).await?
                }
                Payload::ScheduleEnabled(data) => {
                    schedules::switched(tx, stored, data.schedule, true, None).await?
                }
                Payload::ScheduleDisabled(data) => {
                    let reason = data.reason.as_deref();
                    schedules::switched(tx, stored, data.schedule, false, reason).await?
                }
                Payload::ScheduleDeleted(data) => {
                    schedules::deleted(tx, stored, data.schedule).await?
                }
                Payload::ScheduleFired(data) => schedules::fired(tx, stored, data).await?,
                Payload::TerminalRecordingDecided(data) => {
                    terminal::recording_decided(tx, stored, event.actor.as_deref(), data).await?
                }
                Payload::RuleSaved(data) => {
                    alert_rules::saved(tx, stored, event.actor.as_deref(), data).await?
                }
                Payload::RuleDeleted(data) => alert_rules::deleted(tx, stored, data.rule).await?,
                Payload::ChannelSaved(data) => {
                    channels::saved(tx, stored, event.actor.as_deref(), data).await?
                }
                Payload::ChannelDeleted(data) => {
                    channels::deleted(tx, stored, data.channel).await?
                }
                Payload::SilenceSaved(data) => {
                    silences::saved(tx, stored, event.actor.as_deref(), data).await?
                }
                Payload::SilenceEnded(data) => {
                    silences::ended(tx, stored, event.actor.as_deref(), data.silence).await?
                }
                // Of other streams: parked when it was read.
                _ => {}
            }
        }
        Ok(())
    }

    fn committed(&mut self, _work: Self::Work) {}
}

enum Unreadable {
    /// Written by a newer build.
    Newer(String),
    /// A type of a later build.
    Foreign(String),
    Parked(Reason, String),
}

impl From<DecodeError> for Unreadable {
    fn from(error: DecodeError) -> Self {
        match error {
            error if error.needs_upgrade() => Self::Newer(error.to_string()),
            DecodeError::UnknownType(kind) => Self::Foreign(kind),
            error => Self::Parked(Reason::of(&error), error.to_string()),
        }
    }
}

fn read(recorded: &Recorded) -> Result<Decision, Unreadable> {
    let event = codec::decode_any(&recorded.payload)?;
    let (entity, id) = recorded
        .subject
        .strip_prefix("ops.v1.ctl.")
        .and_then(|rest| rest.split_once('.'))
        .ok_or_else(|| {
            Unreadable::Parked(Reason::WrongSubject, "not a control subject".to_owned())
        })?;
    let (expected, about) = match &event.data {
        Payload::UserRegistered(data) => ("user", Some(data.user.to_string())),
        Payload::UserProfileChanged(data) => ("user", Some(data.user.to_string())),
        Payload::UserPasswordChanged(data) => ("user", Some(data.user.to_string())),
        Payload::NameClaimed(_) | Payload::NameReleased(_) => ("name", None),
        Payload::ServerRegistered(data) => ("server", Some(data.server.to_string())),
        Payload::ServerChanged(data) => ("server", Some(data.server.to_string())),
        Payload::ServerDeleted(data) => ("server", Some(data.server.to_string())),
        Payload::KeyIssued(data) => ("key", Some(data.key.to_string())),
        Payload::KeyRevoked(data) => ("key", Some(data.key.to_string())),
        Payload::KeyRetired(data) => ("key", Some(data.key.to_string())),
        Payload::EnrolmentOffered(data) => ("enrolment", Some(data.enrolment.to_string())),
        Payload::TokenIssued(data) => ("token", Some(data.token.to_string())),
        Payload::TokenRevoked(data) => ("token", Some(data.token.to_string())),
        Payload::SecondFactorEnabled(data) => ("user", Some(data.user.to_string())),
        Payload::SecondFactorDisabled(data) => ("user", Some(data.user.to_string())),
        Payload::RecoveryCodesMade(data) => ("user", Some(data.user.to_string())),
        Payload::SessionsEnded(data) => ("user", Some(data.user.to_string())),
        Payload::PasskeyAdded(data) => ("user", Some(data.user.to_string())),
        Payload::PasskeyRemoved(data) => ("user", Some(data.user.to_string())),
        Payload::IdentityLinked(data) => ("user", Some(data.user.to_string())),
        Payload::IdentityUnlinked(data) => ("user", Some(data.user.to_string())),
        Payload::UserRoleChanged(data) => ("user", Some(data.user.to_string())),
        Payload::UserDeactivated(data) => ("user", Some(data.user.to_string())),
        Payload::UserReactivated(data) => ("user", Some(data.user.to_string())),
        Payload::TeamCreated(data) => ("team", Some(data.team.to_string())),
        Payload::TeamChanged(data) => ("team", Some(data.team.to_string())),
        Payload::TeamDeleted(data) => ("team", Some(data.team.to_string())),
        Payload::TeamMemberAdded(data) => ("team", Some(data.team.to_string())),
        Payload::TeamMemberRemoved(data) => ("team", Some(data.team.to_string())),
        Payload::GrantGiven(data) => ("grant", Some(data.grant.to_string())),
        Payload::GrantRevoked(data) => ("grant", Some(data.grant.to_string())),
        Payload::InvitationMade(data) => ("invitation", Some(data.invitation.to_string())),
        Payload::InvitationRevoked(data) => ("invitation", Some(data.invitation.to_string())),
        Payload::InvitationAccepted(data) => ("invitation", Some(data.invitation.to_string())),
        Payload::SettingsChanged(_) => ("settings", Some(SYSTEM.to_owned())),
        Payload::JobStarted(data) => ("job", Some(data.job.to_string())),
        Payload::JobApproved(data) => ("job", Some(data.job.to_string())),
        Payload::JobPaused(data) => ("job", Some(data.job.to_string())),
        Payload::JobResumed(data) => ("job", Some(data.job.to_string())),
        Payload::JobCancelRequested(data) => ("job", Some(data.job.to_string())),
        Payload::JobEnded(data) => ("job", Some(data.job.to_string())),
        Payload::ScriptSaved(data) => ("script", Some(data.script.to_string())),
        Payload::ScriptDeleted(data) => ("script", Some(data.script.to_string())),
        Payload::ScheduleSaved(data) => ("schedule", Some(data.schedule.to_string())),
        Payload::ScheduleEnabled(data) => ("schedule", Some(data.schedule.to_string())),
        Payload::ScheduleDisabled(data) => ("schedule", Some(data.schedule.to_string())),
        Payload::ScheduleDeleted(data) => ("schedule", Some(data.schedule.to_string())),
        Payload::ScheduleFired(data) => ("schedule", Some(data.schedule.to_string())),
        Payload::RuleSaved(data) => ("rule", Some(data.rule.to_string())),
        Payload::RuleDeleted(data) => ("rule", Some(data.rule.to_string())),
        Payload::ChannelSaved(data) => ("channel", Some(data.channel.to_string())),
        Payload::ChannelDeleted(data) => ("channel", Some(data.channel.to_string())),
        Payload::SilenceSaved(data) => ("silence", Some(data.silence.to_string())),
        Payload::SilenceEnded(data) => ("silence", Some(data.silence.to_string())),
        Payload::TerminalRecordingDecided(data) => (
            "settings",
            Some(TerminalRecordingDecided::aggregate(data.server.as_ref())),
        ),
        // Of other streams.
        _ => {
            return Err(Unreadable::Parked(
                Reason::UnknownType,
                format!("{} is no control event", event.kind),
            ));
        }
    };
    if entity != expected || about.is_some_and(|about| about != id) {
        return Err(Unreadable::Parked(
            Reason::WrongSubject,
            format!("{} is about another aggregate", event.kind),
        ));
    }
    if matches!(event.data, Payload::ServerRegistered(_)) && i32::try_from(recorded.seq).is_err() {
        return Err(Unreadable::Parked(
            Reason::Refused,
            "too many control events to number another server".to_owned(),
        ));
    }
    Ok(Decision {
        stored: Stored {
            seq: recorded.seq,
            at: recorded.stored_at,
        },
        id: id.to_owned(),
        event,
    })
}
