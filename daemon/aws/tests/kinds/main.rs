//! The kinds against an emulator, in one binary: linking takes longer than the tests do.

mod emulator;
mod functions;
#[path = "../../../../tests/support/hostile.rs"]
#[expect(dead_code, reason = "crashes are tested elsewhere")]
mod hostile;
mod identity;
mod messaging;
mod parts;
mod settings;
mod support;
