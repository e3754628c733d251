//! The Lua scripts. They contain only what must be atomic, and no domain logic.

use crate::redis::LuaScript;

/// All scripts, with their hashes.
pub(super) struct Scripts {
    pub(super) apply: LuaScript,
    pub(super) begin_epoch: LuaScript,
    pub(super) raise_fence: LuaScript,
    pub(super) claim: LuaScript,
    pub(super) put: LuaScript,
    pub(super) swap: LuaScript,
    pub(super) remove: LuaScript,
    pub(super) get: LuaScript,
    pub(super) list: LuaScript,
    pub(super) count: LuaScript,
    pub(super) raise_counts: LuaScript,
}

macro_rules! lua {
    ($name:literal) => {
        LuaScript::new(include_str!(concat!("lua/", $name, ".lua")))
    };
    (entries $name:literal) => {
        LuaScript::new(concat!(
            include_str!("lua/now.lua"),
            "\n",
            include_str!(concat!("lua/", $name, ".lua"))
        ))
    };
}

impl Scripts {
    pub(super) fn new() -> Self {
        Scripts {
            apply: lua!("apply"),
            begin_epoch: lua!("begin_epoch"),
            raise_fence: lua!("raise_fence"),
            claim: lua!(entries "claim"),
            put: lua!(entries "put"),
            swap: lua!(entries "swap"),
            remove: lua!(entries "remove"),
            get: lua!(entries "get"),
            list: lua!(entries "list"),
            count: lua!("count"),
            raise_counts: lua!("raise_counts"),
        }
    }
}
