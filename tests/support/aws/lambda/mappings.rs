//! Event source mappings: on their way between states, and not to be touched meanwhile.

use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use super::{arn, conflict, invalid, named};
use crate::aws::wire::{Answer, Fault, fault, last, number, object, page, text};
use crate::aws::{ACCOUNT, Cloud, REGION};

/// A mapping.
#[derive(Clone, Default)]
pub struct Mapping {
    /// What `GetEventSourceMapping` tells, without the state.
    pub entry: Map<String, Json>,
    /// The function's ARN.
    pub function: String,
    /// Whether it should be enabled.
    pub enabled: bool,
    /// On its way: the word for it, and until when.
    pub moving: Option<(&'static str, Duration)>,
    /// Tags.
    pub tags: Map<String, Json>,
}

impl Mapping {
    fn source(&self) -> &str {
        self.entry.get("EventSourceArn").and_then(Json::as_str).unwrap_or_default()
    }

    /// A function must be done before its message comes back.
    pub(super) fn check_visibility(&self, cloud: &Cloud, timeout: i64) -> Result<(), Fault> {
        let Some(queue) = cloud.sqs.queues.get(last(self.source())) else { return Ok(()) };
        let visibility = queue.spread(cloud.now).get("VisibilityTimeout").and_then(Json::as_str);
        let visibility: i64 = visibility.and_then(|text| text.parse().ok()).unwrap_or(30);
        if visibility < timeout {
            return Err(invalid(format!(
                "Queue visibility timeout: {visibility} seconds is less than Function timeout: {timeout} seconds"
            )));
        }
        Ok(())
    }

    fn is_stream(&self) -> bool {
        self.source().contains(":kinesis:") || self.source().contains(":dynamodb:")
    }

    /// More than ten messages at a time take a window, and a FIFO queue knows neither.
    fn check_batch(&self) -> Result<(), Fault> {
        let at = |name: &str| self.entry.get(name).and_then(Json::as_i64).unwrap_or_default();
        let (size, window) = (at("BatchSize"), at("MaximumBatchingWindowInSeconds"));
        if self.source().ends_with(".fifo") && window > 0 {
            return Err(invalid("Batching window is not supported for FIFO queues."));
        }
        if size > 10 && window == 0 {
            return Err(invalid(
                "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
            ));
        }
        Ok(())
    }

