//! Terminals on the host and in containers. Called by the [`Desk`](super::Desk).
//!
//! One task per session, between the viewer ([`SessionIo`]) and a [`Shell`]: what is typed goes in, what is shown comes
//! out, both bounded. Output waits in the kernel while the viewer has shown less than the window, so a program that writes
//! without end stands still and costs nothing. Sent as it is read, without waiting for more: an echo is not late; while
//! there is no credit the ring puts pieces together.
//!
//! A session ends when its shell does, when somebody closes it, when nobody types for `idle_s`, when nobody renews it for
//! `lease_s`, and when the agent stops. Everything that was started in it and has not left it (`setsid`) is hung up, and
//! killed if it does not go. When the agent dies, however, the kernel closes its side of the terminal, which hangs the
//! session up too.

mod container;
mod pty;

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use chatops_schemas::{
    order::{Refusal, RefusalCode, Terminal},
    session::{Control, Ended},
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::{Instant, sleep, sleep_until, timeout},
};

use super::{
    Host,
    session::{Closed, Down, SessionIo, SessionOut},
};

/// Most bytes of input that wait for a program that does not read.
const MOST_INPUT: usize = 1 << 20;
/// Output that was written before the end is waited for so long.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A running shell, wherever it runs.
struct Shell {
    /// What it shows; `None` when nobody can write to it any more.
    output: mpsc::Receiver<Bytes>,
    /// What is typed.
    input: mpsc::Sender<Bytes>,
    /// Its exit code, once it has ended.
    exited: oneshot::Receiver<Option<i32>>,
    /// What only its kind can do.
    kind: Kind,
}

enum Kind {
    Pty(pty::Pty),
    Container(container::Exec),
}

impl Kind {
    async fn resize(&mut self, cols: u16, rows: u16) {
        match self {
            Self::Pty(pty) => pty.resize(cols, rows),
            Self::Container(exec) => exec.resize(cols, rows).await,
        }
    }
}

/// Opens a terminal and returns once its program runs.
pub(super) async fn open(host: Host, terminal: Terminal, io: SessionIo) -> Result<(), Refusal> {
    let shell = match &terminal.container {
        None => pty::open(&terminal).map_err(|error| {
            Refusal::new(
                RefusalCode::Failed,
                format!("no shell could be started: {error}"),
            )
        })?,
        Some(container) => container::open(&host, container, &terminal).await?,
    };
    tokio::spawn(serve(shell, terminal, io));
    Ok(())
}

/// How a session came to its end.
enum End {
    Exited(Option<i32>),
    Other(Ended, Option<String>),
}

async fn serve(shell: Shell, terminal: Terminal, mut io: SessionIo) {
    let busy = Arc::new(AtomicBool::new(false));
    let mut pump = tokio::spawn(pump(shell.output, io.out.clone(), Arc::clone(&busy)));
    let controls = Controls {
        input: shell.input,
        exited: shell.exited,
        kind: shell.kind,
    };
    let (end, kind) = controls.until_the_end(&terminal, &mut io, &mut pump).await;
    // A shell that ends by itself leaves what was meant to stay (`nohup`); whoever closes a terminal wants it all gone.
    let thorough = !matches!(end, End::Exited(_));
    match kind {
        Kind::Pty(pty) => pty.end(thorough).await,
        Kind::Container(exec) => exec.end().await,
    }
    if !thorough {
        all_shown(&terminal, &mut io, &mut pump, &busy).await;
    } else if timeout(LAST_WORDS, &mut pump).await.is_err() {
        pump.abort();
    }
    match end {
        End::Exited(code) => io.out.end(Ended::Exited, code, None),
        End::Other(reason, message) => io.out.end(reason, None, message),
    }
}

