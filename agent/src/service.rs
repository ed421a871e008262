//! The running agent: reads the host once per interval and sees to it that every reading reaches its stream. Started by
//! the verb `run`.
//!
//! One thread, one loop. Collectors that read files run in the loop; what asks other programs (containers, units) runs
//! in tasks of its own and leaves its newest result to be picked up; the transport is a task behind two channels.
//!
//! On SIGTERM, SIGINT the loop ends softly: what is in flight may still settle for a moment, the rest goes to disk, the
//! state is saved. On `kill -9` at most the newest sample is lost, and a hole in the numbers says so.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chatops_schemas::{
    clock::{Clock, IdSource},
    envelope::Envelope,
    event::{
        fact::{AgentHello, TimedGrant},
        metric::Sample,
    },
};
use rand::Rng as _;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::sleep_until,
};
use tokio_util::sync::CancellationToken;

use crate::{
    collect::{
        Collector, Options,
        container::{self, Listing},
        host,
        systemd::{self, Failed},
    },
    config::{Capability, Config, ConfigError, DEFAULT_INTERVAL, INTERVAL_SECONDS, Uplink},
    data::{DataError, DataFolder, State},
    grants::Grant,
    identity,
    lanes::Lanes,
    logs,
    operate::{Desk, Host, Surroundings, exec::JournalError, permits::Permits},
    outbox::{EventsOut, Outgoing},
    record,
    spool::SpoolError,
    transport::{self, Event, Order, Welcome},
};

/// Rates need two readings: the first sample follows the first look after this.
const FIRST_SAMPLE_AFTER: Duration = Duration::from_secs(1);
const SAVE_EVERY: Duration = Duration::from_secs(60);
/// How long what is in flight may still settle when the agent is told to stop.
const FAREWELL: Duration = Duration::from_secs(2);

/// Why the agent cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// Settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The data folder.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The spool.
    #[error("samples cannot be kept on disk: {0}")]
    Spool(#[from] SpoolError),
    /// The journal of commands.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A defect of ours; whoever supervises the agent starts it again.
    #[error("the connection to the server has broken down for good; this is a defect of the agent")]
    Transport,
}

/// The running agent.
pub struct Service {
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    folder: DataFolder,
    state: State,
    collector: Collector,
    event: Envelope<Sample>,
    hello: AgentHello,
    lanes: Lanes,
    outgoing: mpsc::Receiver<Outgoing>,
    desk: Desk,
    orders: mpsc::Sender<Order>,
    events: mpsc::Receiver<Event>,
    connected: bool,
    /// What the server was told last of grants.
    granted: Vec<Grant>,
    containers: watch::Receiver<Listing>,
    units: watch::Receiver<Failed>,
    tasks: JoinSet<()>,
    transport: CancellationToken,
    /// Set here, or asked for by the server's owner.
    interval: Duration,
    interval_is_ours: bool,
    lost_before: u64,
    /// The reason for not being connected that was logged last.
    told: Option<String>,
    next_sample_at: Instant,
    save_at: Instant,
}

impl Service {
    /// Prepares everything and starts the transport; nothing is read yet.
    pub fn start(
        config: Config,
        uplink: Uplink,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
    ) -> Result<Self, ServiceError> {
        let options = Options {
            processes: config.capabilities.contains(&Capability::Processes),
            skip_interfaces: config.skip_interfaces.clone(),
            ..Options::default()
        };
        let folder = DataFolder::open(&config.data)?;
        let state = folder.load().for_boot(host::boot_id(&options.roots));
        let transport = CancellationToken::new();
        let (handle, wire) =
            transport::wire(transport.clone(), Arc::clone(&clock), Arc::clone(&ids));
        let (events_out, outgoing, feedback) = EventsOut::new();
        let log_out = events_out.clone();
        let lanes = Lanes::open(folder.path(), config.spool_bytes, &handle.orders, feedback)?;
        let desk = Desk::open(Surroundings {
            key: config.signing_key,
            permits: Permits::new(config.capabilities.clone(), folder.path()),
            host: Host {
                roots: options.roots.clone(),
                docker_socket: config.docker_socket.clone(),
            },
            data: folder.path().to_owned(),
            events: events_out.clone(),
            io: handle.io,
            clock: Arc::clone(&clock),
            ids: Arc::clone(&ids),
        })?;
        let hello = AgentHello {
            capabilities: config
                .capabilities
                .iter()
                .map(|capability| capability.word().to_owned())
                .collect(),
            ..identity::describe(&options.roots)
        };
        let mut tasks = JoinSet::new();
        let surroundings = logs::Surroundings {
            out: logs::Out::Events(log_out),
            folder: logs::settings::folder(folder.path()),
            docker_socket: config.docker_socket.clone(),
            clock: Arc::clone(&clock),
            ids: Arc::clone(&ids),
        };
        if config.capabilities.contains(&Capability::Logs) {
            logs::start(config.logs, &surroundings, &mut tasks);
        } else if !config.logs.is_empty() {
            tracing::warn!(
                "there are [[logs]] in the settings, but capabilities does not hold \"logs\": no lines are sent"
            );
        }
        tasks.spawn(transport::run(uplink, hello.hostname.clone(), wire));
        let (listing, containers) = watch::channel(Listing::default());
        if config.capabilities.contains(&Capability::Docker) {
            tasks.spawn(container::changes::tell(
                config.docker_socket.clone(),
                events_out,
                Arc::clone(&clock),
                Arc::clone(&ids),
            ));
            tasks.spawn(container::watch(
                options.roots.clone(),
                config.docker_socket,
                listing,
            ));
        }
        let (failed, units) = watch::channel(Failed::default());
        tasks.spawn(systemd::watch(failed));
        let mut event = Envelope::new(ids.event_id(), clock.now(), Sample::default());
        event.boot.clone_from(&state.boot);
        let now = Instant::now();
        Ok(Self {
            collector: Collector::new(&options, state.counters.clone()),
            lanes,
            outgoing,
            desk,
            clock,
            ids,
            folder,
            lost_before: state.dropped,
            state,
            event,
            hello,
            orders: handle.orders,
            events: handle.events,
            connected: false,
            granted: Vec::new(),
            containers,
            units,
            tasks,
            transport,
            interval: config.interval.unwrap_or(DEFAULT_INTERVAL),
            interval_is_ours: config.interval.is_some(),
            told: None,
            next_sample_at: now + FIRST_SAMPLE_AFTER,
            save_at: now + SAVE_EVERY,
        })
    }

