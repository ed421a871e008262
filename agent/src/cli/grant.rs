//! The verbs `grant`, `grants` and `revoke`: what somebody on this host allows for a while.

use std::{fs::DirBuilder, os::unix::fs::DirBuilderExt as _, process::ExitCode, time::Duration};

use chatops_schemas::clock::{Clock as _, System, Timestamp};
use serde::Serialize;

use super::complain;
use crate::{
    config::{Capability, Config, Settings},
    grants::{Grant, GrantFile},
};

fn file(settings: Settings) -> Result<(Config, GrantFile), ExitCode> {
    let config = settings.check().map_err(|error| complain(&error, 2))?;
    let file = GrantFile::in_folder(&config.data);
    Ok((config, file))
}

pub(super) fn grant(settings: Settings, capability: Capability, length: Duration) -> ExitCode {
    let (config, file) = match file(settings) {
        Ok(found) => found,
        Err(code) => return code,
    };
    // An agent that has never run has no folder yet.
    if let Err(error) = DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&config.data)
    {
        return complain(
            &format!("cannot create {}: {error}", config.data.display()),
            1,
        );
    }
    let now = System.now();
    let until = now.plus_millis(i64::try_from(length.as_millis()).unwrap_or(i64::MAX));
    if let Err(error) = file.grant(Grant { capability, until }, now) {
        return complain(&error, 1);
    }
    let word = capability.word();
    println!(
        "{word} is allowed until {}; take it back with: chatops-agent revoke {word}",
        until.rfc3339()
    );
    if config.capabilities.contains(&capability) {
        println!("the settings allow it for good as well");
    }
    if config.signing_key.is_none() {
        eprintln!(
            "chatops-agent: this host was given its key by hand and does not know who may ask it for something; enrol \
             it with chatops-agent enroll"
        );
    }
    ExitCode::SUCCESS
}

pub(super) fn revoke(settings: Settings, capability: Capability) -> ExitCode {
    let (config, file) = match file(settings) {
        Ok(found) => found,
        Err(code) => return code,
    };
    let word = capability.word();
    match file.revoke(capability, System.now()) {
        Ok(true) => println!("{word} is no longer granted"),
        Ok(false) => println!("{word} was not granted"),
        Err(error) => return complain(&error, 1),
    }
    if config.capabilities.contains(&capability) {
        println!(
            "the settings allow it for good; take it out of capabilities there and restart the agent"
        );
    }
    ExitCode::SUCCESS
}

/// One line of the list.
#[derive(Serialize)]
struct Line {
    capability: &'static str,
    allowed: bool,
    /// Absent when it is allowed for good, or not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
}

pub(super) fn list(settings: Settings, json: bool) -> ExitCode {
    let (config, file) = match file(settings) {
        Ok(found) => found,
        Err(code) => return code,
    };
    let grants = match file.read(System.now()) {
        Ok(grants) => grants,
        Err(error) => return complain(&error, 1),
    };
    let lines: Vec<Line> = Capability::ALL
        .into_iter()
        .map(|capability| {
            let for_good = config.capabilities.contains(&capability);
            let granted = grants.iter().find(|grant| grant.capability == capability);
            Line {
                capability: capability.word(),
                allowed: for_good || granted.is_some(),
                until: granted.filter(|_| !for_good).map(|grant| grant.until),
            }
        })
        .collect();
    if json {
        match serde_json::to_string_pretty(&lines) {
            Ok(text) => println!("{text}"),
            Err(error) => return complain(&error, 1),
        }
        return ExitCode::SUCCESS;
    }
    for line in lines {
        let says = match (line.allowed, line.until) {
            (true, Some(until)) => format!("until {}", until.rfc3339()),
            (true, None) => "by the settings".to_owned(),
            (false, _) => "no".to_owned(),
        };
        println!("{:<16}{says}", line.capability);
    }
    ExitCode::SUCCESS
}
