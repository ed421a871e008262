//! An agent of one's own that may do everything, beside the one of the machine.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::http::Client;

pub(crate) struct Agent {
    config: PathBuf,
    child: Child,
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        chatops_testkit::forget(self.child.id());
    }
}

impl Agent {
    /// Enrols this server's agent, which reaches it at `url`, with its files in `folder`, and starts it. `more` is added to
    /// its settings.
    pub(crate) async fn enrol(
        client: &Client,
        server: &str,
        folder: &Path,
        url: &str,
        more: &str,
    ) -> Self {
        let path = format!("/api/v1/servers/{server}/enrolment");
        let offer = post(client, &path, json!({})).await.1;
        let body = json!({"code": offer["code"], "hostname": "h"});
        let enrolled = post(client, "/api/v1/enroll", body).await.1;
        fs::create_dir_all(folder).unwrap();
        let config = folder.join("agent.toml");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let settings = format!(
            "url = \"{url}\"\napi_key = \"{}\"\nsigning_key = \"{}\"\ncapabilities = [\"all\"]\ndata = {:?}\n{more}\n",
            text(&enrolled["key"]),
            text(&enrolled["signing_key"]["public_key"]),
            folder.join("state"),
        );
        fs::write(&config, settings).unwrap();
        let child = run(&config);
        Self { config, child }
    }

    pub(crate) fn kill_and_start_again(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        chatops_testkit::forget(self.child.id());
        self.child = run(&self.config);
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }
}

fn run(config: &Path) -> Child {
    let program = Path::new(env!("CARGO_BIN_EXE_chatops")).with_file_name("chatops-agent");
    let child = Command::new(program)
        .args(["run", "--config"])
        .arg(config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    chatops_testkit::watch(child.id()).unwrap();
    child
}

/// Status and body of the answer.
pub(crate) async fn post(client: &Client, path: &str, body: Value) -> (u16, Value) {
    let answer = client.send(Method::POST, path, Some(body)).await;
    (answer.status().as_u16(), answer.json().await.unwrap())
}
