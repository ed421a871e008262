//! Frames of the first agents, as their documents show them.

use chatops_schemas::{event::metric::Sample, wire::AgentFrame};
use serde_json::json;

fn sample(data: serde_json::Value) -> Sample {
    let frame: AgentFrame =
        serde_json::from_value(json!({ "type": "metrics", "data": data })).unwrap();
    let AgentFrame::Metrics { data, .. } = frame else {
        panic!("not metrics")
    };
    data.into_sample()
}

#[test]
fn gigabytes_become_bytes() {
    let sample = sample(json!({
        "cpu": { "usage_percent": 42.5, "cores": 4, "frequency_mhz": 2400 },
        "memory": { "total_gb": 16.0, "used_gb": 4.0, "available_gb": 12.0, "usage_percent": 25.0 },
        "disk": { "total_gb": 100.0, "used_gb": 40.0, "available_gb": 60.0, "usage_percent": 40.0 },
        "network": { "bytes_sent": 1, "bytes_recv": 2, "packets_sent": 3, "packets_recv": 4 },
        "containers": [{ "id": "0123456789ab", "name": "web", "image": "nginx", "state": "running", "ports": [] }],
        "processes": [{ "pid": 1, "name": "init", "cpu": 0.1, "memory": 10.0, "status": "S", "user": "root" }],
    }));
    assert_eq!(sample.cpu.unwrap().total, Some(42.5));
    assert_eq!(sample.mem.unwrap().total, Some(16 << 30));
    assert_eq!(sample.fs[0].mount, "/");
    assert_eq!(sample.net[0].rx_total, Some(2));
    assert_eq!(sample.containers[0].name, "web");
    assert_eq!(sample.top_cpu[0].mem, Some(10 << 20));
}

#[test]
fn impossible_sizes_are_no_sizes() {
    let sample = sample(json!({ "memory": { "total_gb": -1.0, "used_gb": 1e300 } }));
    let mem = sample.mem.unwrap();
    assert_eq!(mem.total, None);
    assert_eq!(mem.used, Some(u64::MAX));
}

#[test]
fn our_own_form_is_recognised() {
    let sample = sample(json!({ "cpu": { "total": 7.5 }, "fs": [{ "mount": "/" }] }));
    assert_eq!(sample.cpu.unwrap().total, Some(7.5));
    assert_eq!(sample.fs.len(), 1);
}
