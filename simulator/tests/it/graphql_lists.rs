//! Objects and lists in GraphQL, compared with the ground truth.

use std::collections::BTreeSet;

use github_sim::{
    BusyWorld, Comment, Commit, ExpectedFactKind, GithubWorld, Issue, PullRequest, Review, ReviewState,
    Simulator, generate_busy_world,
};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::client::{get, query, start, time};

const NOW: &str = "2026-03-20T12:00:00Z";

/// Everything that a collector reads of one repository, page by page.
const EVERYTHING: &str = "
query Everything($id: ID!, $commits: String, $pulls: String, $issues: String) {
  node(id: $id) {
    ... on Repository {
      name
      defaultBranchRef { target { ... on Commit { history(first: 50, after: $commits) {
        pageInfo { ...Next } nodes { oid additions parents(first: 2) { totalCount } author { user { login __typename } } }
      } } } }
      pullRequests(first: 50, after: $pulls) { pageInfo { ...Next } nodes {
        number mergedAt author { ...Who }
        reviews(first: 100) { nodes { fullDatabaseId databaseId state author { ...Who } } }
        comments(first: 100) { nodes { ...Remark } }
      } }
      issues(first: 50, after: $issues) { pageInfo { ...Next } nodes { comments(first: 100) { nodes { ...Remark } } } }
    }
  }
}
fragment Next on PageInfo { hasNextPage endCursor }
fragment Who on Actor { login __typename }
fragment Remark on IssueComment { fullDatabaseId author { ...Who } }";

#[derive(Debug, Default, PartialEq, Eq)]
struct CollectedFacts {
    rows: BTreeSet<(ExpectedFactKind, String, String)>,
}

impl CollectedFacts {
    fn add(&mut self, kind: ExpectedFactKind, id: &Value, author: &Value) {
        let id = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
        let login = author["login"].as_str();
        let nobody = if kind == ExpectedFactKind::Commit { "unlinked" } else { "ghost" };
        let bot = if author["__typename"] == "Bot" { "[bot]" } else { "" };
        self.rows.insert((kind, id, format!("{}{bot}", login.unwrap_or(nobody))));
    }

    fn page(&mut self, repo: &Value) {
        let nodes = |list: &Value| list["nodes"].as_array().cloned().unwrap_or_default();
        for commit in nodes(&repo["defaultBranchRef"]["target"]["history"]) {
            self.add(ExpectedFactKind::Commit, &commit["oid"], &commit["author"]["user"]);
        }
        for pull in nodes(&repo["pullRequests"]) {
            self.add(ExpectedFactKind::PrOpened, &pull["number"], &pull["author"]);
            if pull["mergedAt"].is_string() {
                self.add(ExpectedFactKind::PrMerged, &pull["number"], &pull["author"]);
            }
            for review in nodes(&pull["reviews"]) {
                assert!(review["state"] != "PENDING" && review["databaseId"].is_null());
                self.add(ExpectedFactKind::Review, &review["fullDatabaseId"], &review["author"]);
            }
        }
        for conversation in [nodes(&repo["pullRequests"]), nodes(&repo["issues"])].concat() {
            for comment in nodes(&conversation["comments"]) {
                self.add(ExpectedFactKind::IssueComment, &comment["fullDatabaseId"], &comment["author"]);
            }
        }
    }
}

fn collect(simulator: &Simulator, id: &str) -> CollectedFacts {
    let (mut seen, mut cursors) = (CollectedFacts::default(), json!({"id": id}));
    loop {
        let answer = query(simulator, EVERYTHING, &cursors).json();
        assert_eq!(answer.get("errors"), None);
        let repo = &answer["data"]["node"];
        seen.page(repo);
        let lists = [
            ("commits", &repo["defaultBranchRef"]["target"]["history"]),
            ("pulls", &repo["pullRequests"]),
            ("issues", &repo["issues"]),
        ];
        let mut more = false;
        for (name, list) in lists {
            if list["pageInfo"]["endCursor"].is_string() {
                cursors[name] = list["pageInfo"]["endCursor"].clone();
            }
            more |= list["pageInfo"]["hasNextPage"] == true;
        }
        if !more {
            return seen;
        }
    }
}

