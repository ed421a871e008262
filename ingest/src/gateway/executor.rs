//! Runs commands through agents that know only frames: `command` and `docker_command` down, `command_response` and
//! `docker_response` up (docs/agent-protocol.md). Called by [`socket`](super::socket), one per connection.
//!
//! Such an agent has no journal and checks no signature, so the gateway does both for it. Before a frame is sent, the
//! command is marked: `result.started` is appended to the command's results, expecting that there are none. Of all
//! gateways, and of all repetitions of a request, one append succeeds; only that one sends, and it sends once.
//!
//! # When something dies
//! | what | what is told |
//! |---|---|
//! | the connection, after the mark | `unknown`: nobody can say whether it ran; it is never sent again |
//! | the agent does not answer in time | `timed_out` |
//! | this process, after the mark | nothing; the dispatcher ends the command when its time is over |
//! | the streams, during the mark | refused: nothing was sent |
//!
//! At most [`AT_ONCE`] commands run on one connection; further ones are refused as busy.

use std::{collections::HashMap, time::Duration};

use chatops_bus::{AppendError, Bus, Message, RequestError, StreamName, Subscription};
use chatops_schemas::{
    catalogue::Payload,
    clock::Timestamp,
    codec,
    envelope::Envelope,
    event::{
        Event,
        command::Outcome,
        result::{MAX_CHUNK, ResultFinished, ResultOutput, ResultStarted},
    },
    ids::{CommandId, ServerId},
    order::{
        Operation, Order, Program, Progress, Refusal, RefusalCode, Reply, Run, SKEW_MS, SignedOrder,
    },
    session::Stream,
    subject,
    wire::{CommandResponse, DockerResponse, ServerFrame},
};
use tokio::time::{Instant, sleep, timeout};

use super::GatewayParts;

/// Commands on their way through one connection.
const AT_ONCE: usize = 16;
/// Requests of one server go to one of its connections.
const GROUP: &str = "executor";
/// How much longer than its time a command may take to be answered.
const GRACE: Duration = Duration::from_secs(10);
/// How long an action on a container may take.
const CONTAINER: Duration = Duration::from_secs(120);
/// How long the end of a command is tried to be told, and the pause between two tries.
const TELL_WITHIN: Duration = Duration::from_secs(60);
const TELL_AGAIN: Duration = Duration::from_secs(1);
/// The same when the connection ends.
const FAREWELL: Duration = Duration::from_secs(5);
/// Longest text of an error that is kept.
const MAX_MESSAGE: usize = 1000;

/// What happened.
pub(super) enum Turn {
    /// The host is asked for something.
    Asked(Message),
    /// A command has not been answered in time.
    Late,
}

/// What an agent says of a command.
#[derive(Debug)]
pub(super) enum Answer {
    Command(CommandResponse),
    Docker(DockerResponse),
}

impl Answer {
    const fn command(&self) -> Option<CommandId> {
        match self {
            Self::Command(answer) => answer.command_id,
            Self::Docker(answer) => answer.command_id,
        }
    }
}

/// A command that was sent.
#[derive(Debug)]
struct Sent {
    at: Timestamp,
    until: Instant,
    /// Bytes of output that are kept.
    output: u64,
}

/// Commands of one connection.
#[derive(Debug)]
pub(super) struct Executor {
    server: ServerId,
    sent: HashMap<CommandId, Sent>,
}

/// Listens for what this server is asked.
pub(super) async fn listen(ops: &Bus, server: &ServerId) -> Result<Subscription, RequestError> {
    let requests = ops
        .queue_subscribe(&subject::rpc_every(server), GROUP)
        .await?;
    // The agent is told that it is connected when it can be asked.
    ops.flush().await?;
    Ok(requests)
}

/// Sends the answer to a request, where there is one.
pub(super) async fn answer(ops: &Bus, request: &Message, reply: Option<Reply>) {
    let (Some(to), Some(reply)) = (&request.reply, reply) else {
        return;
    };
    let Ok(bytes) = rmp_serde::to_vec_named(&reply) else {
        return;
    };
    if let Err(error) = ops.publish_core(to, None, &[], bytes.into()).await {
        tracing::warn!(%error, "an answer could not be sent; the request will be repeated");
    }
}

