//! Makes sure that a replica whose leadership has ended notices before it acts.

use actix_supervisor::ActorRef;

use crate::role::{RoleWatch, SchedulingAuthority};
use crate::store::{ConfirmEpoch, StoreActor, StoreError};

/// Refuses an epoch that is no longer current, and revokes it in `role`. An unreachable store is no
/// obstacle: facts need no fence.
pub(super) async fn confirm(
    store: &ActorRef<StoreActor>,
    role: &RoleWatch,
    authority: SchedulingAuthority,
) -> Result<(), StoreError> {
    let SchedulingAuthority::Leader(epoch) = authority else { return Ok(()) };
    match store.call(ConfirmEpoch(epoch)).await {
        Ok(Err(error @ StoreError::StaleEpoch { .. })) => {
            role.revoke(epoch, &error.to_string());
            Err(error)
        }
        _ => Ok(()),
    }
}
