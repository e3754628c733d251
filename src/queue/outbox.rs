//! Messages on disk that could not be sent yet.

use std::path::Path;
use std::sync::Arc;

use redb::{Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition};

use super::OutboxMessage;

const MESSAGES: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("messages");
const FILE: &str = "outbox.redb";
/// Maximum number of messages. Beyond that, jobs are dropped, and the next sweep finds their
/// windows again.
const CAPACITY: u64 = 100_000;

/// Why an operation on the outbox failed.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The file cannot be used.
    #[error("the outbox {file} cannot be used: {cause}")]
    File {
        /// The path of the file.
        file: String,
        cause: String,
    },
    /// The outbox has as many messages as it may hold.
    #[error("the outbox is full: it holds {CAPACITY} messages")]
    Full,
}

/// A file beside the store, locked by one process. Changes are durable when a call returns.
#[derive(Clone)]
pub struct Outbox {
    database: Arc<Database>,
    file: Arc<str>,
}

impl Outbox {
    /// Opens the outbox in a directory, creating both if they do not exist. Blocks.
    ///
    /// # Errors
    /// If another process uses the file, or it is damaged.
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

    /// Stores a message, replacing an earlier one with the same key.
    ///
    /// # Errors
    /// If the outbox or the disk is full.
    pub async fn put(&self, message: &OutboxMessage) -> Result<(), OutboxError> {
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

    /// Removes the message with this key, if there is one.
    ///
    /// # Errors
    /// If the disk fails.
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

    /// Whether there is a message with this key.
    ///
    /// # Errors
    /// If the disk fails.
    pub async fn contains(&self, key: &str) -> Result<bool, OutboxError> {
        let key = key.to_owned();
        self.run(move |outbox| outbox.read(|messages| Ok(messages.get(key.as_str())?.is_some()))).await
    }

    /// The first `count` messages, ordered by key, whose key satisfies `wanted`.
    ///
    /// # Errors
    /// If the disk fails.
    pub async fn page(
        &self,
        count: usize,
        wanted: impl Fn(&str) -> bool + Send + 'static,
    ) -> Result<Vec<OutboxMessage>, OutboxError> {
        self.run(move |outbox| {
            outbox.read(|messages| {
                let mut found = Vec::new();
                for entry in messages.iter()? {
                    let (key, value) = entry?;
                    if found.len() >= count {
                        break;
                    }
                    if wanted(key.value()) {
                        found.extend(OutboxMessage::decode(value.value()));
                    }
                }
                Ok(found)
            })
        })
        .await
    }

    /// Number of messages. Blocks briefly.
    pub fn len(&self) -> usize {
        let len = self.read(|messages| Ok(messages.len()?)).unwrap_or(0);
        usize::try_from(len).unwrap_or(usize::MAX)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Outbox) -> Result<T, OutboxError> + Send + 'static,
    ) -> Result<T, OutboxError> {
        let outbox = self.clone();
        let result = tokio::task::spawn_blocking(move || work(&outbox)).await;
        result.unwrap_or_else(|error| Err(self.failed(&error)))
    }

    fn change<T>(
        &self,
        change: impl FnOnce(&mut redb::Table<'_, &'static str, &'static [u8]>) -> Result<T, redb::Error>,
    ) -> Result<T, OutboxError> {
        let commit = || -> Result<T, redb::Error> {
            let transaction = self.database.begin_write()?;
            let value = change(&mut transaction.open_table(MESSAGES)?)?;
            transaction.commit()?;
            Ok(value)
        };
        commit().map_err(|error| self.failed(&error))
    }

    fn read<T>(
        &self,
        read: impl FnOnce(&redb::ReadOnlyTable<&'static str, &'static [u8]>) -> Result<T, redb::Error>,
    ) -> Result<T, OutboxError> {
        let result =
            || -> Result<T, redb::Error> { read(&self.database.begin_read()?.open_table(MESSAGES)?) };
        result().map_err(|error| self.failed(&error))
    }

    fn failed(&self, cause: &dyn std::fmt::Display) -> OutboxError {
        OutboxError::File { file: self.file.to_string(), cause: cause.to_string() }
    }
}
