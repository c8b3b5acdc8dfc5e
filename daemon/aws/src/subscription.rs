//! `AWS::SNS::Subscription`.

pub mod api;
mod filter;
pub mod spec;
