use chatops_testkit::{NatsServer, NatsVersion};

use crate::protocol::Client;

#[tokio::test]
async fn what_was_acknowledged_survives_kill_and_stop_on_both_versions() {
    for version in NatsVersion::ALL {
        let mut nats = NatsServer::builder()
            .version(version)
            .sync_always()
            .start()
            .await
            .unwrap();
        let mut client = Client::connect(nats.address()).await.unwrap();
        client.create_stream().await.unwrap();
        for number in 0..3 {
            let answer = client
                .request("s.a", &format!("message {number}"))
                .await
                .unwrap();
            assert!(answer.contains("\"seq\""), "{answer}");
        }
        let url = nats.url();

        nats.kill().await.unwrap();
        assert!(Client::connect(nats.address()).await.is_err());
        nats.restart().await.unwrap();
        assert_eq!(nats.url(), url);
        assert_eq!(
            Client::connect(nats.address())
                .await
                .unwrap()
                .stored()
                .await
                .unwrap(),
            3
        );

        nats.stop().await.unwrap();
        assert!(nats.log().contains("Server Exiting"));
        nats.restart().await.unwrap();
        assert_eq!(
            Client::connect(nats.address())
                .await
                .unwrap()
                .stored()
                .await
                .unwrap(),
            3
        );
    }
}

#[tokio::test]
async fn each_version_is_the_one_it_says() {
    for (version, number) in [
        (NatsVersion::V2_15, "2.15.1"),
        (NatsVersion::V2_10, "2.10."),
    ] {
        let nats = NatsServer::builder()
            .version(version)
            .start()
            .await
            .unwrap();
        let varz: serde_json::Value =
            serde_json::from_str(&nats.monitor("varz").await.unwrap()).unwrap();
        assert!(
            varz["version"].as_str().unwrap().starts_with(number),
            "{varz}"
        );
        assert!(nats.monitor("nothing").await.is_err());
    }
}

#[tokio::test]
async fn given_configuration_and_variables_are_used() {
    let users = "authorization { users: [{ user: ann, password: $SECRET }] }";
    let mut nats = NatsServer::builder()
        .config(users)
        .env("SECRET", "\"opensesame\"")
        .websocket()
        .start()
        .await
        .unwrap();
    assert!(Client::connect(nats.address()).await.is_err());
    Client::connect_with(
        nats.address(),
        r#"{"verbose":false,"user":"ann","pass":"opensesame"}"#,
    )
    .await
    .unwrap();
    assert!(nats.websocket_url().unwrap().starts_with("ws://127.0.0.1:"));

    nats.reconfigure("").await.unwrap();
    Client::connect(nats.address()).await.unwrap();
}

#[tokio::test]
async fn a_bad_configuration_fails_at_once_and_says_why() {
    let error = NatsServer::builder()
        .config("authorization { timeout: ")
        .start()
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("given.conf") || error.to_string().contains("parse"),
        "{error}"
    );
}