impl Executor {
    pub(super) fn new(server: ServerId) -> Self {
        Self {
            server,
            sent: HashMap::new(),
        }
    }

    /// When the next command is given up.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.sent.values().map(|sent| sent.until).min()
    }

    /// Takes a request: what to send to the agent, and what to answer. Neither, where another agent of the server answers.
    pub(super) async fn take(
        &mut self,
        parts: &GatewayParts,
        request: &Message,
    ) -> (Option<ServerFrame>, Option<Reply>) {
        // An agent with a journal of its own is connected, here or elsewhere: both together would run it twice.
        if parts.roster.book().has_journal(&self.server) {
            return (None, None);
        }
        let taken = match self.read(parts, request) {
            Ok((order, frame, sent)) => self.mark(parts, &order, sent).await.map(|n| (frame, n)),
            Err(refusal) => Err(refusal),
        };
        match taken {
            Ok((frame, Progress::Begun)) => {
                let progress = Progress::Begun;
                (Some(frame), Some(Reply::Accepted { progress }))
            }
            Ok((_, progress)) => (None, Some(Reply::Accepted { progress })),
            Err(refusal) => (None, Some(Reply::Refused(refusal))),
        }
    }

    /// Checks what an agent of ours would check, and puts it as a frame.
    fn read(
        &self,
        parts: &GatewayParts,
        request: &Message,
    ) -> Result<(Order, ServerFrame, Sent), Refusal> {
        let refuse = |code, message: &str| Refusal::new(code, message);
        let now = parts.clock.now();
        let order = SignedOrder::decode(&request.payload)
            .and_then(|signed| signed.open(&parts.orders))
            .map_err(|error| Refusal::new(RefusalCode::NotOurs, error.to_string()))?;
        if order.server != self.server
            || subject::verb_of(&request.subject) != Some(order.operation.verb())
        {
            return Err(refuse(
                RefusalCode::NotOurs,
                "the order is for another host, or was asked for in another way",
            ));
        }
        if let Err(invalid) = order.operation.validate() {
            return Err(Refusal::new(RefusalCode::NotOurs, invalid.to_string()));
        }
        let late = now.micros_since(order.not_after);
        if late
            > i64::try_from(SKEW_MS)
                .unwrap_or(i64::MAX)
                .saturating_mul(1000)
        {
            return Err(refuse(RefusalCode::Expired, "the order came too late"));
        }
        let (frame, time, output) = self.frame_of(&order)?;
        let until = Instant::now()
            .checked_add(time + GRACE)
            .unwrap_or_else(Instant::now);
        let sent = Sent {
            at: now,
            until,
            output,
        };
        Ok((order, frame, sent))
    }

    fn frame_of(&self, order: &Order) -> Result<(ServerFrame, Duration, u64), Refusal> {
        let cannot = |what: &str| {
            Err(Refusal::new(
                RefusalCode::Unsupported,
                format!("the agent of this host speaks the simple protocol, which knows no {what}"),
            ))
        };
        match &order.operation {
            Operation::Run(run) => {
                if run.cwd.is_some() || run.stdin.is_some() || !run.env.is_empty() {
                    return cannot("folder, input or variables of a command");
                }
                let time = Duration::from_millis(run.timeout_ms);
                let frame = ServerFrame::Command {
                    command_id: order.id,
                    command: line(run),
                    timeout: time.as_secs().max(1),
                };
                Ok((frame, time, run.output_limit))
            }
            Operation::Container(asked) => {
                let frame = ServerFrame::DockerCommand {
                    command_id: order.id,
                    action: asked.action,
                    container_id: asked.container.clone(),
                    timeout: CONTAINER.as_secs(),
                };
                Ok((frame, CONTAINER, 0))
            }
            Operation::Signal(_) | Operation::Unit(_) => cannot("processes and units"),
            Operation::Cancel(_) => cannot("way to end a command"),
            Operation::Ask(_) => cannot("questions"),
            Operation::Terminal(_) | Operation::Follow(_) => cannot("sessions"),
        }
    }

    /// Marks a command before it is sent. `Begun`: this was the first mark of all.
    async fn mark(
        &mut self,
        parts: &GatewayParts,
        order: &Order,
        sent: Sent,
    ) -> Result<Progress, Refusal> {
        let command = order.id;
        if self.sent.contains_key(&command) {
            return Ok(Progress::Running);
        }
        if self.sent.len() >= AT_ONCE {
            let text = "this connection carries as many commands as it may already";
            return Err(Refusal::new(RefusalCode::Busy, text));
        }
        let subject = subject::result(&self.server, command);
        let event = self.event(parts, ResultStarted { command, pid: None });
        match parts
            .ops
            .append(StreamName::Result, &subject, 0, &event)
            .await
        {
            Ok(_) => {
                self.sent.insert(command, sent);
                Ok(Progress::Begun)
            }
            Err(AppendError::Conflict { .. }) => {
                let last = parts.ops.last(StreamName::Result, &subject).await;
                let over = last.ok().flatten().is_some_and(|last| {
                    let event = codec::decode_any(&last.payload);
                    event.is_ok_and(|event| matches!(event.data, Payload::ResultFinished(_)))
                });
                Ok(match over {
                    true => Progress::Over,
                    false => Progress::Running,
                })
            }
            Err(error) => {
                tracing::warn!(command.id = %command, %error, "a command could not be marked and was not sent");
                let text = "it could not be recorded, and was not sent to the host";
                Err(Refusal::new(RefusalCode::Failed, text))
            }
        }
    }

    /// The agent says how a command went. False: no such command is running.
    pub(super) fn over(&mut self, parts: &GatewayParts, answer: Answer) -> bool {
        let only = || match self.sent.len() {
            1 => self.sent.keys().next().copied(),
            _ => None,
        };
        let Some(command) = answer.command().or_else(only) else {
            return false;
        };
        let Some(sent) = self.sent.remove(&command) else {
            return false;
        };
        let result = Told::of(answer);
        self.tell(parts, command, &sent, result);
        true
    }

    /// Gives up what was not answered in time.
    pub(super) fn late(&mut self, parts: &GatewayParts) {
        let now = Instant::now();
        let late: Vec<CommandId> = self
            .sent
            .iter()
            .filter(|(_, sent)| sent.until <= now)
            .map(|(command, _)| *command)
            .collect();
        for command in late {
            if let Some(sent) = self.sent.remove(&command) {
                let text = "the agent did not answer in time; it may still be running";
                self.tell(parts, command, &sent, Told::end(Outcome::TimedOut, text));
            }
        }
    }

    /// The connection is gone: nobody can say what became of what was sent.
    pub(super) async fn lost(mut self, parts: &GatewayParts) {
        let sent = std::mem::take(&mut self.sent);
        for (command, sent) in sent {
            let text = "the connection to the agent was lost; nobody can say whether it ran";
            let end = Told::end(Outcome::Unknown, text);
            let events = self.events(parts, command, &sent, end);
            if timeout(FAREWELL, tell(parts.ops.clone(), events))
                .await
                .is_err()
            {
                tracing::warn!(command.id = %command, "the end of a command could not be told");
            }
        }
    }

    fn tell(&self, parts: &GatewayParts, command: CommandId, sent: &Sent, told: Told) {
        let events = self.events(parts, command, sent, told);
        let ops = parts.ops.clone();
        tokio::spawn(async move {
            if timeout(TELL_WITHIN, tell(ops, events)).await.is_err() {
                tracing::warn!(command.id = %command, "the end of a command could not be told");
            }
        });
    }

    fn events(&self, parts: &GatewayParts, command: CommandId, sent: &Sent, told: Told) -> Events {
        let (pieces, cut_bytes) = told.pieces(command, sent.output);
        let length = |text: &str| text.len() as u64;
        let finished = ResultFinished {
            command,
            outcome: told.outcome,
            exit_code: told.exit_code,
            signal: None,
            message: told.message,
            started_at: Some(sent.at),
            duration_ms: u64::try_from(parts.clock.now().micros_since(sent.at) / 1000).ok(),
            pieces: u32::try_from(pieces.len()).unwrap_or(u32::MAX),
            stdout_bytes: length(&told.stdout),
            stderr_bytes: length(&told.stderr),
            cut_bytes,
        };
        Events {
            subject: subject::result(&self.server, command),
            output: pieces
                .into_iter()
                .map(|piece| self.event(parts, piece))
                .collect(),
            finished: self.event(parts, finished),
        }
    }

    fn event<T: Event>(&self, parts: &GatewayParts, data: T) -> Envelope<T> {
        Envelope::new(parts.ids.event_id(), parts.clock.now(), data).about(self.server.clone())
    }
}

