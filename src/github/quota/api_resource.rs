//! The resources whose rate limits GitHub counts separately.

/// A resource of the API with a rate limit of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ApiResource {
    /// The REST API.
    Core,
    /// The GraphQL API.
    Graphql,
}

impl ApiResource {
    pub const ALL: [ApiResource; 2] = [ApiResource::Core, ApiResource::Graphql];

    /// GitHub's name for it, as in the header `x-ratelimit-resource`.
    pub fn as_str(self) -> &'static str {
        match self {
            ApiResource::Core => "core",
            ApiResource::Graphql => "graphql",
        }
    }

    /// Points per minute that GitHub's secondary rate limit allows.
    pub(super) fn points_per_minute(self) -> u64 {
        match self {
            ApiResource::Core => 900,
            ApiResource::Graphql => 2_000,
        }
    }
}
