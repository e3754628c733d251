//! Which siblings share the fate of a child.

/// Which siblings are restarted together with a child: the strategies of OTP.
///
/// | strategy | which siblings are stopped and started again |
/// |---|---|
/// | `OneForOne` | none |
/// | `RestForOne` | the children specified after the failed one |
/// | `OneForAll` | all children |
///
/// Siblings are stopped in an orderly way, the last specified first, and started in order after the
/// failed child. Their restarts are counted under
/// [`RestartCause::Strategy`](super::RestartCause::Strategy) and not against their intensity. A
/// child that stays down affects no sibling.
///
/// ```
/// use actix::prelude::*;
/// use actix_supervisor::{ActorRef, ChildSpec, Strategy, SupervisorSpec};
///
/// struct Store;
///
/// impl Actor for Store {
///     type Context = Context<Self>;
/// }
///
/// struct Scheduler {
///     store: ActorRef<Store>,
/// }
///
/// impl Actor for Scheduler {
///     type Context = Context<Self>;
/// }
///
/// // The scheduler depends on the store: it is restarted when the store fails, not vice versa.
/// let store = ActorRef::new("store");
/// let scheduler = ActorRef::new("scheduler");
/// let spec = SupervisorSpec::new("root", Strategy::RestForOne)
///     .child(ChildSpec::actor(&store, || Store))
///     .child(ChildSpec::actor(&scheduler, move || Scheduler { store: store.clone() }));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Strategy {
    /// No sibling.
    OneForOne,
    /// The children that were specified after it, because they may depend on it.
    RestForOne,
    /// All children, because they depend on each other.
    OneForAll,
}
