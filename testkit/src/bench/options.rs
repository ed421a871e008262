//! What was asked for on the command line.

use std::path::PathBuf;

use anyhow::{Context, bail};

/// Shown by `--help`.
pub(super) const HELP: &str = "\
Measures ChatOps beside the limits of this machine, on real servers it starts by itself on loopback.

  --quick          fewer and shorter rounds: about two minutes instead of ten
  --rounds N       rounds of each throughput measurement (default 3)
  --only A,B       only these parts: limits, fleet, full, live, sockets, commands, terminal,
                   containers, logs, alerting, queries, agent, start
  --json           the report as JSON on standard output
  --chatops PATH   the server's program (default: `chatops` beside this one)
  --agent PATH     the agent's program (default: `chatops-agent` beside this one)
";

/// A part of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The bare libraries alone: works without any of our programs.
    Limits,
    /// 24 values a host, agent to committed rows, without sync.
    Fleet,
    /// Full samples with sync.
    Full,
    /// Publish to browser.
    Live,
    /// A thousand browsers.
    Sockets,
    /// REST to process and back.
    Commands,
    /// Key to echo.
    Terminal,
    /// Logs of containers.
    Containers,
    /// Log lines of files.
    Logs,
    /// Rules on ten thousand hosts, and how long until somebody is told.
    Alerting,
    /// REST.
    Queries,
    /// The agent's footprint, and the idle server's.
    Agent,
    /// The second start.
    Start,
}

const PARTS: &[(&str, Part)] = &[
    ("limits", Part::Limits),
    ("fleet", Part::Fleet),
    ("full", Part::Full),
    ("live", Part::Live),
    ("sockets", Part::Sockets),
    ("commands", Part::Commands),
    ("terminal", Part::Terminal),
    ("containers", Part::Containers),
    ("logs", Part::Logs),
    ("alerting", Part::Alerting),
    ("queries", Part::Queries),
    ("agent", Part::Agent),
    ("start", Part::Start),
];

/// The command line, read.
#[derive(Debug, Clone)]
pub(super) struct Options {
    pub(super) quick: bool,
    pub(super) rounds: usize,
    pub(super) json: bool,
    only: Option<Vec<Part>>,
    pub(super) chatops: PathBuf,
    pub(super) agent: PathBuf,
}

/// What to do.
#[derive(Debug, Clone)]
pub(super) enum Command {
    Help,
    Measure(Options),
    /// Serve the bare broadcast that ours is compared with; started by the bench itself.
    Broadcast,
}

/// Reads the arguments, program name left out.
pub(super) fn parse(arguments: impl IntoIterator<Item = String>) -> anyhow::Result<Command> {
    let beside = std::env::current_exe().context("find this program")?;
    let mut options = Options {
        quick: false,
        rounds: 3,
        json: false,
        only: None,
        chatops: beside.with_file_name("chatops"),
        agent: beside.with_file_name("chatops-agent"),
    };
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let mut value = || {
            arguments
                .next()
                .with_context(|| format!("{argument} needs a value"))
        };
        match argument.as_str() {
            "--help" | "-h" => return Ok(Command::Help),
            "--quick" => options.quick = true,
            "--json" => options.json = true,
            "--rounds" => options.rounds = value()?.parse().context("--rounds needs a number")?,
            "--only" => {
                options.only = Some(
                    value()?
                        .split(',')
                        .map(part)
                        .collect::<anyhow::Result<_>>()?,
                )
            }
            "--chatops" => options.chatops = value()?.into(),
            "--agent" => options.agent = value()?.into(),
            "serve-broadcast" => return Ok(Command::Broadcast),
            unknown => bail!("unknown argument {unknown}; --help lists them"),
        }
    }
    if options.rounds == 0 {
        bail!("--rounds needs at least 1");
    }
    Ok(Command::Measure(options))
}

fn part(name: &str) -> anyhow::Result<Part> {
    let known = PARTS.iter().find(|(known, _)| *known == name.trim());
    known.map(|(_, part)| *part).with_context(|| {
        let names: Vec<&str> = PARTS.iter().map(|(name, _)| *name).collect();
        format!("there is no part {name:?}; there are {}", names.join(", "))
    })
}

impl Options {
    /// Whether this part was asked for; the limits alone only when named.
    pub(super) fn wants(&self, part: Part) -> bool {
        match &self.only {
            None => part != Part::Limits,
            Some(only) => only.contains(&part),
        }
    }

    /// The first in a full run, the second in a quick one.
    pub(super) fn scale<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(arguments: &[&str]) -> Options {
        match parse(arguments.iter().map(|a| (*a).to_owned())).unwrap() {
            Command::Measure(options) => options,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn everything_but_the_bare_limits_by_default() {
        let options = measured(&[]);
        assert!(
            options.wants(Part::Fleet)
                && options.wants(Part::Start)
                && !options.wants(Part::Limits)
        );
        assert_eq!((options.rounds, options.quick), (3, false));
    }

    #[test]
    fn parts_are_chosen_by_name() {
        let options = measured(&["--only", "limits,live", "--quick"]);
        assert!(
            options.wants(Part::Limits) && options.wants(Part::Live) && !options.wants(Part::Fleet)
        );
        assert_eq!(options.scale(10, 2), 2);
    }

    #[test]
    fn mistakes_are_named() {
        for wrong in [
            &["--only", "everything"][..],
            &["--rounds", "0"],
            &["--fast"],
            &["--rounds"],
        ] {
            assert!(
                parse(wrong.iter().map(|a| (*a).to_owned())).is_err(),
                "{wrong:?}"
            );
        }
    }
}
