//! `make bench`: what ChatOps does a second and what that costs, beside the limits of the machine it runs on.
//!
//! The program `chatops-bench` (feature `bench`) starts ChatOps as people run it (`chatops up` from a release build,
//! with its own nats-server and PostgreSQL) on free loopback ports, loads it, and prints one table or JSON. Each figure
//! stands beside what the bare parts reach in the same run, so that a slow or busy machine moves both; rounds of ours
//! and of the limit alternate. It ends by itself within minutes and leaves nothing behind.
//!
//! | module | holds |
//! |---|---|
//! | `installation`, `agent` | the running ChatOps, its set-up and its processes; a real agent |
//! | `fleet`, `timeline` | what hosts say, and when |
//! | `wire`, `browser`, `rest` | cheap clients: the generator shares the cores with what it measures |
//! | `receiver` | somebody outside who is told of alerts |
//! | `measure` | the parts of the report |
//! | `limit` | the yardsticks |
//! | `process`, `machine`, `stats`, `report` | cost, circumstances, medians, the table |
//!
//! # Libraries
//! Limits are taken with the bare libraries: async-nats, sqlx and axum are named here although each has one owner among
//! the crates that ship. That is the one exception to the rule, it is bound to the feature, and nothing that ships
//! links this.
//!
//! # What it is not
//! No test: nothing fails because a machine is slow. It fails when a sample is lost.

mod agent;
mod browser;
mod database;
mod fleet;
mod installation;
mod limit;
mod machine;
mod measure;
mod options;
mod process;
mod receiver;
mod report;
mod rest;
mod stats;
mod timeline;
mod wire;

use std::process::ExitCode;

use anyhow::Context;
use chatops_schemas::clock::{Clock, System};

use fleet::Shape;
use installation::Installation;
use machine::Machine;
use measure::ingest::{Load, Via};
use options::{Command, Options, Part};
use report::Report;

/// How many servers are simulated: 200 samples a second at one every five seconds.
const FLEET: usize = 1000;
/// Installations differ in when an acknowledged event is on the disk; these words stand in the report.
const ON_DISK: &str = "on disk";
const IN_MEMORY: &str = "in memory, synced every 2 min";

