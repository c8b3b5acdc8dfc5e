//! `AWS::Lambda::Permission`: one statement of a function's policy.
//!
//! AWS cannot change a statement, and a statement carries no tags. So its id says whose it is and what is in it
//! (`evenkeel-<logical id>-<hash of the content>`): other content is another statement, made before the old one goes.

mod api;
mod spec;

pub(crate) use api::Permissions;
pub(crate) use spec::{Permission, TYPE};
