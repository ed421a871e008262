//! Jobs, scripts and schedules over REST, with the runner and the scheduler at work. What the dispatcher and the hosts do is
//! played by their events.

mod live;
mod world;

use std::sync::Arc;

use chatops_api::{Config, jobs::runner::APPROVAL_MS};
use chatops_bus::StreamName;
use chatops_schemas::{
    catalogue::Payload,
    clock::{Clock as _, Manual, System},
    codec,
};
use chatops_testkit::eventually;
use futures::StreamExt as _;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    app::{App, PASSWORD, SOON},
    browser::Client,
    sharing::share,
};
use world::World;

/// A runner; aborting it is a death at whatever it was doing.
fn runner(app: &App) -> JoinHandle<()> {
    tokio::spawn(app.api.job_runner().run(CancellationToken::new()))
}

async fn fleet(owner: &Client, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for n in 0..count {
        let id = owner.add_server(&format!("web-{n:02}")).await;
        let path = format!("/api/v1/servers/{id}");
        let (status, _) = owner.patch(&path, &json!({"tags": ["web"]})).await;
        assert_eq!(status, 200);
        ids.push(id);
    }
    ids
}

fn on_the_tag(pace: Value) -> Value {
    json!({"targets": {"tag": "web"}, "run": {"command": "true"}, "pace": pace})
}

async fn start(by: &Client, body: &Value) -> String {
    let (status, job) = by.post("/api/v1/jobs", body).await;
    assert_eq!(status, 201, "{job}");
    job["id"].as_str().unwrap().to_owned()
}

async fn job(by: &Client, id: &str) -> Value {
    by.get(&format!("/api/v1/jobs/{id}")).await.1
}

async fn over(by: &Client, id: &str) -> Value {
    eventually("the job is over", SOON, || async {
        job(by, id).await["state"] == "ended"
    })
    .await;
    job(by, id).await
}

