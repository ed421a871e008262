//! One installation of `chatops up` and the supervisor that runs on it.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::Duration,
};

use chatops_testkit::{Runtime, Scratch, eventually, free_port, scratch_dir, until};
use rustix::process::{Pid, Signal, kill_process};

use crate::http::Client;

/// Generous: a debug build on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Installation {
    scratch: Scratch,
    pub(crate) port: u16,
    settings: Vec<String>,
}

impl Installation {
    pub(crate) fn new() -> Self {
        let port = free_port().unwrap();
        let mut settings = vec![format!("listen=127.0.0.1:{port}")];
        for path in [
            "nats.listen",
            "nats.websocket_listen",
            "nats.monitor_listen",
            "database.listen",
        ] {
            settings.push(format!("{path}=127.0.0.1:{}", free_port().unwrap()));
        }
        Self {
            scratch: scratch_dir().unwrap(),
            port,
            settings,
        }
    }

    /// With one more setting, `path=value`.
    pub(crate) fn with(mut self, setting: &str) -> Self {
        self.settings.push(setting.to_owned());
        self
    }

    /// The value of a setting.
    pub(crate) fn setting(&self, path: &str) -> &str {
        self.settings
            .iter()
            .find_map(|setting| setting.strip_prefix(path)?.strip_prefix('='))
            .unwrap()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.scratch.join("data")
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.port)
    }

    /// `chatops VERB…` on these data, not started yet.
    pub(crate) fn command(&self, verb: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chatops"));
        command.args(verb).arg("--data").arg(self.data());
        for setting in &self.settings {
            command.arg("--set").arg(setting);
        }
        command.env("CHATOPS_RUNTIME", Runtime::find().unwrap().root());
        command.stdin(Stdio::null());
        command
    }

    /// What a command that ends by itself says: exit code, stdout, stderr.
    pub(crate) fn output(&self, verb: &[&str]) -> (i32, String, String) {
        let output = self.command(verb).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (
            output.status.code().unwrap_or(-1),
            text(&output.stdout),
            text(&output.stderr),
        )
    }

    /// Starts the supervisor and returns at once.
    pub(crate) fn start(&self) -> Supervisor {
        Supervisor::new(self.command(&["up"]))
    }

    /// Starts roles beside it, serving at a port of their own.
    pub(crate) fn serve(&self, roles: &str, port: u16) -> Supervisor {
        let listen = format!("listen=127.0.0.1:{port}");
        let mut command = self.command(&["serve", "--role", roles]);
        command.args(["--set", &listen]);
        Supervisor::new(command)
    }

    /// Process ids of the children that run on these data.
    pub(crate) fn children(&self, program: &str) -> Vec<u32> {
        processes(&self.data())
            .into_iter()
            .filter(|(_, line)| {
                line.split('\0')
                    .next()
                    .is_some_and(|name| name.ends_with(program))
            })
            .map(|(pid, _)| pid)
            .collect()
    }

    /// Waits until nothing runs on these data any more.
    pub(crate) async fn quiet(&self) {
        let data = self.data();
        eventually("every child has left", PATIENCE, async || {
            processes(&data).is_empty()
        })
        .await;
    }
}

/// Whatever names the data directory on its command line: the supervisor and its children.
fn processes(data: &Path) -> Vec<(u32, String)> {
    let data = data.to_str().unwrap();
    let all = fs::read_dir("/proc").unwrap().flatten();
    all.filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let line = fs::read_to_string(entry.path().join("cmdline")).ok()?;
        line.contains(data).then_some((pid, line))
    })
    .collect()
}

pub(crate) struct Supervisor {
    child: Child,
    said: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Supervisor {
    pub(crate) fn new(mut command: Command) -> Self {
        let command = command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        chatops_testkit::watch(child.id()).unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let into = Arc::clone(&said);
        let reader = std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let mut said = into.lock().unwrap();
                said.push_str(&line);
                said.push('\n');
            }
        });
        Self {
            child,
            said,
            reader: Some(reader),
        }
    }

    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Waits for the closing words of the start.
    pub(crate) async fn ready(&mut self) {
        eventually("chatops up is ready", PATIENCE, async || {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "it ended with {ended:?}:\n{}", self.said());
            self.said().contains("Ctrl-C")
        })
        .await;
    }

    /// The token in the printed address.
    pub(crate) fn setup_token(&self) -> Option<String> {
        let said = self.said();
        let rest = said.split("setup#token=").nth(1)?;
        Some(rest.split_whitespace().next()?.to_owned())
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Ctrl-C, and everything it says until it has left.
    pub(crate) async fn interrupt(mut self) -> (ExitStatus, String) {
        self.signal(Signal::INT);
        self.left().await
    }

    /// Waits for its end and returns what it said.
    pub(crate) async fn left(&mut self) -> (ExitStatus, String) {
        let status = until("chatops up leaves", PATIENCE, async || {
            self.child.try_wait().unwrap()
        })
        .await;
        // The children have files for their words, so the pipe ends with the supervisor.
        self.reader.take().unwrap().join().unwrap();
        (status, self.said())
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        chatops_testkit::forget(self.child.id());
        chatops_testkit::evidence::said("chatops", &self.said());
    }
}
