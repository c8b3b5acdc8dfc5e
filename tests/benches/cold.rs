//! What a cold convergence takes under AWS's real quotas, in virtual time, beside the floor that they dictate.
//!
//! `cargo bench -p evenkeel-tests --bench cold [-- FUNCTIONS TRIGGERS]`
#![expect(clippy::print_stdout, clippy::expect_used, reason = "a benchmark prints, and stops where it cannot run")]

use evenkeel_tests::cold::cold;

fn main() {
    let given: Vec<usize> = std::env::args().filter_map(|word| word.parse().ok()).collect();
    let (functions, triggers) = (given.first().copied().unwrap_or(500), given.get(1).copied().unwrap_or(50));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    let cold = runtime.expect("a runtime").block_on(cold(functions, triggers));
    println!("{functions} functions, {triggers} of them with a queue");
    println!("floor      {:>8.1} s  (60% of the quota of {})", cold.floor.as_secs_f64(), cold.bucket);
    println!("took       {:>8.1} s  {:.3} x the floor", cold.took.as_secs_f64(), cold.ratio());
    println!("throttled  {:>8}    {:.2}% of the calls", cold.throttled, cold.throttled_share() * 100.0);
    println!("surplus    {:>8}    writes beyond those that are needed", cold.surplus);
    println!("wall       {:>8.1} s", cold.wall.as_secs_f64());
    for (operation, count) in &cold.calls {
        println!("  {operation:<42} {count:>6}");
    }
    print!("{}", cold.timeline);
}
