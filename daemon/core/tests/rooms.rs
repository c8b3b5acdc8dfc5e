//! Who may know whom: the walls between the packages, read off the sources.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what is missing fails the test")]

use std::fs;
use std::path::{Path, PathBuf};

fn sources(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            out.push(path);
        }
    }
}

/// Fails where a source under `dir` has a line with one of the words.
fn keep_out(dir: &str, words: &[&str]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(dir);
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(!files.is_empty(), "{dir} holds no sources");
    for file in files {
        for (number, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
            if let Some(word) = words.iter().find(|word| line.contains(**word)) {
                panic!("{}:{}: `{word}` has no place here", file.display(), number + 1);
            }
        }
    }
}

#[test]
fn only_daemon_aws_names_the_sdk() {
    for dir in ["daemon/core/src", "daemon/src", "tests"] {
        keep_out(dir, &["aws_sdk_"]);
    }
}

#[test]
fn the_pure_half_does_no_io_and_reads_no_clock() {
    let words = [
        "tokio::",
        "std::fs",
        "std::env",
        "TcpStream",
        "UdpSocket",
        "std::process",
        "std::thread",
        "SystemTime::now",
        "Instant::now",
    ];
    keep_out("daemon/core/src", &words);
}
