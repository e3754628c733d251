//! The valid spelling that is nearest to a wrong one.

/// The similarity (0 to 1) from which on a spelling is suggested.
const MIN_SIMILARITY: f64 = 0.6;

/// The candidate nearest to `wrong`, if any is near enough to be a plausible typo.
///
/// Case, dashes and underscores do not count as differences, so that `listenAddr` finds
/// `listen_addr`.
pub(super) fn nearest<'a, I>(wrong: &str, candidates: I) -> Option<&'a str>
where
    I: IntoIterator<Item = &'a str>,
{
    let wrong = normalised(wrong);
    candidates
        .into_iter()
        .map(|candidate| (similarity(&wrong, &normalised(candidate)), candidate))
        .filter(|(score, _)| *score >= MIN_SIMILARITY)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, candidate)| candidate)
}

fn similarity(wrong: &str, candidate: &str) -> f64 {
    let distance = strsim::normalized_damerau_levenshtein(wrong, candidate);
    // A key cut short (`interval` for `scrape_interval`) is far by edit distance, yet clearly
    // meant.
    if wrong.len() >= 4 && (candidate.ends_with(wrong) || candidate.starts_with(wrong)) {
        distance.max(0.75)
    } else {
        distance
    }
}

fn normalised(spelling: &str) -> String {
    // A key may be as long as the file; comparing costs the product of the lengths.
    spelling.chars().filter(|c| !matches!(c, '_' | '-')).take(80).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    const KEYS: [&str; 4] = ["scrape_interval", "listen_addr", "retention", "path"];

    #[test]
    fn typos_and_other_cases_are_recognised() {
        assert_eq!(nearest("scrape_intervall", KEYS), Some("scrape_interval"));
        assert_eq!(nearest("listenAddr", KEYS), Some("listen_addr"));
        assert_eq!(nearest("interval", KEYS), Some("scrape_interval"));
        assert_eq!(nearest("retetnion", KEYS), Some("retention"));
    }

    #[test]
    fn nothing_is_suggested_for_an_unrelated_word() {
        assert_eq!(nearest("zebra", KEYS), None);
        assert_eq!(nearest("", KEYS), None);
        assert_eq!(nearest(&"x".repeat(1 << 20), KEYS), None);
    }
}
