//! Walks every operation of the OpenAPI document as nobody, as somebody else, and with bad input. A new route is in the
//! document by itself, so it cannot be forgotten here.

mod table;

use reqwest::{Method, header};
use serde_json::{Value, json};

use crate::{
    app::App,
    browser::{Client, answer},
};

struct Operation {
    method: Method,
    path: String,
    open: bool,
    body: bool,
    /// Statuses that the document describes.
    described: Vec<u16>,
}

impl Operation {
    fn is_about_a_server(&self) -> bool {
        ["/servers/{", "/metrics/{", "/api-keys/{", "/docker/{"]
            .iter()
            .any(|part| self.path.contains(part))
    }
}

fn operations() -> Vec<Operation> {
    let document: Value = serde_json::from_str(&chatops_api::openapi::text()).unwrap();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let security = operation["security"]
                .as_array()
                .or(document["security"].as_array())
                .unwrap();
            found.push(Operation {
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
                open: security.contains(&json!({})),
                body: operation.get("requestBody").is_some(),
                described: statuses(&operation["responses"]),
            });
        }
    }
    assert!(found.len() >= 28, "the document lost routes");
    found
}

fn statuses(responses: &Value) -> Vec<u16> {
    let described = responses.as_object().unwrap().keys();
    described.map(|status| status.parse().unwrap()).collect()
}

