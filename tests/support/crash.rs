//! The program, killed in the middle.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

use crate::hostile::{Faults, Hostile, Manner};
use crate::program::{Ran, binary};

/// How long a run may take until its fatal write; one with nothing left to write ends sooner.
const PATIENCE: Duration = Duration::from_secs(120);

/// `reconcile --once` in an account of its own, on specs that are only read.
#[derive(Clone, Debug)]
pub struct Life<'a> {
    /// Where the emulator is.
    pub endpoint: &'a str,
    /// 12 digits.
    pub account: String,
    /// The specs.
    pub specs: &'a Path,
    /// Words beyond `reconcile --once SPECS`.
    pub words: &'a str,
}

impl Life<'_> {
    fn start(&self, endpoint: &str) -> Child {
        let mut command = Command::new(binary());
        command
            .args(["reconcile", "--once", "-o", "json"])
            .arg(self.specs)
            .args(self.words.split_whitespace())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", std::env::temp_dir())
            .env("AWS_ENDPOINT_URL", endpoint)
            .env("AWS_REGION", "eu-west-1")
            .env("AWS_ACCESS_KEY_ID", &self.account)
            .env("AWS_SECRET_ACCESS_KEY", "test")
            // An emulator grants more calls than AWS.
            .env("EVENKEEL_QUOTA", "off")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command.spawn().expect("evenkeel runs")
    }

    /// Runs to the end, and tells the writes that it made.
    ///
    /// # Panics
    /// Where it cannot be run.
    pub async fn whole(&self) -> (Ran, Vec<String>) {
        self.through(Manner::Kind).await
    }

    /// The same behind a network of this manner.
    ///
    /// # Panics
    /// Where it cannot be run.
    pub async fn through(&self, manner: Manner) -> (Ran, Vec<String>) {
        let proxy = Hostile::start(self.endpoint, manner).await.expect("a port");
        let output = self.start(&proxy.endpoint()).wait_with_output().await.expect("evenkeel ends");
        let line = format!("reconcile --once {} in account {}", self.specs.display(), self.account);
        (Ran::of(output, line), proxy.writes())
    }

    /// Kills it (`kill -9`) as soon as AWS has carried out its write number `write`, whose answer it never gets.
    ///
    /// # Panics
    /// Where it never writes so often.
    pub async fn killed_after(&self, write: u64) -> Vec<String> {
        let (killed, writes) = self.killed_behind(write, None).await;
        assert!(killed, "there was no write {write}: {writes:?}");
        writes
    }

    /// The same behind a network with these faults, where it may end before it has written so often; tells whether it was
    /// killed.
    ///
    /// # Panics
    /// Where it neither writes so often nor ends.
    pub async fn killed_behind(&self, write: u64, faults: Option<Faults>) -> (bool, Vec<String>) {
        let proxy = Hostile::start(self.endpoint, Manner::SilentFrom(write, faults)).await.expect("a port");
        let mut child = self.start(&proxy.endpoint());
        let ended = async {
            tokio::select! {
                () = proxy.silent() => true,
                ended = child.wait() => {
                    ended.expect("it ends");
                    false
                }
            }
        };
        let killed = tokio::time::timeout(PATIENCE, ended).await.expect("it writes or ends in time");
        if killed {
            child.start_kill().expect("it can be killed");
            child.wait().await.expect("it ends");
        }
        proxy.at_rest().await;
        (killed, proxy.writes())
    }
}
