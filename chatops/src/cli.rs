//! The command line. Each verb has a file of its own below; this one says what exists and explains it.

mod admin;
mod alerts;
mod audit;
mod config;
mod doctor;
mod migrate;
mod replay;
mod rules;
mod serve;
mod topology;

use std::{io::Write, path::PathBuf};

use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::{
    compose::Role,
    config::{Config, Overrides, Settings},
    output::Output,
    telemetry,
    up::guard,
};

const EXAMPLES: &str = "\
Examples:
  chatops up                                  everything on this machine: http://127.0.0.1:8080
  chatops up --listen 0.0.0.0:8080 --data /srv/chatops
  chatops admin setup-token                   a new token for the first account
  chatops doctor                              is everything well, and what is behind?
  chatops replay --stream OPS_FACT --follow   watch agents come and go
  chatops rules try 'cpu > 90 for 5m'         when would this rule have alerted?
  chatops alerts list                         what is wrong now?
  CHATOPS_NATS_URL=nats://n1:4222 CHATOPS_DATABASE_URL=postgres://… chatops serve --role api

Settings come from defaults, --config FILE, environment variables and flags; later ones win.
`chatops config show` lists them all.

Exit codes:
  0 done · 1 failed · 2 wrong setting or flag · 10 the bundled servers are missing
  11 they are for another kind of machine · 12 a port is taken · 13 disk full or not writable
  14 already running on these data · 15 data of another version · 16 a server is too old
  17 a server does not answer · 18 doctor found something
  19 the audit chain was tampered with · 130 a second Ctrl-C";

/// Watch a fleet of servers live: metrics, history, and everything that happened, as events.
#[derive(Debug, Parser)]
#[command(name = "chatops", version, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Args)]
struct Global {
    /// Settings in a file; deploy/chatops.example.toml documents them
    #[arg(long, global = true, value_name = "FILE", env = "CHATOPS_CONFIG")]
    config: Option<PathBuf>,
    /// Any setting, as path=value; may be repeated
    #[arg(long, global = true, value_name = "PATH=VALUE", value_parser = assignment)]
    set: Vec<(String, String)>,
    /// Where `up` keeps its data [default: .run/data]
    #[arg(long, global = true, value_name = "DIRECTORY")]
    data: Option<String>,
    /// What to log: error, warn, info, debug, trace, or targets such as info,chatops_bus=debug
    #[arg(long, global = true, value_name = "LEVEL")]
    log: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run everything on this machine: servers, all roles, and an agent watching it
    Up(Local),
    /// Run roles against servers of your own
    Serve(Serve),
    /// Bring the database to the current schema
    Migrate,
    /// Create or update the streams; nothing that would lose events is done
    Topology {
        /// Only print what differs
        #[arg(long)]
        dry_run: bool,
    },
    /// Check the runtime, the servers, the streams, what is behind and what was parked
    Doctor {
        /// Machine-readable
        #[arg(long)]
        json: bool,
    },
    /// Look at the settings
    #[command(subcommand)]
    Config(ConfigVerb),
    /// What only a person with access to this machine may do
    #[command(subcommand)]
    Admin(AdminVerb),
    /// Print the events of a stream, decoded
    Replay(Replay),
    /// Alert rules
    #[command(subcommand)]
    Rules(RulesVerb),
    /// What is wrong now, and what people do about it
    #[command(subcommand)]
    Alerts(AlertsVerb),
    /// Prove that nobody changed the audit trail, or take it out
    #[command(subcommand)]
    Audit(AuditVerb),
    /// Print a script that completes commands in your shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    #[command(hide = true, name = guard::VERB)]
    Guard { place: PathBuf },
}

#[derive(Debug, Args)]
struct Local {
    /// Where the web app and API listen [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// The unpacked servers [default: .run/runtime]
    #[arg(long, value_name = "DIRECTORY")]
    runtime: Option<String>,
    /// Do not watch this machine itself
    #[arg(long)]
    no_agent: bool,
    /// Which roles run here, comma separated; the others run elsewhere, with `serve`, on the servers of this machine
    #[arg(long, value_delimiter = ',', value_enum, default_values_t = Role::ALL, hide_default_value = true)]
    role: Vec<Role>,
}

