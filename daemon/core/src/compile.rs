//! From text to desired state: native manifests and SAM templates become the same resources.

pub mod sam;
pub mod yaml;
