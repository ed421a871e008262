//! The conversation of `/api/v1/ws/terminal/{server_id}`.
//!
//! `open` → `opened` → output, and whatever the person does → `ended`. With `session` and `from` in `open` it goes on where
//! another socket stopped.

use std::{convert::Infallible, future::pending, time::Duration};

use bytes::Bytes;
use chatops_bus::Subscription;
use chatops_schemas::{
    event::terminal::TerminalEnd,
    ids::{CommandId, ServerId},
    order::{Operation, Terminal},
    session::{Control, MAX_DATA, Out, WINDOW},
    subject::{self, Way},
};
use futures::{FutureExt, StreamExt, future::BoxFuture};
use tokio::time::{Instant, sleep_until, timeout};

use super::{
    aggregate::{self, End as Ending},
    frame::{ClientFrame, Open, ServerFrame, output},
    guard::{Guard, Violation},
    recorder::Recorder,
    start::{Begun, come_back, start, terminal},
};
use crate::{
    access::{self, Action},
    auth::actor::{Actor, Arrival},
    code::Code,
    live::{
        close::Close,
        socket::first_frame,
        wire::{End, Said, Wire},
    },
    order::words,
    problem::{Chain, Problem},
    state::Api,
    witness,
    written::By,
};

/// The host is asked so often whether the session is still open, which also renews it.
const RENEW: Duration = Duration::from_secs(20);
/// A gap is asked for again after so long.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// How long a host has to end a session that is closed.
const CLOSING: Duration = Duration::from_secs(5);

/// Talks with a client until it ends.
pub async fn talk(
    wire: &mut Wire,
    api: &Api,
    arrival: Arrival,
    server: ServerId,
) -> Result<Infallible, End> {
    let first = first_frame(wire, api.hub().config().hello).await?;
    let open = match serde_json::from_str(&first) {
        Ok(ClientFrame::Open(open)) => open,
        Ok(_) => return Err(Close::Unauthenticated.into()),
        Err(_) => return Err(Close::BadFrame.into()),
    };
    let actor = arrival
        .actor_for(api, open.token.as_ref(), Action::OpenTerminal)
        .await?;
    let mut conversation = match Box::pin(begin(wire, api, &actor, server, open)).await? {
        Ok(conversation) => conversation,
        Err(Begun::Refused(problem)) => return Err(refuse(wire, api, &actor, &problem).await),
        Err(Begun::Over(ending)) => return Err(tell_end(wire, &ending).await),
    };
    Box::pin(conversation.run(wire)).await
}

/// Says why not, and closes in a way that tells the client whether to try again.
async fn refuse(wire: &mut Wire, api: &Api, actor: &Actor, problem: &Problem) -> End {
    if let Some(denial) = problem.denial() {
        witness::denied(api, &actor.by(), denial);
    }
    let code = problem.code();
    let frame = ServerFrame::Error {
        code: code.as_str(),
        message: code.title(),
        detail: problem.occasion(),
    };
    if let Err(end) = wire.send(frame.text()).await {
        return end;
    }
    let close = match code {
        Code::StreamsDown | Code::DatabaseDown | Code::Timeout | Code::Busy => Close::TryLater,
        Code::NoServer | Code::Forbidden => Close::Forbidden,
        _ => Close::Over,
    };
    close.into()
}

async fn tell_end(wire: &mut Wire, ending: &Ending) -> End {
    let frame = ServerFrame::Ended {
        reason: ending.reason,
        exit_code: ending.exit_code,
        message: ending.message.as_deref(),
    };
    match wire.send(frame.text()).await {
        Ok(()) => Close::Over.into(),
        Err(end) => end,
    }
}

