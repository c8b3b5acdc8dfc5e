//! `AWS::SQS::Queue`, and the two types that hold a queue's policy.

pub mod api;
pub mod policy;
pub mod spec;
