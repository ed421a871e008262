//! Alerts from a shell on the hub's machine: looked at by anybody who may log in there, handled in somebody's name.

use serde_json::Value;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_is_listed_taken_silenced_and_ended_from_a_shell() {
    let world = World::new().await;
    let server = world.server("web-01").await;
    world.rule("cpu > 90").await;
    until("the alert is raised", PATIENCE, async || {
        let event = envelope(System.now(), sample(95.0, 10)).about(server.clone());
        let subject = subject::metrics(&server);
        world.bus.publish(&subject, &event).await.unwrap();
        world.alerts().await.into_iter().next()
    })
    .await;
    let said = |verb: &[&str]| world.apart.output(&[&["alerts"], verb].concat());
    let alert = until("it is a row", PATIENCE, async || {
        let (code, listed, complaints) = said(&["list", "--json"]);
        assert_eq!(code, 0, "{complaints}");
        serde_json::from_str::<Value>(listed.lines().next()?).ok()
    })
    .await;
    assert_eq!(alert["server_name"], "web-01", "{alert}");
    let id = alert["id"].as_str().unwrap();
    let short = &id[id.len() - 6..];

    let (code, listed, _) = said(&["list", "--server", "web-01"]);
    assert_eq!(code, 0);
    assert!(
        listed.contains(short) && listed.contains("cpu > 90") && listed.contains(" open"),
        "{listed}"
    );
    for (verb, exit, expected) in [
        (&["ack", short, "--as", "nobody"][..], 2, "nobody is called"),
        (&["ack", "db-01", "--as", "ada"], 1, "no open alert"),
        (&["silence", "web-01", "soon", "--as", "ada"], 1, "no time"),
        (&["show", "zzzzzz"], 2, "exactly one alert"),
        (&["ack", short], 2, "--as"),
    ] {
        let (code, _, complaints) = said(verb);
        assert_eq!(code, exit, "{verb:?}: {complaints}");
        assert!(complaints.contains(expected), "{verb:?}: {complaints}");
    }

    let (code, told, complaints) = said(&["ack", short, "--as", "ada", "--note", "on it"]);
    assert_eq!(code, 0, "{complaints}");
    assert!(told.starts_with("You take care of"), "{told}");
    let (code, told, complaints) = said(&["silence", "web-01", "2h", "--as", "ada"]);
    assert_eq!(code, 0, "{complaints}");
    assert!(told.contains("web-01 for 2h"), "{told}");
    eventually("who takes care of it can be read", PATIENCE, async || {
        said(&["list"]).1.contains("ada takes care of it")
    })
    .await;
    let (code, shown, _) = said(&["show", short]);
    assert_eq!(code, 0);
    assert!(
        shown.contains(id) && shown.contains("acknowledged") && shown.contains("on it"),
        "{shown}"
    );
    let (code, told, complaints) = said(&["resolve", "web-01", "--as", "ada"]);
    assert_eq!(code, 0, "{complaints}");
    assert!(told.contains("is over"), "{told}");
    eventually("its end can be read", PATIENCE, async || {
        said(&["list", "--all"]).1.contains("over, by hand")
    })
    .await;
}
