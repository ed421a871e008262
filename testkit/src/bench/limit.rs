//! What the bare parts reach on this machine, in the same run and with the same generator: the yardsticks. Each is the
//! least code that does the job with the library or server itself, so that a ratio says what our own layers cost.

pub(super) mod broadcast;
pub(super) mod bus;
pub(super) mod engine;
pub(super) mod lines;
pub(super) mod pty;
pub(super) mod rows;

use super::{
    fleet::{Host, Shape},
    options::Options,
    report::{Report, Row},
    stats::Rounds,
    wire::Login,
};
use crate::NatsServer;
use chatops_schemas::ids::ServerId;

/// The bus alone, without any program of ours: what this machine could do at most.
pub(super) async fn alone(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let anybody = Login {
        user: String::new(),
        password: String::new(),
        inbox: "_INBOX".to_owned(),
    };
    for (durability, always) in [(super::IN_MEMORY, false), (super::ON_DISK, true)] {
        let builder = NatsServer::builder();
        let nats = if always {
            builder.sync_always()
        } else {
            builder
        }
        .start()
        .await?;
        for shape in [Shape::Small, Shape::Full] {
            let bytes = Host::new(ServerId::parse("bare")?, shape, 1)?.event_bytes();
            let count = if always {
                options.scale(30_000, 8_000)
            } else {
                options.scale(500_000, 150_000)
            };
            let mut figure = Rounds::default();
            for _ in 0..options.rounds {
                figure.push(bus::publish(nats.address(), None, bytes, count, 2, 4000).await?);
            }
            report.add(Row {
                measure: format!("bare publish into a stream, {bytes} bytes"),
                unit: "messages/s",
                durability,
                ours: figure,
                ..Row::default()
            });
        }
        if !always {
            let (half, most) = bus::one_way(
                nats.address(),
                &anybody,
                5000,
                200.0,
                options.scale(2000, 600),
            )
            .await?;
            for (name, figure) in [("p50", half), ("p99", most)] {
                report.add(Row {
                    measure: format!("bare core publish to subscriber at 200 messages/s, {name}"),
                    unit: "ms",
                    ours: Rounds::once(figure),
                    ..Row::default()
                });
            }
        }
    }
    super::measure::sockets::bare(options, report).await
}
