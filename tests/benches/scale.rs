//! What a convergence and a quiet check cost: calls by operation, wall time and peak memory of the process.
//!
//! `cargo build --release && cargo bench -p evenkeel-tests --bench scale [-- FUNCTIONS QUEUES TOPICS PARAMETERS GROUPS]`
//!
//! Runs target/release/evenkeel (or `$EVENKEEL_BIN`) against a sandbox of its own, cold and then once more, and then
//! what a daemon does: sweep after sweep in one process, this one started anew. Nothing is asserted: it prints.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark prints, and stops where it cannot run"
)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use evenkeel::apps::{Selection, Tree};
use evenkeel::controller;
use evenkeel::sandbox::Sandbox;
use evenkeel::session::Session;
use evenkeel::source::Snapshot;
use evenkeel::world::Calls;
use evenkeel_core::engine::quota;
use evenkeel_core::plan::Verb;
use serde_json::Value as Json;

struct Size {
    functions: usize,
    queues: usize,
    topics: usize,
    parameters: usize,
    groups: usize,
}

/// What one application holds at most.
const DOCUMENTS: usize = 1000;
/// Sweeps of the process that stands for a daemon.
const SWEEPS: usize = 4;

fn main() {
    if let Some(specs) = std::env::var_os("SCALE_AT_REST") {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        return runtime.block_on(at_rest(Path::new(&specs)));
    }
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
    for run in ["cold", "second"] {
        let (report, wall, peak) = reconcile(specs.path(), &sandbox.endpoint());
        let ready = report["apps"].as_array().is_some_and(|apps| apps.iter().all(|app| app["ready"] == true));
        println!(
            "\n{run}: {:.2} s wall, {} MB peak, {} writes, ready: {ready}",
            wall.as_secs_f64(),
            peak / 1024,
            report["writes"]
        );
        print(&serde_json::from_value(report["calls"].clone()).unwrap());
    }
    let mut rest = Command::new(std::env::current_exe().unwrap());
    emulator(&mut rest, &sandbox.endpoint()).env("SCALE_AT_REST", specs.path());
    rest.status().expect("this benchmark runs");
    runtime.block_on(sandbox.stop());
}

/// A daemon at rest: every sweep is followed by a turn, which compiles and plans.
async fn at_rest(specs: &Path) {
    let session = Session::new(Selection::default(), None, false);
    let mut before = Calls::new();
    for sweep in 1..=SWEEPS {
        let (started, cpu) = (Instant::now(), cpu_seconds());
        let tree = Tree::read(Arc::new(Snapshot::read(specs).unwrap()), &session.selection);
        let (targets, _) = tree.targets(&session.selection);
        let (plans, failures) = controller::plan_all(&session, &tree, &targets, &BTreeSet::new()).await;
        assert!(failures.is_empty(), "it cannot be planned");
        let changes: usize =
            plans.iter().flat_map(|(_, plan)| &plan.actions).filter(|action| action.verb != Verb::None).count();
        let calls = session.worlds().await[0].source.calls();
        println!(
            "\nat rest, sweep {sweep}: {:.2} s wall, {:.2} s CPU, {} MB peak, {changes} changes planned",
            started.elapsed().as_secs_f64(),
            cpu_seconds() - cpu,
            high_water("/proc/self/status") / 1024
        );
        print(&since(&calls, &before));
        before = calls;
    }
}

/// Calls that were made after `before`.
fn since(calls: &Calls, before: &Calls) -> Calls {
    let mut out = calls.clone();
    for (service, operations) in &mut out {
        for (operation, count) in operations.iter_mut() {
            *count -= before.get(service).and_then(|known| known.get(operation)).copied().unwrap_or(0);
        }
        operations.retain(|_, count| *count > 0);
    }
    out
}

/// Calls by operation, and what they take from AWS's quotas.
fn print(calls: &Calls) {
    let all = || {
        calls.iter().flat_map(|(service, operations)| {
            operations.iter().map(|(operation, count)| (service.as_str(), operation.as_str(), *count))
        })
    };
    for (service, operation, count) in all() {
        println!("  {service:<28} {operation:<36} {count:>6}");
    }
    for (bucket, spent) in quota::spent(all()) {
        println!("  {bucket:<65} {:>6} calls {:>8.2} s of quota", spent.calls, spent.seconds);
    }
}

/// User and system time of this process; Linux counts it in hundredths.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = text.rsplit_once(')').map(|(_, rest)| rest.split_whitespace()).into_iter().flatten();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn emulator<'a>(command: &'a mut Command, endpoint: &str) -> &'a mut Command {
    command
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("EVENKEEL_QUOTA", "off")
}

fn binary() -> PathBuf {
    std::env::var_os("EVENKEEL_BIN").map(PathBuf::from).unwrap_or_else(|| {
        let bench = std::env::current_exe().unwrap();
        bench.ancestors().nth(2).unwrap().join("evenkeel")
    })
}

fn reconcile(specs: &Path, endpoint: &str) -> (Json, Duration, u64) {
    let started = Instant::now();
    let mut command = Command::new(binary());
    let mut child = emulator(&mut command, endpoint)
        .args(["reconcile", "--once", "-o", "json", "--timeout", "3600"])
        .arg(specs)
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

/// Writes a tree of applications, each of at most [`DOCUMENTS`] and a role that its functions share.
fn write_specs(dir: &Path, size: &Size) {
    let mut documents: Vec<(&str, String, String)> = Vec::new();
    for n in 0..size.functions {
        let group =
            if n < size.groups { "logs: {retentionInDays: 30}" } else { "loggingConfig: {logGroup: /scale/all}" };
        let spec = format!(
            "{{code: ./src, handler: app.handler, runtime: python3.13, role: shared, {group}, environment: {{NUMBER: \"{n}\"}}}}"
        );
        documents.push(("Function", format!("function-{n}"), spec));
    }
    let queues = (0..size.queues).map(|n| ("Queue", format!("queue-{n}"), "{visibilityTimeout: 60}".to_owned()));
    let topics = (0..size.topics).map(|n| ("Topic", format!("topic-{n}"), "{}".to_owned()));
    let parameters =
        (0..size.parameters).map(|n| ("Parameter", format!("parameter-{n}"), format!("{{value: \"{n}\"}}")));
    documents.extend(queues.chain(topics).chain(parameters));
    for (n, part) in documents.chunks(DOCUMENTS).enumerate() {
        let mut text = String::new();
        let role = [("Role", "shared".to_owned(), "{}".to_owned())];
        for (kind, name, spec) in role.iter().chain(part) {
            let _ = writeln!(
                text,
                "---\napiVersion: evenkeel.dev/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}"
            );
        }
        let app = dir.join(format!("scale-{n}"));
        std::fs::create_dir_all(app.join("src")).unwrap();
        std::fs::write(app.join("src/app.py"), "def handler(event, context):\n    return event\n").unwrap();
        std::fs::write(app.join("app.yaml"), text).unwrap();
    }
}
