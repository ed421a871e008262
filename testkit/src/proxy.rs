//! A TCP proxy that fails the way networks fail. Tests put it between a client and a real server.
//!
//! A cut resets both sides at once: bytes that were delayed, queued or in kernel buffers are
//! lost, which a plain kill of either program would not show. Nothing outlives the value: on Drop
//! the listener closes and every connection is reset.

mod pump;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

use pump::pump;

/// How the network behaves at the moment; every connection follows changes at once.
#[derive(Debug, Clone, Copy)]
struct Weather {
    delay: Duration,
    stalled: bool,
    refusing: bool,
    /// Connections begun under an older number are reset.
    cuts: u64,
}

/// See the module; made by [`CuttingProxy::start`].
#[derive(Debug)]
pub struct CuttingProxy {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    open: Arc<AtomicUsize>,
    // Dropping the set aborts the acceptor and with it every connection.
    _acceptor: JoinSet<()>,
}

impl CuttingProxy {
    /// Listens on a free port of loopback and forwards to `upstream`.
    pub async fn start(upstream: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .context("listen for the proxy")?;
        let address = listener.local_addr()?;
        let fair = Weather {
            delay: Duration::ZERO,
            stalled: false,
            refusing: false,
            cuts: 0,
        };
        let (weather, forecast) = watch::channel(fair);
        let open = Arc::new(AtomicUsize::new(0));
        let mut acceptor = JoinSet::new();
        acceptor.spawn(accept(listener, upstream, forecast, Arc::clone(&open)));
        Ok(Self {
            address,
            weather,
            open,
            _acceptor: acceptor,
        })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `scheme://127.0.0.1:PORT`.
    pub fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}", self.address)
    }

    /// `url` with its host and port replaced by the proxy's, user and path kept.
    pub fn replace_in(&self, url: &str) -> String {
        let start = url.find("://").map_or(0, |at| at + 3);
        let end = url[start..].find('/').map_or(url.len(), |at| start + at);
        let user = url[start..end]
            .rfind('@')
            .map_or("", |at| &url[start..=start + at]);
        format!("{}{user}{}{}", &url[..start], self.address, &url[end..])
    }

    /// Holds every byte back by `each_way`, for old and new connections.
    pub fn delay(&self, each_way: Duration) {
        self.weather.send_modify(|weather| weather.delay = each_way);
    }

    /// Resets all connections; bytes on the way are lost. Returns how many there were.
    pub fn cut(&self) -> usize {
        let open = self.connections();
        self.weather.send_modify(|weather| weather.cuts += 1);
        open
    }

    /// Connections stay, but no byte moves until [`Self::resume`].
    pub fn stall(&self) {
        self.weather.send_modify(|weather| weather.stalled = true);
    }

    /// Ends [`Self::stall`].
    pub fn resume(&self) {
        self.weather.send_modify(|weather| weather.stalled = false);
    }

    /// Cuts all connections and resets new ones at once, until [`Self::accept`].
    pub fn refuse(&self) {
        self.weather.send_modify(|weather| {
            weather.refusing = true;
            weather.cuts += 1;
        });
    }

    /// Ends [`Self::refuse`].
    pub fn accept(&self) {
        self.weather.send_modify(|weather| weather.refusing = false);
    }

    /// Connections open at the moment.
    pub fn connections(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }
}

async fn accept(
    listener: TcpListener,
    upstream: SocketAddr,
    weather: watch::Receiver<Weather>,
    open: Arc<AtomicUsize>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { continue };
                let now = *weather.borrow();
                if now.refusing {
                    reset(&client);
                    continue;
                }
                connections.spawn(connection(client, upstream, weather.clone(), now.cuts, Counted::new(&open)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(
    client: TcpStream,
    upstream: SocketAddr,
    weather: watch::Receiver<Weather>,
    born: u64,
    _counted: Counted,
) {
    let mut client = Resetting {
        stream: client,
        orderly: false,
    };
    let Ok(server) = TcpStream::connect(upstream).await else {
        return;
    };
    let mut server = Resetting {
        stream: server,
        orderly: false,
    };
    let _ = client.stream.set_nodelay(true);
    let _ = server.stream.set_nodelay(true);
    let mut cuts = weather.clone();
    let both_ways = async {
        let there = pump(&client.stream, &server.stream, weather.clone());
        let back = pump(&server.stream, &client.stream, weather.clone());
        tokio::try_join!(there, back).is_ok()
    };
    let orderly = tokio::select! {
        _ = cuts.wait_for(|now| now.cuts != born) => false,
        orderly = both_ways => orderly,
    };
    client.orderly = orderly;
    server.orderly = orderly;
}

/// A socket that is reset on Drop, so that nothing in kernel buffers arrives any more, unless
/// both sides had said good-bye.
struct Resetting {
    stream: TcpStream,
    orderly: bool,
}

impl Drop for Resetting {
    fn drop(&mut self) {
        if !self.orderly {
            reset(&self.stream);
        }
    }
}

fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}

struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(open: &Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(open))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
