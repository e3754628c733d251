//! From file, environment and flags to one checked configuration.

use std::io::Read;
use std::path::Path;

use super::accepted::take_accepted;
use super::checks::Checks;
use super::node::{FileName, Node, NodeContent};
use super::value::ConfigValue;
use super::{Config, ConfigError, ConfigWarning, Environment, Origin, Overrides, Secret, yaml};

/// The largest file that is read; ten thousand organisations fit.
const LARGEST_FILE: u64 = 1024 * 1024;

/// A checked configuration, and what about it deserves a line in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What works, but probably not as meant.
    pub warnings: Vec<ConfigWarning>,
}

/// Loads the configuration: flags over environment over file over defaults.
///
/// Without a file the embedded defaults are the base. Secret files are not read here but at each
/// use, so that a configuration can be checked where its secrets are not.
///
/// # Errors
/// [`ConfigError`] for the first thing that is wrong; nothing is ever silently ignored.
pub fn load(path: Option<&Path>, env: &Environment, overrides: &Overrides) -> Result<Loaded, ConfigError> {
    let mut root = match path {
        Some(path) => read(path)?,
        None => Node { at: Origin::Default, content: NodeContent::Null },
    };
    env.overlay(&mut root)?;
    overrides.overlay(&mut root)?;
    let mut warnings = take_accepted(&mut root)?;
    warnings.extend(env.near_misses());
    let mut config = decode(&root)?;
    fit_default_windows(&mut config, &root);
    give_default_token(&mut config, env);
    let mut checks = Checks::new(&root, warnings);
    config.check(&mut checks)?;
    Ok(Loaded { config, warnings: checks.warnings })
}

fn read(path: &Path) -> Result<Node, ConfigError> {
    let file = || path.to_owned();
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|opened| opened.take(LARGEST_FILE + 1).read_to_end(&mut bytes))
        .map_err(|source| ConfigError::Unreadable { file: file(), source })?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(ConfigError::TooLarge { file: file(), limit: LARGEST_FILE });
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
        _ => Config::decode(root, ""),
    }
}

/// Whoever lowers only the retention means less of everything, not a contradiction with our defaults.
fn fit_default_windows(config: &mut Config, written: &Node) {
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

/// `GITHUB_TOKEN` serves every organisation that brings no credentials of its own.
fn give_default_token(config: &mut Config, env: &Environment) {
    let Some(token) = env.get("GITHUB_TOKEN").map(str::trim).filter(|token| !token.is_empty()) else {
        return;
    };
    for org in config.github.orgs.iter_mut().filter(|org| !org.has_credentials()) {
        org.token = Secret::new(token);
    }
}
