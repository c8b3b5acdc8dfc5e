//! `AWS::Serverless::NetworkConnector`: a way from Lambda compute into a VPC.

use crate::model::{Diagnostic, Node};

use super::artifact::is_truthy;
use super::build::Build;
use super::made::Made;
use super::operator;
use super::props::{Kind, Property, Props, optional, optional_literal, required};
use super::source::Source;

const STR_OR_MAP: Kind = Kind::OneOf(&[Kind::Str, Kind::Map]);

const PROPERTIES: [Property; 6] = [
    optional("Name", STR_OR_MAP),
    required("VpcConfig", Kind::Map),
    optional("ComputeTypes", Kind::List),
    optional("OperatorRole", STR_OR_MAP),
    optional("Tags", Kind::Map),
    optional_literal("PropagateTags", Kind::Bool),
];
const VPC: [Property; 3] = [
    required("SubnetIds", Kind::List),
    required("SecurityGroupIds", Kind::List),
    required("NetworkProtocol", STR_OR_MAP),
];
const COMPUTE_TYPES: [&str; 2] = ["MicroVm", "WebFunction"];

/// The connector, and its operator role where none is given.
pub(super) fn expand(build: &Build<'_>, source: &Source) -> Result<Vec<Made>, Diagnostic> {
    let props = Props::read(source.owner(), &source.type_name, &source.properties, &PROPERTIES)?;
    let place = source.place;
    let types = match props.get("ComputeTypes") {
        None => vec![Node::str("MicroVm", place)],
        Some(types) => types.as_list().unwrap_or(std::slice::from_ref(types)).to_vec(),
    };
    let wrong = types.iter().find(|name| name.as_str().is_some_and(|name| !COMPUTE_TYPES.contains(&name)));
    if types.len() != 1 || wrong.is_some() {
        return Err(props.error("ComputeTypes", "`ComputeTypes` must hold exactly one of MicroVm and WebFunction"));
    }
    let empty = Node::map::<String>([], place);
    let given = props.get("VpcConfig").unwrap_or(&empty);
    let vpc = Props::read(props.owner().clone(), "`VpcConfig`", given, &VPC)?;
    if vpc.text("NetworkProtocol").is_some_and(|word| !matches!(word, "IPv4" | "DualStack")) {
        return Err(vpc.error("NetworkProtocol", "`VpcConfig.NetworkProtocol` must be IPv4 or DualStack"));
    }
    let mut egress = given.clone();
    egress.set("AssociatedComputeResourceTypes", Node::list(types, place));
    let (role_arn, role) = operator::role(build, source, &props, "AWSLambdaNetworkConnectorOperatorPolicy")?;
    let connector = Made::new(&source.id, "AWS::Lambda::NetworkConnector", place)
        .attributes(source.own_attributes())
        .depends_on(source.depends_on.clone())
        .maybe("Name", props.take("Name").filter(is_truthy))
        .with("Configuration", Node::map([("VpcEgressConfiguration", egress)], place))
        .with("OperatorRole", role_arn)
        .maybe("Tags", operator::given_tags(&props));
    Ok(role.into_iter().chain([connector]).collect())
}
