//! What every test stands on.

use chatops_bus::{Bus, ConnectOptions, connect, topology};
use chatops_schemas::{
    clock::{Clock, IdSource, System, Timestamp},
    envelope::Envelope,
    event::metric::{Cpu, Sample},
    ids::{EventId, ServerId},
};
use chatops_testkit::NatsServer;

pub(crate) async fn bus(url: &str) -> Bus {
    let options = ConnectOptions {
        url: url.to_owned(),
        name: "test".to_owned(),
        user: None,
        inbox_prefix: None,
        ca_file: None,
        retry_on_initial_connect: false,
    };
    connect(options).await.expect("connect")
}

/// A server with all streams, and a connection to it.
pub(crate) async fn provisioned(server: &NatsServer) -> Bus {
    let bus = bus(&server.url()).await;
    let topology = topology::embedded().expect("the committed topology parses");
    topology::apply(&bus, &topology, 1, topology::Mode::Apply)
        .await
        .expect("apply topology");
    bus
}

pub(crate) fn server_id(n: usize) -> ServerId {
    ServerId::parse(format!("host-{n}")).expect("a valid id")
}

/// A sample that carries `n`, so that a test can tell which one it sees.
pub(crate) fn sample(server: &ServerId, n: u64) -> Envelope<Sample> {
    let data = Sample {
        cpu: Some(Cpu {
            total: Some(1.0),
            ..Cpu::default()
        }),
        ..Sample::default()
    };
    let mut event =
        Envelope::new(EventId(IdSource::next(&System)), now(), data).about(server.clone());
    event.n = Some(n);
    event
}

pub(crate) fn now() -> Timestamp {
    System.now()
}
