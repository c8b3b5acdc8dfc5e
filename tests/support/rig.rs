//! An emulator and a directory of specs for one test.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use evenkeel::sandbox::Sandbox;
use evenkeel_aws::{Account, Options};
use tokio::process::Command;

use crate::daemon::Daemon;
use crate::hostile::{Faults, Hostile, Lasting, Manner};
use crate::program::{Ran, binary};
use crate::wire::Wire;

/// Daemons that were started by the tests of this process.
static STARTED: AtomicU32 = AtomicU32::new(0);

/// The region of all tests.
const REGION: &str = "eu-west-1";

/// An emulator of its own, a directory of specs, and the account as a person with the AWS console sees it.
pub struct Rig {
    /// The account in the emulator, to look into and to change behind evenkeel's back.
    pub account: Account,
    dir: tempfile::TempDir,
    endpoint: String,
    /// Ends with the test; none where somebody else runs the emulator.
    _sandbox: Option<Sandbox>,
    hostile: Option<Hostile>,
    key: (String, String),
    settings: Vec<(String, Option<String>)>,
}

impl Rig {
    /// Starts an emulator; the specs are empty.
    ///
    /// # Panics
    /// Where there is neither ministack nor a Python to install it with.
    pub async fn start() -> Rig {
        let sandbox = Sandbox::start(&|_| {}).await.expect("an emulator");
        Rig::with(sandbox.endpoint(), Some(sandbox)).await
    }

    /// The same, where the emulator holds every call against IAM's policies.
    ///
    /// # Panics
    /// As [`Rig::start`].
    pub async fn guarded() -> Rig {
        let sandbox = Sandbox::start_with(&[("AUTH", "true")], &|_| {}).await.expect("an emulator");
        let mut rig = Rig::with(sandbox.endpoint(), Some(sandbox)).await;
        // Signatures name the host that they are for: nothing can stand in between.
        rig.hostile = None;
        rig
    }

    /// On an emulator that runs already; the specs are empty.
    ///
    /// # Panics
    /// Where it does not answer.
    pub async fn at(endpoint: &str) -> Rig {
        Rig::with(endpoint.to_owned(), None).await
    }

    /// From now on the program goes through a proxy that [`Rig::fault`] switches.
    ///
    /// # Panics
    /// Where there is no port to listen on.
    pub async fn can_fail(&mut self) {
        self.hostile = Some(Hostile::start(&self.endpoint, Manner::Lasting).await.expect("a port"));
    }

    /// From now on the program goes through a network that takes its time, where it is not a hostile one already.
    ///
    /// # Panics
    /// Where there is no port to listen on.
    pub async fn is_far(&mut self, seed: u64) {
        if self.hostile.is_none() {
            let manner = Manner::Hostile(Faults::slow(seed));
            self.hostile = Some(Hostile::start(&self.endpoint, manner).await.expect("a port"));
        }
    }

    /// From now on this is wrong with AWS, or nothing.
    ///
    /// # Panics
    /// Without [`Rig::can_fail`] before.
    pub fn fault(&self, fault: Option<Lasting>) {
        self.hostile.as_ref().expect("a proxy").fault(fault);
    }

