//! The program from end to end, over the wire, against an emulator: each test starts one of its own.
//!
//! Needs Rust and Python only: the emulator is taken from PATH, or installed into the user's cache folder on first use.
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod converge;
mod corpus;
mod crash;
mod daemon;
mod deleted;
mod desk;
mod drift;
mod exports;
mod faults;
mod hostile;
mod lease;
mod least_privilege;
mod ownership;
mod removed;
mod reverts;
mod sam;
mod secrets;
mod shop;
mod takeover;
mod versions;
