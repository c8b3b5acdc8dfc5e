//! Thousands of made-up lives of the engine, in virtual time: the planner, the rounds and the sweeps as they are, over
//! made-up kinds and a hostile AWS in memory. Each life comes from a seed.
//!
//! Held for each: it converges once faults stop, and then writes nothing; nothing unowned is written to; nothing is
//! there twice or left behind; what holds data is not deleted unasked; one resource that fails for ever stops only what
//! needs it; a quiet time costs few calls; what is unknown is neither made nor deleted.
//!
//! `EVENKEEL_SIM_RUNS=10000 EVENKEEL_SIM_SEED=1 cargo test -p evenkeel-tests --test simulation`; a seed that fails says
//! how to run it alone, with all that happened.
#![expect(clippy::panic, reason = "tests")]

mod aws;
mod kinds;
mod process;
mod reach;
mod scenario;
mod specs;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Lives of a plain `cargo test`; `.ci/run` asks for more.
const RUNS: u64 = 1_000;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn live(seed: u64, wordy: bool) -> scenario::Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    match runtime {
        Ok(runtime) => runtime.block_on(scenario::run(seed, wordy)),
        Err(error) => panic!("no runtime: {error}"),
    }
}

#[test]
fn the_engine_keeps_its_promises_through_thousands_of_hard_lives() {
    let runs = number("EVENKEEL_SIM_RUNS").unwrap_or(RUNS);
    let first = number("EVENKEEL_SIM_SEED").unwrap_or(1);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let started = Instant::now();
    let next = AtomicU64::new(0);
    let failed: Vec<(u64, scenario::Outcome)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut failed = Vec::new();
                    let mut sum = (0, 0, 0);
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        if at >= runs || failed.len() > 20 {
                            return (failed, sum);
                        }
                        let seed = first.wrapping_add(at);
                        let outcome = live(seed, runs == 1);
                        sum = (sum.0 + outcome.writes, sum.1 + outcome.reads, sum.2 + outcome.starts);
                        if !outcome.violations.is_empty() {
                            failed.push((seed, outcome));
                        }
                    }
                })
            })
            .collect();
        let mut all = Vec::new();
        let mut sum = (0, 0, 0);
        for worker in workers {
            match worker.join() {
                Ok((failed, part)) => {
                    all.extend(failed);
                    sum = (sum.0 + part.0, sum.1 + part.1, sum.2 + part.2);
                }
                Err(_) => panic!("a life ended in a panic; see above"),
            }
        }
        println!(
            "{runs} lives from seed {first}: {} starts, {} writes, {} reads in {:.1} s",
            sum.2,
            sum.0,
            sum.1,
            started.elapsed().as_secs_f32()
        );
        all
    });
    if let [(seed, outcome)] = failed.as_slice()
        && runs == 1
    {
        outcome.log.iter().for_each(|line| println!("{line}"));
        println!("seed {seed}");
    }
    for (seed, outcome) in &failed {
        println!("seed {seed}: {}", outcome.violations.join("\n    "));
        println!(
            "    again, with all that happened: EVENKEEL_SIM_SEED={seed} EVENKEEL_SIM_RUNS=1 cargo test -p evenkeel-tests --test simulation -- --nocapture"
        );
    }
    assert!(failed.is_empty(), "{} lives broke a promise", failed.len());
}
