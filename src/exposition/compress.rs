//! Compression of text in parts that can follow each other in any order.

use bytes::Bytes;
use flate2::{Compress, Compression, Crc, FlushCompress, Status};

use super::ContentCoding;

/// The fastest level of both: half the gain of the default levels for a fifth of their time.
const DEFLATE_LEVEL: u32 = 1;
const ZSTD_LEVEL: i32 = 1;

/// Compresses text. Reuse it: a new one allocates 256 KiB.
pub(super) struct Compressor {
    codec: Codec,
    out: Vec<u8>,
}

enum Codec {
    Identity,
    Gzip(Compress),
    Zstd(zstd::bulk::Compressor<'static>),
}

/// Text in the coding of its page, with its checksum.
#[derive(Debug, Default)]
pub(super) struct CompressedPart {
    /// For gzip: deflate blocks that end on a byte boundary and refer to nothing before them. For
    /// zstd: one frame.
    pub(super) bytes: Bytes,
    /// The checksum of the plain text; only computed for gzip, whose trailer needs it.
    pub(super) checksum: Crc,
}

impl Compressor {
    pub(super) fn new(coding: ContentCoding) -> Self {
        let codec = match coding {
            ContentCoding::Identity => Codec::Identity,
            ContentCoding::Gzip => Codec::Gzip(Compress::new(Compression::new(DEFLATE_LEVEL), false)),
            ContentCoding::Zstd => {
                Codec::Zstd(zstd::bulk::Compressor::new(ZSTD_LEVEL).expect("level 1 exists"))
            }
        };
        Compressor { codec, out: Vec::new() }
    }

    /// A part that others may follow.
    pub(super) fn part(&mut self, text: &Bytes) -> CompressedPart {
        self.compress(text, FlushCompress::Sync)
    }

    /// A part that ends the stream.
    pub(super) fn last_part(&mut self, text: &Bytes) -> CompressedPart {
        self.compress(text, FlushCompress::Finish)
    }

    fn compress(&mut self, text: &Bytes, flush: FlushCompress) -> CompressedPart {
        self.out.clear();
        let mut checksum = Crc::new();
        match &mut self.codec {
            Codec::Identity => return CompressedPart { bytes: text.clone(), checksum },
            Codec::Gzip(deflate) => {
                checksum.update(text);
                deflate_into(&mut self.out, deflate, text, flush);
            }
            Codec::Zstd(compressor) => {
                self.out.reserve(zstd::zstd_safe::compress_bound(text.len()));
                compressor
                    .compress_to_buffer(text, &mut self.out)
                    .expect("the buffer is large enough for the worst case");
            }
        }
        CompressedPart { bytes: Bytes::copy_from_slice(&self.out), checksum }
    }
}

fn deflate_into(out: &mut Vec<u8>, deflate: &mut Compress, text: &[u8], flush: FlushCompress) {
    deflate.reset();
    loop {
        out.reserve(text.len() / 4 + 1024);
        let done = usize::try_from(deflate.total_in()).unwrap_or(usize::MAX);
        let rest = text.get(done..).unwrap_or_default();
        let status = deflate.compress_vec(rest, out, flush).expect("the state is that of a new stream");
        let all_in = deflate.total_in() == text.len() as u64;
        // Output that does not fill its buffer means that nothing is left inside.
        let is_flushed = out.len() < out.capacity();
        if status == Status::StreamEnd || (all_in && is_flushed && flush != FlushCompress::Finish) {
            return;
        }
    }
}
