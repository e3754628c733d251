//! The name of a replica.

use super::{Config, Environment};

impl Config {
    /// The name of this replica: `server.replica_id`, else `POD_NAME`, else `HOSTNAME-PORT`.
    #[must_use]
    pub fn replica_id(&self, env: &Environment, hostname: &str) -> String {
        let configured = Some(self.server.replica_id.trim()).filter(|id| !id.is_empty());
        match configured.or_else(|| env.get("POD_NAME")) {
            Some(id) => id.to_owned(),
            None => format!("{hostname}-{}", self.server.listen_addr.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_configured_or_the_pod_or_host_and_port() {
        let mut config = Config::default();
        let pod = Environment::from_iter([("POD_NAME", "stats-0")]);
        assert_eq!(config.replica_id(&Environment::default(), "host"), "host-8080");
        assert_eq!(config.replica_id(&pod, "host"), "stats-0");
        config.server.replica_id = "mine".to_owned();
        assert_eq!(config.replica_id(&pod, "host"), "mine");
    }
}
