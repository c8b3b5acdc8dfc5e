//! `AWS::Serverless::CapacityProvider`: EC2 instances that Lambda manages for functions.

use crate::model::{Diagnostic, Node, Val};

use super::artifact::is_truthy;
use super::build::Build;
use super::made::Made;
use super::props::{Kind, Property, Props, optional, optional_literal, required};
use super::source::Source;
use super::{operator, tags};

const STR_OR_MAP: Kind = Kind::OneOf(&[Kind::Str, Kind::Map]);
const LIST_OR_MAP: Kind = Kind::OneOf(&[Kind::ListOf(&STR_OR_MAP), Kind::Map]);

const PROPERTIES: [Property; 10] = [
    optional("CapacityProviderName", STR_OR_MAP),
    required("VpcConfig", Kind::Map),
    optional("OperatorRole", STR_OR_MAP),
    optional("Tags", Kind::Map),
    optional_literal("PropagateTags", Kind::Bool),
    optional("InstanceRequirements", Kind::Map),
    optional("ScalingConfig", Kind::Map),
    optional("KmsKeyArn", STR_OR_MAP),
    optional("LoggingConfig", Kind::Map),
    optional("ManagedResourceTags", Kind::Map),
];
const VPC: [Property; 2] = [required("SubnetIds", LIST_OR_MAP), optional("SecurityGroupIds", LIST_OR_MAP)];
const INSTANCES: [Property; 3] = [
    optional("Architectures", LIST_OR_MAP),
    optional("AllowedTypes", LIST_OR_MAP),
    optional("ExcludedTypes", LIST_OR_MAP),
];
const SCALING: [Property; 2] = [optional("MaxVCpuCount", Kind::Any), optional("AverageCPUUtilization", Kind::Any)];
const MANAGED_TAGS: [Property; 1] = [optional("Tags", Kind::Map)];

/// The provider, and its operator role where none is given.
pub(super) fn expand(build: &Build<'_>, source: &Source) -> Result<Vec<Made>, Diagnostic> {
    let props = Props::read(source.owner(), &source.type_name, &source.properties, &PROPERTIES)?;
    let place = source.place;
    let mut provider = Made::new(&source.id, "AWS::Lambda::CapacityProvider", place)
        .attributes(source.own_attributes())
        .depends_on(source.depends_on.clone())
        .maybe("CapacityProviderName", props.take("CapacityProviderName").filter(is_truthy));
    if let Some(vpc) = part(&props, "VpcConfig", &VPC)? {
        provider
            .set("VpcConfig", renamed(&vpc, &[("SubnetIds", "SubnetIds"), ("SecurityGroupIds", "SecurityGroupIds")]));
    }
    let (role_arn, role) = operator::role(build, source, &props, "AWSLambdaManagedEC2ResourceOperator")?;
    provider.set("PermissionsConfig", Node::map([("CapacityProviderOperatorRoleArn", role_arn)], place));
    if let Some(tags) = operator::given_tags(&props) {
        provider.set("Tags", tags);
    }
    if let Some(instances) = part(&props, "InstanceRequirements", &INSTANCES)? {
        if instances.get("AllowedTypes").is_some() && instances.get("ExcludedTypes").is_some() {
            return Err(props.error(
                "InstanceRequirements",
                "cannot specify `InstanceRequirements.AllowedTypes` and `InstanceRequirements.ExcludedTypes` together",
            ));
        }
        let names = [
            ("Architectures", "Architectures"),
            ("AllowedTypes", "AllowedInstanceTypes"),
            ("ExcludedTypes", "ExcludedInstanceTypes"),
        ];
        provider.set("InstanceRequirements", renamed(&instances, &names));
    }
    if let Some(scaling) = part(&props, "ScalingConfig", &SCALING)? {
        provider.set("CapacityProviderScalingConfig", scaling_config(&scaling)?);
    }
    provider = provider.maybe("KmsKeyArn", props.take("KmsKeyArn").filter(is_truthy));
    if let Some(logging) = props.take("LoggingConfig").filter(is_truthy) {
        provider.set("TelemetryConfig", Node::map([("LoggingConfig", logging)], place));
    }
    if let Some(managed) = part(&props, "ManagedResourceTags", &MANAGED_TAGS)?
        && let Some(given) = managed.get("Tags")
    {
        let explicit = [("Mode", Node::str("Explicit", place)), ("ExplicitTags", tags::list(given))];
        provider.set("PropagateTags", Node::map(explicit, place));
    }
    Ok(role.into_iter().chain([provider]).collect())
}

/// A property that is itself a list of known properties; `None` where it is absent, or empty and needs none of them.
fn part(props: &Props, name: &str, known: &[Property]) -> Result<Option<Props>, Diagnostic> {
    let needed = known.iter().any(|property| property.required);
    match props.get(name).filter(|node| needed || is_truthy(node)) {
        Some(node) => Props::read(props.owner().clone(), &format!("`{name}`"), node, known).map(Some),
        None => Ok(None),
    }
}

fn renamed(part: &Props, names: &[(&str, &str)]) -> Node {
    let entries = names.iter().filter_map(|(from, to)| Some((*to, part.take(from)?)));
    Node::map(entries, part.owner().place)
}

fn scaling_config(scaling: &Props) -> Result<Node, Diagnostic> {
    let place = scaling.owner().place;
    let mut config = Node::map::<String>([], place);
    if let Some(count) = number(scaling, "MaxVCpuCount")? {
        config.set("MaxVCpuCount", count);
    }
    let text = |text: &str| Node::str(text, place);
    match number(scaling, "AverageCPUUtilization")? {
        Some(target) => {
            let policy = Node::map(
                [
                    ("PredefinedMetricType", text("LambdaCapacityProviderAverageCPUUtilization")),
                    ("TargetValue", target),
                ],
                place,
            );
            config.set("ScalingMode", text("Manual"));
            config.set("ScalingPolicies", Node::list(vec![policy], place));
        }
        None => config.set("ScalingMode", text("Auto")),
    }
    Ok(config)
}

/// A number, or an intrinsic that gives one; text that is a number counts.
fn number(scaling: &Props, name: &str) -> Result<Option<Node>, Diagnostic> {
    let Some(value) = scaling.take(name) else { return Ok(None) };
    let read = match &value.value {
        Val::Int(_) | Val::Float(_) | Val::Map(_) => Some(value.value.clone()),
        Val::Str(text) => match (text.parse(), text.parse()) {
            (Ok(int), _) => Some(Val::Int(int)),
            (_, Ok(float)) => Some(Val::Float(float)),
            _ => None,
        },
        _ => None,
    };
    match read {
        Some(read) => Ok(Some(Node { value: read, ..value })),
        None => Err(scaling.error(name, format!("property `ScalingConfig.{name}` should be a number"))),
    }
}
