//! `AWS::SNS::Topic`, and the two types that hold a topic's policy.

pub mod api;
pub mod policy;
pub mod spec;
