//! Users, teams, grants, invitations over REST.

use chatops_api::{Config, config::Registration};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    app::{App, PASSWORD},
    browser::Client,
};

pub(crate) async fn id_of(client: &Client) -> String {
    let (status, me) = client.get("/api/v1/auth/me").await;
    assert_eq!(status, 200, "{me}");
    me["id"].as_str().unwrap().to_owned()
}

/// Shares; the grant's id.
pub(crate) async fn share(by: &Client, grant: &Value) -> String {
    let (status, given) = by.post("/api/v1/grants", grant).await;
    assert!(matches!(status, 200 | 201), "{status} {given}");
    given["id"].as_str().unwrap().to_owned()
}

async fn names(client: &Client) -> Vec<String> {
    let (status, list) = client.get("/api/v1/servers").await;
    assert_eq!(status, 200, "{list}");
    let servers = list["servers"].as_array().unwrap();
    assert_eq!(list["total"], servers.len());
    servers
        .iter()
        .map(|server| server["name"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_server_is_used_at_its_level_until_it_is_not() {
    let app = App::start().await;
    let owner = app.owner().await;
    let (ada, grace) = (app.operator("ada").await, app.operator("grace").await);
    let server = ada.add_server("web-1").await;
    ada.add_server("web-2").await;
    let path = format!("/api/v1/servers/{server}");
    let level = |level: &str| json!({"username": "Grace", "server_id": server, "level": level});
    assert_eq!(grace.get(&path).await.0, 404);
    assert_eq!(grace.post("/api/v1/grants", &level("manage")).await.0, 404);

    let grant = share(&ada, &level("view")).await;
    assert_eq!(names(&grace).await, ["web-1"]);
    assert_eq!(grace.get(&path).await.0, 200);
    let series = format!("/api/v1/metrics/{server}/series");
    assert_eq!(grace.get(&series).await.0, 200);
    for (method, path, body) in [
        (Method::PATCH, path.clone(), json!({"name": "mine"})),
        (Method::DELETE, path.clone(), Value::Null),
        (Method::GET, format!("{path}/keys"), Value::Null),
        (
            Method::POST,
            "/api/v1/api-keys".to_owned(),
            json!({"server_id": server}),
        ),
        (Method::POST, "/api/v1/grants".to_owned(), level("manage")),
        (
            Method::GET,
            format!("/api/v1/grants?server_id={server}"),
            Value::Null,
        ),
    ] {
        let request = grace.request(method.clone(), &path).json(&body);
        let (status, problem) = grace.send(request).await;
        assert_eq!(
            (status, problem["code"].as_str()),
            (403, Some("CO1204")),
            "{method} {path}: {problem}"
        );
    }
    assert_eq!(grace.get("/api/v1/api-keys").await.1["keys"], json!([]));

    assert_eq!(share(&ada, &level("manage")).await, grant, "one per pair");
    let changed = grace.patch(&path, &json!({"name": "renamed"})).await;
    assert_eq!(changed.0, 200, "{}", changed.1);
    let (status, key) = grace
        .post("/api/v1/api-keys", &json!({"server_id": server}))
        .await;
    assert_eq!(status, 201, "{key}");
    let key = format!("/api/v1/api-keys/{}", key["id"].as_str().unwrap());
    assert_eq!(
        grace.delete(&path).await.0,
        403,
        "what is another's own is theirs to remove"
    );

    let (_, about) = ada.get(&format!("{path}/access")).await;
    assert_eq!(about["you"]["reason"], "owner", "{about}");
    let people = about["people"].as_array().unwrap();
    let of = |name: &str| {
        people
            .iter()
            .find(|one| one["person"]["username"] == name)
            .unwrap()
    };
    assert_eq!(of("root")["reasons"][0]["kind"], "role");
    assert_eq!(of("ada")["reasons"][0]["kind"], "owner");
    assert_eq!(of("grace")["level"], "manage");
    assert_eq!(of("grace")["reasons"][0]["grant_id"], grant.as_str());

    share(&ada, &level("view")).await;
    let (_, about) = grace.get(&format!("{path}/access")).await;
    assert_eq!(
        (
            &about["you"]["level"],
            &about["you"]["reason"],
            &about["people"]
        ),
        (&json!("view"), &json!("grant"), &Value::Null)
    );
    assert_eq!(grace.delete(&key).await.1["code"], "CO1202");
    let revoke = format!("/api/v1/grants/{grant}");
    assert_eq!(grace.delete(&revoke).await.1["code"], "CO1242");
    assert_eq!(ada.delete(&revoke).await.0, 204);
    assert_eq!(ada.delete(&revoke).await.1["code"], "CO1242");
    assert!(names(&grace).await.is_empty());
    assert_eq!(grace.get(&path).await.0, 404);
    assert_eq!(names(&owner).await.len(), 2);
    // And again: the pair has a past.
    share(&ada, &level("operate")).await;
    assert_eq!(names(&grace).await, ["renamed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn teams_and_labels_share_what_they_are_about_now() {
    let app = App::start().await;
    let owner = app.owner().await;
    let (ada, grace) = (app.operator("ada").await, app.operator("grace").await);
    let (status, server) = ada
        .post(
            "/api/v1/servers",
            &json!({"name": "db-1", "tags": ["prod"]}),
        )
        .await;
    assert_eq!(status, 201, "{server}");
    let path = format!("/api/v1/servers/{}", server["id"].as_str().unwrap());
    let (status, team) = owner.post("/api/v1/teams", &json!({"name": "night"})).await;
    assert_eq!(status, 201, "{team}");
    let team = team["id"].as_str().unwrap().to_owned();
    let of_team = format!("/api/v1/teams/{team}");
    let by_tag = json!({"team_id": team, "tag": "prod", "level": "operate"});

    // Labels are everybody's, so sharing by them is for administrators; teams are not for others to know.
    assert_eq!(ada.post("/api/v1/grants", &by_tag).await.0, 403);
    assert_eq!(ada.get(&of_team).await.1["code"], "CO1241");
    let by_team = json!({"team_id": team, "server_id": server["id"], "level": "view"});
    assert_eq!(
        ada.post("/api/v1/grants", &by_team).await.1["code"],
        "CO1241"
    );
    assert_eq!(
        ada.post("/api/v1/teams", &json!({"name": "x"})).await.0,
        403
    );
    let grant = share(&owner, &by_tag).await;
    assert!(names(&grace).await.is_empty());

    let membership = format!("{of_team}/members/{}", id_of(&grace).await);
    assert_eq!(ada.put(&membership, &json!({})).await.0, 403);
    assert_eq!(owner.put(&membership, &json!({})).await.0, 204);
    assert_eq!(owner.put(&membership, &json!({})).await.0, 204, "is in it");
    assert_eq!(names(&grace).await, ["db-1"]);
    let (_, teams) = grace.get("/api/v1/teams").await;
    assert_eq!(teams["teams"][0]["members"][0]["username"], "grace");
    assert_eq!(ada.get("/api/v1/teams").await.1["teams"], json!([]));
    let (_, grants) = grace.get("/api/v1/grants").await;
    assert_eq!(grants["grants"][0]["id"], grant.as_str());
    let (_, about) = owner.get(&format!("{path}/access")).await;
    let people = about["people"].as_array().unwrap();
    let reason = &people
        .iter()
        .find(|one| one["person"]["username"] == "grace")
        .unwrap()["reasons"][0];
    assert_eq!(
        (&reason["team"]["name"], &reason["tag"]),
        (&json!("night"), &json!("prod"))
    );

    assert_eq!(ada.patch(&path, &json!({"tags": []})).await.0, 200);
    assert!(names(&grace).await.is_empty(), "the label is gone");
    assert_eq!(ada.patch(&path, &json!({"tags": ["prod"]})).await.0, 200);
    assert_eq!(names(&grace).await, ["db-1"]);
    assert_eq!(owner.delete(&membership).await.0, 204);
    assert!(names(&grace).await.is_empty(), "not in the team any more");
    assert_eq!(owner.put(&membership, &json!({})).await.0, 204);
    let renamed = owner.patch(&of_team, &json!({"name": "day"})).await;
    assert_eq!(renamed.1["name"], "day", "{}", renamed.1);
    assert_eq!(owner.delete(&of_team).await.0, 204);
    assert!(names(&grace).await.is_empty(), "the team is gone");
    assert_eq!(owner.delete(&of_team).await.1["code"], "CO1241");
    assert_eq!(owner.get("/api/v1/grants").await.1["grants"], json!([]));
    let nobody = format!("{of_team}/members/{}", uuid::Uuid::nil());
    assert_eq!(owner.put(&nobody, &json!({})).await.1["code"], "CO1240");
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_changed_by_those_above_and_an_owner_stays() {
    let app = App::start().await;
    let owner = app.owner().await;
    let (ada, grace) = (app.operator("ada").await, app.operator("grace").await);
    let of = |id: &str| format!("/api/v1/users/{id}");
    let me = of(&id_of(&owner).await);
    let (ada_is, grace_is) = (of(&id_of(&ada).await), of(&id_of(&grace).await));
    let role = |role: &str| json!({"role": role});
    assert_eq!(ada.patch(&grace_is, &role("viewer")).await.0, 403);
    assert_eq!(ada.get("/api/v1/users").await.0, 403);

    // The only owner stays, whoever asks.
    for change in [role("viewer"), json!({"active": false})] {
        let (status, problem) = owner.patch(&me, &change).await;
        assert_eq!((status, problem["code"].as_str()), (409, Some("CO1244")));
    }
    let (status, changed) = owner.patch(&ada_is, &role("admin")).await;
    assert_eq!((status, &changed["role"]), (200, &json!("admin")));
    // At once, though the session is older.
    let (status, list) = ada.get("/api/v1/users?q=GRA&limit=1").await;
    assert_eq!(
        (status, &list["users"][0]["username"]),
        (200, &json!("grace"))
    );
    assert_eq!(ada.patch(&grace_is, &role("viewer")).await.0, 200);
    for (path, change) in [
        (&me, role("admin")),
        (&me, json!({"active": false})),
        (&grace_is, role("owner")),
    ] {
        let (status, problem) = ada.patch(path, &change).await;
        assert_eq!(status, 403, "{path} {change}: {problem}");
    }
    assert_eq!(owner.patch(&ada_is, &role("owner")).await.0, 200);
    assert_eq!(ada.patch(&me, &role("operator")).await.0, 200);
    let (status, problem) = ada.patch(&ada_is, &role("viewer")).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("CO1244")));
    let nobody = of(&uuid::Uuid::nil().to_string());
    assert_eq!(ada.get(&nobody).await.1["code"], "CO1240");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_owners_cannot_remove_each_other_in_the_same_moment() {
    let app = App::start().await;
    let owner = app.owner().await;
    let ada = app.operator("ada").await;
    let of = |id: String| format!("/api/v1/users/{id}");
    let (me, ada_is) = (of(id_of(&owner).await), of(id_of(&ada).await));
    let promote = json!({"role": "owner"});
    let demote = json!({"role": "admin"});
    for _ in 0..5 {
        assert_eq!(owner.patch(&ada_is, &promote).await.0, 200);
        let (first, second) = tokio::join!(owner.patch(&ada_is, &demote), ada.patch(&me, &demote));
        let mut statuses = [first.0, second.0];
        statuses.sort_unstable();
        // The slower one is too late, or is not an owner any more.
        assert!(
            matches!(statuses, [200, 403 | 409]),
            "{statuses:?} {} {}",
            first.1,
            second.1
        );
        let (_, users) = match first.0 {
            200 => owner.get("/api/v1/users").await,
            _ => ada.get("/api/v1/users").await,
        };
        let owners = users["users"].as_array().unwrap().iter();
        assert_eq!(owners.filter(|user| user["role"] == "owner").count(), 1);
        if first.0 != 200 {
            assert_eq!(ada.patch(&me, &promote).await.0, 200);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_switched_off_is_nobody_until_it_is_switched_on() {
    let app = App::start().await;
    let owner = app.owner().await;
    let ada = app.operator("ada").await;
    let path = format!("/api/v1/users/{}", id_of(&ada).await);
    let (status, token) = ada
        .post(
            "/api/v1/auth/tokens",
            &json!({"name": "x", "scopes": ["read"],
                    "expires_at": crate::app::now().plus_millis(3_600_000).rfc3339()}),
        )
        .await;
    assert_eq!(status, 201, "{token}");
    let program = ada.with_token(token["token"].as_str().unwrap());
    assert_eq!(program.get("/api/v1/servers").await.0, 200);
    let login = json!({"username": "ada", "password": PASSWORD});
    let (_, session) = app.stranger().post("/api/v1/auth/login", &login).await;

    let (status, off) = owner.patch(&path, &json!({"active": false})).await;
    assert_eq!((status, &off["active"]), (200, &json!(false)));
    for client in [&ada, &program] {
        assert_eq!(client.get("/api/v1/servers").await.1["code"], "CO1002");
    }
    let renew = json!({"refresh_token": session["refresh_token"]});
    let renewed = app.stranger().post("/api/v1/auth/refresh", &renew).await;
    assert_eq!(renewed.1["code"], "CO1003");
    let refused = app.stranger().post("/api/v1/auth/login", &login).await;
    assert_eq!(
        (refused.0, refused.1["code"].as_str()),
        (403, Some("CO1245"))
    );
    // Whoever does not know the password learns nothing.
    let guess = json!({"username": "ada", "password": "not the password"});
    let guessed = app.stranger().post("/api/v1/auth/login", &guess).await;
    assert_eq!(guessed.1["code"], "CO1001");

    assert_eq!(owner.patch(&path, &json!({"active": true})).await.0, 200);
    assert_eq!(
        app.stranger().post("/api/v1/auth/login", &login).await.0,
        200
    );
    assert_eq!(
        ada.get("/api/v1/servers").await.0,
        401,
        "its sessions ended"
    );
    assert_eq!(program.get("/api/v1/servers").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_made_for_somebody() {
    let app = App::start().await;
    let owner = app.owner().await;
    let wanted = json!({"username": "grace", "email": "grace@example.org", "role": "viewer"});
    let (status, made) = owner.post("/api/v1/users", &wanted).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(made["user"]["role"], "viewer");
    let login = json!({"username": "grace", "password": made["password"]});
    assert_eq!(
        app.stranger().post("/api/v1/auth/login", &login).await.0,
        200
    );
    let (status, problem) = owner.post("/api/v1/users", &wanted).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("CO1205")));
    let path = format!("/api/v1/users/{}", made["user"]["id"].as_str().unwrap());
    assert_eq!(owner.get(&path).await.1, made["user"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_makes_one_account_and_says_which() {
    let app = App::with(Config {
        registration: Registration::Invite,
        ..Config::default()
    })
    .await;
    let owner = app.owner().await;
    let stranger = app.stranger();
    let register = |name: &str, token: &Value| json!({"username": name, "password": PASSWORD, "invitation": token});
    assert_eq!(
        stranger.get("/api/v1/auth/status").await.1["registration"],
        "invite"
    );
    let uninvited = stranger
        .post("/api/v1/auth/register", &register("eve", &Value::Null))
        .await;
    assert_eq!(
        (uninvited.0, uninvited.1["code"].as_str()),
        (403, Some("CO1246"))
    );

    let (_, team) = owner.post("/api/v1/teams", &json!({"name": "night"})).await;
    let server = owner.add_server("web-1").await;
    share(
        &owner,
        &json!({"team_id": team["id"], "server_id": server, "level": "view"}),
    )
    .await;
    let wanted = json!({"role": "viewer", "teams": [team["id"]], "email": "grace@example.org"});
    let (status, made) = owner.post("/api/v1/invitations", &wanted).await;
    assert_eq!(status, 201, "{made}");
    let token = &made["token"];
    let text = token.as_str().unwrap();
    assert!(
        made["url"]
            .as_str()
            .unwrap()
            .ends_with(&format!("/join#{text}"))
    );
    assert!(
        !owner
            .get("/api/v1/invitations")
            .await
            .1
            .to_string()
            .contains(text)
    );
    let (status, offer) = stranger
        .post("/api/v1/auth/invitation", &json!({"invitation": token}))
        .await;
    assert_eq!(status, 200, "{offer}");
    assert_eq!(
        (&offer["role"], &offer["teams"]),
        (&json!("viewer"), &json!(["night"]))
    );

    let mut other = register("grace", token);
    other["email"] = json!("eve@example.org");
    let refused = stranger.post("/api/v1/auth/register", &other).await;
    assert_eq!(
        (refused.0, &refused.1["errors"][0]["field"]),
        (422, &json!("email"))
    );
    // Two with the same link: one gets in.
    let (one, two) = (register("grace", token), register("eve", token));
    let (one, two) = tokio::join!(
        stranger.post("/api/v1/auth/register", &one),
        stranger.post("/api/v1/auth/register", &two)
    );
    let mut statuses = [one.0, two.0];
    statuses.sort_unstable();
    assert!(
        matches!(statuses, [201, 404 | 409]),
        "{statuses:?} {} {}",
        one.1,
        two.1
    );
    let session = if one.0 == 201 { one.1 } else { two.1 };
    assert_eq!(session["user"]["email"], "grace@example.org");
    let grace = stranger.with_token(session["access_token"].as_str().unwrap());
    assert_eq!(names(&grace).await, ["web-1"], "through the team");
    let again = stranger
        .post("/api/v1/auth/register", &register("mallory", token))
        .await;
    assert_eq!(again.1["code"], "CO1243");
    let (_, list) = owner.get("/api/v1/invitations").await;
    assert_eq!(list["invitations"][0]["state"], "accepted");
    assert_eq!(list["invitations"][0]["accepted_by"], session["user"]["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_was_taken_back_or_forged_opens_nothing() {
    let app = App::start().await;
    let owner = app.owner().await;
    let ada = app.operator("ada").await;
    let wanted = json!({"role": "operator"});
    assert_eq!(ada.post("/api/v1/invitations", &wanted).await.0, 403);
    let (status, made) = owner.post("/api/v1/invitations", &wanted).await;
    assert_eq!(status, 201, "{made}");
    let path = format!(
        "/api/v1/invitations/{}",
        made["invitation"]["id"].as_str().unwrap()
    );
    let token = made["token"].as_str().unwrap();
    let (id, secret) = token.split_once('_').unwrap();
    let other = "00000000000040008000000000000000";
    for forged in [
        format!("{id}_{}", "A".repeat(secret.len())),
        format!("{other}_{secret}"),
        id.to_owned(),
        format!("{id}_"),
        "' OR 1=1 --_x".to_owned(),
    ] {
        let (status, problem) = app
            .stranger()
            .post("/api/v1/auth/invitation", &json!({"invitation": forged}))
            .await;
        assert_eq!(
            (status, problem["code"].as_str()),
            (404, Some("CO1243")),
            "{forged}"
        );
    }
    assert_eq!(ada.delete(&path).await.0, 403);
    assert_eq!(owner.delete(&path).await.0, 204);
    assert_eq!(owner.delete(&path).await.1["code"], "CO1243");
    let offer = app
        .stranger()
        .post("/api/v1/auth/invitation", &json!({"invitation": token}))
        .await;
    assert_eq!(offer.1["code"], "CO1243");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_make_an_account_is_changed_while_it_runs() {
    let app = App::start().await;
    let owner = app.owner().await;
    let ada = app.operator("ada").await;
    let path = "/api/v1/settings/registration";
    let mode = |mode: &str| json!({"registration": mode});
    assert_eq!(ada.put(path, &mode("closed")).await.0, 403);
    assert_eq!(owner.get(path).await.1, mode("open"));
    let (_, made) = owner
        .post("/api/v1/invitations", &json!({"role": "operator"}))
        .await;
    assert_eq!(owner.put(path, &mode("closed")).await.0, 200);
    assert_eq!(
        app.stranger().get("/api/v1/auth/status").await.1["registration"],
        "closed"
    );
    for invitation in [Value::Null, made["token"].clone()] {
        let wanted = json!({"username": "eve", "password": PASSWORD, "invitation": invitation});
        let refused = app.stranger().post("/api/v1/auth/register", &wanted).await;
        assert_eq!(
            (refused.0, refused.1["code"].as_str()),
            (403, Some("CO1006"))
        );
    }
    let refused = owner
        .post("/api/v1/invitations", &json!({"role": "operator"}))
        .await;
    assert_eq!(refused.1["code"], "CO1006");
    assert_eq!(owner.put(path, &mode("ajar")).await.0, 422);
    assert_eq!(owner.put(path, &mode("open")).await.0, 200);
    app.operator("grace").await;
}
