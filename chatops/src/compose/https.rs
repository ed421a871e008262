//! The web app's listener under TLS. A stranger who connects and says nothing holds nobody up: handshakes run beside each
//! other and have a deadline. Certificates from files are read again when they change.

use std::{
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use axum::{
    Router,
    extract::{ConnectInfo, Request, connect_info::Connected},
    middleware::{self, Next},
    serve::{IncomingStream, Listener},
};
use rustls::{
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::sync::CancellationToken;

use crate::{config::Config, tls};

const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// Handshakes at once; more wait in the kernel.
const HANDSHAKES: usize = 512;
const LOOK_EVERY: Duration = Duration::from_secs(10);

type Shaken = io::Result<(TlsStream<TcpStream>, SocketAddr)>;

/// Accepts and encrypts.
pub(super) struct Https {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    shaking: JoinSet<Shaken>,
}

/// The certificate that is shown at the moment.
#[derive(Debug)]
pub(super) struct Shown(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let shown = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&shown))
    }
}

impl Shown {
    pub(super) fn new(identity: &tls::Identity) -> anyhow::Result<Arc<Self>> {
        let certified = identity.certified()?;
        Ok(Arc::new(Self(RwLock::new(Arc::new(certified)))))
    }

    /// Reads the files again whenever they have changed. What cannot be used is logged; the former stays.
    pub(super) async fn follow(
        &self,
        config: &Config,
        files: [PathBuf; 2],
        stop: CancellationToken,
    ) {
        let mut seen = tls::changed(&files);
        while stop.run_until_cancelled(sleep(LOOK_EVERY)).await.is_some() {
            let now = tls::changed(&files);
            if now == seen {
                continue;
            }
            seen = now;
            match tls::identity(config).and_then(|identity| match identity {
                Some(identity) => identity.certified().map(Some),
                None => Ok(None),
            }) {
                Ok(Some(certified)) => {
                    *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(certified);
                    tracing::info!("the certificate was read again");
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(error = %format!("{error:#}"), "the new certificate cannot be used; the former is still shown");
                }
            }
        }
    }
}

impl Https {
    pub(super) fn new(listener: TcpListener, shown: Arc<Shown>) -> anyhow::Result<Self> {
        Ok(Self {
            listener,
            acceptor: TlsAcceptor::from(Arc::new(tls::server(shown)?)),
            shaking: JoinSet::new(),
        })
    }
}

impl Listener for Https {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            tokio::select! {
                Some(shaken) = self.shaking.join_next(), if !self.shaking.is_empty() => match shaken {
                    Ok(Ok(accepted)) => return accepted,
                    // Scanners and plain HTTP; nothing to act on.
                    Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
                    Err(error) => tracing::error!(%error, "a TLS handshake ended badly"),
                },
                accepted = self.listener.accept(), if self.shaking.len() < HANDSHAKES => match accepted {
                    Ok((stream, address)) => {
                        // Live frames are small and must not wait for each other; without it they are only slower.
                        let _ = stream.set_nodelay(true);
                        let handshake = self.acceptor.accept(stream);
                        self.shaking.spawn(async move {
                            let stream = timeout(HANDSHAKE_WITHIN, handshake).await??;
                            Ok((stream, address))
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        // Out of file descriptors, mostly: it passes.
                        sleep(Duration::from_millis(200)).await;
                    }
                },
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// Address of the other end. Routes look for the one of a plain listener; [`known`] puts it there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Other(SocketAddr);

impl Connected<IncomingStream<'_, Https>> for Other {
    fn connect_info(stream: IncomingStream<'_, Https>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// The routes, told of addresses as a plain listener tells them.
pub(super) fn known(router: Router) -> Router {
    router.layer(middleware::from_fn(
        async |mut request: Request, next: Next| {
            if let Some(ConnectInfo(Other(address))) = request.extensions().get().copied() {
                request.extensions_mut().insert(ConnectInfo(address));
            }
            next.run(request).await
        },
    ))
}
