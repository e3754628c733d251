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
