//! The command line: `enroll`, `run`, `check`, `sample`, `grant`, `grants`, `revoke`. Data goes to stdout, talk to stderr.
//!
//! Exit codes: 0 done, 1 it did not work, 2 it was asked for in a way that cannot work.

mod check;
mod enroll;
mod grant;
mod logs;
mod run;
mod sample;

use std::{io::IsTerminal as _, path::PathBuf, process::ExitCode, time::Duration};

use clap::{Args, Parser, Subcommand};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    filter::Targets, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::{
    config::{Capability, Hidden, Settings},
    grants,
};

const ABOUT: &str = "Reads this host's figures and sends them to a ChatOps server.";
const LONG_ABOUT: &str = "\
Reads this host's figures - processor, memory, disks, network, temperatures, processes, containers - every few
seconds and sends them to a ChatOps server. While the server cannot be reached, samples are kept on disk and sent
later with their original times.

It needs two things: the address of the server and an API key. Both are shown when you add a server in the web
application:

  chatops-agent run --url nats://monitor.example.org:4222 --api-key-file /etc/chatops/agent.key

Where only HTTPS gets out, give the address of the web application instead: --url https://monitor.example.org

Before that, see what it would send, and what it can and cannot read on this host:

  chatops-agent sample
  chatops-agent check

Unless its settings say otherwise it only reads. What the server may ask of this host beyond that - commands, terminals,
actions on containers - is decided on this host, for good in the settings or for a while:

  chatops-agent grant exec 30m
  chatops-agent grants";
const AFTER: &str = "\
Settings come from flags, then from the environment, then from a file (TOML, /etc/chatops/agent.toml). A file:

  url = \"nats://monitor.example.org:4222\"
  api_key_file = \"/etc/chatops/agent.key\"
  interval = 5
  capabilities = [\"metrics\", \"processes\", \"docker\"]

Lines of logs are sent of sources that this file names, once capabilities holds \"logs\":

  [[logs]]
  name = \"nginx\"
  files = [\"/var/log/nginx/*.log\"]

A key given with --api-key can be seen by every user of this host in the list of processes; prefer the file.";

#[derive(Debug, Parser)]
#[command(name = "chatops-agent", version, about = ABOUT, long_about = LONG_ABOUT, after_help = AFTER)]
#[command(subcommand_required = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    flags: Flags,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Trade a one-time code of the web application for a key of this host, and write the settings
    Enroll {
        /// The code
        #[arg(long, env = "CHATOPS_ENROLL_CODE", hide_env_values = true)]
        code: Hidden,
        /// This host belonged to another server before, and that is to end
        #[arg(long)]
        new_server: bool,
    },
    #[command(flatten)]
    Enrolled(Act),
}

/// What a host does once it has its settings.
#[derive(Debug, Subcommand)]
enum Act {
    /// Read this host and send, until stopped with Ctrl-C or SIGTERM
    Run,
    /// Explain what this agent can and cannot do on this host, and try the connection
    Check {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the log lines that would be sent, as they come, and send nothing
    Logs {
        /// As JSON, a batch per line
        #[arg(long)]
        json: bool,
    },
    /// Print one sample and send nothing
    Sample {
        /// As JSON, in the form in which it would be sent
        #[arg(long)]
        json: bool,
    },
    /// Allow something on this host for a while: grant exec 30m
    #[command(long_about = GRANT)]
    Grant {
        /// What: exec, terminal, docker_control, docker, logs or processes
        capability: Capability,
        /// For how long: 30m, 2h, 1d, at most 7d
        #[arg(value_name = "LENGTH", value_parser = grants::parse_duration)]
        length: Duration,
    },
    /// Show what this host allows, and until when
    Grants {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Take back what was granted
    Revoke {
        /// What
        capability: Capability,
    },
}

const GRANT: &str = "\
Allows something on this host for a while. The running agent takes it up at once and lets go of it by itself; nothing
has to be restarted. The server can ask for it, never take it: it is decided here, by whoever may write the agent's
data folder.

  chatops-agent grant exec 30m            run commands, signal processes, start and stop units
  chatops-agent grant terminal 2h         open terminals, on the host and in containers
  chatops-agent grant docker_control 1d   start, stop and remove containers

Look at what is allowed with `chatops-agent grants`, take it back with `chatops-agent revoke exec`. What runs already
goes on when its grant ends. To allow something for good, add it to `capabilities` in the settings file.";

impl Act {
    async fn act(self, settings: Settings, file: Option<PathBuf>) -> ExitCode {
        match self {
            Self::Run => Box::pin(run::run(settings)).await,
            Self::Check { json } => check::check(settings, file, json).await,
            Self::Logs { json } => logs::logs(settings, json).await,
            Self::Sample { json } => sample::sample(settings, json).await,
            Self::Grant { capability, length } => grant::grant(settings, capability, length),
            Self::Grants { json } => grant::list(settings, json),
            Self::Revoke { capability } => grant::revoke(settings, capability),
        }
    }
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Settings")]
struct Flags {
    /// Settings file [default: /etc/chatops/agent.toml, if it is there]
    #[arg(long, global = true, value_name = "FILE", env = "CHATOPS_AGENT_CONFIG")]
    config: Option<PathBuf>,
    /// Where to send: nats://host:4222, tls://host:4222, or the web address https://host
    #[arg(long, global = true, value_name = "ADDRESS", env = "CHATOPS_AGENT_URL")]
    url: Option<String>,
    /// The key, as it was shown when it was made
    #[arg(
        long,
        global = true,
        value_name = "KEY",
        env = "CHATOPS_API_KEY",
        hide_env_values = true
    )]
    api_key: Option<Hidden>,
    /// File that holds the key
    #[arg(long, global = true, value_name = "FILE", env = "CHATOPS_API_KEY_FILE")]
    api_key_file: Option<PathBuf>,
    /// Seconds between samples, 1 to 60 [default: what the server asks for, else 5]
    #[arg(
        long,
        global = true,
        value_name = "SECONDS",
        env = "CHATOPS_AGENT_INTERVAL"
    )]
    interval: Option<u64>,
    /// What is allowed here: metrics, processes, docker, logs, exec, terminal, docker_control, or all [default: metrics,
    /// processes, docker]
    #[arg(
        long,
        global = true,
        value_name = "LIST",
        value_delimiter = ',',
        env = "CHATOPS_AGENT_CAPABILITIES"
    )]
    capabilities: Option<Vec<String>>,
    /// Folder for what is not sent yet [default: /var/lib/chatops-agent, or below ~/.local/state]
    #[arg(long, global = true, value_name = "FOLDER", env = "CHATOPS_AGENT_DATA")]
    data: Option<PathBuf>,
    /// Certificate of a private authority, PEM
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "CHATOPS_AGENT_CA_FILE"
    )]
    ca_file: Option<PathBuf>,
    /// Fingerprint of that certificate, as the server shows it at its start: any other is refused
    #[arg(
        long,
        global = true,
        value_name = "SHA-256",
        env = "CHATOPS_AGENT_CA_SHA256"
    )]
    ca_sha256: Option<String>,
    /// Leave out interfaces whose names start so [default: veth]
    #[arg(
        long,
        global = true,
        value_name = "LIST",
        value_delimiter = ',',
        env = "CHATOPS_AGENT_SKIP_INTERFACES"
    )]
    skip_interfaces: Option<Vec<String>>,
    /// Socket of Docker or Podman [default: the usual places]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "CHATOPS_AGENT_DOCKER_SOCKET"
    )]
    docker_socket: Option<PathBuf>,
    /// MiB of samples kept while the server is away, 1 to 4096 [default: 64]
    #[arg(
        long,
        global = true,
        value_name = "MIB",
        env = "CHATOPS_AGENT_SPOOL_MIB"
    )]
    spool_mib: Option<u64>,
    /// What is logged: error, warn, info, debug, or target=level pairs [default: info]
    #[arg(long, global = true, value_name = "LEVEL", env = "CHATOPS_AGENT_LOG")]
    log: Option<String>,
}

