//! evenkeel's reach: the only package that talks to AWS.
//!
//! A kind is a folder with two files: `spec.rs` says what the type means (pure), `api.rs` maps steps and observations
//! to the SDK and makes no choices. [`kinds`] is the one list of them.

pub mod alias;
mod call;
pub mod calls;
pub mod client;
pub mod code;
pub mod document;
pub mod error;
mod event_source_mapping;
pub mod facet;
pub mod fence;
pub mod fetch;
pub mod function;
mod function_part;
mod function_ref;
mod invoke_config;
pub mod kinds;
pub mod layer;
pub mod layer_permission;
pub mod lease;
pub mod limiter;
mod log_group;
pub mod managed_policy;
mod parameter;
mod permission;
mod place;
#[cfg(test)]
mod planning;
pub mod queue;
pub mod reading;
pub mod role;
pub mod subscription;
pub mod topic;
mod url;
mod values;
pub mod version;
mod whole;
mod wire;
mod zones;

pub use calls::{Calls, is_write};
pub use client::{Account, ConnectError, Options};