/// What is published of the end of a command, in this order.
struct Events {
    subject: String,
    output: Vec<Envelope<ResultOutput>>,
    finished: Envelope<ResultFinished>,
}

/// Publishes until all is stored.
async fn tell(ops: Bus, events: Events) {
    for piece in &events.output {
        until_stored(&ops, &events.subject, piece).await;
    }
    until_stored(&ops, &events.subject, &events.finished).await;
}

async fn until_stored<T: Event>(ops: &Bus, subject: &str, event: &Envelope<T>) {
    while let Err(error) = ops.publish(subject, event).await {
        tracing::debug!(%error, "a result could not be stored yet");
        sleep(TELL_AGAIN).await;
    }
}

/// How a command went.
struct Told {
    outcome: Outcome,
    exit_code: Option<i32>,
    message: Option<String>,
    stdout: String,
    stderr: String,
}

impl Told {
    fn end(outcome: Outcome, message: &str) -> Self {
        Self {
            outcome,
            exit_code: None,
            message: Some(words(message)),
            stdout: String::new(),
            stderr: String::new(),
        }
    }

    fn of(answer: Answer) -> Self {
        match answer {
            Answer::Command(answer) => {
                let failed = answer.error.is_some() || answer.success == Some(false);
                let (outcome, exit_code) = match answer.exit_code {
                    Some(code) => (Outcome::Finished, Some(code)),
                    None if failed => (Outcome::Failed, None),
                    None => (Outcome::Finished, None),
                };
                Self {
                    outcome,
                    exit_code,
                    message: answer.error.as_deref().map(words),
                    stdout: answer.stdout.unwrap_or_default(),
                    stderr: answer.stderr.unwrap_or_default(),
                }
            }
            Answer::Docker(answer) => {
                let failed = answer.error.is_some() || answer.success == Some(false);
                let outcome = match failed {
                    true => Outcome::Failed,
                    false => Outcome::Finished,
                };
                Self {
                    outcome,
                    exit_code: None,
                    message: answer.error.as_deref().map(words),
                    stdout: String::new(),
                    stderr: String::new(),
                }
            }
        }
    }

