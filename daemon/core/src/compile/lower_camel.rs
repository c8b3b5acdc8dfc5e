//! AWS's property names in lower camel case, as native manifests write them.
//!
//! The mapping comes from the schemas, so it reaches exactly as far as they do: what is free-form JSON (policies,
//! filters), and the keys of maps (environment variables), stay as written.

use std::collections::BTreeMap;

use crate::model::schema::{self, Additional, Shape, TypeSchema};
use crate::model::suggest::did_you_mean;
use crate::model::{Diagnostic, Diagnostics, Entry, Map, Node, Val};

/// A name in lower camel case: the leading run of capitals in small letters, but for its last where a small letter
/// follows: `MemorySize` as `memorySize`, `KMSKeyArn` as `kmsKeyArn`, `S3Bucket` as `s3Bucket`, `URI` as `uri`.
pub fn lower_camel(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let run = chars.iter().take_while(|c| c.is_ascii_uppercase()).count();
    let small = match chars.get(run) {
        Some(next) if next.is_ascii_lowercase() && run > 1 => run - 1,
        _ => run,
    };
    chars.iter().enumerate().map(|(i, c)| if i < small { c.to_ascii_lowercase() } else { *c }).collect()
}

/// A spec in lower camel case as AWS's properties. A key that no property answers to is an error at its place.
pub fn to_aws_case(type_name: &str, node: &Node, out: &mut Diagnostics) -> Node {
    match schema::lookup(type_name) {
        Some(schema) => walk(schema, &[&schema.root], node, type_name, out),
        None => node.clone(),
    }
}

/// The shapes that a shape may turn out to be, references and alternatives followed.
pub(crate) fn alternatives<'a>(schema: &'a TypeSchema, shape: &'a Shape, out: &mut Vec<&'a Shape>) {
    let shape = schema.resolve(shape);
    if out.len() > 64 || out.iter().any(|known| std::ptr::eq(*known, shape)) {
        return;
    }
    out.push(shape);
    for other in shape.any_of.iter().chain(&shape.one_of).chain(&shape.all_of) {
        alternatives(schema, other, out);
    }
}

fn walk(schema: &TypeSchema, shapes: &[&Shape], node: &Node, at: &str, out: &mut Diagnostics) -> Node {
    if node.as_call().is_some() {
        return node.clone();
    }
    let value = match &node.value {
        Val::Map(map) => Val::Map(object(schema, shapes, map, at, out)),
        Val::List(items) => {
            let mut inner = Vec::new();
            for shape in shapes.iter().filter_map(|shape| shape.items.as_deref()) {
                alternatives(schema, shape, &mut inner);
            }
            Val::List(items.iter().map(|item| walk(schema, &inner, item, at, out)).collect())
        }
        other => other.clone(),
    };
    Node { value, ..node.clone() }
}

fn object(schema: &TypeSchema, shapes: &[&Shape], map: &Map, at: &str, out: &mut Diagnostics) -> Map {
    let mut names: BTreeMap<String, &str> = BTreeMap::new();
    for name in shapes.iter().flat_map(|shape| shape.properties.keys()) {
        names.insert(lower_camel(name), name);
    }
    if names.is_empty() {
        return values_only(schema, shapes, map, at, out);
    }
    let mut result = Map::with_capacity(map.len());
    for (key, entry) in map {
        let Some(name) = names.get(key.as_str()) else {
            let message = format!("{at} has no property `{key}`");
            let near = names.iter().find(|(_, aws)| *aws == key).map(|(small, _)| format!("did you mean `{small}`?"));
            let help = near.or_else(|| did_you_mean(key, names.keys().map(String::as_str)));
            out.push(Diagnostic::error("unknown-property", entry.key_place, message).maybe_help(help));
            continue;
        };
        let mut inner = Vec::new();
        for shape in shapes.iter().filter_map(|shape| shape.properties.get(*name)) {
            alternatives(schema, shape, &mut inner);
        }
        let node = walk(schema, &inner, &entry.node, &format!("`{key}`"), out);
        result.insert((*name).to_owned(), Entry { key_place: entry.key_place, node });
    }
    result
}

