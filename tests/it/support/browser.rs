//! A real browser, driven over its debugging pipe.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// How long the browser may take for one command, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// The pipe is what the browser calls descriptors 3 and 4. It ends when they are closed, and with the process of the tests.
const PIPED: &str = r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1"#;
const ARGUMENTS: [&str; 6] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--remote-debugging-pipe",
];

/// A browser with one tab.
pub struct Browser {
    child: Child,
    commands: ChildStdin,
    answers: Receiver<Value>,
    sent: u64,
    session: Option<String>,
    _profile: TempDir,
}

/// Where a Chromium is; says loudly when there is none.
fn chromium() -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|candidate| candidate.is_file());
    if found.is_none() {
        eprintln!("SKIPPED: there is no Chromium (Debian package chromium)");
    }
    found
}

impl Browser {
    /// Starts it with a profile of its own; `None` where there is none to start.
    pub fn start() -> Option<Self> {
        let chromium = chromium()?;
        let profile = TempDir::new().expect("a folder");
        let mut child = Command::new("sh")
            .args(["-c", PIPED])
            .arg(chromium)
            .args(ARGUMENTS)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the browser starts");
        let commands = child.stdin.take().expect("a pipe");
        let output = child.stdout.take().expect("a pipe");
        let (tell, answers) = channel();
        std::thread::spawn(move || {
            for message in BufReader::new(output).split(0).map_while(Result::ok) {
                // Nobody listens any more once the test is over.
                let _ = tell.send(serde_json::from_slice(&message).unwrap_or_default());
            }
        });
        Some(Browser { child, commands, answers, sent: 0, session: None, _profile: profile })
    }

    /// Opens a page in a new tab, and goes on there.
    pub fn open(&mut self, url: &str) {
        self.session = None;
        let made = self.call("Target.createTarget", json!({ "url": url })).expect("a tab");
        let target = json!({ "targetId": made["targetId"], "flatten": true });
        let attached = self.call("Target.attachToTarget", target).expect("a session");
        self.session = attached["sessionId"].as_str().map(str::to_owned);
    }

    /// The value of an expression in the page.
    pub fn evaluate(&mut self, expression: &str) -> Value {
        self.try_evaluate(expression).unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// The same; an error where the page is on its way to another, or has not come to that.
    fn try_evaluate(&mut self, expression: &str) -> Result<Value, Value> {
        let parameters = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let answer = self.call("Runtime.evaluate", parameters)?;
        match &answer["exceptionDetails"] {
            Value::Null => Ok(answer["result"]["value"].clone()),
            thrown => Err(thrown.clone()),
        }
    }

    /// Waits until an expression in the page is true.
    pub async fn until(&mut self, expression: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.try_evaluate(expression) != Ok(Value::Bool(true)) {
            if Instant::now() >= deadline {
                panic!("never: {expression}\n{:?}", self.try_evaluate("document.body.innerText"));
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    fn call(&mut self, method: &str, parameters: Value) -> Result<Value, Value> {
        self.sent += 1;
        let mut message = json!({ "id": self.sent, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.commands.write_all(format!("{message}\0").as_bytes()).expect("the browser lives");
        loop {
            let answer = self.answers.recv_timeout(PATIENCE).expect("the browser answers");
            if answer["id"] == self.sent {
                let error = &answer["error"];
                return if error.is_null() { Ok(answer["result"].clone()) } else { Err(error.clone()) };
            }
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Its other processes end with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
