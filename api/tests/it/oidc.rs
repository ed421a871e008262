//! Signing in through an identity provider: a process of its own, whose pages are visited as a browser does.

use std::sync::Arc;

use chatops_api::{Config, oidc};
use chatops_schemas::{clock::System, event::ctl::Role};
use chatops_testkit::OpenIdProvider;
use reqwest::{Client, Method, Response, Url, header, redirect::Policy};
use serde_json::{Value, json};

use crate::{app::App, browser};

/// What the provider is told; the app itself listens somewhere else.
const PUBLIC: &str = "http://chatops.test";
const CALLBACK: &str = "http://chatops.test/api/v1/auth/oidc/callback";

/// People and their groups.
fn people(ada: &[&str]) -> String {
    json!({
        "ada": {
            "name": "Ada Lovelace", "groups": ada, "email": "ada@id.example.org", "email_verified": true,
        },
        "eve": {"name": "Eve", "groups": ["visitors"], "email": "root@example.org", "email_verified": false},
    })
    .to_string()
}

struct Site {
    app: App,
    provider: OpenIdProvider,
}

impl Site {
    async fn start() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut oidc::Settings)) -> Self {
        let provider = OpenIdProvider::start(CALLBACK, &people(&["staff", "ops"]))
            .await
            .unwrap();
        let mut settings = oidc::Settings {
            issuer: provider.issuer().to_owned(),
            client_id: OpenIdProvider::CLIENT_ID.to_owned(),
            client_secret: Some(OpenIdProvider::CLIENT_SECRET.into()),
            name: "Company account".to_owned(),
            scopes: ["profile", "email", "groups"].map(str::to_owned).to_vec(),
            group_claim: "groups".to_owned(),
            roles: oidc::roles("staff=viewer, ops=operator, admins=admin").unwrap(),
            default_role: None,
        };
        change(&mut settings);
        let config = Config {
            public_url: Some(PUBLIC.to_owned()),
            ..Config::default()
        };
        let app = App::build(Arc::new(System), config, Some(settings)).await;
        Self { app, provider }
    }

    /// A browser with cookies of its own that shows every redirect.
    fn visitor(&self) -> Visitor<'_> {
        // The same provider of TLS as everywhere, chosen once.
        self.app.stranger();
        let http = Client::builder()
            .cookie_store(true)
            .redirect(Policy::none())
            .build()
            .unwrap();
        Visitor { site: self, http }
    }
}

struct Visitor<'a> {
    site: &'a Site,
    http: Client,
}

fn location(response: &Response) -> String {
    assert_eq!(response.status(), 303, "{}", response.url());
    response.headers()[header::LOCATION]
        .to_str()
        .unwrap()
        .to_owned()
}

