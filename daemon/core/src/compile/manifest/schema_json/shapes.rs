//! AWS's property schemas as JSON Schema, in lower camel case.

use serde_json::{Map, Value as Json, json};

use super::value;
use crate::compile::lower_camel::lower_camel;
use crate::model::schema::{Additional, Limits, Shape, ShapeType, TypeSchema, lookup};

/// Deepest nesting that is spelt out; below it anything goes. AWS's own shapes may hold themselves.
const DEEPEST: usize = 8;

/// The properties of a type that a spec may set.
pub(super) fn properties(type_name: &str) -> Map<String, Json> {
    let Some(schema) = lookup(type_name) else { return Map::new() };
    schema
        .writable()
        .filter_map(|name| Some((lower_camel(name), value(shape(schema, schema.property(name)?, 0)))))
        .collect()
}

fn shape(schema: &TypeSchema, shape_of: &Shape, depth: usize) -> Json {
    let found = schema.resolve(shape_of);
    if depth > DEEPEST || found.is_free() && found.values.is_none() {
        return match found.types.contains(&ShapeType::Object) {
            // Free-form JSON may be text as well.
            true => json!({"type": ["object", "string"]}),
            false => json!({}),
        };
    }
    if let Some(values) = &found.values {
        return json!({"enum": values});
    }
    match found.types.as_slice() {
        types if types.contains(&ShapeType::Object) => object(schema, found, depth),
        types if types.contains(&ShapeType::Array) => {
            let items = found.items.as_ref().map_or(json!({}), |items| value(shape(schema, items, depth + 1)));
            limited(json!({"type": "array", "items": items}), found.count, ["minItems", "maxItems"])
        }
        types if types.contains(&ShapeType::Integer) => {
            limited(json!({"type": "integer"}), found.range, ["minimum", "maximum"])
        }
        types if types.contains(&ShapeType::Number) => {
            limited(json!({"type": "number"}), found.range, ["minimum", "maximum"])
        }
        types if types.contains(&ShapeType::Boolean) => json!({"type": "boolean"}),
        // YAML's numbers and truths are text where AWS wants text.
        types if types.contains(&ShapeType::String) => {
            limited(json!({"type": ["string", "number", "boolean"]}), found.length, ["minLength", "maxLength"])
        }
        _ => json!({}),
    }
}

fn object(schema: &TypeSchema, found: &Shape, depth: usize) -> Json {
    let properties: Map<String, Json> = found
        .properties
        .iter()
        .map(|(name, inner)| (lower_camel(name), value(shape(schema, inner, depth + 1))))
        .collect();
    let mut out = json!({"type": "object", "properties": properties});
    let open = !found.pattern_properties.is_empty() || matches!(found.additional, Some(Additional::Any(true)));
    match &found.additional {
        Some(Additional::Shaped(inner)) => out["additionalProperties"] = value(shape(schema, inner, depth + 1)),
        _ if !open && !found.properties.is_empty() => out["additionalProperties"] = json!(false),
        _ => {}
    }
    if !found.required.is_empty() {
        out["required"] = found.required.iter().map(|name| lower_camel(name)).collect();
    }
    out
}

/// Adds limits; the words for the least and the greatest.
fn limited(mut schema: Json, limits: Limits, [least, greatest]: [&str; 2]) -> Json {
    for (word, limit) in [(least, limits.least), (greatest, limits.greatest)] {
        if let Some(limit) = limit {
            // All of AWS's limits are whole numbers in effect; `1.0` is no length to an editor.
            #[expect(clippy::cast_possible_truncation, reason = "limits are far below 2^53")]
            let whole = limit as i64;
            schema[word] = json!(whole);
        }
    }
    schema
}
