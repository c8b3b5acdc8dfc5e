//! Mutated templates, manifests and samconfigs: none may make the compiler panic, hang or eat memory, and every error
//! must point into one of the files.
//!
//! `cargo bench -p evenkeel-core --bench fuzz -- [--seconds N] [--seed N] [--case N] [--slow MILLISECONDS]`
//!
//! Runs for the given time (20 s) and prints how many cases there were, the slowest, and the peak memory of the process.
//! A case follows from the seed and its number alone, so `--seed S --case N` plays one again and prints its text. What
//! is found is printed as it is found, and the exit code is 1. Seeds are the project's own specs and templates, and those
//! of `$EVENKEEL_CORPUS` (or `../shared/corpus` beside the workspace) where it is there.

#![expect(clippy::print_stdout, reason = "a benchmark prints")]

mod mutate;
mod oracle;
mod seeds;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fastrand::Rng;
use mutate::Case;
use seeds::Seeds;

/// A case that takes longer is taken for one that hangs.
const HANGS: Duration = Duration::from_secs(20);

/// Which case runs, for the guard that looks for hangs.
static CURRENT: AtomicU64 = AtomicU64::new(0);

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let given = |name: &str| {
        let at = words.iter().position(|word| word == name)?;
        words.get(at + 1)?.parse::<u64>().ok()
    };
    let seeds = Seeds::read();
    let seed = given("--seed").unwrap_or_else(|| Rng::new().u64(0..1_000_000));
    if let Some(number) = given("--case") {
        let case = Case::new(&seeds, seed, number);
        println!("{}\n----", case.text);
        let start = Instant::now();
        let verdict = oracle::run(&case);
        println!("{:?} in {:?}, peak {} MB", verdict, start.elapsed(), peak() >> 20);
        return;
    }
    let seconds = given("--seconds").unwrap_or(20);
    let slow = Duration::from_millis(given("--slow").unwrap_or(1000));
    println!("seed {seed}, {seconds} s, {} templates, manifests and samconfigs to begin with", seeds.count());
    std::panic::set_hook(Box::new(|_| {}));
    std::thread::spawn(move || guard(seed));
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut tally = Tally { worst_peak: peak(), ..Tally::default() };
    // The number of the case outlives a stack overflow, which nothing can catch.
    let mut trace = std::env::temp_dir();
    trace.push(format!("evenkeel-fuzz-{seed}"));
    let mut number = 0;
    while Instant::now() < end {
        number += 1;
        CURRENT.store(number, Ordering::Relaxed);
        let _ = std::fs::File::create(&trace).and_then(|mut file| write!(file, "{number}"));
        let case = Case::new(&seeds, seed, number);
        let start = Instant::now();
        let verdict = catch_unwind(AssertUnwindSafe(|| oracle::run(&case)));
        tally.add(number, &case, start.elapsed(), slow, verdict.ok());
    }
    let _ = std::fs::remove_file(&trace);
    let found = tally.print(number);
    std::process::exit(i32::from(found > 0));
}

/// Ends the process where one case goes on and on.
fn guard(seed: u64) {
    loop {
        let before = CURRENT.load(Ordering::Relaxed);
        std::thread::sleep(HANGS);
        if before != 0 && CURRENT.load(Ordering::Relaxed) == before {
            println!("HANG: --seed {seed} --case {before}");
            std::process::exit(1);
        }
    }
}

/// What a run came to.
#[derive(Default)]
struct Tally {
    accepted: u64,
    refused: u64,
    kinds: BTreeMap<&'static str, u64>,
    slowest: (Duration, u64),
    worst_peak: u64,
    /// What was found, by its words, with the first case that shows it and how many do.
    found: BTreeMap<String, (u64, u64)>,
}

impl Tally {
    fn add(&mut self, number: u64, case: &Case, took: Duration, slow: Duration, verdict: Option<oracle::Verdict>) {
        *self.kinds.entry(case.kind.word()).or_default() += 1;
        self.slowest = self.slowest.max((took, number));
        if took > slow {
            self.note(number, format!("slower than {} ms", slow.as_millis()));
        }
        let peak = peak();
        if peak > self.worst_peak + (64 << 20) {
            println!("case {number}: peak {} MB, text {} KB", peak >> 20, case.text.len() >> 10);
        }
        self.worst_peak = self.worst_peak.max(peak);
        match verdict {
            None => self.note(number, "PANIC".to_owned()),
            Some(oracle::Verdict { errors: 0, .. }) => self.accepted += 1,
            Some(verdict) => {
                self.refused += 1;
                verdict.lost.into_iter().for_each(|words| self.note(number, words));
            }
        }
    }

    fn note(&mut self, number: u64, words: String) {
        let entry = self.found.entry(words.clone()).or_insert((number, 0));
        entry.1 += 1;
        if entry.1 == 1 {
            println!("case {number}: {words}");
        }
    }

    fn print(&self, cases: u64) -> usize {
        println!("{cases} cases {:?}: {} compiled, {} refused", self.kinds, self.accepted, self.refused);
        let (took, number) = self.slowest;
        println!(
            "slowest: case {number} with {:.1} ms; peak memory {} MB",
            took.as_secs_f64() * 1e3,
            self.worst_peak >> 20
        );
        for (words, (number, count)) in &self.found {
            println!("FOUND {count} times, first in case {number}: {words}");
        }
        self.found.len()
    }
}

/// The most memory this process ever had, bytes; 0 where the system does not say.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes: u64 = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default();
    kilobytes << 10
}
