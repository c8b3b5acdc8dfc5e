//! Events of a function: what invokes it. One file a type.

use crate::model::{Diagnostic, Map, Node, Place};

use super::build::Build;
use super::made::Made;
use super::props::{Owner, Property, Props, nearest};

mod alexa_skill;
mod api;
mod cloud_watch_logs;
mod cognito;
mod document_db;
mod dynamo_db;
mod event_bridge_rule;
mod http_api;
mod iot_rule;
mod kafka;
mod kinesis;
mod mapping;
mod mq;
mod msk;
pub(super) mod rule;
mod s3;
mod schedule;
pub(super) mod schedule_v2;
mod secrets;
mod self_managed_kafka;
mod sns;
mod sqs;

/// One entry of a function's `Events`, taken apart.
#[derive(Clone, Debug)]
pub(super) struct Event {
    /// Its key under `Events`.
    pub name: String,
    /// The function's id and the key: the stem of the ids of what it generates.
    pub id: String,
    /// The function's id.
    pub function: String,
    /// Where its key stands.
    pub place: Place,
    /// `Type`.
    pub type_name: String,
    /// `Properties`, an empty map where there are none.
    pub properties: Node,
}

impl Event {
    /// Takes an entry of `Events` apart.
    ///
    /// # Errors
    /// Where it is no map, has no `Type`, or its properties are no map.
    pub fn read(function: &str, name: &str, place: Place, node: &Node) -> Result<Event, Diagnostic> {
        let owner = Owner::event(function, name, place);
        if node.as_map().is_none() {
            return Err(owner.error(node.place, format!("it should be a map, not {}", node.type_word())));
        }
        let Some(type_name) = node.get("Type").and_then(Node::as_str) else {
            return Err(owner.error(node.place, "`Type` is missing"));
        };
        let properties = match node.get("Properties") {
            Some(properties) if properties.as_map().is_some() => properties.clone(),
            Some(properties) => return Err(owner.error(properties.place, "`Properties` should be a map")),
            None => Node::map::<String>([], node.place),
        };
        Ok(Event {
            name: name.to_owned(),
            id: format!("{function}{name}"),
            function: function.to_owned(),
            place,
            type_name: type_name.to_owned(),
            properties,
        })
    }

    /// How messages name it.
    pub fn owner(&self) -> Owner {
        Owner::event(&self.function, &self.name, self.place)
    }

    /// An error about it.
    pub fn error(&self, place: Place, message: impl AsRef<str>) -> Diagnostic {
        self.owner().error(place, message)
    }

    /// Its properties, held against what the type knows.
    ///
    /// # Errors
    /// As [`Props::read`].
    pub fn props(&self, known: &[Property]) -> Result<Props, Diagnostic> {
        Props::read(self.owner(), &format!("events of type {}", self.type_name), &self.properties, known)
    }
}

/// What an event invokes: a function, or the alias that its `AutoPublishAlias` asks for.
pub(super) struct Target<'a> {
    /// `{"Ref": function}`, or of the alias.
    pub name: Node,
    /// The ARN of the function, or of the alias.
    pub arn: Node,
    /// The id of the resource that the two above point to.
    pub id: String,
    /// Attributes that the function hands on.
    pub attributes: Map,
    /// The function's generated role, so that an event can add what it needs; it is there also where the function
    /// has a role of its own (and is then thrown away).
    pub role: &'a mut Made,
}

impl Target<'_> {
    /// The condition that the function hands on.
    pub fn condition(&self) -> Option<&str> {
        self.attributes.get("Condition").and_then(|entry| entry.node.as_str())
    }

    /// A resource for the event, with what the function hands on.
    pub fn make(&self, id: impl Into<String>, type_name: &str, event: &Event) -> Made {
        Made::new(id, type_name, event.place).attributes(self.attributes.clone())
    }

    /// The permission `<stem>Permission` that lets a service invoke the function.
    pub fn permission(&self, stem: &str, principal: &str, event: &Event) -> Made {
        let place = event.place;
        self.make(format!("{stem}Permission"), "AWS::Lambda::Permission", event)
            .with("Action", Node::str("lambda:InvokeFunction", place))
            .with("FunctionName", self.name.clone())
            .with("Principal", Node::str(principal, place))
    }
}

/// Expands one event.
///
/// # Errors
/// Where the event is invalid; the first complaint.
pub(super) fn expand(build: &mut Build<'_>, event: &Event, target: &mut Target<'_>) -> Result<Vec<Made>, Diagnostic> {
    match event.type_name.as_str() {
        "Api" => api::expand(build, event, target),
        "HttpApi" => http_api::expand(build, event, target),
        "AlexaSkill" => alexa_skill::expand(event, target),
        "CloudWatchEvent" | "EventBridgeRule" => event_bridge_rule::expand(event, target),
        "CloudWatchLogs" => cloud_watch_logs::expand(build, event, target),
        "Cognito" => cognito::expand(build, event, target),
        "DocumentDB" => document_db::expand(event, target),
        "DynamoDB" => dynamo_db::expand(build, event, target),
        "IoTRule" => iot_rule::expand(build, event, target),
        "Kinesis" => kinesis::expand(build, event, target),
        "MQ" => mq::expand(event, target),
        "MSK" => msk::expand(build, event, target),
        "S3" => s3::expand(build, event, target),
        "SNS" => sns::expand(build, event, target),
        "SQS" => sqs::expand(build, event, target),
        "Schedule" => schedule::expand(event, target),
        "ScheduleV2" => schedule_v2::expand(event, target),
        "SelfManagedKafka" => self_managed_kafka::expand(build, event, target),
        other => {
            Err(event.error(event.place, format!("there is no event type `{other}`")).maybe_help(nearest(other, TYPES)))
        }
    }
}

/// Every event type of a function.
const TYPES: [&str; 19] = [
    "AlexaSkill",
    "Api",
    "CloudWatchEvent",
    "CloudWatchLogs",
    "Cognito",
    "DocumentDB",
    "DynamoDB",
    "EventBridgeRule",
    "HttpApi",
    "IoTRule",
    "Kinesis",
    "MQ",
    "MSK",
    "S3",
    "SNS",
    "SQS",
    "Schedule",
    "ScheduleV2",
    "SelfManagedKafka",
];

#[cfg(test)]
mod tests;
