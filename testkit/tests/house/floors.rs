//! Crates form floors: an edge only points down, and the crates of the middle floor never import
//! each other, because they meet through events.

use std::process::Command;

use serde_json::Value;

use crate::{expect_none, root};

const PREFIX: &str = "chatops-";
const TESTKIT: &str = "chatops-testkit";

/// Each crate, and the crates of ours it may depend on.
const FLOORS: &[(&str, &[&str])] = &[
    ("chatops-schemas", &[]),
    ("chatops-bus", &["chatops-schemas"]),
    ("chatops-ingest", &["chatops-schemas", "chatops-bus"]),
    ("chatops-projections", &["chatops-schemas", "chatops-bus"]),
    ("chatops-alerting", &["chatops-schemas", "chatops-bus"]),
    ("chatops-audit", &["chatops-schemas", "chatops-bus"]),
    ("chatops-agent", &["chatops-schemas", "chatops-bus"]),
    (
        "chatops-api",
        &[
            "chatops-schemas",
            "chatops-bus",
            "chatops-projections",
            "chatops-alerting",
            "chatops-audit",
        ],
    ),
    (
        "chatops",
        &[
            "chatops-schemas",
            "chatops-bus",
            "chatops-ingest",
            "chatops-projections",
            "chatops-alerting",
            "chatops-audit",
            "chatops-api",
        ],
    ),
    ("chatops-testkit", &[]),
];

/// What tests of a crate may use beyond that: still downwards.
const TESTS: &[(&str, &str)] = &[("chatops-api", "chatops-ingest")];

/// Heavy libraries, and the crates that may name them among what they ship.
const OWNERS: &[(&str, &[&str])] = &[
    ("async-nats", &["chatops-bus"]),
    ("sqlx", &["chatops-projections"]),
    ("axum", &["chatops-ingest", "chatops-api", "chatops"]),
    ("bollard", &["chatops-agent"]),
    ("sysinfo", &["chatops-agent"]),
    ("lettre", &["chatops-alerting"]),
    ("minijinja", &["chatops-alerting"]),
    ("anyhow", &["chatops", "chatops-testkit"]),
    ("clap", &["chatops", "chatops-agent"]),
    (
        "tracing-subscriber",
        &["chatops", "chatops-agent", "chatops-testkit"],
    ),
    ("metrics-exporter-prometheus", &["chatops"]),
];

struct Edge {
    from: String,
    to: String,
    /// Only tests use it, or the load generator, which measures limits with bare libraries.
    dev: bool,
}

fn edges() -> Vec<Edge> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
            "--offline",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut edges = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        for dependency in package["dependencies"].as_array().unwrap() {
            edges.push(Edge {
                from: package["name"].as_str().unwrap().to_owned(),
                to: dependency["name"].as_str().unwrap().to_owned(),
                dev: dependency["kind"] == "dev"
                    || (package["name"] == TESTKIT && dependency["optional"] == true),
            });
        }
    }
    edges
}

#[test]
fn edges_only_point_down() {
    let mut offenders = Vec::new();
    for Edge { from, to, dev } in edges() {
        let load_generator = from == TESTKIT && dev;
        if !to.starts_with(PREFIX) || from == to || load_generator {
            continue;
        }
        let below = FLOORS
            .iter()
            .find(|(name, _)| *name == from)
            .map(|(_, below)| *below);
        match below {
            None => offenders.push(format!("{from} has no floor: add it to FLOORS")),
            Some(_) if dev && to == TESTKIT => {}
            Some(_) if dev && TESTS.contains(&(from.as_str(), to.as_str())) => {}
            Some(below) if below.contains(&to.as_str()) => {}
            Some(below) => offenders.push(format!("{from} depends on {to}; allowed are {below:?}")),
        }
    }
    expect_none(
        "crates may only depend on lower floors; let the parts meet through events or a trait:",
        &offenders,
    );
}

#[test]
fn heavy_libraries_stay_with_their_owners() {
    let mut offenders = Vec::new();
    for Edge { from, to, dev } in edges() {
        if let Some((_, owners)) = OWNERS.iter().find(|(library, _)| *library == to && !dev)
            && !owners.contains(&from.as_str())
        {
            offenders.push(format!("{from} uses {to}, which belongs to {owners:?}"));
        }
    }
    expect_none(
        "ask the owning crate for what you need instead of using its library:",
        &offenders,
    );
}
