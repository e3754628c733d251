//! An encoded snapshot, from which every scrape is served until the next one is published.

use std::sync::{Arc, OnceLock};

use github_stats_actors::activity::SeriesBlock;

use super::activity::ACTIVITY_FAMILIES;
use super::chunk::Chunk;
use super::compress::Compressor;
use super::{ACTIVITY, ContentCoding, Desc, Encoded, ExpositionFormat, MetricKind, SeriesCounts, text};

/// A block of rows as text, one chunk for each family; `None` where no row has a series of it.
#[derive(Debug)]
pub(super) struct EncodedBlock {
    pub(super) rows: SeriesBlock,
    pub(super) chunks: [Option<Arc<Chunk>>; ACTIVITY_FAMILIES],
    pub(super) series: [u64; ACTIVITY_FAMILIES],
}

/// The activity families of one snapshot. Its content is immutable. Each combination of format and
/// coding is made when it is first requested, from the same chunks, so all of them have the same
/// numbers.
#[derive(Debug, Default)]
pub struct Edition {
    pub(super) generation: u64,
    pub(super) blocks: Vec<Arc<EncodedBlock>>,
    pub(super) counters_hidden: bool,
    bodies: [[OnceLock<Arc<Encoded>>; ContentCoding::ALL.len()]; ExpositionFormat::ALL.len()],
}

impl Edition {
    pub(super) fn new(generation: u64, blocks: Vec<Arc<EncodedBlock>>, counters_hidden: bool) -> Self {
        Edition { generation, blocks, counters_hidden, ..Edition::default() }
    }

    /// The number of the snapshot.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// How many series each family has.
    pub fn counts(&self) -> SeriesCounts {
        let mut counts = SeriesCounts::default();
        for block in &self.blocks {
            let exposed = ACTIVITY.iter().map(|family| !self.hides(family.desc.kind));
            for ((count, series), is_exposed) in counts.0.iter_mut().zip(block.series).zip(exposed) {
                *count += if is_exposed { series } else { 0 };
            }
        }
        counts
    }

    /// The families in this format and coding, if that was made already.
    pub fn made(&self, format: ExpositionFormat, coding: ContentCoding) -> Option<Arc<Encoded>> {
        self.slot(format, coding).get().cloned()
    }

    /// The families in this format and coding. Compresses what was not compressed before, which may
    /// take 0.1 s for a million series: do not call it on a thread that must not block.
    pub fn make(&self, format: ExpositionFormat, coding: ContentCoding) -> Arc<Encoded> {
        self.slot(format, coding).get_or_init(|| Arc::new(self.encoded(format, coding))).clone()
    }

    /// The codings in which it was made.
    pub(super) fn codings(&self) -> impl Iterator<Item = ContentCoding> {
        let made = |coding: &ContentCoding| {
            ExpositionFormat::ALL.iter().any(|format| self.made(*format, *coding).is_some())
        };
        ContentCoding::ALL.into_iter().filter(made)
    }

    fn slot(&self, format: ExpositionFormat, coding: ContentCoding) -> &OnceLock<Arc<Encoded>> {
        &self.bodies[format as usize][coding as usize]
    }

    fn encoded(&self, format: ExpositionFormat, coding: ContentCoding) -> Encoded {
        let mut compressor = Compressor::new(coding);
        let mut encoded = Encoded::default();
        for (index, family) in ACTIVITY.iter().enumerate() {
            let Desc { name, kind, help, .. } = family.desc;
            let mut chunks = self.blocks.iter().filter_map(|block| block.chunks[index].as_ref()).peekable();
            if self.hides(kind) || chunks.peek().is_none() {
                continue;
            }
            let mut header = Vec::new();
            text::header(&mut header, kind, name, help, None, format);
            encoded.push(&compressor.part(&header.into()));
            chunks.for_each(|chunk| chunk.add_to(&mut encoded, coding, &mut compressor));
        }
        encoded
    }

    fn hides(&self, kind: MetricKind) -> bool {
        self.counters_hidden && kind == MetricKind::Counter
    }
}
