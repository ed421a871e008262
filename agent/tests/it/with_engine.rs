//! What needs a container engine: `deploy/test.sh` leaves these out where none can run.

mod changes;
mod collect;
pub(crate) mod ground;
pub(crate) mod operate;
