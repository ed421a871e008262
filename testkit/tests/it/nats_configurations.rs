//! The server configurations that ship in `nats/` start on real servers and do what they say.

use std::{path::PathBuf, time::Duration};

use chatops_testkit::{NatsServer, NatsServerBuilder, NatsVersion, eventually, free_port};

use crate::protocol::Client;

const SOON: Duration = Duration::from_secs(20);
const SERVICE: &str = r#"{"verbose":false,"user":"svc","pass":"service"}"#;

fn shipped(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../nats")
        .join(name)
        .canonicalize()
        .unwrap()
}

fn with_accounts(builder: NatsServerBuilder) -> NatsServerBuilder {
    builder
        .env("CHATOPS_NATS_SYS_PASSWORD", "\"system\"")
        .env("CHATOPS_NATS_AUTH_PASSWORD", "\"authority\"")
        .env("CHATOPS_NATS_SVC_PASSWORD", "\"service\"")
        .env(
            "CHATOPS_NATS_ISSUER",
            "\"ABJHLOVMPA4CI6R5KLNGOB4GSLNIY7IOUPAJC4YFNDLQVIOBYQGUWVLA\"",
        )
        .env(
            "CHATOPS_NATS_XKEY",
            "\"XAB3NANV3M6N7AHSQP2U5FRWKKUT7EG2ZXXABV4XVXYQRJGM4S2CZGHT\"",
        )
}

