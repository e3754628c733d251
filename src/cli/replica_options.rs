//! Which replica a command talks to, and with which token.

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::command_error::CommandError;
use super::replica_client::ReplicaClient;
use crate::config::{Config, Environment, Overrides, Secret, load};

/// Flags of every command that can talk to a running replica.
#[derive(Debug, clap::Args)]
pub struct ReplicaOptions {
    /// The configuration file with address, token and broker. Without it, the built-in defaults
    /// apply.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,

    /// The address of a running replica, such as http://127.0.0.1:8080, whose admin API to use.
    /// Without it, commands use the replica that the configuration starts on this machine, and
    /// `dlq` the broker if one is configured.
    // The alias is the flag's former name, kept for existing scripts.
    #[arg(long, value_name = "URL", alias = "replica", global = true)]
    url: Option<String>,

    /// A file that contains the replica's admin token. Without it, server.admin_token is used.
    #[arg(long, value_name = "FILE", global = true)]
    token_file: Option<PathBuf>,

    /// Print JSON instead of tables.
    #[arg(long, global = true)]
    pub json: bool,
}

impl ReplicaOptions {
    /// Loads the configuration.
    pub fn load(&self) -> Result<Config, CommandError> {
        Ok(load(self.config.as_deref(), &Environment::of_process(), &Overrides::default())?.config)
    }

    /// Whether `--url` was given.
    pub fn has_url(&self) -> bool {
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
