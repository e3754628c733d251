//! The scripts: what must be atomic, and nothing else. No rule of the domain is among them.

use crate::redis::Script;

/// Every script, with its hash.
pub(super) struct Scripts {
    pub(super) apply: Script,
    pub(super) begin_epoch: Script,
    pub(super) raise_fence: Script,
    pub(super) claim: Script,
    pub(super) put: Script,
    pub(super) swap: Script,
    pub(super) remove: Script,
    pub(super) get: Script,
    pub(super) list: Script,
    pub(super) count: Script,
    pub(super) raise_counts: Script,
}

macro_rules! lua {
    ($name:literal) => {
        Script::new(include_str!(concat!("lua/", $name, ".lua")))
    };
    (entries $name:literal) => {
        Script::new(concat!(include_str!("lua/now.lua"), "\n", include_str!(concat!("lua/", $name, ".lua"))))
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
