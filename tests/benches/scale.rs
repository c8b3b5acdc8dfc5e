//! What a convergence and a quiet check cost: calls by operation, wall time and peak memory of the process.
//!
//! `cargo build --release && cargo bench -p evenkeel-tests --bench scale [-- FUNCTIONS QUEUES TOPICS PARAMETERS GROUPS]`
//!
//! Runs target/release/evenkeel (or `$EVENKEEL_BIN`) against a sandbox of its own, cold and then twice more. Nothing is
//! asserted: it prints.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark prints, and stops where it cannot run"
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use evenkeel::sandbox::Sandbox;
use serde_json::Value as Json;

struct Size {
    functions: usize,
    queues: usize,
    topics: usize,
    parameters: usize,
    groups: usize,
}

fn main() {
    let given: Vec<usize> = std::env::args().filter_map(|word| word.parse().ok()).collect();
    let at = |index: usize, default: usize| given.get(index).copied().unwrap_or(default);
    let size =
        Size { functions: at(0, 100), queues: at(1, 20), topics: at(2, 10), parameters: at(3, 50), groups: at(4, 10) };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let sandbox = runtime.block_on(Sandbox::start(&|text| println!("{text}"))).expect("the sandbox starts");
    let specs = tempfile::tempdir().unwrap();
    write_specs(specs.path(), &size);
    println!(
        "{} functions, {} queues, {} topics, {} parameters, {} log groups",
        size.functions, size.queues, size.topics, size.parameters, size.groups
    );
    for run in ["cold", "second", "third"] {
        let (report, wall, peak) = reconcile(specs.path(), &sandbox.endpoint());
        let ready = report["apps"][0]["ready"].as_bool().unwrap_or(false);
        println!(
            "\n{run}: {:.2} s wall, {} MB peak, {} writes, ready: {ready}",
            wall.as_secs_f64(),
            peak / 1024,
            report["writes"]
        );
        for (service, operations) in report["calls"].as_object().into_iter().flatten() {
            for (operation, count) in operations.as_object().into_iter().flatten() {
                println!("  {service:<28} {operation:<36} {count:>6}");
            }
        }
    }
    runtime.block_on(sandbox.stop());
}

fn binary() -> PathBuf {
    std::env::var_os("EVENKEEL_BIN").map(PathBuf::from).unwrap_or_else(|| {
        let bench = std::env::current_exe().unwrap();
        bench.ancestors().nth(2).unwrap().join("evenkeel")
    })
}

fn reconcile(specs: &Path, endpoint: &str) -> (Json, Duration, u64) {
    let started = Instant::now();
    let mut child = Command::new(binary())
        .args(["reconcile", "--once", "-o", "json", "--app", "scale"])
        .arg(specs)
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("EVENKEEL_QUOTA", "off")
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary is built");
    let status = format!("/proc/{}/status", child.id());
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let watcher = std::thread::spawn(move || {
        let mut peak = 0;
        while stopped.recv_timeout(Duration::from_millis(5)) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            peak = peak.max(high_water(&status));
        }
        peak
    });
    let mut text = String::new();
    std::io::Read::read_to_string(child.stdout.as_mut().unwrap(), &mut text).unwrap();
    child.wait().unwrap();
    let wall = started.elapsed();
    stop.send(()).unwrap();
    (serde_json::from_str(&text).expect("a report"), wall, watcher.join().unwrap())
}

/// Peak resident memory, kB; 0 where the process is gone.
fn high_water(status: &str) -> u64 {
    let text = std::fs::read_to_string(status).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok()).unwrap_or(0)
}

fn write_specs(dir: &Path, size: &Size) {
    let mut text = String::new();
    let mut add = |kind: &str, name: String, spec: String| {
        let _ =
            writeln!(text, "---\napiVersion: evenkeel.dev/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}");
    };
    add("Role", "shared".to_owned(), "{}".to_owned());
    std::fs::create_dir(dir.join("src")).unwrap();
    std::fs::write(dir.join("src/app.py"), "def handler(event, context):\n    return event\n").unwrap();
    for n in 0..size.functions {
        let group =
            if n < size.groups { "logs: {retentionInDays: 30}" } else { "loggingConfig: {logGroup: /scale/all}" };
        add(
            "Function",
            format!("function-{n}"),
            format!(
                "{{code: ./src, handler: app.handler, runtime: python3.13, role: shared, {group}, environment: {{N: \"{n}\"}}}}"
            ),
        );
    }
    for n in 0..size.queues {
        add("Queue", format!("queue-{n}"), "{visibilityTimeout: 60}".to_owned());
    }
    for n in 0..size.topics {
        add("Topic", format!("topic-{n}"), "{}".to_owned());
    }
    for n in 0..size.parameters {
        add("Parameter", format!("parameter-{n}"), format!("{{value: \"{n}\"}}"));
    }
    std::fs::write(dir.join("app.yaml"), text).unwrap();
}
