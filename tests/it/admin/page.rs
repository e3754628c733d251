//! The administration page in a real browser.

use github_sim::{ApiFault, RequestMatcher};
use serde_json::Value;
use tempfile::TempDir;

use super::admin_json;
use crate::queue::operator::small_organisation;
use crate::support::{Browser, Replica, busy_world, config, settle, simulator, wait_for_metrics};

/// The visible text of the page.
const TEXT: &str = "document.body.innerText";

fn contains(text: &str) -> String {
    format!("{TEXT}.includes({})", Value::from(text))
}

fn submit(form: &str, values: &[(&str, &str)]) -> String {
    let set = |(id, value): &(&str, &str)| {
        format!("document.getElementById('{id}').value = {};", Value::from(*value))
    };
    let set: String = values.iter().map(set).collect();
    format!("{set} document.querySelector('#{form} button[type=submit]').click(); true")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs chromium; tests/run runs it"]
async fn the_page_shows_a_replica_pauses_it_and_resumes_it() {
    let mut browser = Browser::start();
    let simulator = simulator(busy_world("acme"));
    let folder = TempDir::new().expect("a folder");
    let replica = Replica::serve(folder.path(), &config(&simulator, "acme")).await;
    settle(&replica, &simulator, simulator.now()).await;
    browser.open(&format!("http://127.0.0.1:{}/admin", replica.port()));
    for text in ["acme", "scrape_success", "worker-1", "There are no dead letters.", "Nothing is paused."] {
        browser.wait_for(&contains(text)).await;
    }
    let order =
        [("pause-org", "acme"), ("pause-for", "4h"), ("pause-by", "ann"), ("pause-reason", "<b>bold</b>")];
    browser.evaluate(&submit("pause", &order));
    browser.wait_for(&contains("<b>bold</b>")).await;
    assert_eq!(
        browser.evaluate("document.querySelectorAll('b').length"),
        0,
        "user input is not interpreted as markup"
    );
    let shown = admin_json(&replica, folder.path(), &["maintenance", "show"]);
    let pause = &shown["maintenance"][0];
    assert_eq!((&pause["org"], &pause["by"]), (&"acme".into(), &"ann".into()), "{shown}");
    assert!(pause["remaining_seconds"].as_u64() > Some(3 * 3_600), "{shown}");
    browser.evaluate("document.querySelector('[aria-label=\"End the maintenance of acme\"]').click(); true");
    browser.wait_for(&contains("Nothing is paused.")).await;
    let shown = admin_json(&replica, folder.path(), &["maintenance", "show"]);
    assert_eq!(shown["maintenance"].as_array().map(Vec::len), Some(0), "{shown}");
    // A failure is reported, and the content stays.
    browser.evaluate(&submit("pause", &[("pause-org", ""), ("pause-reason", "   ")]));
    browser.wait_for("document.getElementById('message').className === 'bad'").await;
    assert_eq!(browser.evaluate(&contains("worker-1")), true);
}

/// Clicks a button of the first dead letter of a repository.
fn press(button: &str, repository: &str) -> String {
    let row = format!(
        "[...document.querySelectorAll('#letters tr')].find((row) => row.innerText.includes('{repository}'))"
    );
    format!("{row}.querySelector('[aria-label^=\"{button}\"]').click(); true")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs chromium; tests/run runs it"]
async fn dead_letters_are_reprocessed_and_resolved_on_the_page() {
    let mut browser = Browser::start();
    let simulator = simulator(small_organisation);
    for name in ["fixable", "hopeless"] {
        let repository = RequestMatcher::Repo(format!("acme/{name}"));
        simulator.faults().add(ApiFault::status(repository, 403, "Resource not accessible"));
    }
    let folder = TempDir::new().expect("a folder");
    let text = config(&simulator, "acme").replace("request_timeout: 5s", "request_timeout: 5s\n  api: rest");
    let replica = Replica::serve(folder.path(), &text).await;
    browser.open(&format!("http://127.0.0.1:{}/admin", replica.port()));
    for text in ["acme/fixable", "acme/hopeless", "cannot_succeed"] {
        browser.wait_for(&contains(text)).await;
    }
    let waiting = async |repository: &str| {
        let (_, text) = replica.get("/api/admin/dlq?count=50").await;
        let listed: Value = serde_json::from_str(&text).expect("JSON");
        let dead_letters = listed["letters"].as_array().expect("dead letters").iter();
        let of_repository = dead_letters.filter(|dead_letter| dead_letter["job"]["repo"] == repository);
        of_repository.map(|dead_letter| dead_letter["id"].clone()).collect::<Vec<Value>>()
    };
    let before = waiting("hopeless").await;
    browser.evaluate(&press("Resolve", "acme/hopeless"));
    browser.wait_for("!document.getElementById('resolve').hidden").await;
    browser.evaluate(&submit("resolve", &[("resolve-reason", "it is gone for good")]));
    browser.wait_for(&contains("is resolved.")).await;
    // Its window is enqueued again, and becomes another dead letter, within a moment.
    let after = waiting("hopeless").await;
    assert_eq!(before.iter().filter(|id| !after.contains(id)).count(), 1);
    assert!(replica.log().contains("it is gone for good"), "the audit log has the reason");
    simulator.faults().clear();
    browser.evaluate(&press("Reprocess", "acme/fixable"));
    browser.wait_for(&contains("is enqueued again as job")).await;
    let covers = |page: &str| page.contains("repo=\"fixable\",user=\"ada\"");
    wait_for_metrics(&replica, "the missing activity", covers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs chromium; tests/run runs it"]
async fn the_page_asks_for_the_token_once_and_forgets_it_on_request() {
    let mut browser = Browser::start();
    let folder = TempDir::new().expect("a folder");
    let text = "server: {admin_token: s3cret}\nstore: {backend: memory}\n";
    let replica = Replica::serve(folder.path(), text).await;
    let url = format!("http://127.0.0.1:{}/admin", replica.port());
    browser.open(&url);
    browser.wait_for(&contains("This replica requires a token.")).await;
    assert_eq!(browser.evaluate(&contains("worker-1")), false);
    browser.evaluate(&submit("login", &[("token", "guess")]));
    browser.wait_for(&contains("the bearer token is wrong")).await;
    browser.evaluate(&submit("login", &[("token", "s3cret")]));
    browser.wait_for(&contains("worker-1")).await;
    browser.evaluate("window.isOld = true; location.reload(); true");
    browser.wait_for(&format!("!window.isOld && {}", contains("worker-1"))).await;
    browser.evaluate("document.getElementById('forget').click(); true");
    browser.wait_for(&contains("The token is forgotten.")).await;
    assert_eq!(browser.evaluate("sessionStorage.length + document.cookie.length + localStorage.length"), 0);
    assert_eq!(browser.evaluate(&contains("worker-1")), false);
}
