//! From text to desired state: native manifests and SAM templates become the same resources.

pub mod intrinsic;
pub mod sam;
pub mod values;
pub mod yaml;

pub use values::{Needs, Values};
