//! What is kept of a terminal where that is wanted: what it showed, in its order, and nothing that was typed unseen.

use chatops_testkit::{eventually, evidence, until};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::World;
use crate::installation::PATIENCE;

/// Typed where the program has switched the echo off, as at a question for a password.
const TYPED: &str = "mauve-lantern-52-orchard";

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_holds_what_was_shown_and_not_what_was_typed_unseen() {
    let world = World::new().await;
    evidence::secret("typed at a question for a password", TYPED);
    let policy = format!("/api/v1/servers/{}/terminal-policy", world.server);
    let shown = world.owner.get(&policy).await;
    assert_eq!(shown["recorded"], false, "only where somebody wants it");
    let mut unseen = world.open(&world.owner).await;
    unseen.see("echo not''-kept\n", "not-kept").await;

    let wanted = Some(json!({"own": true}));
    let answer = world.owner.send(Method::PUT, &policy, wanted).await;
    assert!(answer.status().is_success(), "{}", answer.status());
    let mut terminal = world.open(&world.owner).await;
    // The shell echoes nothing from the beginning; the question takes one line.
    terminal
        .see("printf 'pass''word: '; read answer\n", "password: ")
        .await;
    let line = format!("{TYPED}\nprintf '\\033[32mgr\\303\\274n ''%s\\033[0m\\n' ${{#answer}}\n");
    let wanted = format!("grün {}", TYPED.len());
    terminal.see(&line, &wanted).await;
    terminal
        .frame(&json!({"type": "resize", "cols": 132, "rows": 43}))
        .await;
    terminal.see("stty size\n", "43 132").await;
    let session = terminal.session.clone();
    terminal.say("exit\n").await;
    world.reason(&session).await;

    let one = |session: &str| format!("/api/v1/servers/{}/terminals/{session}", world.server);
    let path = format!("{}/recording", one(&session));
    let text = until("all of it is kept", PATIENCE, async || {
        let answer = world.owner.send(Method::GET, &path, None).await;
        let text = answer.text().await.unwrap();
        text.contains("43 132").then_some(text)
    })
    .await;
    let mut lines = text.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        line
    });
    let header = lines.next().unwrap();
    assert_eq!(
        (&header["version"], &header["width"], &header["height"]),
        (&json!(2), &json!(80), &json!(24))
    );
    let (mut output, mut sizes, mut last) = (String::new(), Vec::new(), 0.0);
    for line in lines {
        let at = line[0].as_f64().unwrap();
        assert!(at >= last, "in order");
        last = at;
        let data = line[2].as_str().unwrap();
        match line[1].as_str().unwrap() {
            "o" => output.push_str(data),
            "r" => sizes.push(data.to_owned()),
            other => panic!("{other}"),
        }
    }
    assert_eq!(sizes, ["132x43"]);
    let green = format!("\u{1b}[32m{wanted}\u{1b}[0m");
    assert!(output.contains("password: ") && output.contains(&green));
    assert!(!text.contains(TYPED), "what was typed unseen is not kept");

    // What was not recorded has none.
    let path = format!("{}/recording", one(&unseen.session));
    let answer = world.owner.send(Method::GET, &path, None).await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);

    // Seen and erased, both on the record.
    let path = format!("{}/recording", one(&session));
    let gone = world.owner.send(Method::DELETE, &path, None).await;
    assert!(gone.status().is_success(), "{}", gone.status());
    eventually("it is gone", PATIENCE, async || {
        let answer = world.owner.send(Method::GET, &path, None).await;
        answer.status() == StatusCode::NOT_FOUND
    })
    .await;
    for action in ["access.exported", "terminal.recording_erased"] {
        eventually(action, PATIENCE, async || {
            let page = format!("/api/v1/audit?action={action}");
            let page = world.owner.get(&page).await;
            !page["entries"].as_array().unwrap().is_empty()
        })
        .await;
    }
}
