//! `AWS::SNS::Subscription`.

mod filter;
pub mod spec;
