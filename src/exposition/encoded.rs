//! Text in pieces that are cheap to share and to send.

use bytes::Bytes;
use flate2::Crc;

use super::compress::CompressedPart;

/// The greatest size of a piece, in bytes. The server copies a body piece by piece into its write
/// buffer; with one large piece it would copy everything before it sends the first byte.
const PIECE: usize = 48 * 1024;

/// Text, plain or compressed, to which other text of the same coding can be added.
#[derive(Debug, Default)]
pub struct Encoded {
    pieces: Vec<Bytes>,
    length: u64,
    checksum: Crc,
}

impl Encoded {
    /// The pieces in order.
    pub fn pieces(&self) -> &[Bytes] {
        &self.pieces
    }

    /// Bytes in all pieces together.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The checksum of the plain text; only computed for gzip.
    pub(super) fn checksum(&self) -> &Crc {
        &self.checksum
    }

    pub(super) fn push(&mut self, part: &CompressedPart) {
        self.checksum.combine(&part.checksum);
        self.length += part.bytes.len() as u64;
        let mut rest = part.bytes.clone();
        while rest.len() > PIECE {
            self.pieces.push(rest.split_to(PIECE));
        }
        if !rest.is_empty() {
            self.pieces.push(rest);
        }
    }
}
