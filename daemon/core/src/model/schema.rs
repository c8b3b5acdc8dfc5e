//! AWS's own schemas of its resource types: what validation, "did you mean", replacement decisions and drift rest on.
//!
//! The table is made by `daemon/core/schemas/build.py` from the schemas that AWS publishes (as cfn-lint ships them) and
//! is read lazily: looking up a type inflates only the block that it stands in, and reads that type alone.

mod shape;
mod spelling;
mod table;

use std::collections::BTreeMap;

pub use shape::{Additional, Limits, Shape, ShapeType};
pub use table::{count, date, lookup, source, type_names};

use serde::Deserialize;

/// The schema of one resource type.
#[derive(Debug, Deserialize)]
pub struct TypeSchema {
    /// The type's name.
    #[serde(skip)]
    pub name: String,
    /// The properties, as an object.
    #[serde(rename = "s")]
    pub root: Shape,
    /// Shapes that others refer to by name.
    #[serde(rename = "d", default)]
    pub definitions: BTreeMap<String, Shape>,
    /// Paths that only AWS sets.
    #[serde(rename = "ro", default)]
    pub read_only: Vec<String>,
    /// Paths whose change takes a new resource.
    #[serde(rename = "co", default)]
    pub create_only: Vec<String>,
    /// Paths whose change may take a new resource, depending on values.
    #[serde(rename = "cc", default)]
    pub conditional_create_only: Vec<String>,
    /// Paths that AWS never gives back.
    #[serde(rename = "wo", default)]
    pub write_only: Vec<String>,
    /// Paths that AWS discourages.
    #[serde(rename = "dp", default)]
    pub deprecated: Vec<String>,
    /// The properties that identify a resource.
    #[serde(rename = "id", default)]
    pub primary_identifier: Vec<String>,
    /// How it is tagged; `None` where it cannot be.
    #[serde(rename = "tag", default)]
    pub tagging: Option<Tagging>,
    /// IAM actions by handler (`create`, `read`, `update`, `delete`, `list`).
    #[serde(rename = "h", default)]
    pub handlers: BTreeMap<String, Vec<String>>,
    #[serde(rename = "at", default)]
    extra_attributes: ExtraAttributes,
}

/// What `Fn::GetAtt` reads beyond the read-only properties.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum ExtraAttributes {
    /// Every property of the type, or none.
    Every(bool),
    /// These.
    Listed(Vec<String>),
}

impl Default for ExtraAttributes {
    fn default() -> Self {
        ExtraAttributes::Every(false)
    }
}

/// How a type is tagged.
#[derive(Debug, Deserialize)]
pub struct Tagging {
    /// The property that holds tags.
    #[serde(rename = "p")]
    pub property: String,
    /// Whether tags can be given at creation.
    #[serde(rename = "c")]
    pub on_create: bool,
    /// Whether they can be changed.
    #[serde(rename = "u")]
    pub updatable: bool,
}

impl TypeSchema {
    /// The shape behind references.
    pub fn resolve<'a>(&'a self, shape: &'a Shape) -> &'a Shape {
        let mut shape = shape;
        // A chain of references in AWS's schemas is never longer than a few; a ring must not hang.
        for _ in 0..16 {
            match shape.reference.as_ref().and_then(|name| self.definitions.get(name)) {
                Some(target) => shape = target,
                None => break,
            }
        }
        shape
    }

    /// A top-level property.
    pub fn property(&self, name: &str) -> Option<&Shape> {
        self.root.properties.get(name).map(|shape| self.resolve(shape))
    }

    /// Names of the properties that a spec may set.
    pub fn writable(&self) -> impl Iterator<Item = &str> {
        self.root.properties.keys().map(String::as_str).filter(|name| !self.is_read_only(name))
    }

    /// Whether a change at a path (`VpcConfig.SubnetIds[0]`) takes a new resource.
    pub fn is_create_only(&self, path: &str) -> bool {
        lists(&self.create_only, path)
    }

    /// Whether only AWS sets what is at a path.
    pub fn is_read_only(&self, path: &str) -> bool {
        lists(&self.read_only, path)
    }

    /// Whether AWS never gives back what is at a path.
    pub fn is_write_only(&self, path: &str) -> bool {
        lists(&self.write_only, path)
    }

    /// Names that `Fn::GetAtt` takes, sorted, nested ones with dots: the read-only properties and what the type gives
    /// beyond them.
    pub fn attributes(&self) -> Vec<String> {
        let mut all = self.read_only.clone();
        match &self.extra_attributes {
            ExtraAttributes::Listed(names) => all.extend(names.iter().cloned()),
            ExtraAttributes::Every(false) => {}
            ExtraAttributes::Every(true) => {
                for (name, shape) in &self.root.properties {
                    self.leaves(name.clone(), shape, 0, &mut all);
                }
            }
        }
        all.sort();
        all.dedup();
        all
    }

    /// Whether `Fn::GetAtt` takes a name: a listed one, or one within a listed map (`Outputs.Url` of a stack).
    pub fn has_attribute(&self, name: &str) -> bool {
        self.attributes().iter().any(|known| {
            known == name || name.strip_prefix(known.as_str()).is_some_and(|within| within.starts_with('.'))
        })
    }

    /// A property's path, or those of its own properties where it is an object that names some. Lists of objects cannot
    /// be read by `Fn::GetAtt`.
    fn leaves(&self, path: String, shape: &Shape, depth: usize, all: &mut Vec<String>) {
        // Definitions may contain themselves; no attribute lies deeper.
        const DEPTH: usize = 6;
        let shape = self.resolve(shape);
        if shape.types == [ShapeType::Object] && !shape.properties.is_empty() {
            if depth < DEPTH {
                for (name, inner) in &shape.properties {
                    self.leaves(format!("{path}.{name}"), inner, depth + 1, all);
                }
            }
            return;
        }
        let items = shape.items.as_deref().map(|items| self.resolve(items));
        let of_structures =
            items.is_some_and(|items| matches!(items.types.as_slice(), [ShapeType::Object | ShapeType::Array]));
        if !of_structures {
            all.push(path);
        }
    }
}

/// Whether a path equals, or lies below, one of the listed paths. `*` stands for any item of a list.
fn lists(listed: &[String], path: &str) -> bool {
    let parts: Vec<&str> = path.split(['.', '[']).map(|part| if part.ends_with(']') { "*" } else { part }).collect();
    listed.iter().any(|listed| {
        let mut wanted = listed.split('.');
        let mut parts = parts.iter();
        loop {
            match (wanted.next(), parts.next()) {
                (None, _) => return true,
                (Some(_), None) => return false,
                (Some("*"), Some(part)) if *part == "*" => {}
                (Some(name), Some(part)) if name == *part => {}
                _ => return false,
            }
        }
    })
}

#[cfg(test)]
mod tests;