#[derive(Debug, Args)]
struct Serve {
    /// Which roles, comma separated
    #[arg(long, value_delimiter = ',', value_enum, default_values_t = Role::ALL)]
    role: Vec<Role>,
    /// Where the web app and API listen [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
}

#[derive(Debug, Subcommand)]
enum ConfigVerb {
    /// Every setting, its value and where it came from; secrets are hidden
    Show,
    /// The settings file with all defaults and explanations
    Example,
}

#[derive(Debug, Subcommand)]
enum AdminVerb {
    /// A new one-time token with which the first account is created; earlier ones stop working
    SetupToken {
        /// Print only the token
        #[arg(long)]
        plain: bool,
    },
    /// Give a user a new random password and end his sessions
    ResetPassword {
        /// Sign-in name
        username: String,
    },
    /// Sign a user out everywhere, at once
    EndSessions {
        /// Sign-in name
        username: String,
    },
    /// Turn off the second factor of a user who lost the authenticator and the recovery codes
    RemoveSecondFactor {
        /// Sign-in name
        username: String,
    },
    /// Show for how many days numbers are kept, or change it
    Retention {
        /// Samples; at least 3
        #[arg(long, value_name = "DAYS")]
        raw: Option<u32>,
        /// One-minute roll-ups
        #[arg(long, value_name = "DAYS")]
        minutes: Option<u32>,
        /// One-hour roll-ups
        #[arg(long, value_name = "DAYS")]
        hours: Option<u32>,
        /// Alerts that are over; open ones are kept
        #[arg(long, value_name = "DAYS")]
        alerts: Option<u32>,
    },
    /// Make passwords and keys for servers of your own: settings for this program, variables for nats-server
    Credentials,
}

#[derive(Debug, Subcommand)]
enum AuditVerb {
    /// Check every entry, every signed head, and the events that are still kept
    #[command(after_help = "\
Examples:
  chatops audit verify --heads /mnt/elsewhere/heads.ndjson
  chatops audit verify --export audit.ndjson --heads heads.ndjson    needs no server at all

Without heads that were kept outside, nothing is proven against somebody who rules the streams and has the
signing key. Exit code 19: something was altered, removed, reordered or forked.")]
    Verify {
        /// Check this file of `chatops audit export` instead of the streams
        #[arg(long, value_name = "FILE")]
        export: Option<PathBuf>,
        /// Signed heads that were kept outside, one per line; may be repeated
        #[arg(long, value_name = "FILE")]
        heads: Vec<PathBuf>,
        /// Only heads of this key count: its id as you wrote it down
        #[arg(long, value_name = "KEY ID")]
        key: Option<String>,
    },
    /// After a restore from a backup: put on record that entries were lost by it, and go on
    #[command(after_help = "\
Examples:
  chatops audit accept-restore                     says what would be accepted, and changes nothing
  chatops audit accept-restore --yes --by Ada --reason 'disk failure, restored the backup of Sunday'

A restored chain ends before its signed heads, which is what tampering looks like, so the audit stands still until a
person decides. The heads of the lost history are kept, and every later check tells of the restore.")]
    AcceptRestore {
        /// Who accepts; written down as given
        #[arg(long, value_name = "NAME", required_if_eq("yes", "true"))]
        by: Option<String>,
        /// Why; written down as given
        #[arg(long, value_name = "TEXT", required_if_eq("yes", "true"))]
        reason: Option<String>,
        /// Signed heads that were kept outside, besides audit.heads_file; may be repeated
        #[arg(long, value_name = "FILE")]
        heads: Vec<PathBuf>,
        /// Accept it
        #[arg(long)]
        yes: bool,
    },
    /// Write the trail to standard output; only a whole one in ndjson can be verified later
    Export {
        /// How to write
        #[arg(long, value_enum, default_value_t = ExportFormat::Ndjson)]
        format: ExportFormat,
        /// First entry: a number, a moment, or a time ago (-7d)
        #[arg(
            long,
            default_value = "1",
            value_name = "POSITION",
            allow_hyphen_values = true
        )]
        from: String,
        /// Last entry
        #[arg(long, value_name = "POSITION", allow_hyphen_values = true)]
        to: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
enum RulesVerb {
    /// Tell when a rule would have alerted, from what was measured
    Try(TryRule),
}

