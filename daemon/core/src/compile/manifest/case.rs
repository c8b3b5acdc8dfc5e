//! From lower camel case to AWS's property names, by the schema of the type.

use super::world::lower_camel;
use crate::model::schema::{self, Additional, Shape, TypeSchema};
use crate::model::suggest::did_you_mean;
use crate::model::{Diagnostic, Diagnostics, Entry, Map, Node, Val};

/// Deepest nesting that shapes are followed to; they may hold themselves.
const DEEPEST: usize = 40;

/// A spec in lower camel case as AWS's properties. Free-form JSON (policies, filters) and names that a person chose
/// (variables, tags) stay as written, and so does what only AWS can tell. `what` is whose spec it is, in messages;
/// `words` are our own, which a misspelt name may have meant.
pub(super) fn to_aws_case(type_name: &str, what: &str, words: &[&str], node: &Node, out: &mut Diagnostics) -> Node {
    let Some(schema) = schema::lookup(type_name) else { return node.clone() };
    let mut reader = Reader { schema, what, words, path: Vec::new(), out };
    reader.read(&[&schema.root], node)
}

struct Reader<'a> {
    schema: &'a TypeSchema,
    what: &'a str,
    words: &'a [&'a str],
    path: Vec<String>,
    out: &'a mut Diagnostics,
}

impl Reader<'_> {
    fn read(&mut self, shapes: &[&Shape], node: &Node) -> Node {
        if node.as_call().is_some() || self.path.len() > DEEPEST {
            return node.clone();
        }
        let mut all = Vec::new();
        shapes.iter().for_each(|shape| alternatives(self.schema, shape, 0, &mut all));
        let value = match &node.value {
            Val::Map(map) => Val::Map(self.map(&all, map)),
            Val::List(items) => {
                let inner: Vec<&Shape> = all.iter().filter_map(|shape| shape.items.as_deref()).collect();
                Val::List(items.iter().map(|item| self.read(&inner, item)).collect())
            }
            scalar => scalar.clone(),
        };
        Node { value, ..node.clone() }
    }

    fn map(&mut self, shapes: &[&Shape], map: &Map) -> Map {
        let known = || shapes.iter().flat_map(|shape| &shape.properties);
        let closed = known().next().is_some();
        let others: Vec<&Shape> = shapes.iter().flat_map(|shape| open_values(shape)).collect();
        let open = !closed
            || !others.is_empty()
            || shapes.iter().any(|shape| matches!(shape.additional, Some(Additional::Any(true))));
        let mut read = Map::new();
        for (key, entry) in map {
            let inner: Vec<(&String, &Shape)> = known().filter(|(name, _)| lower_camel(name) == *key).collect();
            let (name, inner) = match inner.first() {
                Some((name, _)) => {
                    if self.path.is_empty() && self.schema.is_read_only(name) {
                        let message = format!("`{key}` of {} is set by AWS alone", self.owner());
                        self.out.error("read-only-property", entry.key_place, message);
                        continue;
                    }
                    ((*name).clone(), inner.iter().map(|(_, shape)| *shape).collect())
                }
                None if open => (key.clone(), others.clone()),
                None => {
                    self.unknown(key, entry, known().map(|(name, _)| lower_camel(name)).collect());
                    continue;
                }
            };
            self.path.push(key.clone());
            let node = self.read(&inner, &entry.node);
            self.path.pop();
            read.insert(name, Entry { key_place: entry.key_place, node });
        }
        read
    }

    /// "function `charge`", or "`vpcConfig` of function `charge`" further in.
    fn owner(&self) -> String {
        if self.path.is_empty() { self.what.to_owned() } else { format!("`{}` of {}", self.path.join("."), self.what) }
    }

    fn unknown(&mut self, key: &str, entry: &Entry, mut names: Vec<String>) {
        if self.path.is_empty() {
            names.retain(|name| !self.schema.is_read_only(name));
            names.extend(self.words.iter().map(|word| (*word).to_owned()));
        }
        let lowered = lower_camel(key);
        let help = if names.contains(&lowered) {
            Some(format!("did you mean `{lowered}`? properties are written in lower camel case"))
        } else {
            did_you_mean(key, names.iter().map(String::as_str))
        };
        self.out.push(
            Diagnostic::error("unknown-property", entry.key_place, format!("{} has no `{key}`", self.owner()))
                .maybe_help(help),
        );
    }
}