#[tokio::test]
async fn embedded_serves_its_accounts_and_turns_strangers_away() {
    for version in NatsVersion::ALL {
        let builder = NatsServer::builder()
            .version(version)
            .config_file(shipped("embedded.conf"))
            .websocket()
            .sync_always();
        let nats = with_accounts(builder).start().await.unwrap();
        let mut service = Client::connect_with(nats.address(), SERVICE).await.unwrap();
        service.create_stream().await.unwrap();
        assert!(
            service
                .request("s.a", "kept")
                .await
                .unwrap()
                .contains("\"seq\":1")
        );
        for (user, password) in [("sys", "system"), ("auth", "authority")] {
            let options = format!(r#"{{"verbose":false,"user":"{user}","pass":"{password}"}}"#);
            Client::connect_with(nats.address(), &options)
                .await
                .unwrap();
        }
        // Known names are checked here and never passed on to the callout.
        let stranger = r#"{"verbose":false,"user":"svc","pass":"wrong"}"#;
        assert!(
            Client::connect_with(nats.address(), stranger)
                .await
                .is_err()
        );
    }
}

#[tokio::test]
async fn no_service_may_remove_history() {
    let builder = NatsServer::builder()
        .config_file(shipped("embedded.conf"))
        .websocket();
    let nats = with_accounts(builder).start().await.unwrap();
    let mut service = Client::connect_with(nats.address(), SERVICE).await.unwrap();
    service.create_stream().await.unwrap();
    service.request("s.a", "kept").await.unwrap();
    for (verb, body) in [
        ("PURGE", ""),
        ("DELETE", ""),
        ("MSG.DELETE", r#"{"seq":1}"#),
    ] {
        let mut service = Client::connect_with(nats.address(), SERVICE).await.unwrap();
        let refused = service
            .request(&format!("$JS.API.STREAM.{verb}.S"), body)
            .await
            .unwrap_err();
        assert!(
            refused.to_string().contains("Permissions Violation"),
            "{refused}"
        );
    }
    assert_eq!(
        Client::connect_with(nats.address(), SERVICE)
            .await
            .unwrap()
            .stored()
            .await
            .unwrap(),
        1
    );
}

#[tokio::test]
async fn no_service_may_change_the_audit_streams() {
    const GLASS: &str = r#"{"verbose":false,"user":"glass","pass":"broken"}"#;
    // As a person does who has to: a user for the occasion, in a copy of the accounts.
    let given = std::fs::read_to_string(shipped("accounts.conf")).unwrap();
    let accounts = given.replace(
        "        users: [\n            {\n                user: svc",
        "        users: [\n            { user: glass, password: broken }\n            {\n                user: svc",
    );
    assert_ne!(given, accounts);
    let accounts = accounts.replace("auth_users: [", "auth_users: [ glass,");
    let nats = with_accounts(NatsServer::builder().config(accounts))
        .start()
        .await
        .unwrap();
    for stream in ["OPS_AUDIT", "OPS_AUDIT_STH"] {
        let config = |limit: i64| {
            format!(
                r#"{{"name":"{stream}","subjects":["{stream}.x"],"storage":"file","max_msgs":{limit}}}"#
            )
        };
        let mut service = Client::connect_with(nats.address(), SERVICE).await.unwrap();
        let create = format!("$JS.API.STREAM.CREATE.{stream}");
        let made = service.request(&create, &config(-1)).await.unwrap();
        assert!(!made.contains("\"error\""), "{made}");
        let subject = |verb: &str| format!("$JS.API.STREAM.{verb}.{stream}");
        for verb in ["UPDATE", "DELETE", "PURGE", "RESTORE"] {
            let mut service = Client::connect_with(nats.address(), SERVICE).await.unwrap();
            let refused = service.request(&subject(verb), &config(1)).await;
            let refused = refused.unwrap_err().to_string();
            assert!(
                refused.contains("Permissions Violation"),
                "{verb}: {refused}"
            );
        }
        // The same by somebody who broke the glass.
        let mut glass = Client::connect_with(nats.address(), GLASS).await.unwrap();
        let updated = glass.request(&subject("UPDATE"), &config(1)).await.unwrap();
        assert!(updated.contains("\"max_msgs\":1"), "{updated}");
    }
}

#[tokio::test]
async fn three_clustered_servers_keep_a_stream_while_one_is_dead() {
    let ports: Vec<u16> = (0..3).map(|_| free_port().unwrap()).collect();
    let mut nodes = Vec::new();
    for own in &ports {
        let mut builder = NatsServer::builder()
            .config_file(shipped("cluster.conf"))
            .env(
                "CHATOPS_NATS_CLUSTER_LISTEN",
                format!("\"127.0.0.1:{own}\""),
            )
            .env("CHATOPS_NATS_ROUTE_PASSWORD", "\"between\"");
        for (number, port) in ports.iter().enumerate() {
            builder = builder.env(
                format!("CHATOPS_NATS_ROUTE_{}", number + 1),
                format!("\"nats://route:between@127.0.0.1:{port}\""),
            );
        }
        nodes.push(with_accounts(builder).start().await.unwrap());
    }
    let address = nodes[0].address();
    eventually(
        "the cluster takes a stream with three copies",
        SOON,
        async || {
            let Ok(mut client) = Client::connect_with(address, SERVICE).await else {
                return false;
            };
            client
                .create_stream_with(
                    r#"{"name":"S","subjects":["s.>"],"storage":"file","num_replicas":3}"#,
                )
                .await
                .is_ok()
        },
    )
    .await;
    let publish = async |address| {
        let mut client = Client::connect_with(address, SERVICE).await.ok()?;
        client
            .request("s.a", "kept")
            .await
            .ok()
            .filter(|answer| answer.contains("\"seq\""))
    };
    eventually("a message is stored", SOON, async || {
        publish(address).await.is_some()
    })
    .await;

    nodes[2].kill().await.unwrap();
    eventually("two of three store another", SOON, async || {
        publish(address).await.is_some()
    })
    .await;
    nodes[2].restart().await.unwrap();
    let back = nodes[2].address();
    eventually("the third has caught up", SOON, async || {
        let Ok(mut client) = Client::connect_with(back, SERVICE).await else {
            return false;
        };
        client.stored().await.is_ok_and(|stored| stored >= 2)
    })
    .await;
}