/// A map whose keys are somebody's own words.
fn values_only(schema: &TypeSchema, shapes: &[&Shape], map: &Map, at: &str, out: &mut Diagnostics) -> Map {
    let mut inner = Vec::new();
    for shape in shapes {
        for (_, shape) in &shape.pattern_properties {
            alternatives(schema, shape, &mut inner);
        }
        if let Some(Additional::Shaped(shape)) = &shape.additional {
            alternatives(schema, shape, &mut inner);
        }
    }
    if inner.is_empty() {
        return map.clone();
    }
    map.iter()
        .map(|(key, entry)| {
            let node = walk(schema, &inner, &entry.node, at, out);
            (key.clone(), Entry { key_place: entry.key_place, node })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::yaml;
    use crate::model::FileId;
    use serde_json::json;
    use std::collections::BTreeSet;

    fn translated(type_name: &str, text: &str) -> (serde_json::Value, Diagnostics) {
        let node = yaml::read_documents(text, FileId(0)).unwrap().remove(0);
        let mut out = Diagnostics::new();
        (to_aws_case(type_name, &node, &mut out).to_json(), out)
    }

    #[test]
    fn names_follow_one_rule() {
        for (aws, native) in [
            ("MemorySize", "memorySize"),
            ("KMSKeyArn", "kmsKeyArn"),
            ("S3Bucket", "s3Bucket"),
            ("URI", "uri"),
            ("DBUrl", "dbUrl"),
            ("name", "name"),
        ] {
            assert_eq!(lower_camel(aws), native);
        }
    }

    #[test]
    fn properties_are_translated_and_free_form_json_is_not() {
        let (json, out) = translated(
            "AWS::Lambda::Function",
            "{memorySize: 256, environment: {variables: {camelKey: a}}, vpcConfig: {subnetIds: [s]}, tags: [{key: k, value: v}]}",
        );
        assert!(out.is_empty(), "{out:?}");
        assert_eq!(
            json,
            json!({"MemorySize": 256, "Environment": {"Variables": {"camelKey": "a"}}, "VpcConfig": {"SubnetIds": ["s"]}, "Tags": [{"Key": "k", "Value": "v"}]})
        );
        let (json, _) = translated("AWS::SQS::QueuePolicy", "{policyDocument: {statement: [], Version: v}}");
        assert_eq!(json, json!({"PolicyDocument": {"statement": [], "Version": "v"}}));
    }

    #[test]
    fn an_unknown_key_is_an_error_at_its_place_with_the_nearest_name() {
        let (_, out) = translated("AWS::Lambda::Function", "memorySice: 1\nMemorySize: 2\n");
        let items = out.sorted();
        assert_eq!(items[0].help.as_deref(), Some("did you mean `memorySize`?"));
        assert_eq!(items[1].help.as_deref(), Some("did you mean `memorySize`?"));
        assert_eq!(items[1].place.line, 2);
    }

    #[test]
    fn no_object_of_any_type_has_two_properties_with_one_name() {
        fn check(name: &str, shape: &Shape, clashes: &mut BTreeSet<String>) {
            let mut seen = BTreeMap::new();
            for property in shape.properties.keys() {
                if let Some(other) = seen.insert(lower_camel(property), property) {
                    clashes.insert(format!("{name}: {other} and {property}"));
                }
            }
            let inner = shape.properties.values().chain(shape.items.as_deref()).chain(&shape.any_of);
            inner.chain(&shape.one_of).chain(&shape.all_of).for_each(|shape| check(name, shape, clashes));
        }
        let mut clashes = BTreeSet::new();
        for name in schema::type_names() {
            let schema = schema::lookup(name).unwrap();
            check(name, &schema.root, &mut clashes);
            schema.definitions.values().for_each(|shape| check(name, shape, &mut clashes));
        }
        assert!(clashes.is_empty(), "{clashes:?}");
    }
}