#[test]
fn paging_through_everything_finds_all_facts() {
    let simulator =
        start(generate_busy_world(BusyWorld { repos: 3, ..BusyWorld::default() }, time(NOW)), NOW);
    let facts = simulator.truth().facts(time(NOW));
    let listed = query(
        &simulator,
        "{ organization(login: \"acme\") { repositories(first: 9) { nodes { id } } } }",
        &json!({}),
    );
    let listed = listed.json();
    let repos = listed["data"]["organization"]["repositories"]["nodes"].as_array().expect("nodes");
    assert_eq!(repos.len(), 3);
    for repo in repos {
        let id = repo["id"].as_str().expect("an id");
        let of = facts.iter().filter(|fact| fact.repo_id == id);
        let rows: BTreeSet<_> = of.map(|fact| (fact.kind, fact.id.clone(), fact.user.clone())).collect();
        assert!(rows.len() > 100);
        assert_eq!(collect(&simulator, id).rows, rows);
    }
}

#[test]
fn bots_have_different_logins_as_actor_and_as_user() {
    let now = time(NOW);
    let mut world = GithubWorld::new();
    let repo = world.org("acme").repo("api");
    repo.push(now, vec![Commit::new("robot[bot]", now), Commit::unlinked(now)]);
    let number = repo.pull_request(PullRequest::new("robot[bot]", now));
    repo.review(number, Review::by_ghost(ReviewState::Commented, now));
    let simulator = start(world, NOW);
    let text = "{ repository(owner: \"ACME\", name: \"API\") {
        pullRequest(number: 1) { author { login __typename } reviews(first: 1) { nodes { author { login } } } }
        object(expression: \"main\") { ... on Commit { history(last: 2) { nodes { author { user { login __typename } } } } } }
    } }";
    let repo = query(&simulator, text, &json!({})).json()["data"]["repository"].clone();
    assert_eq!(repo["pullRequest"]["author"], json!({"login": "robot", "__typename": "Bot"}));
    assert_eq!(repo["pullRequest"]["reviews"]["nodes"], json!([{"author": null}]));
    let users = repo["object"]["history"]["nodes"].clone();
    let robot = json!({"author": {"user": {"login": "robot[bot]", "__typename": "User"}}});
    assert_eq!(users, json!([{"author": {"user": null}}, robot]));
}

#[test]
fn node_ids_are_those_of_rest() {
    let simulator = start(generate_busy_world(BusyWorld::default(), time(NOW)), NOW);
    let node = |id: &Value, fields: &str| {
        let text = format!("query One($id: ID!) {{ node(id: $id) {{ __typename {fields} }} }}");
        query(&simulator, &text, &json!({"id": id})).json()["data"]["node"].clone()
    };
    let first = |target: &str| get(&simulator, target).json()[0].clone();
    let repo = get(&simulator, "/repos/acme/api").json();
    let same = node(&repo["node_id"], "... on Repository { databaseId nameWithOwner }");
    assert_eq!(
        same,
        json!({"__typename": "Repository", "databaseId": repo["id"], "nameWithOwner": "acme/api"})
    );
    let commit = first("/repos/acme/api/commits");
    assert_eq!(node(&commit["node_id"], "... on Commit { oid }")["oid"], commit["sha"]);
    for (target, kind) in [
        ("/repos/acme/api/pulls?state=all", "PullRequest"),
        ("/repos/acme/api/issues/comments", "IssueComment"),
    ] {
        let item = first(target);
        let found = node(&item["node_id"], &format!("... on {kind} {{ fullDatabaseId }}"));
        assert_eq!(found, json!({"__typename": kind, "fullDatabaseId": item["id"].to_string()}));
    }
    let issues = get(&simulator, "/repos/acme/api/issues?state=all&per_page=100").json();
    for issue in issues.as_array().expect("issues") {
        let kind = if issue.get("pull_request").is_some() { "PullRequest" } else { "Issue" };
        let found = node(&issue["node_id"], "... on PullRequest { number } ... on Issue { number }");
        assert_eq!(found, json!({"__typename": kind, "number": issue["number"]}));
    }
}

