//! A rule tried on what this machine has measured.

use chatops_testkit::until;
use serde_json::Value;

use crate::installation::{Installation, PATIENCE};

#[tokio::test]
async fn a_rule_is_tried_on_stored_readings() {
    let installation = Installation::new();
    let mut supervisor = installation.start();
    supervisor.ready().await;
    let tried = until("two readings are stored", PATIENCE, async || {
        let verb = [
            "rules",
            "try",
            "uptime_s > 0 or cpu > 1000",
            "--from",
            "-1h",
            "--json",
        ];
        let (code, said, complaints) = installation.output(&verb);
        assert_eq!(code, 0, "{complaints}");
        let tried: Value = serde_json::from_str(said.lines().next()?).ok()?;
        (tried["readings"].as_u64() >= Some(2)).then_some(tried)
    })
    .await;
    assert_eq!(tried["unread"], 0, "{tried}");
    assert_eq!(tried["flaps"], 0, "{tried}");
    let alerts = tried["alerts"].as_array().unwrap();
    assert_eq!(
        alerts.len(),
        1,
        "it was up all the time, which is one alert: {tried}"
    );
    assert!(
        alerts[0]["resolved"].is_null() && alerts[0]["since"] == alerts[0]["raised"],
        "{tried}"
    );
    assert!(alerts[0]["values"][0].as_f64() > Some(0.0), "{tried}");

    let server = tried["name"].as_str().unwrap();
    let (code, said, told) =
        installation.output(&["rules", "try", "fs:*:share >= 0", "--server", server]);
    assert_eq!(code, 0, "{told}");
    assert!(
        said.starts_with("SERVER") && said.contains(" still "),
        "{said}"
    );
    assert!(
        told.contains(&format!("{server}: ")) && told.contains("readings"),
        "{told}"
    );

    for (verb, named) in [
        (["cpu >> 90", "--server", server], "a number"),
        (["cpx > 90", "--server", server], "no series"),
        (["cpu > 90", "--server", "nobody"], "no server"),
        (["cpu > 90", "--from", "yesterday"], "no position"),
    ] {
        let (code, _, said) = installation.output(&[&["rules", "try"], &verb[..]].concat());
        assert_eq!(code, 2, "{said}");
        assert!(
            said.contains(named) && said.contains("what to do"),
            "{said}"
        );
    }
}
