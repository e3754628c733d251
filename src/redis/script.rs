//! A script that the server keeps by its hash.

/// A Lua script. It is sent once to each server and called by its hash afterwards.
#[derive(Clone, Debug)]
pub struct Script {
    pub(super) code: &'static str,
    pub(super) hash: String,
}

impl Script {
    /// A script with this code.
    pub fn new(code: &'static str) -> Self {
        Script { code, hash: redis::Script::new(code).get_hash().to_owned() }
    }
}
