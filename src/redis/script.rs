//! A script that the server keeps by its hash.

/// A Lua script. It is sent once to each server and called by its hash afterwards.
#[derive(Clone, Debug)]
pub struct LuaScript {
    pub(super) code: &'static str,
    pub(super) hash: String,
}

impl LuaScript {
    /// A script with this code.
    pub fn new(code: &'static str) -> Self {
        LuaScript { code, hash: redis::Script::new(code).get_hash().to_owned() }
    }
}
