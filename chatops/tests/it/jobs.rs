//! Jobs and schedules with every part as people run it: rights that are lost in the middle, and what becomes of runs that
//! nobody was there to start.

use std::{fs, path::PathBuf};

use chatops_bus::StreamName;
use chatops_schemas::{
    catalogue::Payload,
    clock::{Clock as _, System, Timestamp},
    codec,
    event::schedule::ScheduleFired,
};
use chatops_testkit::{eventually, until};
use futures::StreamExt as _;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    agent::{Agent, post},
    apart::Apart,
    http::Client,
    installation::{PATIENCE, Supervisor},
};

struct World {
    apart: Apart,
    _others: Supervisor,
    api: Option<Supervisor>,
    agents: Vec<Agent>,
    /// The owner of all of them.
    ada: Client,
}

impl World {
    /// With this many hosts, labelled `web`, each of which has answered.
    async fn new(hosts: usize) -> Self {
        let apart = Apart::start().await;
        let others = "gate,presence,projections,audit,dispatcher";
        let others = apart.serve(others).await;
        let api = apart.serve("api").await;
        let mut ada = apart.client();
        apart.register(&mut ada, "ada").await;
        let mut this = Self {
            apart,
            _others: others,
            api: Some(api),
            agents: Vec::new(),
            ada,
        };
        for n in 0..hosts {
            this.host(n).await;
        }
        this
    }

    async fn host(&mut self, n: usize) {
        let body = json!({"name": format!("host-{n}"), "tags": ["web"]});
        let server = post(&self.ada, "/api/v1/servers", body).await.1;
        let server = server["id"].as_str().unwrap().to_owned();
        let folder = self.apart.folder(&format!("agent-{n}"));
        let url = self.apart.nats_url();
        let agent = Agent::enrol(&self.ada, &server, &folder, &url, "").await;
        self.agents.push(agent);
        let body = json!({"server_id": server, "command": "true", "ttl": 60});
        let (status, answer) = post(&self.ada, "/api/v1/commands?wait=25", body).await;
        assert_eq!(
            (status, &answer["outcome"]),
            (200, &json!("finished")),
            "{answer}"
        );
    }

    /// A file that commands write to, a line each.
    fn ran(&self) -> PathBuf {
        self.apart.folder("ran")
    }

