//! An installation with an authority of its own: everything over TLS, and nobody else is believed.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use chatops_testkit::{scratch_dir, until};
use reqwest::{Method, StatusCode};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::{
    io::AsyncReadExt as _,
    net::TcpStream,
    time::{Duration, timeout},
};

use crate::{
    http::Client,
    installation::{Installation, PATIENCE, Supervisor},
};

async fn sh(command: &str, host: &Path) -> (bool, String) {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", command]).env("DESTDIR", host);
    let output: Output = tokio::task::spawn_blocking(move || shell.output().unwrap())
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success(), said)
}

fn run(host: &Path, data: &str) -> Supervisor {
    let mut agent = Command::new(host.join("usr/local/bin/chatops-agent"));
    agent
        .arg("run")
        .arg("--config")
        .arg(host.join("etc/chatops/agent.toml"))
        .arg("--data")
        .arg(host.join(data));
    Supervisor::new(agent)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_encrypted_and_another_authority_is_refused() {
    let installation = Installation::new().with("tls.mode=private");
    let mut supervisor = installation.start();
    supervisor.ready().await;
    let ca = fs::read(installation.data().join("tls/ca.pem")).unwrap();
    let fingerprint = data_encoding::HEXLOWER.encode(&Sha256::digest(
        CertificateDer::from_pem_slice(&ca).unwrap(),
    ));
    assert!(
        supervisor.said().contains(&fingerprint),
        "{}",
        supervisor.said()
    );

    let mut client = Client::trusting(installation.port, &ca);
    // Nobody gets in without TLS, over HTTP or NATS.
    let plain = reqwest::get(format!("http://127.0.0.1:{}/readyz", installation.port)).await;
    assert!(plain.is_err(), "{plain:?}");
    let public = reqwest::get(format!("https://127.0.0.1:{}/readyz", installation.port)).await;
    assert!(public.is_err(), "the authority is nobody's but ours");
    let mut nats = TcpStream::connect(installation.setting("nats.listen"))
        .await
        .unwrap();
    let mut greeting = vec![0; 2048];
    let length = timeout(Duration::from_secs(10), nats.read(&mut greeting))
        .await
        .unwrap()
        .unwrap();
    let greeting = String::from_utf8_lossy(&greeting[..length]).into_owned();
    assert!(greeting.contains(r#""tls_required":true"#), "{greeting}");

    // The local agent and our own services speak TLS, or there would be no samples.
    let token = supervisor.setup_token();
    assert_eq!(
        client.register("ada", token.as_deref()).await,
        StatusCode::CREATED
    );
    until("the local agent is online", PATIENCE, async || {
        let fleet = client.get("/api/v1/servers").await;
        (fleet["servers"][0]["status"] == "online").then_some(())
    })
    .await;

    let post = async |path: &str, body: Value| -> Value {
        let answer = client.send(Method::POST, path, Some(body)).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        answer.json().await.unwrap()
    };
    let server = post("/api/v1/servers", json!({"name": "web-7"})).await;
    let id = server["id"].as_str().unwrap().to_owned();
    let offer = post(&format!("/api/v1/servers/{id}/enrolment"), json!({})).await;
    assert_eq!(offer["ca_sha256"], fingerprint);
    let scratch = scratch_dir().unwrap();
    let host = scratch.join("");
    let (done, said) = sh(offer["command"].as_str().unwrap(), &host).await;
    assert!(done, "{said}");
    let agent = run(&host, "data");
    until("its samples arrive", PATIENCE, async || {
        let shown = client.get(&format!("/api/v1/servers/{id}")).await;
        (shown["status"] == "online" && shown["latest"].is_object()).then_some(())
    })
    .await;
    agent.kill();

    // Somebody with an authority of their own, first at enrolment …
    let offer = post(&format!("/api/v1/servers/{id}/enrolment"), json!({})).await;
    let program = host.join("usr/local/bin/chatops-agent");
    let command = offer["enroll_command"].as_str().unwrap();
    let beside = scratch_dir().unwrap();
    let elsewhere = beside.join("");
    let with = |pin: &str| {
        command
            .replace("chatops-agent", program.to_str().unwrap())
            .replace(&fingerprint, pin)
            + &format!(" --config {}", elsewhere.join("agent.toml").display())
    };
    let (done, said) = sh(&with(&"0".repeat(64)), &elsewhere).await;
    assert!(
        !done && said.contains("not from the authority this host was enrolled with"),
        "{said}"
    );
    let unpinned = with(&fingerprint).replace(&format!(" --ca-sha256 {fingerprint}"), "");
    let (done, said) = sh(&unpinned, &elsewhere).await;
    assert!(!done && said.contains("--ca-sha256"), "{said}");
    assert!(!elsewhere.join("agent.toml").exists());

    // … then with the file on the host exchanged, and at last in the place of the server.
    let forged = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let kept = host.join("etc/chatops/ca.pem");
    fs::write(&kept, forged.cert.pem()).unwrap();
    let mut refused = run(&host, "data");
    let (status, said) = refused.left().await;
    assert!(
        !status.success() && said.contains("not the one this host was enrolled with"),
        "{said}"
    );
    let config = host.join("etc/chatops/agent.toml");
    let pin = data_encoding::HEXLOWER.encode(&Sha256::digest(forged.cert.der()));
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace(&fingerprint, &pin)).unwrap();
    let turned = run(&host, "data");
    until("the server is refused, in words", PATIENCE, async || {
        let said = turned.said();
        said.contains("not from the authority this host was enrolled with")
            .then_some(())
    })
    .await;
    turned.kill();
    supervisor.interrupt().await;

    // What was pinned holds after a restart.
    let mut again = installation.start();
    again.ready().await;
    assert!(again.said().contains(&fingerprint));
    again.interrupt().await;
    installation.quiet().await;
}

#[tokio::test]
async fn clear_text_beyond_this_machine_is_warned_of() {
    let port = chatops_testkit::free_port().unwrap();
    let installation = Installation::new().with(&format!("nats.listen=0.0.0.0:{port}"));
    let mut supervisor = installation.start();
    supervisor.ready().await;
    let (_, said) = supervisor.interrupt().await;
    assert!(
        said.contains("nats.listen is 0.0.0.0") && said.contains("unencrypted"),
        "{said}"
    );
    installation.quiet().await;
}