impl Flags {
    fn settings(self) -> (Settings, Option<PathBuf>) {
        // The name that the first ChatOps agents knew.
        let url = self.url.or_else(|| {
            std::env::var("CHATOPS_API_URL")
                .ok()
                .filter(|url| !url.is_empty())
        });
        let settings = Settings {
            url,
            api_key: self.api_key,
            api_key_file: self.api_key_file,
            interval: self.interval,
            capabilities: self.capabilities,
            data: self.data,
            ca_file: self.ca_file,
            ca_sha256: self.ca_sha256,
            signing_key: None,
            skip_interfaces: self.skip_interfaces,
            docker_socket: self.docker_socket,
            spool_mib: self.spool_mib,
            log: self.log,
            logs: None,
        };
        (settings, self.config)
    }
}

/// Parses the command line and does what it says.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let (flags, file) = cli.flags.settings();
    crate::transport::prepare_tls();
    // One thread is enough, and each more costs memory.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return complain(&error, 1),
    };
    let code = match cli.verb {
        // It writes the file that the other verbs read.
        Verb::Enroll { code, new_server } => {
            let typed = enroll::Typed {
                url: flags.url,
                code,
                ca_sha256: flags.ca_sha256,
                file,
                new_server,
            };
            runtime.block_on(enroll::enroll(typed))
        }
        Verb::Enrolled(verb) => match flags.over_file(file.as_deref()) {
            Ok(settings) => runtime.block_on(verb.act(settings, file)),
            Err(error) => complain(&error, 2),
        },
    };
    // A name lookup or a hung mount must not keep the process.
    runtime.shutdown_background();
    code
}

fn complain(error: &dyn std::fmt::Display, code: u8) -> ExitCode {
    eprintln!("chatops-agent: {error}");
    ExitCode::from(code)
}

/// Starts logging to stderr. A bare level counts for this agent; libraries then speak up from `warn`.
fn start_log(filter: &str) -> Result<(), String> {
    let targets = match filter.parse::<LevelFilter>() {
        Ok(level) => Targets::new()
            .with_default(level.min(LevelFilter::WARN))
            .with_target("chatops_agent", level)
            // The agent tells of the connection itself, in words, and once.
            .with_target("chatops_bus::connect", LevelFilter::OFF)
            .with_target("async_nats", LevelFilter::OFF),
        Err(_) => filter.parse().map_err(|_| {
            format!("{filter:?} is not a log level: error, warn, info, debug, trace, or pairs such as async_nats=debug")
        })?,
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal());
    let registry = tracing_subscriber::registry().with(targets);
    // The journal adds the time itself.
    if std::env::var_os("JOURNAL_STREAM").is_some() {
        registry.with(lines.without_time()).init();
    } else {
        registry.with(lines).init();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_teaches() {
        let help = Cli::command().render_long_help().to_string();
        for part in [
            "--api-key-file",
            "CHATOPS_AGENT_URL",
            "chatops-agent sample",
            "chatops-agent grant exec 30m",
            "agent.toml",
        ] {
            assert!(help.contains(part), "{part} is missing");
        }
    }

    #[test]
    fn a_key_on_the_command_line_is_not_in_debug_texts() {
        let cli = Cli::parse_from(["chatops-agent", "run", "--api-key", "chatops_id_hunter2"]);
        assert!(!format!("{cli:?}").contains("hunter2"));
    }
}
