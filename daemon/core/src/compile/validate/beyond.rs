//! What evenkeel says beyond AWS's schemas: properties that the services have and CloudFormation does not.

use std::sync::OnceLock;

use crate::model::schema::Shape;

/// Properties of a type beyond its schema: name and shape (JSON in the table's short form).
const PROPERTIES: &[(&str, &str, &str)] = &[
    // CloudFormation cannot make SecureStrings; the service can, and evenkeel does.
    ("AWS::SSM::Parameter", "Type", r#"{"t":["string"],"e":["String","StringList","SecureString"]}"#),
    ("AWS::SSM::Parameter", "KeyId", r#"{"t":["string"]}"#),
];

/// The shape of a property that goes beyond a type's schema.
pub(super) fn property(type_name: &str, property: &str) -> Option<&'static Shape> {
    static SHAPES: OnceLock<Vec<(&'static str, &'static str, Shape)>> = OnceLock::new();
    let shapes = SHAPES.get_or_init(|| {
        PROPERTIES.iter().filter_map(|(t, p, shape)| Some((*t, *p, serde_json::from_str(shape).ok()?))).collect()
    });
    shapes.iter().find(|(t, p, _)| *t == type_name && *p == property).map(|(_, _, shape)| shape)
}

/// Names of the properties that go beyond a type's schema.
pub(super) fn names(type_name: &str) -> impl Iterator<Item = &'static str> + use<'_> {
    PROPERTIES.iter().filter(move |(t, _, _)| *t == type_name).map(|(_, p, _)| *p)
}