/// Routes that anybody may call; everything else must refuse strangers. Extending this list is a decision.
const OPEN: [&str; 27] = [
    "POST /api/v1/chat/slack/{id}",
    "POST /api/v1/enroll",
    "GET /install.sh",
    "GET /install/chatops-agent",
    "GET /api/v1/auth/status",
    "POST /api/v1/auth/register",
    "POST /api/v1/auth/invitation",
    "POST /api/v1/auth/login",
    "POST /api/v1/auth/login/second",
    "GET /api/v1/auth/oidc/start",
    "GET /api/v1/auth/oidc/callback",
    "POST /api/v1/auth/oidc/join",
    "POST /api/v1/auth/passkeys/login/start",
    "POST /api/v1/auth/passkeys/login/finish",
    "POST /api/v1/auth/refresh",
    "POST /api/v1/auth/logout",
    "GET /api/v1/errors/{code}",
    "GET /api/v1/openapi.json",
    "GET /api/v1/asyncapi.json",
    "GET /api/v1/ws/live",
    "GET /api/v1/ws/logs/{server_id}",
    "GET /api/v1/ws/containers/{server_id}/{container}/logs",
    "GET /api/v1/ws/metrics/{server_id}",
    "GET /api/v1/ws/terminal/{server_id}",
    "GET /healthz",
    "GET /metrics",
    "GET /readyz",
];

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_in_anywhere() {
    let app = App::start().await;
    let owner = app.owner().await;
    let server = owner.add_server("web-1").await;
    let (_, key) = owner
        .post("/api/v1/api-keys", &json!({"server_id": server}))
        .await;
    let ids = Ids {
        server,
        key: key["id"].as_str().unwrap().to_owned(),
    };
    for operation in operations() {
        let name = format!("{} {}", operation.method, operation.path);
        assert_eq!(
            operation.open,
            OPEN.contains(&name.as_str()),
            "{name}: is it open?"
        );
        if operation.open {
            continue;
        }
        let forged = [
            app.stranger(),
            app.stranger().with_token("forged"),
            app.stranger()
                .with_token("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJyb290In0."),
        ];
        for client in forged {
            for body in [None, Some(ids.good_body(&operation.path))] {
                let (status, problem) = call(
                    &client,
                    &operation,
                    &ids.path(&operation.path),
                    body.as_ref(),
                )
                .await;
                assert_eq!(status, 401, "{name}: {problem}");
            }
        }
        let cookie = app
            .stranger()
            .request(operation.method.clone(), &ids.path(&operation.path));
        let response = cookie
            .header(header::COOKIE, "chatops_access=forged")
            .header("X-ChatOps-CSRF", "1");
        assert_eq!(
            response.send().await.unwrap().status(),
            401,
            "{name} with a forged cookie"
        );
    }
    nothing_changed(&owner, &ids).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_of_others_do_not_exist() {
    let app = App::start().await;
    let owner = app.owner().await;
    let server = owner.add_server("web-1").await;
    let (_, key) = owner
        .post("/api/v1/api-keys", &json!({"server_id": server}))
        .await;
    let ids = Ids {
        server,
        key: key["id"].as_str().unwrap().to_owned(),
    };
    let ada = app.operator("ada").await;
    let nowhere = Ids {
        server: "nowhere".to_owned(),
        key: "nokey".to_owned(),
    };
    for operation in operations()
        .iter()
        .filter(|operation| !operation.open && operation.is_about_a_server())
    {
        let name = format!("{} {}", operation.method, operation.path);
        let theirs = call(
            &ada,
            operation,
            &ids.path(&operation.path),
            Some(&ids.good_body(&operation.path)),
        )
        .await;
        let nobodys = call(
            &ada,
            operation,
            &nowhere.path(&operation.path),
            Some(&nowhere.good_body(&operation.path)),
        )
        .await;
        assert_eq!(theirs.0, 404, "{name}: {}", theirs.1);
        // Not even the wording tells them apart.
        assert_eq!(
            (
                theirs.0,
                &theirs.1["code"],
                &theirs.1["title"],
                &theirs.1["detail"]
            ),
            (
                nobodys.0,
                &nobodys.1["code"],
                &nobodys.1["title"],
                &nobodys.1["detail"]
            ),
            "{name}"
        );
    }
    let (status, _) = ada
        .post("/api/v1/api-keys", &json!({"server_id": ids.server}))
        .await;
    assert_eq!(status, 404);
    assert_eq!(
        ada.get(&format!("/api/v1/api-keys?server_id={}", ids.server))
            .await
            .0,
        404
    );
    assert_eq!(ada.get("/api/v1/servers").await.1["total"], 0);
    assert_eq!(ada.get("/api/v1/api-keys").await.1["keys"], json!([]));
    nothing_changed(&owner, &ids).await;
    // The same calls by the owner work, so the refusals above were about rights.
    for operation in operations()
        .iter()
        .filter(|operation| operation.method == Method::GET)
        .filter(|operation| !operation.open && operation.is_about_a_server())
    {
        let has_nothing = ["/latest", "/api-keys/me", "/recording"];
        if has_nothing.iter().any(|end| operation.path.ends_with(end)) {
            continue;
        }
        let (status, body) = call(&owner, operation, &ids.path(&operation.path), None).await;
        assert!(
            status == 200 || host_is_away(status, &body),
            "{} {}: {status} {body}",
            operation.method,
            operation.path
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_looks_at_what_is_theirs_and_changes_nothing() {
    let app = App::start().await;
    app.owner().await;
    let ada = app.operator("ada").await;
    let server = ada.add_server("web-1").await;
    let path = format!("/api/v1/servers/{server}");
    app.database
        .psql("UPDATE users SET role = 'viewer' WHERE username = 'ada'")
        .await
        .unwrap();
    chatops_testkit::eventually("the role counts", crate::app::SOON, || async {
        ada.patch(&path, &json!({"name": "web-1"})).await.0 == 403
    })
    .await;
    let more = ada.post("/api/v1/servers", &json!({"name": "more"})).await;
    assert_eq!(more.0, 403);
    assert_eq!(ada.get("/api/v1/servers").await.1["total"], 1);
    assert_eq!(ada.get(&path).await.0, 200);
    assert_eq!(ada.patch(&path, &json!({"name": "x"})).await.0, 403);
    assert_eq!(ada.delete(&path).await.0, 403);
    assert_eq!(ada.get(&format!("{path}/keys")).await.0, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_never_accepted_and_never_our_fault() {
    let app = App::start().await;
    let owner = app.owner().await;
    let server = owner.add_server("web-1").await;
    let (_, key) = owner
        .post("/api/v1/api-keys", &json!({"server_id": server}))
        .await;
    let ids = Ids {
        server,
        key: key["id"].as_str().unwrap().to_owned(),
    };
    for operation in operations() {
        let name = format!("{} {}", operation.method, operation.path);
        // Leaving works with almost any body, and the owner has to stay.
        let client = match operation.path.ends_with("/logout") {
            true => app.stranger(),
            false => owner.clone(),
        };
        if operation.body {
            for body in bad_bodies() {
                let path = ids.path(&operation.path);
                let (status, problem) = raw(&client, &operation, &path, &body).await;
                if status == 204 && operation.path.ends_with("/logout") {
                    continue;
                }
                assert!(
                    (400..500).contains(&status),
                    "{name} with {}: {status} {problem}",
                    shown(&body)
                );
                assert!(
                    problem["code"]
                        .as_str()
                        .is_some_and(|code| code.starts_with("CO1")),
                    "{name}: {problem}"
                );
            }
        }
        if operation.path.contains('{') {
            for id in BAD_IDS {
                let path = replace_ids(&operation.path, id, id);
                let (status, problem) = call(
                    &owner,
                    &operation,
                    &path,
                    Some(&ids.good_body(&operation.path)),
                )
                .await;
                assert!(
                    (400..500).contains(&status),
                    "{name} with id {id}: {status} {problem}"
                );
            }
        }
        if operation.method == Method::GET && !operation.open {
            for query in BAD_QUERIES {
                let (status, problem) = call(
                    &owner,
                    &operation,
                    &format!("{}?{query}", ids.path(&operation.path)),
                    None,
                )
                .await;
                assert!(
                    status < 500 || host_is_away(status, &problem),
                    "{name} with {query}: {status} {problem}"
                );
            }
        }
    }
    nothing_changed(&owner, &ids).await;
}

const BAD_IDS: [&str; 7] = [
    "%27%20OR%201%3D1--",
    "a.b",
    "*",
    "%3E",
    "..%2F..%2Fetc",
    "%00",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
];

const BAD_QUERIES: [&str; 8] = [
    "limit=-1",
    "limit=99999999999999999999",
    "after=%00",
    "after=%27%3B%20DROP%20TABLE%20servers",
    "q=%25%25%25%00",
    "from=%ff%fe",
    "series=fs:%27%3B--:used",
    "server_id=%2A.%3E",
];

fn bad_bodies() -> Vec<Vec<u8>> {
    let deep = format!("{}{}", "{\"a\":".repeat(5000), "1");
    vec![
        b"{".to_vec(),
        b"\xff\xff".to_vec(),
        b"[]".to_vec(),
        b"7".to_vec(),
        b"\"text\"".to_vec(),
        deep.into_bytes(),
        format!("{{\"name\":\"{}\"}}", "x".repeat(70_000)).into_bytes(),
        // Every field of every request, with a type that none of them has.
        json!({
            "username": {"$ne": null}, "password": [], "email": 5, "full_name": {}, "setup_token": 1, "session": "both",
            "refresh_token": {}, "current_password": null, "new_password": 1, "name": {"a": 1}, "tags": "x",
            "interval_ms": "5", "server_id": {"x": 1}, "expires_at": "tomorrow", "scopes": "read", "ticket": 5, "credential": "x", "code": {}, "recovery_code": [],
        })
        .to_string()
        .into_bytes(),
        // Right types, impossible values.
        json!({
            "username": "'; DROP TABLE users; --", "password": "x", "email": "<script>alert(1)</script>", "full_name": "a\u{0}b",
            "session": "token", "refresh_token": "' OR '1'='1", "current_password": "x", "new_password": "x",
            "name": "\u{202e}gnp.exe\u{0}", "tags": ["\u{0}"], "interval_ms": 0, "server_id": "' OR 1=1 --",
            "expires_at": "0000-00-00T99:99:99Z", "scopes": ["everything"], "ticket": "\u{0}",
        })
        .to_string()
        .into_bytes(),
    ]
}

/// An account that does not exist.
const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

struct Ids {
    server: String,
    key: String,
}

impl Ids {
    fn path(&self, template: &str) -> String {
        replace_ids(template, &self.server, &self.key)
    }

    /// Good for every route that takes one.
    fn good_body(&self, template: &str) -> Value {
        if template.ends_with("/signal") {
            json!({"signal": "TERM", "start_ticks": "7"})
        } else if template.ends_with("/api-keys") {
            json!({"server_id": self.server})
        } else if template.ends_with("change-password") {
            json!({"current_password": crate::app::PASSWORD, "new_password": "quite another 9"})
        } else if template.ends_with("/auth/me") {
            json!({"full_name": "Somebody"})
        } else if template.ends_with("/auth/tokens") {
            json!({"name": "stolen", "scopes": ["read"], "expires_at": "2099-01-01T00:00:00Z"})
        } else if template.ends_with("/terminal-policy") {
            json!({"own": true})
        } else {
            json!({"name": "stolen"})
        }
    }
}

fn replace_ids(template: &str, server: &str, key: &str) -> String {
    let id = if template.contains("/api-keys/") {
        key
    } else {
        server
    };
    template
        .replace("{id}", id)
        .replace("{server_id}", server)
        .replace("{code}", server)
        .replace("{user}", NOBODY)
        .replace("{container}", "web")
        .replace("{unit}", "web.service")
        .replace("{pid}", "4242")
        .replace("{action}", "restart")
        .replace("{session}", NOBODY)
}

async fn call(
    client: &Client,
    operation: &Operation,
    path: &str,
    body: Option<&Value>,
) -> (u16, Value) {
    let request = client.request(operation.method.clone(), path);
    match body.filter(|_| operation.body) {
        Some(body) => client.send(request.json(body)).await,
        None => client.send(request).await,
    }
}

async fn raw(client: &Client, operation: &Operation, path: &str, body: &[u8]) -> (u16, Value) {
    let request = client
        .request(operation.method.clone(), path)
        .header(header::CONTENT_TYPE, "application/json");
    answer(request.body(body.to_vec()).send().await.unwrap()).await
}

/// Some routes ask the host, and the server of these tests has none: they were let through to the very end.
fn host_is_away(status: u16, answer: &Value) -> bool {
    status == 503 && answer["code"] == "CO1401"
}

fn shown(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned()
}

async fn nothing_changed(owner: &Client, ids: &Ids) {
    let (_, servers) = owner.get("/api/v1/servers").await;
    assert_eq!(
        (&servers["total"], &servers["servers"][0]["name"]),
        (&json!(1), &json!("web-1"))
    );
    let (_, keys) = owner.get("/api/v1/api-keys").await;
    let keys = keys["keys"].as_array().unwrap();
    assert_eq!(
        (keys.len(), &keys[0]["id"], &keys[0]["state"]),
        (1, &json!(ids.key), &json!("active"))
    );
}
