//! The exchange between replicas: each reports to the others and counts with them, and all answer
//! scrapes with one page.

mod exchange;
mod families;
mod unsent_counts;

pub use exchange::{FleetExchange, SharedQuota};
pub use families::all_families;
