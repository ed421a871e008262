//! The bare bus: what nats-server takes from the same generator into a plain stream, and how fast it passes a message on.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context;
use async_nats::jetstream;
use bytes::BytesMut;
use tokio::time::{Instant, interval};

use crate::bench::{
    stats::quantile,
    wire::{Load, Login, Pace, Wire},
};

/// A client of the library, for what is not measured by rate.
pub(in crate::bench) async fn client(
    address: SocketAddr,
    login: Option<&Login>,
) -> anyhow::Result<async_nats::Client> {
    let options = match login {
        Some(login) => async_nats::ConnectOptions::with_user_and_password(
            login.user.clone(),
            login.password.clone(),
        )
        .custom_inbox_prefix(login.inbox.clone()),
        None => async_nats::ConnectOptions::new(),
    };
    options
        .connect(format!("nats://{address}"))
        .await
        .context("connect to nats-server")
}

/// Messages a second and servers' share: publishes into a file stream without transform, compression or consumers.
pub(in crate::bench) async fn publish(
    address: SocketAddr,
    login: Option<&Login>,
    bytes: usize,
    count: u64,
    connections: usize,
    window: usize,
) -> anyhow::Result<f64> {
    let js = jetstream::new(client(address, login).await?);
    js.get_or_create_stream(jetstream::stream::Config {
        name: "BENCH_LIMIT".to_owned(),
        subjects: vec!["bench.limit.*".to_owned()],
        max_bytes: 1 << 30,
        ..Default::default()
    })
    .await
    .context("make the bare stream")?;
    let share = count / connections as u64;
    let mut wires = Vec::new();
    for _ in 0..connections {
        wires.push(Wire::connect(address, login).await?);
    }
    let began = Instant::now();
    let pumps = wires.iter_mut().map(|wire| async move {
        let mut load = Bare {
            left: share,
            payload: vec![b'x'; bytes],
        };
        wire.pump(
            &mut load,
            Pace {
                window: window / connections,
                rate: None,
            },
        )
        .await
    });
    futures::future::try_join_all(pumps).await?;
    Ok((share * connections as u64) as f64 / began.elapsed().as_secs_f64())
}

struct Bare {
    left: u64,
    payload: Vec<u8>,
}

impl Load for Bare {
    fn write(&mut self, out: &mut BytesMut, reply: &str) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        let subject = self.left % 1000;
        out.extend_from_slice(
            format!(
                "PUB bench.limit.{subject} {reply} {}\r\n",
                self.payload.len()
            )
            .as_bytes(),
        );
        out.extend_from_slice(&self.payload);
        out.extend_from_slice(b"\r\n");
        true
    }
}

/// Milliseconds from a core publish to its delivery on another connection at a steady rate: p50 and p99. Both ends are
/// the generator's own connections, as they are when the whole way to a browser is measured.
pub(in crate::bench) async fn one_way(
    address: SocketAddr,
    login: &Login,
    bytes: usize,
    rate: f64,
    count: usize,
) -> anyhow::Result<(f64, f64)> {
    let mut sender = Wire::connect(address, Some(login)).await?;
    let mut receiver = Wire::connect(address, Some(login)).await?;
    let message = {
        let mut message = format!("PUB {} {bytes}\r\n", receiver.inbox()).into_bytes();
        message.extend(std::iter::repeat_n(b'x', bytes));
        message.extend_from_slice(b"\r\n");
        message
    };
    let send = async {
        let mut beat = interval(Duration::from_secs_f64(1.0 / rate));
        let mut moments = Vec::with_capacity(count);
        for _ in 0..count {
            beat.tick().await;
            moments.push(Instant::now());
            sender.put(&message).await?;
        }
        anyhow::Ok(moments)
    };
    let receive = async {
        let mut moments = Vec::with_capacity(count);
        for _ in 0..count {
            receiver.message().await.context("receive a core message")?;
            moments.push(Instant::now());
        }
        anyhow::Ok(moments)
    };
    let (sent, arrived) = tokio::try_join!(send, receive)?;
    let mut times: Vec<f64> = sent
        .iter()
        .zip(&arrived)
        .map(|(from, to)| (*to - *from).as_secs_f64() * 1000.0)
        .collect();
    Ok((quantile(&mut times, 0.5), quantile(&mut times, 0.99)))
}
