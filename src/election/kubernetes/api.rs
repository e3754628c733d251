//! Requests to the Kubernetes API server.

use std::path::PathBuf;
use std::time::Duration;

use futures::{Stream, StreamExt, TryStreamExt};
use kube::api::{ApiResource, PostParams, WatchEvent, WatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::{DynamicObject, GroupVersionKind};
use kube::{Api, Client, Config};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::config::Environment;
use crate::election::LeaseName;

/// Timeout of a watch, after which the server ends it; below the usual idle timeouts of proxies.
const WATCH_SECONDS: u32 = 240;

/// The API server's address and the credentials for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KubernetesCluster {
    /// The cluster this process runs in, with the service account of its pod.
    InCluster,
    /// The current context of a kubeconfig file; `None` for the one in the home directory.
    Kubeconfig(Option<PathBuf>),
}

impl KubernetesCluster {
    /// The file in `KUBECONFIG`, else the cluster this process runs in, else the kubeconfig in the
    /// home directory.
    pub fn of(env: &Environment) -> Self {
        match env.get("KUBECONFIG").filter(|path| !path.is_empty()) {
            Some(path) => KubernetesCluster::Kubeconfig(Some(path.into())),
            None if Self::is_detected(env) => KubernetesCluster::InCluster,
            None => KubernetesCluster::Kubeconfig(None),
        }
    }

    /// Whether this process runs in a cluster.
    pub fn is_detected(env: &Environment) -> bool {
        env.get("KUBERNETES_SERVICE_HOST").is_some_and(|host| !host.is_empty())
    }

    /// Reads address, certificate authorities and credentials again.
    async fn config(&self) -> Result<Config, LeaseApiError> {
        let unconfigured = |error: &dyn std::error::Error| LeaseApiError::Unconfigured(with_sources(error));
        match self {
            KubernetesCluster::InCluster => Config::incluster().map_err(|error| unconfigured(&error)),
            KubernetesCluster::Kubeconfig(path) => {
                let file = match path {
                    Some(path) => Kubeconfig::read_from(path),
                    None => Kubeconfig::read(),
                };
                let file = file.map_err(|error| unconfigured(&error))?;
                let options = KubeConfigOptions::default();
                Config::from_custom_kubeconfig(file, &options).await.map_err(|error| unconfigured(&error))
            }
        }
    }
}

/// Why a request to the API server failed.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum LeaseApiError {
    /// The client configuration is missing or invalid.
    #[error(
        "access to the Kubernetes API is not configured: {0}; check KUBECONFIG, or the pod's service account"
    )]
    Unconfigured(String),
    /// The server cannot be reached.
    #[error("the Kubernetes API cannot be reached: {0}")]
    Unreachable(String),
    /// Authentication failed or a permission is missing.
    #[error("the Kubernetes API denies access: {0}; docs/ELECTION.md lists the required permissions")]
    Forbidden(String),
    /// The Lease has changed since it was read.
    #[error("the lease was changed by another client in the meantime")]
    Conflict,
    /// The server reports any other error.
    #[error("the Kubernetes API returned an error: {0}")]
    Failed(String),
}

impl From<kube::Error> for LeaseApiError {
    fn from(error: kube::Error) -> Self {
        match &error {
            kube::Error::Api(status) if status.is_conflict() => LeaseApiError::Conflict,
            kube::Error::Api(status) if matches!(status.code, 401 | 403) => {
                LeaseApiError::Forbidden(status.message.clone())
            }
            kube::Error::Api(status) => LeaseApiError::Failed(format!("{}: {}", status.code, status.message)),
            _ => LeaseApiError::Unreachable(with_sources(&error)),
        }
    }
}

/// An error with all of its sources, because the outermost message of the client is rarely
/// informative. Repeated texts are left out.
fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let more = inner.to_string();
        if !text.contains(&more) {
            text += ": ";
            text += &more;
        }
        cause = inner.source();
    }
    text
}

/// Access to one Lease. The client is created again after each failure, so that a later attempt
/// uses rotated tokens and certificates, or a new address.
pub(super) struct LeaseApi {
    cluster: KubernetesCluster,
    name: LeaseName,
    limit: Duration,
    client: Mutex<Option<Client>>,
}

impl LeaseApi {
    /// `limit` is the deadline of each request.
    pub(super) fn new(cluster: KubernetesCluster, name: LeaseName, limit: Duration) -> Self {
        LeaseApi { cluster, name, limit, client: Mutex::default() }
    }

