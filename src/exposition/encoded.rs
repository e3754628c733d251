//! Encoded text in pieces that are cheap to share and to send.

use std::io;

use bytes::Bytes;
use flate2::{Compress, Compression, Crc, FlushCompress, Status};

use super::Coding;

/// Bytes of a piece. The server copies a body piece by piece into its write buffer; with one large piece it would copy
/// everything before it sends the first byte.
const PIECE: usize = 48 * 1024;
/// The fastest level: half the gain of the default one costs a fifth of its time.
const LEVEL: u32 = 1;

/// Text, plain or as deflate blocks that end on a byte boundary, so that other blocks can follow in the same stream.
#[derive(Debug, Default)]
pub struct Encoded {
    pub(super) pieces: Vec<Bytes>,
    /// Bytes in all pieces.
    pub(super) length: u64,
    /// Of the plain text; only kept for compressed text.
    pub(super) checksum: Crc,
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

    fn push(&mut self, piece: Vec<u8>) {
        if !piece.is_empty() {
            self.length += piece.len() as u64;
            self.pieces.push(Bytes::from(piece));
        }
    }
}

/// Takes text and makes it [`Encoded`].
pub(super) struct Writer {
    buffer: Vec<u8>,
    compressor: Option<Compressor>,
    encoded: Encoded,
}

struct Compressor {
    deflate: Compress,
    out: Vec<u8>,
}

impl Writer {
    pub(super) fn new(coding: Coding) -> Self {
        let compressor = (coding == Coding::Gzip).then(|| Compressor {
            deflate: Compress::new(Compression::new(LEVEL), false),
            out: Vec::with_capacity(PIECE),
        });
        Writer { buffer: Vec::with_capacity(PIECE), compressor, encoded: Encoded::default() }
    }

    /// Where text goes; call [`Self::pour`] between two lines.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Passes the buffer on if it has grown to a piece.
    pub(super) fn pour(&mut self) -> io::Result<()> {
        if self.buffer.len() < PIECE - 1024 { Ok(()) } else { self.pass_on(FlushCompress::None) }
    }

    /// Ends the text. With `last`, nothing may follow it in the stream.
    pub(super) fn finish(mut self, last: bool) -> io::Result<Encoded> {
        self.pass_on(if last { FlushCompress::Finish } else { FlushCompress::Sync })?;
        if let Some(compressor) = self.compressor {
            self.encoded.push(compressor.out);
        }
        Ok(self.encoded)
    }

    fn pass_on(&mut self, flush: FlushCompress) -> io::Result<()> {
        match &mut self.compressor {
            Some(compressor) => {
                self.encoded.checksum.update(&self.buffer);
                compressor.compress(&self.buffer, flush, &mut self.encoded)?;
                self.buffer.clear();
            }
            None => self.encoded.push(std::mem::replace(&mut self.buffer, Vec::with_capacity(PIECE))),
        }
        Ok(())
    }
}

impl Compressor {
    fn compress(&mut self, text: &[u8], flush: FlushCompress, encoded: &mut Encoded) -> io::Result<()> {
        let start = self.deflate.total_in();
        loop {
            if self.out.len() + 64 > self.out.capacity() {
                encoded.push(std::mem::replace(&mut self.out, Vec::with_capacity(PIECE)));
            }
            let done = usize::try_from(self.deflate.total_in() - start).unwrap_or(text.len());
            let rest = text.get(done..).unwrap_or_default();
            let status = self.deflate.compress_vec(rest, &mut self.out, flush).map_err(io::Error::other)?;
            let all_in = self.deflate.total_in() - start == text.len() as u64;
            let room_left = self.out.len() < self.out.capacity();
            // Output that does not fill its buffer means that nothing is left inside.
            if status == Status::StreamEnd || (all_in && room_left && flush != FlushCompress::Finish) {
                return Ok(());
            }
        }
    }
}
