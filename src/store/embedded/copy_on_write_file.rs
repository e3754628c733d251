//! A view of a file that can be written without writing the file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;

const BLOCK: u64 = 4096;

/// A file whose changes stay in memory and are forgotten.
///
/// Opening a database writes to it: marks, and repairs after a crash. What is opened over a rehearsal first shows whether
/// the file is sound before one byte of it has changed.
#[derive(Debug)]
pub(super) struct CopyOnWriteFile(Mutex<Scene>);

#[derive(Debug)]
struct Scene {
    file: File,
    /// How much of the file still shows; what was cut off and added again reads as zeros.
    showing: u64,
    len: u64,
    changed: BTreeMap<u64, Vec<u8>>,
}

impl CopyOnWriteFile {
    /// A view of `file`, which only needs to be readable.
    pub(super) fn new(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(CopyOnWriteFile(Mutex::new(Scene { file, showing: len, len, changed: BTreeMap::new() })))
    }

    fn scene(&self) -> MutexGuard<'_, Scene> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Scene {
    fn read_file(&mut self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let shown = self.showing.saturating_sub(offset).min(out.len() as u64) as usize;
        let (shown, hidden) = out.split_at_mut(shown);
        hidden.fill(0);
        self.file.seek(SeekFrom::Start(offset))?;
        self.file.read_exact(shown)
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
        self.showing = self.showing.min(len);
        self.changed.split_off(&len.div_ceil(BLOCK));
        if let Some(block) = self.changed.get_mut(&(len / BLOCK)) {
            block[(len % BLOCK) as usize..].fill(0);
        }
    }
}

impl StorageBackend for CopyOnWriteFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.scene().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.scene().read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.scene().set_len(len);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.scene().write(offset, data)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Write(u64, Vec<u8>),
        SetLen(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0u64..20_000, proptest::collection::vec(any::<u8>(), 1..9_000))
                .prop_map(|(at, data)| Step::Write(at, data)),
            (0u64..20_000).prop_map(Step::SetLen),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn it_behaves_as_the_file_would_and_leaves_it_alone(
            original in proptest::collection::vec(any::<u8>(), 0..15_000),
            steps in proptest::collection::vec(step(), 0..8),
        ) {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&original).unwrap();
            let rehearsal = CopyOnWriteFile::new(file.try_clone().unwrap()).unwrap();
            let mut model = original.clone();
            for step in steps {
                match step {
                    Step::Write(at, data) => {
                        let (at, end) = (at as usize, at as usize + data.len());
                        model.resize(model.len().max(end), 0);
                        model[at..end].copy_from_slice(&data);
                        rehearsal.write(at as u64, &data).unwrap();
                    }
                    Step::SetLen(len) => {
                        model.resize(len as usize, 0);
                        rehearsal.set_len(len).unwrap();
                    }
                }
            }
            let mut seen = vec![0; model.len()];
            prop_assert_eq!(rehearsal.len().unwrap(), model.len() as u64);
            rehearsal.read(0, &mut seen).unwrap();
            prop_assert!(seen == model);
            prop_assert!(rehearsal.read(1, &mut seen).is_err() || model.is_empty());
            let mut left = Vec::new();
            file.seek(SeekFrom::Start(0)).unwrap();
            file.read_to_end(&mut left).unwrap();
            prop_assert!(left == original);
        }
    }
}
