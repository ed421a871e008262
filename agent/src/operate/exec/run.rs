//! One program from its start to its end. Called by [`super::Exec`].
//!
//! It runs as the agent's user, in a process group of its own, with a small fixed environment: nothing of the agent's own,
//! which holds its key. The group gets SIGTERM when time is over or somebody cancels, and SIGKILL a little later. When the
//! program has ended and processes it left behind keep its output open, they are left alone after [`LINGER`].

use std::{
    io,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use chatops_schemas::{
    ids::CommandId,
    order::{Program, Run},
    session::Stream,
};
use rustix::process::{Pid, Signal};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, Command},
    sync::watch,
    time::{Instant, sleep_until},
};

use super::{
    Halt, Teller,
    group::{self, MARK},
    output::Output,
};

/// Between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(5);
/// The same when the agent itself is being stopped.
const STOPPING: Duration = Duration::from_secs(1);
/// How long output is still read after the program has ended.
const LINGER: Duration = Duration::from_millis(250);
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const SHELL: &str = "/bin/sh";
const READ: usize = 16 * 1024;

/// How a program ended, with what it said.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) status: io::Result<ExitStatus>,
    /// Why it was ended, if it was.
    pub(super) halted: Option<Halt>,
    pub(super) output: Output,
    /// Processes of it still held its output when it was left.
    pub(super) left_behind: bool,
}

/// Starts it. An error says what could not be done, in words for people.
pub(super) fn start(id: CommandId, run: &Run) -> Result<Child, String> {
    let path = run.env.get("PATH").map_or(PATH, String::as_str);
    let mut command = match &run.program {
        Program::Shell(line) => {
            let mut command = Command::new(SHELL);
            command.args(["-c", line]);
            command
        }
        Program::Argv(arguments) => {
            let (name, rest) = arguments
                .split_first()
                .ok_or_else(|| "there is no program to run".to_owned())?;
            let program = find(name, path).ok_or_else(|| {
                format!("there is no program {name:?} on this host, or it cannot be run")
            })?;
            let mut command = Command::new(program);
            command.arg0(name).args(rest);
            command
        }
    };
    let home = std::env::var_os("HOME").filter(|home| Path::new(home).is_dir());
    let home = home.unwrap_or_else(|| "/".into());
    let folder = run.cwd.as_ref().map_or(Path::new(&home), Path::new);
    command.env_clear();
    for name in ["USER", "LOGNAME"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
        .env("PATH", PATH)
        .env("HOME", &home)
        .env("SHELL", SHELL)
        .env("LANG", "C.UTF-8")
        .envs(&run.env)
        .env(MARK, id.to_string())
        .current_dir(folder)
        .process_group(0)
        .stdin(match run.stdin {
            Some(_) => Stdio::piped(),
            None => Stdio::null(),
        })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().map_err(|error| {
        if folder.is_dir() {
            format!("it cannot be started: {error}")
        } else {
            format!(
                "it cannot be started: there is no folder {}",
                folder.display()
            )
        }
    })
}

/// The program's file. Found here instead of by the system, which would look for it where the agent's own path says, and
/// could then not start it in the quick way.
fn find(name: &str, path: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return Some(PathBuf::from(name));
    }
    path.split(':')
        .filter(|folder| folder.starts_with('/'))
        .map(|folder| Path::new(folder).join(name))
        .find(|file| {
            file.is_file() && rustix::fs::access(file, rustix::fs::Access::EXEC_OK).is_ok()
        })
}

