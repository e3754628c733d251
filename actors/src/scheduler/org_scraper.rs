//! The actor that scrapes one organisation, one cycle at a time.

use std::sync::Arc;

use actix::prelude::*;
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::roster::Roster;
use super::{CycleReport, CycleResult, ScrapeCycle};
use crate::activity::Timestamp;
use crate::loc::LocCollector;
use crate::role::SchedulingAuthority;

/// Scrapes one organisation. Where a cycle continues is determined by the stored coverage, so that
/// an incarnation that dies during a cycle costs only time; the list of repositories is requested
/// again by each incarnation.
pub struct OrgScraper {
    cycle: ScrapeCycle,
    roster: Roster,
    loc: Arc<LocCollector>,
}

impl OrgScraper {
    /// A scraper that waits for its first cycle.
    pub fn new(cycle: ScrapeCycle, loc: LocCollector) -> Self {
        OrgScraper { cycle, roster: Roster::default(), loc: Arc::new(loc) }
    }
}

impl Actor for OrgScraper {
    type Context = Context<Self>;
}

// === RunCycle ===

/// Runs one cycle now.
#[derive(Clone, Debug, Message)]
#[rtype(result = "CycleReport")]
pub struct RunCycle {
    /// The cycle is cancelled when this ends.
    pub authority: SchedulingAuthority,
    /// When the cycle was due, on GitHub's clock.
    pub due: Timestamp,
}

impl Handler<RunCycle> for OrgScraper {
    type Result = ResponseActFuture<Self, CycleReport>;

    fn handle(&mut self, message: RunCycle, _: &mut Self::Context) -> Self::Result {
        let RunCycle { authority, due } = message;
        let (cycle, loc) = (self.cycle.clone(), self.loc.clone());
        // A cycle that is cancelled leaves an empty roster behind, so that the next one lists
        // everything.
        let mut roster = std::mem::take(&mut self.roster);
        let span = tracing::info_span!("scrape.cycle", org = %cycle.collector.org, result = Empty, repositories = Empty, failed = Empty, otel.status_code = Empty, otel.status_description = Empty);
        let run = async move {
            let started = Instant::now();
            let report = tokio::select! {
                report = cycle.run(due, &mut roster) => report,
                () = cycle.role.ended(authority) => CycleReport::cut_short(CycleResult::Cancelled, None),
            };
            cycle.report(&report, started.elapsed());
            report.record_on(&Span::current());
            if matches!(report.result, CycleResult::Success | CycleResult::Partial) {
                tokio::select! {
                    () = cycle.collect_loc(&roster, &loc) => {}
                    () = cycle.role.ended(authority) => {}
                }
            }
            (report, roster)
        };
        Box::pin(run.instrument(span).into_actor(self).map(|(report, roster), actor, _| {
            actor.roster = roster;
            report
        }))
    }
}
