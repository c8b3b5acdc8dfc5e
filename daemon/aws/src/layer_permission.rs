//! `AWS::Lambda::LayerVersionPermission`: a statement in the policy of a layer's version.
//!
//! Its id is a hash of what it grants, so that its being there means that it is right; a version of ours owns the
//! statements whose ids have our prefix.

pub mod api;
pub mod spec;

/// AWS's type name.
pub const TYPE: &str = "AWS::Lambda::LayerVersionPermission";
