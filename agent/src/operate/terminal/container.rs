//! A shell in a container: an `exec` of the engine with a terminal of its own.
//!
//! Spoken to the engine directly: its stream is passed on byte by byte, while the library puts lines together, which a
//! prompt never completes.

use std::path::{Path, PathBuf};

use bytes::{Bytes, BytesMut};
use chatops_bus::Chain;
use chatops_schemas::order::{Refusal, RefusalCode, Terminal};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Method, Request, Response, StatusCode, body::Incoming, header};
use hyper_util::rt::TokioIo;
use rustix::process::Pid;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
    sync::{mpsc, oneshot},
};

use super::{Kind, Shell, pty};
use crate::{
    collect::container::{Engine, EngineError},
    operate::Host,
};

const PIECES: usize = 4;
const PIECE: usize = 16 * 1024;
/// Longest answer of the engine that is read.
const MOST_ANSWER: usize = 1 << 20;

/// Where the engine listens.
#[derive(Clone)]
struct Socket(PathBuf);

/// One exec.
pub(super) struct Exec {
    socket: Socket,
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    exit_code: Option<i32>,
    pid: Option<i32>,
}

/// Starts a shell in a container.
pub(super) async fn open(
    host: &Host,
    container: &str,
    terminal: &Terminal,
) -> Result<Shell, Refusal> {
    let engine = Engine::connect(host.docker_socket.as_deref())
        .await
        .map_err(|error| match error {
            EngineError::NoSocket | EngineError::Unreachable { .. } => {
                Refusal::new(RefusalCode::NoEngine, error.to_string())
            }
            EngineError::Failed(_) => Refusal::new(RefusalCode::Failed, error.to_string()),
        })?;
    let socket = Socket(engine.socket().to_owned());
    let shell = terminal.shell.as_deref().unwrap_or("/bin/sh");
    let wanted = json!({
        "AttachStdin": true, "AttachStdout": true, "AttachStderr": true, "Tty": true,
        "Cmd": [shell],
        "Env": ["TERM=xterm-256color", "COLORTERM=truecolor"],
    });
    let path = format!("/containers/{}/exec", escaped(container));
    let made = socket.ask(Method::POST, &path, Some(&wanted)).await?;
    let id = made["Id"].as_str().unwrap_or_default().to_owned();
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(failed("the engine gave the shell no name"));
    }
    let mut exec = Exec { socket, id };
    let path = format!("/exec/{}/start", exec.id);
    let begin = json!({"Detach": false, "Tty": true});
    let response = exec
        .socket
        .send(Method::POST, &path, Some(&begin), true)
        .await?;
    if !matches!(
        response.status(),
        StatusCode::SWITCHING_PROTOCOLS | StatusCode::OK
    ) {
        return Err(refused(response).await);
    }
    let stream = hyper::upgrade::on(response)
        .await
        .map_err(|error| failed(&Chain(&error).to_string()))?;
    exec.resize(terminal.cols, terminal.rows).await;

    let (mut reader, mut writer) = tokio::io::split(TokioIo::new(stream));
    let (show, output) = mpsc::channel::<Bytes>(PIECES);
    let (tell, exited) = oneshot::channel();
    let asked = Exec {
        socket: exec.socket.clone(),
        id: exec.id.clone(),
    };
    tokio::spawn(async move {
        loop {
            let mut piece = BytesMut::with_capacity(PIECE);
            match reader.read_buf(&mut piece).await {
                Ok(0) | Err(_) => break,
                Ok(_) => {
                    if show.send(piece.freeze()).await.is_err() {
                        break;
                    }
                }
            }
        }
        drop(show);
        let code = asked.inspect().await.and_then(|shell| shell.exit_code);
        // Nobody may want to know any more.
        let _ = tell.send(code);
    });
    let (input, mut typed) = mpsc::channel::<Bytes>(PIECES);
    tokio::spawn(async move {
        while let Some(keys) = typed.recv().await {
            if writer.write_all(&keys).await.is_err() {
                return;
            }
        }
    });
    Ok(Shell {
        output,
        input,
        exited,
        kind: Kind::Container(exec),
    })
}

impl Exec {
    pub(super) async fn resize(&mut self, cols: u16, rows: u16) {
        let path = format!("/exec/{}/resize?h={rows}&w={cols}", self.id);
        if let Err(refusal) = self.socket.ask(Method::POST, &path, None).await {
            tracing::debug!("a terminal in a container could not be resized: {refusal}");
        }
    }

    async fn inspect(&self) -> Option<Inspected> {
        let path = format!("/exec/{}/json", self.id);
        let answer = self.socket.ask(Method::GET, &path, None).await.ok()?;
        serde_json::from_value(answer).ok()
    }

    /// Engines have no word for ending an exec. Its processes are the host's, so they are hung up on and killed there, as
    /// far as the agent's user may.
    pub(super) async fn end(self) {
        let pid = self
            .inspect()
            .await
            .filter(|shell| shell.exit_code.is_none());
        if let Some(leader) = pid.and_then(|shell| Pid::from_raw(shell.pid?)) {
            pty::end_session(leader, true).await;
        }
    }
}

impl Socket {
    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        upgrade: bool,
    ) -> Result<Response<Incoming>, Refusal> {
        let lost = |error: &(dyn std::error::Error + 'static)| {
            Refusal::new(RefusalCode::NoEngine, Chain(error).to_string())
        };
        let stream = UnixStream::connect(Path::new(&self.0))
            .await
            .map_err(|error| lost(&error))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| lost(&error))?;
        tokio::spawn(connection.with_upgrades());
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "localhost");
        if upgrade {
            request = request
                .header(header::CONNECTION, "Upgrade")
                .header(header::UPGRADE, "tcp");
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let bytes = body.map(Value::to_string).unwrap_or_default();
        let request = request
            .body(Full::new(Bytes::from(bytes)))
            .map_err(|error| failed(&error.to_string()))?;
        sender
            .send_request(request)
            .await
            .map_err(|error| lost(&error))
    }

    /// A question with a short answer; `null` when it is empty.
    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Refusal> {
        let response = self.send(method, path, body, false).await?;
        if !response.status().is_success() {
            return Err(refused(response).await);
        }
        Ok(serde_json::from_slice(&text(response).await).unwrap_or_default())
    }
}

async fn text(response: Response<Incoming>) -> Bytes {
    let body = Limited::new(response.into_body(), MOST_ANSWER);
    body.collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default()
}

/// In the engine's own words.
async fn refused(response: Response<Incoming>) -> Refusal {
    let code = match response.status() {
        StatusCode::NOT_FOUND => RefusalCode::NotFound,
        _ => RefusalCode::Failed,
    };
    let answer = text(response).await;
    let parsed: Value = serde_json::from_slice(&answer).unwrap_or_default();
    let words = parsed["message"].as_str().map(str::to_owned);
    Refusal::new(
        code,
        words.unwrap_or_else(|| String::from_utf8_lossy(&answer).into_owned()),
    )
}

fn failed(message: &str) -> Refusal {
    Refusal::new(RefusalCode::Failed, message)
}

/// As one segment of a path: names hold nothing else.
fn escaped(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
        .collect()
}
