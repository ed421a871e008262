//! What the dispatcher and the hosts tell, as events: each requested command ends, with the exit code of its host, or when
//! somebody wants it to end.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use chatops_bus::{AppendError, Bus, From, StreamName};
use chatops_schemas::{
    catalogue::Payload,
    clock::{Clock as _, IdSource as _, System},
    codec,
    envelope::Envelope,
    event::command::{CommandEnded, Outcome},
    ids::{CommandId, ServerId},
    subject,
};
use futures::StreamExt as _;
use tokio::task::JoinHandle;

use crate::app::App;

#[derive(Default)]
struct Seen {
    running: HashMap<CommandId, ServerId>,
    most: usize,
}

/// It ends with this value.
pub(super) struct World {
    bus: Bus,
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl World {
    /// `None`: this host runs until somebody ends it.
    pub(super) async fn new(
        app: &App,
        exit_code: impl Fn(&str) -> Option<i32> + Send + 'static,
    ) -> Self {
        let (bus, seen) = (app.bus.clone(), Arc::new(Mutex::new(Seen::default())));
        let mut events = bus
            .read(StreamName::Cmd, "ops.v1.cmd.*.*", From::Seq(1))
            .await
            .unwrap();
        let (telling, noting) = (bus.clone(), Arc::clone(&seen));
        let task = tokio::spawn(async move {
            while let Some(event) = events.next().await {
                let event = event.unwrap();
                let (server, command) = subject::command_of(&event.subject).unwrap();
                let told = codec::decode_any(&event.payload).unwrap();
                let ends = match told.data {
                    Payload::CommandRequested(_) => {
                        let mut seen = noting.lock().unwrap();
                        seen.running.insert(command, server.clone());
                        seen.most = seen.most.max(seen.running.len());
                        exit_code(server.as_str()).map(|code| (Outcome::Finished, Some(code)))
                    }
                    Payload::CommandCancelRequested(_) => Some((Outcome::Cancelled, None)),
                    _ => None,
                };
                if let Some((outcome, exit_code)) = ends {
                    noting.lock().unwrap().running.remove(&command);
                    end(&telling, &server, command, event.seq, outcome, exit_code).await;
                }
            }
        });
        Self { bus, seen, task }
    }

    /// How many requests the stream holds.
    pub(super) async fn requests(&self) -> usize {
        let all = self
            .bus
            .read_to_end(StreamName::Cmd, "ops.v1.cmd.*.*", 1)
            .await
            .unwrap();
        all.filter(|event| {
            let told = codec::decode_any(&event.as_ref().unwrap().payload).unwrap();
            std::future::ready(matches!(told.data, Payload::CommandRequested(_)))
        })
        .count()
        .await
    }

    pub(super) fn most_at_once(&self) -> usize {
        self.seen.lock().unwrap().most
    }
}

async fn end(
    bus: &Bus,
    server: &ServerId,
    command: CommandId,
    after: u64,
    outcome: Outcome,
    exit_code: Option<i32>,
) {
    let ended = CommandEnded {
        command,
        outcome,
        exit_code,
        signal: None,
        message: None,
        started_at: None,
        duration_ms: Some(3),
        stdout_bytes: 0,
        stderr_bytes: 0,
        cut_bytes: 0,
    };
    let event = Envelope::new(System.event_id(), System.now(), ended)
        .about(server.clone())
        .by("system");
    match bus
        .append(
            StreamName::Cmd,
            &subject::command(server, command),
            after,
            &event,
        )
        .await
    {
        // Somebody wants it to end meanwhile: that comes next.
        Ok(_) | Err(AppendError::Conflict { .. }) => {}
        Err(error) => panic!("{error}"),
    }
}