/// The program's main.
pub fn main() -> ExitCode {
    let outcome = options::parse(std::env::args().skip(1)).and_then(|command| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("start")?;
        runtime.block_on(async {
            match command {
                Command::Help => {
                    print!("{}", options::HELP);
                    Ok(true)
                }
                Command::Broadcast => limit::broadcast::serve().await.map(|()| true),
                Command::Measure(options) => measure_all(&options).await,
            }
        })
    });
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("chatops-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the parts that were asked for; `false` when one could not be measured.
async fn measure_all(options: &Options) -> anyhow::Result<bool> {
    let machine = Machine::describe(&std::env::temp_dir())?;
    eprintln!("{}", machine.lines());
    let mut report = Report::new(
        machine,
        System.now().rfc3339(),
        options.scale("full", "quick"),
    );
    if options.wants(Part::Limits) {
        note(
            limit::alone(options, &mut report).await,
            "limits",
            &mut report,
        );
    }
    if options.wants(Part::Fleet) || options.wants(Part::Queries) {
        note(
            without_sync(options, &mut report).await,
            "fleet and queries",
            &mut report,
        );
    }
    if [Part::Full, Part::Live, Part::Sockets, Part::Commands]
        .iter()
        .any(|part| options.wants(*part))
    {
        note(
            with_sync(options, &mut report).await,
            "full samples, live, sockets and commands",
            &mut report,
        );
    }
    if [Part::Terminal, Part::Containers, Part::Logs]
        .iter()
        .any(|part| options.wants(*part))
    {
        note(
            one_host(options, &mut report).await,
            "terminal, containers and logs",
            &mut report,
        );
    }
    if options.wants(Part::Alerting) {
        note(watched(options, &mut report).await, "alerting", &mut report);
    }
    if options.wants(Part::Agent) || options.wants(Part::Start) {
        note(
            small(options, &mut report).await,
            "agent and start",
            &mut report,
        );
    }
    if options.json {
        println!("{:#}", report.json());
    } else {
        println!("{}", report.text());
    }
    Ok(report.complete())
}

fn note(outcome: anyhow::Result<()>, part: &str, report: &mut Report) {
    if let Err(error) = outcome {
        report.failed(part, &error);
    }
}

/// The load other systems were measured with, and questions to what it left.
async fn without_sync(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    eprintln!("an installation without sync:");
    let mut installation = Installation::start(options, "2m").await?;
    let enrolled = installation.enrol(FLEET, true).await?;
    // The last few stay silent here: their day is written later.
    let speaking = &enrolled[..FLEET - measure::queries::HOSTS];
    if options.wants(Part::Fleet) {
        for via in [Via::Gateway, Via::Agents] {
            let samples = options.scale(400_000, 120_000);
            let load = Load {
                shape: Shape::Small,
                durability: IN_MEMORY,
                samples,
                via,
            };
            note(
                measure::ingest::measure(&installation, speaking, &load, options, report).await,
                "fleet",
                report,
            );
        }
        let mut database = installation.open_database().await?;
        let stored = measure::storage::measure(
            &installation,
            &mut database,
            Shape::Small,
            IN_MEMORY,
            report,
        )
        .await;
        note(stored, "storage", report);
    }
    if options.wants(Part::Queries) {
        note(
            measure::queries::measure(&installation, &enrolled, IN_MEMORY, options, report).await,
            "queries",
            report,
        );
    }
    if options.wants(Part::Start) {
        let restarted =
            measure::agent::restart(&mut installation, "after these loads", options, report).await;
        note(restarted, "start", report);
    }
    Ok(())
}

/// As it is run: an acknowledged event is on the disk.
async fn with_sync(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    eprintln!("an installation with sync:");
    let installation = Installation::start(options, "always").await?;
    let enrolled = installation.enrol(FLEET, true).await?;
    if options.wants(Part::Full) {
        let samples = options.scale(30_000, 10_000);
        let load = Load {
            shape: Shape::Full,
            durability: ON_DISK,
            samples,
            via: Via::Agents,
        };
        note(
            measure::ingest::measure(&installation, &enrolled, &load, options, report).await,
            "full",
            report,
        );
        let mut database = installation.open_database().await?;
        let stored =
            measure::storage::measure(&installation, &mut database, Shape::Full, ON_DISK, report)
                .await;
        note(stored, "storage", report);
    }
    if options.wants(Part::Live) {
        note(
            measure::live::measure(&installation, &enrolled, ON_DISK, options, report).await,
            "live",
            report,
        );
    }
    if options.wants(Part::Sockets) {
        note(
            measure::sockets::measure(&installation, &enrolled, ON_DISK, options, report).await,
            "sockets",
            report,
        );
    }
    if options.wants(Part::Commands) {
        note(
            measure::commands::measure(&installation, &enrolled, ON_DISK, options, report).await,
            "commands",
            report,
        );
    }
    Ok(())
}

/// One host that somebody works on.
async fn one_host(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    eprintln!("an installation with one host that is worked on:");
    let installation = Installation::start(options, "always").await?;
    if options.wants(Part::Terminal) {
        note(
            measure::terminal::measure(&installation, ON_DISK, options, report).await,
            "terminal",
            report,
        );
    }
    if options.wants(Part::Containers) {
        note(
            measure::containers::measure(&installation, options, report).await,
            "containers",
            report,
        );
    }
    if options.wants(Part::Logs) {
        note(
            measure::shipped::measure(&installation, ON_DISK, options, report).await,
            "logs",
            report,
        );
    }
    Ok(())
}

/// Alert rules on a large fleet, evaluated apart so that their price can be told, and the way to people's messages.
async fn watched(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    eprintln!("an installation with alert rules:");
    let installation = Installation::start_without(options, "2m", "alerting").await?;
    let enrolled = installation.enrol(measure::alerting::HOSTS, false).await?;
    let evaluator = installation.beside("alerting")?;
    note(
        measure::alerting::measure(
            &installation,
            evaluator.pid(),
            &enrolled,
            IN_MEMORY,
            options,
            report,
        )
        .await,
        "evaluating",
        report,
    );
    drop((evaluator, installation));
    let installation = Installation::start(options, "always").await?;
    note(
        measure::notified::measure(&installation, ON_DISK, options, report).await,
        "notifying",
        report,
    );
    note(
        measure::backtest::measure(&installation, ON_DISK, options, report).await,
        "backtest",
        report,
    );
    Ok(())
}

/// One machine that watches itself.
async fn small(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    eprintln!("an installation with one agent:");
    let mut installation = Installation::start(options, "always").await?;
    if options.wants(Part::Agent) {
        note(
            measure::agent::measure(&installation, options, report).await,
            "agent",
            report,
        );
    }
    if options.wants(Part::Start) {
        let restarted =
            measure::agent::restart(&mut installation, "one agent's data", options, report).await;
        note(restarted, "start", report);
    }
    Ok(())
}
