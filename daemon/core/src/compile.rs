//! From text to desired state: native manifests and SAM templates become the same resources.

pub mod intrinsic;
pub mod manifest;
pub mod sam;
pub mod samconfig;
pub mod template;
pub mod tree;
pub mod values;
pub mod yaml;

pub use template::{Compiled, Files, Outcome, TemplateInput, compile_template};
pub use values::{Needs, Values};
