//! One spelling for scalars: text where AWS takes nothing else.

use serde_json::{Map, Value as Json};

use super::{Additional, Shape, ShapeType, TypeSchema};

/// Deeper than any schema nests; a shape may hold itself.
const DEPTH: usize = 12;

impl TypeSchema {
    /// Turns numbers and truth values into text wherever AWS takes only text, as CloudFormation does: YAML reads
    /// `Qualifier: 1` as a number.
    pub fn spell(&self, properties: &mut Map<String, Json>) {
        self.members(&self.root, properties, 0);
    }

    fn members(&self, shape: &Shape, map: &mut Map<String, Json>, depth: usize) {
        for (name, value) in map {
            let other = match &shape.additional {
                Some(Additional::Shaped(other)) => Some(other.as_ref()),
                _ => None,
            };
            if let Some(shape) = shape.properties.get(name).or(other) {
                self.scalar(shape, value, depth + 1);
            }
        }
    }

    fn scalar(&self, shape: &Shape, value: &mut Json, depth: usize) {
        let shape = self.resolve(shape);
        match value {
            _ if depth > DEPTH => {}
            Json::Number(_) | Json::Bool(_) if shape.types == [ShapeType::String] => {
                *value = Json::from(value.to_string());
            }
            Json::Array(items) => {
                if let Some(shape) = shape.items.as_deref() {
                    items.iter_mut().for_each(|item| self.scalar(shape, item, depth + 1));
                }
            }
            Json::Object(map) => self.members(shape, map, depth),
            _ => {}
        }
    }
}
