//! `github-stats backup` and `github-stats restore`: the whole store, any backend to any backend.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use github_stats_actors::clock::Clock;
use github_stats_actors::store::FactStore;
use indicatif::{ProgressBar, ProgressStyle};

use super::failure::Failure;
use crate::backup;
use crate::config::{Environment, Overrides, load};
use crate::runtime::open_store;

/// Arguments of `backup` and `restore`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The backup.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The configuration file that says which store; without one the embedded defaults hold.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub fn back_up(args: Args) -> Result<ExitCode, Failure> {
    let store = store(args.config.as_deref())?;
    // Under another name until it is whole, so that a backup that was cut short never looks like one.
    let unfinished = unfinished(&args.file);
    let named = || format!("the backup {}", args.file.display());
    let sink =
        File::create(&unfinished).with_context(|| format!("cannot create {}", unfinished.display()))?;
    let bar = bar(None);
    let now = Clock::system().now();
    let written = actix_rt::System::new().block_on(async {
        backup::write(&store, BufWriter::new(&sink), now, &mut |records| bar.set_position(records)).await
    });
    let summary = written.with_context(named)?;
    sink.sync_all().with_context(named)?;
    std::fs::rename(&unfinished, &args.file).with_context(named)?;
    bar.finish_and_clear();
    println!(
        "{} repositories and {} records are in {}",
        summary.repositories,
        summary.records,
        args.file.display()
    );
    Ok(ExitCode::SUCCESS)
}

pub fn restore(args: Args) -> Result<ExitCode, Failure> {
    let named = || format!("cannot restore {}", args.file.display());
    let open = || File::open(&args.file).with_context(named);
    let sound = backup::verify(open()?).with_context(named)?;
    let store = store(args.config.as_deref())?;
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

fn store(config: Option<&Path>) -> Result<Arc<dyn FactStore>, Failure> {
    let loaded = load(config, &Environment::of_process(), &Overrides::default())?;
    Ok(open_store(&loaded.config).map_err(anyhow::Error::from)?.facts)
}

fn unfinished(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".unfinished");
    PathBuf::from(name)
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
