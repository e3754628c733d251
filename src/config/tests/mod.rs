//! Tests of the loader as a whole.

mod documents;
mod files;
mod hostile;
mod precedence;
mod rejections;
mod warnings;

use std::path::PathBuf;

use super::{ConfigError, Environment, LoadedConfig, Overrides, load};

/// Loads `yaml` from a file `test.yaml`.
fn load_yaml(yaml: &str, variables: &[(&str, &str)]) -> Result<LoadedConfig, ConfigError> {
    load_with(yaml, variables, &Overrides::default())
}

fn load_with(
    yaml: &str,
    variables: &[(&str, &str)],
    overrides: &Overrides,
) -> Result<LoadedConfig, ConfigError> {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("test.yaml");
    std::fs::write(&file, yaml).expect("written");
    load(Some(&file), &variables.iter().copied().collect(), overrides)
}

/// The configuration, which has to load.
fn config(yaml: &str, variables: &[(&str, &str)]) -> super::Config {
    load_yaml(yaml, variables).unwrap_or_else(|error| panic!("{error}")).config
}

/// The error message, without the directory of the file.
fn rejection(yaml: &str, variables: &[(&str, &str)]) -> String {
    let message = load_yaml(yaml, variables).expect_err("rejected").to_string();
    assert!(!message.contains('\n'), "not one line: {message}");
    match message.find("test.yaml") {
        Some(start) => message[start..].to_owned(),
        None => message,
    }
}

/// A path relative to the root of the package.
fn in_package(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}
