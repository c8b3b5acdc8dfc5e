//! `AWS::IAM::ManagedPolicy`: a policy of the account's own that roles can share.

pub mod api;
pub mod spec;
