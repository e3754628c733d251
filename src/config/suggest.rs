//! The nearest valid spelling of a wrong one.

/// How alike two spellings must be (0 to 1) before one is offered for the other.
const ALIKE: f64 = 0.6;

/// The candidate nearest to `wrong`, if any is near enough to be a plausible slip.
///
/// Case, dashes and underscores do not count as differences, so that `listenAddr` finds `listen_addr`.
pub(super) fn nearest<'a, I>(wrong: &str, candidates: I) -> Option<&'a str>
where
    I: IntoIterator<Item = &'a str>,
{
    let wrong = folded(wrong);
    candidates
        .into_iter()
        .map(|candidate| (likeness(&wrong, &folded(candidate)), candidate))
        .filter(|(score, _)| *score >= ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, candidate)| candidate)
}

fn likeness(wrong: &str, candidate: &str) -> f64 {
    let distance = strsim::normalized_damerau_levenshtein(wrong, candidate);
    // A key cut short (`interval` for `scrape_interval`) is far by edit distance, yet clearly meant.
    if wrong.len() >= 4 && (candidate.ends_with(wrong) || candidate.starts_with(wrong)) {
        distance.max(0.75)
    } else {
        distance
    }
}

fn folded(spelling: &str) -> String {
    // A key may be as long as the file; comparing costs the product of the lengths.
    spelling.chars().filter(|c| !matches!(c, '_' | '-')).take(80).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    const KEYS: [&str; 4] = ["scrape_interval", "listen_addr", "retention", "path"];

    #[test]
    fn finds_slips_and_other_casings() {
        assert_eq!(nearest("scrape_intervall", KEYS), Some("scrape_interval"));
        assert_eq!(nearest("listenAddr", KEYS), Some("listen_addr"));
        assert_eq!(nearest("interval", KEYS), Some("scrape_interval"));
        assert_eq!(nearest("retetnion", KEYS), Some("retention"));
    }

    #[test]
    fn offers_nothing_for_something_else() {
        assert_eq!(nearest("zebra", KEYS), None);
        assert_eq!(nearest("", KEYS), None);
        assert_eq!(nearest(&"x".repeat(1 << 20), KEYS), None);
    }
}
