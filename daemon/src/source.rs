//! Where specs come from: a directory, read as one snapshot.

pub mod pack;
pub mod revision;
pub mod snapshot;
pub mod watch;

pub use pack::Packer;
pub use snapshot::Snapshot;
