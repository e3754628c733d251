//! The source of each repository's lines of code, as last reported.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use github_stats_actors::activity::OrgName;
use github_stats_actors::loc::LocSource;

use super::catalogue;
use crate::exposition::MetricFamily;

/// The latest report of each organisation. It replaces the one before, so that a renamed or deleted
/// repository is no longer exposed.
#[derive(Debug, Default)]
pub struct LocSources(Mutex<BTreeMap<OrgName, Vec<LocSource>>>);

impl LocSources {
    pub(super) fn replace(&self, org: &OrgName, repositories: &[LocSource]) {
        let mut sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sources.insert(org.clone(), repositories.to_vec());
    }

    /// The families of the organisations that `includes` accepts.
    pub(super) fn families(&self, includes: impl Fn(&OrgName) -> bool) -> Vec<MetricFamily> {
        let mut modes = catalogue::LOC_SOURCE_MODE.family();
        let mut incomplete = catalogue::LOC_INCOMPLETE.family();
        let sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (org, repositories) in sources.iter().filter(|(org, _)| includes(org)) {
            for view in repositories {
                let (org, repo) = (org.as_str(), view.repo.as_str());
                modes.push(&[org, repo, view.mode], 1.0);
                incomplete.push(&[org, repo], f64::from(u8::from(view.incomplete)));
            }
        }
        vec![modes, incomplete]
    }
}
