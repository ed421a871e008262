//! Who is connected right now, as the servers themselves say it (`CONNZ` of every server of the cluster), and ending
//! one of those connections (`KICK`). Both need a connection to the system account.

use std::{collections::HashSet, time::Duration};

use bytes::Bytes;
use chatops_bus::{Bus, RequestError};
use chatops_schemas::clock::Timestamp;
use futures::StreamExt;
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, timeout_at};

/// Connections per answer: some 300 KB.
const PAGE: usize = 512;
/// No server takes longer to answer.
const LONGEST: Duration = Duration::from_secs(2);
/// Silence after which no further server is expected.
const QUIET: Duration = Duration::from_millis(300);

/// A connection of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Connection {
    /// Server it is on; a fresh id after each restart.
    pub(crate) server_id: String,
    /// Its number there, never given twice.
    pub(crate) cid: u64,
    /// Authorized user.
    pub(crate) user: String,
    /// Address it came from.
    pub(crate) address: Option<String>,
    /// Since when.
    pub(crate) start: Option<Timestamp>,
}

/// What the servers said.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// Servers that answered in full.
    pub(crate) servers: HashSet<String>,
    /// Their connections of the account.
    pub(crate) connections: Vec<Connection>,
}

/// Why it cannot be known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SurveyError {
    #[error("ask the servers for their connections")]
    Ask(#[source] RequestError),
    #[error("no server answered")]
    Silence,
}

#[derive(Deserialize)]
struct Answer {
    data: Option<Data>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Data {
    server_id: String,
    total: usize,
    connections: Vec<Entry>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Entry {
    cid: u64,
    ip: String,
    start: String,
    authorized_user: String,
}

/// Asks every server for its connections in `account`.
pub(crate) async fn survey(sys: &Bus, account: &str) -> Result<Survey, SurveyError> {
    let mut survey = Survey::default();
    for data in gather(sys, account).await? {
        let complete = more_pages(sys, account, data, &mut survey).await;
        if let Some(server) = complete {
            survey.servers.insert(server);
        }
    }
    Ok(survey)
}

/// Whether one connection is there; `None` when its server does not answer.
pub(crate) async fn exists(sys: &Bus, server_id: &str, cid: u64) -> Option<bool> {
    let question = json!({ "cid": cid });
    let data = ask(sys, server_id, &question).await?;
    Some(data.connections.iter().any(|entry| entry.cid == cid))
}

/// Ends a connection. `Ok` when the server has taken the order; a connection that is gone already is not an error.
pub(crate) async fn kick(sys: &Bus, server_id: &str, cid: u64) -> Result<(), RequestError> {
    let order = Bytes::from(json!({ "cid": cid }).to_string());
    sys.request(&format!("$SYS.REQ.SERVER.{server_id}.KICK"), order, LONGEST)
        .await
        .map(drop)
}

fn question(account: &str, offset: usize) -> serde_json::Value {
    json!({ "auth": true, "acc": account, "limit": PAGE, "offset": offset, "sort": "cid" })
}

async fn gather(sys: &Bus, account: &str) -> Result<Vec<Data>, SurveyError> {
    let inbox = sys.new_inbox();
    let mut answers = sys.subscribe(&inbox).await.map_err(SurveyError::Ask)?;
    let payload = Bytes::from(question(account, 0).to_string());
    sys.publish_core("$SYS.REQ.SERVER.PING.CONNZ", Some(&inbox), &[], payload)
        .await
        .map_err(SurveyError::Ask)?;
    let end = Instant::now() + LONGEST;
    let mut quiet = end;
    let mut pages = Vec::new();
    while let Ok(Some(message)) = timeout_at(quiet.min(end), answers.next()).await {
        if let Some(data) = read(&message.payload) {
            pages.push(data);
            quiet = Instant::now() + QUIET;
        }
    }
    if pages.is_empty() {
        return Err(SurveyError::Silence);
    }
    Ok(pages)
}

/// Reads the rest of a server's pages; its id when all of them came.
async fn more_pages(
    sys: &Bus,
    account: &str,
    mut data: Data,
    survey: &mut Survey,
) -> Option<String> {
    let server_id = data.server_id.clone();
    let mut offset = 0;
    loop {
        let (count, total) = (data.connections.len(), data.total);
        offset += count;
        survey
            .connections
            .extend(data.connections.into_iter().map(|entry| Connection {
                server_id: server_id.clone(),
                cid: entry.cid,
                user: entry.authorized_user,
                address: Some(entry.ip).filter(|ip| !ip.is_empty()),
                start: Timestamp::parse_rfc3339(&entry.start).ok(),
            }));
        if count == 0 || offset >= total {
            return Some(server_id);
        }
        data = ask(sys, &server_id, &question(account, offset)).await?;
    }
}

async fn ask(sys: &Bus, server_id: &str, question: &serde_json::Value) -> Option<Data> {
    let subject = format!("$SYS.REQ.SERVER.{server_id}.CONNZ");
    let answer = sys
        .request(&subject, Bytes::from(question.to_string()), LONGEST)
        .await
        .ok()?;
    read(&answer)
}

fn read(payload: &[u8]) -> Option<Data> {
    serde_json::from_slice::<Answer>(payload)
        .ok()?
        .data
        .filter(|data| !data.server_id.is_empty())
}
