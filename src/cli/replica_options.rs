//! Which replica a command speaks to, and with which token.

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::command_error::CommandError;
use super::replica_client::ReplicaClient;
use crate::config::{Config, Environment, Overrides, Secret, load};

/// Flags of every command that may speak to a running replica.
#[derive(Debug, clap::Args)]
pub struct ReplicaOptions {
    /// The configuration file, which names address, token and broker; without one the embedded defaults hold.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,

    /// Ask this running replica through its admin API, as in http://127.0.0.1:8080; without it, the one that the
    /// configuration starts on this machine, or for dead letters the broker where one is configured.
    #[arg(long, value_name = "URL", alias = "replica", global = true)]
    url: Option<String>,

    /// A file with the replica's admin token; without one it is server.admin_token.
    #[arg(long, value_name = "FILE", global = true)]
    token_file: Option<PathBuf>,

    /// Print JSON instead of tables.
    #[arg(long, global = true)]
    pub json: bool,
}

impl ReplicaOptions {
    /// The configuration.
    pub fn load(&self) -> Result<Config, CommandError> {
        Ok(load(self.config.as_deref(), &Environment::of_process(), &Overrides::default())?.config)
    }

    /// Whether a replica is named, and not only to be found in the configuration.
    pub fn names_a_replica(&self) -> bool {
        self.url.is_some()
    }

    /// A client of the replica.
    pub fn client(&self, config: &Config) -> Result<ReplicaClient, anyhow::Error> {
        let client = ReplicaClient::new(config, self.url.as_deref())?;
        match &self.token_file {
            Some(file) => Ok(client.with_token(token(file)?)),
            None => Ok(client),
        }
    }
}

fn token(file: &Path) -> Result<Secret, anyhow::Error> {
    let named = || format!("--token-file {} cannot be read", file.display());
    let text = std::fs::read_to_string(file).with_context(named)?;
    anyhow::ensure!(!text.trim().is_empty(), "--token-file {} is empty", file.display());
    Ok(Secret::new(text.trim()))
}
