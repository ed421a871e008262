//! Rules, thresholds and silences.

use chatops_schemas::{clock::Timestamp, ids::RuleId};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::{Instance, code, path, rule, there};
use crate::{
    app::{App, now},
    sharing::{id_of, share},
};

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_written_in_words_or_as_data_and_kept_in_versions() {
    let app = App::start().await;
    let owner = app.owner().await;
    let server = owner.add_server("web-1").await;
    let (ada, bob) = (app.operator("ada").await, app.operator("bob").await);
    let mine = ada.add_server("mine").await;

    // Mistakes name the place.
    let check = "/api/v1/alerts/rules/check";
    let (status, wrong) = ada.post(check, &json!({"wording": "cpu > much"})).await;
    assert_eq!(status, 422);
    let message = wrong["errors"][0]["message"].as_str().unwrap();
    assert_eq!(wrong["errors"][0]["field"], "wording");
    assert!(message.ends_with("(at character 7)"), "{message}");
    let (status, good) = ada
        .post(check, &json!({"wording": "cpu>90 for 300s"}))
        .await;
    assert_eq!(status, 200, "{good}");
    assert_eq!(
        (&good["wording"], &good["for_ms"], &good["series"]),
        (&json!("cpu > 90 for 5m"), &json!(300_000), &json!(["cpu"]))
    );
    let rules = "/api/v1/alerts/rules";
    let body = |change: Json| {
        let mut body = json!({"name": "r", "severity": "info", "scope": "all"});
        body.as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        body
    };
    for (field, change) in [
        ("wording", json!({})),
        (
            "wording",
            json!({"wording": "cpu > 1", "when": good["when"]}),
        ),
        ("for_ms", json!({"wording": "cpu > 1", "for_ms": 1})),
        ("wording", json!({"wording": "nothing > 1"})),
        ("wording", json!({"wording": "cpu > 1 for 9d"})),
        ("when", json!({"when": {"all": []}})),
        ("when", json!({"when": "cpu"})),
        (
            "for_ms",
            json!({"when": good["when"], "for_ms": 99_999_999_999_u64}),
        ),
        ("name", json!({"name": " ", "wording": "cpu > 1"})),
        (
            "scope.servers",
            json!({"scope": {"servers": ["a.b"]}, "wording": "cpu > 1"}),
        ),
        (
            "scope",
            json!({"scope": {"tags": []}, "wording": "cpu > 1"}),
        ),
    ] {
        let (status, problem) = ada.post(rules, &body(change)).await;
        assert_eq!(
            (status, &problem["errors"][0]["field"]),
            (422, &json!(field)),
            "{problem}"
        );
    }
    // Only of servers whose rules one may change.
    let foreign = body(json!({"scope": {"servers": [mine, server]}, "wording": "cpu > 1"}));
    assert_eq!(code(&ada.post(rules, &foreign).await), (404, "CO1201"));
    share(
        &owner,
        &json!({"username": "ada", "server_id": server, "level": "operate"}),
    )
    .await;
    assert_eq!(code(&ada.post(rules, &foreign).await), (403, "CO1204"));

    // A rule and its versions.
    let data = body(json!({"scope": {"servers": [mine]}, "when": good["when"], "for_ms": 60_000}));
    let (status, made) = ada.post(rules, &data).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(
        (&made["wording"], &made["version"]),
        (&json!("cpu > 90 for 1m"), &json!(1))
    );
    assert_eq!(made["scope"], json!({"servers": [mine]}));
    let one = format!("{rules}/{}", made["id"].as_str().unwrap());
    assert_eq!(code(&bob.get(&one).await), (404, "CO1702"));
    assert_eq!(bob.get(rules).await.1["rules"], json!([]));
    let second = body(json!({"wording": "cpu > 95", "version": 1, "enabled": false}));
    let (status, changed) = ada.put(&one, &second).await;
    assert_eq!((status, &changed["version"]), (200, &json!(2)), "{changed}");
    assert_eq!(
        code(&ada.put(&one, &second).await),
        (409, "CO1206"),
        "looked at the first"
    );
    assert_eq!(code(&bob.put(&one, &second).await), (404, "CO1702"));
    let third = body(json!({"wording": "cpu > 96"}));
    let (_, taken) = owner.put(&one, &third).await;
    assert_eq!(taken["saved_by_name"], "root", "{taken}");
    let (_, versions) = owner.get(&format!("{one}/versions")).await;
    let said: Vec<_> = versions["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|version| (version["wording"].clone(), version["saved_by_name"].clone()))
        .collect();
    assert_eq!(
        said,
        [
            (json!("cpu > 96"), json!("root")),
            (json!("cpu > 95"), json!("ada")),
            (json!("cpu > 90 for 1m"), json!("ada"))
        ]
    );
    let restore = format!("{one}/restore");
    assert_eq!(
        code(&owner.post(&restore, &json!({})).await),
        (409, "CO1604")
    );
    assert_eq!(owner.delete(&one).await.0, 204);
    assert_eq!(code(&owner.get(&one).await), (404, "CO1702"));
    assert_eq!(code(&owner.put(&one, &third).await), (404, "CO1702"));
    assert_eq!(owner.get(rules).await.1["rules"], json!([]));
    let (status, back) = owner.post(&restore, &json!({})).await;
    assert_eq!((status, &back["version"]), (200, &json!(4)), "{back}");
    assert_eq!(owner.get(&one).await.0, 200);

    // A viewer keeps none.
    let change = json!({"role": "viewer"});
    let account = format!("/api/v1/users/{}", id_of(&bob).await);
    assert_eq!(owner.patch(&account, &change).await.0, 200);
    assert_eq!(code(&bob.post(rules, &third).await), (403, "CO1204"));

    // What is offered to begin with is taken as it is.
    let (_, starter) = ada.get("/api/v1/alerts/starter-rules").await;
    for draft in starter["rules"].as_array().unwrap() {
        let (status, made) = ada.post(rules, &body(draft.clone())).await;
        assert_eq!(
            (status, &made["wording"]),
            (201, &draft["wording"]),
            "{made}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn thresholds_are_rules_in_the_short_form() {
    let app = App::start().await;
    let owner = app.owner().await;
    let server = owner.add_server("web-1").await;
    let thresholds = "/api/v1/alerts/thresholds";
    for (field, body) in [
        (
            "operator",
            json!({"metric": "cpu", "operator": "~", "value": 1}),
        ),
        (
            "metric",
            json!({"metric": "luck", "operator": ">", "value": 1}),
        ),
    ] {
        let (status, problem) = owner.post(thresholds, &body).await;
        assert_eq!(
            (status, &problem["errors"][0]["field"]),
            (422, &json!(field)),
            "{problem}"
        );
    }
    let body = json!({"metric": "disk", "operator": "gte", "value": 90, "server_id": server});
    let (status, made) = owner.post(thresholds, &body).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(
        [
            &made["metric"],
            &made["operator"],
            &made["severity"],
            &made["server_id"]
        ],
        [
            &json!("fs:*:share"),
            &json!(">="),
            &json!("warning"),
            &json!(server)
        ]
    );
    // The same thing in words; what this form does not say stays.
    let id = made["id"].as_str().unwrap();
    let rule = format!("/api/v1/alerts/rules/{id}");
    let (_, shown) = owner.get(&rule).await;
    assert_eq!(shown["wording"], "fs:*:share >= 90");
    let longer = json!({
        "name": "Disk", "severity": "critical", "scope": {"servers": [server]},
        "wording": "fs:*:share >= 90 for 5m", "note": "look",
    });
    assert_eq!(owner.put(&rule, &longer).await.0, 200);
    let change = json!({"metric": "disk", "operator": ">", "value": 95.5, "enabled": false});
    let one = format!("{thresholds}/{id}");
    let (status, changed) = owner.put(&one, &change).await;
    assert_eq!(
        (status, &changed["value"]),
        (200, &json!(95.5)),
        "{changed}"
    );
    let (_, shown) = owner.get(&rule).await;
    assert_eq!(
        [
            &shown["wording"],
            &shown["name"],
            &shown["note"],
            &shown["severity"]
        ],
        [
            &json!("fs:*:share > 95.5 for 5m"),
            &json!("Disk"),
            &json!("look"),
            &json!("critical")
        ]
    );
    assert_eq!(
        (&shown["enabled"], &shown["scope"]),
        (&json!(false), &json!("all"))
    );

    // Rules that say more are not shown in it.
    let (other, _) = self::rule(&owner, json!("all"), "avg(cpu, 5m) > 1").await;
    let (_, list) = owner.get(&format!("{thresholds}?server_id={server}")).await;
    let listed = list["thresholds"].as_array().unwrap();
    assert_eq!((listed.len(), &listed[0]["id"]), (1, &json!(id)));
    let answer = owner.put(&format!("{thresholds}/{other}"), &change).await;
    assert_eq!(code(&answer), (404, "CO1702"));
    assert_eq!(owner.delete(&one).await.0, 204);
    assert_eq!(code(&owner.get(&rule).await), (404, "CO1702"));
}

#[tokio::test(flavor = "multi_thread")]
async fn silences_say_what_they_are_about_and_hold_back_what_their_author_may_handle() {
    let app = App::start().await;
    let owner = app.owner().await;
    let server = owner.add_server("web-1").await;
    owner.add_server("web-2").await;
    let (ada, bob) = (app.operator("ada").await, app.operator("bob").await);
    let level =
        |name: &str, level: &str| json!({"username": name, "server_id": server, "level": level});
    share(&owner, &level("ada", "operate")).await;
    share(&owner, &level("bob", "view")).await;
    let rule = RuleId(Uuid::from_u128(1));
    let alert = Instance::new(&server, rule, "/").raise(&app).await;
    there(&owner, alert, "open").await;

    let silences = "/api/v1/alerts/silences";
    let at = |ms| Timestamp::rfc3339(now().plus_millis(ms));
    let body =
        |scope: Json, times: Json| json!({"reason": "new disks", "scope": scope, "times": times});
    let hour = || json!({"once": {"until": at(3_600_000)}});
    let nightly = |cron: &str, zone: &str| json!({"recurring": {"cron": cron, "zone": zone, "stretch_ms": 3_600_000}});
    for (field, times) in [
        ("times.until", json!({"once": {"until": at(-1000)}})),
        ("times.until", json!({"once": {"until": "soon"}})),
        ("times.until", json!({"once": {"until": ""}})),
        ("times.cron", nightly("sometimes", "UTC")),
        ("times.zone", nightly("0 3 * * *", "Mars")),
        (
            "times.stretch_ms",
            json!({"recurring": {"cron": "0 3 * * *", "zone": "UTC", "stretch_ms": 1}}),
        ),
    ] {
        let (status, problem) = ada.post(silences, &body(json!("all"), times)).await;
        assert_eq!(
            (status, &problem["errors"][0]["field"]),
            (422, &json!(field)),
            "{problem}"
        );
    }
    let these = || json!({"servers": [server]});
    let refused = bob.post(silences, &body(these(), hour())).await;
    assert_eq!(code(&refused), (403, "CO1204"));

    // Whose author may not handle alerts of the server holds nothing back there.
    let (status, his) = bob.post(silences, &body(json!("all"), hour())).await;
    assert_eq!(status, 201, "{his}");
    let (_, shown) = owner.get(&path(alert)).await;
    assert_eq!(shown["silences"], json!([]));
    let (status, hers) = ada.post(silences, &body(these(), hour())).await;
    assert_eq!(status, 201, "{hers}");
    assert_eq!(
        [&hers["state"], &hers["matches"], &hers["broad"]],
        [
            &json!("active"),
            &json!({"servers": 1, "open_alerts": 1}),
            &json!(false)
        ]
    );
    let (_, shown) = bob.get(&path(alert)).await;
    assert_eq!(shown["silences"][0]["id"], hers["id"]);
    assert_eq!(shown["silences"][0]["saved_by_name"], "ada");
    let (_, wide) = owner
        .post(
            silences,
            &body(json!("all"), nightly("0 3 * * *", "Europe/Berlin")),
        )
        .await;
    assert_eq!(
        (&wide["broad"], &wide["matches"]["servers"]),
        (&json!(true), &json!(2)),
        "{wide}"
    );
    assert!(wide["next"]["from"].is_string(), "{wide}");

    // Each sees their own; those who see everything end any.
    assert_eq!(
        ada.get(silences).await.1["silences"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        owner.get(silences).await.1["silences"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    let one = format!("{silences}/{}", hers["id"].as_str().unwrap());
    assert_eq!(code(&bob.delete(&one).await), (404, "CO1703"));
    let (status, ended) = owner.delete(&one).await;
    assert_eq!((status, &ended["state"]), (200, &json!("ended")), "{ended}");
    assert_eq!(code(&owner.delete(&one).await), (409, "CO1604"));
    assert_eq!(ada.get(silences).await.1["silences"], json!([]));
    let all = format!("{silences}?state=all");
    assert_eq!(ada.get(&all).await.1["silences"][0]["state"], "ended");
    let (_, shown) = owner.get(&path(alert)).await;
    assert_eq!(shown["silences"], json!([]));
}
