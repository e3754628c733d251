//! `github-stats backup` and `github-stats restore`: the whole store, between any backends.

use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use github_stats_actors::activity::Timestamp;
use github_stats_actors::clock::Clock;
use github_stats_actors::store::FactStore;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::signal::unix::{SignalKind, signal};

use super::command_error::CommandError;
use crate::backup::{self, BackupDirectory, UnfinishedBackup};
use crate::config::{Environment, Overrides, load};
use crate::runtime::open_store;

/// Arguments of `backup`.
#[derive(Debug, clap::Args)]
pub struct BackupArgs {
    /// The file to write, or a directory in which the file is named after the current time.
    #[arg(value_name = "FILE|DIRECTORY")]
    target: PathBuf,

    /// Keep at most N backups in the directory; the oldest that are named after their time are
    /// removed.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    keep: Option<u16>,

    #[command(flatten)]
    store: StoreArgs,
}

/// Arguments of `restore`.
#[derive(Debug, clap::Args)]
pub struct RestoreArgs {
    /// The backup to restore.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    store: StoreArgs,
}

/// Which store to use.
#[derive(Debug, clap::Args)]
struct StoreArgs {
    /// The configuration file that defines the store. Without it, the built-in defaults apply.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Where a backup is written.
struct Target {
    /// The name while it is written, as [`UnfinishedBackup`] expects it.
    unfinished: PathBuf,
    name: PathBuf,
    /// The directory to prune, and how many backups to keep in it.
    pruned: Option<(BackupDirectory, usize)>,
}

impl Target {
    fn of(args: &BackupArgs, now: Timestamp) -> Result<Self, anyhow::Error> {
        let target = &args.target;
        if target.is_dir() {
            let directory = BackupDirectory::new(target);
            let (unfinished, name) = (directory.next(), directory.dated(now));
            let pruned = args.keep.map(|keep| (directory, usize::from(keep)));
            return Ok(Target { unfinished, name, pruned });
        }
        anyhow::ensure!(
            args.keep.is_none(),
            "--keep wants a directory that exists, which {} is not: the age of a backup is taken from its name there",
            target.display()
        );
        Ok(Target { unfinished: target.clone(), name: target.clone(), pruned: None })
    }
}

pub fn back_up(args: BackupArgs) -> Result<ExitCode, CommandError> {
    let now = Clock::system().now();
    let target = Target::of(&args, now)?;
    let store = args.store.open()?;
    let named = || format!("cannot write the backup {}", target.name.display());
    let unfinished = UnfinishedBackup::begin(&target.unfinished).with_context(named)?;
    let bar = bar(None);
    let written = actix_rt::System::new().block_on(async {
        let mut progress = |records| bar.set_position(records);
        tokio::select! {
            written = backup::write(&store, BufWriter::new(unfinished.file()), now, &mut progress) => {
                written.map_err(anyhow::Error::from)
            }
            interruption = interrupted() => Err(interruption),
        }
    });
    let summary = written.with_context(named)?;
    unfinished.finish(&target.name).with_context(named)?;
    bar.finish_and_clear();
    println!(
        "{} repositories and {} records were written to {}",
        summary.repositories,
        summary.records,
        target.name.display()
    );
    if let Some((directory, keep)) = target.pruned {
        let removed =
            directory.prune(keep).context("the backup was written, but older ones cannot be removed")?;
        removed.iter().for_each(|old| println!("{} was removed", old.display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// Waits for a signal to stop, so that the unfinished file can be removed.
async fn interrupted() -> anyhow::Error {
    let signal = async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        std::io::Result::Ok(())
    };
    match signal.await {
        Ok(()) => anyhow::anyhow!("interrupted; the unfinished file was removed"),
        Err(error) => anyhow::Error::from(error).context("signals cannot be received"),
    }
}

pub fn restore(args: RestoreArgs) -> Result<ExitCode, CommandError> {
    let named = || format!("cannot restore {}", args.file.display());
    let open = || File::open(&args.file).with_context(named);
    let verified = backup::verify(open()?).with_context(named)?;
    let store = args.store.open()?;
    let bar = bar(Some(verified.records));
    let source = open()?;
    let restored = actix_rt::System::new()
        .block_on(async { backup::restore(&store, source, &mut |records| bar.set_position(records)).await });
    let summary = restored.with_context(named)?;
    bar.finish_and_clear();
    println!(
        "{} repositories and {} records from {} were merged into the store",
        summary.repositories,
        summary.records,
        args.file.display()
    );
    Ok(ExitCode::SUCCESS)
}

impl StoreArgs {
    fn open(&self) -> Result<Arc<dyn FactStore>, CommandError> {
        let loaded = load(self.config.as_deref(), &Environment::of_process(), &Overrides::default())?;
        Ok(open_store(&loaded.config).map_err(anyhow::Error::from)?.facts)
    }
}

/// A progress bar, which is visible on a terminal only.
fn bar(records: Option<u64>) -> ProgressBar {
    let (bar, template) = match records {
        Some(records) => {
            (ProgressBar::new(records), "{bar:40} {human_pos} of {human_len} records, {eta} left")
        }
        None => (ProgressBar::new_spinner(), "{spinner} {human_pos} records, {per_sec}"),
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.with_style(style)
}
