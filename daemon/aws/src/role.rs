//! `AWS::IAM::Role`, and the two types that put inline policies on roles, users and groups.

pub mod api;
pub mod people;
pub mod policy;
mod room;
pub mod spec;