    fn json(&self) -> Json {
        let mut out = self.entry.clone();
        let still = if self.enabled { "Enabled" } else { "Disabled" };
        out.insert("State".to_owned(), json!(self.moving.map_or(still, |(word, _)| word)));
        out.insert("FunctionArn".to_owned(), json!(self.function));
        Json::Object(out)
    }
}

fn missing() -> Fault {
    fault("ResourceNotFoundException", 404, "The resource you requested does not exist.")
}

/// Whatever has arrived by now.
fn advance(cloud: &mut Cloud) {
    let now = cloud.now;
    cloud.lambda.mappings.retain(|_, mapping| {
        let arrived = mapping.moving.filter(|(_, until)| now >= *until);
        if arrived.is_some() {
            mapping.moving = None;
        }
        arrived.is_none_or(|(word, _)| word != "Deleting")
    });
}

pub(super) fn answer(cloud: &mut Cloud, operation: &str, input: &Json) -> Answer {
    advance(cloud);
    let uuid = text(input, "UUID").to_owned();
    match operation {
        "ListEventSourceMappings" => {
            let (function, source) = (named(text(input, "FunctionName")).0, text(input, "EventSourceArn"));
            let fits = |mapping: &&Mapping| {
                (function.is_empty() || named(&mapping.function).0 == function)
                    && (source.is_empty() || mapping.source() == source)
            };
            let items = cloud.lambda.mappings.values().filter(fits).map(Mapping::json).collect();
            let (items, next) = page(items, 100, text(input, "Marker"));
            Ok(json!({"EventSourceMappings": items, "NextMarker": next}))
        }
        "GetEventSourceMapping" => cloud.lambda.mappings.get(&uuid).map(Mapping::json).ok_or_else(missing),
        "CreateEventSourceMapping" => create(cloud, input),
        "UpdateEventSourceMapping" => {
            let mut mapping = at_rest(cloud, &uuid)?;
            configure(&mut mapping, input);
            check(cloud, &mapping)?;
            mapping.moving = Some(("Updating", cloud.now + cloud.rules.mapping));
            cloud.lambda.mappings.insert(uuid, mapping.clone());
            Ok(mapping.json())
        }
        "DeleteEventSourceMapping" => {
            let mut mapping = at_rest(cloud, &uuid)?;
            mapping.moving = Some(("Deleting", cloud.now + cloud.rules.mapping));
            cloud.lambda.mappings.insert(uuid, mapping.clone());
            advance(cloud);
            Ok(mapping.json())
        }
        other => panic!("nobody simulates lambda {other}"),
    }
}

fn at_rest(cloud: &Cloud, uuid: &str) -> Result<Mapping, Fault> {
    let mapping = cloud.lambda.mappings.get(uuid).cloned().ok_or_else(missing)?;
    if let Some((word, _)) = mapping.moving {
        let text = format!("Cannot update the event source mapping because it is in use: it is {word}.");
        return Err(fault("ResourceInUseException", 400, text));
    }
    Ok(mapping)
}

/// The function must be there, and its role must be allowed to read.
fn check(cloud: &mut Cloud, mapping: &Mapping) -> Result<(), Fault> {
    let (name, _) = named(&mapping.function);
    let function = cloud.active(&name).map_err(|error| match error.code.as_str() {
        "ResourceNotFoundException" => invalid("Function does not exist"),
        _ => error,
    })?;
    let timeout = number(&Json::Object(function.configuration.clone()), "Timeout").unwrap_or(3);
    let role = last(text(&Json::Object(function.configuration.clone()), "Role")).to_owned();
    if mapping.source().contains(":sqs:") {
        mapping.check_visibility(cloud, timeout)?;
        mapping.check_batch()?;
        let role = cloud.iam.roles.get(&role);
        let may =
            |action: &str| role.is_some_and(|role| role.may(action, &cloud.iam.policies, cloud.now, cloud.rules.role));
        if !may("sqs:ReceiveMessage") {
            return Err(invalid("The provided execution role does not have permissions to call ReceiveMessage on SQS"));
        }
    }
    if mapping.is_stream() {
        let role = cloud.iam.roles.get(&role);
        let may =
            |action: &str| role.is_some_and(|role| role.may(action, &cloud.iam.policies, cloud.now, cloud.rules.role));
        if !may("kinesis:GetRecords") && !may("dynamodb:GetRecords") {
            return Err(invalid(
                "Cannot access stream. Please ensure the role can perform the GetRecords, GetShardIterator, DescribeStream, and ListStreams Actions on your stream in IAM.",
            ));
        }
    }
    let filters = mapping.entry.get("FilterCriteria").and_then(|criteria| criteria["Filters"].as_array());
    for filter in filters.into_iter().flatten() {
        let pattern = filter["Pattern"].as_str().and_then(|text| serde_json::from_str::<Json>(text).ok());
        if !pattern.is_some_and(|pattern| pattern.is_object()) {
            return Err(invalid("Invalid filter pattern definition."));
        }
    }
    Ok(())
}

fn create(cloud: &mut Cloud, input: &Json) -> Answer {
    let (name, qualifier) = named(text(input, "FunctionName"));
    let source = text(input, "EventSourceArn");
    let uuid = cloud.unique();
    let mut mapping =
        Mapping { function: arn(&name, &qualifier), enabled: true, tags: object(input, "Tags"), ..Mapping::default() };
    let entry = json!({
        "UUID": uuid, "BatchSize": 10, "MaximumBatchingWindowInSeconds": 0, "EventSourceArn": source,
        "EventSourceMappingArn": format!("arn:aws:lambda:{REGION}:{ACCOUNT}:event-source-mapping:{uuid}"),
        "FunctionResponseTypes": [], "LastModified": cloud.now.as_secs(), "StateTransitionReason": "USER_INITIATED",
    });
    mapping.entry = entry.as_object().cloned().unwrap_or_default();
    if mapping.is_stream() {
        let more = json!({
            "BatchSize": 100, "BisectBatchOnFunctionError": false, "DestinationConfig": {"OnFailure": {}},
            "LastProcessingResult": "No records processed", "MaximumRecordAgeInSeconds": -1, "MaximumRetryAttempts": -1,
            "ParallelizationFactor": 1, "StartingPosition": input["StartingPosition"],
            "StateTransitionReason": "User action", "TumblingWindowInSeconds": 0,
        });
        mapping.entry.extend(more.as_object().cloned().unwrap_or_default());
        if let Some(moment) = input.get("StartingPositionTimestamp").and_then(Json::as_f64) {
            mapping.entry.insert("StartingPositionTimestamp".to_owned(), json!(moment));
        }
    }
    configure(&mut mapping, input);
    check(cloud, &mapping)?;
    let same = |other: &&Mapping| other.source() == source && named(&other.function).0 == name;
    if let Some(other) = cloud.lambda.mappings.values().find(same) {
        return Err(conflict(format!(
            "An event source mapping with SQS arn (\" {source} \") and function (\" {name} \") already exists. Please update or delete the existing mapping with UUID {}",
            other.entry["UUID"].as_str().unwrap_or_default()
        )));
    }
    mapping.moving = Some(("Creating", cloud.now + cloud.rules.mapping));
    cloud.lambda.mappings.insert(uuid, mapping.clone());
    advance(cloud);
    Ok(mapping.json())
}

/// What is not sent stays; an empty structure clears.
fn configure(mapping: &mut Mapping, input: &Json) {
    if let Some(enabled) = input.get("Enabled").and_then(Json::as_bool) {
        mapping.enabled = enabled;
    }
    if let Some(function) = input.get("FunctionName").and_then(Json::as_str) {
        let (name, qualifier) = named(function);
        mapping.function = arn(&name, &qualifier);
    }
    let keys = [
        "BatchSize",
        "MaximumBatchingWindowInSeconds",
        "FilterCriteria",
        "FunctionResponseTypes",
        "ScalingConfig",
        "DestinationConfig",
        "KMSKeyArn",
        "BisectBatchOnFunctionError",
        "MaximumRecordAgeInSeconds",
        "MaximumRetryAttempts",
        "ParallelizationFactor",
        "TumblingWindowInSeconds",
    ];
    for key in keys {
        match input.get(key) {
            Some(value) if key == "DestinationConfig" && value["OnFailure"]["Destination"] == "" => {
                mapping.entry.insert(key.to_owned(), json!({"OnFailure": {}}));
            }
            Some(Json::Object(map)) if map.is_empty() => _ = mapping.entry.shift_remove(key),
            Some(value) => _ = mapping.entry.insert(key.to_owned(), value.clone()),
            None => {}
        }
    }
}
