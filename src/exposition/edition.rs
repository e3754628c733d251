//! A snapshot as bytes: what every scrape is served from until the next one is published.

use std::sync::{Arc, OnceLock};

use github_stats_actors::activity::SeriesBlock;

use super::activity::FAMILIES;
use super::chunk::Chunk;
use super::compress::Compressor;
use super::{ACTIVITY, ContentCoding, Desc, Encoded, ExpositionFormat, MetricKind, SeriesCounts, text};

/// A block of rows as text, one chunk for each family; `None` where no row has a series of it.
#[derive(Debug)]
pub(super) struct EncodedBlock {
    pub(super) rows: SeriesBlock,
    pub(super) chunks: [Option<Arc<Chunk>>; FAMILIES],
    pub(super) series: [u64; FAMILIES],
}

/// The activity families of one snapshot. Immutable; the forms that were never asked for are made on demand, of the same
/// chunks, so that whoever asks sees the same numbers whatever the form.
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
            let shown = ACTIVITY.iter().map(|family| !self.hides(family.desc.kind));
            for ((count, series), shown) in counts.0.iter_mut().zip(block.series).zip(shown) {
                *count += if shown { series } else { 0 };
            }
        }
        counts
    }

    /// The families in this form, if they were made already.
    pub fn made(&self, format: ExpositionFormat, coding: ContentCoding) -> Option<Arc<Encoded>> {
        self.slot(format, coding).get().cloned()
    }

    /// The families in this form. Compresses what was not compressed before, which may take a tenth of a second for a million
    /// series: call it where that blocks nobody.
    pub fn make(&self, format: ExpositionFormat, coding: ContentCoding) -> Arc<Encoded> {
        self.slot(format, coding).get_or_init(|| Arc::new(self.encoded(format, coding))).clone()
    }

    /// The codings it was made in.
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