impl Visitor<'_> {
    /// Signs in with a password, as an account that was made here.
    async fn log_in(&self, username: &str) {
        let body =
            json!({"username": username, "password": crate::app::PASSWORD, "session": "cookie"});
        let response = self.write(Method::POST, "/api/v1/auth/login", &body).await;
        assert_eq!(response.status(), 200);
    }

    async fn write(&self, method: Method, path: &str, body: &Value) -> Response {
        let request = self.http.request(method, self.site.app.url(path));
        let request = request.header("X-ChatOps-CSRF", "1").json(body);
        request.send().await.unwrap()
    }

    /// Asks to link what `person` is at the provider; where the browser is sent at last.
    async fn link(&self, person: &str) -> String {
        let body = json!({"password": crate::app::PASSWORD});
        let response = self
            .write(Method::POST, "/api/v1/auth/oidc/link", &body)
            .await;
        assert_eq!(response.status(), 200);
        let there: Value = response.json().await.unwrap();
        let back = self
            .sign_in_there(there["url"].as_str().unwrap(), person)
            .await;
        self.arrive(&back).await
    }
    /// Presses the button; where the browser is sent.
    async fn depart(&self) -> String {
        let start = "/api/v1/auth/oidc/start?return_to=/servers";
        let response = self.http.get(self.site.app.url(start)).send().await;
        location(&response.unwrap())
    }

    /// Fills the provider's forms in; where it sends the browser back to.
    async fn sign_in_there(&self, url: &str, person: &str) -> String {
        let mut at = Url::parse(url).unwrap();
        loop {
            let response = self.http.get(at.clone()).send().await.unwrap();
            let next = if response.status() == 200 {
                let page = response.text().await.unwrap();
                let form = match page.contains("value=\"login\"") {
                    true => format!("prompt=login&login={person}&password=any"),
                    false => "prompt=consent".to_owned(),
                };
                let posted = self
                    .http
                    .post(at.clone())
                    .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                    .body(form);
                location(&posted.send().await.unwrap())
            } else {
                location(&response)
            };
            at = at.join(&next).unwrap();
            if at.as_str().starts_with(CALLBACK) {
                return at.to_string();
            }
        }
    }

    /// Comes back; where the browser is sent.
    async fn arrive(&self, url: &str) -> String {
        let path = url.strip_prefix(PUBLIC).unwrap();
        let response = self.http.get(self.site.app.url(path)).send().await;
        location(&response.unwrap())
    }

    async fn sign_in(&self, person: &str) -> String {
        let there = self.depart().await;
        let back = self.sign_in_there(&there, person).await;
        self.arrive(&back).await
    }

    /// Asks to accept an invitation with an account elsewhere.
    async fn ask_to_join(&self, token: &Value) -> (u16, Value) {
        let body = json!({"invitation": token});
        let response = self
            .write(Method::POST, "/api/v1/auth/oidc/join", &body)
            .await;
        let status = response.status().as_u16();
        (status, response.json().await.unwrap())
    }

    /// Accepts an invitation as what `person` is at the provider; where the browser is sent at last.
    async fn join(&self, token: &Value, person: &str) -> String {
        let (status, there) = self.ask_to_join(token).await;
        assert_eq!(status, 200, "{there}");
        let back = self
            .sign_in_there(there["url"].as_str().unwrap(), person)
            .await;
        self.arrive(&back).await
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let response = self.http.get(self.site.app.url(path)).send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.json().await.unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_sign_in_makes_an_account_and_groups_give_its_role() {
    let site = Site::start().await;
    site.app.owner().await;
    let (_, status) = site.app.stranger().get("/api/v1/auth/status").await;
    assert_eq!(status["identity_provider"], "Company account");

    let visitor = site.visitor();
    assert_eq!(visitor.sign_in("ada").await, "/servers");
    let (_, me) = visitor.get("/api/v1/auth/me").await;
    assert_eq!(
        (&me["username"], &me["full_name"], &me["email"], &me["role"]),
        (
            &json!("ada"),
            &json!("Ada Lovelace"),
            &json!("ada@id.example.org"),
            &json!("operator")
        )
    );
    let (_, sessions) = visitor.get("/api/v1/auth/sessions").await;
    assert_eq!(sessions["sessions"][0]["method"], "oidc");
    let (_, security) = visitor.get("/api/v1/auth/security").await;
    assert_eq!(security["password"], false);
    assert_eq!(security["identities"][0]["issuer"], site.provider.issuer());

    // The same person on another day, with other groups.
    for (groups, role) in [(&["staff"][..], "viewer"), (&["staff", "admins"], "admin")] {
        site.provider.set_accounts(&people(groups)).unwrap();
        let visitor = site.visitor();
        assert_eq!(visitor.sign_in("ada").await, "/servers");
        let (_, now) = visitor.get("/api/v1/auth/me").await;
        assert_eq!((&now["id"], &now["role"]), (&me["id"], &json!(role)));
    }
    site.provider.set_accounts(&people(&[])).unwrap();
    let refused = site.visitor().sign_in("ada").await;
    assert_eq!(refused, "/login?refused=CO1021");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_unverified_addresses_of_others_are_not_taken_over() {
    let site = Site::with(|settings| settings.default_role = Some(Role::Viewer)).await;
    let owner = site.app.owner().await;
    let local = site.app.register("ada").await;

    let visitor = site.visitor();
    assert_eq!(visitor.sign_in("ada").await, "/servers");
    let (_, me) = visitor.get("/api/v1/auth/me").await;
    assert_ne!(me["id"], local["user"]["id"]);
    let name = me["username"].as_str().unwrap();
    assert!(name.starts_with("ada-"), "{me}");

    // Eve says that she is root, and nobody has checked it.
    let eve = site.visitor();
    assert_eq!(eve.sign_in("eve").await, "/servers");
    let (_, me) = eve.get("/api/v1/auth/me").await;
    assert_eq!(
        (&me["email"], &me["role"]),
        (&Value::Null, &json!("viewer"))
    );
    assert_eq!(owner.get("/api/v1/auth/me").await.1["role"], "owner");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_good_once_and_for_the_browser_that_asked() {
    let site = Site::start().await;
    site.app.owner().await;
    let (visitor, other) = (site.visitor(), site.visitor());
    let there = visitor.depart().await;
    let back = visitor.sign_in_there(&there, "ada").await;
    // Somebody sends their own answer to another person: they must not become them.
    assert_eq!(other.arrive(&back).await, "/login?refused=CO1012");
    assert_eq!(visitor.arrive(&back).await, "/login?refused=CO1012");

    let there = visitor.depart().await;
    let back = visitor.sign_in_there(&there, "ada").await;
    assert_eq!(visitor.arrive(&back).await, "/servers");
    assert_eq!(visitor.arrive(&back).await, "/login?refused=CO1012");

    for made_up in [
        "?code=x",
        "?state=x",
        "?state=x&code=x",
        "?error=access_denied&state=x",
        "?state=%00&code=%27%3B--",
        "",
    ] {
        let sent = visitor.arrive(&format!("{CALLBACK}{made_up}")).await;
        assert!(sent.starts_with("/login?refused=CO10"), "{made_up}: {sent}");
    }
    let elsewhere = "/api/v1/auth/oidc/start?return_to=//evil.example";
    let response = visitor.http.get(site.app.url(elsewhere)).send().await;
    let back = visitor
        .sign_in_there(&location(&response.unwrap()), "ada")
        .await;
    assert_eq!(visitor.arrive(&back).await, "/");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_refuses_or_is_gone_signs_nobody_in() {
    let wrong = |settings: &mut oidc::Settings| settings.client_secret = Some("wrong".into());
    let site = Site::with(wrong).await;
    let owner = site.app.owner().await;
    assert_eq!(site.visitor().sign_in("ada").await, "/login?refused=CO1020");

    let mut site = Site::start().await;
    site.provider.kill().await.unwrap();
    assert_eq!(site.visitor().depart().await, "/login?refused=CO1022");
    assert_eq!(owner.get("/api/v1/auth/me").await.0, 200);

    let none = App::start().await;
    let (status, problem) = none.stranger().get("/api/v1/auth/oidc/start").await;
    assert_eq!((status, problem["code"].as_str()), (404, Some("CO1019")));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_expected_makes_no_account_unless_registration_is_open() {
    let everybody = |settings: &mut oidc::Settings| settings.default_role = Some(Role::Viewer);
    let site = Site::with(everybody).await;
    let owner = site.app.owner().await;
    let set = async |mode: &str| {
        let body = json!({"registration": mode});
        let (status, answer) = owner.put("/api/v1/settings/registration", &body).await;
        assert_eq!(status, 200, "{answer}");
    };
    // Eve has no group of the list; Ada has, which is what the list is for.
    set("closed").await;
    assert_eq!(site.visitor().sign_in("eve").await, "/login?refused=CO1006");
    set("invite").await;
    assert_eq!(site.visitor().sign_in("eve").await, "/login?refused=CO1246");
    assert_eq!(
        owner.get("/api/v1/users").await.1["users"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let ada = site.visitor();
    assert_eq!(ada.sign_in("ada").await, "/servers");
    assert_eq!(ada.get("/api/v1/auth/me").await.1["role"], "operator");
    set("open").await;
    let eve = site.visitor();
    assert_eq!(eve.sign_in("eve").await, "/servers");
    // Who has an account keeps it, whatever the mode becomes.
    set("closed").await;
    assert_eq!(site.visitor().sign_in("eve").await, "/servers");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_in_person_links_and_unlinks_what_they_are_elsewhere() {
    let site = Site::start().await;
    site.app.owner().await;
    let grace = site.app.operator("grace").await;
    let visitor = site.visitor();
    visitor.log_in("grace").await;

    // Without the password nothing begins.
    for body in [json!({}), json!({"password": "certainly not this one"})] {
        let path = "/api/v1/auth/oidc/link";
        let refused = visitor.write(Method::POST, path, &body).await;
        assert!(matches!(refused.status().as_u16(), 403 | 422), "{body}");
    }
    assert_eq!(visitor.link("eve").await, "/settings/security?linked=1");
    let (_, security) = visitor.get("/api/v1/auth/security").await;
    let identities = security["identities"].as_array().unwrap();
    assert_eq!(identities[0]["issuer"], site.provider.issuer());
    let id = identities[0]["id"].as_str().unwrap().to_owned();
    // Twice changes nothing.
    assert_eq!(visitor.link("eve").await, "/settings/security?linked=1");

    // Eve's account elsewhere is Grace here, with the role that was decided here; her groups have none.
    let elsewhere = site.visitor();
    assert_eq!(elsewhere.sign_in("eve").await, "/servers");
    let (_, me) = elsewhere.get("/api/v1/auth/me").await;
    assert_eq!(
        (&me["username"], &me["role"]),
        (&json!("grace"), &json!("operator"))
    );

    // What is linked to somebody is not linked to another, nor does another browser finish what this one began.
    let other = site.visitor();
    site.app.operator("mallory").await;
    other.log_in("mallory").await;
    assert_eq!(other.link("eve").await, "/settings/security?refused=CO1023");
    let body = json!({"password": crate::app::PASSWORD});
    let begun = visitor
        .write(Method::POST, "/api/v1/auth/oidc/link", &body)
        .await;
    let there: Value = begun.json().await.unwrap();
    let back = other
        .sign_in_there(there["url"].as_str().unwrap(), "ada")
        .await;
    assert_eq!(other.arrive(&back).await, "/login?refused=CO1012");

    let path = format!("/api/v1/auth/oidc/identities/{id}");
    assert_eq!(
        other
            .write(Method::DELETE, &path, &json!({}))
            .await
            .status(),
        404
    );
    assert_eq!(
        visitor
            .write(Method::DELETE, &path, &json!({}))
            .await
            .status(),
        204
    );
    assert_eq!(
        visitor
            .write(Method::DELETE, &path, &json!({}))
            .await
            .status(),
        404
    );
    let (_, security) = grace.get("/api/v1/auth/security").await;
    assert_eq!(security["identities"], json!([]));
    assert_eq!(site.visitor().sign_in("eve").await, "/login?refused=CO1021");
    // It is free again.
    assert_eq!(other.link("eve").await, "/settings/security?linked=1");

    // An account that the provider made would be locked out.
    let ada = site.visitor();
    assert_eq!(ada.sign_in("ada").await, "/servers");
    let (_, security) = ada.get("/api/v1/auth/security").await;
    let id = security["identities"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/auth/oidc/identities/{id}");
    let refused = ada.write(Method::DELETE, &path, &json!({})).await;
    assert_eq!(refused.status(), 409);
}

/// Nobody has a group that is worth a role, and accounts are made with an invitation only.
async fn invite_only() -> (Site, browser::Client) {
    let site = Site::start().await;
    let owner = site.app.owner().await;
    let body = json!({"registration": "invite"});
    let (status, answer) = owner.put("/api/v1/settings/registration", &body).await;
    assert_eq!(status, 200, "{answer}");
    (site, owner)
}

async fn invite(owner: &browser::Client, wanted: Value) -> Value {
    let (status, made) = owner.post("/api/v1/invitations", &wanted).await;
    assert_eq!(status, 201, "{made}");
    made
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_is_accepted_with_an_account_elsewhere() {
    let (site, owner) = invite_only().await;
    let (_, team) = owner.post("/api/v1/teams", &json!({"name": "night"})).await;
    let wanted = json!({"role": "operator", "teams": [team["id"]]});
    let made = invite(&owner, wanted).await;
    // Without the link she is nobody here.
    assert_eq!(site.visitor().sign_in("eve").await, "/login?refused=CO1021");

    let eve = site.visitor();
    assert_eq!(eve.join(&made["token"], "eve").await, "/servers");
    let (_, me) = eve.get("/api/v1/auth/me").await;
    assert_eq!(
        (&me["username"], &me["role"], &me["email"]),
        (&json!("eve"), &json!("operator"), &Value::Null)
    );
    let (_, teams) = owner.get("/api/v1/teams").await;
    assert_eq!(teams["teams"][0]["members"][0]["id"], me["id"], "{teams}");
    let (_, list) = owner.get("/api/v1/invitations").await;
    let invitation = &list["invitations"][0];
    assert_eq!(
        (&invitation["state"], &invitation["accepted_by"]),
        (&json!("accepted"), &me["id"])
    );
    // It was good once; who has the account needs it no more and keeps the role, whatever the groups are worth.
    let again = site.visitor().ask_to_join(&made["token"]).await;
    assert_eq!((again.0, &again.1["code"]), (404, &json!("CO1243")));
    let later = site.visitor();
    assert_eq!(later.sign_in("eve").await, "/servers");
    assert_eq!(later.get("/api/v1/auth/me").await.1, me);

    // Who is here already signs in, and the next invitation stays open for somebody else.
    let next = invite(&owner, json!({"role": "admin"})).await;
    let here = site.visitor();
    assert_eq!(here.join(&next["token"], "eve").await, "/servers");
    assert_eq!(here.get("/api/v1/auth/me").await.1, me);
    let ada = site.visitor();
    assert_eq!(ada.join(&next["token"], "ada").await, "/servers");
    // Her group makes operators; her invitation says more, and it was made by somebody who may.
    assert_eq!(ada.get("/api/v1/auth/me").await.1["role"], "admin");
    let ada = site.visitor();
    assert_eq!(ada.sign_in("ada").await, "/servers");
    assert_eq!(ada.get("/api/v1/auth/me").await.1["role"], "admin");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_for_an_address_is_for_whom_the_provider_vouches_to_have_it() {
    let (site, owner) = invite_only().await;
    let made = invite(
        &owner,
        json!({"role": "viewer", "email": "root@example.org"}),
    )
    .await;
    // Eve says that it is hers, and nobody has checked it; Ada has another.
    for person in ["eve", "ada"] {
        let sent = site.visitor().join(&made["token"], person).await;
        assert_eq!(sent, "/login?refused=CO1247", "{person}");
    }
    let (_, users) = owner.get("/api/v1/users").await;
    assert_eq!(users["users"].as_array().unwrap().len(), 1, "{users}");
    let (_, list) = owner.get("/api/v1/invitations").await;
    assert_eq!(list["invitations"][0]["state"], "open");

    let made = invite(
        &owner,
        json!({"role": "viewer", "email": "ADA@id.example.org"}),
    )
    .await;
    let ada = site.visitor();
    assert_eq!(ada.join(&made["token"], "ada").await, "/servers");
    let (_, me) = ada.get("/api/v1/auth/me").await;
    assert_eq!(
        (&me["email"], &me["role"]),
        (&json!("ada@id.example.org"), &json!("viewer"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_that_ends_on_the_way_lets_nobody_in() {
    let (site, owner) = invite_only().await;
    let began = async |made: &Value| {
        let visitor = site.visitor();
        let (status, there) = visitor.ask_to_join(&made["token"]).await;
        assert_eq!(status, 200, "{there}");
        let url = there["url"].as_str().unwrap();
        let back = visitor.sign_in_there(url, "eve").await;
        (visitor, back)
    };
    // Taken back meanwhile.
    let made = invite(&owner, json!({"role": "viewer"})).await;
    let (visitor, back) = began(&made).await;
    let path = format!(
        "/api/v1/invitations/{}",
        made["invitation"]["id"].as_str().unwrap()
    );
    assert_eq!(owner.delete(&path).await.0, 204);
    assert_eq!(visitor.arrive(&back).await, "/login?refused=CO1243");

    // Begun in one browser, finished in another; then once more in the first.
    let made = invite(&owner, json!({"role": "viewer"})).await;
    let (visitor, back) = began(&made).await;
    assert_eq!(site.visitor().arrive(&back).await, "/login?refused=CO1012");
    assert_eq!(visitor.arrive(&back).await, "/login?refused=CO1012");

    // Two of one link: the second comes too late.
    let (first, one) = began(&made).await;
    let (second, two) = began(&made).await;
    let taken =
        json!({"username": "grace", "password": crate::app::PASSWORD, "invitation": made["token"]});
    let (status, answer) = site
        .app
        .stranger()
        .post("/api/v1/auth/register", &taken)
        .await;
    assert_eq!(status, 201, "{answer}");
    assert_eq!(first.arrive(&one).await, "/login?refused=CO1243");
    assert_eq!(second.arrive(&two).await, "/login?refused=CO1243");

    // Nobody may make accounts any more.
    let made = invite(&owner, json!({"role": "viewer"})).await;
    let (visitor, back) = began(&made).await;
    let closed = json!({"registration": "closed"});
    assert_eq!(
        owner.put("/api/v1/settings/registration", &closed).await.0,
        200
    );
    assert_eq!(visitor.arrive(&back).await, "/login?refused=CO1006");
    let (status, refused) = site.visitor().ask_to_join(&made["token"]).await;
    assert_eq!((status, &refused["code"]), (403, &json!("CO1006")));

    for nonsense in [
        json!(""),
        json!("x_y"),
        json!("'; DROP TABLE invitations; --_a"),
    ] {
        let open = json!({"registration": "invite"});
        owner.put("/api/v1/settings/registration", &open).await;
        let (status, refused) = site.visitor().ask_to_join(&nonsense).await;
        assert_eq!(
            (status, &refused["code"]),
            (404, &json!("CO1243")),
            "{nonsense}"
        );
    }
    let (_, users) = owner.get("/api/v1/users").await;
    assert_eq!(users["users"].as_array().unwrap().len(), 2, "{users}");
}
