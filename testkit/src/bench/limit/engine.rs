//! The bare follow: the engine's own answer to a request for a container's log, read from its socket without looking at
//! the lines.

use std::{path::Path, time::Duration};

use anyhow::{Context, bail};
use bytes::BytesMut;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    time::timeout,
};

use crate::bench::browser::Counter;

const PATIENCE: Duration = Duration::from_secs(60);

/// A log that is being read.
pub(in crate::bench) struct Follow(UnixStream);

impl Follow {
    /// Everything there is, and what comes.
    pub(in crate::bench) async fn open(socket: &Path, container: &str) -> anyhow::Result<Self> {
        let mut stream = UnixStream::connect(socket)
            .await
            .context("reach the engine")?;
        let request = format!(
            "GET /containers/{container}/logs?stdout=1&stderr=1&timestamps=1&follow=1&tail=all HTTP/1.1\r\nHost: engine\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        Ok(Self(stream))
    }

    /// Reads until `needle` has come so many times.
    pub(in crate::bench) async fn until(
        &mut self,
        needle: &'static str,
        count: u64,
    ) -> anyhow::Result<()> {
        let mut counter = Counter::new(needle);
        let mut read = BytesMut::with_capacity(64 * 1024);
        let all = async {
            while counter.found < count {
                read.clear();
                if self.0.read_buf(&mut read).await? == 0 {
                    bail!("the engine closed the connection");
                }
                counter.look(&read);
            }
            Ok(())
        };
        timeout(PATIENCE, all)
            .await
            .with_context(|| format!("not all {count} lines came from the engine"))?
    }
}
