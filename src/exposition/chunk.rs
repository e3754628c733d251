//! The samples of one family for one block of rows.

use std::sync::OnceLock;

use bytes::Bytes;

use super::compress::{CompressedPart, Compressor};
use super::{ContentCoding, Encoded};

/// Text that is made once and shared by every page that contains it, with its compressed forms,
/// which are made when a page first needs them.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    text: Bytes,
    gzip: OnceLock<CompressedPart>,
    zstd: OnceLock<CompressedPart>,
}

impl Chunk {
    pub(super) fn new(text: &[u8]) -> Self {
        Chunk { text: Bytes::copy_from_slice(text), ..Chunk::default() }
    }

    /// Adds the chunk to a page; the compressor is one for `coding`.
    pub(super) fn add_to(&self, page: &mut Encoded, coding: ContentCoding, compressor: &mut Compressor) {
        let compressed = match coding {
            ContentCoding::Identity => return page.push(&compressor.part(&self.text)),
            ContentCoding::Gzip => &self.gzip,
            ContentCoding::Zstd => &self.zstd,
        };
        page.push(compressed.get_or_init(|| compressor.part(&self.text)));
    }

    /// The same text without its compressed forms.
    pub(super) fn plain(&self) -> Self {
        Chunk { text: self.text.clone(), ..Chunk::default() }
    }
}
