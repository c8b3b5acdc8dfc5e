//! Who holds the lease is killed or frozen at random moments, again and again, while edits come: no edit is lost, and none
//! is undone or applied again by a process that wakes after another went on with its work.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use evenkeel_tests::{Daemon, Rig, eventually};

/// Trees side by side, each with two replicas.
const LANES: u64 = 4;
/// How often a replica of each is killed or frozen.
const BLOWS: u64 = 3;
/// Edits before each blow, and the fewest after it.
const EDITS: u64 = 5;
const APPS: [&str; 2] = ["ada", "bob"];
/// How long the last edit may take: the others of its share are taken over first, and the tree was read meanwhile.
const TAKEOVER: Duration = Duration::from_secs(40);
/// A frozen replica is asleep for at most this long: others take it for dead after 16 s.
const ASLEEP: Duration = Duration::from_secs(24);

struct Lane<'a> {
    rig: &'a Rig,
    number: u64,
    chance: fastrand::Rng,
    values: [u64; APPS.len()],
}

impl Lane<'_> {
    fn specs(&self) -> PathBuf {
        self.rig.path(&format!("lane-{}", self.number))
    }

    fn parameter(&self, which: usize) -> String {
        format!("/{}{}/dev/word", APPS[which], self.number)
    }

    fn write(&self, which: usize) {
        let (app, value) = (format!("{}{}", APPS[which], self.number), self.values[which]);
        let text = format!(
            "apiVersion: evenkeel.dev/v1\nkind: App\nmetadata: {{name: {app}}}\nspec: {{environments: {{dev: {{}}}}}}\n---\n\
             apiVersion: evenkeel.dev/v1\nkind: Parameter\nmetadata: {{name: word}}\nspec: {{value: '{value}'}}\n"
        );
        let folder = self.specs().join(app);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(".beside"), text).unwrap();
        std::fs::rename(folder.join(".beside"), folder.join("app.yaml")).unwrap();
    }

    async fn edit(&mut self) {
        let which = self.chance.usize(0..APPS.len());
        self.values[which] += 1;
        self.write(which);
        tokio::time::sleep(Duration::from_millis(self.chance.u64(0..600))).await;
    }

    async fn daemon(&self) -> Daemon {
        self.rig.daemon_on(&self.specs(), "--env dev --lease dynamodb://leases?create=true").await
    }

    async fn lands(&self, what: &str) {
        for (which, value) in self.values.iter().enumerate() {
            let ask = async || {
                let answer = self.rig.account.ssm.get_parameter().name(self.parameter(which)).send().await.ok()?;
                (answer.parameter()?.value()? == value.to_string()).then_some(())
            };
            eventually(&format!("{} is {value} ({what})", self.parameter(which)), TAKEOVER, ask).await;
        }
    }

    /// Every value that a parameter ever had, in order.
    async fn history(&self, which: usize) -> Vec<u64> {
        let mut out = Vec::new();
        let mut pages =
            self.rig.account.ssm.get_parameter_history().name(self.parameter(which)).into_paginator().send();
        while let Some(page) = pages.next().await {
            out.extend(page.unwrap().parameters().iter().map(|one| {
                let value: u64 = one.value().unwrap().parse().unwrap();
                (one.version(), value)
            }));
        }
        out.sort_unstable();
        out.into_iter().map(|(_, value)| value).collect()
    }

    async fn run(mut self) -> u64 {
        std::fs::create_dir_all(self.specs()).unwrap();
        std::fs::write(self.specs().join("evenkeel.yaml"), format!("sourceId: lane-{}\n", self.number)).unwrap();
        (0..APPS.len()).for_each(|which| self.write(which));
        let (mut one, mut two) = (self.daemon().await, self.daemon().await);
        self.lands("at first").await;
        for blow in 0..BLOWS {
            for _ in 0..EDITS {
                self.edit().await;
            }
            let status = one.status().await;
            let holds = |app: &&str| status["apps"][format!("{app}{}/dev", self.number)]["ready"] == true;
            if !APPS.iter().any(holds) {
                std::mem::swap(&mut one, &mut two);
            }
            // Now `one` has a share. Something of an edit is under way, as everything takes a while here.
            self.edit().await;
            tokio::time::sleep(Duration::from_millis(self.chance.u64(0..900))).await;
            let what = if (blow + self.number).is_multiple_of(3) {
                one.kill().await;
                for _ in 0..EDITS {
                    self.edit().await;
                }
                self.lands("its holder was killed").await;
                one = self.daemon().await;
                "a killed one was replaced"
            } else {
                one.freeze().await;
                let (frozen, asleep) = (Instant::now(), self.chance.u64(1..=ASLEEP.as_secs()));
                while frozen.elapsed() < Duration::from_secs(asleep) {
                    self.edit().await;
                }
                one.thaw().await;
                for _ in 0..EDITS {
                    self.edit().await;
                }
                "a frozen one woke"
            };
            self.lands(what).await;
        }
        for daemon in [one, two] {
            let (code, _) = daemon.terminate().await;
            assert_eq!(code, 0);
        }
        for which in 0..APPS.len() {
            let history = self.history(which).await;
            let lost_answers = std::env::var_os("EVENKEEL_HOSTILE").is_some();
            let in_order = history.is_sorted_by(|a, b| a < b || (lost_answers && a == b));
            assert!(in_order, "{}: an edit was undone or applied again: {history:?}", self.parameter(which));
            assert_eq!(history.last(), Some(&self.values[which]));
        }
        self.values.iter().sum()
    }
}

#[tokio::test]
async fn holders_that_are_killed_or_frozen_at_any_moment_lose_no_edit_and_undo_none() {
    let seed =
        std::env::var("EVENKEEL_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(|| fastrand::u64(..));
    println!("EVENKEEL_SEED={seed}");
    let mut rig = Rig::start().await;
    rig.is_far(seed).await;
    let lanes = (0..LANES).map(|number| {
        let chance = fastrand::Rng::with_seed(seed.wrapping_add(number));
        Lane { rig: &rig, number, chance, values: [0; APPS.len()] }.run()
    });
    let edits: u64 = futures::future::join_all(lanes).await.into_iter().sum();
    println!("{edits} edits");
    assert!(edits >= 100, "{edits} edits");
}
