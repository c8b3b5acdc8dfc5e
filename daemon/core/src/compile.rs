//! From text to desired state: native manifests and SAM templates become the same resources.

pub mod intrinsic;
pub mod limits;
pub mod lower_camel;
pub mod manifest;
pub mod sam;
pub mod samconfig;
pub mod secret;
pub mod template;
pub mod tree;
pub mod validate;
pub mod values;
pub mod yaml;

pub use template::{Compiled, Files, Outcome, TemplateInput, compile_template};
pub use values::{Needs, Values};

use crate::model::{Desired, Diagnostics};

/// Holds a compiled application against AWS's schemas and limits: what AWS would refuse is an error, at its place. What
/// AWS takes and people regret is advice.
pub fn check(desired: &Desired, out: &mut Diagnostics) {
    for resource in desired.resources.values() {
        validate::validate_resource(resource, out);
    }
    validate::check_attributes(desired, out);
    limits::check_limits(desired, out);
    limits::advise(desired, out);
}