    /// Reads the Lease; `None` if it does not exist.
    pub(super) async fn get(&self) -> Result<Option<DynamicObject>, LeaseApiError> {
        self.request(|api, name| async move { api.get_opt(&name).await }).await
    }

    /// An empty Lease to be created.
    pub(super) fn blank(&self) -> DynamicObject {
        DynamicObject { data: serde_json::json!({}), ..DynamicObject::new(&self.name.name, &resource()) }
            .within(&self.name.namespace)
    }

    /// Creates the Lease; fails with a conflict if it exists.
    pub(super) async fn create(&self, lease: &DynamicObject) -> Result<DynamicObject, LeaseApiError> {
        self.request(|api, _| async move { api.create(&PostParams::default(), lease).await }).await
    }

    /// Replaces the Lease; fails with a conflict if it has changed since `lease` was read.
    pub(super) async fn replace(&self, lease: &DynamicObject) -> Result<DynamicObject, LeaseApiError> {
        self.request(|api, name| async move { api.replace(&name, &PostParams::default(), lease).await }).await
    }

    /// A stream of the Lease's versions, starting with the current one; `None` when it is deleted.
    pub(super) async fn watch(
        &self,
    ) -> Result<impl Stream<Item = Result<Option<DynamicObject>, LeaseApiError>> + Send, LeaseApiError> {
        let events = self.request(|api, name| async move {
            let params =
                WatchParams::default().fields(&format!("metadata.name={name}")).timeout(WATCH_SECONDS);
            api.watch(&params, "0").await
        });
        Ok(events.await?.map_err(LeaseApiError::from).filter_map(|event| async move {
            match event {
                Ok(WatchEvent::Added(lease) | WatchEvent::Modified(lease)) => Some(Ok(Some(lease))),
                Ok(WatchEvent::Deleted(_)) => Some(Ok(None)),
                Ok(WatchEvent::Bookmark(_)) => None,
                Ok(WatchEvent::Error(status)) => Some(Err(kube::Error::Api(status).into())),
                Err(error) => Some(Err(error)),
            }
        }))
    }

    async fn request<T, A>(
        &self,
        request: impl FnOnce(Api<DynamicObject>, String) -> A,
    ) -> Result<T, LeaseApiError>
    where
        A: Future<Output = kube::Result<T>> + Send,
    {
        let result = timeout(self.limit, async {
            let client = self.client().await?;
            let api = Api::namespaced_with(client, &self.name.namespace, &resource());
            request(api, self.name.name.clone()).await.map_err(LeaseApiError::from)
        });
        let result = result.await.unwrap_or_else(|_| {
            Err(LeaseApiError::Unreachable(format!("there was no answer within {:?}", self.limit)))
        });
        if matches!(result, Err(LeaseApiError::Unreachable(_) | LeaseApiError::Forbidden(_))) {
            *self.client.lock().await = None;
        }
        result
    }

    async fn client(&self) -> Result<Client, LeaseApiError> {
        let mut slot = self.client.lock().await;
        if let Some(client) = &*slot {
            return Ok(client.clone());
        }
        let mut config = self.cluster.config().await?;
        config.connect_timeout = Some(self.limit);
        // A failed attempt is repeated with the current version of the Lease, not with the same
        // request.
        config.default_retry = false;
        let client =
            Client::try_from(config).map_err(|error| LeaseApiError::Unconfigured(with_sources(&error)))?;
        *slot = Some(client.clone());
        Ok(client)
    }
}

fn resource() -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("coordination.k8s.io", "v1", "Lease"), "leases")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubeconfig_takes_precedence_over_the_surrounding_cluster() {
        let of =
            |pairs: &[(&str, &str)]| KubernetesCluster::of(&Environment::from_iter(pairs.iter().copied()));
        assert_eq!(of(&[]), KubernetesCluster::Kubeconfig(None));
        assert_eq!(of(&[("KUBERNETES_SERVICE_HOST", "10.0.0.1")]), KubernetesCluster::InCluster);
        let both = of(&[("KUBERNETES_SERVICE_HOST", "10.0.0.1"), ("KUBECONFIG", "/k")]);
        assert_eq!(both, KubernetesCluster::Kubeconfig(Some("/k".into())));
    }
}
