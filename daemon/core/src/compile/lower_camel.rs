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
    to_aws_case_beside(type_name, type_name, &[], node, out)
}

/// [`to_aws_case`] of a spec that has words of its own beside AWS's properties: `what` is whose spec it is, in messages,
/// and an unknown key may have meant one of `words`.
pub fn to_aws_case_beside(type_name: &str, what: &str, words: &[&str], node: &Node, out: &mut Diagnostics) -> Node {
    let Some(schema) = schema::lookup(type_name) else { return node.clone() };
    let mut walker = Walker { schema, what, words, path: Vec::new(), out };
    walker.walk(&[&schema.root], node)
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

struct Walker<'a> {
    schema: &'a TypeSchema,
    what: &'a str,
    words: &'a [&'a str],
    path: Vec<String>,
    out: &'a mut Diagnostics,
}

impl Walker<'_> {
    fn walk(&mut self, shapes: &[&Shape], node: &Node) -> Node {
        if node.as_call().is_some() {
            return node.clone();
        }
        let value = match &node.value {
            Val::Map(map) => Val::Map(self.object(shapes, map)),
            Val::List(items) => {
                let inner = self.all(shapes.iter().filter_map(|shape| shape.items.as_deref()));
                Val::List(items.iter().map(|item| self.walk(&inner, item)).collect())
            }
            other => other.clone(),
        };
        Node { value, ..node.clone() }
    }

    fn object(&mut self, shapes: &[&Shape], map: &Map) -> Map {
        let mut names: BTreeMap<String, &str> = BTreeMap::new();
        for name in shapes.iter().flat_map(|shape| shape.properties.keys()) {
            names.insert(lower_camel(name), name);
        }
        if names.is_empty() {
            return self.values_only(shapes, map);
        }
        let mut result = Map::with_capacity(map.len());
        for (key, entry) in map {
            let Some(name) = names.get(key.as_str()) else {
                self.unknown(key, entry, &names);
                continue;
            };
            let inner = self.all(shapes.iter().filter_map(|shape| shape.properties.get(*name)));
            self.path.push(key.clone());
            let node = self.walk(&inner, &entry.node);
            self.path.pop();
            result.insert((*name).to_owned(), Entry { key_place: entry.key_place, node });
        }
        result
    }

    /// A map whose keys are somebody's own words.
    fn values_only(&mut self, shapes: &[&Shape], map: &Map) -> Map {
        let by_pattern = shapes.iter().flat_map(|shape| shape.pattern_properties.iter().map(|(_, shape)| shape));
        let inner = self.all(by_pattern.chain(shapes.iter().filter_map(|shape| match &shape.additional {
            Some(Additional::Shaped(shape)) => Some(shape.as_ref()),
            _ => None,
        })));
        if inner.is_empty() {
            return map.clone();
        }
        map.iter()
            .map(|(key, entry)| {
                (key.clone(), Entry { key_place: entry.key_place, node: self.walk(&inner, &entry.node) })
            })
            .collect()
    }

    fn unknown(&mut self, key: &str, entry: &Entry, names: &BTreeMap<String, &str>) {
        let top = self.path.is_empty();
        let owner = if top { self.what.to_owned() } else { format!("`{}` of {}", self.path.join("."), self.what) };
        let near = names.iter().find(|(_, aws)| **aws == key);
        let help = near.map(|(small, _)| format!("did you mean `{small}`?")).or_else(|| {
            // What only AWS sets is no suggestion, our own words are.
            let settable = names.iter().filter(|(_, aws)| !top || !self.schema.is_read_only(aws));
            let words = self.words.iter().copied().filter(|_| top);
            did_you_mean(key, settable.map(|(small, _)| small.as_str()).chain(words))
        });
        let message = format!("{owner} has no `{key}`");
        self.out.push(Diagnostic::error("unknown-property", entry.key_place, message).maybe_help(help));
    }

    /// The shapes that any of `shapes` may turn out to be.
    fn all<'s>(&self, shapes: impl Iterator<Item = &'s Shape>) -> Vec<&'s Shape>
    where
        Self: 's,
    {
        let mut found = Vec::new();
        for shape in shapes {
            alternatives(self.schema, shape, &mut found);
        }
        found
    }
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
    fn an_unknown_key_may_have_meant_a_word_of_ours() {
        let node = yaml::read_documents("trigger: []\nvpcConfig: {subnetIdz: []}\n", FileId(0)).unwrap().remove(0);
        let mut out = Diagnostics::new();
        to_aws_case_beside("AWS::Lambda::Function", "function `f`", &["triggers"], &node, &mut out);
        let said: Vec<_> =
            out.iter().map(|one| (one.message.as_str(), one.help.as_deref().unwrap_or_default())).collect();
        assert_eq!(
            said,
            [
                ("function `f` has no `trigger`", "did you mean `triggers`?"),
                ("`vpcConfig` of function `f` has no `subnetIdz`", "did you mean `subnetIds`?"),
            ]
        );
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
