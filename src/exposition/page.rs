//! A whole page: the activity families, which are shared, and what is new in every scrape.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use flate2::Crc;

use super::encoded::Writer;
use super::{Coding, Encoded, Family, Format, text};

/// The header of a gzip member: deflate, no name, no time, fastest level, unknown system (RFC 1952, 2.3).
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255];

/// A page ready to be sent. Its activity part is shared with every other page of the same snapshot.
#[derive(Debug)]
pub struct Page {
    head: Bytes,
    activity: Arc<Encoded>,
    rest: Encoded,
    tail: Bytes,
}

impl Page {
    /// Joins `activity`, which must be encoded in the same way, and `families`.
    ///
    /// Compressed, both are blocks of one gzip member: several members in a row are legal, but not every client reads
    /// more than the first.
    ///
    /// # Errors
    /// None but those of the compressor.
    pub fn new(
        activity: Arc<Encoded>,
        families: &[Family],
        format: Format,
        coding: Coding,
    ) -> io::Result<Page> {
        let mut writer = Writer::new(coding);
        *writer.buffer() = text::encode(families, format);
        writer.buffer().extend_from_slice(text::end(format));
        let rest = writer.finish(true)?;
        let (head, tail) = match coding {
            Coding::Identity => (Bytes::new(), Bytes::new()),
            Coding::Gzip => (Bytes::from_static(&GZIP_HEADER), gzip_trailer(&activity, &rest)),
        };
        Ok(Page { head, activity, rest, tail })
    }

    /// Bytes of the page.
    pub fn length(&self) -> u64 {
        self.head.len() as u64 + self.activity.length + self.rest.length + self.tail.len() as u64
    }

    /// The page in pieces of at most some 50 KiB, except for the families given to [`Self::new`].
    pub fn into_pieces(self) -> impl Iterator<Item = Bytes> {
        let Page { head, activity, rest, tail } = self;
        let shared = (0..activity.pieces.len()).map(move |index| activity.pieces[index].clone());
        std::iter::once(head).chain(shared).chain(rest.pieces).chain([tail])
    }
}

fn gzip_trailer(activity: &Encoded, rest: &Encoded) -> Bytes {
    let mut checksum = Crc::new();
    checksum.combine(&activity.checksum);
    checksum.combine(&rest.checksum);
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
    use crate::exposition::{Desc, activity};

    const UP: Desc = Desc::gauge("up", "Whether it is up.", &["replica"]);

    fn page(snapshot: &SeriesSnapshot, format: Format, coding: Coding) -> Vec<u8> {
        let activity = Arc::new(activity::encode(snapshot, format, coding).unwrap());
        let page = Page::new(activity, &[UP.family().with(&["a"], 1.0)], format, coding).unwrap();
        let length = page.length();
        let bytes = page.into_pieces().collect::<Vec<_>>().concat();
        assert_eq!(bytes.len() as u64, length);
        bytes
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
        for format in Format::ALL {
            let plain = page(&snapshot, format, Coding::Identity);
            let zipped = page(&snapshot, format, Coding::Gzip);
            assert!(plain.len() > 3_000_000 && zipped.len() * 4 < plain.len());
            assert!(unzipped(&zipped) == plain, "{format:?}");
        }
    }

    #[test]
    fn pages_are_sent_in_small_pieces() {
        let snapshot = snapshot((0..2_000).map(|n| row("acme", "api", &format!("user-{n}"))).collect());
        for coding in Coding::ALL {
            let activity = activity::encode(&snapshot, Format::Text, coding).unwrap();
            assert!(activity.pieces.len() > 1);
            assert!(activity.pieces.iter().all(|piece| piece.len() <= 49 * 1024));
        }
    }

    #[test]
    fn a_page_of_openmetrics_ends_as_such() {
        let nothing = snapshot(Vec::new());
        assert!(
            page(&nothing, Format::OpenMetrics, Coding::Identity).ends_with(b"up{replica=\"a\"} 1\n# EOF\n")
        );
        assert!(page(&nothing, Format::Text, Coding::Identity).ends_with(b"up{replica=\"a\"} 1\n"));
        let empty = Page::new(Arc::default(), &[], Format::OpenMetrics, Coding::Gzip).unwrap();
        assert_eq!(unzipped(&empty.into_pieces().collect::<Vec<_>>().concat()), b"# EOF\n");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn compression_changes_nothing(snapshot in any_snapshot()) {
            for format in Format::ALL {
                let plain = page(&snapshot, format, Coding::Identity);
                prop_assert_eq!(unzipped(&page(&snapshot, format, Coding::Gzip)), plain);
            }
        }
    }
}
