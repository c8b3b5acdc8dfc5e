//! The properties of a mapping in canonical form, and what each source's defaults are.

use evenkeel_core::plan::kind::Scope;
use serde_json::{Map, Value as Json};

use crate::function_ref::FunctionRef;
use crate::values::{compact, filled, ordered, parsed, scalar, sorted};

/// What a mapping reads from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// Amazon SQS.
    Queue,
    /// Kinesis or DynamoDB Streams.
    Stream,
    /// Kafka (of Amazon or one's own), Amazon MQ, Amazon DocumentDB.
    Other,
}

impl Source {
    /// From the ARN of the source.
    pub(super) fn of(properties: &Map<String, Json>) -> Self {
        match filled(properties, "EventSourceArn").as_deref().and_then(|arn| arn.split(':').nth(2)) {
            Some("sqs") => Source::Queue,
            Some("kinesis" | "dynamodb") => Source::Stream,
            _ => Source::Other,
        }
    }

    /// What Lambda does where a property is left out; for streams it says so in its answer.
    pub(super) fn default(self, property: &str) -> Option<Json> {
        Some(match (property, self) {
            ("BatchSize", Source::Queue) => Json::from(10),
            ("BatchSize", _) => Json::from(100),
            // For brokers the default is half a second, which cannot be written.
            ("MaximumBatchingWindowInSeconds", Source::Queue | Source::Stream) => Json::from(0),
            ("MaximumRecordAgeInSeconds" | "MaximumRetryAttempts", Source::Stream) => Json::from(-1),
            ("ParallelizationFactor", Source::Stream) => Json::from(1),
            ("TumblingWindowInSeconds", Source::Stream) => Json::from(0),
            ("BisectBatchOnFunctionError", Source::Stream) => Json::Bool(false),
            ("Enabled", _) => Json::Bool(true),
            _ => return None,
        })
    }
}

/// Numbers and truth values.
pub(super) const SCALARS: [&str; 9] = [
    "BatchSize",
    "BisectBatchOnFunctionError",
    "Enabled",
    "MaximumBatchingWindowInSeconds",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "ParallelizationFactor",
    "StartingPositionTimestamp",
    "TumblingWindowInSeconds",
];

