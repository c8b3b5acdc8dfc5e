//! What events that Lambda polls have in common: an event source mapping, and what the role needs to read the source.

use crate::model::{Diagnostic, Node, Val};

use super::super::artifact::is_truthy;
use super::super::build::Build;
use super::super::intrinsics::is_intrinsic;
use super::super::made::Made;
use super::super::policy;
use super::super::props::{Kind, Property, Props, optional, required};
use super::{Event, Target};

const COMMON: [Property; 25] = [
    optional("BatchSize", Kind::Int),
    optional("StartingPosition", Kind::Any),
    optional("StartingPositionTimestamp", Kind::Any),
    optional("Enabled", Kind::Bool),
    optional("MaximumBatchingWindowInSeconds", Kind::Int),
    optional("MaximumRetryAttempts", Kind::Int),
    optional("BisectBatchOnFunctionError", Kind::Bool),
    optional("MaximumRecordAgeInSeconds", Kind::Int),
    optional("DestinationConfig", Kind::Map),
    optional("ParallelizationFactor", Kind::Int),
    optional("Topics", Kind::List),
    optional("Queues", Kind::List),
    optional("SourceAccessConfigurations", Kind::List),
    optional("SecretsManagerKmsKeyId", Kind::Str),
    optional("TumblingWindowInSeconds", Kind::Int),
    optional("FunctionResponseTypes", Kind::List),
    optional("KafkaBootstrapServers", Kind::List),
    optional("FilterCriteria", Kind::Map),
    optional("KmsKeyArn", Kind::Any),
    optional("ConsumerGroupId", Kind::Str),
    optional("ScalingConfig", Kind::Map),
    optional("ProvisionedPollerConfig", Kind::Map),
    optional("SchemaRegistryConfig", Kind::Map),
    optional("MetricsConfig", Kind::Map),
    optional("LoggingConfig", Kind::Map),
];

/// Properties that AWS's mapping has under the same name.
const SAME: [&str; 20] = [
    "StartingPosition",
    "StartingPositionTimestamp",
    "BatchSize",
    "Enabled",
    "MaximumBatchingWindowInSeconds",
    "MaximumRetryAttempts",
    "BisectBatchOnFunctionError",
    "MaximumRecordAgeInSeconds",
    "ParallelizationFactor",
    "Topics",
    "Queues",
    "SourceAccessConfigurations",
    "TumblingWindowInSeconds",
    "FunctionResponseTypes",
    "FilterCriteria",
    "KmsKeyArn",
    "ScalingConfig",
    "ProvisionedPollerConfig",
    "MetricsConfig",
    "LoggingConfig",
];

/// A stream: its ARN and where to begin.
pub(super) const STREAM: [Property; 2] = [required("Stream", Kind::Any), required("StartingPosition", Kind::Any)];