    /// From now on the program has this environment variable, or does not have it.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        self.settings.push((name.to_owned(), value.map(str::to_owned)));
    }

    /// From now on the program signs with this access key and secret.
    pub fn signs_with(&mut self, key: &(String, String)) {
        self.key = key.clone();
    }

    async fn with(endpoint: String, sandbox: Option<Sandbox>) -> Rig {
        let options = Options {
            region: Some(REGION.to_owned()),
            endpoint_url: Some(endpoint.clone()),
            keys: Some(("test".to_owned(), "test".to_owned())),
            ..Options::default()
        };
        let account = Account::connect(options).await.expect("the emulator answers");
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(dir.path().join("specs")).expect("a directory");
        let hostile = Hostile::asked_for(&endpoint).await.expect("a port");
        Rig {
            account,
            dir,
            endpoint,
            _sandbox: sandbox,
            hostile,
            key: ("test".to_owned(), "test".to_owned()),
            settings: Vec::new(),
        }
    }

    /// Whether `EVENKEEL_HOSTILE` put faults between the program and the emulator; then says why something is not held
    /// here.
    pub fn is_hostile(&self, exempt: &str) -> bool {
        if self.hostile.is_some() {
            println!("behind the hostile proxy this is not held: {exempt}");
        }
        self.hostile.is_some()
    }

    /// Something in this test's own directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Calls to the emulator in AWS's own words.
    pub fn wire(&self) -> Wire {
        Wire::new(&self.endpoint, REGION)
    }

    /// The directory of specs.
    pub fn specs(&self) -> PathBuf {
        self.path("specs")
    }

    /// Writes a file of the specs as an editor does: beside, then renamed.
    ///
    /// # Panics
    /// Where it cannot be written.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.specs().join(name);
        let parent = path.parent().expect("a file stands in a directory");
        std::fs::create_dir_all(parent).expect("a directory");
        let beside = parent.join(".being-written");
        std::fs::write(&beside, text).expect("a file");
        std::fs::rename(beside, path).expect("a file");
    }

    /// Writes a file of the specs with some text in it replaced.
    ///
    /// # Panics
    /// Where the text does not stand there: the edit would be none.
    #[track_caller]
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.specs().join(name)).expect("a file");
        assert!(text.contains(from), "{name} does not hold {from:?}");
        self.write(name, &text.replace(from, to));
    }

    /// Copies a directory into the specs.
    ///
    /// # Panics
    /// Where it cannot be copied.
    pub fn copy(&self, from: &Path, name: &str) {
        copy(from, &self.specs().join(name));
    }

    /// Lets AWS come to agree with itself: what another process, or a person, did a moment ago shows everywhere from now on.
    /// Only who asks whether anything is left to do waits for that.
    pub fn agrees(&self) {
        if let Some(hostile) = &self.hostile {
            hostile.agree();
        }
    }

    /// Runs the program to its end. `SPECS` among the words is the directory of specs.
    ///
    /// # Panics
    /// Where it cannot be started.
    pub async fn evenkeel(&self, words: &str) -> Ran {
        self.evenkeel_into(words, Stdio::piped(), Stdio::piped()).await
    }

    /// The same with its output going somewhere else.
    ///
    /// # Panics
    /// Where it cannot be started.
    pub async fn evenkeel_into(&self, words: &str, stdout: Stdio, stderr: Stdio) -> Ran {
        if words.starts_with("plan") {
            self.agrees();
        }
        let mut command = self.command(words);
        let child = command.stdin(Stdio::null()).stdout(stdout).stderr(stderr).spawn().expect("evenkeel runs");
        let output = child.wait_with_output().await.expect("evenkeel ends");
        Ran::of(output, words.to_owned())
    }

    /// Runs the program, sends it SIGTERM after a while, and tells how long it took to end then.
    ///
    /// # Panics
    /// Where it cannot be started, has ended before, or does not end within a minute.
    pub async fn told_to_end(&self, words: &str, after: Duration) -> (Ran, Duration) {
        let mut command = self.command(words);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().expect("evenkeel runs");
        let id = child.id().expect("it runs");
        tokio::time::sleep(after).await;
        let told = Instant::now();
        let sent = Command::new("kill").args(["-TERM", &id.to_string()]).status().await.expect("kill runs");
        assert!(sent.success(), "`evenkeel {words}` has ended before");
        let output = tokio::time::timeout(Duration::from_secs(60), child.wait_with_output()).await;
        let ran = Ran::of(output.expect("evenkeel ends").expect("an output"), words.to_owned());
        (ran, told.elapsed())
    }

    /// Another account of the emulator's, by its access key, in a region.
    ///
    /// # Panics
    /// Where it does not answer.
    pub async fn account_of(&self, key: &str, region: &str) -> Account {
        let options = Options {
            region: Some(region.to_owned()),
            endpoint_url: Some(self.endpoint.clone()),
            keys: Some((key.to_owned(), "test".to_owned())),
            ..Options::default()
        };
        Account::connect(options).await.expect("the emulator answers")
    }

    /// `plan SPECS --env dev -o json`
    pub async fn plan(&self) -> Ran {
        self.evenkeel("plan SPECS --env dev -o json").await
    }

    /// `reconcile --once SPECS --env dev -o json`
    pub async fn once(&self) -> Ran {
        self.evenkeel("reconcile --once SPECS --env dev -o json").await
    }

    /// Starts the daemon on the specs.
    pub async fn daemon(&self, words: &str) -> Daemon {
        self.daemon_on(&self.specs(), words).await
    }

    /// Starts the daemon on another directory of specs.
    pub async fn daemon_on(&self, specs: &Path, words: &str) -> Daemon {
        let words = format!("reconcile {} --listen 127.0.0.1:0 {words}", specs.display());
        let log = self.path(&format!("daemon-{}.log", STARTED.fetch_add(1, Ordering::Relaxed)));
        Daemon::start(self.command(&words), log).await
    }

    fn command(&self, words: &str) -> Command {
        let mut command = Command::new(binary());
        command
            .args(words.split_whitespace().map(|word| word.replace("SPECS", &self.specs().display().to_string())))
            // Nothing of the person's own settings reaches it.
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.dir.path())
            .env("AWS_ENDPOINT_URL", self.hostile.as_ref().map_or_else(|| self.endpoint.clone(), Hostile::endpoint))
            .env("AWS_REGION", REGION)
            .env("AWS_ACCESS_KEY_ID", &self.key.0)
            .env("AWS_SECRET_ACCESS_KEY", &self.key.1)
            // An emulator grants more calls than AWS.
            .env("EVENKEEL_QUOTA", "off")
            .kill_on_drop(true);
        for (name, value) in &self.settings {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a file");
        }
    }
}
