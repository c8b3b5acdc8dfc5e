//! One spelling for each scalar: `"12"` becomes 12 where AWS's schema says whole number.

use crate::compile::lower_camel::alternatives;
use crate::model::schema::{self, Additional, Shape, ShapeType, TypeSchema};
use crate::model::{Node, Val};

/// Turns scalars into the types that AWS's schema gives them, so that two spellings of one value are no difference.
/// Free-form JSON, and what is not known yet, stays as it is.
pub fn canonicalise(type_name: &str, properties: &mut Node) {
    if let Some(schema) = schema::lookup(type_name) {
        walk(schema, &[&schema.root], properties);
    }
}

fn walk(schema: &TypeSchema, shapes: &[&Shape], node: &mut Node) {
    if node.as_call().is_some() {
        return;
    }
    match &mut node.value {
        Val::Map(map) => {
            for (key, entry) in map {
                let mut inner = Vec::new();
                for shape in shapes {
                    if let Some(shape) = shape.properties.get(key) {
                        alternatives(schema, shape, &mut inner);
                    } else if let Some(Additional::Shaped(shape)) = &shape.additional {
                        alternatives(schema, shape, &mut inner);
                    }
                    for (_, shape) in &shape.pattern_properties {
                        alternatives(schema, shape, &mut inner);
                    }
                }
                walk(schema, &inner, &mut entry.node);
            }
        }
        Val::List(items) => {
            let mut inner = Vec::new();
            for shape in shapes.iter().filter_map(|shape| shape.items.as_deref()) {
                alternatives(schema, shape, &mut inner);
            }
            items.iter_mut().for_each(|item| walk(schema, &inner, item));
        }
        _ => {
            let types: Vec<ShapeType> = shapes.iter().flat_map(|shape| shape.types.iter().copied()).collect();
            if let Some(value) = scalar(&types, node) {
                node.value = value;
            }
        }
    }
}

/// The value in the one type that the schema gives it; `None` where it has it already, or could be several.
fn scalar(types: &[ShapeType], node: &Node) -> Option<Val> {
    let only = types.first().filter(|first| types.iter().all(|t| t == *first))?;
    match (only, &node.value) {
        (ShapeType::Integer, Val::Str(text)) => text.trim().parse().ok().map(Val::Int),
        (ShapeType::Integer, Val::Float(number)) if number.fract() == 0.0 => Some(Val::Int(*number as i64)),
        (ShapeType::Number, Val::Str(text)) => {
            text.trim().parse().ok().map(Val::Int).or_else(|| text.trim().parse().ok().map(Val::Float))
        }
        (ShapeType::Boolean, Val::Str(text)) => match text.to_ascii_lowercase().as_str() {
            "true" => Some(Val::Bool(true)),
            "false" => Some(Val::Bool(false)),
            _ => None,
        },
        (ShapeType::String, Val::Bool(_) | Val::Int(_) | Val::Float(_)) => node.scalar_text().map(Val::Str),
        _ => None,
    }
}