#[test]
fn unknown_ids_are_null_with_an_error() {
    let (now, mut world) = (time(NOW), GithubWorld::new());
    let repo = world.org("acme").repo("api");
    let issue = repo.issue(Issue::new("ada", now));
    let kept = repo.comment(issue, Comment::new("ada", now));
    let gone = repo.comment(issue, Comment::new("ada", now).deleted_at(now + SignedDuration::from_secs(1)));
    let simulator = start(world, NOW);
    let ids = |id: u64| {
        let comments = get(&simulator, "/repos/acme/api/issues/comments").json();
        let found = comments.as_array().and_then(|all| all.iter().find(|one| one["id"] == id).cloned());
        found.expect("a comment")["node_id"].clone()
    };
    let ids = json!({"ids": [ids(kept), ids(gone), "nonsense"]});
    simulator.advance(std::time::Duration::from_secs(1));
    let text =
        "query Which($ids: [ID!]!) { nodes(ids: $ids) { id ... on IssueComment { issue { number } } } }";
    let answer = query(&simulator, text, &ids).json();
    let nodes = answer["data"]["nodes"].as_array().expect("nodes");
    assert_eq!((&nodes[0]["issue"]["number"], &nodes[1], &nodes[2]), (&json!(1), &Value::Null, &Value::Null));
    let errors = answer["errors"].as_array().expect("errors");
    let paths: Vec<_> = errors.iter().map(|error| (&error["type"], &error["path"])).collect();
    assert_eq!(
        paths,
        [(&json!("NOT_FOUND"), &json!(["nodes", 1])), (&json!("NOT_FOUND"), &json!(["nodes", 2]))]
    );
}

#[test]
fn a_cursor_keeps_its_position_while_the_list_changes() {
    let (now, mut world) = (time(NOW), GithubWorld::new());
    for nth in 0..6 {
        let at = now - SignedDuration::from_mins(nth);
        world.org("acme").repo(&format!("repo-{nth}")).push(at, vec![Commit::new("ada", at)]);
    }
    let simulator = start(world, NOW);
    let page = |after: &Value| {
        let text = "query Page($after: String) { organization(login: \"acme\") {
          repositories(first: 2, after: $after, orderBy: {field: PUSHED_AT, direction: DESC}) {
            pageInfo { endCursor hasPreviousPage } nodes { name }
          } } }";
        let answer = query(&simulator, text, &json!({"after": after})).json();
        answer["data"]["organization"]["repositories"].clone()
    };
    let first = page(&Value::Null);
    assert_eq!(first["nodes"], json!([{"name": "repo-0"}, {"name": "repo-1"}]));
    simulator.edit(|world| world.org("acme").repo("repo-5").push(now, vec![Commit::new("ada", now)]));
    let second = page(&first["pageInfo"]["endCursor"]);
    assert_eq!(second["nodes"], json!([{"name": "repo-2"}, {"name": "repo-3"}]));
    assert_eq!(second["pageInfo"]["hasPreviousPage"], true);
}

#[test]
fn a_history_is_paged_from_the_head_at_which_it_was_started() {
    let (now, mut world) = (time(NOW), GithubWorld::new());
    let commits = |count: usize| (0..count).map(|_| Commit::new("ada", now)).collect();
    world.org("acme").repo("api").push(now, commits(5));
    let simulator = start(world, NOW);
    let page = |after: &Value| {
        let text = "query Page($after: String) { repository(owner: \"acme\", name: \"api\") { defaultBranchRef { target {
          ... on Commit { history(first: 3, after: $after) { totalCount pageInfo { endCursor } nodes { oid } } } } } } }";
        let answer = query(&simulator, text, &json!({"after": after})).json();
        answer["data"]["repository"]["defaultBranchRef"]["target"]["history"].clone()
    };
    let listed = get(&simulator, "/repos/acme/api/commits").json();
    let first = page(&Value::Null);
    simulator.edit(|world| world.org("acme").repo("api").push(now, commits(4)));
    let second = page(&first["pageInfo"]["endCursor"]);
    let shas: Vec<_> =
        [&first, &second].iter().flat_map(|page| page["nodes"].as_array().expect("nodes").clone()).collect();
    let known: Vec<_> =
        listed.as_array().expect("a list").iter().map(|commit| json!({"oid": commit["sha"]})).collect();
    assert_eq!((shas, &second["totalCount"]), (known, &json!(5)));
}

#[test]
fn the_paths_of_enterprise_server_are_served() {
    let simulator = start(generate_busy_world(BusyWorld::default(), time(NOW)), NOW);
    let answer = get(&simulator, "/api/v3/orgs/acme/repos?per_page=2");
    let next = answer.link("next").expect("a link");
    assert!(next.starts_with("/api/v3/organizations/"), "{next}");
    assert_eq!(get(&simulator, &next).status, 200);
    let authorization = format!("Bearer {}", crate::client::TOKEN);
    let body = json!({"query": "{ viewer { login } }"}).to_string();
    let headers = [("authorization", authorization.as_str())];
    let answer = crate::client::ask(&simulator, "POST", "/api/graphql", &headers, &body).expect("an answer");
    assert!(answer.json()["data"]["viewer"]["login"].is_string());
}
