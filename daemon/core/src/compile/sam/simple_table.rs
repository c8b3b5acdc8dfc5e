//! `AWS::Serverless::SimpleTable`: a DynamoDB table with one key.

use crate::model::{Diagnostic, Node};

use super::artifact::is_truthy;
use super::made::Made;
use super::props::{Kind, Property, Props, optional, required};
use super::source::Source;
use super::tags;

const PROPERTIES: [Property; 6] = [
    optional("PointInTimeRecoverySpecification", Kind::Any),
    optional("PrimaryKey", Kind::MapOf(&Kind::Str)),
    optional("ProvisionedThroughput", Kind::MapOf(&Kind::OneOf(&[Kind::Int, Kind::Map]))),
    optional("TableName", Kind::OneOf(&[Kind::Str, Kind::Map])),
    optional("Tags", Kind::Map),
    optional("SSESpecification", Kind::Map),
];

const KEY: [Property; 2] = [required("Name", Kind::Str), required("Type", Kind::Str)];

/// The table.
pub(super) fn expand(source: &Source) -> Result<Vec<Made>, Diagnostic> {
    let props = Props::read(source.owner(), &source.type_name, &source.properties, &PROPERTIES)?;
    let place = source.place;
    let (name, letter) = match props.get("PrimaryKey").filter(|key| is_truthy(key)) {
        None => (Node::str("id", place), Node::str("S", place)),
        Some(key) => {
            for property in KEY {
                if key.get(property.name).is_none() {
                    return Err(
                        props.error("PrimaryKey", format!("property `PrimaryKey.{}` is required", property.name))
                    );
                }
            }
            let letter = key.get("Type").cloned().map(|kind| attribute_type(&props, kind)).transpose()?;
            (key.get("Name").cloned().unwrap_or(Node::str("id", place)), letter.unwrap_or(Node::str("S", place)))
        }
    };
    let definition = Node::map([("AttributeName", name.clone()), ("AttributeType", letter)], place);
    let key = Node::map([("AttributeName", name), ("KeyType", Node::str("HASH", place))], place);
    let mut table = Made::new(&source.id, "AWS::DynamoDB::Table", place)
        .attributes(source.own_attributes())
        .depends_on(source.depends_on.clone())
        .with("AttributeDefinitions", Node::list(vec![definition], place))
        .with("KeySchema", Node::list(vec![key], place));
    match props.take("ProvisionedThroughput").filter(is_truthy) {
        Some(throughput) => table.set("ProvisionedThroughput", throughput),
        None => table.set("BillingMode", Node::str("PAY_PER_REQUEST", place)),
    }
    table = table
        .maybe("SSESpecification", props.take("SSESpecification").filter(is_truthy))
        .maybe("TableName", props.take("TableName").filter(is_truthy))
        .maybe("PointInTimeRecoverySpecification", props.take("PointInTimeRecoverySpecification").filter(is_truthy));
    if let Some(tags) = props.get("Tags").filter(|tags| is_truthy(tags)) {
        table.set("Tags", tags::list(tags));
    }
    Ok(vec![table])
}

/// DynamoDB's letter for the words that SAM allows.
fn attribute_type(props: &Props, kind: Node) -> Result<Node, Diagnostic> {
    match kind.as_str() {
        Some(word) => {
            match [("String", "S"), ("Number", "N"), ("Binary", "B")].into_iter().find(|(name, _)| *name == word) {
                Some((_, letter)) => Ok(Node::str(letter, kind.place)),
                None => Err(props
                    .error("PrimaryKey", format!("there is no `Type` `{word}`: it is one of String, Number, Binary"))),
            }
        }
        None => Ok(kind),
    }
}
