//! What the projector of one partition knows of its servers: number, newest sample, layouts. Forgotten at every claim.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use chatops_schemas::{clock::Timestamp, event::metric::Sample};
use sqlx::PgConnection;

use crate::{
    error::StoreError,
    layout::{self, Layout},
    store::{
        layout as stored,
        samples::{self, KnownServer},
    },
};

/// Stands for a layout that the database has not numbered yet.
pub(super) const UNNUMBERED: i32 = -1;
/// Layouts remembered per server; a host whose devices never stay the same must not fill the memory.
const REMEMBERED: usize = 32;
/// How stale `metric_layout.used_at` may be.
const USED_EVERY: Duration = Duration::from_secs(3600);

/// A server.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) server_pk: i32,
    /// Newest sample in the table or in the batch being made.
    pub(super) newest: Timestamp,
    /// Minute of the last list of processes.
    pub(super) top_minute: i64,
    deleted: bool,
    /// The one in use is the last.
    layouts: Vec<(Layout, i32)>,
}

/// All servers seen since the claim.
#[derive(Debug, Default)]
pub(super) struct Directory {
    by_token: HashMap<String, usize>,
    servers: Vec<Server>,
    /// Servers and layouts to be numbered.
    new_layouts: Vec<(usize, Layout)>,
    /// When each layout's use was noted last.
    used: HashMap<i32, Instant>,
    /// Newest deletion noticed.
    deleted_seq: u64,
}

impl Directory {
    /// Index, and whether it has left the fleet.
    pub(super) fn find(&self, token: &str) -> Option<(usize, bool)> {
        self.by_token
            .get(token)
            .map(|index| (*index, self.servers[*index].deleted))
    }

    pub(super) fn server(&mut self, index: usize) -> &mut Server {
        &mut self.servers[index]
    }

    /// Those it does not know, each once.
    pub(super) fn missing<'a>(&self, tokens: &[&'a str]) -> Vec<&'a str> {
        let mut missing: Vec<&str> = tokens
            .iter()
            .copied()
            .filter(|token| !self.by_token.contains_key(*token))
            .collect();
        missing.sort_unstable();
        missing.dedup();
        missing
    }

    pub(super) async fn load(
        &mut self,
        connection: &mut PgConnection,
        tokens: &[&str],
    ) -> Result<(), StoreError> {
        let known = samples::servers(connection, tokens).await?;
        let numbers: Vec<i32> = known.iter().map(|server| server.server_pk).collect();
        let mut layouts: HashMap<i32, Vec<(Layout, i32)>> = HashMap::new();
        for known in stored::of_servers(connection, &numbers).await? {
            layouts
                .entry(known.server_pk)
                .or_default()
                .push((known.layout, known.layout_pk));
        }
        for KnownServer {
            server_id,
            server_pk,
            deleted,
            newest,
        } in known
        {
            let mut layouts = layouts.remove(&server_pk).unwrap_or_default();
            layouts.reverse();
            self.by_token.insert(server_id, self.servers.len());
            self.servers.push(Server {
                server_pk,
                newest,
                top_minute: i64::MIN,
                deleted,
                layouts,
            });
        }
        Ok(())
    }

    pub(super) async fn note_deleted(
        &mut self,
        connection: &mut PgConnection,
    ) -> Result<(), StoreError> {
        let (deleted, newest) = samples::deleted_since(connection, self.deleted_seq).await?;
        for token in deleted {
            if let Some(index) = self.by_token.get(&token) {
                self.servers[*index].deleted = true;
            }
        }
        self.deleted_seq = newest;
        Ok(())
    }

    pub(super) async fn note_used_layouts(
        &mut self,
        connection: &mut PgConnection,
    ) -> Result<(), StoreError> {
        let due: Vec<i32> = self
            .servers
            .iter()
            .filter_map(|server| server.layouts.last().map(|(_, number)| *number))
            .filter(|number| {
                self.used
                    .get(number)
                    .is_none_or(|at| at.elapsed() >= USED_EVERY)
            })
            .collect();
        if due.is_empty() {
            return Ok(());
        }
        stored::used(connection, &due).await?;
        let now = Instant::now();
        self.used.retain(|_, at| at.elapsed() < USED_EVERY);
        self.used
            .extend(due.into_iter().map(|number| (number, now)));
        Ok(())
    }

    /// Number of the sample's layout; [`UNNUMBERED`] if it is new, and then [`Self::number_layouts`] is due.
    pub(super) fn layout(&mut self, index: usize, sample: &Sample) -> i32 {
        let server = &mut self.servers[index];
        if let Some((layout, number)) = server.layouts.last()
            && layout.fits(sample)
        {
            return *number;
        }
        if let Some(at) = server
            .layouts
            .iter()
            .position(|(layout, _)| layout.fits(sample))
        {
            let found = server.layouts.remove(at);
            let number = found.1;
            server.layouts.push(found);
            return number;
        }
        let layout = Layout::of(sample);
        if layout.is_empty() {
            return layout::NONE;
        }
        if !self
            .new_layouts
            .iter()
            .any(|(of, known)| *of == index && *known == layout)
        {
            self.new_layouts.push((index, layout));
        }
        UNNUMBERED
    }

    pub(super) fn has_new_layouts(&self) -> bool {
        !self.new_layouts.is_empty()
    }

    pub(super) async fn number_layouts(
        &mut self,
        connection: &mut PgConnection,
    ) -> Result<(), StoreError> {
        let new = std::mem::take(&mut self.new_layouts);
        let wanted: Vec<(i32, &Layout)> = new
            .iter()
            .map(|(index, layout)| (self.servers[*index].server_pk, layout))
            .collect();
        let numbers = stored::numbers(connection, &wanted).await?;
        // A batch may hold more new layouts of one server than are remembered: they stay until the batch is encoded.
        for ((index, layout), number) in new.into_iter().zip(numbers) {
            let layouts = &mut self.servers[index].layouts;
            layouts.push((layout, number));
            self.used.insert(number, Instant::now());
        }
        Ok(())
    }

    /// After a batch: forgets all but the newest layouts.
    pub(super) fn trim(&mut self) {
        for server in &mut self.servers {
            if server.layouts.len() > REMEMBERED {
                let surplus = server.layouts.len() - REMEMBERED;
                server.layouts.drain(..surplus);
            }
        }
    }
}
