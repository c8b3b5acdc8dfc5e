//! Events of a function: what invokes it. One file a type.

use crate::model::{Diagnostic, Map, Node, Place};

mod api;
mod http_api;

use super::build::Build;
use super::made::Made;
use super::props::{Owner, Property, Props, nearest};

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

/// Expands one event.
///
/// # Errors
/// Where the event is invalid; the first complaint.
pub(super) fn expand(build: &mut Build<'_>, event: &Event, target: &mut Target<'_>) -> Result<Vec<Made>, Diagnostic> {
    match event.type_name.as_str() {
        "Api" => api::expand(build, event, target),
        "HttpApi" => http_api::expand(build, event, target),
        other => Err(event
            .error(event.place, format!("there is no event type `{other}`"))
            .maybe_help(nearest(other, TYPES.into_iter()))),
    }
}

/// Every event type of a function.
const TYPES: [&str; 21] = [
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
    "WebSocketApi",
    "WebSocket",
];