    /// The output in pieces, and the bytes beyond the limit.
    fn pieces(&self, command: CommandId, limit: u64) -> (Vec<ResultOutput>, u64) {
        let mut left = usize::try_from(limit).unwrap_or(usize::MAX);
        let (mut pieces, mut cut) = (Vec::new(), 0_u64);
        for (stream, text) in [
            (Stream::Stdout, &self.stdout),
            (Stream::Stderr, &self.stderr),
        ] {
            let kept = text
                .as_bytes()
                .get(..left.min(text.len()))
                .unwrap_or_default();
            left -= kept.len();
            cut += (text.len() - kept.len()) as u64;
            let mut off = 0;
            for data in kept.chunks(MAX_CHUNK) {
                pieces.push(ResultOutput {
                    command,
                    n: u32::try_from(pieces.len()).unwrap_or(u32::MAX),
                    stream,
                    off,
                    data: data.to_vec(),
                });
                off += data.len() as u64;
            }
        }
        (pieces, cut)
    }
}

/// An agent's words: cut, on lines, without anything that a terminal would obey.
fn words(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control() || *c == '\n')
        .take(MAX_MESSAGE)
        .collect()
}

/// One line for a shell. Arguments are quoted, so that it sees them as they are.
fn line(run: &Run) -> String {
    match &run.program {
        Program::Shell(line) => line.clone(),
        Program::Argv(arguments) => arguments
            .iter()
            .map(|argument| format!("'{}'", argument.replace('\'', r"'\''")))
            .collect::<Vec<_>>()
            .join(" "),
    }
}
