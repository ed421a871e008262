//! A shell of the agent's user on the host, behind a pseudo-terminal.
//!
//! The library's terminal is read and written by blocking calls, so two threads do that, and a third waits for the shell:
//! each with a small stack, each gone with the terminal.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    path::Path,
    thread,
    time::Duration,
};

use bytes::Bytes;
use chatops_schemas::order::Terminal;
use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep},
};

use super::{Kind, Shell};

/// Pieces that wait between the threads and the task.
const PIECES: usize = 4;
pub(super) const PIECE: usize = 16 * 1024;
const STACK: usize = 128 * 1024;
/// Between asking what is left to go and making it.
const GRACE: Duration = Duration::from_secs(2);
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Shells that take `-l` for "read the files of a login".
const LOGIN_SHELLS: [&str; 7] = ["sh", "bash", "dash", "zsh", "fish", "ash", "ksh"];

/// The terminal itself. Closing it hangs up on whoever is left.
pub(super) struct Pty {
    master: Box<dyn MasterPty + Send>,
    /// Of the shell, which leads the session.
    leader: Option<Pid>,
}

/// Starts the shell that was asked for, or the login shell of the agent's user.
pub(super) fn open(terminal: &Terminal) -> Result<Shell, PtyError> {
    let pair = native_pty_system()
        .openpty(size(terminal.cols, terminal.rows))
        .map_err(failed)?;
    let mut child = pair
        .slave
        .spawn_command(command(terminal))
        .map_err(failed)?;
    // Only the shell and what it starts hold the other side: when they are gone, reading ends.
    drop(pair.slave);
    let mut reader = pair.master.try_clone_reader().map_err(failed)?;
    let mut writer = pair.master.take_writer().map_err(failed)?;
    let leader = child
        .process_id()
        .and_then(|pid| Pid::from_raw(pid.cast_signed()));

    let (show, output) = mpsc::channel(PIECES);
    spawn("terminal out", move || {
        let mut buffer = vec![0; PIECE];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
                Ok(read) => {
                    // Waits while nobody takes it; meanwhile nothing is read, and the kernel stops the program.
                    let piece = Bytes::copy_from_slice(&buffer[..read]);
                    if show.blocking_send(piece).is_err() {
                        return;
                    }
                }
            }
        }
    })?;
    let (input, mut typed) = mpsc::channel::<Bytes>(PIECES);
    spawn("terminal in", move || {
        while let Some(keys) = typed.blocking_recv() {
            if writer.write_all(&keys).is_err() {
                return;
            }
        }
    })?;
    let (tell, exited) = oneshot::channel();
    spawn("terminal end", move || {
        let code = child
            .wait()
            .ok()
            .map(|status| status.exit_code().cast_signed());
        // Nobody may want to know any more.
        let _ = tell.send(code);
    })?;
    let master = pair.master;
    Ok(Shell {
        output,
        input,
        exited,
        kind: Kind::Pty(Pty { master, leader }),
    })
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let thread = thread::Builder::new()
        .name(name.to_owned())
        .stack_size(STACK);
    thread.spawn(work).map(drop)
}

/// Why there is no shell. The library's errors, as text: what is behind them is not ours to look into.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct PtyError(String);

fn failed(error: impl std::fmt::Display) -> PtyError {
    PtyError(format!("{error:#}"))
}

impl From<io::Error> for PtyError {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

const fn size(cols: u16, rows: u16) -> PtySize {
    PtySize {
        rows,
        cols,
        pixel_width: 0,
        pixel_height: 0,
    }
}

/// The shell with a small environment of its own: what the agent was started with is not its business.
fn command(terminal: &Terminal) -> CommandBuilder {
    let user = User::current();
    let shell = terminal.shell.clone().unwrap_or_else(|| user.shell.clone());
    let mut command = CommandBuilder::new(&shell);
    let name = Path::new(&shell).file_name().unwrap_or_default();
    if LOGIN_SHELLS.iter().any(|known| name == *known) {
        command.arg("-l");
    }
    let home = if Path::new(&user.home).is_dir() {
        user.home.as_str()
    } else {
        "/"
    };
    command.cwd(home);
    command.env_clear();
    for (name, value) in [
        ("TERM", "xterm-256color"),
        ("COLORTERM", "truecolor"),
        ("SHELL", &shell),
        ("HOME", home),
        ("USER", &user.name),
        ("LOGNAME", &user.name),
        (
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        ),
    ] {
        command.env(name, value);
    }
    // How characters are encoded is the host's own choice; terminals in browsers speak UTF-8.
    let language = std::env::var("LANG").unwrap_or_else(|_| "C.UTF-8".to_owned());
    command.env("LANG", language);
    command
}

/// The agent's user, as `/etc/passwd` says.
struct User {
    name: String,
    home: String,
    shell: String,
}

impl User {
    fn current() -> Self {
        let id = rustix::process::getuid().as_raw();
        let known = fs::read_to_string("/etc/passwd").unwrap_or_default();
        Self::find(&known, id).unwrap_or_else(|| Self {
            name: id.to_string(),
            home: "/".to_owned(),
            shell: "/bin/sh".to_owned(),
        })
    }

