//! The query language of searches.

use jiff::{SignedDuration, Timestamp};

use crate::context::FoundRepository;

/// A parsed search query. Unknown qualifiers are ignored, as on GitHub.
#[derive(Debug, Default)]
pub(crate) struct SearchTerms {
    /// Words that the title must contain, in lower case.
    pub(crate) words: Vec<String>,
    /// The values of `is:`, `type:` and `state:`.
    pub(crate) kinds: Vec<String>,
    pub(crate) author: Option<String>,
    pub(crate) created: TimeRange,
    pub(crate) updated: TimeRange,
    pub(crate) closed: TimeRange,
    pub(crate) merged: TimeRange,
    owners: Vec<String>,
    repositories: Vec<String>,
    sort: Option<String>,
}

/// A time range that includes both ends. Without ends it contains everything, even items without a
/// time.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimeRange {
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

impl SearchTerms {
    pub(crate) fn parse(text: &str) -> Self {
        let mut terms = Self::default();
        for part in text.split_whitespace() {
            terms.add(part);
        }
        terms
    }

    /// Whether a repository is in the scope of the search.
    pub(crate) fn covers(&self, found: &FoundRepository<'_>, now: Timestamp) -> bool {
        if self.owners.is_empty() && self.repositories.is_empty() {
            return true;
        }
        let owner = &found.account.login;
        self.owners.iter().any(|one| one.eq_ignore_ascii_case(owner))
            || self.repositories.iter().any(|one| {
                one.split_once('/').is_some_and(|(login, name)| {
                    login.eq_ignore_ascii_case(owner) && found.repo.name_at(now).eq_ignore_ascii_case(name)
                })
            })
    }

    /// The sort key, and whether the order is ascending.
    pub(crate) fn order(&self) -> (&str, bool) {
        let sort = self.sort.as_deref().unwrap_or("created-desc");
        match sort.rsplit_once('-') {
            Some((by, "asc")) => (by, true),
            Some((by, "desc")) => (by, false),
            _ => (sort, false),
        }
    }

    fn add(&mut self, part: &str) {
        let Some((key, value)) = part.split_once(':') else {
            return self.words.push(part.to_lowercase());
        };
        let value = value.trim_matches('"');
        match key.to_lowercase().as_str() {
            "org" | "user" => self.owners.push(value.to_owned()),
            "repo" => self.repositories.push(value.to_owned()),
            "is" | "type" | "state" => self.kinds.push(value.to_lowercase()),
            "author" => self.author = Some(value.to_owned()),
            "created" => self.created = TimeRange::parse(value),
            "updated" => self.updated = TimeRange::parse(value),
            "closed" => self.closed = TimeRange::parse(value),
            "merged" => self.merged = TimeRange::parse(value),
            "sort" => self.sort = Some(value.to_lowercase()),
            _ => {}
        }
    }
}

impl TimeRange {
    /// `>=A`, `>A`, `<=B`, `<B`, `A..B`, `A..*`, `*..B` or `A`.
    pub(crate) fn parse(text: &str) -> Self {
        let (start, end) = (|text| moment(text, false), |text| moment(text, true));
        let one = SignedDuration::from_secs(1);
        if let Some((from, to)) = text.split_once("..") {
            return Self { from: start(from), to: end(to) };
        }
        if let Some(from) = text.strip_prefix(">=") {
            return Self { from: start(from), to: None };
        }
        if let Some(to) = text.strip_prefix("<=") {
            return Self { from: None, to: end(to) };
        }
        if let Some(from) = text.strip_prefix('>') {
            return Self { from: end(from).and_then(|at| at.saturating_add(one).ok()), to: None };
        }
        if let Some(to) = text.strip_prefix('<') {
            return Self { from: None, to: start(to).and_then(|at| at.saturating_sub(one).ok()) };
        }
        Self { from: start(text), to: end(text) }
    }

    pub(crate) fn contains(&self, at: Option<Timestamp>) -> bool {
        if self.from.is_none() && self.to.is_none() {
            return true;
        }
        at.is_some_and(|at| self.from.is_none_or(|from| at >= from) && self.to.is_none_or(|to| at <= to))
    }
}

/// A time, or the first or `last` second of a date.
fn moment(text: &str, last: bool) -> Option<Timestamp> {
    if let Ok(at) = text.parse() {
        return Some(at);
    }
    let time = if last { "23:59:59" } else { "00:00:00" };
    format!("{text}T{time}Z").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Option<Timestamp> {
        Some(text.parse().expect("a time"))
    }

    #[test]
    fn spans_are_what_they_say() {
        let day = |from: &str, to: &str| TimeRange { from: time(from), to: time(to) };
        let noon = "2026-03-20T12:00:00Z";
        for (text, span) in [
            ("2026-03-20", day("2026-03-20T00:00:00Z", "2026-03-20T23:59:59Z")),
            ("2026-03-20..2026-03-21T12:00:00+00:00", day("2026-03-20T00:00:00Z", "2026-03-21T12:00:00Z")),
            (">=2026-03-20T12:00:00Z", TimeRange { from: time(noon), to: None }),
            (">2026-03-20T11:59:59Z", TimeRange { from: time(noon), to: None }),
            ("<=2026-03-20T12:00:00Z", TimeRange { from: None, to: time(noon) }),
            ("<2026-03-20T12:00:01Z", TimeRange { from: None, to: time(noon) }),
            ("*..2026-03-20T12:00:00Z", TimeRange { from: None, to: time(noon) }),
            ("2026-03-20T12:00:00Z..*", TimeRange { from: time(noon), to: None }),
        ] {
            assert_eq!(TimeRange::parse(text), span, "{text}");
        }
    }

    #[test]
    fn terms_are_taken_apart() {
        let terms = SearchTerms::parse("org:Acme is:pr fix author:ada sort:updated-asc archived:false");
        assert_eq!(
            (terms.owners.as_slice(), terms.words.as_slice()),
            (&["Acme".to_owned()][..], &["fix".to_owned()][..])
        );
        assert_eq!((terms.order(), terms.author.as_deref()), (("updated", true), Some("ada")));
        assert_eq!(terms.kinds, ["pr"]);
    }
}
