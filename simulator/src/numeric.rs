//! Paths by id: GitHub's `Link` and `Location` headers identify repositories and accounts by id.

use jiff::Timestamp;

use crate::world::GithubWorld;

/// The path with known ids replaced by names.
pub(crate) fn to_names(world: &GithubWorld, now: Timestamp, path: &str) -> String {
    resolve(world, now, path).unwrap_or_else(|| path.to_owned())
}

fn resolve(world: &GithubWorld, now: Timestamp, path: &str) -> Option<String> {
    let (kind, rest) = path.trim_start_matches('/').split_once('/')?;
    let (id, rest) =
        rest.split_once('/').map_or((rest, String::new()), |(id, rest)| (id, format!("/{rest}")));
    let id: u64 = id.parse().ok()?;
    let login = || world.accounts().find(|account| account_id(account.ordinal) == id).map(|a| a.login());
    match kind {
        "repositories" => {
            let (account, repo) = world.repository_by_id(id)?;
            Some(format!("/repos/{}/{}{rest}", account.login(), repo.name_at(now)))
        }
        "organizations" => Some(format!("/orgs/{}{rest}", login()?)),
        "user" => Some(format!("/users/{}{rest}", login()?)),
        _ => None,
    }
}

/// The id of an account with repositories.
pub(crate) fn account_id(ordinal: u64) -> u64 {
    9_000_000 + ordinal
}