    fn find(passwd: &str, id: u32) -> Option<Self> {
        passwd.lines().find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            if fields.nth(1)?.parse() != Ok(id) {
                return None;
            }
            let home = fields.nth(2)?.to_owned();
            let shell = fields.next().unwrap_or_default();
            // A user that is not meant to log in has none worth the name.
            let usable =
                !shell.is_empty() && !shell.ends_with("nologin") && !shell.ends_with("/false");
            Some(Self {
                name: name.to_owned(),
                home,
                shell: if usable { shell } else { "/bin/sh" }.to_owned(),
            })
        })
    }
}

impl Pty {
    pub(super) fn resize(&mut self, cols: u16, rows: u16) {
        if let Err(error) = self.master.resize(size(cols, rows)) {
            tracing::debug!("a terminal could not be resized: {error:#}");
        }
    }

    /// Ends what runs in it; see [`end_session`].
    pub(super) async fn end(self, thorough: bool) {
        let Some(leader) = self.leader else { return };
        end_session(leader, thorough).await;
    }
}

/// Hangs up on all that runs in a session, and kills what does not go, if that is wanted.
pub(super) async fn end_session(leader: Pid, thorough: bool) {
    for pid in members(leader).await {
        hang_up(pid);
    }
    if !thorough {
        return;
    }
    let deadline = Instant::now() + GRACE;
    loop {
        let left = members(leader).await;
        if left.is_empty() {
            return;
        }
        if Instant::now() >= deadline {
            for pid in left {
                // It may have gone this moment.
                let _ = kill_process(pid, Signal::KILL);
            }
            return;
        }
        sleep(LOOK_AGAIN).await;
    }
}

fn hang_up(pid: Pid) {
    // It may have gone this moment. One that is stopped must run to hear of it.
    let _ = kill_process(pid, Signal::HUP);
    let _ = kill_process(pid, Signal::CONT);
}

/// All processes of a session. Its number is that of its leader, and is not given to another process while one is left.
async fn members(leader: Pid) -> Vec<Pid> {
    let read = move || {
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let name = entry.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else {
                continue;
            };
            let Ok(stat) = fs::read(entry.path().join("stat")) else {
                continue;
            };
            if session_of(&stat) == Some(leader.as_raw_nonzero().get()) {
                found.extend(Pid::from_raw(pid));
            }
        }
        found
    };
    tokio::task::spawn_blocking(read).await.unwrap_or_default()
}

/// Field 6 of `/proc/<pid>/stat`, of a process that still runs.
fn session_of(stat: &[u8]) -> Option<i32> {
    // The name in field 2 may hold anything, a closing bracket too: the last one ends it.
    let rest = stat.rsplitn(2, |byte| *byte == b')').next()?;
    let text = std::str::from_utf8(rest).ok()?;
    let mut fields = text.split_ascii_whitespace();
    let state = fields.next()?;
    if state == "Z" {
        return None;
    }
    fields.nth(2)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_is_found_whatever_the_name() {
        assert_eq!(session_of(b"12 (sh) S 1 12 7 34816 0"), Some(7));
        assert_eq!(session_of(b"12 (a) b) (c) R 1 12 9 0"), Some(9));
        assert_eq!(session_of(b"12 (sh) Z 1 12 7 0"), None);
        assert_eq!(session_of(b""), None);
    }

    #[test]
    fn a_user_that_may_not_log_in_gets_the_plain_shell() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\nagent:x:990:990::/var/lib/agent:/usr/sbin/nologin\nbad\n";
        let root = User::find(passwd, 0).unwrap();
        assert_eq!(
            (root.name.as_str(), root.home.as_str(), root.shell.as_str()),
            ("root", "/root", "/bin/bash")
        );
        let agent = User::find(passwd, 990).unwrap();
        assert_eq!(
            (agent.home.as_str(), agent.shell.as_str()),
            ("/var/lib/agent", "/bin/sh")
        );
        assert!(User::find(passwd, 5).is_none());
    }
}