/// Checks, opens or comes back to the session.
async fn begin(
    wire: &mut Wire,
    api: &Api,
    actor: &Actor,
    server: ServerId,
    open: Open,
) -> Result<Result<Conversation, Begun>, End> {
    let checked = access::server(api, actor, &server, Action::OpenTerminal).await;
    if let Err(problem) = checked {
        return Ok(Err(problem.into()));
    }
    let place = api.hub().enter().await.map_err(|_| Close::TryLater)?;
    let reattached = open.session.is_some();
    let session = open.session.unwrap_or_else(|| api.orders().fresh());
    // From here on another socket of this session learns that it is not the one any more, and nothing of the host's output
    // is missed: both subscriptions stand before the host is asked.
    let me = api.orders().fresh();
    let attach = subject::attach(&server, session);
    let listening = async {
        let attached = api.bus().subscribe(&attach).await?;
        let out = api
            .bus()
            .subscribe(&subject::io(&server, session, Way::Out))
            .await?;
        api.bus().flush().await?;
        Ok::<_, chatops_bus::RequestError>((attached, out))
    };
    let (attached, out) = listening.await.map_err(|error| {
        tracing::warn!(error = %Chain(&error), "the bus could not be listened to");
        Close::TryLater
    })?;
    let found = match reattached {
        true => come_back(api, actor, &server, session, &open).await,
        false => start(api, actor, &server, session, &open).await,
    };
    let opened = match found {
        Ok(opened) => opened,
        Err(begun) => return Ok(Err(begun)),
    };
    let told = api
        .bus()
        .publish_core(&attach, None, &[], Bytes::from(me.to_string()));
    told.await.map_err(|_| Close::TryLater)?;
    let recorder = match opened.event.recorded {
        false => None,
        true => match Recorder::open(api, &server, session, (open.cols, open.rows)).await {
            Ok(recorder) => Some(recorder),
            Err(error) => return Ok(Err(Problem::from(error).into())),
        },
    };
    let frame = ServerFrame::Opened {
        session,
        reattached,
        recorded: opened.event.recorded,
        idle_s: opened.event.idle_s,
        lease_s: opened.event.lease_s,
        window: WINDOW,
    };
    wire.send(frame.text()).await?;
    let next = recorder
        .as_ref()
        .map_or(open.from, |recorder| open.from.min(recorder.stored()));
    let mut conversation = Conversation {
        guard: Guard::new(api, actor.clone(), server.clone(), me, attached, place),
        api: api.clone(),
        by: actor.by(),
        terminal: terminal(&opened.event, (open.cols, open.rows)),
        server,
        session,
        opened_seq: opened.seq,
        out,
        recorder,
        next,
        shown_from: open.from,
        sent: open.from,
        acked: 0,
        told: 0,
        asked_at: None,
        renewal: None,
        renew_at: Instant::now() + RENEW,
        closing: None,
    };
    if reattached {
        let (cols, rows) = (open.cols, open.rows);
        conversation.control(Control::From { off: next }).await?;
        conversation.control(Control::Resize { cols, rows }).await?;
        conversation.asked_at = Some(Instant::now());
    }
    seen(api, session).await;
    Ok(Ok(conversation))
}

async fn seen(api: &Api, session: CommandId) {
    if let Err(error) = api.store().terminal_seen(session).await {
        tracing::warn!(error = %Chain(&error), "could not note who is at a terminal");
    }
}

/// A browser at a session.
struct Conversation {
    api: Api,
    guard: Guard,
    by: By,
    server: ServerId,
    session: CommandId,
    terminal: Terminal,
    opened_seq: u64,
    out: Subscription,
    recorder: Option<Recorder>,
    /// Offset of the next byte that the host is to send.
    next: u64,
    /// The browser has everything before this already.
    shown_from: u64,
    /// Offset up to which the browser was sent everything.
    sent: u64,
    /// Offset up to which it has shown everything.
    acked: u64,
    /// Offset up to which the host was told so.
    told: u64,
    /// When a gap was asked for.
    asked_at: Option<Instant>,
    /// The question to the host whether the session is still open.
    renewal: Option<BoxFuture<'static, Result<(), Problem>>>,
    renew_at: Instant,
    /// The person wants it closed; until then the host may do it.
    closing: Option<Instant>,
}

/// What woke a conversation.
enum Woken {
    Violated(Violation),
    Out(Option<chatops_bus::Message>),
    Said(Result<Said, End>),
    Renew,
    Renewed(Result<(), Problem>),
    Record,
    CloseNow,
}

impl Conversation {
    async fn run(&mut self, wire: &mut Wire) -> Result<Infallible, End> {
        let end = loop {
            match self.step(wire).await {
                Ok(()) => {}
                Err(end) => break end,
            }
        };
        // What the next socket asks for begins where the recording ends.
        if let Some(recorder) = &mut self.recorder
            && recorder.write().await.is_err()
        {
            tracing::warn!("the end of a terminal's recording could not be written yet");
        }
        if matches!(end, Stop::Revoked(_)) {
            self.revoke().await;
        }
        let (Stop::End(end) | Stop::Revoked(end)) = end;
        Err(end)
    }

