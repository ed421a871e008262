//! Real shells behind real pseudo-terminals.

use std::time::Duration;

use chatops_schemas::{
    ids::CommandId,
    order::Terminal,
    session::{Out, WINDOW},
};
use chatops_testkit::eventually;
use uuid::Uuid;

use super::*;
use crate::{
    operate::session::{Keep, Session},
    transport::Io,
};

const SOON: Duration = Duration::from_secs(20);

struct Viewer {
    down: mpsc::Sender<Down>,
    out: SessionOut,
    frames: mpsc::Receiver<Io>,
    seen: Vec<u8>,
    acknowledge: bool,
    ended: Option<(Ended, Option<i32>)>,
}

fn wanted() -> Terminal {
    Terminal {
        cols: 80,
        rows: 24,
        container: None,
        shell: Some("/bin/sh".to_owned()),
        idle_s: 60,
        lease_s: 60,
        reattach: false,
    }
}

impl Viewer {
    async fn at(terminal: Terminal) -> Self {
        let (io, frames) = mpsc::channel(64);
        let id = CommandId(Uuid::from_u128(7));
        let session = Session::new(id, Keep::Ring, Duration::from_secs(60), io);
        let (down, out) = (session.down.clone(), session.io.out.clone());
        tokio::spawn(session.sending.run());
        open(Host::default(), terminal, session.io).await.unwrap();
        Self {
            down,
            out,
            frames,
            seen: Vec::new(),
            acknowledge: true,
            ended: None,
        }
    }

    async fn types(&self, text: &str) {
        let keys = Down::Input(Bytes::from(text.as_bytes().to_vec()));
        self.down.send(keys).await.unwrap();
    }

    async fn says(&self, control: Control) {
        self.out.heard(control);
        // A shell that has ended hears nothing any more.
        let _ = self.down.send(Down::Control(control)).await;
    }

    /// Takes a frame, if one comes in time.
    async fn take(&mut self, patience: Duration) -> bool {
        let Ok(Some(frame)) = timeout(patience, self.frames.recv()).await else {
            return false;
        };
        match Out::decode(&frame.payload).unwrap() {
            Out::Data { off, data, .. } => {
                assert_eq!(off, self.seen.len() as u64);
                self.seen.extend_from_slice(&data);
                if self.acknowledge {
                    let off = self.seen.len() as u64;
                    self.says(Control::Ack { off }).await;
                }
            }
            Out::Lost { .. } => panic!("nothing may be lost"),
            Out::Ended {
                reason, exit_code, ..
            } => self.ended = Some((reason, exit_code)),
        }
        true
    }

    /// What is on the screen once it holds this.
    async fn sees(&mut self, text: &str) -> String {
        loop {
            let shown = String::from_utf8_lossy(&self.seen).into_owned();
            if shown.contains(text) {
                return shown;
            }
            assert!(self.take(SOON).await, "{text:?} never came: {shown:?}");
        }
    }

    /// Nothing is acknowledged: about a window comes, and then nothing for longer than last words take.
    async fn stalls(&mut self) {
        while self.take(LAST_WORDS * 2).await {}
        let window = usize::try_from(WINDOW).unwrap();
        assert!(self.seen.len() <= window, "{}", self.seen.len());
        assert!(self.seen.len() > window - pty::PIECE, "{}", self.seen.len());
    }

    async fn looks_again(&mut self) {
        self.acknowledge = true;
        let off = self.seen.len() as u64;
        self.says(Control::Ack { off }).await;
    }

    async fn end(&mut self) -> (Ended, Option<i32>) {
        loop {
            if let Some(ended) = self.ended {
                return ended;
            }
            assert!(self.take(SOON).await, "it does not end");
        }
    }
}

#[tokio::test]
async fn what_is_typed_is_echoed_run_and_its_size_known() {
    let mut viewer = Viewer::at(wanted()).await;
    viewer.types("stty size; echo $TERM-é$((40 + 2))\r").await;
    viewer.sees("24 80").await;
    viewer.sees("xterm-256color-é42").await;
    let resize = Control::Resize {
        cols: 132,
        rows: 50,
    };
    viewer.says(resize).await;
    viewer.types("stty size\r").await;
    viewer.sees("50 132").await;
    viewer.types("exit 3\r").await;
    assert_eq!(viewer.end().await, (Ended::Exited, Some(3)));
}

#[tokio::test]
async fn a_program_that_writes_without_end_stands_still_until_somebody_looks() {
    let mut viewer = Viewer::at(wanted()).await;
    viewer.acknowledge = false;
    let total = 4_000_000;
    viewer
        .types(&format!(
            "stty -echo; printf BEGIN; head -c {total} /dev/zero | tr '\\0' x; exit\r"
        ))
        .await;
    viewer.stalls().await;
    viewer.looks_again().await;
    assert_eq!(viewer.end().await, (Ended::Exited, Some(0)));
    let begin = viewer.seen.windows(5).rposition(|five| five == b"BEGIN");
    let shown = &viewer.seen[begin.unwrap() + 5..];
    assert_eq!(shown.iter().filter(|byte| **byte == b'x').count(), total);
}

#[tokio::test]
async fn what_was_written_before_the_end_waits_for_its_viewer() {
    let mut viewer = Viewer::at(wanted()).await;
    viewer.acknowledge = false;
    viewer
        .types("head -c 600000 /dev/zero | tr '\\0' x; exit\r")
        .await;
    viewer.stalls().await;
    viewer.looks_again().await;
    viewer.end().await;
    let shown = viewer.seen.iter().filter(|byte| **byte == b'x').count();
    assert!(shown >= 600_000, "{shown}");
}

fn is_running(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[tokio::test]
async fn closing_ends_everything_that_was_started_in_it() {
    let mut viewer = Viewer::at(wanted()).await;
    viewer
        .types("(trap '' HUP; while :; do sleep 1; done) & echo job=$!=\r")
        .await;
    // The echo of the line holds the word too; the number only the answer.
    let shown = loop {
        let shown = String::from_utf8_lossy(&viewer.seen).into_owned();
        let numbers = shown.split("job=").filter_map(|rest| rest.split_once('='));
        let pid = numbers
            .map(|(pid, _)| pid)
            .find(|pid| pid.parse::<u32>().is_ok());
        if let Some(pid) = pid {
            break pid.to_owned();
        }
        assert!(viewer.take(SOON).await, "{shown}");
    };
    assert!(is_running(&shown), "{shown}");
    viewer.says(Control::Close).await;
    eventually("the stubborn job is gone", SOON, || async {
        !is_running(&shown)
    })
    .await;
}

#[tokio::test]
async fn nobody_typing_and_nobody_there_end_it() {
    let idle = Terminal {
        idle_s: 1,
        ..wanted()
    };
    let mut viewer = Viewer::at(idle).await;
    assert_eq!(viewer.end().await.0, Ended::Idle);
    let lease = Terminal {
        lease_s: 1,
        ..wanted()
    };
    let mut viewer = Viewer::at(lease).await;
    viewer.acknowledge = false;
    assert_eq!(viewer.end().await.0, Ended::Abandoned);
}

#[tokio::test]
async fn a_shell_that_does_not_exist_is_refused() {
    let (io, _frames) = mpsc::channel(4);
    let id = CommandId(Uuid::from_u128(8));
    let session = Session::new(id, Keep::Ring, Duration::from_secs(1), io);
    let terminal = Terminal {
        shell: Some("/no/such/shell".to_owned()),
        ..wanted()
    };
    let refused = open(Host::default(), terminal, session.io)
        .await
        .unwrap_err();
    assert_eq!(refused.code, RefusalCode::Failed);
}