/// From the program to the viewer, as far as there is credit.
async fn pump(
    mut output: mpsc::Receiver<Bytes>,
    out: SessionOut,
    busy: Arc<AtomicBool>,
) -> Result<(), Closed> {
    while let Some(piece) = output.recv().await {
        busy.store(true, Ordering::Relaxed);
        out.write(None, &piece).await?;
        busy.store(false, Ordering::Relaxed);
    }
    Ok(())
}

/// What a shell wrote before it ended is shown, however long the viewer takes for it within its lease. What stays behind
/// a shell (`nohup`) may hold the terminal open; it is not waited for.
async fn all_shown(
    terminal: &Terminal,
    io: &mut SessionIo,
    pump: &mut JoinHandle<Result<(), Closed>>,
    busy: &AtomicBool,
) {
    let lease = Duration::from_secs(terminal.lease_s.into());
    let mut renewed = Instant::now();
    loop {
        tokio::select! {
            _ = &mut *pump => return,
            down = io.input.recv() => match down {
                None | Some(Down::Control(Control::Close)) => break,
                Some(_) => renewed = Instant::now(),
            },
            () = sleep_until(renewed + lease) => break,
            () = sleep(LAST_WORDS), if !busy.load(Ordering::Relaxed) => break,
        }
    }
    pump.abort();
}

struct Controls {
    input: mpsc::Sender<Bytes>,
    exited: oneshot::Receiver<Option<i32>>,
    kind: Kind,
}

impl Controls {
    async fn until_the_end(
        mut self,
        terminal: &Terminal,
        io: &mut SessionIo,
        pump: &mut JoinHandle<Result<(), Closed>>,
    ) -> (End, Kind) {
        let idle = Duration::from_secs(terminal.idle_s.into());
        let lease = Duration::from_secs(terminal.lease_s.into());
        let (mut typed, mut renewed) = (Instant::now(), Instant::now());
        let mut waiting: VecDeque<Bytes> = VecDeque::new();
        let mut waiting_bytes = 0;
        let mut pumping = true;
        let end = loop {
            tokio::select! {
                down = io.input.recv() => {
                    renewed = Instant::now();
                    match down {
                        None => break End::Other(Ended::AgentStopped, None),
                        Some(Down::Control(Control::Close)) => break End::Other(Ended::Closed, None),
                        Some(Down::Control(Control::Resize { cols, rows })) => self.kind.resize(cols, rows).await,
                        Some(Down::Control(Control::Ack { .. } | Control::From { .. } | Control::Renew)) => {}
                        Some(Down::Input(keys)) => {
                            typed = Instant::now();
                            waiting_bytes += keys.len();
                            waiting.push_back(keys);
                            if waiting_bytes > MOST_INPUT {
                                let message = "more was typed than the program in the terminal reads";
                                break End::Other(Ended::Failed, Some(message.to_owned()));
                            }
                        }
                    }
                }
                room = self.input.reserve(), if !waiting.is_empty() => {
                    match (room, waiting.pop_front()) {
                        (Ok(room), Some(keys)) => {
                            waiting_bytes -= keys.len();
                            room.send(keys);
                        }
                        // Nobody reads any more; the end is near.
                        _ => {
                            waiting.clear();
                            waiting_bytes = 0;
                        }
                    }
                }
                code = &mut self.exited => break End::Exited(code.unwrap_or_default()),
                done = &mut *pump, if pumping => {
                    pumping = false;
                    // The viewer's side was ended by somebody else: nothing that is written reaches anybody.
                    if matches!(done, Ok(Err(Closed))) {
                        break End::Other(Ended::Closed, None);
                    }
                }
                () = sleep_until(typed + idle) => break End::Other(Ended::Idle, None),
                () = sleep_until(renewed + lease) => break End::Other(Ended::Abandoned, None),
            }
        };
        if !pumping {
            // Finished already; whoever waits for it again must not poll it.
            *pump = tokio::spawn(std::future::ready(Ok(())));
        }
        (end, self.kind)
    }
}

#[cfg(test)]
mod tests;
