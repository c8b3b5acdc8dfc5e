//! Holds resources against AWS's schemas, offline: everything that AWS would refuse, at its place.
//!
//! CloudFormation's leniency is kept: `"12"` is a whole number, `12` is text, `"true"` is a truth value. A value that
//! only another resource or AWS can tell is taken to be right.

mod attributes;
mod beyond;
mod canonical;
mod pattern;
mod together;
mod value;

use crate::model::schema::{self, Shape};
use crate::model::suggest::did_you_mean;
use crate::model::{Diagnostic, Diagnostics, Resource};

pub use attributes::check_attributes;
pub use canonical::canonicalise;

/// Checks one resource's type and properties.
pub fn validate_resource(resource: &Resource, out: &mut Diagnostics) {
    let name = &resource.type_name;
    let Some(schema) = schema::lookup(name) else {
        if let Some(custom) = name.strip_prefix("Custom::") {
            out.error(
                "custom-resource",
                resource.place,
                format!("`{}`: evenkeel cannot run the custom resource {custom}", resource.id),
            );
            return;
        }
        let message = format!("`{}`: AWS has no resource type `{name}`", resource.id);
        let help = if out.are_many() { None } else { did_you_mean(name, schema::type_names()) };
        out.push(Diagnostic::error("unknown-type", resource.place, message).maybe_help(help));
        return;
    };
    let check = value::Check { schema, id: &resource.id, type_name: name, owner: resource.place };
    check.root(&resource.properties, out);
}

/// Whether a shape wants a list.
fn wants_list(shape: &Shape) -> bool {
    shape.types.contains(&crate::model::schema::ShapeType::Array)
}

#[cfg(test)]
mod tests;
