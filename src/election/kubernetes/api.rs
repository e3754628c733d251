//! The way to the API server.

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

/// How long the server lets a watch last; less than what proxies in between allow.
const WATCH_SECONDS: u32 = 240;

/// Where the API server is, and who we are to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KubernetesCluster {
    /// The cluster this process runs in, with the service account of its pod.
    Own,
    /// The present context of a kubeconfig file; `None`: the one in the home directory.
    Kubeconfig(Option<PathBuf>),
}

impl KubernetesCluster {
    /// A kubeconfig that was named goes before the cluster around, and that before the home directory's.
    pub fn of(env: &Environment) -> Self {
        match env.get("KUBECONFIG").filter(|path| !path.is_empty()) {
            Some(path) => KubernetesCluster::Kubeconfig(Some(path.into())),
            None if Self::is_around(env) => KubernetesCluster::Own,
            None => KubernetesCluster::Kubeconfig(None),
        }
    }

    /// Whether this process runs in a cluster.
    pub fn is_around(env: &Environment) -> bool {
        env.get("KUBERNETES_SERVICE_HOST").is_some_and(|host| !host.is_empty())
    }

    /// Reads everything anew: the address, the authorities and the credentials.
    async fn config(&self) -> Result<Config, ApiError> {
        let unusable = |error: &dyn std::error::Error| ApiError::Unusable(causes(error));
        match self {
            KubernetesCluster::Own => Config::incluster().map_err(|error| unusable(&error)),
            KubernetesCluster::Kubeconfig(path) => {
                let file = match path {
                    Some(path) => Kubeconfig::read_from(path),
                    None => Kubeconfig::read(),
                };
                let file = file.map_err(|error| unusable(&error))?;
                let options = KubeConfigOptions::default();
                Config::from_custom_kubeconfig(file, &options).await.map_err(|error| unusable(&error))
            }
        }
    }
}

/// Why the API server did not do as asked.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum ApiError {
    /// There is nothing to connect with.
    #[error(
        "the way to the Kubernetes API is not known: {0}; check KUBECONFIG, or the pod's service account"
    )]
    Unusable(String),
    /// It cannot be reached.
    #[error("the Kubernetes API cannot be reached: {0}")]
    Unreachable(String),
    /// It does not let us.
    #[error("the Kubernetes API refuses: {0}; docs/ELECTION.md lists the permissions that are needed")]
    Forbidden(String),
    /// Somebody else was quicker.
    #[error("the lease was changed by somebody else meanwhile")]
    Conflict,
    /// It is in trouble itself.
    #[error("the Kubernetes API answered {0}")]
    Failed(String),
}

impl From<kube::Error> for ApiError {
    fn from(error: kube::Error) -> Self {
        match &error {
            kube::Error::Api(status) if status.is_conflict() => ApiError::Conflict,
            kube::Error::Api(status) if matches!(status.code, 401 | 403) => {
                ApiError::Forbidden(status.message.clone())
            }
            kube::Error::Api(status) => ApiError::Failed(format!("{}: {}", status.code, status.message)),
            _ => ApiError::Unreachable(causes(&error)),
        }
    }
}

/// An error and what caused it: the outer text of a client's error seldom tells.
fn causes(error: &dyn std::error::Error) -> String {
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

/// One Lease, over a client that is made anew after each failure, so that rotated tokens and authorities, and another
/// address, are found by trying again.
pub(super) struct LeaseApi {
    cluster: KubernetesCluster,
    name: LeaseName,
    limit: Duration,
    client: Mutex<Option<Client>>,
}

impl LeaseApi {
    /// Each request may take up to `limit`.
    pub(super) fn new(cluster: KubernetesCluster, name: LeaseName, limit: Duration) -> Self {
        LeaseApi { cluster, name, limit, client: Mutex::default() }
    }

    /// The Lease, if there is one.
    pub(super) async fn get(&self) -> Result<Option<DynamicObject>, ApiError> {
        self.ask(|api, name| async move { api.get_opt(&name).await }).await
    }

    /// A Lease that is not there yet.
    pub(super) fn blank(&self) -> DynamicObject {
        DynamicObject { data: serde_json::json!({}), ..DynamicObject::new(&self.name.name, &resource()) }
            .within(&self.name.namespace)
    }

    /// Creates the Lease; a conflict where there is one by now.
    pub(super) async fn create(&self, lease: &DynamicObject) -> Result<DynamicObject, ApiError> {
        self.ask(|api, _| async move { api.create(&PostParams::default(), lease).await }).await
    }

    /// Replaces the version of the Lease that was read.
    pub(super) async fn replace(&self, lease: &DynamicObject) -> Result<DynamicObject, ApiError> {
        self.ask(|api, name| async move { api.replace(&name, &PostParams::default(), lease).await }).await
    }

    /// What happens to the Lease from now on, beginning with how it is; `None` stands for its deletion.
    pub(super) async fn watch(
        &self,
    ) -> Result<impl Stream<Item = Result<Option<DynamicObject>, ApiError>> + Send, ApiError> {
        let events = self.ask(|api, name| async move {
            let params =
                WatchParams::default().fields(&format!("metadata.name={name}")).timeout(WATCH_SECONDS);
            api.watch(&params, "0").await
        });
        Ok(events.await?.map_err(ApiError::from).filter_map(|event| async move {
            match event {
                Ok(WatchEvent::Added(lease) | WatchEvent::Modified(lease)) => Some(Ok(Some(lease))),
                Ok(WatchEvent::Deleted(_)) => Some(Ok(None)),
                Ok(WatchEvent::Bookmark(_)) => None,
                Ok(WatchEvent::Error(status)) => Some(Err(kube::Error::Api(status).into())),
                Err(error) => Some(Err(error)),
            }
        }))
    }

    async fn ask<T, A>(&self, request: impl FnOnce(Api<DynamicObject>, String) -> A) -> Result<T, ApiError>
    where
        A: Future<Output = kube::Result<T>> + Send,
    {
        let answer = timeout(self.limit, async {
            let client = self.client().await?;
            let api = Api::namespaced_with(client, &self.name.namespace, &resource());
            request(api, self.name.name.clone()).await.map_err(ApiError::from)
        });
        let answer = answer.await.unwrap_or_else(|_| {
            Err(ApiError::Unreachable(format!("there was no answer within {:?}", self.limit)))
        });
        if matches!(answer, Err(ApiError::Unreachable(_) | ApiError::Forbidden(_))) {
            *self.client.lock().await = None;
        }
        answer
    }

    async fn client(&self) -> Result<Client, ApiError> {
        let mut slot = self.client.lock().await;
        if let Some(client) = &*slot {
            return Ok(client.clone());
        }
        let mut config = self.cluster.config().await?;
        config.connect_timeout = Some(self.limit);
        // An attempt that fails is made again with another view of the Lease, not as it was.
        config.default_retry = false;
        let client = Client::try_from(config).map_err(|error| ApiError::Unusable(causes(&error)))?;
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
    fn a_named_kubeconfig_goes_before_the_cluster_around() {
        let of =
            |pairs: &[(&str, &str)]| KubernetesCluster::of(&Environment::from_iter(pairs.iter().copied()));
        assert_eq!(of(&[]), KubernetesCluster::Kubeconfig(None));
        assert_eq!(of(&[("KUBERNETES_SERVICE_HOST", "10.0.0.1")]), KubernetesCluster::Own);
        let both = of(&[("KUBERNETES_SERVICE_HOST", "10.0.0.1"), ("KUBECONFIG", "/k")]);
        assert_eq!(both, KubernetesCluster::Kubeconfig(Some("/k".into())));
    }
}
