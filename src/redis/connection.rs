//! One connection, in any of the supported modes.

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo};
use redis::{Cmd, ErrorKind, Pipeline, RedisFuture, RedisResult, Value};

/// Cheap to clone; all clones multiplex their requests over the same sockets.
#[derive(Clone)]
pub(super) enum RedisConnection {
    /// A connection to one server.
    Single(MultiplexedConnection),
    /// Connections to the nodes of a cluster. The library follows moved slots and replaced nodes.
    Cluster(ClusterConnection),
}

impl RedisConnection {
    /// The replies of all masters of a cluster, by address; `None` outside of a cluster.
    pub(super) fn query_masters(
        &self,
        command: &Cmd,
    ) -> Option<impl Future<Output = RedisResult<Vec<(String, Value)>>> + Send + use<>> {
        let RedisConnection::Cluster(connection) = self else { return None };
        let (mut connection, command) = (connection.clone(), command.clone());
        let all_masters = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
        Some(async move {
            let Value::Map(replies) = connection.route_command(command, all_masters).await? else {
                return Err((
                    ErrorKind::UnexpectedReturnType,
                    "the cluster did not return one reply per node",
                )
                    .into());
            };
            replies
                .into_iter()
                .map(|(node, reply)| Ok((redis::from_redis_value(node)?, reply.extract_error()?)))
                .collect()
        })
    }
}

impl ConnectionLike for RedisConnection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            RedisConnection::Single(connection) => connection.req_packed_command(cmd),
            RedisConnection::Cluster(connection) => connection.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            RedisConnection::Single(connection) => connection.req_packed_commands(pipeline, offset, count),
            RedisConnection::Cluster(connection) => connection.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            RedisConnection::Single(connection) => connection.get_db(),
            RedisConnection::Cluster(connection) => connection.get_db(),
        }
    }
}
