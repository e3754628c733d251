//! Which API of GitHub is used.

use super::closed_set::closed_set;

closed_set! {
    /// The API of GitHub to use.
    pub enum GithubApi {
        /// GraphQL if possible, else REST.
        Auto = "auto",
        /// Always GraphQL; needs credentials.
        Graphql = "graphql",
        /// Always REST.
        Rest = "rest",
    }
}
