//! From snapshots to editions, each at the cost of what has changed since the last.

use std::sync::Arc;

use github_stats_actors::activity::{SeriesBlock, SeriesRow, SeriesSnapshot};

use super::activity::{ACTIVITY_FAMILIES, ActivityFamily};
use super::chunk::Chunk;
use super::edition::{Edition, EncodedBlock};
use super::{ACTIVITY, escape};

/// Encodes one snapshot after another. Blocks that a snapshot shares with the last one are reused,
/// and so are chunks whose text is the same, together with their compressed forms.
#[derive(Debug, Default)]
pub struct Encoder {
    last: Vec<Arc<EncodedBlock>>,
    labels: Labels,
    text: Vec<u8>,
}

/// The label blocks of the rows of a block in one allocation: each is written once and copied into
/// every family.
#[derive(Debug, Default)]
struct Labels {
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Encoder {
    /// The edition of a snapshot. Its text is complete; nothing is compressed that was not before.
    pub fn encode(&mut self, generation: u64, snapshot: &SeriesSnapshot) -> Edition {
        let mut last = std::mem::take(&mut self.last).into_iter().peekable();
        let mut blocks = Vec::with_capacity(snapshot.blocks.len());
        for block in &snapshot.blocks {
            let first = names(&block[0]);
            while last.next_if(|old| names(&old.rows[0]) < first).is_some() {}
            blocks.push(match last.next_if(|old| names(&old.rows[0]) == first) {
                Some(old) if Arc::ptr_eq(&old.rows, block) => old,
                old => Arc::new(self.encode_block(block, old.as_deref())),
            });
        }
        self.last = blocks.clone();
        Edition::new(generation, blocks, snapshot.counters_hidden)
    }

    /// Drops the compressed forms of chunks: from the next edition on, only those requested by then
    /// take memory.
    pub fn forget_compressed(&mut self) {
        for block in &mut self.last {
            let plain = |chunk: &Option<Arc<Chunk>>| chunk.as_ref().map(|chunk| Arc::new(chunk.plain()));
            let chunks = block.chunks.each_ref().map(plain);
            *block = Arc::new(EncodedBlock { rows: block.rows.clone(), chunks, series: block.series });
        }
    }

    fn encode_block(&mut self, rows: &SeriesBlock, old: Option<&EncodedBlock>) -> EncodedBlock {
        let old = old.filter(|old| old.rows.iter().map(names).eq(rows.iter().map(names)));
        self.labels.fill(rows);
        let mut block =
            EncodedBlock { rows: rows.clone(), chunks: Default::default(), series: [0; ACTIVITY_FAMILIES] };
        for (index, family) in ACTIVITY.iter().enumerate() {
            let values =
                |rows: &SeriesBlock| -> Vec<Option<i128>> { rows.iter().map(family.value).collect() };
            if let Some(old) = old.filter(|old| values(&old.rows) == values(rows)) {
                block.chunks[index] = old.chunks[index].clone();
                block.series[index] = old.series[index];
                continue;
            }
            block.series[index] = self.write(family, rows);
            block.chunks[index] = (block.series[index] > 0).then(|| Arc::new(Chunk::new(&self.text)));
        }
        block
    }

    /// Writes the samples of a family; how many there are.
    fn write(&mut self, family: &ActivityFamily, rows: &[SeriesRow]) -> u64 {
        self.text.clear();
        let mut series = 0;
        for (row, labels) in rows.iter().zip(self.labels.iter()) {
            let Some(value) = (family.value)(row) else { continue };
            series += 1;
            self.text.extend_from_slice(family.desc.name.as_bytes());
            self.text.extend_from_slice(labels);
            self.text.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
            self.text.push(b'\n');
        }
        series
    }
}

impl Labels {
    fn fill(&mut self, rows: &[SeriesRow]) {
        self.text.clear();
        self.ends.clear();
        for row in rows {
            let mut lead = "{org=\"";
            for (value, next) in [
                (row.org.as_str(), "\",repo=\""),
                (row.repo.as_str(), "\",user=\""),
                (row.user.as_str(), "\"} "),
            ] {
                self.text.extend_from_slice(lead.as_bytes());
                escape::label_value(&mut self.text, value);
                lead = next;
            }
            self.text.extend_from_slice(lead.as_bytes());
            self.ends.push(self.text.len());
        }
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.text[start..*end])
    }
}

