//! The REST source: for servers without GraphQL, and for requests without a token.

mod loc;
pub(super) mod model;
mod paginated_list;
mod repository_reader;
mod source;

pub use source::RestSource;