#[derive(Debug, Subcommand)]
enum AlertsVerb {
    /// List open alerts, newest first
    #[command(after_help = "\
Examples:
  chatops alerts list
  chatops alerts list --all --server web-01 --json | jq -r .name")]
    List {
        /// Those that are over, too
        #[arg(long)]
        all: bool,
        /// Only of this server, by name or id
        #[arg(long, value_name = "SERVER")]
        server: Option<String>,
        /// One JSON object per line
        #[arg(long)]
        json: bool,
    },
    /// Show an alert and its whole life: who was told, and who did what
    Show {
        /// The end of its id, at least four characters
        alert: String,
        /// Machine-readable
        #[arg(long)]
        json: bool,
    },
    /// Say that somebody takes care of it: nobody is told of it again
    #[command(after_help = "\
Examples:
  chatops alerts ack 3f9a2c --as ada --note 'looking at the disk'
  chatops alerts ack web-01 --as ada              all of a server that nobody takes care of")]
    Ack(Handle),
    /// End it by hand: it does not come back before its condition was false once
    #[command(after_help = "\
Examples:
  chatops alerts resolve 3f9a2c --as ada --note 'the container is gone'")]
    Resolve(Handle),
    /// Tell nobody for a while; alerts are raised and kept all the same
    #[command(after_help = "\
Examples:
  chatops alerts silence web-01 2h --as ada --reason 'new disks'
  chatops alerts silence 'Disk almost full' 1d --as ada")]
    Silence {
        /// A server by name or id, or a rule by name
        what: String,
        /// For how long: 30m, 2h, 1d; at most a week
        time: String,
        /// As whom: a sign-in name; it is done with their rights
        #[arg(long = "as", value_name = "NAME")]
        by: String,
        /// Why
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
}

#[derive(Debug, Args)]
struct Handle {
    /// The end of an alert's id, at least four characters, or a server: all that is open there
    what: String,
    /// As whom: a sign-in name; it is done with their rights
    #[arg(long = "as", value_name = "NAME")]
    by: String,
    /// For the record
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
}

#[derive(Debug, Args)]
#[command(after_help = "\
A rule compares numbers with limits:
  cpu > 90 clear 80 for 5m              hot for five minutes; over when it is back at 80
  fs:*:share >= 95                      any file system, in percent; each is an alert of its own
  avg(cpu, 10m) > 80 and load1 > 8      the mean of ten minutes, and something else
  rate(net:eth*:rx_errors, 1m) > 0      how fast a number grows, a second
  uptime_s < 600 keep 10m               keeps the alert open for ten minutes
  full_in(fs:*:share, 6h) < 1d          full within a day, if it goes on like in the last six hours
  unit:*:failed > 0 for 1m              a systemd unit has failed
Numbers: cpu, mem, swap, load1, disk, temp_max, rx, tx, psi_io, …, and of devices core:0:busy, fs:/var:used,
disk:sda:util, net:eth0:rx, temp:*:celsius, container:web-*:mem. Units: % k M G T Ki Mi Gi Ti.

Readings are kept for days, their means of minutes for months; the answer says of what time there were only means.

Examples:
  chatops rules try 'cpu > 90 for 5m' --from -30d
  chatops rules try 'fs:*:share > 90' --server web-01 --server db-01 --json")]
struct TryRule {
    /// The rule, in quotes
    rule: String,
    /// On which server, by name or id; may be repeated [default: all]
    #[arg(long, value_name = "SERVER")]
    server: Vec<String>,
    /// From when: a moment (2026-01-31T12:00:00Z) or a time ago (-7d)
    #[arg(
        long,
        default_value = "-1d",
        value_name = "TIME",
        allow_hyphen_values = true
    )]
    from: String,
    /// Machine-readable
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ExportFormat {
    /// One JSON object per line, with the bytes that were hashed, and the signed heads
    Ndjson,
    /// A table for people
    Csv,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  chatops replay --stream OPS_CTL --from 1                     every decision, from the first
  chatops replay --stream OPS_METRICS --subject 'ops.v1.metrics.*.web1' --from -10m --format ndjson
  chatops replay --stream OPS_FACT --from now --follow

Positions are a sequence number, a moment (2026-01-31T12:00:00Z), a time ago (-10m, -2h, -1d), or now.")]
struct Replay {
    /// OPS_METRICS, OPS_FACT, OPS_CTL, …
    #[arg(long)]
    stream: String,
    /// First event
    #[arg(
        long,
        default_value = "1",
        value_name = "POSITION",
        allow_hyphen_values = true
    )]
    from: String,
    /// Last event; without it, the newest one of now
    #[arg(
        long,
        value_name = "POSITION",
        allow_hyphen_values = true,
        conflicts_with = "follow"
    )]
    to: Option<String>,
    /// Only subjects that match, with the wildcards * and >
    #[arg(long, default_value = ">", value_name = "FILTER")]
    subject: String,
    /// Go on with new events until Ctrl-C
    #[arg(long)]
    follow: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// One line per event for people
    Table,
    /// One JSON object per line
    Ndjson,
}

