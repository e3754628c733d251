//! A real browser, controlled over its debugging pipe.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::requirement::require;

/// Upper bound for one command of the browser, on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(90);

/// Connects the pipe to descriptors 3 and 4, where the browser expects it. The browser ends when
/// they are closed, and with the process of the tests.
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

impl Browser {
    /// Starts it with a profile of its own.
    pub fn start() -> Self {
        let chromium = require(&["chromium", "chromium-browser", "google-chrome"], "chromium");
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
        let (sender, answers) = channel();
        std::thread::spawn(move || {
            for message in BufReader::new(output).split(0).map_while(Result::ok) {
                // There is no receiver any more once the test is over.
                let _ = sender.send(serde_json::from_slice(&message).unwrap_or_default());
            }
        });
        Browser { child, commands, answers, sent: 0, session: None, _profile: profile }
    }

    /// Opens a page in a new tab and switches to it.
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

    /// The same; an error while the page is loading, or when the expression throws.
    fn try_evaluate(&mut self, expression: &str) -> Result<Value, Value> {
        let parameters = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let answer = self.call("Runtime.evaluate", parameters)?;
        match &answer["exceptionDetails"] {
            Value::Null => Ok(answer["result"]["value"].clone()),
            thrown => Err(thrown.clone()),
        }
    }

    /// Waits until an expression in the page is true.
    pub async fn wait_for(&mut self, expression: &str) {
        let deadline = Instant::now() + TIMEOUT;
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
            let answer = self.answers.recv_timeout(TIMEOUT).expect("the browser answers");
            if answer["id"] == self.sent {
                let error = &answer["error"];
                return if error.is_null() { Ok(answer["result"].clone()) } else { Err(error.clone()) };
            }
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Its child processes end with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