fn names(row: &SeriesRow) -> (&str, &str, &str) {
    (row.org.as_str(), row.repo.as_str(), row.user.as_str())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use github_stats_actors::activity::ActivityGauges;
    use proptest::prelude::*;

    use super::*;
    use crate::exposition::testing::{Series, any_snapshot, read, row, snapshot};
    use crate::exposition::{ContentCoding, ExpositionFormat, SeriesCounts, text};

    fn text_of(edition: &Edition, format: ExpositionFormat) -> String {
        let pieces = edition.make(format, ContentCoding::Identity).pieces().concat();
        String::from_utf8([pieces.as_slice(), text::end(format)].concat()).unwrap()
    }

    fn page(snapshot: &SeriesSnapshot, format: ExpositionFormat) -> String {
        text_of(&Encoder::default().encode(1, snapshot), format)
    }

    fn counts(snapshot: &SeriesSnapshot) -> SeriesCounts {
        Encoder::default().encode(1, snapshot).counts()
    }

    /// The series a page must contain, straight from the rules.
    fn expected(snapshot: &SeriesSnapshot, format: ExpositionFormat) -> Series {
        let mut series = Series::new();
        for row in snapshot.rows() {
            let (org, repo, user) = (row.org.to_string(), row.repo.to_string(), row.user.to_string());
            let labels = BTreeMap::from([("org".into(), org), ("repo".into(), repo), ("user".into(), user)]);
            for family in ACTIVITY {
                let Some(value) = (family.value)(row) else { continue };
                let name = match format {
                    ExpositionFormat::Text => family.desc.name,
                    ExpositionFormat::OpenMetrics => family.desc.name.trim_end_matches("_total"),
                };
                series.insert((name.to_owned(), labels.clone()), value as f64);
            }
        }
        series
    }

    #[test]
    fn a_page_reads_as_documented() {
        let page = page(
            &snapshot(vec![row("acme", "api", "bob"), row("acme", "api", "ann")]),
            ExpositionFormat::Text,
        );
        assert!(page.starts_with(
            "# HELP gh_activity_commits_24h Commits to the default branch in the last 24 hours.\n\
             # TYPE gh_activity_commits_24h gauge\n\
             gh_activity_commits_24h{org=\"acme\",repo=\"api\",user=\"ann\"} 1\n\
             gh_activity_commits_24h{org=\"acme\",repo=\"api\",user=\"bob\"} 1\n\
             # HELP gh_activity_prs_opened_24h "
        ));
        assert!(page.contains(
            "# TYPE gh_activity_commits_total counter\n\
             gh_activity_commits_total{org=\"acme\",repo=\"api\",user=\"ann\"} 1\n"
        ));
    }

    #[test]
    fn zeros_are_shown_while_active_and_totals_while_retained() {
        let mut active = row("acme", "api", "ann");
        active.gauges = ActivityGauges { active: true, ..ActivityGauges::default() };
        active.totals = None;
        let mut idle = row("acme", "api", "bob");
        idle.gauges = ActivityGauges { removed_weekly: 3, ..ActivityGauges::default() };
        idle.totals = Some(Default::default());
        let snapshot = snapshot(vec![active, idle]);
        let page = page(&snapshot, ExpositionFormat::Text);
        assert!(page.contains("gh_activity_commits_24h{org=\"acme\",repo=\"api\",user=\"ann\"} 0\n"));
        assert!(!page.contains("gh_activity_commits_24h{org=\"acme\",repo=\"api\",user=\"bob\"}"));
        assert!(page.contains("gh_activity_loc_removed_weekly{org=\"acme\",repo=\"api\",user=\"bob\"} 3\n"));
        assert!(page.contains("gh_activity_commits_total{org=\"acme\",repo=\"api\",user=\"bob\"} 0\n"));
        assert!(!page.contains("gh_activity_last_event_unixtime"), "a family without samples is left out");
        assert_eq!(counts(&snapshot).total(), page.lines().filter(|l| !l.starts_with('#')).count() as u64);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]
        #[test]
        fn any_snapshot_reads_back_the_same(snapshot in any_snapshot()) {
            for format in ExpositionFormat::ALL {
                prop_assert_eq!(read(&page(&snapshot, format), format), expected(&snapshot, format));
            }
        }

        /// What the budget of series counts is what is exposed.
        #[test]
        fn rows_know_how_many_series_they_have(snapshot in any_snapshot()) {
            let series: usize = snapshot.rows().map(SeriesRow::series).sum();
            prop_assert_eq!(counts(&snapshot).total(), series as u64);
        }

        #[test]
        fn families_are_contiguous(snapshot in any_snapshot()) {
            let page = page(&snapshot, ExpositionFormat::Text);
            let mut names: Vec<&str> =
                page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            prop_assert_eq!(names.len(), count);
        }
    }

    /// A snapshot of one block, from which others are made.
    fn users(count: usize) -> SeriesSnapshot {
        snapshot((0..count).map(|n| row("acme", "api", &format!("user-{n:04}"))).collect())
    }

    fn chunks(edition: &Edition) -> Vec<*const Chunk> {
        let chunks = edition.blocks.iter().flat_map(|block| block.chunks.iter().flatten());
        chunks.map(Arc::as_ptr).collect()
    }

    #[test]
    fn what_does_not_change_is_not_encoded_again() {
        let mut encoder = Encoder::default();
        let before = users(1_000);
        let first = encoder.encode(1, &before);
        first.make(ExpositionFormat::Text, ContentCoding::Gzip);
        let mut after = before.clone();
        let mut rows = after.blocks[1].to_vec();
        rows[3].gauges.added_weekly += 1;
        after.blocks[1] = rows.into();
        let second = encoder.encode(2, &after);
        let (old, new) = (chunks(&first), chunks(&second));
        assert_eq!(old.len(), new.len());
        assert_eq!(
            old.iter().zip(&new).filter(|(old, new)| old != new).count(),
            1,
            "one family of one block"
        );
        assert_eq!(text_of(&second, ExpositionFormat::Text), page(&after, ExpositionFormat::Text));
        encoder.forget_compressed();
        let third = encoder.encode(3, &after);
        assert_eq!(text_of(&third, ExpositionFormat::Text), page(&after, ExpositionFormat::Text));
    }

    #[test]
    fn hidden_counters_are_neither_shown_nor_counted() {
        let hidden = SeriesSnapshot { counters_hidden: true, ..users(2) };
        assert!(!page(&hidden, ExpositionFormat::Text).contains("_total"));
        assert_eq!(counts(&hidden).total(), 2 * 8);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]
        /// Whatever came before, an edition shows its own snapshot.
        #[test]
        fn editions_in_a_row_show_what_each_snapshot_holds(snapshots in proptest::collection::vec(any_snapshot(), 1..5)) {
            let mut encoder = Encoder::default();
            for (generation, snapshot) in snapshots.iter().enumerate() {
                let edition = encoder.encode(generation as u64, snapshot);
                prop_assert_eq!(text_of(&edition, ExpositionFormat::Text), page(snapshot, ExpositionFormat::Text));
            }
        }
    }
}
