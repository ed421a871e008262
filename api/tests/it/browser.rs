//! Two kinds of visitors: programs with a bearer token, browsers with cookies.

use std::sync::{Arc, Mutex};

use reqwest::{Method, RequestBuilder, header};
use serde_json::Value;

use crate::app::{App, Reachable};

/// The client library wants a TLS provider to be chosen, also for plain HTTP.
fn http() -> reqwest::Client {
    // A second choice of the same process is refused, and fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

/// A program.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) http: reqwest::Client,
    base: String,
    pub(crate) token: Option<String>,
}

impl Client {
    pub(crate) fn new(app: &impl Reachable, token: Option<&str>) -> Self {
        Self {
            http: http(),
            base: format!("http://{}", app.address()),
            token: token.map(str::to_owned),
        }
    }

    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self.clone()
        }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> (u16, Value) {
        answer(request.send().await.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        self.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        chatops_testkit::evidence::secrets_in(body);
        self.send(self.request(Method::POST, path).json(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send(self.request(Method::PATCH, path).json(body))
            .await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send(self.request(Method::PUT, path).json(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> (u16, Value) {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// Adds a server; its id.
    pub(crate) async fn add_server(&self, name: &str) -> String {
        let (status, server) = self
            .post("/api/v1/servers", &serde_json::json!({"name": name}))
            .await;
        assert_eq!(status, 201, "{server}");
        server["id"].as_str().unwrap().to_owned()
    }
}

pub(crate) async fn answer(response: reqwest::Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    chatops_testkit::evidence::secrets_in(&body);
    (status, body)
}

/// A browser: keeps cookies, with the paths they are for.
#[derive(Clone)]
pub(crate) struct Browser {
    http: reqwest::Client,
    base: String,
    cookies: Arc<Mutex<Vec<(String, String, String)>>>,
}

impl Browser {
    pub(crate) fn new(app: &App) -> Self {
        Self {
            http: http(),
            base: app.url(""),
            cookies: Arc::default(),
        }
    }

    /// As a script of our own pages sends it.
    pub(crate) fn own(&self, method: Method, path: &str) -> RequestBuilder {
        self.foreign(method, path)
            .header("X-ChatOps-CSRF", "1")
            .header(header::ORIGIN, &self.base)
    }

    /// As any page can make a browser send it.
    pub(crate) fn foreign(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.base))
            .header(header::COOKIE, self.cookie_header(path))
    }

    pub(crate) fn cookie_header(&self, path: &str) -> String {
        let cookies = self.cookies.lock().unwrap();
        let sent = cookies
            .iter()
            .filter(|(_, _, scope)| path.starts_with(scope.as_str()));
        sent.map(|(name, value, _)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join("; ")
    }

    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        let cookies = self.cookies.lock().unwrap();
        cookies
            .iter()
            .find(|(known, ..)| known == name)
            .map(|(_, value, _)| value.clone())
    }

    /// Sends, keeps what the answer sets.
    pub(crate) async fn send(&self, request: RequestBuilder) -> (u16, Value) {
        let response = request.send().await.unwrap();
        for set in response.headers().get_all(header::SET_COOKIE) {
            self.keep(set.to_str().unwrap());
        }
        answer(response).await
    }

    fn keep(&self, set: &str) {
        let mut parts = set.split("; ");
        let (name, value) = parts.next().unwrap().split_once('=').unwrap();
        let attributes: Vec<&str> = parts.collect();
        assert!(
            attributes.contains(&"HttpOnly") && attributes.contains(&"SameSite=Strict"),
            "{set}"
        );
        let path = attributes
            .iter()
            .find_map(|one| one.strip_prefix("Path="))
            .unwrap()
            .to_owned();
        let mut cookies = self.cookies.lock().unwrap();
        cookies.retain(|(known, ..)| known != name);
        if !attributes.contains(&"Max-Age=0") {
            cookies.push((name.to_owned(), value.to_owned(), path));
        }
    }
}
