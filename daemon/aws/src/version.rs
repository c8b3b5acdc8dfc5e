//! `AWS::Lambda::Version`: a published version of a function.
//!
//! A version that was generated (SAM's `AutoPublishAlias`, a native `rollout`) follows `$LATEST`: where the newest
//! version is not what the function is now, another is published. One that a person wrote is published once and stays.
//! Old ones stay, so that an alias can go back to one, as many as `keep` says; what people published or asked to retain
//! stays until its function goes.

pub mod api;
mod mark;
pub mod spec;
#[cfg(test)]
mod tests;

/// AWS's type name.
pub const TYPE: &str = "AWS::Lambda::Version";
