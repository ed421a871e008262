//! Roles in processes of their own, beside others on the same servers.

use chatops_testkit::{eventually, free_port};
use reqwest::{Method, StatusCode};
use rustix::process::Signal;

use crate::{
    http::Client,
    installation::{Installation, PATIENCE},
};

#[tokio::test]
async fn a_second_api_serves_the_same_fleet_and_drains_when_asked() {
    let installation = Installation::new();
    let mut supervisor = installation.start();
    supervisor.ready().await;
    let token = supervisor.setup_token().unwrap();
    let mut first = installation.client();
    assert_eq!(
        first.register("ada", Some(&token)).await,
        StatusCode::CREATED
    );

    let port = free_port().unwrap();
    let mut beside = installation.serve("api,gateway", port);
    let mut second = Client::new(port);
    eventually("the second API is ready", PATIENCE, async || {
        second.ready().await
    })
    .await;
    assert_eq!(second.login("ada").await, StatusCode::OK);
    assert_eq!(second.get("/api/v1/servers").await["total"], 1);
    beside.signal(Signal::TERM);
    let (status, said) = beside.left().await;
    assert!(status.success(), "{said}");

    // A lost password: only whoever has the machine can replace it.
    let (code, password, said) = installation.output(&["admin", "reset-password", "ada"]);
    assert_eq!(code, 0, "{said}");
    let mut again = installation.client();
    assert_eq!(again.login("ada").await, StatusCode::UNAUTHORIZED);
    assert_eq!(
        again.login_with("ada", password.trim()).await,
        StatusCode::OK
    );
    let (code, _, said) = installation.output(&["admin", "reset-password", "nobody"]);
    assert_eq!(code, 1, "{said}");

    // A stolen browser, a lost authenticator.
    let (code, ended, said) = installation.output(&["admin", "end-sessions", "ada"]);
    assert_eq!((code, ended.trim()), (0, "1"), "{said}");
    eventually("the session has ended", PATIENCE, async || {
        let me = again.send(Method::GET, "/api/v1/auth/me", None).await;
        me.status() == StatusCode::UNAUTHORIZED
    })
    .await;
    for (user, expected) in [("ada", 0), ("nobody", 1)] {
        let verb = ["admin", "remove-second-factor", user];
        let (code, _, said) = installation.output(&verb);
        assert_eq!(code, expected, "{said}");
    }

    let (code, days, _) = installation.output(&["admin", "retention", "--raw", "7"]);
    assert_eq!(code, 0);
    assert!(
        days.lines()
            .any(|line| line.starts_with("samples") && line.ends_with('7')),
        "{days}"
    );
    let (code, _, said) = installation.output(&["admin", "retention", "--raw", "1"]);
    assert_eq!(code, 2, "{said}");
    supervisor.interrupt().await;
    installation.quiet().await;
}
