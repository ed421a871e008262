//! What the dispatcher asks about people and about what only the vault knows. The composing binary answers from the
//! database: the middle crates never import each other.

use std::{error::Error, fmt, future::Future, sync::Arc};

use chatops_schemas::{
    event::command::Asked,
    ids::{CommandId, ServerId},
};

/// Answers as things are at this moment.
pub trait Authority: Send + Sync + 'static {
    /// Whether this actor (`user:<id>`, `system`) may still have this done to this server. `Some`: why not, for people.
    fn refuses(
        &self,
        actor: &str,
        server: &ServerId,
        asked: &Asked,
    ) -> impl Future<Output = Result<Option<String>, AuthorityError>> + Send;

    /// The signed order of a command whose event does not hold it; `None` when it was erased.
    fn order(
        &self,
        command: CommandId,
    ) -> impl Future<Output = Result<Option<Vec<u8>>, AuthorityError>> + Send;
}

/// Nobody could say. It is asked again.
#[derive(Clone)]
pub struct AuthorityError(Arc<dyn Error + Send + Sync>);

impl AuthorityError {
    /// Because of this.
    pub fn new(error: impl Error + Send + Sync + 'static) -> Self {
        Self(Arc::new(error))
    }
}

impl fmt::Debug for AuthorityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuthorityError({})", self.0)
    }
}

impl fmt::Display for AuthorityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ask about rights")
    }
}

impl Error for AuthorityError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}
