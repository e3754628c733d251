//! Lua scripts that servers cache by hash.

/// A Lua script. Its code is sent once to each server; later calls send only its SHA-1.
#[derive(Clone, Debug)]
pub struct LuaScript {
    pub(super) code: &'static str,
    pub(super) hash: String,
}

impl LuaScript {
    pub fn new(code: &'static str) -> Self {
        LuaScript { code, hash: redis::Script::new(code).get_hash().to_owned() }
    }
}