/// Structures and lists that `UpdateEventSourceMapping` takes, each with what it is sent to take it away: nothing at
/// all would leave it as it is.
pub(super) const STRUCTURES: [(&str, &str); 11] = [
    ("AmazonManagedKafkaEventSourceConfig", "{}"),
    ("DestinationConfig", r#"{"OnFailure":{"Destination":""}}"#),
    ("DocumentDBEventSourceConfig", "{}"),
    ("FilterCriteria", "{}"),
    ("FunctionResponseTypes", "[]"),
    ("LoggingConfig", "{}"),
    ("MetricsConfig", r#"{"Metrics":[]}"#),
    ("ProvisionedPollerConfig", "{}"),
    ("ScalingConfig", "{}"),
    ("SelfManagedKafkaEventSourceConfig", "{}"),
    ("SourceAccessConfigurations", "[]"),
];

/// What can only be given at creation: AWS's schema has the first four, and the update call does not take the others.
pub(super) const CREATE_ONLY: [&str; 6] =
    ["EventSourceArn", "SelfManagedEventSource", "StartingPosition", "StartingPositionTimestamp", "Topics", "Queues"];

/// Properties in canonical form, from a spec and from AWS's answer (under the spec's names) alike.
pub(super) fn canonical(scope: &Scope, properties: &Map<String, Json>) -> Map<String, Json> {
    let source = Source::of(properties);
    let mut out = Map::new();
    if let Some(text) = filled(properties, "FunctionName") {
        let arn = FunctionRef::parse(&text).map_or(text, |function| function.arn(scope));
        out.insert("FunctionName".to_owned(), Json::from(arn));
    }
    for text in ["EventSourceArn", "KmsKeyArn", "StartingPosition"] {
        if let Some(value) = filled(properties, text) {
            out.insert(text.to_owned(), Json::from(value));
        }
    }
    for name in SCALARS {
        let value = properties.get(name).filter(|value| !value.is_null()).map(scalar);
        if let Some(value) = value.or_else(|| source.default(name)) {
            // Lambda answers no window for brokers; one of no seconds is the same.
            if name == "MaximumBatchingWindowInSeconds" && source == Source::Other && value == 0 {
                continue;
            }
            out.insert(name.to_owned(), value);
        }
    }
    let lists = ["Topics", "Queues", "SelfManagedEventSource"];
    for name in STRUCTURES.iter().map(|(name, _)| *name).chain(lists) {
        let Some(value) = properties.get(name).map(compact).map(|value| structure(name, &value)) else { continue };
        if !is_nothing(&value) {
            out.insert(name.to_owned(), value);
        }
    }
    out
}

fn is_nothing(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::Array(items) => items.is_empty(),
        Json::Object(map) => map.values().all(is_nothing),
        _ => false,
    }
}

fn structure(name: &str, value: &Json) -> Json {
    let mut value = numbers(&ordered(value));
    match name {
        "FilterCriteria" => {
            if let Some(Json::Array(filters)) = value.get_mut("Filters") {
                for filter in filters.iter_mut() {
                    // A pattern is JSON in a text: blanks and the order of keys say nothing.
                    if let Some(pattern) = filter.get_mut("Pattern") {
                        *pattern = Json::from(ordered(&parsed(pattern)).to_string());
                    }
                }
                value["Filters"] = sorted(&value["Filters"]);
            }
            value
        }
        "MetricsConfig" => {
            if let Some(metrics) = value.get_mut("Metrics") {
                *metrics = sorted(metrics);
            }
            value
        }
        "DocumentDBEventSourceConfig" => {
            if let Json::Object(map) = &mut value
                && !map.is_empty()
            {
                map.entry("FullDocument").or_insert_with(|| Json::from("Default"));
            }
            value
        }
        "SelfManagedEventSource" => {
            if let Some(servers) = value.pointer_mut("/Endpoints/KafkaBootstrapServers") {
                *servers = sorted(servers);
            }
            value
        }
        "SourceAccessConfigurations" | "FunctionResponseTypes" | "Topics" | "Queues" => sorted(&value),
        _ => value,
    }
}

/// Numbers within structures may be written as text; only what AWS has as numbers is touched.
fn numbers(value: &Json) -> Json {
    match value {
        Json::Object(map) => Json::Object(
            map.iter()
                .map(|(name, value)| match name.as_str() {
                    "MaximumConcurrency" | "MinimumPollers" | "MaximumPollers" => (name.clone(), scalar(value)),
                    _ => (name.clone(), numbers(value)),
                })
                .collect(),
        ),
        other => other.clone(),
    }
}

/// AWS's answer under the spec's names.
pub(super) fn from_answer(answer: &Json) -> Map<String, Json> {
    let mut out = answer.as_object().cloned().unwrap_or_default();
    for (theirs, ours) in [("FunctionArn", "FunctionName"), ("KMSKeyArn", "KmsKeyArn")] {
        if let Some(value) = out.shift_remove(theirs) {
            out.insert(ours.to_owned(), value);
        }
    }
    if let Some(servers) = answer.pointer("/SelfManagedEventSource/Endpoints/KAFKA_BOOTSTRAP_SERVERS") {
        let source = serde_json::json!({"Endpoints": {"KafkaBootstrapServers": servers}});
        out.insert("SelfManagedEventSource".to_owned(), source);
    }
    // The state says it; while it changes, nobody can tell.
    match answer.get("State").and_then(Json::as_str) {
        Some("Enabled" | "Enabling") => out.insert("Enabled".to_owned(), Json::Bool(true)),
        Some("Disabled" | "Disabling") => out.insert("Enabled".to_owned(), Json::Bool(false)),
        _ => None,
    };
    out
}

/// A property of the spec as the API wants it: name and value.
pub(super) fn to_api(name: &str, value: &Json) -> (String, Json) {
    match name {
        "KmsKeyArn" => ("KMSKeyArn".to_owned(), value.clone()),
        "SelfManagedEventSource" => {
            let servers = value.pointer("/Endpoints/KafkaBootstrapServers").cloned().unwrap_or_default();
            (name.to_owned(), serde_json::json!({"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": servers}}))
        }
        _ => (name.to_owned(), value.clone()),
    }
}
