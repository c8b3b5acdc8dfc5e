//! `AWS::Lambda::Function`.

pub mod api;
pub mod canonical;
mod lag;
mod role;
pub mod spec;
#[cfg(test)]
mod tests;
pub mod wire;

/// AWS's type name.
pub const TYPE: &str = "AWS::Lambda::Function";
