//! `chatops admin`: what only a person with access to this machine and its data may do.

use std::io::Write;

use chatops_projections::SettingError;
use secrecy::ExposeSecret;

use super::AdminVerb;
use crate::{
    compose,
    config::Config,
    output::{self, Output},
    trouble::{Code, Trouble},
    up::{Credentials, setup_address},
};

pub(super) async fn run(config: &Config, verb: AdminVerb, output: &Output) -> anyhow::Result<()> {
    let config = super::located(config)?;
    match verb {
        AdminVerb::SetupToken { plain } => setup_token(&config, plain, output).await,
        AdminVerb::ResetPassword { username } => reset_password(&config, &username, output).await,
        AdminVerb::EndSessions { username } => end_sessions(&config, &username, output).await,
        AdminVerb::RemoveSecondFactor { username } => {
            remove_second_factor(&config, &username, output).await
        }
        AdminVerb::Retention {
            raw,
            minutes,
            hours,
            alerts,
        } => retention(&config, [raw, minutes, hours, alerts], output).await,
        AdminVerb::Credentials => credentials(output),
    }
}

async fn setup_token(config: &Config, plain: bool, output: &Output) -> anyhow::Result<()> {
    let connections = compose::connect(config).await?;
    let Some(token) = compose::setup_token(config, &connections).await? else {
        return Err(Trouble::new(
            Code::Failed,
            "the owner's account exists already, so there is nothing to set up",
            "sign in; a lost password is replaced with `chatops admin reset-password NAME`",
        )
        .into());
    };
    let token = token.expose_secret();
    if plain {
        return print(token);
    }
    output.note("creates the owner's account, once; earlier tokens no longer work");
    print(&setup_address(&config.address(), token))
}

async fn reset_password(config: &Config, username: &str, output: &Output) -> anyhow::Result<()> {
    let connections = compose::connect(config).await?;
    match compose::reset_password(config, &connections, username).await? {
        Some(password) => {
            output.note(format_args!(
                "{username} is signed out everywhere; the new password, shown once:"
            ));
            print(password.expose_secret())
        }
        None => Err(nobody(username).into()),
    }
}

async fn end_sessions(config: &Config, username: &str, output: &Output) -> anyhow::Result<()> {
    let connections = compose::connect(config).await?;
    let ended = compose::end_sessions(config, &connections, username).await?;
    let ended = ended.ok_or_else(|| nobody(username))?;
    output.note(format_args!(
        "{username} is signed out everywhere; sessions ended:"
    ));
    print(&ended.to_string())
}

async fn remove_second_factor(
    config: &Config,
    username: &str,
    output: &Output,
) -> anyhow::Result<()> {
    let connections = compose::connect(config).await?;
    match compose::remove_second_factor(config, &connections, username).await? {
        Some(true) => output.note(format_args!("{username} signs in with the password alone")),
        Some(false) => output.note(format_args!("{username} had no second factor")),
        None => return Err(nobody(username).into()),
    }
    Ok(())
}

fn nobody(username: &str) -> Trouble {
    Trouble::new(
        Code::Failed,
        format!("there is no account {username:?}"),
        "check the spelling of the sign-in name or e-mail address",
    )
}

/// Shows the days, after changing those that are given.
async fn retention(
    config: &Config,
    asked: [Option<u32>; 4],
    output: &Output,
) -> anyhow::Result<()> {
    let store = compose::store(config).await?;
    let mut days = store.retention().await?;
    if asked.iter().any(Option::is_some) {
        let [raw, minutes, hours, alerts] = asked;
        days.raw_days = raw.unwrap_or(days.raw_days);
        days.minute_days = minutes.unwrap_or(days.minute_days);
        days.hour_days = hours.unwrap_or(days.hour_days);
        days.alert_days = alerts.unwrap_or(days.alert_days);
        store
            .set_retention(&days)
            .await
            .map_err(|error| match error {
                SettingError::Retention(why) => Trouble::new(
                    Code::Settings,
                    why.to_string(),
                    "choose other numbers of days",
                )
                .into(),
                SettingError::Store(error) => anyhow::Error::new(error),
            })?;
        output.note("rows older than this are removed within the hour");
    }
    let rows = [
        ("samples", days.raw_days),
        ("minutes", days.minute_days),
        ("hours", days.hour_days),
        ("connections", days.connection_days),
        ("parked events", days.parked_days),
        ("terminal recordings", days.recording_days),
        ("alerts that are over", days.alert_days),
    ];
    let rows = rows.map(|(what, days)| vec![what.to_owned(), days.to_string()]);
    print(&output::table(&["kept", "days"], rows))
}

/// Settings for this program and variables for nats-server, as one text with both parts.
pub(super) fn credentials(output: &Output) -> anyhow::Result<()> {
    let made = Credentials::generate()?;
    output.note(
        "for the settings file of every `chatops serve` (0600), and the environment of nats-server",
    );
    print(&made.toml())?;
    let variables = made.nats_environment()?;
    let lines: Vec<_> = variables
        .into_iter()
        .map(|(name, value)| format!("# {name}='{value}'"))
        .collect();
    print("# Environment of nats-server, for nats/accounts.conf:")?;
    print(&lines.join("\n"))
}

fn print(text: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{text}")?;
    Ok(())
}
