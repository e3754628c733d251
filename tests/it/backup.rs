//! `github-stats backup` as a cron job uses it.

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::support::binary;

fn backup(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.arg("backup").args(arguments).current_dir(folder).output().expect("it runs")
}

fn output_text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name")).collect();
    names.sort();
    names
}

#[test]
fn a_directory_keeps_the_newest_backups_and_all_other_files() {
    let folder = TempDir::new().expect("a folder");
    let directory = folder.path().join("backups");
    std::fs::create_dir(&directory).expect("a folder");
    let old = ["github-stats-20200101T000000Z.backup", "github-stats-20200102T000000Z.backup"];
    for name in old.iter().chain(&["by-hand.backup", "github-stats.backup.unfinished"]) {
        std::fs::write(directory.join(name), "old").expect("a file");
    }
    let output = backup(folder.path(), &["--keep", "2", "backups/"]);
    assert!(output.status.success(), "{}", output_text(&output));
    assert!(
        output_text(&output).contains(old[0]) && !output_text(&output).contains(old[1]),
        "{}",
        output_text(&output)
    );
    let left = names(&directory);
    assert_eq!((left.len(), left[0].as_str(), left[1].as_str()), (3, "by-hand.backup", old[1]), "{left:?}");
    let newest = directory.join(&left[2]);
    let restored = Command::new(binary()).arg("restore").arg(newest).current_dir(folder.path()).output();
    assert!(restored.expect("it runs").status.success(), "the remaining backup is complete");
}

#[test]
fn a_failed_backup_leaves_no_file_and_reports_why() {
    let folder = TempDir::new().expect("a folder");
    let output = backup(folder.path(), &["--keep", "2", "absent/"]);
    assert!(
        output.status.code() == Some(1) && output_text(&output).contains("--keep wants a directory"),
        "{}",
        output_text(&output)
    );
    assert_eq!(backup(folder.path(), &["--keep", "0", "."]).status.code(), Some(2));
    let output = backup(folder.path(), &["absent/file.backup"]);
    assert!(
        output.status.code() == Some(1) && output_text(&output).contains("absent/file.backup"),
        "{}",
        output_text(&output)
    );
    std::fs::write(
        folder.path().join("config.yaml"),
        "store: {backend: redis, redis_addr: \"127.0.0.1:1\"}\n",
    )
    .expect("a file");
    let output = backup(folder.path(), &["--config", "config.yaml", "a.backup"]);
    assert_eq!(output.status.code(), Some(1), "{}", output_text(&output));
    assert!(!names(folder.path()).iter().any(|name| name.contains("backup")), "{:?}", names(folder.path()));
}
