//! The REST interface as a program uses it.

use chatops_testkit::evidence;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

pub(crate) const PASSWORD: &str = "violet-anchor-79-gravel";

pub(crate) struct Client {
    inner: reqwest::Client,
    base: String,
    token: Option<String>,
}

impl Client {
    pub(crate) fn new(port: u16) -> Self {
        // The library wants to know even when no address is https.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            inner: reqwest::Client::new(),
            base: format!("http://127.0.0.1:{port}"),
            token: None,
        }
    }

    /// Over TLS, believing this authority and no other.
    pub(crate) fn trusting(port: u16, authority: &[u8]) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let authority = reqwest::Certificate::from_pem(authority).unwrap();
        Self {
            inner: reqwest::Client::builder()
                .tls_certs_only([authority])
                .build()
                .unwrap(),
            base: format!("https://127.0.0.1:{port}"),
            token: None,
        }
    }

    /// The access token, for a socket.
    pub(crate) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    pub(crate) async fn ready(&self) -> bool {
        matches!(self.inner.get(format!("{}/readyz", self.base)).send().await, Ok(answer) if answer.status().is_success())
    }

    pub(crate) async fn text(&self, path: &str) -> (StatusCode, String) {
        let answer = self
            .inner
            .get(format!("{}{path}", self.base))
            .send()
            .await
            .unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = self.send(Method::GET, path, None).await;
        assert!(
            answer.status().is_success(),
            "{path}: {}",
            answer.text().await.unwrap()
        );
        answer.json().await.unwrap()
    }

    pub(crate) async fn register(
        &mut self,
        username: &str,
        setup_token: Option<&str>,
    ) -> StatusCode {
        let body =
            json!({ "username": username, "password": PASSWORD, "setup_token": setup_token });
        let answer = self
            .send(Method::POST, "/api/v1/auth/register", Some(body))
            .await;
        self.keep(answer).await
    }

    pub(crate) async fn login(&mut self, username: &str) -> StatusCode {
        self.login_with(username, PASSWORD).await
    }

    pub(crate) async fn login_with(&mut self, username: &str, password: &str) -> StatusCode {
        let body = json!({ "username": username, "password": password });
        let answer = self
            .send(Method::POST, "/api/v1/auth/login", Some(body))
            .await;
        self.keep(answer).await
    }

    async fn keep(&mut self, answer: Response) -> StatusCode {
        let status = answer.status();
        if status.is_success() {
            let body: Value = answer.json().await.unwrap();
            evidence::secrets_in(&body);
            self.token = body["access_token"].as_str().map(str::to_owned);
            assert!(self.token.is_some(), "{body}");
        }
        status
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        let mut request = self.inner.request(method, format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            evidence::secrets_in(&body);
            request = request.json(&body);
        }
        request.send().await.unwrap()
    }
}
