//! `S3`: notifications of a bucket of the same template.

use crate::model::{Diagnostic, Node, Val};

use super::super::build::Build;
use super::super::intrinsics::{make_if, no_value};
use super::super::made::Made;
use super::super::policy::contains;
use super::super::props::{Kind, Property, literal, optional, required};
use super::{Event, Target};

const PROPERTIES: [Property; 3] = [
    required("Bucket", Kind::Str),
    literal("Events", Kind::OneOf(&[Kind::Str, Kind::ListOf(&Kind::Str)])),
    optional("Filter", Kind::MapOf(&Kind::Str)),
];

/// The permission, and the bucket with its notifications.
pub(super) fn expand(build: &mut Build<'_>, event: &Event, target: &Target<'_>) -> Result<Vec<Made>, Diagnostic> {
    let props = event.props(&PROPERTIES)?;
    let place = event.place;
    let bucket = props.get("Bucket").and_then(|node| node.get("Ref")).and_then(Node::as_str);
    let Some(id) = bucket.filter(|id| build.type_of(id) == Some("AWS::S3::Bucket")) else {
        return Err(props.error("Bucket", "S3 events must reference an S3 bucket in the same template"));
    };
    let permission = target
        .permission(&event.id, "s3.amazonaws.com", event)
        .with("SourceAccount", Node::reference("AWS::AccountId", place));
    depend_on(build, id, &permission, target, event)?;

    let mut base = Node::map([("Function", target.arn.clone())], place);
    if let Some(filter) = props.take("Filter") {
        base.set("Filter", filter);
    }
    let names = match props.get("Events") {
        Some(Node { value: Val::List(names), .. }) => names.clone(),
        Some(name) => vec![name.clone()],
        None => Vec::new(),
    };
    let config = build.written_map(id, &["Properties", "NotificationConfiguration"])?;
    let list = list_in(config, "LambdaConfigurations")
        .map_err(|odd| event.error(odd.place, format!("`LambdaConfigurations` of bucket `{id}` must be a list")))?;
    for name in names {
        let mut notification = base.clone();
        notification.set("Event", name);
        if let Some(condition) = target.condition() {
            notification = make_if(condition, notification, no_value(place), place);
        }
        if !contains(list, &notification) {
            list.push(notification);
        }
    }
    build.changed(id);
    Ok(vec![permission])
}

/// S3 tests the permission when it takes the notification, so the bucket must come after it. A permission that has a
/// condition cannot be named in `DependsOn`; a tag that refers to it where it exists does the same.
fn depend_on(
    build: &mut Build<'_>,
    id: &str,
    permission: &Made,
    target: &Target<'_>,
    event: &Event,
) -> Result<(), Diagnostic> {
    let place = permission.place;
    if let Some(condition) = target.condition() {
        let properties = build.written_map(id, &["Properties"])?;
        let tag = Node::map(
            [
                ("Key", Node::str(format!("sam:ConditionalDependsOn:{}", permission.id), place)),
                ("Value", make_if(condition, permission.reference(), Node::str("no dependency", place), place)),
            ],
            place,
        );
        let odd = |odd: Node| {
            Diagnostic::error(
                "wrong-type",
                odd.place,
                format!("resource `{id}` is invalid: property `Tags` should be a list"),
            )
        };
        list_in(properties, "Tags").map_err(odd)?.push(tag);
        return Ok(());
    }
    let Some(bucket) = build.written_node_mut(id) else { return Ok(()) };
    let texts = |ids: &[Node]| ids.iter().all(|id| id.as_str().is_some());
    match bucket.get("DependsOn") {
        None => bucket.set("DependsOn", Node::list(Vec::new(), place)),
        Some(only) if only.as_str().is_some() => {
            let only = only.clone();
            bucket.set("DependsOn", Node::list(vec![only], place));
        }
        Some(Node { value: Val::List(ids), .. }) if texts(ids) => {}
        Some(odd) => {
            let message = format!("`DependsOn` of its bucket `{id}` should be a string or a list of strings");
            return Err(event.error(odd.place, message));
        }
    }
    // In place: a bucket may have thousands of events.
    if let Some(Node { value: Val::List(ids), .. }) = bucket.get_mut("DependsOn")
        && !ids.iter().any(|id| id.as_str() == Some(&permission.id))
    {
        ids.push(Node::str(&permission.id, place));
    }
    Ok(())
}

/// The list under `key`, made where there is none; the odd value where it is no list.
fn list_in<'a>(map: &'a mut Node, key: &str) -> Result<&'a mut Vec<Node>, Node> {
    let place = map.place;
    if map.get(key).is_none_or(|node| node.value == Val::Null) {
        map.set(key, Node::list(Vec::new(), place));
    }
    match map.get_mut(key) {
        Some(Node { value: Val::List(items), .. }) => Ok(items),
        Some(odd) => Err(odd.clone()),
        None => Err(Node::new(Val::Null, place)),
    }
}
