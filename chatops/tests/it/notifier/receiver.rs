//! A receiver of messages: an HTTP server that keeps what it gets and answers what it is told to.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use data_encoding::HEXLOWER;
use ring::hmac;
use serde_json::Value;
use tokio::net::TcpListener;

/// What it does with a request.
pub(crate) enum Answer {
    Status(u16),
    /// Takes it and never answers.
    Hang,
}

/// What arrived.
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    pub(crate) id: String,
    signature: String,
    text: Bytes,
    pub(crate) body: Value,
}

impl Arrived {
    /// As the documentation tells receivers to check it.
    pub(crate) fn signed_with(&self, key: &str) -> bool {
        let mut parts = self
            .signature
            .split(',')
            .filter_map(|part| part.split_once('='));
        let (Some(("t", time)), Some(("v1", digest))) = (parts.next(), parts.next()) else {
            return false;
        };
        let signed = [time.as_bytes(), b".", &self.text].concat();
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
        let digest = HEXLOWER.decode(digest.as_bytes()).unwrap_or_default();
        hmac::verify(&key, &signed, &digest).is_ok()
    }
}

#[derive(Default)]
struct Book {
    arrived: Vec<Arrived>,
    answers: VecDeque<Answer>,
}

pub(crate) struct Receiver {
    port: u16,
    book: Arc<Mutex<Book>>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let book = Arc::new(Mutex::new(Book::default()));
        let app = Router::new().route("/hook", axum::routing::post(take));
        let app = app.with_state(Arc::clone(&book));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { port, book }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    /// The next requests get these answers, those after them 200.
    pub(crate) fn then(&self, answers: impl IntoIterator<Item = Answer>) {
        self.book.lock().unwrap().answers.extend(answers);
    }

    pub(crate) fn arrived(&self) -> Vec<Arrived> {
        self.book.lock().unwrap().arrived.clone()
    }

    pub(crate) fn last(&self) -> Arrived {
        self.arrived().pop().unwrap()
    }
}

async fn take(
    State(book): State<Arc<Mutex<Book>>>,
    headers: HeaderMap,
    text: Bytes,
) -> (StatusCode, &'static str) {
    let body: Value = serde_json::from_slice(&text).unwrap();
    let answer = {
        let mut book = book.lock().unwrap();
        let signature = &headers["x-chatops-signature"];
        book.arrived.push(Arrived {
            id: headers["idempotency-key"].to_str().unwrap().to_owned(),
            signature: signature.to_str().unwrap().to_owned(),
            text,
            body,
        });
        book.answers.pop_front().unwrap_or(Answer::Status(200))
    };
    match answer {
        Answer::Status(status) => (StatusCode::from_u16(status).unwrap(), "ok"),
        Answer::Hang => std::future::pending().await,
    }
}
