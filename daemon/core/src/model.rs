//! The vocabulary that every other room shares. Knows nobody.

pub mod archive;
pub mod diagnostic;
pub mod node;
pub mod place;
pub mod resource;
pub mod schema;
pub mod suggest;

pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use node::de::from_node;
pub use node::{Entry, Map, Node, Val};
pub use place::{FileId, Place, Sources};
pub use resource::{DeletionPolicy, Desired, Origin, Output, Resource};
