//! The daemon as a process.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use tokio::process::{Child, Command};

use crate::program::binary;
use crate::{eventually, patience};

/// How long the daemon may take to come up.
const START: Duration = Duration::from_secs(10);
/// How long anything it should do may take, where a test does not say less.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running daemon; it ends when this is dropped.
pub struct Daemon {
    child: Child,
    log: PathBuf,
    address: String,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("the daemon at {} logged:\n{}", self.address, self.log());
        }
    }
}

impl Daemon {
    pub(crate) async fn start(mut command: Command, log: PathBuf) -> Daemon {
        let file = std::fs::File::create(&log).expect("a log");
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file).spawn().expect("evenkeel runs");
        let read = || std::fs::read_to_string(&log).unwrap_or_default();
        let (address, _) = eventually("the daemon listens", START, async || {
            let text = read();
            let line = text.lines().find(|line| line.contains("evenkeel is up"))?;
            Some(line.split("address=").nth(1)?.split_whitespace().next()?.to_owned())
        })
        .await;
        Daemon { child, log, address }
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Runs `evenkeel VERB... --listen ADDRESS` and gives its output.
    ///
    /// # Panics
    /// Where it does not exit with 0.
    pub async fn ask(&self, words: &str) -> String {
        let output = Command::new(binary())
            .args(words.split_whitespace())
            .args(["--listen", &self.address])
            .output()
            .await
            .expect("evenkeel runs");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "`evenkeel {words}`: {error}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// `evenkeel status -o json`
    ///
    /// # Panics
    /// Where it is no JSON.
    pub async fn status(&self) -> Json {
        serde_json::from_str(&self.ask("status -o json").await).expect("status is JSON")
    }

    /// Waits until an application's report is as wanted.
    ///
    /// # Panics
    /// Where it never is.
    pub async fn until(&self, app: &str, what: &str, mut wanted: impl FnMut(&Json) -> bool) -> Json {
        let started = Instant::now();
        loop {
            let status = self.status().await;
            let report = &status["apps"][app];
            if !report.is_null() && wanted(report) {
                return report.clone();
            }
            assert!(
                started.elapsed() < patience(PATIENCE),
                "{app} is not {what} within {:?}: {}\n{}",
                patience(PATIENCE),
                serde_json::to_string_pretty(&status).unwrap_or_default(),
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until an application is as the spec says.
    pub async fn ready(&self, app: &str) -> Json {
        self.until(app, "ready", |report| report["ready"] == true).await
    }

    async fn signal(&self, name: &str) {
        let id = self.child.id().expect("it still runs");
        let sent = Command::new("kill").args([name, &id.to_string()]).status().await.expect("kill runs");
        assert!(sent.success(), "the daemon was gone already:\n{}", self.log());
    }

    /// Freezes it in the middle of whatever it does (SIGSTOP).
    ///
    /// # Panics
    /// Where it has ended.
    pub async fn freeze(&self) {
        self.signal("-STOP").await;
    }

    /// Lets it go on as if nothing had happened (SIGCONT).
    ///
    /// # Panics
    /// Where it has ended.
    pub async fn thaw(&self) {
        self.signal("-CONT").await;
    }

    /// Kills it (`kill -9`) and waits until it is gone.
    ///
    /// # Panics
    /// Where it cannot be killed.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("it can be killed");
    }

    /// Sends SIGTERM, and once more a second later; gives the exit code and how long it took from the second on.
    ///
    /// # Panics
    /// Where it ends before the second, or not within 15 seconds.
    pub async fn terminate_twice(self) -> (i32, Duration) {
        self.signal("-TERM").await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        self.terminate().await
    }

    /// Sends SIGTERM and waits for the end; gives the exit code and how long it took.
    ///
    /// # Panics
    /// Where it does not end within 15 seconds.
    pub async fn terminate(mut self) -> (i32, Duration) {
        let started = Instant::now();
        self.signal("-TERM").await;
        let ended = tokio::time::timeout(Duration::from_secs(15), self.child.wait()).await;
        let status = ended.expect("the daemon ends").expect("a status");
        (status.code().unwrap_or(-1), started.elapsed())
    }
}
