//! The fleet as a table: names of columns once, then rows of values. For pages of thousands of servers.

use serde::{
    Serialize, Serializer,
    ser::{SerializeSeq, SerializeTuple},
};

use crate::body::server::{Server, Status};

/// Names of the columns, in the order of the values of a row.
const COLUMNS: [&str; 29] = [
    "id",
    "name",
    "tags",
    "owner_id",
    "owner",
    "status",
    "last_seen",
    "connected_since",
    "presence_at",
    "created_at",
    "interval_ms",
    "hostname",
    "agent_version",
    "ts",
    "seq",
    "cpu",
    "load1",
    "mem",
    "mem_total",
    "swap",
    "disk",
    "rx",
    "tx",
    "temp_max",
    "uptime_s",
    "processes",
    "alerts_critical",
    "alerts_warning",
    "alerts_info",
];

/// The table.
#[derive(Serialize)]
pub(super) struct Table<'a> {
    columns: [&'static str; 29],
    rows: Rows<'a>,
    next: Option<String>,
    total: u64,
}

impl<'a> Table<'a> {
    pub(super) fn new(servers: &'a [Server], next: Option<String>, total: u64) -> Self {
        Self {
            columns: COLUMNS,
            rows: Rows(servers),
            next,
            total,
        }
    }
}

struct Rows<'a>(&'a [Server]);

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut rows = serializer.serialize_seq(Some(self.0.len()))?;
        for server in self.0 {
            rows.serialize_element(&Row(server))?;
        }
        rows.end()
    }
}

struct Row<'a>(&'a Server);

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (server, agent, latest) = (self.0, self.0.agent.as_ref(), self.0.latest.as_ref());
        let mut row = serializer.serialize_tuple(COLUMNS.len())?;
        row.serialize_element(&server.id)?;
        row.serialize_element(&server.name)?;
        row.serialize_element(&server.tags)?;
        row.serialize_element(&server.owner.id)?;
        row.serialize_element(&server.owner.username)?;
        row.serialize_element::<Status>(&server.status)?;
        row.serialize_element(&server.last_seen)?;
        row.serialize_element(&server.connected_since)?;
        row.serialize_element(&server.presence_at)?;
        row.serialize_element(&server.created_at)?;
        row.serialize_element(&server.interval_ms)?;
        row.serialize_element(&agent.and_then(|agent| agent.hostname.as_deref()))?;
        row.serialize_element(&agent.map(|agent| agent.version.as_str()))?;
        row.serialize_element(&latest.map(|row| row.ts))?;
        row.serialize_element(&latest.map(|row| row.seq))?;
        row.serialize_element(&latest.and_then(|row| row.cpu))?;
        row.serialize_element(&latest.and_then(|row| row.load1))?;
        row.serialize_element(&latest.and_then(|row| row.mem))?;
        row.serialize_element(&latest.and_then(|row| row.mem_total))?;
        row.serialize_element(&latest.and_then(|row| row.swap))?;
        row.serialize_element(&latest.and_then(|row| row.disk))?;
        row.serialize_element(&latest.and_then(|row| row.rx))?;
        row.serialize_element(&latest.and_then(|row| row.tx))?;
        row.serialize_element(&latest.and_then(|row| row.temp_max))?;
        row.serialize_element(&latest.and_then(|row| row.uptime_s))?;
        row.serialize_element(&latest.and_then(|row| row.processes))?;
        row.serialize_element(&server.alerts.critical)?;
        row.serialize_element(&server.alerts.warning)?;
        row.serialize_element(&server.alerts.info)?;
        row.end()
    }
}

#[cfg(test)]
mod tests {
    use chatops_schemas::{clock::Timestamp, ids::ServerId, ids::UserId};

    use super::*;
    use crate::body::{alert::AlertCounts, server::OwnerRef};

    #[test]
    fn a_row_has_a_value_for_every_column() {
        let server = Server {
            id: ServerId::parse("a").unwrap(),
            name: "web-1".to_owned(),
            tags: vec!["prod".to_owned()],
            owner: OwnerRef {
                id: UserId(uuid::Uuid::nil()),
                username: "ada".to_owned(),
            },
            status: Status::Never,
            last_seen: None,
            connected_since: None,
            presence_at: None,
            created_at: Timestamp::default().into(),
            interval_ms: 5000,
            needs_approval: false,
            agent: None,
            latest: None,
            alerts: AlertCounts {
                critical: 2,
                ..AlertCounts::default()
            },
        };
        let table = serde_json::to_value(Table::new(&[server], None, 1)).unwrap();
        assert_eq!(
            table["rows"][0].as_array().unwrap().len(),
            table["columns"].as_array().unwrap().len()
        );
        assert_eq!(table["rows"][0][5], "never");
        assert_eq!(table["rows"][0][25], serde_json::Value::Null);
        assert_eq!(table["rows"][0][26], 2);
    }
}