    async fn step(&mut self, wire: &mut Wire) -> Result<(), Stop> {
        let woken = tokio::select! {
            biased;
            violation = self.guard.violated() => Woken::Violated(violation),
            message = self.out.next() => Woken::Out(message),
            said = wire.receive_any() => Woken::Said(said),
            renewed = next_of(&mut self.renewal) => Woken::Renewed(renewed),
            () = at(self.recorder.as_ref().and_then(Recorder::due)) => Woken::Record,
            () = at(self.closing) => Woken::CloseNow,
            () = sleep_until(self.renew_at) => Woken::Renew,
        };
        match woken {
            Woken::Violated(violation) => Err(violation.into()),
            Woken::Out(None) => Err(Close::TryLater.into()),
            Woken::Out(Some(message)) => match Out::decode(&message.payload) {
                Some(out) => self.out(wire, out).await,
                None => Ok(()),
            },
            Woken::Said(said) => self.said(wire, said?).await,
            Woken::Record => self.record().await,
            Woken::CloseNow => self.over(wire, Ending::of(TerminalEnd::Closed)).await,
            Woken::Renew => {
                self.renew_at = Instant::now() + RENEW;
                seen(&self.api, self.session).await;
                self.renew();
                Ok(())
            }
            Woken::Renewed(Err(problem)) if problem.code() == Code::NotOnHost => {
                self.over(wire, Ending::of(TerminalEnd::AgentStopped)).await
            }
            // A host that does not answer now may do so later; its lease counts meanwhile.
            Woken::Renewed(_) => Ok(()),
        }
    }

    fn renew(&mut self) {
        let (api, by, server, session) = (
            self.api.clone(),
            self.by.clone(),
            self.server.clone(),
            self.session,
        );
        let order = Terminal {
            reattach: true,
            ..self.terminal.clone()
        };
        let asking = async move {
            api.orders()
                .open(&by, &server, session, Operation::Terminal(order))
                .await
        };
        self.renewal = Some(asking.boxed());
    }

    async fn control(&mut self, control: Control) -> Result<(), End> {
        let Ok(payload) = control.encode() else {
            return Ok(());
        };
        self.tell_host(Way::Ctl, Bytes::from(payload)).await
    }

    async fn tell_host(&mut self, way: Way, payload: Bytes) -> Result<(), End> {
        let subject = subject::io(&self.server, self.session, way);
        let said = self
            .api
            .bus()
            .publish_core(&subject, None, &[], payload)
            .await;
        said.map_err(|error| {
            tracing::warn!(error = %Chain(&error), "the bus could not be written to");
            Close::TryLater.into()
        })
    }

    async fn said(&mut self, wire: &mut Wire, said: Said) -> Result<(), Stop> {
        let text = match said {
            Said::Bytes(keys) => {
                for start in (0..keys.len()).step_by(MAX_DATA) {
                    let piece = keys.slice(start..keys.len().min(start + MAX_DATA));
                    self.tell_host(Way::In, piece).await?;
                }
                return Ok(());
            }
            Said::Text(text) => text,
        };
        match serde_json::from_str(&text) {
            Ok(ClientFrame::Ack { off }) if off <= self.sent => {
                self.acked = self.acked.max(off);
                self.acknowledge().await
            }
            Ok(ClientFrame::Resize { cols, rows }) => {
                let wanted = Terminal {
                    cols,
                    rows,
                    ..self.terminal.clone()
                };
                if Operation::Terminal(wanted.clone()).validate().is_err() {
                    return Err(Close::BadFrame.into());
                }
                self.terminal = wanted;
                if let Some(recorder) = &mut self.recorder {
                    recorder.size(cols, rows);
                }
                Ok(self.control(Control::Resize { cols, rows }).await?)
            }
            Ok(ClientFrame::Close) => {
                self.closing.get_or_insert_with(|| Instant::now() + CLOSING);
                Ok(self.control(Control::Close).await?)
            }
            Ok(ClientFrame::Ping) => self.send(wire, &ServerFrame::Pong).await,
            Ok(ClientFrame::Ack { .. } | ClientFrame::Open(_)) | Err(_) => {
                Err(Close::BadFrame.into())
            }
        }
    }

    /// Tells the host what has been shown and, where it is recorded, written.
    async fn acknowledge(&mut self) -> Result<(), Stop> {
        let off = match &self.recorder {
            Some(recorder) => self.acked.min(recorder.stored()),
            None => self.acked,
        };
        if off > self.told {
            self.told = off;
            self.control(Control::Ack { off }).await?;
        }
        Ok(())
    }

