//! Not a test: what the agent costs. Prints one line of JSON.
//!
//! `cargo test --release -p chatops-agent --test it measure -- --ignored --nocapture`, or with
//! `CHATOPS_TEST_AGENT=/path/to/chatops-agent` to measure another build.

use std::time::Duration;

use chatops_testkit::eventually;
use serde_json::Value;

use crate::{
    agent::Agent,
    server::{PATIENCE, Server},
};

/// Samples over which is measured, at the usual interval.
const SAMPLES: u64 = 12;

/// Nanoseconds on a processor, all threads.
fn on_cpu(pid: u32) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    tasks
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok())
        .filter_map(|text| text.split_whitespace().next()?.parse::<u64>().ok())
        .sum()
}

fn resident_kib(pid: u32, field: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn numbers(value: &Value) -> usize {
    match value {
        Value::Number(_) => 1,
        Value::Array(list) => list.iter().map(numbers).sum(),
        Value::Object(map) => map.values().map(numbers).sum(),
        Value::Null | Value::Bool(_) | Value::String(_) => 0,
    }
}

#[tokio::test]
#[ignore = "takes more than a minute and proves nothing"]
async fn cost() {
    let server = Server::start().await;
    let data = tempfile::tempdir().unwrap();
    let agent = Agent::measured(&server.nats.url(), data.path());
    eventually("samples arrive", PATIENCE, async || {
        server.count().await >= 3
    })
    .await;
    let (first, spent) = (server.count().await, on_cpu(agent.pid()));
    let patience = Duration::from_secs(10 * SAMPLES);
    eventually("more samples arrive", patience, async || {
        server.count().await >= first + SAMPLES
    })
    .await;
    let spent = on_cpu(agent.pid()) - spent;
    let (_, last) = server.samples().await.pop().unwrap();
    println!(
        "{}",
        serde_json::json!({
            "values": numbers(&serde_json::to_value(&last.data).unwrap()),
            "bytes": rmp_serde::to_vec_named(&last).unwrap().len(),
            "processes": last.data.host.unwrap().processes,
            "cpu_us_per_sample": spent / SAMPLES / 1000,
            "rss_kib": resident_kib(agent.pid(), "VmRSS:"),
            "rss_anon_kib": resident_kib(agent.pid(), "RssAnon:"),
            "rss_peak_kib": resident_kib(agent.pid(), "VmHWM:"),
        })
    );
}
