//! The built agent as a child process. It is killed when dropped.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
};

use rustix::process::{Pid, Signal, kill_process};

/// A key as the server would show it.
pub(crate) const KEY_ID: &str = "abcdefgh234567ab";
pub(crate) const SECRET: &str = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdE";

pub(crate) struct Agent {
    child: Child,
    said: Arc<Mutex<String>>,
}

impl Agent {
    /// Starts `run` with an interval of one second.
    pub(crate) fn run(url: &str, data: &Path) -> Self {
        let mut command = command(env!("CARGO_BIN_EXE_chatops-agent"), url, data);
        Self::start(command.args(["--interval", "1", "--log", "debug"]))
    }

    /// Starts `run` as an enrolled host would: with the server's signing key and these capabilities in its settings.
    pub(crate) fn enrolled(url: &str, data: &Path, signing_key: &str, capabilities: &str) -> Self {
        let settings = data.join("agent.toml");
        std::fs::write(
            &settings,
            format!("signing_key = \"{signing_key}\"\ncapabilities = [{capabilities}]\n"),
        )
        .unwrap();
        let mut command = command(env!("CARGO_BIN_EXE_chatops-agent"), url, data);
        command.arg("--config").arg(settings);
        // A secret of the agent's own that no command may see.
        command.env("CHATOPS_TEST_SECRET", "hunter2");
        Self::start(command.args(["--interval", "1", "--log", "debug"]))
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has ended by itself or by somebody else's hand.
    pub(crate) fn wait(mut self) -> ExitStatus {
        self.child.wait().expect("wait for the agent")
    }

    /// The same with settings from this file.
    pub(crate) fn with_config(url: &str, data: &Path, config: &Path) -> Self {
        let mut command = command(env!("CARGO_BIN_EXE_chatops-agent"), url, data);
        Self::start(command.arg("--config").arg(config))
    }

    /// Resident memory.
    pub(crate) fn resident_kib(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("read the agent's status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
        number
            .and_then(|number| number.parse().ok())
            .expect("a size")
    }

    /// Likewise, where programs are found in this folder only.
    pub(crate) fn run_with_path(url: &str, data: &Path, config: &Path, programs: &Path) -> Self {
        let mut command = command(env!("CARGO_BIN_EXE_chatops-agent"), url, data);
        Self::start(command.arg("--config").arg(config).env("PATH", programs))
    }

    fn start(command: &mut Command) -> Self {
        let mut child = command
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("start the agent");
        let said = Arc::new(Mutex::new(String::new()));
        let (lines, heard) = (
            BufReader::new(child.stderr.take().expect("stderr")),
            Arc::clone(&said),
        );
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                let mut heard = heard.lock().unwrap();
                heard.push_str(&line);
                heard.push('\n');
            }
        });
        Self { child, said }
    }

    /// Everything it has logged.
    pub(crate) fn log(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("kill the agent");
        self.child.wait().expect("wait for the agent");
    }

    /// SIGTERM, and how it ended.
    pub(crate) fn stop(mut self) -> (ExitStatus, String) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).expect("signal the agent");
        let status = self.child.wait().expect("wait for the agent");
        (status, self.log())
    }
}

fn command(program: &str, url: &str, data: &Path) -> Command {
    chatops_testkit::evidence::secret("an agent's key", SECRET);
    let mut command = Command::new(program);
    command
        .arg("run")
        .env("CHATOPS_AGENT_URL", url)
        .env("CHATOPS_API_KEY", format!("chatops_{KEY_ID}_{SECRET}"))
        .env("CHATOPS_AGENT_DATA", data);
    command
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        chatops_testkit::evidence::said("agent", &self.log());
        if std::thread::panicking() {
            eprintln!("the agent said:\n{}", self.log());
        }
    }
}
