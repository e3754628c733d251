//! The events of every module, for an observer that receives them all.
//!
//! Whoever builds the supervision tree passes one [`EventObserver`] to its actors, each of which
//! uses it as the [`Observer`] of its own events.

use crate::loc::LocEvent;
use crate::observer::Observer;
use crate::queue::QueueEvent;
use crate::scheduler::SchedulerEvent;
use crate::store::StoreEvent;

/// An observer of the events of every module.
pub trait EventObserver:
    Observer<StoreEvent> + Observer<QueueEvent> + Observer<LocEvent> + Observer<SchedulerEvent>
{
}

impl<T> EventObserver for T where
    T: Observer<StoreEvent> + Observer<QueueEvent> + Observer<LocEvent> + Observer<SchedulerEvent>
{
}
