//! Who makes the next file, and removes old ones, while the node goes on? A thread of its own.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use super::folder::Folder;

/// The thread, and the file that it made ahead.
pub(super) struct Helper<F: Folder> {
    folder: Arc<F>,
    /// `None` once the helper is being dropped.
    tasks: Option<Sender<Task>>,
    made: Receiver<io::Result<F::File>>,
    thread: Option<JoinHandle<()>>,
    spare: Spare<F::File>,
}

enum Task {
    Make { number: u64, bytes: u64 },
    Remove { number: u64 },
}

enum Spare<File> {
    Ready(File),
    Asked,
    Missing,
}

impl<F: Folder> Helper<F> {
    /// Starts the thread. `spare` is the next file, where it was made before.
    pub(super) fn start(folder: Arc<F>, spare: Option<F::File>) -> io::Result<Self> {
        let (tasks, asked) = mpsc::channel();
        let (sender, made) = mpsc::channel();
        let at_work = Arc::clone(&folder);
        let thread = thread::Builder::new()
            .name("tidegate-log".to_owned())
            .spawn(move || work(&*at_work, &asked, &sender))?;
        let spare = spare.map_or(Spare::Missing, Spare::Ready);
        Ok(Self { folder, tasks: Some(tasks), made, thread: Some(thread), spare })
    }

    /// Sees to it that the next file is being made. One that could not be made is asked for again.
    pub(super) fn prepare(&mut self, number: u64, bytes: u64) {
        if let Spare::Asked = self.spare {
            match self.made.try_recv() {
                Ok(Ok(file)) => self.spare = Spare::Ready(file),
                Ok(Err(_)) => self.spare = Spare::Missing,
                Err(_) => (),
            }
        }
        if let Spare::Missing = self.spare {
            self.send(Task::Make { number, bytes });
            self.spare = Spare::Asked;
        }
    }

    /// The next file, at least that long. Waits for it, and makes it where the thread could not.
    pub(super) fn take(&mut self, number: u64, bytes: u64) -> io::Result<F::File> {
        use super::folder::SegmentFile as _;
        let spare = match std::mem::replace(&mut self.spare, Spare::Missing) {
            Spare::Ready(file) => Some(file),
            Spare::Asked => self.made.recv().ok().and_then(Result::ok),
            Spare::Missing => None,
        };
        match spare {
            Some(file) if file.bytes()? >= bytes => Ok(file),
            Some(_) | None => self.folder.make(number, bytes),
        }
    }

    /// Removes a file, some time. Files go in the order in which this was called.
    pub(super) fn remove(&mut self, number: u64) {
        self.send(Task::Remove { number });
    }

    fn send(&self, task: Task) {
        if let Some(tasks) = &self.tasks {
            // The thread ends when this sender does, and not before.
            drop(tasks.send(task));
        }
    }
}

impl<F: Folder> Drop for Helper<F> {
    /// Waits for the thread: nothing may write to the folder once the journal's lock is given up.
    fn drop(&mut self) {
        self.tasks = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn work<F: Folder>(folder: &F, asked: &Receiver<Task>, made: &Sender<io::Result<F::File>>) {
    let mut doomed = VecDeque::new();
    for task in asked {
        match task {
            Task::Make { number, bytes } => {
                if made.send(folder.make(number, bytes)).is_err() {
                    return;
                }
            }
            Task::Remove { number } => doomed.push_back(number),
        }
        // Oldest first, and no later one before it is gone: a hole in the numbers is damage.
        while doomed.front().is_some_and(|number| folder.remove(*number).is_ok()) {
            doomed.pop_front();
        }
    }
}
