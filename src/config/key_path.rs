//! Paths of keys, such as `github.orgs[0].org`, and the variables that override them.

/// The prefix of variables that override keys.
pub(super) const PREFIX: &str = "GITHUB_STATS__";

/// The path of `key` in the section at `path`.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The variable that overrides a key: `github.orgs[0].org` is `GITHUB_STATS__GITHUB__ORGS__0__ORG`.
pub(super) fn variable_of(key: &str) -> String {
    let path = key.replace("[]", "[0]").replace('[', ".").replace(']', "");
    format!("{PREFIX}{}", path.replace('.', "__").to_uppercase())
}
