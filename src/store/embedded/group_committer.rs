//! Group commit: the thread that writes to the database.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use github_stats_actors::store::StoreError;
use tokio::sync::{mpsc, oneshot};

use super::database_handle::DatabaseHandle;
use super::failure::DatabaseFailure;
use super::tables::WriteTables;

/// Maximum number of changes in one transaction, which bounds both its memory and how long the
/// first of them waits.
const GROUP: usize = 256;

/// Collects the changes of all callers and commits those that are pending in one transaction, so
/// that a group costs a single sync of the disk. Each change is answered after its commit.
pub(super) struct GroupCommitter {
    changes: Option<mpsc::Sender<Box<dyn Pending>>>,
    thread: Option<JoinHandle<()>>,
}

impl GroupCommitter {
    /// Starts the thread.
    pub(super) fn start(handle: Arc<DatabaseHandle>) -> std::io::Result<Self> {
        let (changes, queue) = mpsc::channel(GROUP);
        let thread =
            thread::Builder::new().name("store-writer".into()).spawn(move || write_all(&handle, queue))?;
        Ok(GroupCommitter { changes: Some(changes), thread: Some(thread) })
    }

    /// Makes a change and returns once it is durable. `change` is called a second time if the
    /// commit of its group fails and the changes are retried one by one.
    pub(super) async fn commit<T: Send + 'static>(
        &self,
        change: impl FnMut(&mut WriteTables<'_>) -> Result<T, DatabaseFailure> + Send + 'static,
    ) -> Result<T, StoreError> {
        let stopped = || StoreError::Unavailable("the writer of the store has stopped".into());
        let (answer, answered) = oneshot::channel();
        let changes = self.changes.as_ref().ok_or_else(stopped)?;
        let pending = Box::new(Change { change, outcome: None, answer });
        changes.send(pending).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }
}

/// Waits for the last commit, so that the file is closed and the directory unlocked once the store
/// is dropped.
impl Drop for GroupCommitter {
    fn drop(&mut self) {
        self.changes = None;
        if let Some(thread) = self.thread.take() {
            // The thread catches panics inside transactions. Any other panic has been logged by the
            // panic hook.
            let _ = thread.join();
        }
    }
}

/// A queued change, whatever the type of its result.
trait Pending: Send {
    fn apply(&mut self, tables: &mut WriteTables<'_>) -> Result<(), DatabaseFailure>;
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Change<C, T> {
    change: C,
    outcome: Option<T>,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<C, T> Pending for Change<C, T>
where
    C: FnMut(&mut WriteTables<'_>) -> Result<T, DatabaseFailure> + Send,
    T: Send,
{
    fn apply(&mut self, tables: &mut WriteTables<'_>) -> Result<(), DatabaseFailure> {
        self.outcome = Some((self.change)(tables)?);
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let answer = match (committed, self.outcome) {
            (Ok(()), Some(outcome)) => Ok(outcome),
            (Ok(()), None) => Err(StoreError::Unavailable("the change was not made".into())),
            (Err(error), _) => Err(error),
        };
        // The caller may have been dropped; the change stays, which is harmless because changes are
        // idempotent.
        let _ = self.answer.send(answer);
    }
}

fn write_all(handle: &DatabaseHandle, mut queue: mpsc::Receiver<Box<dyn Pending>>) {
    let mut group = Vec::with_capacity(GROUP);
    while queue.blocking_recv_many(&mut group, GROUP) > 0 {
        match commit(handle, &mut group) {
            // One of the changes fails. The others succeed on their own.
            Err(StoreError::Damaged(_) | StoreError::StaleEpoch { .. }) if group.len() > 1 => {
                for mut pending in group.drain(..) {
                    let committed = commit(handle, std::slice::from_mut(&mut pending));
                    pending.answer(committed);
                }
            }
            committed => group.drain(..).for_each(|pending| pending.answer(committed.clone())),
        }
    }
}

fn commit(handle: &DatabaseHandle, group: &mut [Box<dyn Pending>]) -> Result<(), StoreError> {
    handle.run(|database| {
        let transaction = database.begin_write()?;
        let mut tables = WriteTables::open(&transaction)?;
        for pending in group {
            pending.apply(&mut tables)?;
        }
        drop(tables);
        Ok(transaction.commit()?)
    })
}
