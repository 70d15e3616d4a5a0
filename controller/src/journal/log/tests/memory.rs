//! A folder in memory that writes down what was done to it, and can be told to fail.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard};

use super::super::folder::{Folder, SegmentFile};

/// The files' contents by number.
pub(super) type Image = BTreeMap<u64, Vec<u8>>;

/// What was done, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Make {
        number: u64,
        bytes: u64,
    },
    Write {
        number: u64,
        at: u64,
        content: Vec<u8>,
    },
    Sync {
        number: u64,
    },
    Remove {
        number: u64,
    },
    /// The state with this number was given to the log.
    Given(usize),
    /// The log has promised that state.
    Promised(usize),
    /// Entries up to this index may go.
    Compacted(u64),
}

/// What is broken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Fault {
    #[default]
    None,
    /// No file can be made.
    Full,
    /// Writes fail half-way.
    Writes,
    /// Syncs fail.
    Syncs,
    /// Syncs do nothing.
    SkippedSyncs,
    /// Sectors behind a frame's first have no tag.
    NoTags,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<u64, Arc<Mutex<Vec<u8>>>>,
    ops: Vec<Op>,
    fault: Fault,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Memory(Arc<Mutex<State>>);

#[derive(Debug)]
pub(super) struct MemoryFile {
    number: u64,
    content: Arc<Mutex<Vec<u8>>>,
    folder: Memory,
}

impl Memory {
    pub(super) fn from_image(image: &Image) -> Self {
        let files = image.iter();
        let files = files.map(|(number, content)| (*number, Arc::new(Mutex::new(content.clone()))));
        Self(Arc::new(Mutex::new(State { files: files.collect(), ..State::default() })))
    }

    pub(super) fn image(&self) -> Image {
        let state = self.state();
        let files = state.files.iter();
        files.map(|(number, content)| (*number, content.lock().unwrap().clone())).collect()
    }

    pub(super) fn ops(&self) -> Vec<Op> {
        self.state().ops.clone()
    }

    pub(super) fn note(&self, op: Op) {
        self.state().ops.push(op);
    }

    pub(super) fn set_fault(&self, fault: Fault) {
        self.state().fault = fault;
    }

    fn fault(&self) -> Fault {
        self.state().fault
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl Folder for Memory {
    type File = MemoryFile;

    fn numbers(&self) -> io::Result<Vec<u64>> {
        Ok(self.state().files.keys().copied().collect())
    }

    fn make(&self, number: u64, bytes: u64) -> io::Result<MemoryFile> {
        let mut state = self.state();
        if state.fault == Fault::Full {
            return Err(ErrorKind::StorageFull.into());
        }
        let content = Arc::new(Mutex::new(vec![0; usize::try_from(bytes).unwrap()]));
        state.files.insert(number, Arc::clone(&content));
        state.ops.push(Op::Make { number, bytes });
        Ok(MemoryFile { number, content, folder: self.clone() })
    }

    fn open(&self, number: u64) -> io::Result<MemoryFile> {
        let content = self.state().files.get(&number).cloned().ok_or(ErrorKind::NotFound)?;
        Ok(MemoryFile { number, content, folder: self.clone() })
    }

    fn remove(&self, number: u64) -> io::Result<()> {
        let mut state = self.state();
        state.files.remove(&number).ok_or(ErrorKind::NotFound)?;
        state.ops.push(Op::Remove { number });
        Ok(())
    }
}

impl SegmentFile for MemoryFile {
    fn bytes(&self) -> io::Result<u64> {
        Ok(u64::try_from(self.content.lock().unwrap().len()).unwrap())
    }

    fn read(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        let content = self.content.lock().unwrap();
        let rest = content.get(usize::try_from(at).unwrap()..);
        let part = rest.and_then(|rest| rest.get(..buffer.len()));
        buffer.copy_from_slice(part.ok_or(ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write(&self, at: u64, content: &[u8]) -> io::Result<()> {
        let fault = self.folder.fault();
        let mut content = content.to_vec();
        match fault {
            Fault::Writes => content.truncate(content.len() / 1024 * 512),
            Fault::NoTags => {
                content.chunks_mut(512).skip(1).for_each(|sector| sector[..4].fill(0));
            }
            Fault::None | Fault::Full | Fault::Syncs | Fault::SkippedSyncs => (),
        }
        let begin = usize::try_from(at).unwrap();
        let mut file = self.content.lock().unwrap();
        file[begin..begin + content.len()].copy_from_slice(&content);
        drop(file);
        self.folder.note(Op::Write { number: self.number, at, content });
        if fault == Fault::Writes { Err(ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&self) -> io::Result<()> {
        match self.folder.fault() {
            Fault::Syncs => return Err(io::Error::other("EIO")),
            Fault::SkippedSyncs => return Ok(()),
            Fault::None | Fault::Full | Fault::Writes | Fault::NoTags => (),
        }
        self.folder.note(Op::Sync { number: self.number });
        Ok(())
    }

    fn forget(&self) -> io::Result<()> {
        Ok(())
    }
}
