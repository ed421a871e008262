//! Whose server is whose, as the relay knows it: from the database at the start, then from every control event at once,
//! so that a removed server is not delivered to anybody from that event on.

use std::collections::HashMap;

use chatops_schemas::ids::{ServerId, UserId};

/// Owners of all servers.
#[derive(Debug, Default)]
pub struct Fleet(HashMap<ServerId, Entry>);

#[derive(Debug, Clone, Copy)]
struct Entry {
    owner: UserId,
    removed: bool,
}

impl Fleet {
    /// From the database: `(server, owner, removed)`.
    pub fn load(rows: impl IntoIterator<Item = (ServerId, UserId, bool)>) -> Self {
        Self(
            rows.into_iter()
                .map(|(server, owner, removed)| (server, Entry { owner, removed }))
                .collect(),
        )
    }

    /// Who owns it; `None` when it is unknown or removed.
    pub fn owner(&self, server: &ServerId) -> Option<UserId> {
        self.0
            .get(server)
            .filter(|entry| !entry.removed)
            .map(|entry| entry.owner)
    }

    /// Whether it was removed: the database may still show it for a moment.
    pub fn is_removed(&self, server: &ServerId) -> bool {
        self.0.get(server).is_some_and(|entry| entry.removed)
    }

    /// Who owned it, removed or not: for telling them that it was removed.
    pub fn last_owner(&self, server: &ServerId) -> Option<UserId> {
        self.0.get(server).map(|entry| entry.owner)
    }

    /// It was added.
    pub fn add(&mut self, server: ServerId, owner: UserId) {
        self.0.insert(
            server,
            Entry {
                owner,
                removed: false,
            },
        );
    }

    /// It was removed.
    pub fn remove(&mut self, server: &ServerId) {
        if let Some(entry) = self.0.get_mut(server) {
            entry.removed = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_removed_server_has_no_owner_but_had_one() {
        let (server, owner) = (ServerId::parse("a").unwrap(), UserId(Uuid::from_u128(1)));
        let mut fleet = Fleet::load([(server.clone(), owner, false)]);
        assert_eq!(fleet.owner(&server), Some(owner));
        fleet.remove(&server);
        assert_eq!(
            (fleet.owner(&server), fleet.last_owner(&server)),
            (None, Some(owner))
        );
    }
}