async fn act(by: &Client, id: &str, deed: &str) -> (u16, Value) {
    by.post(&format!("/api/v1/jobs/{id}/{deed}"), &json!({}))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runners_ask_each_host_once_and_never_too_many_at_the_same_time() {
    let app = App::start().await;
    let owner = app.owner().await;
    fleet(&owner, 20).await;
    let world = World::new(&app, |_| Some(0)).await;
    let _runners = [runner(&app), runner(&app)];
    let id = start(&owner, &on_the_tag(json!({"concurrency": 3}))).await;
    let ended = over(&owner, &id).await;
    assert_eq!(
        (&ended["outcome"], &ended["succeeded"]),
        (&json!("completed"), &json!(20)),
        "{ended}"
    );
    assert_eq!(world.requests().await, 20);
    assert!(world.most_at_once() <= 3);
    let (status, hosts) = owner.get(&format!("/api/v1/jobs/{id}/hosts")).await;
    assert_eq!(status, 200, "{hosts}");
    assert_eq!(hosts["hosts"].as_array().unwrap().len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_that_dies_in_the_middle_is_followed_by_one_that_goes_on() {
    let app = App::start().await;
    let owner = app.owner().await;
    fleet(&owner, 12).await;
    let world = World::new(&app, |_| Some(0)).await;
    let id = start(&owner, &on_the_tag(json!({"concurrency": 2}))).await;
    for least in [1, 4, 7, 10] {
        let dying = runner(&app);
        eventually("it has got further", SOON, || async {
            world.requests().await >= least
        })
        .await;
        dying.abort();
    }
    let _last = runner(&app);
    let ended = over(&owner, &id).await;
    assert_eq!(ended["succeeded"], 12, "{ended}");
    assert_eq!(world.requests().await, 12, "no host was asked twice");
    assert!(world.most_at_once() <= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_canary_keeps_the_others_from_beginning_and_only_it_is_repeated() {
    let app = App::start().await;
    let owner = app.owner().await;
    let ids = fleet(&owner, 6).await;
    let bad = ids[1].clone();
    let world = World::new(&app, move |server| Some(i32::from(server == bad))).await;
    let _runner = runner(&app);
    let id = start(&owner, &on_the_tag(json!({"canary": 2}))).await;
    let ended = over(&owner, &id).await;
    let counts = ["succeeded", "failed", "skipped"].map(|name| ended[name].clone());
    assert_eq!(ended["outcome"], "stopped", "{ended}");
    assert_eq!(counts, [json!(1), json!(1), json!(4)]);
    assert_eq!(world.requests().await, 2);

    eventually("the failure is in the table", SOON, || async {
        let (_, hosts) = owner.get(&format!("/api/v1/jobs/{id}/hosts")).await;
        hosts["hosts"][1]["exit_code"] == 1
    })
    .await;
    let (status, again) = act(&owner, &id, "retry").await;
    assert_eq!(status, 201, "{again}");
    assert_eq!(
        (&again["hosts"], &again["retries"]),
        (&json!(1), &json!(id))
    );
    let again = over(&owner, again["id"].as_str().unwrap()).await;
    assert_eq!(again["failed"], 1, "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_job_ends_what_runs_and_begins_nothing() {
    let app = App::start().await;
    let owner = app.owner().await;
    fleet(&owner, 5).await;
    // Hosts that run until somebody ends them.
    let world = World::new(&app, |_| None).await;
    let _runner = runner(&app);
    let id = start(&owner, &on_the_tag(json!({"concurrency": 2}))).await;
    eventually("two run", SOON, || async { world.requests().await == 2 }).await;
    let (status, paused) = act(&owner, &id, "pause").await;
    assert_eq!((status, &paused["state"]), (200, &json!("paused")));
    assert_eq!(act(&owner, &id, "pause").await.0, 409);
    let (status, cancelled) = act(&owner, &id, "cancel").await;
    let state = cancelled["state"].as_str().unwrap();
    assert!(
        status == 200 && matches!(state, "cancelling" | "ended"),
        "{cancelled}"
    );
    let ended = over(&owner, &id).await;
    assert_eq!(
        (&ended["outcome"], &ended["failed"], &ended["skipped"]),
        (&json!("cancelled"), &json!(2), &json!(3)),
        "{ended}"
    );
    assert_eq!(act(&owner, &id, "cancel").await.0, 409);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_runs_before_another_person_agrees() {
    let app = App::start().await;
    let owner = app.owner().await;
    let ids = fleet(&owner, 2).await;
    let second = app.operator("second").await;
    let outsider = app.operator("outsider").await;
    let path = format!("/api/v1/servers/{}", ids[0]);
    let (_, marked) = owner.patch(&path, &json!({"needs_approval": true})).await;
    assert_eq!(marked["needs_approval"], true, "{marked}");
    share(
        &owner,
        &json!({"username": "second", "tag": "web", "level": "operate"}),
    )
    .await;
    let world = World::new(&app, |_| Some(0)).await;
    let _runner = runner(&app);
    let (id, other) = (
        start(&owner, &on_the_tag(json!({}))).await,
        start(&owner, &on_the_tag(json!({}))).await,
    );
    assert_eq!(job(&owner, &id).await["state"], "waiting");
    let (status, own) = act(&owner, &id, "approve").await;
    assert_eq!((status, &own["code"]), (403, &json!("CO1605")), "{own}");
    assert_eq!(act(&outsider, &id, "approve").await.0, 404);
    assert_eq!(world.requests().await, 0);

    let (status, approved) = act(&second, &id, "approve").await;
    assert!(
        status == 200 && approved["approved_at"].is_string(),
        "{approved}"
    );
    assert_eq!(over(&owner, &id).await["succeeded"], 2);
    assert_eq!(act(&second, &id, "approve").await.0, 409);

    let (status, denied) = act(&second, &other, "deny").await;
    assert_eq!(status, 200, "{denied}");
    assert_eq!(job(&owner, &other).await["outcome"], "denied");
    assert_eq!(world.requests().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_approves_in_time_is_denied_and_says_so() {
    let clock = Arc::new(Manual::at(System.now()));
    let app = App::at(clock.clone(), Config::default()).await;
    let owner = app.owner().await;
    let ids = fleet(&owner, 1).await;
    let path = format!("/api/v1/servers/{}", ids[0]);
    let (status, _) = owner.patch(&path, &json!({"needs_approval": true})).await;
    assert_eq!(status, 200);
    let second = app.operator("second").await;
    let grant = json!({"username": "second", "tag": "web", "level": "operate"});
    share(&owner, &grant).await;
    let world = World::new(&app, |_| Some(0)).await;
    let _runner = runner(&app);
    let (late, early) = (
        start(&owner, &on_the_tag(json!({}))).await,
        start(&owner, &on_the_tag(json!({}))).await,
    );
    assert_eq!(job(&owner, &late).await["state"], "waiting");
    assert_eq!(act(&second, &early, "approve").await.0, 200);
    assert_eq!(over(&owner, &early).await["outcome"], "completed");

    clock.advance_millis(APPROVAL_MS + 600_000);
    // Who was signed in is not any more.
    let body = json!({"username": "root", "password": PASSWORD});
    let (status, session) = app.stranger().post("/api/v1/auth/login", &body).await;
    assert_eq!(status, 200, "{session}");
    let owner = owner.with_token(session["access_token"].as_str().unwrap());
    let ended = over(&owner, &late).await;
    assert_eq!(ended["outcome"], "denied", "{ended}");
    assert_eq!(ended["message"], "nobody approved it in time");
    assert_eq!(world.requests().await, 1, "only what was approved ran");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_run_on_one_server_starts_nothing_and_is_told_where() {
    let app = App::start().await;
    let owner = app.owner().await;
    fleet(&owner, 2).await;
    let someone = app.operator("someone").await;
    share(
        &owner,
        &json!({"username": "someone", "tag": "web", "level": "view"}),
    )
    .await;
    let (status, refused) = someone.post("/api/v1/jobs", &on_the_tag(json!({}))).await;
    assert_eq!(status, 403, "{refused}");
    assert!(
        refused["detail"]
            .as_str()
            .unwrap()
            .contains("web-00, web-01")
    );
    let targets = json!({"targets": {"tag": "web"}});
    let (status, preview) = someone.post("/api/v1/jobs/preview", &targets).await;
    assert_eq!(status, 200, "{preview}");
    assert_eq!(preview["servers"][1]["allowed"], false);
    for wrong in [
        json!({"targets": {}, "run": {"command": "true"}}),
        json!({"targets": {"tag": "nobody"}, "run": {"command": "true"}}),
        json!({"targets": {"tag": "web"}, "run": {}}),
        json!({"targets": {"tag": "web"}, "run": {"command": " "}}),
        json!({"targets": {"tag": "web"}, "run": {"command": "true"}, "pace": {"concurrency": 0}}),
    ] {
        let (status, problem) = owner.post("/api/v1/jobs", &wrong).await;
        assert_eq!(status, 422, "{wrong} {problem}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scripts_secret_is_in_no_event_and_erased_at_the_end() {
    const SECRET: &str = "s3cret-value-that-nobody-sees";
    let app = App::start().await;
    let owner = app.owner().await;
    fleet(&owner, 2).await;
    let parameters = json!([
        {"name": "TOKEN", "kind": "secret", "required": true},
        {"name": "TO", "kind": "choice", "choices": ["blue", "green"], "default": "blue"},
    ]);
    let body = json!({"name": "deploy", "command": "deploy \"$TO\"", "parameters": parameters});
    let (status, script) = owner.post("/api/v1/scripts", &body).await;
    assert_eq!((status, &script["version"]), (201, &json!(1)), "{script}");
    let path = format!("/api/v1/scripts/{}", script["id"].as_str().unwrap());
    let (status, changed) = owner.put(&path, &body).await;
    assert_eq!((status, &changed["version"]), (200, &json!(2)), "{changed}");
    let stranger = app.operator("stranger").await;
    assert_eq!(stranger.put(&path, &body).await.0, 403);

    let world = World::new(&app, |_| Some(0)).await;
    let _runner = runner(&app);
    let run = |values: Value| json!({"targets": {"tag": "web"}, "run": {"script": {"id": script["id"], "values": values}}});
    let (status, _) = owner
        .post("/api/v1/jobs", &run(json!({"TO": "blue"})))
        .await;
    assert_eq!(status, 422, "the secret is required");
    let id = start(&owner, &run(json!({"TOKEN": SECRET}))).await;
    let ended = over(&owner, &id).await;
    assert_eq!(ended["plan"]["env"], json!(["TO", "TOKEN"]), "{ended}");
    assert_eq!(world.requests().await, 2);
    for stream in [StreamName::Ctl, StreamName::Cmd] {
        let all = app.bus.read_to_end(stream, ">", 1).await.unwrap();
        let leaks = all
            .filter(|event| {
                let payload = &event.as_ref().unwrap().payload;
                let found = payload
                    .windows(SECRET.len())
                    .any(|part| part == SECRET.as_bytes());
                std::future::ready(found)
            })
            .count()
            .await;
        assert_eq!(leaks, 0, "{stream}");
    }
    let store = chatops_projections::Store::connect(app.database.url(), 2)
        .await
        .unwrap();
    // The page of the script shows it, that of another one does not.
    let of = |script: &str| format!("/api/v1/jobs?script={script}");
    let (_, runs) = owner.get(&of(script["id"].as_str().unwrap())).await;
    assert_eq!(runs["jobs"].as_array().unwrap().len(), 1, "{runs}");
    let (_, none) = owner.get(&of(ended["id"].as_str().unwrap())).await;
    assert_eq!(none["jobs"], json!([]));
    let id = id.parse().unwrap();
    eventually("the values are erased", SOON, || async {
        store.plan(id).await.unwrap().is_none()
    })
    .await;
    assert_eq!(owner.delete(&path).await.0, 204);
    assert_eq!(owner.get(&path).await.0, 404);
}

fn nightly(zone: &str) -> Value {
    json!({
        "name": "nightly", "cron": "* * * * *", "zone": zone,
        "targets": {"tag": "web"}, "run": {"command": "true"},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_schedule_runs_what_it_ran_with_values_of_ones_own_only() {
    let app = App::start().await;
    let owner = app.owner().await;
    fleet(&owner, 1).await;
    let someone = app.operator("someone").await;
    let grant = json!({"username": "someone", "tag": "web", "level": "operate"});
    share(&owner, &grant).await;
    let mut body = nightly("Asia/Tokyo");
    let nothing =
        json!({"name": "x", "cron": "* * * * *", "zone": "UTC", "targets": {"tag": "web"}});
    let (status, problem) = someone.post("/api/v1/schedules", &nothing).await;
    assert_eq!(
        (status, &problem["errors"][0]["field"]),
        (422, &json!("run"))
    );
    body["run"]["env"] = json!({"TOKEN": "swordfish"});
    let (status, made) = someone.post("/api/v1/schedules", &body).await;
    assert_eq!(status, 201, "{made}");
    let path = format!("/api/v1/schedules/{}", made["id"].as_str().unwrap());

    let mut change = body.clone();
    change.as_object_mut().unwrap().remove("run");
    change["cron"] = json!("0 6 * * 1");
    change["pace"] = json!({"concurrency": 3, "stop_after": 1});
    let (status, changed) = someone.put(&path, &change).await;
    assert_eq!(
        (status, &changed["cron"]),
        (200, &json!("0 6 * * 1")),
        "{changed}"
    );
    let plan = &changed["plan"];
    assert_eq!(
        (&plan["command"], &plan["env"]),
        (&json!("true"), &json!(["TOKEN"]))
    );
    assert_eq!(
        (&plan["concurrency"], &plan["stop_after"]),
        (&json!(3), &json!(1))
    );
    let store = chatops_projections::Store::connect(app.database.url(), 2)
        .await
        .unwrap();
    let id = made["id"].as_str().unwrap().parse().unwrap();
    assert!(
        store.plan(id).await.unwrap().is_some(),
        "the values are kept"
    );
    change["pace"] = json!({"concurrency": 0});
    assert_eq!(someone.put(&path, &change).await.0, 422);

    // An administrator who sent it to a host of their own would read the values there.
    change["pace"] = json!({});
    let (status, problem) = owner.put(&path, &change).await;
    assert_eq!(
        (status, &problem["errors"][0]["field"]),
        (422, &json!("run"))
    );
    let (status, taken) = owner.put(&path, &nightly("UTC")).await;
    assert_eq!(
        (status, &taken["plan"]["env"]),
        (200, &json!([])),
        "{taken}"
    );
    change["pace"] = json!({"concurrency": 7});
    let (status, kept) = owner.put(&path, &change).await;
    assert_eq!(
        (status, &kept["plan"]["concurrency"]),
        (200, &json!(7)),
        "{kept}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_schedulers_start_a_run_once_and_lost_rights_switch_it_off() {
    // Ahead of the stream's clock, which says from when runs are counted: a minute more always holds a run.
    let clock = Arc::new(Manual::at(System.now().plus_millis(30_000)));
    let app = App::at(clock.clone(), Config::default()).await;
    let owner = app.owner().await;
    fleet(&owner, 1).await;
    let someone = app.operator("someone").await;
    let grant = json!({"username": "someone", "tag": "web", "level": "operate"});
    let grant = share(&owner, &grant).await;
    let (status, wrong) = someone.post("/api/v1/schedules", &nightly("Mars")).await;
    assert_eq!(status, 422, "{wrong}");
    let (status, made) = someone
        .post("/api/v1/schedules", &nightly("Asia/Tokyo"))
        .await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(made["next"].as_array().unwrap().len(), 5);
    let path = format!("/api/v1/schedules/{}", made["id"].as_str().unwrap());
    assert_eq!(app.operator("other").await.get(&path).await.0, 404);

    let stop = CancellationToken::new();
    let _schedulers = [
        tokio::spawn(app.api.scheduler().run(stop.clone())),
        tokio::spawn(app.api.scheduler().run(stop.clone())),
    ];
    for runs in 1..=2 {
        clock.advance_millis(60_000);
        eventually("the run is a job", SOON, || async {
            let (_, jobs) = owner.get("/api/v1/jobs").await;
            jobs["jobs"].as_array().unwrap().len() >= runs
        })
        .await;
    }
    let (_, jobs) = owner.get("/api/v1/jobs").await;
    let jobs = jobs["jobs"].as_array().unwrap();
    assert!(jobs.iter().all(|job| job["schedule"] == made["id"]));
    assert_eq!(jobs[0]["started_by_name"], "someone");
    eventually("each run is noted", SOON, || async {
        someone.get(&path).await.1["last_job"] == jobs[0]["id"]
    })
    .await;
    let fired = app
        .bus
        .read_to_end(StreamName::Ctl, "ops.v1.ctl.schedule.*", 1)
        .await
        .unwrap();
    let moments: Vec<_> = fired
        .filter_map(|event| async move {
            let event = codec::decode_any(&event.unwrap().payload).unwrap();
            match event.data {
                Payload::ScheduleFired(fired) => fired.job.map(|_| fired.planned),
                _ => None,
            }
        })
        .collect()
        .await;
    assert_eq!(moments.len(), jobs.len(), "each moment once");

    assert_eq!(
        owner.delete(&format!("/api/v1/grants/{grant}")).await.0,
        204
    );
    clock.advance_millis(60_000);
    eventually("it is off and says why", SOON, || async {
        let (_, schedule) = someone.get(&path).await;
        schedule["enabled"] == false && schedule["disabled_reason"].is_string()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_on_a_marked_server_waits_for_another_person_too() {
    let app = App::start().await;
    let owner = app.owner().await;
    let server = fleet(&owner, 1).await.remove(0);
    let second = app.operator("second").await;
    share(
        &owner,
        &json!({"username": "second", "tag": "web", "level": "operate"}),
    )
    .await;
    let path = format!("/api/v1/servers/{server}");
    let (status, _) = owner.patch(&path, &json!({"needs_approval": true})).await;
    assert_eq!(status, 200);
    let run = json!({"server_id": server, "command": "true"});
    let mut ids = Vec::new();
    for _ in 0..2 {
        // Waiting for the end is no way around it.
        let (status, command) = owner.post("/api/v1/commands?wait=5", &run).await;
        assert_eq!(status, 202, "{command}");
        ids.push(command["id"].as_str().unwrap().to_owned());
    }
    let decide = async |by: &Client, id: &str, what: &str| {
        by.post(&format!("/api/v1/commands/{id}/{what}"), &json!({}))
            .await
    };
    let (status, own) = decide(&owner, &ids[0], "approve").await;
    assert_eq!((status, &own["code"]), (403, &json!("CO1605")), "{own}");
    let outsider = app.operator("outsider").await;
    assert_eq!(decide(&outsider, &ids[0], "approve").await.0, 404);
    assert_eq!(decide(&second, &ids[0], "approve").await.0, 204);
    assert_eq!(decide(&second, &ids[0], "approve").await.0, 409);
    assert_eq!(decide(&second, &ids[0], "deny").await.0, 409);
    assert_eq!(decide(&second, &ids[1], "deny").await.0, 204);
    let (_, denied) = owner.get(&format!("/api/v1/commands/{}", ids[1])).await;
    assert_eq!(denied["outcome"], "denied", "{denied}");
}
