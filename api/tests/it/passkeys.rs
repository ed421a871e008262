//! Passkeys, with an authenticator and a browser's part of WebAuthn that are somebody else's implementation.

use chatops_api::Config;
use passkey::{
    authenticator::{Authenticator, UiHint, UserCheck, UserValidationMethod},
    client::{Client as WebClient, DefaultClientData},
    crypto::rust_crypto::RustCryptoBackend,
    types::{
        Passkey,
        ctap2::{Aaguid, Ctap2Error},
        webauthn::{CredentialCreationOptions, CredentialRequestOptions},
    },
};
use reqwest::{Method, Url};
use serde_json::{Value, json};

use crate::{
    app::{App, PASSWORD},
    browser::Client,
};

const ORIGIN: &str = "https://ops.example.org";

/// A person who always touches the key and always shows their face.
struct Willing;

#[async_trait::async_trait]
impl UserValidationMethod for Willing {
    type PasskeyItem = Passkey;

    async fn check_user<'a>(
        &self,
        _hint: UiHint<'a, Passkey>,
        presence: bool,
        verification: bool,
    ) -> Result<UserCheck, Ctap2Error> {
        Ok(UserCheck {
            presence,
            verification,
        })
    }

    fn is_verification_enabled(&self) -> Option<bool> {
        Some(true)
    }

    fn is_presence_enabled(&self) -> bool {
        true
    }
}

/// A laptop with its passkey.
#[derive(Default)]
struct Laptop {
    passkey: Option<Passkey>,
}

impl Laptop {
    fn authenticator(&self) -> Authenticator<Option<Passkey>, Willing, RustCryptoBackend> {
        let passkey = self.passkey.clone();
        Authenticator::new(Aaguid::new_empty(), passkey, Willing, RustCryptoBackend)
    }

    async fn create(&mut self, origin: &str, options: &Value) -> Value {
        let options: CredentialCreationOptions =
            serde_json::from_value(json!({"publicKey": options})).unwrap();
        let origin = Url::parse(origin).unwrap();
        let mut browser = WebClient::new(self.authenticator());
        let made = browser.register(&origin, options, DefaultClientData).await;
        self.passkey = browser.authenticator().store().clone();
        written(serde_json::to_value(made.unwrap()).unwrap())
    }

    async fn get(&mut self, origin: &str, options: &Value) -> Value {
        let options: CredentialRequestOptions =
            serde_json::from_value(json!({"publicKey": options})).unwrap();
        let origin = Url::parse(origin).unwrap();
        let mut browser = WebClient::new(self.authenticator());
        let answer = browser
            .authenticate(&origin, options, DefaultClientData)
            .await;
        self.passkey = browser.authenticator().store().clone();
        written(serde_json::to_value(answer.unwrap()).unwrap())
    }
}

/// As `toJSON()` of a browser writes it: bytes are base64url, not lists of numbers.
fn written(value: Value) -> Value {
    match value {
        Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_u64) => {
            let bytes: Vec<u8> = serde_json::from_value(Value::Array(items)).unwrap();
            json!(data_encoding::BASE64URL_NOPAD.encode(&bytes))
        }
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| (name, written(value)))
            .collect(),
        other => other,
    }
}

async fn app() -> App {
    App::with(Config {
        public_url: Some(ORIGIN.to_owned()),
        ..Config::default()
    })
    .await
}

/// Adds a passkey; its id.
async fn add(client: &Client, laptop: &mut Laptop, name: &str) -> String {
    let start = json!({"password": PASSWORD});
    let (status, begun) = client
        .post("/api/v1/auth/passkeys/register/start", &start)
        .await;
    assert_eq!(status, 200, "{begun}");
    let credential = laptop.create(ORIGIN, &begun["options"]).await;
    let finish = json!({"ticket": begun["ticket"], "name": name, "credential": credential});
    let (status, added) = client
        .post("/api/v1/auth/passkeys/register/finish", &finish)
        .await;
    assert_eq!(status, 201, "{added}");
    added["id"].as_str().unwrap().to_owned()
}

async fn begin_login(stranger: &Client) -> Value {
    let request = stranger.request(Method::POST, "/api/v1/auth/passkeys/login/start");
    let (status, begun) = stranger.send(request).await;
    assert_eq!(status, 200, "{begun}");
    begun
}

