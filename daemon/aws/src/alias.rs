//! `AWS::Lambda::Alias`.
//!
//! An alias is ours when the mark of its function, ours too, names it.

pub mod api;
pub mod spec;
#[cfg(test)]
mod tests;

/// AWS's type name.
pub const TYPE: &str = "AWS::Lambda::Alias";
