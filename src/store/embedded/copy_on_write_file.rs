//! A file backend that keeps writes in memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;

const BLOCK: u64 = 4096;

/// A file of which changed blocks are copied into memory, and discarded on drop.
///
/// Opening a database writes to it: header flags, and repairs after a crash. Opening it on a
/// copy-on-write file first shows whether it is intact, before a single byte of the real file
/// changes.
#[derive(Debug)]
pub(super) struct CopyOnWriteFile(Mutex<Overlay>);

/// The file below and the changed blocks above it.
#[derive(Debug)]
struct Overlay {
    file: File,
    /// Bytes at the start of the file that are still visible; after truncating and extending, the
    /// rest reads as zeros.
    visible_len: u64,
    len: u64,
    /// Changed blocks by number.
    changed: BTreeMap<u64, Vec<u8>>,
}

impl CopyOnWriteFile {
    /// An unchanged copy of `file`, which only needs to be readable.
    pub(super) fn new(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        let overlay = Overlay { file, visible_len: len, len, changed: BTreeMap::new() };
        Ok(CopyOnWriteFile(Mutex::new(overlay)))
    }

    fn overlay(&self) -> MutexGuard<'_, Overlay> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Overlay {
    fn read_file(&mut self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let visible = self.visible_len.saturating_sub(offset).min(out.len() as u64) as usize;
        let (visible, zeroed) = out.split_at_mut(visible);
        zeroed.fill(0);
        self.file.seek(SeekFrom::Start(offset))?;
        self.file.read_exact(visible)
    }

    fn read(&mut self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let end = offset + out.len() as u64;
        if end > self.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.read_file(offset, out)?;
        for (number, block) in self.changed.range(offset / BLOCK..end.div_ceil(BLOCK)) {
            let start = number * BLOCK;
            let (from, to) = (start.max(offset), (start + BLOCK).min(end));
            out[(from - offset) as usize..(to - offset) as usize]
                .copy_from_slice(&block[(from - start) as usize..(to - start) as usize]);
        }
        Ok(())
    }

    fn write(&mut self, offset: u64, data: &[u8]) -> io::Result<()> {
        let end = offset + data.len() as u64;
        self.len = self.len.max(end);
        for number in offset / BLOCK..end.div_ceil(BLOCK) {
            let start = number * BLOCK;
            let mut block = match self.changed.remove(&number) {
                Some(block) => block,
                None => {
                    let mut block = vec![0; BLOCK as usize];
                    self.read_file(start, &mut block)?;
                    block
                }
            };
            let (from, to) = (start.max(offset), (start + BLOCK).min(end));
            block[(from - start) as usize..(to - start) as usize]
                .copy_from_slice(&data[(from - offset) as usize..(to - offset) as usize]);
            self.changed.insert(number, block);
        }
        Ok(())
    }

    fn set_len(&mut self, len: u64) {
        self.len = len;
        self.visible_len = self.visible_len.min(len);
        self.changed.split_off(&len.div_ceil(BLOCK));
        if let Some(block) = self.changed.get_mut(&(len / BLOCK)) {
            block[(len % BLOCK) as usize..].fill(0);
        }
    }
}

impl StorageBackend for CopyOnWriteFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.overlay().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.overlay().read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.overlay().set_len(len);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.overlay().write(offset, data)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Operation {
        Write(u64, Vec<u8>),
        SetLen(u64),
    }

    fn operation() -> impl Strategy<Value = Operation> {
        prop_oneof![
            (0u64..20_000, proptest::collection::vec(any::<u8>(), 1..9_000))
                .prop_map(|(at, data)| Operation::Write(at, data)),
            (0u64..20_000).prop_map(Operation::SetLen),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn it_behaves_like_the_file_and_does_not_change_it(
            original in proptest::collection::vec(any::<u8>(), 0..15_000),
            operations in proptest::collection::vec(operation(), 0..8),
        ) {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&original).unwrap();
            let copy = CopyOnWriteFile::new(file.try_clone().unwrap()).unwrap();
            let mut model = original.clone();
            for operation in operations {
                match operation {
                    Operation::Write(at, data) => {
                        let (at, end) = (at as usize, at as usize + data.len());
                        model.resize(model.len().max(end), 0);
                        model[at..end].copy_from_slice(&data);
                        copy.write(at as u64, &data).unwrap();
                    }
                    Operation::SetLen(len) => {
                        model.resize(len as usize, 0);
                        copy.set_len(len).unwrap();
                    }
                }
            }
            let mut seen = vec![0; model.len()];
            prop_assert_eq!(copy.len().unwrap(), model.len() as u64);
            copy.read(0, &mut seen).unwrap();
            prop_assert!(seen == model);
            prop_assert!(copy.read(1, &mut seen).is_err() || model.is_empty());
            let mut after = Vec::new();
            file.seek(SeekFrom::Start(0)).unwrap();
            file.read_to_end(&mut after).unwrap();
            prop_assert!(after == original);
        }
    }
}
