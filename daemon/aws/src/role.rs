//! `AWS::IAM::Role`, and the two types that put inline policies on roles.

pub mod api;
pub mod policy;
pub mod spec;