/// A shape and all that may stand in its place.
fn alternatives<'a>(schema: &'a TypeSchema, shape: &'a Shape, depth: usize, found: &mut Vec<&'a Shape>) {
    let shape = schema.resolve(shape);
    found.push(shape);
    if depth < 8 {
        let others = shape.any_of.iter().chain(&shape.one_of).chain(&shape.all_of);
        others.for_each(|other| alternatives(schema, other, depth + 1, found));
    }
}

/// The shapes of values under names that a person chooses.
fn open_values(shape: &Shape) -> Vec<&Shape> {
    let mut open: Vec<&Shape> = shape.pattern_properties.iter().map(|(_, shape)| shape).collect();
    if let Some(Additional::Shaped(shape)) = &shape.additional {
        open.push(shape);
    }
    open
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Place;
    use serde_json::{Value as Json, json};

    fn read(type_name: &str, json: Json) -> (Json, Vec<String>) {
        let mut out = Diagnostics::new();
        let node = to_aws_case(type_name, "it", &["triggers"], &Node::from_json(&json, Place::NOWHERE), &mut out);
        let complaints =
            out.iter().map(|one| format!("{} | {}", one.message, one.help.clone().unwrap_or_default())).collect();
        (node.to_json(), complaints)
    }

    #[test]
    fn names_are_translated_at_every_depth_and_values_are_not() {
        let (json, complaints) = read(
            "AWS::Lambda::Function",
            json!({"memorySize": 128, "vpcConfig": {"subnetIds": ["s"]}, "fileSystemConfigs": [{"localMountPath": "/mnt/x"}],
                "tags": [{"key": "a", "value": "b"}], "environment": {"variables": {"myVariable": "x"}}}),
        );
        assert_eq!(
            json,
            json!({"MemorySize": 128, "VpcConfig": {"SubnetIds": ["s"]}, "FileSystemConfigs": [{"LocalMountPath": "/mnt/x"}],
                "Tags": [{"Key": "a", "Value": "b"}], "Environment": {"Variables": {"myVariable": "x"}}})
        );
        assert!(complaints.is_empty(), "{complaints:?}");
    }

    #[test]
    fn free_form_json_stays_as_written() {
        let policy = json!({"Version": "2012-10-17", "Statement": [{"effect": "x"}]});
        let (json, complaints) = read(
            "AWS::IAM::Role",
            json!({"assumeRolePolicyDocument": policy, "policies": [{"policyName": "p", "policyDocument": policy}]}),
        );
        assert_eq!(json["AssumeRolePolicyDocument"], policy);
        assert_eq!(json["Policies"], json!([{"PolicyName": "p", "PolicyDocument": policy}]));
        assert!(complaints.is_empty(), "{complaints:?}");
        let filter = json!({"kind": [{"anything-but": ["x"]}]});
        assert_eq!(read("AWS::SNS::Subscription", json!({"filterPolicy": filter})).0, json!({"FilterPolicy": filter}));
        let redrive = json!({"deadLetterTargetArn": "a", "maxReceiveCount": 3});
        assert_eq!(read("AWS::SQS::Queue", json!({"redrivePolicy": redrive})).0, json!({"RedrivePolicy": redrive}));
    }

    #[test]
    fn an_intrinsic_is_left_alone() {
        let call = json!({"Fn::If": ["c", {"subnetIds": []}, {"Ref": "AWS::NoValue"}]});
        assert_eq!(read("AWS::Lambda::Function", json!({"vpcConfig": call})).0, json!({"VpcConfig": call}));
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest_property_or_word() {
        let (_, complaints) = read(
            "AWS::Lambda::Function",
            json!({"memorySice": 1, "trigger": [], "MemorySize": 1, "vpcConfig": {"subnetIdz": []}, "arn": "x"}),
        );
        assert_eq!(
            complaints,
            [
                "it has no `memorySice` | did you mean `memorySize`?",
                "it has no `trigger` | did you mean `triggers`?",
                "it has no `MemorySize` | did you mean `memorySize`? properties are written in lower camel case",
                "`vpcConfig` of it has no `subnetIdz` | did you mean `subnetIds`?",
                "`arn` of it is set by AWS alone | ",
            ]
        );
    }
}
