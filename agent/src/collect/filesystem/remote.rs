//! A file system that may hang. Called by [`super::Reader`].
//!
//! `statvfs` of a mount whose server is gone waits for ever and cannot be interrupted. Each such mount therefore has a
//! thread of its own that is started when it is first asked, and the answer is picked up at the next reading: sizes
//! of network file systems are one interval old. While a question is unanswered for [`PATIENCE`] the sizes are absent
//! and no further question is put, so a dead server costs one sleeping thread and nothing else. The thread ends when
//! its mount is forgotten, or with the process if it hangs.

use std::{
    ffi::{CStr, CString},
    sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel},
    time::{Duration, Instant},
};

use super::{Usage, usage};

/// How long an old answer stands while a question is open.
const PATIENCE: Duration = Duration::from_secs(30);
/// `statvfs` needs next to no stack.
const STACK_BYTES: usize = 64 * 1024;

/// One mount, asked by a thread of its own.
#[derive(Debug)]
pub(super) struct Remote {
    path: CString,
    thread: Option<Thread>,
    asked_at: Option<Instant>,
    answer: Option<Usage>,
}

#[derive(Debug)]
struct Thread {
    questions: SyncSender<()>,
    answers: Receiver<Option<Usage>>,
}

impl Remote {
    pub(super) fn new(path: CString) -> Self {
        Self {
            path,
            thread: None,
            asked_at: None,
            answer: None,
        }
    }

    /// The newest answer; puts the next question unless one is open. Never waits.
    pub(super) fn ask(&mut self) -> Option<Usage> {
        self.ask_with(usage)
    }

    pub(super) fn settled(&self) -> bool {
        self.answer.is_some() || self.asked_at.is_none()
    }

    fn ask_with(&mut self, question: fn(&CStr) -> Option<Usage>) -> Option<Usage> {
        if self.thread.is_none() {
            self.thread = Thread::start(self.path.clone(), question);
        }
        let thread = self.thread.as_ref()?;
        match thread.answers.try_recv() {
            Ok(answer) => (self.answer, self.asked_at) = (answer, None),
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => {
                (self.thread, self.asked_at, self.answer) = (None, None, None);
                return None;
            }
        }
        match self.asked_at {
            Some(asked_at) if asked_at.elapsed() > PATIENCE => self.answer = None,
            Some(_) => {}
            None if thread.questions.try_send(()).is_ok() => self.asked_at = Some(Instant::now()),
            None => {}
        }
        self.answer
    }
}

impl Thread {
    fn start(path: CString, question: fn(&CStr) -> Option<Usage>) -> Option<Self> {
        let (questions, asked) = sync_channel(1);
        let (answer, answers) = sync_channel(1);
        std::thread::Builder::new()
            .name("statvfs".into())
            .stack_size(STACK_BYTES)
            .spawn(
                move || {
                    while asked.recv().is_ok() && answer.send(question(&path)).is_ok() {}
                },
            )
            .ok()?;
        Some(Self { questions, answers })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_that_hangs_never_blocks_and_is_asked_once() {
        fn hang(_: &CStr) -> Option<Usage> {
            std::thread::park();
            None
        }
        let mut remote = Remote::new(c"/".into());
        let start = Instant::now();
        for _ in 0..1000 {
            assert_eq!(remote.ask_with(hang), None);
        }
        assert!(!remote.settled());
        assert!(start.elapsed() < Duration::from_secs(2));
    }

    #[test]
    fn an_answer_arrives_without_waiting_for_it() {
        let mut remote = Remote::new(c"/".into());
        let deadline = Instant::now() + Duration::from_secs(10);
        while remote.ask().is_none() {
            assert!(Instant::now() < deadline, "statvfs of / did not answer");
            std::thread::yield_now();
        }
        assert!(remote.answer.unwrap().total > 0);
    }
}