async fn finish_login(stranger: &Client, begun: &Value, credential: &Value) -> (u16, Value) {
    let finish = json!({"ticket": begun["ticket"], "credential": credential});
    stranger
        .post("/api/v1/auth/passkeys/login/finish", &finish)
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_signs_its_person_in_without_a_name() {
    let app = app().await;
    app.owner().await;
    let ada = app.operator("ada").await;
    let mut laptop = Laptop::default();
    let id = add(&ada, &mut laptop, "laptop").await;

    let stranger = app.stranger();
    let begun = begin_login(&stranger).await;
    let answer = laptop.get(ORIGIN, &begun["options"]).await;
    let (status, session) = finish_login(&stranger, &begun, &answer).await;
    assert_eq!(status, 200, "{session}");
    assert_eq!(session["user"]["username"], "ada");
    let signed_in = stranger.with_token(session["access_token"].as_str().unwrap());
    let (_, list) = signed_in.get("/api/v1/auth/sessions").await;
    let current = list["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["current"] == true)
        .unwrap();
    assert_eq!(current["method"], "passkey");
    let (_, security) = ada.get("/api/v1/auth/security").await;
    let listed = &security["passkeys"][0];
    assert_eq!(
        (&listed["id"], &listed["name"]),
        (&json!(id), &json!("laptop"))
    );
    assert!(listed["last_used_at"].is_string(), "{security}");

    // The same answer again: neither under its own ticket nor under a fresh one.
    assert_eq!(
        finish_login(&stranger, &begun, &answer).await.1["code"],
        "CO1012"
    );
    let fresh = begin_login(&stranger).await;
    assert_eq!(
        finish_login(&stranger, &fresh, &answer).await.1["code"],
        "CO1018"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_or_changed_passkey_signs_nobody_in() {
    let app = app().await;
    let owner = app.owner().await;
    let ada = app.operator("ada").await;
    let mut laptop = Laptop::default();
    let id = add(&ada, &mut laptop, "laptop").await;
    let stranger = app.stranger();

    // What the laptop signed, with one letter of the signature changed.
    let begun = begin_login(&stranger).await;
    let mut forged = laptop.get(ORIGIN, &begun["options"]).await;
    let signature = forged["response"]["signature"].as_str().unwrap().to_owned();
    let last = if signature.ends_with('A') { "E" } else { "A" };
    let changed = format!("{}{last}", &signature[..signature.len() - 2]);
    forged["response"]["signature"] = json!(format!("{changed}{}", "A"));
    let (status, problem) = finish_login(&stranger, &begun, &forged).await;
    assert!(
        matches!(
            (status, problem["code"].as_str()),
            (403, Some("CO1018")) | (422, _)
        ),
        "{problem}"
    );

    let path = format!("/api/v1/auth/passkeys/{id}");
    assert_eq!(owner.delete(&path).await.1["code"], "CO1223");
    assert_eq!(ada.delete(&path).await.0, 204);
    assert_eq!(ada.delete(&path).await.1["code"], "CO1223");
    let begun = begin_login(&stranger).await;
    let answer = laptop.get(ORIGIN, &begun["options"]).await;
    let (status, problem) = finish_login(&stranger, &begun, &answer).await;
    assert_eq!((status, problem["code"].as_str()), (403, Some("CO1018")));
    let (_, security) = ada.get("/api/v1/auth/security").await;
    assert_eq!(security["passkeys"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ceremony_belongs_to_whoever_began_it_and_to_this_site() {
    let app = app().await;
    let owner = app.owner().await;
    let ada = app.operator("ada").await;
    let mut laptop = Laptop::default();
    let start = "/api/v1/auth/passkeys/register/start";
    let finish = "/api/v1/auth/passkeys/register/finish";
    assert_eq!(owner.post(start, &json!({})).await.0, 422);
    let wrong = json!({"password": "wrong"});
    assert_eq!(owner.post(start, &wrong).await.1["code"], "CO1008");

    let right = json!({"password": PASSWORD});
    let (_, begun) = owner.post(start, &right).await;
    let credential = laptop.create(ORIGIN, &begun["options"]).await;
    let stolen = json!({"ticket": begun["ticket"], "name": "x", "credential": credential});
    assert_eq!(ada.post(finish, &stolen).await.1["code"], "CO1012");
    // It was used up by that.
    assert_eq!(owner.post(finish, &stolen).await.1["code"], "CO1012");

    // Another site of the same domain.
    let (_, begun) = owner.post(start, &right).await;
    let elsewhere = "https://evil.ops.example.org";
    let credential = laptop.create(elsewhere, &begun["options"]).await;
    let foreign = json!({"ticket": begun["ticket"], "name": "x", "credential": credential});
    assert_eq!(owner.post(finish, &foreign).await.1["code"], "CO1018");
    for bad in [
        json!({"ticket": "x", "name": "x", "credential": {}}),
        json!({"ticket": begun["ticket"], "name": "", "credential": {}}),
        json!({"ticket": begun["ticket"], "name": "a\nb", "credential": {}}),
    ] {
        let status = owner.post(finish, &bad).await.0;
        assert!(matches!(status, 401 | 422), "{bad}: {status}");
    }
    let (_, security) = owner.get("/api/v1/auth/security").await;
    assert_eq!(security["passkeys"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_name_there_are_no_passkeys() {
    let app = App::start().await;
    let owner = app.owner().await;
    let start = json!({"password": PASSWORD});
    let (status, problem) = owner
        .post("/api/v1/auth/passkeys/register/start", &start)
        .await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("CO1017")));
    // The same server by the name that every machine has.
    let named = owner
        .request(Method::POST, "/api/v1/auth/passkeys/register/start")
        .header("Host", format!("localhost:{}", app.address.port()))
        .json(&start);
    let (status, begun) = owner.send(named).await;
    assert_eq!(status, 200, "{begun}");
    assert_eq!(begun["options"]["rp"]["id"], "localhost");
}