    /// Runs until told to stop.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), ServiceError> {
        let (samples, events) = (self.lanes.samples.waiting(), self.lanes.events_waiting());
        if samples + events > 0 {
            tracing::info!(
                "{samples} samples and {events} other events of an earlier run are waiting to be sent"
            );
        }
        // From here on a crash must not let numbers be used twice.
        self.save_running();
        // The first look gives the counters that the first sample's rates are measured from.
        self.collector
            .read(Instant::now(), self.interval, &mut self.event.data);
        let mut first = true;
        let ended = loop {
            let wake_at = [
                Some(self.next_sample_at),
                Some(self.save_at),
                self.lanes.wake_at(),
            ];
            let wake_at = wake_at
                .into_iter()
                .flatten()
                .min()
                .unwrap_or(self.next_sample_at);
            tokio::select! {
                () = stop.cancelled() => break Ok(()),
                event = self.events.recv() => match event {
                    Some(event) => self.hear(event),
                    // Only a transport that has panicked goes away by itself.
                    None => break Err(ServiceError::Transport),
                },
                // The desk is part of this service, so somebody can always give more.
                Some(outgoing) = self.outgoing.recv() => {
                    self.lanes.take(outgoing, Instant::now(), self.clock.now());
                }
                () = sleep_until(wake_at.into()) => {
                    let now = Instant::now();
                    if now >= self.next_sample_at {
                        self.sample(now);
                        self.tell_grants();
                        self.plan(now, std::mem::take(&mut first));
                    }
                    self.lanes.tick(now, self.clock.now());
                    if now >= self.save_at {
                        self.save_at = now + SAVE_EVERY;
                        self.save_running();
                    }
                }
            }
        };
        self.farewell().await;
        ended
    }

    /// When the next sample is due: at a fixed pace, after a first gap of random length, so that hosts started together
    /// do not report together.
    fn plan(&mut self, now: Instant, first: bool) {
        let gap = if first {
            self.interval.mul_f64(rand::rng().random_range(0.5..1.0))
        } else {
            self.interval
        };
        self.next_sample_at += gap;
        // After a sleep of the whole machine, or under a debugger, what was missed stays missed.
        if self.next_sample_at <= now {
            self.next_sample_at = now + self.interval;
        }
    }

    fn sample(&mut self, now: Instant) {
        self.collector
            .read(now, self.interval, &mut self.event.data);
        self.pick_up();
        let time = self.clock.now();
        (self.event.id, self.event.time) = (self.ids.event_id(), time);
        self.event.n = Some(self.state.n);
        self.state.n += 1;
        match record::encode(&mut self.event) {
            Ok(record) => self.lanes.push_sample(record, now, time),
            Err(error) => {
                self.lost_before += 1;
                tracing::error!("a sample cannot be encoded and is lost: {error}");
            }
        }
    }

    /// Puts what the tasks have found into the sample.
    fn pick_up(&mut self) {
        let sample = &mut self.event.data;
        let (listing, failed) = (
            self.containers.borrow_and_update(),
            self.units.borrow_and_update(),
        );
        // A list may also have been cut to fit into a message.
        if listing.has_changed() || sample.containers.len() != listing.containers.len() {
            sample.containers.clone_from(&listing.containers);
        }
        if failed.has_changed() || sample.failed_units.len() != failed.units.len() {
            sample.failed_units.clone_from(&failed.units);
        }
        let left_out = listing.left_out.saturating_add(failed.left_out);
        if left_out > 0 {
            sample.truncated = Some(sample.truncated.unwrap_or(0).saturating_add(left_out));
        }
    }

    fn hear(&mut self, event: Event) {
        let (now, time) = (Instant::now(), self.clock.now());
        match event {
            Event::Connected(welcome) => {
                self.connected = true;
                self.greet(&welcome);
                self.desk.welcome(welcome.server);
                self.lanes.connected(welcome.takes_events, now, time);
            }
            Event::Disconnected(reason) => {
                // Said once, not after each of the attempts that fail for one reason.
                if self.told.as_ref() != Some(&reason) {
                    let waiting = self.lanes.samples.waiting();
                    tracing::warn!(waiting, "not connected: {reason}; trying again");
                    self.told = Some(reason);
                }
                self.connected = false;
                self.lanes.disconnected(now, time);
            }
            Event::Request {
                verb,
                payload,
                answer,
            } => self.desk.request(verb, payload, answer),
            Event::Io {
                session,
                way,
                payload,
            } => self.desk.io(session, way, payload),
            Event::Settled {
                lane,
                number,
                outcome,
            } => {
                if let Some(command) = self.lanes.settled(lane, number, outcome, now, time) {
                    self.desk.told(command);
                }
            }
        }
    }

    fn greet(&mut self, welcome: &Welcome) {
        self.told = None;
        tracing::info!(server = %welcome.server, waiting = self.lanes.samples.waiting(), "connected: {}", welcome.name);
        if let Some(asked) = welcome.interval.filter(|_| !self.interval_is_ours) {
            let (shortest, longest) = (*INTERVAL_SECONDS.start(), *INTERVAL_SECONDS.end());
            let asked = asked.clamp(Duration::from_secs(shortest), Duration::from_secs(longest));
            if asked != self.interval {
                self.interval = asked;
                self.next_sample_at = self.next_sample_at.min(Instant::now() + asked);
            }
        }
        self.introduce();
    }

    /// Tells the server what this host is and allows.
    fn introduce(&mut self) {
        self.granted = self.desk.permits().grants(self.clock.now());
        let grants = self.granted.iter().map(|grant| TimedGrant {
            capability: grant.capability.word().to_owned(),
            until: grant.until,
        });
        let hello = AgentHello {
            grants: grants.collect(),
            interval_ms: u32::try_from(self.interval.as_millis()).ok(),
            spooled: Some(self.lanes.samples.waiting()),
            dropped: Some(self.dropped()),
            ..self.hello.clone()
        };
        // A full channel means that the connection is going away again; the next one is greeted anew.
        let _ = self.orders.try_send(Order::Hello(Box::new(hello)));
    }

    /// People who wait for a grant see it within an interval; so do those whose grant was taken back.
    fn tell_grants(&mut self) {
        if self.connected && self.desk.permits().grants(self.clock.now()) != self.granted {
            self.introduce();
        }
    }

    fn dropped(&self) -> u64 {
        self.lost_before + self.lanes.samples.lost()
    }

    fn current_state(&self) -> State {
        State {
            dropped: self.dropped(),
            counters: self.collector.counters(),
            ..self.state.clone()
        }
    }

    fn save_running(&self) {
        let samples = SAVE_EVERY
            .as_secs()
            .div_ceil(self.interval.as_secs().max(1))
            + 2;
        if let Err(error) = self.folder.save(&self.current_state().reserve(samples)) {
            tracing::warn!("{error}");
        }
    }

    async fn farewell(mut self) {
        let end = Instant::now() + FAREWELL;
        let desk = self.desk.clone();
        let closing = desk.close();
        tokio::pin!(closing);
        let mut closed = false;
        // What ends now still tells how; then what is in flight may settle.
        while !closed || !self.outgoing.is_empty() || self.lanes.in_flight() > 0 {
            tokio::select! {
                () = &mut closing, if !closed => closed = true,
                Some(outgoing) = self.outgoing.recv() => {
                    self.lanes.take(outgoing, Instant::now(), self.clock.now());
                }
                Some(event) = self.events.recv() => self.hear(event),
                () = sleep_until(end.into()) => break,
            }
        }
        while let Ok(outgoing) = self.outgoing.try_recv() {
            self.lanes.take(outgoing, Instant::now(), self.clock.now());
        }
        self.transport.cancel();
        if let Err(error) = self.lanes.close() {
            tracing::error!(
                "{} samples and {} other events could not be kept on disk and are lost: {error}",
                self.lanes.samples.waiting(),
                self.lanes.events_waiting()
            );
        }
        if let Err(error) = self.folder.save(&self.current_state()) {
            tracing::warn!("{error}");
        }
        self.tasks.shutdown().await;
        tracing::info!(
            waiting = self.lanes.samples.waiting(),
            "stopped; what is waiting is sent at the next start"
        );
    }
}