    async fn record(&mut self) -> Result<(), Stop> {
        let Some(recorder) = &mut self.recorder else {
            return Ok(());
        };
        if let Err(error) = recorder.write().await {
            // It must not go on unrecorded. The session waits, and the browser comes back in a moment.
            tracing::warn!(error = %Chain(&error), "a terminal could not be recorded");
            return Err(Close::TryLater.into());
        }
        self.acknowledge().await
    }

    async fn out(&mut self, wire: &mut Wire, out: Out) -> Result<(), Stop> {
        match out {
            Out::Data { off, data, .. } if off > self.next => {
                let again = self.asked_at.is_none_or(|at| at.elapsed() > ASK_AGAIN);
                if again && !data.is_empty() {
                    metrics::counter!("chatops_api_terminal_gaps_total").increment(1);
                    self.asked_at = Some(Instant::now());
                    self.control(Control::From { off: self.next }).await?;
                }
                Ok(())
            }
            Out::Data { off, data, .. } => {
                let known = usize::try_from(self.next - off).unwrap_or(usize::MAX);
                let Some(fresh) = data.get(known..).filter(|fresh| !fresh.is_empty()) else {
                    return Ok(());
                };
                self.asked_at = None;
                let off = self.next;
                self.next += fresh.len() as u64;
                if let Some(recorder) = &mut self.recorder {
                    recorder.output(off, fresh);
                }
                let shown =
                    usize::try_from(self.shown_from.saturating_sub(off)).unwrap_or(usize::MAX);
                if let Some(unseen) = fresh.get(shown..).filter(|unseen| !unseen.is_empty()) {
                    let at = off.max(self.shown_from);
                    self.sent = at + unseen.len() as u64;
                    self.guard
                        .beside(wire.send_bytes(output(at, unseen)))
                        .await??;
                }
                Ok(())
            }
            Out::Lost { up_to, .. } => {
                if up_to > self.next {
                    self.next = up_to;
                    if let Some(recorder) = &mut self.recorder {
                        recorder.lost(up_to);
                    }
                    if up_to > self.sent {
                        self.sent = up_to;
                        self.send(wire, &ServerFrame::Lost { up_to }).await?;
                    }
                }
                self.asked_at = None;
                Ok(())
            }
            Out::Ended {
                off,
                reason,
                exit_code,
                message,
            } => {
                let ending = Ending {
                    reason: reason.into(),
                    exit_code,
                    message: message.as_deref().map(words),
                    output_bytes: off,
                };
                self.over(wire, ending).await
            }
        }
    }

    async fn send(&mut self, wire: &mut Wire, frame: &ServerFrame<'_>) -> Result<(), Stop> {
        Ok(self.guard.beside(wire.send(frame.text())).await??)
    }

    /// The session is over: the event, then the word.
    async fn over(&mut self, wire: &mut Wire, mut ending: Ending) -> Result<(), Stop> {
        ending.output_bytes = ending.output_bytes.max(self.next);
        // So that the host forgets it at once. It would by itself, later.
        self.control(Control::Close).await?;
        self.close(&ending).await;
        Err(tell_end(wire, &ending).await.into())
    }

    /// Whoever may no longer use it loses it, and what runs in it ends.
    async fn revoke(&mut self) {
        if self.control(Control::Close).await.is_err() {
            tracing::warn!(session = %self.session, "a host could not be told that a terminal is revoked; its lease ends it");
        }
        let ending = Ending {
            output_bytes: self.next,
            ..Ending::of(TerminalEnd::Revoked)
        };
        self.close(&ending).await;
    }

    async fn close(&mut self, ending: &Ending) {
        let (api, by) = (&self.api, &self.by);
        let storing =
            aggregate::close(api, by, &self.server, self.session, self.opened_seq, ending);
        // What is not stored now is stored by the reaper.
        if timeout(CLOSING, storing).await.is_err() {
            tracing::warn!(session = %self.session, "the end of a terminal is not stored yet");
        }
    }
}

/// Why a conversation stops.
enum Stop {
    End(End),
    Revoked(End),
}

impl From<Violation> for Stop {
    fn from(violation: Violation) -> Self {
        match violation {
            Violation::Leave(end) => Self::End(end),
            Violation::Revoked(close) => Self::Revoked(close.into()),
        }
    }
}

impl From<End> for Stop {
    fn from(end: End) -> Self {
        Self::End(end)
    }
}

impl From<Close> for Stop {
    fn from(close: Close) -> Self {
        Self::End(close.into())
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}

async fn next_of<T>(running: &mut Option<BoxFuture<'static, T>>) -> T {
    match running {
        Some(work) => {
            let done = work.await;
            *running = None;
            done
        }
        None => pending().await,
    }
}
