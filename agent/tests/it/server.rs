//! A nats-server with the real streams, where one agent may do exactly what the gate would let it do, and somebody who
//! tells that agent which server it is.

use std::time::Duration;

use bytes::Bytes;
use chatops_bus::{
    Bus, ConnectOptions, Credentials, From, StreamName, connect,
    topology::{self, Mode},
};
use chatops_schemas::{
    clock::{Clock as _, System},
    codec,
    envelope::Envelope,
    event::{fact::AgentHello, metric::Sample},
    ids::{KeyId, ServerId},
    subject,
    wire::WhoAmI,
};
use chatops_testkit::NatsServer;
use futures::StreamExt as _;
use tokio::task::JoinHandle;

use crate::agent::{KEY_ID, SECRET};

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Server {
    pub(crate) nats: NatsServer,
    pub(crate) bus: Bus,
    answering: JoinHandle<()>,
}

pub(crate) fn server_id() -> ServerId {
    ServerId::parse("web-1").unwrap()
}

/// Users of the server; `agent` are the permissions of the agent.
pub(crate) fn users(secret: &str, publish: &[String]) -> String {
    let key = KeyId::parse(KEY_ID).unwrap();
    let list = |subjects: &[String]| {
        subjects
            .iter()
            .map(|s| format!("\"{s}\""))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let subscribe = subject::agent_may_subscribe(&server_id(), &key);
    format!(
        "authorization {{ users: [\n  {{ user: svc, password: svc }}\n  {{ user: \"{KEY_ID}\", password: \"{secret}\", \
         permissions: {{ publish: {{ allow: [{}] }}, subscribe: {{ allow: [{}] }}, allow_responses: true }} }}\n] }}\n",
        list(publish),
        list(&subscribe),
    )
}

pub(crate) fn permitted() -> Vec<String> {
    subject::agent_may_publish(&server_id(), &KeyId::parse(KEY_ID).unwrap())
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(users(SECRET, &permitted())).await
    }

    pub(crate) async fn with(config: String) -> Self {
        let nats = NatsServer::builder().config(config).start().await.unwrap();
        let bus = connect(ConnectOptions {
            url: nats.url(),
            name: "test".into(),
            user: Some(Credentials {
                user: "svc".into(),
                password: "svc".to_owned().into(),
            }),
            inbox_prefix: None,
            ca_file: None,
            retry_on_initial_connect: false,
        })
        .await
        .unwrap();
        topology::apply(&bus, &topology::embedded().unwrap(), 1, Mode::Apply)
            .await
            .unwrap();
        let answering = tokio::spawn(answer(bus.clone()));
        Self {
            nats,
            bus,
            answering,
        }
    }

    /// Every sample in the stream, in its order, with its position.
    pub(crate) async fn samples(&self) -> Vec<(u64, Envelope<Sample>)> {
        let Ok(info) = self.bus.stream_info(StreamName::Metrics).await else {
            return Vec::new();
        };
        if info.messages == 0 {
            return Vec::new();
        }
        let filter = subject::metrics_stored(&server_id());
        let mut reader = self
            .bus
            .read(StreamName::Metrics, &filter, From::Seq(1))
            .await
            .unwrap();
        let mut samples = Vec::new();
        while let Some(recorded) = reader.next().await {
            let recorded = recorded.unwrap();
            samples.push((recorded.seq, codec::decode(&recorded.payload).unwrap()));
            if recorded.seq >= info.last_seq {
                break;
            }
        }
        samples
    }

    pub(crate) async fn count(&self) -> u64 {
        self.bus
            .stream_info(StreamName::Metrics)
            .await
            .map_or(0, |info| info.messages)
    }

    pub(crate) async fn hello(&self) -> Option<Envelope<AgentHello>> {
        let subject = subject::fact(&server_id(), subject::HELLO);
        let recorded = self.bus.last(StreamName::Fact, &subject).await.ok()??;
        Some(codec::decode(&recorded.payload).unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.answering.abort();
    }
}

async fn answer(bus: Bus) {
    let mut questions = bus.subscribe(subject::WHOAMI).await.unwrap();
    while let Some(question) = questions.next().await {
        let who = WhoAmI {
            server_id: server_id(),
            name: "web server".into(),
            interval_ms: Some(2000),
            server_time: System.now(),
        };
        let Some(reply) = question.reply else {
            continue;
        };
        let _ = bus
            .publish_core(
                &reply,
                None,
                &[],
                Bytes::from(serde_json::to_vec(&who).unwrap()),
            )
            .await;
    }
}
