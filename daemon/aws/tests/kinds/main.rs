//! The kinds against an emulator, in one binary: linking takes longer than the tests do.

mod emulator;
mod functions;
mod identity;
mod messaging;
mod parts;
mod settings;
mod support;
