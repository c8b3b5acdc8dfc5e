//! The binary without AWS. Because this test stands here, cargo builds the binary with the tests of the workspace, and
//! those of `evenkeel-tests` find it.

#![expect(clippy::unwrap_used, reason = "what is missing fails the test")]

use std::process::{Command, Output};

fn evenkeel(words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    command.args(words).env_remove("EVENKEEL_SPECS").env_remove("EVENKEEL_ENV").output().unwrap()
}

#[test]
fn wrong_usage_is_an_error_and_no_plan_with_changes() {
    let wrong = evenkeel(&["plan", "--no-such-flag"]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("--no-such-flag"));
    assert_eq!(evenkeel(&["--version"]).status.code(), Some(0));
}

#[test]
fn the_shop_is_valid_in_every_environment() {
    let specs = concat!(env!("CARGO_MANIFEST_DIR"), "/../specs/shop");
    let ran = evenkeel(&["validate", specs]);
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
}