/// What a mapping reads.
#[derive(Debug, Default)]
pub(super) struct Source {
    /// `EventSourceArn`.
    pub arn: Option<Node>,
    /// Further properties of the mapping.
    pub extra: Vec<(&'static str, Node)>,
    /// A managed policy that the role needs.
    pub managed: Option<Node>,
    /// An inline policy that the role needs.
    pub inline: Option<Node>,
}

/// The properties, those of `own` and those that all mappings have.
pub(super) fn props(event: &Event, own: &[Property]) -> Result<Props, Diagnostic> {
    let common = COMMON.into_iter().filter(|common| own.iter().all(|own| own.name != common.name));
    let known: Vec<Property> = own.iter().copied().chain(common).collect();
    event.props(&known)
}

/// The ARN of a managed policy under `service-role/`.
pub(super) fn managed(build: &Build<'_>, event: &Event, name: &str) -> Node {
    policy::managed_arn(&build.context.partition, &format!("service-role/{name}"), event.place)
}

/// The mapping, under the event's id.
pub(super) fn expand(
    event: &Event,
    props: &Props,
    target: &mut Target<'_>,
    source: Source,
) -> Result<Vec<Made>, Diagnostic> {
    let mut mapping = target
        .make(&event.id, "AWS::Lambda::EventSourceMapping", event)
        .with("FunctionName", target.name.clone())
        .maybe("EventSourceArn", source.arn);
    for name in SAME {
        if let Some(value) = props.take(name) {
            mapping.set(name, value);
        }
    }
    filter_criteria(props)?;
    let place = event.place;
    if let Some(servers) = props.take("KafkaBootstrapServers").filter(is_truthy) {
        let endpoints = Node::map([("KafkaBootstrapServers", servers)], place);
        mapping.set("SelfManagedEventSource", Node::map([("Endpoints", endpoints)], place));
    }
    kafka_config(event, props, &mut mapping)?;
    for (name, value) in source.extra {
        mapping.set(name, value);
    }
    let destination = destination(event, props, &mut mapping)?;
    if let Some(arn) = source.managed {
        policy::attach(target.role, arn);
    }
    for inline in [source.inline, destination].into_iter().flatten() {
        policy::add_inline(target.role, inline);
    }
    Ok(vec![mapping])
}

fn filter_criteria(props: &Props) -> Result<(), Diagnostic> {
    let Some(criteria) = props.get("FilterCriteria").filter(|node| !is_intrinsic(node)) else { return Ok(()) };
    match criteria.as_map() {
        Some(map) if map.keys().all(|key| key == "Filters") => Ok(()),
        _ => Err(props.error("FilterCriteria", "`FilterCriteria` holds `Filters` and nothing else")),
    }
}

/// Consumer group and schema registry of a Kafka source.
fn kafka_config(event: &Event, props: &Props, mapping: &mut Made) -> Result<(), Diagnostic> {
    let name = match event.type_name.as_str() {
        "MSK" => "AmazonManagedKafkaEventSourceConfig",
        "SelfManagedKafka" => "SelfManagedKafkaEventSourceConfig",
        other if props.get("ConsumerGroupId").is_some_and(is_truthy) => {
            let message = format!("property `ConsumerGroupId` is not defined for events of type {other}");
            return Err(props.error("ConsumerGroupId", message));
        }
        _ => return Ok(()),
    };
    let mut config = Node::map::<String>([], event.place);
    for name in ["ConsumerGroupId", "SchemaRegistryConfig"] {
        if let Some(value) = props.take(name).filter(is_truthy) {
            config.set(name, value);
        }
    }
    if is_truthy(&config) {
        mapping.set(name, config);
    }
    Ok(())
}

/// Where failed records go; with a `Type` the role may send there.
fn destination(event: &Event, props: &Props, mapping: &mut Made) -> Result<Option<Node>, Diagnostic> {
    let Some(config) = props.take("DestinationConfig").filter(is_truthy) else { return Ok(None) };
    let mut config = config;
    let Some(failure) = config.get_mut("OnFailure").filter(|node| node.as_map().is_some()) else {
        return Err(props.error("DestinationConfig", "property `DestinationConfig.OnFailure` should be a map"));
    };
    let kind = failure.get("Type").filter(|node| is_truthy(node)).cloned();
    let mut needed = None;
    if let Some(kind) = kind {
        failure.remove("Type");
        let word = match kind.as_str() {
            Some("S3") => Some("S3Bucket"),
            Some(word @ ("SQS" | "SNS" | "Kafka")) => Some(word),
            _ => None,
        };
        let Some(word) = word else {
            let message = "`Type` of `OnFailure` must be SQS, SNS, S3 or Kafka";
            return Err(props.owner().error(kind.place, message));
        };
        let arn = failure.get("Destination").filter(|node| node.value != Val::Null);
        needed = arn.and_then(|arn| policy::for_destination(word, &event.id, arn));
    }
    mapping.set("DestinationConfig", config);
    Ok(needed)
}