/// Reads what it writes until it has ended, tells it, and ends it when it must.
pub(super) async fn attend(
    mut child: Child,
    mut run: Run,
    began_at: Instant,
    teller: &mut Teller,
    mut halt: watch::Receiver<Option<Halt>>,
) -> Ran {
    let group = child.id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
    let (mut stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
    let mut feeding = std::pin::pin!(feed(child.stdin.take(), run.stdin.take()));
    let mut fed = false;
    let mut output = Output::new(run.output_limit, began_at);
    let mut buffers = [vec![0; READ], vec![0; READ]];
    let [out_buffer, err_buffer] = &mut buffers;
    let timeout = began_at + Duration::from_millis(run.timeout_ms);
    let (mut status, mut halted, mut deadline) = (None, None, timeout);
    let (mut killed, mut left_behind) = (false, false);
    while status.is_none() || stdout.is_some() || stderr.is_some() {
        let due_at = output.due_at();
        // Before anything is read: a program that writes all the time leaves no pause in which this could be noticed.
        if due_at.is_some_and(|at| at <= Instant::now()) {
            teller.tell(output.drain(), false).await;
            continue;
        }
        tokio::select! {
            biased;
            reason = asked(&mut halt), if halted.is_none() => {
                halted = Some(reason);
                deadline = Instant::now() + if reason == Halt::Stopping { STOPPING } else { GRACE };
                terminate(group);
            }
            () = sleep_until(deadline) => match (halted, &status) {
                // It was over before its time was.
                (None, Some(_)) => {
                    left_behind = true;
                    break;
                }
                (None, None) => {
                    halted = Some(Halt::TimedOut);
                    deadline = Instant::now() + GRACE;
                    terminate(group);
                }
                (Some(_), _) if !killed => {
                    killed = true;
                    deadline = Instant::now() + LINGER;
                    kill(group, teller.id);
                }
                // Somebody we cannot kill holds on to the output; the program itself is gone, or nothing ends it.
                (Some(_), Some(_)) => break,
                (Some(_), None) => deadline = Instant::now() + GRACE,
            },
            read = read(&mut stdout, out_buffer), if stdout.is_some() => match read {
                0 => stdout = None,
                len => output.take(Stream::Stdout, &out_buffer[..len], teller.has_room(), Instant::now()),
            },
            read = read(&mut stderr, err_buffer), if stderr.is_some() => match read {
                0 => stderr = None,
                len => output.take(Stream::Stderr, &err_buffer[..len], teller.has_room(), Instant::now()),
            },
            ended = child.wait(), if status.is_none() => {
                status = Some(ended);
                if halted.is_none() {
                    deadline = Instant::now() + LINGER;
                }
            }
            () = &mut feeding, if !fed => fed = true,
            () = sleep_until(due_at.unwrap_or(deadline)), if due_at.is_some() => {}
        }
    }
    if halted.is_some() && !killed {
        // The program obeyed; what it started may not have.
        kill(group, teller.id);
    }
    teller.tell(output.drain(), true).await;
    Ran {
        status: status.unwrap_or_else(|| Err(io::Error::other("it does not end"))),
        halted,
        output,
        left_behind,
    }
}

fn terminate(group: Option<Pid>) {
    if let Some(group) = group {
        group::signal(group, Signal::TERM);
        // One that is stopped would not hear it.
        group::signal(group, Signal::CONT);
    }
}

fn kill(group: Option<Pid>, id: CommandId) {
    if let Some(group) = group {
        group::signal(group, Signal::KILL);
    }
    group::sweep(Path::new("/proc"), &[id]);
}

/// Returns when it is to end.
async fn asked(halt: &mut watch::Receiver<Option<Halt>>) -> Halt {
    match halt.wait_for(Option::is_some).await {
        Ok(reason) => reason.unwrap_or(Halt::Stopping),
        // Whoever could ask is gone with the agent.
        Err(_) => Halt::Stopping,
    }
}

/// Bytes read; 0 at the end, and after an error, which for a pipe is one too.
async fn read(from: &mut Option<impl AsyncRead + Unpin>, buffer: &mut [u8]) -> usize {
    match from {
        Some(from) => from.read(buffer).await.unwrap_or(0),
        None => 0,
    }
}

/// Gives it what it reads, then closes. A program that does not read it is no error.
async fn feed(pipe: Option<tokio::process::ChildStdin>, text: Option<String>) {
    if let (Some(mut pipe), Some(text)) = (pipe, text) {
        let _ = pipe.write_all(text.as_bytes()).await;
    }
}

/// Exit code and signal.
pub(super) fn how(status: ExitStatus) -> (Option<i32>, Option<i32>) {
    (status.code(), status.signal())
}