    fn lines(&self) -> Vec<String> {
        let text = fs::read_to_string(self.ran()).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    async fn over(&self, job: &str) -> Value {
        let path = format!("/api/v1/jobs/{job}");
        until("the job is over", PATIENCE, async || {
            let job = self.ada.get(&path).await;
            (job["state"] == "ended").then_some(job)
        })
        .await
    }

    /// What the scheduler noted on a schedule, oldest first.
    async fn fired(&self, schedule: &str) -> Vec<ScheduleFired> {
        let bus = self.apart.bus().await;
        let subject = format!("ops.v1.ctl.schedule.{schedule}");
        let events = bus.read_to_end(StreamName::Ctl, &subject, 1).await.unwrap();
        let fired = events.filter_map(|event| async move {
            let event = codec::decode_any(&event.unwrap().payload).unwrap();
            match event.data {
                Payload::ScheduleFired(fired) => Some(fired),
                _ => None,
            }
        });
        fired.collect().await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_loses_their_rights_in_the_middle_of_a_job_runs_nothing_more() {
    let world = World::new(3).await;
    let mut grace = world.apart.client();
    let made = grace.register("grace", None).await;
    assert_eq!(made, StatusCode::CREATED);
    let grant = json!({"username": "grace", "tag": "web", "level": "operate"});
    let (status, grant) = post(&world.ada, "/api/v1/grants", grant).await;
    assert!(matches!(status, 200 | 201), "{grant}");

    let gate = world.apart.folder("gate");
    let line = format!(
        "echo x >> {}; until [ -e {} ]; do sleep 0.05; done",
        world.ran().display(),
        gate.display()
    );
    let body = json!({
        "targets": {"tag": "web"}, "run": {"command": line}, "pace": {"concurrency": 1},
    });
    let (status, job) = post(&grace, "/api/v1/jobs", body).await;
    assert_eq!(status, 201, "{job}");
    let job = job["id"].as_str().unwrap();
    eventually("the first host runs it", PATIENCE, async || {
        world.lines().len() == 1
    })
    .await;
    let path = format!("/api/v1/grants/{}", grant["id"].as_str().unwrap());
    let taken = world.ada.send(Method::DELETE, &path, None).await;
    assert_eq!(taken.status(), StatusCode::NO_CONTENT);
    fs::write(&gate, "").unwrap();

    let ended = world.over(job).await;
    assert_eq!(
        (&ended["succeeded"], &ended["failed"], &ended["skipped"]),
        (&json!(1), &json!(2), &json!(0)),
        "{ended}"
    );
    assert_eq!(world.lines().len(), 1, "no other host began");
    let path = format!("/api/v1/jobs/{job}/hosts");
    let hosts = until("each host shows its end", PATIENCE, async || {
        let hosts = world.ada.get(&path).await["hosts"].clone();
        let ended = |host: &Value| host["ended_at"].is_string();
        hosts.as_array().unwrap().iter().all(ended).then_some(hosts)
    })
    .await;
    let hosts = hosts.as_array().unwrap();
    let denied: Vec<_> = hosts.iter().filter(|h| h["state"] == "denied").collect();
    assert_eq!(denied.len(), 2, "{hosts:?}");
    for host in denied {
        let message = host["message"].as_str().unwrap();
        assert!(!message.is_empty(), "it says why");
        let target = format!("command:{}", host["command"].as_str().unwrap());
        let entry = until("the refusal is audited", PATIENCE, async || {
            let path = "/api/v1/audit?action=command.ended&limit=100";
            let page = world.ada.get(path).await;
            let mut entries = page["entries"].as_array().unwrap().iter();
            entries.find(|entry| entry["target"] == target).cloned()
        })
        .await;
        assert_eq!(entry["result"], "denied", "{entry}");
    }
}

/// The whole minute that was this long ago.
fn minute_ago(minutes: i64) -> Timestamp {
    const MINUTE: i64 = 60_000_000;
    let now = System.now().micros();
    Timestamp::from_micros((now / MINUTE - minutes) * MINUTE)
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_that_were_missed_are_left_out_made_up_for_once_or_each() {
    let mut world = World::new(1).await;
    // Three moments in one minute, long enough ago to be missed, and not again within a year.
    let minute = minute_ago(4);
    let text = minute.rfc3339();
    let part = |from: usize, to: usize| text[from..to].parse::<u32>().unwrap();
    let cron = format!(
        "0,20,40 {} {} {} {} *",
        part(14, 16),
        part(11, 13),
        part(8, 10),
        part(5, 7)
    );
    let mut ids = Vec::new();
    for missed in ["skip", "run_once", "run_all"] {
        let line = format!("echo {missed} >> {}", world.ran().display());
        let mut body = json!({
            "name": missed, "cron": cron, "zone": "UTC", "missed": missed,
            "targets": {"tag": "web"}, "run": {"command": line},
        });
        if missed == "run_all" {
            body["missed_max"] = json!(2);
        }
        let (status, made) = post(&world.ada, "/api/v1/schedules", body).await;
        assert_eq!(status, 201, "{made}");
        ids.push(made["id"].as_str().unwrap().to_owned());
    }
    // Nobody starts anything for ten minutes: what they were counted up to is that old when the scheduler comes back.
    world.api.take().unwrap().kill();
    let aged = "UPDATE schedules SET counted_from = counted_from - interval '10 minutes'";
    world.apart.sql(aged).await;
    let _api = world.apart.serve("api").await;

    let noted = async |schedule: &str, notes: usize| {
        until("each moment is noted", PATIENCE, async || {
            let fired = world.fired(schedule).await;
            (fired.len() == notes).then_some(fired)
        })
        .await
    };
    let at = |second: i64| minute.plus_millis(second * 1000);
    let skipped = noted(&ids[0], 1).await;
    assert_eq!((skipped[0].planned, skipped[0].job), (at(40), None));
    let reason = skipped[0].reason.as_deref();
    assert_eq!(reason, Some("3 missed, left out"));
    let once = noted(&ids[1], 1).await;
    assert_eq!(once[0].planned, at(40));
    let each = noted(&ids[2], 3).await;
    let planned: Vec<_> = each.iter().map(|fired| fired.planned).collect();
    assert_eq!(planned, [at(0), at(20), at(40)]);
    assert!(each[0].job.is_none(), "more than may be made up for");

    let jobs = once.iter().chain(&each).filter_map(|fired| fired.job);
    let jobs: Vec<_> = jobs.collect();
    assert_eq!(jobs.len(), 3);
    world.ada.login("ada").await;
    for job in jobs {
        assert_eq!(world.over(&job.to_string()).await["outcome"], "completed");
    }
    let mut lines = world.lines();
    lines.sort();
    assert_eq!(lines, ["run_all", "run_all", "run_once"]);
    let jobs = world.ada.get("/api/v1/jobs").await;
    assert_eq!(jobs["jobs"].as_array().unwrap().len(), 3);
}
