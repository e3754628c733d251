//! A whole page: the activity families, which are shared between scrapes, and those that are new in
//! every scrape.

use std::sync::Arc;

use bytes::Bytes;
use flate2::Crc;

use super::compress::Compressor;
use super::{ContentCoding, Encoded, ExpositionFormat, MetricFamily, text};

/// The header of a gzip member: deflate, no name, no time, fastest level, unknown system (RFC 1952, 2.3).
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255];

/// A page ready to be sent. Its activity part is shared with every other page of the same edition.
#[derive(Debug)]
pub struct MetricsPage {
    head: Bytes,
    activity: Arc<Encoded>,
    rest: Encoded,
    tail: Bytes,
}

impl MetricsPage {
    /// Joins `activity`, which must be encoded in the same way, and `families`.
    ///
    /// With gzip, both are blocks of one member: several members in a row are legal, but not every
    /// client reads more than the first. With zstd, they are frames in a row, which every decoder
    /// of streams reads.
    pub fn new(
        activity: Arc<Encoded>,
        families: &[MetricFamily],
        format: ExpositionFormat,
        coding: ContentCoding,
    ) -> MetricsPage {
        let mut plain = text::encode(families, format);
        plain.extend_from_slice(text::end(format));
        let mut rest = Encoded::default();
        rest.push(&Compressor::new(coding).last_part(&plain.into()));
        let (head, tail) = match coding {
            ContentCoding::Gzip => (Bytes::from_static(&GZIP_HEADER), gzip_trailer(&activity, &rest)),
            ContentCoding::Identity | ContentCoding::Zstd => (Bytes::new(), Bytes::new()),
        };
        MetricsPage { head, activity, rest, tail }
    }

    /// The size of the page in bytes.
    pub fn length(&self) -> u64 {
        self.head.len() as u64 + self.activity.length() + self.rest.length() + self.tail.len() as u64
    }

    /// The page in pieces of at most some 50 KiB.
    pub fn into_pieces(self) -> impl Iterator<Item = Bytes> {
        let MetricsPage { head, activity, rest, tail } = self;
        let shared = (0..activity.pieces().len()).map(move |index| activity.pieces()[index].clone());
        let own = (0..rest.pieces().len()).map(move |index| rest.pieces()[index].clone());
        std::iter::once(head).chain(shared).chain(own).chain([tail]).filter(|piece| !piece.is_empty())
    }
}

fn gzip_trailer(activity: &Encoded, rest: &Encoded) -> Bytes {
    let mut checksum = Crc::new();
    checksum.combine(activity.checksum());
    checksum.combine(rest.checksum());
    let mut trailer = Vec::with_capacity(8);
    trailer.extend_from_slice(&checksum.sum().to_le_bytes());
    trailer.extend_from_slice(&checksum.amount().to_le_bytes());
    Bytes::from(trailer)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use github_stats_actors::activity::SeriesSnapshot;
    use proptest::prelude::*;

    use super::*;
    use crate::exposition::testing::{any_snapshot, row, snapshot};
    use crate::exposition::{Desc, Encoder};

    const UP: Desc = Desc::gauge("up", "Whether it is up.", &["replica"]);

    fn page(snapshot: &SeriesSnapshot, format: ExpositionFormat, coding: ContentCoding) -> Vec<u8> {
        let activity = Encoder::default().encode(1, snapshot).make(format, coding);
        let page = MetricsPage::new(activity, &[UP.family().with(&["a"], 1.0)], format, coding);
        let length = page.length();
        let bytes = page.into_pieces().collect::<Vec<_>>().concat();
        assert_eq!(bytes.len() as u64, length);
        bytes
    }

    fn unpacked(bytes: &[u8], coding: ContentCoding) -> Vec<u8> {
        match coding {
            ContentCoding::Identity => bytes.to_vec(),
            ContentCoding::Gzip => unzipped(bytes),
            ContentCoding::Zstd => zstd::decode_all(bytes).unwrap(),
        }
    }

    /// Reads one member, so that a second one would be missed as some clients miss it.
    fn unzipped(bytes: &[u8]) -> Vec<u8> {
        let mut decoder = GzDecoder::new(bytes);
        let mut plain = Vec::new();
        decoder.read_to_end(&mut plain).unwrap();
        assert!(decoder.into_inner().is_empty(), "nothing follows the member");
        plain
    }

    #[test]
    fn large_pages_decompress_to_the_plain_ones() {
        let rows =
            (0..4_000).map(|n| row("acme", &format!("repo-{}", n / 50), &format!("user-{n}"))).collect();
        let snapshot = snapshot(rows);
        for format in ExpositionFormat::ALL {
            let plain = page(&snapshot, format, ContentCoding::Identity);
            for coding in [ContentCoding::Gzip, ContentCoding::Zstd] {
                let small = page(&snapshot, format, coding);
                assert!(plain.len() > 3_000_000 && small.len() * 4 < plain.len());
                assert!(unpacked(&small, coding) == plain, "{format:?} {coding:?}");
            }
        }
    }

    #[test]
    fn pages_are_sent_in_small_pieces() {
        let snapshot = snapshot((0..2_000).map(|n| row("acme", "api", &format!("user-{n}"))).collect());
        for coding in ContentCoding::ALL {
            let activity = Encoder::default().encode(1, &snapshot).make(ExpositionFormat::Text, coding);
            assert!(activity.pieces().len() > 1);
            assert!(activity.pieces().iter().all(|piece| piece.len() <= 49 * 1024));
        }
    }

    #[test]
    fn a_page_of_openmetrics_ends_as_such() {
        let nothing = snapshot(Vec::new());
        assert!(
            page(&nothing, ExpositionFormat::OpenMetrics, ContentCoding::Identity)
                .ends_with(b"up{replica=\"a\"} 1\n# EOF\n")
        );
        assert!(
            page(&nothing, ExpositionFormat::Text, ContentCoding::Identity)
                .ends_with(b"up{replica=\"a\"} 1\n")
        );
        for coding in ContentCoding::ALL {
            let empty = MetricsPage::new(Arc::default(), &[], ExpositionFormat::OpenMetrics, coding);
            assert_eq!(unpacked(&empty.into_pieces().collect::<Vec<_>>().concat(), coding), b"# EOF\n");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn compression_changes_nothing(snapshot in any_snapshot()) {
            for format in ExpositionFormat::ALL {
                let plain = page(&snapshot, format, ContentCoding::Identity);
                for coding in ContentCoding::ALL {
                    prop_assert_eq!(&unpacked(&page(&snapshot, format, coding), coding), &plain);
                }
            }
        }
    }
}
