//! Loads the configuration from file, environment and flags, and validates it.

use std::io::Read;
use std::path::Path;

use super::accepted::remove_accepted;
use super::checks::Checks;
use super::error::KeyHint;
use super::node::{FileName, Node, NodeContent};
use super::section::did_you_mean;
use super::value::ConfigValue;
use super::{Config, ConfigError, ConfigWarning, Environment, Origin, Overrides, Secret, reference, yaml};

/// The size limit of a file in bytes; ten thousand organisations fit.
const MAX_FILE_SIZE: u64 = 1024 * 1024;

/// A valid configuration with its warnings.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedConfig {
    /// The configuration.
    pub config: Config,
    /// What is valid, but probably not intended.
    pub warnings: Vec<ConfigWarning>,
}

/// Loads the configuration: flags over environment over file over defaults.
///
/// Without a file the embedded defaults are the base. Secret files are not read here but at each
/// use, so that a configuration can be validated on a machine without its secrets.
///
/// # Errors
/// [`ConfigError`] for the first mistake; nothing is silently ignored.
pub fn load(
    path: Option<&Path>,
    env: &Environment,
    overrides: &Overrides,
) -> Result<LoadedConfig, ConfigError> {
    let mut root = match path {
        Some(path) => read(path)?,
        None => Node { at: Origin::Default, content: NodeContent::Null },
    };
    env.apply(&mut root)?;
    overrides.apply(&mut root)?;
    let mut warnings = remove_accepted(&mut root)?;
    warnings.extend(env.misspelt_variables());
    let mut config = decode(&root)?;
    limit_default_windows(&mut config, &root);
    apply_default_token(&mut config, env);
    let mut checks = Checks::new(&root, warnings);
    config.check(&mut checks)?;
    Ok(LoadedConfig { config, warnings: checks.warnings })
}

fn read(path: &Path) -> Result<Node, ConfigError> {
    let file = || path.to_owned();
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|opened| opened.take(MAX_FILE_SIZE + 1).read_to_end(&mut bytes))
        .map_err(|cause| ConfigError::Unreadable { file: file(), cause })?;
    if bytes.len() as u64 > MAX_FILE_SIZE {
        return Err(ConfigError::TooLarge { file: file(), limit: MAX_FILE_SIZE });
    }
    let name = FileName::from(path.to_string_lossy().as_ref());
    let text = String::from_utf8(bytes).map_err(|error| not_text(&name, &error))?;
    yaml::parse_file(&text, &name)
}

fn not_text(name: &FileName, error: &std::string::FromUtf8Error) -> ConfigError {
    let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
    let line = valid.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
    ConfigError::Syntax { at: name.at(line, 1), problem: "the text is not UTF-8".to_owned() }
}

fn decode(root: &Node) -> Result<Config, ConfigError> {
    match root.content {
        NodeContent::Null => Ok(Config::default()),
        _ => Config::decode(root, "").map_err(suggest_other_section),
    }
}

/// A key that exists in another section usually has the wrong indentation.
fn suggest_other_section(error: ConfigError) -> ConfigError {
    let ConfigError::UnknownKey { at, key, hint } = error else { return error };
    let leaf = |key: &str| key.rsplit('.').next().map(str::to_owned);
    let entries = reference::entries();
    let other = entries.iter().find(|entry| leaf(&entry.key) == leaf(&key));
    let hint = match (&hint, other) {
        (KeyHint::Accepted { .. }, Some(entry)) => did_you_mean(&at, "", &entry.key),
        _ => hint,
    };
    ConfigError::UnknownKey { at, key, hint }
}

/// Shortens windows that are at their defaults to a shorter retention, which would contradict them.
fn limit_default_windows(config: &mut Config, written: &Node) {
    let retention = config.store.retention;
    for (key, window) in [
        ("metrics.history", &mut config.metrics.history),
        ("metrics.active_window", &mut config.metrics.active_window),
        ("backfill.coalesce_window", &mut config.backfill.coalesce_window),
    ] {
        if written.origin_of(key) == Origin::Default {
            *window = retention.min(*window);
        }
    }
}

/// Uses `GITHUB_TOKEN` for every organisation without credentials of its own.
fn apply_default_token(config: &mut Config, env: &Environment) {
    let Some(token) = env.get("GITHUB_TOKEN").map(str::trim).filter(|token| !token.is_empty()) else {
        return;
    };
    for org in config.github.orgs.iter_mut().filter(|org| !org.has_credentials()) {
        org.token = Secret::new(token);
    }
}
