//! Lines of code: the weekly statistics of a repository, and single commits.

use github_stats_actors::activity::{LocChange, Oid, Timestamp};
use github_stats_actors::source::{AuthorWeek, ListedRepository, RequestPriority, SourceError, Statistics};

use super::model;
use crate::github::client::GithubClient;
use crate::github::identity;

/// The weekly statistics of a repository.
pub async fn statistics(
    client: &GithubClient,
    repository: &ListedRepository,
) -> Result<Statistics, SourceError> {
    let client = client.with_priority(RequestPriority::Loc);
    let path = format!("/repos/{}/{}/stats/contributors", client.org(), repository.name);
    let response = client.get("contributor_statistics", &path, &[]).await?;
    match response.status.as_u16() {
        202 => Ok(Statistics::Computing),
        // The repository has no commits.
        204 => Ok(Statistics::Ready(Vec::new())),
        _ => {
            let contributors: Vec<model::Contributor> = client.parse(&path, &response)?;
            Ok(Statistics::Ready(contributors.iter().flat_map(weeks).collect()))
        }
    }
}

fn weeks(contributor: &model::Contributor) -> impl Iterator<Item = AuthorWeek> {
    let user = identity::commit_author(contributor.author.as_ref());
    contributor.weeks.iter().map(move |week| AuthorWeek {
        user: user.clone(),
        week: Timestamp::from_unix(week.w),
        commits: week.c,
        // GitHub reports the deletions of some weeks as a negative number.
        loc: LocChange { additions: week.a.unsigned_abs(), deletions: week.d.unsigned_abs() },
    })
}

/// The added and deleted lines of one commit; zero for a merge.
pub async fn commit(
    client: &GithubClient,
    repository: &ListedRepository,
    oid: Oid,
) -> Result<LocChange, SourceError> {
    let client = client.with_priority(RequestPriority::Loc);
    let path = format!("/repos/{}/{}/commits/{oid}?per_page=1", client.org(), repository.name);
    let response = client.get("get_commit", &path, &[]).await?;
    let commit: model::Commit = client.parse(&path, &response)?;
    Ok(commit.lines())
}
