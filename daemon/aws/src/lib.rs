//! evenkeel's reach: the only package that talks to AWS.
//!
//! A kind is a folder with two files: `spec.rs` says what the type means (pure), `api.rs` maps steps and observations
//! to the SDK and makes no choices. [`kinds`] is the one list of them.

pub mod calls;
pub mod client;
pub mod document;
pub mod error;
pub mod facet;
pub mod kinds;
pub mod managed_policy;
#[cfg(test)]
mod planning;
pub mod queue;
pub mod reading;
pub mod role;
mod spelling;
pub mod subscription;
pub mod topic;

pub use calls::{Calls, is_write};
pub use client::{Account, ConnectError, Options};
