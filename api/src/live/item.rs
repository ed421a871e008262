//! One thing that happened, as the JSON that every socket gets: encoded once, shared by all.

use chatops_projections::view;
use chatops_schemas::{
    clock::Timestamp,
    event::metric::Sample,
    ids::{AlertId, RuleId, ServerId, UserId},
};
use serde::Serialize;

use crate::body::{alert::AlertCounts, moment::Moment, row::RowMetrics, server::Server};

/// What kind of thing, as far as delivery cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The few numbers of a sample for the list.
    Row,
    /// The whole sample.
    Sample,
    /// An agent came or went.
    Presence,
    /// A server was added, changed or removed.
    Server,
    /// Something happened to an alert, or somebody was told of one.
    Alert,
}

/// A fragment of a batch.
#[derive(Debug)]
pub struct Item {
    /// Kind.
    pub kind: Kind,
    /// The server it is about.
    pub server: ServerId,
    /// Who owned that server when it was made; nobody is told of a server without an owner.
    pub owner: Option<UserId>,
    /// Position in the metrics stream; 0 for what is not from it.
    pub seq: u64,
    /// When the sample was taken; none for other kinds.
    pub at: Option<Moment>,
    /// The fragment.
    pub json: Box<str>,
    /// Where in the fragment the sample itself lies.
    sample: std::ops::Range<usize>,
}

impl Item {
    /// The JSON of the sample alone; empty for other kinds.
    pub fn sample_json(&self) -> &str {
        self.json.get(self.sample.clone()).unwrap_or_default()
    }
}

#[derive(Serialize)]
struct Row<'a> {
    k: &'static str,
    server: &'a ServerId,
    seq: u64,
    row: &'a RowMetrics,
}

#[derive(Serialize)]
struct Presence<'a> {
    k: &'static str,
    server: &'a ServerId,
    status: &'static str,
    at: Moment,
    transport: &'a str,
}

#[derive(Serialize)]
struct Changed<'a> {
    k: &'static str,
    op: &'static str,
    server: &'a Server,
}

#[derive(Serialize)]
struct Deleted<'a> {
    k: &'static str,
    op: &'static str,
    server: &'a ServerId,
}

/// What happened to an alert. What it is now can be read when this is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AlertNews {
    /// `raised`, `acknowledged`, `unacknowledged`, `resolved`, `cleared`, or `told`: of it, somebody or nobody.
    pub op: &'static str,
    /// Where.
    pub server: ServerId,
    /// Which.
    pub alert: AlertId,
    /// Its rule.
    pub rule: RuleId,
}

#[derive(Serialize)]
struct Alert<'a> {
    k: &'static str,
    #[serde(flatten)]
    news: &'a AlertNews,
    /// How many are open on that server now.
    open: AlertCounts,
}

fn fragment(value: &impl Serialize) -> Option<Box<str>> {
    serde_json::to_string(value)
        .map(String::into_boxed_str)
        .ok()
}

fn plain(
    kind: Kind,
    server: &ServerId,
    owner: Option<UserId>,
    seq: u64,
    json: Option<Box<str>>,
) -> Option<Item> {
    Some(Item {
        kind,
        server: server.clone(),
        owner,
        seq,
        at: None,
        json: json?,
        sample: 0..0,
    })
}

/// The row of a sample.
pub fn row(
    server: &ServerId,
    owner: Option<UserId>,
    seq: u64,
    ts: Timestamp,
    sample: &Sample,
) -> Option<Item> {
    let row = RowMetrics::from(view::RowMetrics::of(ts, seq, sample));
    plain(
        Kind::Row,
        server,
        owner,
        seq,
        fragment(&Row {
            k: "row",
            server,
            seq,
            row: &row,
        }),
    )
}

/// The whole sample.
pub fn sample(
    server: &ServerId,
    owner: Option<UserId>,
    seq: u64,
    ts: Timestamp,
    sample: &Sample,
) -> Option<Item> {
    let body = serde_json::to_string(sample).ok()?;
    // Server ids and moments need no escaping.
    let mut json = format!(
        r#"{{"k":"sample","server":"{server}","seq":{seq},"ts":"{}","sample":"#,
        Moment(ts)
    );
    let start = json.len();
    json.push_str(&body);
    let end = json.len();
    json.push('}');
    let (kind, server, at) = (Kind::Sample, server.clone(), Some(Moment(ts)));
    Some(Item {
        kind,
        server,
        owner,
        seq,
        at,
        json: json.into(),
        sample: start..end,
    })
}

/// An agent came (`online`) or went.
pub fn presence(
    server: &ServerId,
    owner: Option<UserId>,
    online: bool,
    at: Timestamp,
    transport: &str,
) -> Option<Item> {
    let status = if online { "online" } else { "offline" };
    let body = Presence {
        k: "presence",
        server,
        status,
        at: Moment(at),
        transport,
    };
    plain(Kind::Presence, server, owner, 0, fragment(&body))
}

/// A server was added (`registered`) or changed.
pub fn changed(server: &Server, registered: bool) -> Option<Item> {
    let op = if registered { "registered" } else { "updated" };
    let json = fragment(&Changed {
        k: "server",
        op,
        server,
    });
    plain(Kind::Server, &server.id, Some(server.owner.id), 0, json)
}

/// Something happened to an alert; so many are open on its server now.
pub fn alert(news: &AlertNews, open: AlertCounts, owner: Option<UserId>) -> Option<Item> {
    let k = "alert";
    let json = fragment(&Alert { k, news, open });
    plain(Kind::Alert, &news.server, owner, 0, json)
}

/// A server was removed.
pub fn deleted(server: &ServerId, owner: Option<UserId>) -> Option<Item> {
    plain(
        Kind::Server,
        server,
        owner,
        0,
        fragment(&Deleted {
            k: "server",
            op: "deleted",
            server,
        }),
    )
}

#[cfg(test)]
mod tests {
    use chatops_schemas::event::metric::{Cpu, Filesystem};

    use super::*;

    #[test]
    fn fragments_are_json_and_hold_the_sample_as_it_is() {
        let server = ServerId::parse("s-1").unwrap();
        let reading = Sample {
            cpu: Some(Cpu {
                total: Some(12.345),
                ..Cpu::default()
            }),
            fs: vec![Filesystem {
                mount: "/\"</script>".to_owned(),
                ..Filesystem::default()
            }],
            ..Sample::default()
        };
        let at = Timestamp::from_millis(1_800_000_000_000);
        let item = sample(&server, None, 7, at, &reading).unwrap();
        let whole: serde_json::Value = serde_json::from_str(&item.json).unwrap();
        let alone: Sample = serde_json::from_str(item.sample_json()).unwrap();
        assert_eq!(alone, reading);
        assert_eq!(whole["k"], "sample");
        assert_eq!(whole["seq"], 7);
        assert_eq!(whole["sample"]["fs"][0]["mount"], "/\"</script>");
        let row: serde_json::Value =
            serde_json::from_str(&row(&server, None, 7, at, &reading).unwrap().json).unwrap();
        assert_eq!(row["row"]["cpu"], 12.3);
        assert_eq!(row["row"]["mem"], serde_json::Value::Null);
    }
}
