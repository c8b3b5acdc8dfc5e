//! `AWS::Serverless::LayerVersion`: a layer version that stays when a newer one comes.

use crate::model::{Diagnostic, Node};

use super::artifact;
use super::build::Build;
use super::intrinsics::is_intrinsic;
use super::made::Made;
use super::props::{Kind, Property, Props, optional};
use super::source::Source;

const NAMES: Kind = Kind::ListOf(&Kind::OneOf(&[Kind::Str, Kind::Map]));

const PROPERTIES: [Property; 8] = [
    optional("LayerName", Kind::OneOf(&[Kind::Str, Kind::Map])),
    optional("Description", Kind::Str),
    optional("PublishLambdaVersion", Kind::Bool),
    optional("ContentUri", Kind::OneOf(&[Kind::Str, Kind::Map])),
    optional("CompatibleArchitectures", NAMES),
    optional("CompatibleRuntimes", NAMES),
    optional("LicenseInfo", Kind::Str),
    optional("RetentionPolicy", Kind::Str),
];

/// The layer version. Its id stands without the content hash that SAM would add.
pub(super) fn expand(build: &Build<'_>, source: &Source) -> Result<Vec<Made>, Diagnostic> {
    let props = Props::read(source.owner(), &source.type_name, &source.properties, &PROPERTIES)?;
    let place = source.place;
    let resolved = |name: &str| props.get(name).map(|value| build.resolve(value));
    let mut attributes = source.handed_on();
    let retention = match resolved("RetentionPolicy") {
        Some(policy) => Some(retention(&props, &policy)?),
        None if attributes.contains_key("DeletionPolicy") => None,
        None => Some(Node::str("Retain", place)),
    };
    if !attributes.contains_key("DeletionPolicy") && props.get("RetentionPolicy").is_none() {
        let node = Node::str("true", place);
        attributes.insert("KeptByDefault".to_owned(), crate::model::Entry { key_place: place, node });
    }
    if let Some(policy) = retention {
        let entry = crate::model::Entry { key_place: policy.place, node: policy };
        attributes.insert("DeletionPolicy".to_owned(), entry);
    }
    let path = props.take("ContentUri").unwrap_or(Node::str(".", place));
    if let Some(architectures) = props.get("CompatibleArchitectures").filter(|node| !is_intrinsic(node)) {
        for item in architectures.as_list().unwrap_or_default() {
            if !is_intrinsic(item) && !matches!(item.as_str(), Some("arm64" | "x86_64")) {
                return Err(source.error(item.place, "`CompatibleArchitectures` is a list of `x86_64` and `arm64`"));
            }
        }
    }
    let layer = Made::new(&source.id, "AWS::Lambda::LayerVersion", place)
        .attributes(attributes)
        .depends_on(source.depends_on.clone())
        .with("LayerName", props.take("LayerName").unwrap_or(Node::str(&source.id, place)))
        .maybe("Description", props.take("Description"))
        .with("Content", artifact::location(&props, "ContentUri", &build.resolve(&path), &artifact::LAMBDA)?)
        .maybe("CompatibleArchitectures", props.take("CompatibleArchitectures"))
        .maybe("CompatibleRuntimes", props.take("CompatibleRuntimes"))
        .maybe("LicenseInfo", props.take("LicenseInfo"));
    Ok(vec![layer])
}

/// The deletion policy for a `RetentionPolicy`.
fn retention(props: &Props, policy: &Node) -> Result<Node, Diagnostic> {
    let word = policy.as_str().unwrap_or_default();
    match ["Retain", "Delete"].into_iter().find(|option| option.eq_ignore_ascii_case(word)) {
        Some(option) => Ok(Node::str(option, policy.place)),
        None => Err(props.error(
            "RetentionPolicy",
            "`RetentionPolicy` must be `Retain` or `Delete`, without an intrinsic that is not a parameter",
        )),
    }
}
