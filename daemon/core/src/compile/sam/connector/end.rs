//! One end of a connector: a resource of the template, or values given in its place.

use super::super::build::Build;
use super::super::intrinsics::referenced_id;
use super::super::make::{At, Outcome, same, some, truthy};
use super::super::props::{Owner, nearest};
use crate::model::{Node, Place};

const KEYS: [&str; 8] = ["Id", "Qualifier", "Type", "Arn", "RoleName", "QueueUrl", "ResourceId", "Name"];

/// What SAM's types become.
const PLAIN_TYPES: [(&str, &str); 5] = [
    ("AWS::Serverless::Function", "AWS::Lambda::Function"),
    ("AWS::Serverless::StateMachine", "AWS::StepFunctions::StateMachine"),
    ("AWS::Serverless::Api", "AWS::ApiGateway::RestApi"),
    ("AWS::Serverless::HttpApi", "AWS::ApiGatewayV2::Api"),
    ("AWS::Serverless::SimpleTable", "AWS::DynamoDB::Table"),
];

/// An end, with what is known of it.
pub(super) struct End {
    pub(super) id: Option<String>,
    pub(super) type_name: String,
    pub(super) arn: Option<Node>,
    pub(super) role: Option<Node>,
    pub(super) queue_url: Option<Node>,
    pub(super) resource_id: Option<Node>,
    pub(super) name: Option<Node>,
    pub(super) qualifier: Option<Node>,
}

impl End {
    /// Reads an end; `other` is the one opposite.
    ///
    /// # Errors
    /// An id together with other values, an id of no resource, a missing type.
    pub(super) fn read(build: &mut Build<'_>, owner: &Owner, end: &Node, other: &Node) -> Outcome<End> {
        let keys: Vec<&String> = end.as_map().into_iter().flat_map(|map| map.keys()).collect();
        let unknown = end.as_map().into_iter().flatten().find(|(key, _)| !KEYS.contains(&key.as_str()));
        if let Some((key, entry)) = unknown {
            return Err(owner
                .error_with("unknown-property", entry.key_place, format!("an end of a connector has no `{key}`"))
                .maybe_help(nearest(key, KEYS)));
        }
        let by_id = end.get("Id").is_some();
        let by_values = keys.iter().any(|key| !matches!(key.as_str(), "Id" | "Qualifier"));
        if by_id == by_values {
            let message =
                "Must provide 'Id' (with optional 'Qualifier') or a supported combination of other properties";
            return Err(owner.error(end.place, message));
        }
        let value = |key: &str| some(end, key).cloned();
        let Some(id) = end.get("Id").filter(|id| truthy(id)) else {
            let Some(type_name) = end.get("Type").and_then(Node::as_str).filter(|name| !name.is_empty()) else {
                return Err(owner.error(end.place, "'Type' is missing or not a string"));
            };
            let plain =
                PLAIN_TYPES.into_iter().find(|(sam, _)| *sam == type_name).map_or(type_name, |(_, plain)| plain);
            return Ok(End {
                id: None,
                type_name: plain.to_owned(),
                arn: value("Arn"),
                role: value("RoleName"),
                queue_url: value("QueueUrl"),
                resource_id: value("ResourceId"),
                name: value("Name"),
                qualifier: value("Qualifier"),
            });
        };
        let Some(id) = id.as_str() else { return Err(owner.error(id.place, "'Id' is missing or not a string")) };
        let Some(resource) = build.resources.get(id).map(|entry| &entry.node) else {
            let ids = build.resources.keys().map(String::as_str);
            let place = end.get("Id").unwrap_or(end).place;
            return Err(owner
                .error(place, format!("Unable to find resource with logical ID '{id}'"))
                .maybe_help(nearest(id, ids)));
        };
        let Some(type_name) = resource.get("Type").and_then(Node::as_str) else {
            return Err(owner.error(resource.place, "'Type' is missing or not a string"));
        };
        let mut found = End::of_type(id, type_name, end.place);
        found.role = role(type_name, resource, other);
        if end.get("Qualifier").is_some() {
            found.qualifier = value("Qualifier");
        }
        Ok(found)
    }

    /// What CloudFormation tells of a resource of this type.
    fn of_type(id: &str, type_name: &str, place: Place) -> End {
        let at = At(place);
        let (reference, arn) = (|| Some(at.reference(id)), || Some(at.get_att(id, "Arn")));
        let mut end = End {
            id: Some(id.to_owned()),
            type_name: type_name.to_owned(),
            arn: None,
            role: None,
            queue_url: None,
            resource_id: None,
            name: None,
            qualifier: None,
        };
        match type_name {
            "AWS::StepFunctions::StateMachine" => {
                end.arn = reference();
                end.name = Some(at.get_att(id, "Name"));
            }
            "AWS::AppSync::GraphQLApi" => {
                end.arn = reference();
                end.resource_id = Some(at.get_att(id, "ApiId"));
            }
            "AWS::AppSync::DataSource" | "AWS::SNS::Topic" => end.arn = reference(),
            "AWS::SQS::Queue" => {
                end.arn = arn();
                end.queue_url = reference();
            }
            "AWS::ApiGateway::RestApi" | "AWS::ApiGatewayV2::Api" => {
                end.arn = arn();
                end.resource_id = reference();
                end.qualifier = Some(at.text("*"));
            }
            "AWS::Lambda::Function"
            | "AWS::Events::Rule"
            | "AWS::Events::EventBus"
            | "AWS::DynamoDB::Table"
            | "AWS::S3::Bucket"
            | "AWS::Location::PlaceIndex" => end.arn = arn(),
            _ => {}
        }
        end
    }
}

/// The name of the role under which a resource acts, where the template says which it is.
fn role(type_name: &str, resource: &Node, other: &Node) -> Option<Node> {
    let properties = resource.get("Properties")?;
    let role = match type_name {
        "AWS::Lambda::Function" => properties.get("Role"),
        "AWS::StepFunctions::StateMachine" => properties.get("RoleArn"),
        "AWS::AppSync::DataSource" => properties.get("ServiceRoleArn"),
        // A rule has a role for each of its targets.
        "AWS::Events::Rule" => properties.get("Targets")?.as_list()?.iter().find_map(|target| {
            let arn = target.get("Arn")?;
            let by_id = referenced_id(arn).is_some_and(|id| other.get("Id").and_then(Node::as_str) == Some(id));
            let by_arn = some(other, "Arn").is_some_and(|other| same(other, arn));
            if by_id || by_arn { target.get("RoleArn") } else { None }
        }),
        _ => None,
    }?;
    referenced_id(role).map(|id| Node::reference(id, role.place))
}
