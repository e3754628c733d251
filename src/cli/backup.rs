//! `github-stats backup` and `github-stats restore`: the whole store, any backend to any backend.

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
    /// The backup; or a directory, where it is named after the time.
    #[arg(value_name = "FILE|DIRECTORY")]
    target: PathBuf,

    /// How many backups the directory holds at most: the oldest that were named after their time are removed.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    keep: Option<u16>,

    #[command(flatten)]
    store: StoreArgs,
}

/// Arguments of `restore`.
#[derive(Debug, clap::Args)]
pub struct RestoreArgs {
    /// The backup.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    store: StoreArgs,
}

/// Which store.
#[derive(Debug, clap::Args)]
struct StoreArgs {
    /// The configuration file that says which store; without one the embedded defaults hold.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Where a backup goes.
struct Place {
    /// The name it begins with, as [`UnfinishedBackup`] takes it.
    begun: PathBuf,
    name: PathBuf,
    shelf: Option<(BackupDirectory, usize)>,
}

impl Place {
    fn of(args: &BackupArgs, now: Timestamp) -> Result<Self, anyhow::Error> {
        let target = &args.target;
        if target.is_dir() {
            let shelf = BackupDirectory::new(target);
            let (begun, name) = (shelf.next(), shelf.dated(now));
            return Ok(Place { begun, name, shelf: args.keep.map(|keep| (shelf, usize::from(keep))) });
        }
        anyhow::ensure!(
            args.keep.is_none(),
            "--keep wants a directory that is there, and {} is none: it is the names in it that say which backups are old",
            target.display()
        );
        Ok(Place { begun: target.clone(), name: target.clone(), shelf: None })
    }
}

pub fn back_up(args: BackupArgs) -> Result<ExitCode, CommandError> {
    let now = Clock::system().now();
    let place = Place::of(&args, now)?;
    let store = args.store.open()?;
    let named = || format!("the backup {}", place.name.display());
    let unfinished = UnfinishedBackup::begin(&place.begun).with_context(named)?;
    let bar = bar(None);
    let written = actix_rt::System::new().block_on(async {
        let mut progress = |records| bar.set_position(records);
        tokio::select! {
            written = backup::write(&store, BufWriter::new(unfinished.file()), now, &mut progress) => {
                written.map_err(anyhow::Error::from)
            }
            told = told_to_stop() => Err(told),
        }
    });
    let summary = written.with_context(named)?;
    unfinished.finish(&place.name).with_context(named)?;
    bar.finish_and_clear();
    println!(
        "{} repositories and {} records are in {}",
        summary.repositories,
        summary.records,
        place.name.display()
    );
    if let Some((shelf, keep)) = place.shelf {
        let removed = shelf.prune(keep).context("the backup is there, but older ones cannot be removed")?;
        removed.iter().for_each(|old| println!("{} is removed", old.display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// Resolves when the process is to end, so that it can remove what it has begun.
async fn told_to_stop() -> anyhow::Error {
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
        Ok(()) => anyhow::anyhow!("it was interrupted, and nothing of it is left"),
        Err(error) => anyhow::Error::from(error).context("signals cannot be received"),
    }
}

pub fn restore(args: RestoreArgs) -> Result<ExitCode, CommandError> {
    let named = || format!("cannot restore {}", args.file.display());
    let open = || File::open(&args.file).with_context(named);
    let sound = backup::verify(open()?).with_context(named)?;
    let store = args.store.open()?;
    let bar = bar(Some(sound.records));
    let source = open()?;
    let restored = actix_rt::System::new()
        .block_on(async { backup::restore(&store, source, &mut |records| bar.set_position(records)).await });
    let summary = restored.with_context(named)?;
    bar.finish_and_clear();
    println!(
        "{} repositories and {} records of {} are in the store",
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

/// Shows itself on a terminal only.
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