impl Cli {
    /// Does what was asked.
    pub(crate) async fn run(self, output: &Output) -> anyhow::Result<()> {
        // Needs no settings, and must not fail on wrong ones.
        match &self.verb {
            Verb::Guard { place } => return guard::run(place).await,
            Verb::Completions { shell } => {
                let mut script = Vec::new();
                clap_complete::generate(*shell, &mut Self::command(), "chatops", &mut script);
                std::io::stdout().write_all(&script)?;
                return Ok(());
            }
            Verb::Config(ConfigVerb::Example) => return config::example(),
            Verb::Admin(AdminVerb::Credentials) => return admin::credentials(output),
            _ => {}
        }
        let settings = self.settings()?;
        let config = settings.config()?;
        telemetry::log(&config.log, self.verb.quiet_level(), output)?;
        match self.verb {
            Verb::Up(local) => {
                crate::up::run(&settings, &local.role, telemetry::metrics()?, output).await
            }
            Verb::Serve(serve) => {
                serve::run(&config, &serve.role, telemetry::metrics()?, output).await
            }
            Verb::Migrate => migrate::run(&config, output).await,
            Verb::Topology { dry_run } => topology::run(&config, dry_run, output).await,
            Verb::Doctor { json } => doctor::run(&config, json, output).await,
            Verb::Config(_) => config::show(&settings),
            Verb::Admin(verb) => admin::run(&config, verb, output).await,
            Verb::Replay(replay) => Box::pin(replay::run(&config, replay, output)).await,
            Verb::Rules(RulesVerb::Try(asked)) => {
                Box::pin(rules::try_out(&config, asked, output)).await
            }
            Verb::Alerts(verb) => Box::pin(alerts::run(&config, verb, output)).await,
            Verb::Audit(verb) => Box::pin(audit::run(&config, verb, output)).await,
            Verb::Completions { .. } | Verb::Guard { .. } => Ok(()),
        }
    }

    fn settings(&self) -> anyhow::Result<Settings> {
        let mut flags: Overrides = self.global.set.clone();
        let mut flag = |path: &str, value: &Option<String>| {
            flags.extend(value.clone().map(|value| (path.to_owned(), value)));
        };
        flag("data", &self.global.data);
        flag("log.level", &self.global.log);
        match &self.verb {
            Verb::Up(local) => {
                flag("listen", &local.listen);
                flag("runtime", &local.runtime);
                flag("agent.local", &local.no_agent.then(|| "false".to_owned()));
            }
            Verb::Serve(serve) => flag("listen", &serve.listen),
            _ => {}
        }
        let environment = |name: &str| std::env::var(name).ok();
        Ok(Settings::read(
            self.global.config.as_deref(),
            environment,
            &flags,
        )?)
    }
}

impl Verb {
    /// What is logged when the settings name no level: the terminal of `up` and of one-off commands belongs to their
    /// own words.
    fn quiet_level(&self) -> &'static str {
        match self {
            Self::Serve(_) => "info,sqlx::query=error",
            _ => "warn,sqlx::query=error",
        }
    }
}

fn assignment(text: &str) -> Result<(String, String), String> {
    let (path, value) = text
        .split_once('=')
        .ok_or("write it as path=value, for example nats.sync=2m")?;
    Ok((path.to_owned(), value.to_owned()))
}

/// For commands that talk to running servers: those of the settings, else those of `up` on the same data.
fn located(config: &Config) -> anyhow::Result<Config> {
    crate::up::located(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
