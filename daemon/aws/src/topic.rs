//! `AWS::SNS::Topic`, and the two types that hold a topic's policy.

pub mod policy;
pub mod spec;
