//! `AWS::Lambda::Version`: a published version of a function.
//!
//! A version that was generated (SAM's `AutoPublishAlias`, a native `rollout`) follows `$LATEST`: where the newest
//! version is not what the function is now, another is published. One that a person wrote is published once and stays.
//! Versions carry no marks: they stay until their function goes, so that an alias can go back to one.

pub mod api;
pub mod spec;
#[cfg(test)]
mod tests;

/// AWS's type name.
pub const TYPE: &str = "AWS::Lambda::Version";
