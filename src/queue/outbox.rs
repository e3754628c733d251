//! What could not be sent, on disk until it can.

use std::path::Path;
use std::sync::Arc;

use github_stats_actors::clock::system_unix_ms;
use github_stats_actors::queue::{DeadLetter, Job, TraceContext};
use redb::{Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition};
use serde::{Deserialize, Serialize};

const MESSAGES: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("messages");
const FILE: &str = "outbox.redb";
/// Messages kept at most; beyond that a gap waits for the next sweep instead of for disk space.
const CAPACITY: u64 = 100_000;

/// Why the outbox did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The file cannot be used.
    #[error("the outbox {file} cannot be used: {cause}")]
    File {
        /// The file.
        file: String,
        /// What happened.
        cause: String,
    },
    /// There is as much in it as may be.
    #[error("the outbox holds {CAPACITY} messages and takes no more")]
    Full,
}

/// A message that waits to be sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unsent {
    /// A job, due at an instant of the machine's clock in milliseconds.
    Job {
        /// The job.
        job: Box<Job>,
        /// When it is due.
        due_ms: i64,
        /// The trace it belongs to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trace: Option<Box<TraceContext>>,
    },
    /// A dead letter.
    Letter(Box<DeadLetter>),
    /// A dead letter that the broker may have and that was taken out meanwhile.
    Forgotten {
        /// Its id.
        letter: String,
    },
}

impl Unsent {
    /// A job that is due after `delay`.
    pub fn job(job: &Job, delay: std::time::Duration) -> Self {
        let delay = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX / 4);
        let due_ms = system_unix_ms().saturating_add(delay);
        Unsent::Job { job: Box::new(job.clone()), due_ms, trace: job.trace.clone() }
    }

    /// A message as it was kept; `None` where it is none. A job has its trace again.
    fn read(kept: &[u8]) -> Option<Self> {
        let mut message: Unsent = serde_json::from_slice(kept).ok()?;
        if let Unsent::Job { job, trace, .. } = &mut message {
            job.trace.clone_from(trace);
        }
        Some(message)
    }

    /// The name under which it is kept. A job that reaches a new stage takes the place of what it was.
    pub fn key(&self) -> String {
        match self {
            Unsent::Job { job, .. } => job_key(&job.job_id),
            Unsent::Letter(letter) => letter_key(&letter.id),
            Unsent::Forgotten { letter } => format!("forgotten/{letter}"),
        }
    }
}

/// The name under which a job is kept.
pub(super) fn job_key(job_id: &str) -> String {
    format!("job/{job_id}")
}

/// The name under which a dead letter is kept.
pub(super) fn letter_key(id: &str) -> String {
    format!("letter/{id}")
}

/// A file of its own beside the store, which one process uses at a time. Every call is on disk when it returns.
#[derive(Clone)]
pub struct Outbox {
    database: Arc<Database>,
    file: Arc<str>,
}

impl Outbox {
    /// Opens the outbox in this directory, creating both where they are missing. Blocks.
    ///
    /// # Errors
    /// When another process uses it, or the file is damaged.
    pub fn open(directory: &Path) -> Result<Self, OutboxError> {
        let path = directory.join(FILE);
        let file: Arc<str> = path.display().to_string().into();
        let failed = |cause: String| OutboxError::File { file: file.to_string(), cause };
        std::fs::create_dir_all(directory).map_err(|cause| failed(cause.to_string()))?;
        let database = Database::create(&path).map_err(|cause| failed(cause.to_string()))?;
        let outbox = Outbox { database: Arc::new(database), file: file.clone() };
        outbox.change(|_| Ok(()))?;
        Ok(outbox)
    }

    /// Keeps a message.
    ///
    /// # Errors
    /// When the outbox is full, or the disk is.
    pub async fn put(&self, message: &Unsent) -> Result<(), OutboxError> {
        let key = message.key();
        let value = serde_json::to_vec(message).expect("messages are plain data with text for keys");
        let full = self
            .run(move |outbox| {
                outbox.change(|messages| {
                    let full = messages.len()? >= CAPACITY && messages.get(key.as_str())?.is_none();
                    if !full {
                        messages.insert(key.as_str(), value.as_slice())?;
                    }
                    Ok(full)
                })
            })
            .await?;
        if full { Err(OutboxError::Full) } else { Ok(()) }
    }

    /// Forgets a message.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn remove(&self, key: &str) -> Result<(), OutboxError> {
        let key = key.to_owned();
        self.run(move |outbox| {
            outbox.change(|messages| {
                messages.remove(key.as_str())?;
                Ok(())
            })
        })
        .await
    }

    /// Whether there is a message of this name.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn contains(&self, key: &str) -> Result<bool, OutboxError> {
        let key = key.to_owned();
        self.run(move |outbox| outbox.look(|messages| Ok(messages.get(key.as_str())?.is_some()))).await
    }

    /// The first `count` messages that `wanted` says yes to, by name.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn some(
        &self,
        count: usize,
        wanted: impl Fn(&str) -> bool + Send + 'static,
    ) -> Result<Vec<Unsent>, OutboxError> {
        self.run(move |outbox| {
            outbox.look(|messages| {
                let mut found = Vec::new();
                for entry in messages.iter()? {
                    let (key, value) = entry?;
                    if found.len() >= count {
                        break;
                    }
                    if wanted(key.value()) {
                        found.extend(Unsent::read(value.value()));
                    }
                }
                Ok(found)
            })
        })
        .await
    }

    /// How many messages there are. Blocks for a moment.
    pub fn len(&self) -> usize {
        let len = self.look(|messages| Ok(messages.len()?)).unwrap_or(0);
        usize::try_from(len).unwrap_or(usize::MAX)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Outbox) -> Result<T, OutboxError> + Send + 'static,
    ) -> Result<T, OutboxError> {
        let outbox = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&outbox)).await;
        done.unwrap_or_else(|error| Err(self.failed(&error)))
    }

    fn change<T>(
        &self,
        change: impl FnOnce(&mut redb::Table<'_, &'static str, &'static [u8]>) -> Result<T, redb::Error>,
    ) -> Result<T, OutboxError> {
        let changed = || -> Result<T, redb::Error> {
            let transaction = self.database.begin_write()?;
            let value = change(&mut transaction.open_table(MESSAGES)?)?;
            transaction.commit()?;
            Ok(value)
        };
        changed().map_err(|error| self.failed(&error))
    }

    fn look<T>(
        &self,
        look: impl FnOnce(&redb::ReadOnlyTable<&'static str, &'static [u8]>) -> Result<T, redb::Error>,
    ) -> Result<T, OutboxError> {
        let looked =
            || -> Result<T, redb::Error> { look(&self.database.begin_read()?.open_table(MESSAGES)?) };
        looked().map_err(|error| self.failed(&error))
    }

    fn failed(&self, cause: &dyn std::fmt::Display) -> OutboxError {
        OutboxError::File { file: self.file.to_string(), cause: cause.to_string() }
    }
}
