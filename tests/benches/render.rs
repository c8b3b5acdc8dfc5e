//! What compiling a template costs: `evenkeel render` as a whole process, beside AWS's own translator.
//!
//! `cargo build --release -p evenkeel && cargo bench -p evenkeel-tests --bench render [-- RUNS]`
//!
//! Runs target/release/evenkeel (or `$EVENKEEL_BIN`) over the project's specs and over the median-sized and the largest
//! template of the corpus (`$EVENKEEL_CORPUS`, or `../shared/corpus` beside the workspace) where that is there. The
//! translator is timed where `$EVENKEEL_PYTHON` (or python3) can import `samtranslator`: in a process that has it loaded,
//! and as a process of its own. Nothing is asserted: it prints.
#![expect(clippy::print_stdout, reason = "a benchmark prints")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn main() {
    let runs = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(40);
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let binary = std::env::var_os("EVENKEEL_BIN").map_or_else(|| home.join("target/release/evenkeel"), PathBuf::from);
    let python = std::env::var("EVENKEEL_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let translator = Translator { python, runs };
    let known = translator.is_there();
    if !known {
        println!("the translator is not timed: `{}` has no samtranslator", translator.python);
    }
    println!(
        "{:<28} {:>8} {:>16} {:>20} {:>20}",
        "min / median, ms", "bytes", "render, process", "translator, loaded", "translator, process"
    );
    let mut folders = vec![
        ("specs/meetup".to_owned(), home.join("specs/meetup")),
        ("specs/shop".to_owned(), home.join("specs/shop")),
    ];
    folders.extend(from_corpus(&home));
    for (name, folder) in folders {
        let template = folder.join("template.yaml");
        let bytes = fs::metadata(&template).map(|meta| meta.len().to_string()).unwrap_or_default();
        let render = times(runs, || {
            let mut command = Command::new(&binary);
            command.arg("render").arg(&folder).args([
                "--app",
                "stack",
                "--region",
                "us-east-1",
                "--account",
                "123456789012",
            ]);
            let values = folder.join("params.json");
            if values.is_file() {
                command.arg("--values").arg(values);
            }
            assert!(quiet(&mut command), "{} render {}", binary.display(), folder.display());
        });
        let (loaded, process) = match known && template.is_file() {
            true => (shown(translator.loaded(&template)), shown(translator.process(&template))),
            false => ("-".to_owned(), "-".to_owned()),
        };
        println!("{name:<28} {bytes:>8} {:>16} {loaded:>20} {process:>20}", shown(render));
    }
}

/// The median-sized and the largest template of the real ones.
fn from_corpus(home: &Path) -> Vec<(String, PathBuf)> {
    let root = std::env::var_os("EVENKEEL_CORPUS").map_or_else(|| home.join("../shared/corpus"), PathBuf::from);
    let mut all: Vec<(u64, PathBuf)> = fs::read_dir(root.join("real/templates"))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((fs::metadata(entry.path().join("template.yaml")).ok()?.len(), entry.path())))
        .collect();
    all.sort();
    let at = |index: usize, word: &str| {
        let (_, folder) = all.get(index)?;
        Some((format!("{word} ({})", folder.file_name()?.to_string_lossy()), folder.clone()))
    };
    if all.is_empty() {
        println!("there is no corpus at {}; set EVENKEEL_CORPUS", root.display());
    }
    [at(all.len() / 2, "median of the corpus"), at(all.len().wrapping_sub(1), "largest")]
        .into_iter()
        .flatten()
        .collect()
}

fn quiet(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// The least and the median of some runs, after one that does not count.
fn times(runs: usize, mut run: impl FnMut()) -> Option<(Duration, Duration)> {
    run();
    let mut all: Vec<Duration> = (0..runs.max(1))
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed()
        })
        .collect();
    all.sort();
    Some((*all.first()?, *all.get(all.len() / 2)?))
}

fn shown(times: Option<(Duration, Duration)>) -> String {
    let ms = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1e3);
    times.map_or_else(|| "-".to_owned(), |(least, median)| format!("{} / {}", ms(least), ms(median)))
}

/// AWS's translator, which is Python.
struct Translator {
    python: String,
    runs: usize,
}

/// Translates the template `argv[1]` `argv[2]` times and prints the seconds that each took.
const TRANSLATE: &str = r#"
import sys, time, copy
from samtranslator.yaml_helper import yaml_parse
from samtranslator.translator.translator import Translator
from samtranslator.parser.parser import Parser
def s3(node):
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("CodeUri", "ContentUri", "DefinitionUri") and isinstance(value, str) and "://" not in value:
                node[key] = "s3://bucket/key"
            else:
                s3(value)
        if node.get("Type") in ("AWS::Serverless::Function", "AWS::Serverless::LayerVersion"):
            key = "CodeUri" if node["Type"].endswith("Function") else "ContentUri"
            if isinstance(node.get("Properties"), dict):
                node["Properties"].setdefault(key, "s3://bucket/key")
    elif isinstance(node, list):
        for value in node:
            s3(value)
text = open(sys.argv[1]).read()
for _ in range(int(sys.argv[2])):
    start = time.perf_counter()
    template = yaml_parse(text)
    s3(template)
    try:
        Translator({}, Parser()).translate(template, {})
    except Exception as error:
        print("failed", type(error).__name__, file=sys.stderr)
    print(time.perf_counter() - start)
"#;

impl Translator {
    fn command(&self, template: &Path, runs: usize) -> Command {
        let mut command = Command::new(&self.python);
        command.args(["-c", TRANSLATE]).arg(template).arg(runs.to_string()).env("AWS_DEFAULT_REGION", "us-east-1");
        command
    }

    fn is_there(&self) -> bool {
        quiet(Command::new(&self.python).args(["-c", "import samtranslator"]))
    }

    fn loaded(&self, template: &Path) -> Option<(Duration, Duration)> {
        let output = self.command(template, self.runs + 1).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let mut all: Vec<f64> = text.lines().skip(1).filter_map(|line| line.parse().ok()).collect();
        all.sort_by(f64::total_cmp);
        Some((Duration::from_secs_f64(*all.first()?), Duration::from_secs_f64(*all.get(all.len() / 2)?)))
    }

    fn process(&self, template: &Path) -> Option<(Duration, Duration)> {
        times(self.runs.min(5), || drop(self.command(template, 1).output()))
    }
}
