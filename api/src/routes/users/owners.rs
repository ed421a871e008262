//! There is always somebody who can do everything. Two owners could each take the other's place away in the same moment:
//! the stream keeps single accounts apart, not the sum of them. So whoever takes an owner away holds a lock of the database
//! from reading who else there is until the event is stored, and reads only what is up to date.

use chatops_bus::StreamName;
use chatops_projections::{INVENTORY, OwnersLock, view};
use chatops_schemas::event::ctl::Role;

use crate::{code::Code, problem::Problem, state::Api, written};

/// Refuses when this account is the last owner; otherwise keep what is returned until the event is stored.
pub(super) async fn keep_one(api: &Api, user: &view::User) -> Result<Option<OwnersLock>, Problem> {
    if user.role != Role::Owner || !user.active {
        return Ok(None);
    }
    let lock = api.store().only_one_changes_owners().await?;
    // What whoever held the lock before has decided must be seen.
    let stream = api.bus().stream_info(StreamName::Ctl).await;
    let last = stream.map_err(|error| written::unread(&error))?.last_seq;
    let patience = api.config().read_your_writes;
    if !api.progress().wait_until(INVENTORY, last, patience).await? {
        return Err(Problem::new(Code::Busy).retry_after(2));
    }
    if api.store().other_owners(user.id).await? == 0 {
        return Err(Problem::new(Code::LastOwner));
    }
    Ok(Some(lock))
}
