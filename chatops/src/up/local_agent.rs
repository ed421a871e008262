//! The agent that watches the machine `up` runs on.
//!
//! It is enrolled by itself at the first start: server and key are chosen and written down first, then appended, so a
//! start that was killed in between goes on with the same ones. The server belongs to nobody
//! (the nil user): whoever becomes owner sees it, as owners see everything. A person may rename or delete it like
//! any other; deleted, it stays deleted. It may do everything, as the person who started `up` may.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use chatops_schemas::{
    clock::{IdSource, System},
    ids::ServerId,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::{
    child::Plan,
    keeper::Keeper,
    place::{Place, write_private},
    process::Kind,
};
use crate::{
    compose::{self, Enrolment, LocalServer, Services},
    config::Config,
    output::Output,
};

/// The only variables it gets: where programs, containers and its user's files are.
const INHERITED: [&str; 5] = ["PATH", "HOME", "DOCKER_HOST", "XDG_RUNTIME_DIR", "LANG"];

/// Enrols and starts it. `None`, with a word to the person, when there is no program or the server was deleted.
pub(crate) async fn start(
    config: &Config,
    place: &Place,
    services: &Services,
    output: &Output,
) -> anyhow::Result<Option<Keeper>> {
    let program = config.agent_program()?;
    if !program.is_file() {
        output.warn(format_args!(
            "this machine is not watched: there is no {}; build it (`make run` does), name it with agent.program, or \
             start with --no-agent",
            program.display()
        ));
        return Ok(None);
    }
    let identity = Identity::load_or_choose(&place.agent().join("identity.toml"))?;
    let local = LocalServer {
        id: identity.server.clone(),
        name: host_name(),
        api_key: identity.api_key.clone().into(),
    };
    let enrolment = output
        .step("agent of this machine", services.enrol(&local))
        .await?;
    if enrolment == Enrolment::Deleted {
        output.note(format_args!(
            "this machine was removed from the fleet and is not watched; to add it anew, delete {} and start again",
            place.agent().display()
        ));
        return Ok(None);
    }
    let signing_key = services.signing_key().await?;
    let settings = agent_settings(config, place, &identity.api_key.into(), signing_key)?;
    write_private(&place.agent_config(), &settings)?;
    let plan = plan(program, place);
    let running = plan.start()?;
    Ok(Some(Keeper::keep(running, place.clone(), output.clone())))
}

/// Who this machine is in the fleet. The key is as secret as the file that holds it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Identity {
    server: ServerId,
    api_key: String,
}

impl Identity {
    fn load_or_choose(path: &Path) -> anyhow::Result<Self> {
        if let Ok(text) = fs::read_to_string(path) {
            return toml::from_str(&text).with_context(|| {
                format!(
                    "{} is damaged; delete it to enrol this machine anew",
                    path.display()
                )
            });
        }
        let chosen = Self {
            server: ServerId::from_uuid(System.next()),
            api_key: compose::new_api_key()?.expose_secret().to_owned(),
        };
        write_private(
            path,
            &toml::to_string(&chosen).context("write down this machine's key")?,
        )?;
        Ok(chosen)
    }
}

/// The agent's own settings file, written at every start.
#[derive(Serialize)]
struct AgentSettings<'a> {
    url: String,
    api_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ca_file: Option<PathBuf>,
    signing_key: String,
    capabilities: Vec<&'a str>,
    data: PathBuf,
    log: &'static str,
}

fn agent_settings(
    config: &Config,
    place: &Place,
    key: &SecretString,
    signing_key: String,
) -> anyhow::Result<String> {
    let url = match &config.nats.url {
        Some(url) => url.clone(),
        None => super::nats::url(config)?,
    };
    let settings = AgentSettings {
        // Several addresses are for our own client; any one of them leads to the bus.
        url: url.split(',').next().unwrap_or_default().trim().to_owned(),
        api_key: key.expose_secret(),
        ca_file: config
            .nats
            .ca_file
            .as_ref()
            .map(std::path::absolute)
            .transpose()
            .context("find the certificate file")?,
        signing_key,
        capabilities: config
            .agent
            .capabilities
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty())
            .collect(),
        data: place.agent().join("state"),
        log: "info",
    };
    toml::to_string(&settings).context("write the agent's settings")
}

fn plan(program: PathBuf, place: &Place) -> Plan {
    let inherited = INHERITED
        .iter()
        .filter_map(|name| Some((OsString::from(name), std::env::var_os(name)?)));
    Plan {
        kind: Kind::Agent,
        name: "agent",
        program,
        arguments: vec!["run".into(), "--config".into(), place.agent_config().into()],
        environment: inherited.collect(),
        identity: None,
        log: place.log("agent"),
    }
}

fn host_name() -> String {
    let name = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    let shown: String = name.chars().filter(|c| !c.is_control()).take(128).collect();
    if shown.trim().is_empty() {
        "this machine".to_owned()
    } else {
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_chosen_once() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("identity.toml");
        let first = Identity::load_or_choose(&path).unwrap();
        let second = Identity::load_or_choose(&path).unwrap();
        assert_eq!(
            (first.server, first.api_key),
            (second.server, second.api_key)
        );
        fs::write(&path, "nonsense").unwrap();
        assert!(Identity::load_or_choose(&path).is_err());
    }
}
