//! `EventInvokeConfig`: retries and destinations of asynchronous invocations.

use crate::model::{Diagnostic, Entry, Map, Node, Val};

use super::super::build::Build;
use super::super::intrinsics::{as_if, call, is_no_value, make_if};
use super::super::made::Made;
use super::super::policy;
use super::super::props::Props;
use super::super::source::Source;
use super::negated;
use super::version::Published;

const TYPES: [&str; 5] = ["SQS", "SNS", "EventBridge", "Lambda", "S3Bucket"];

/// The configuration, queues and topics that it generates, and the policies that the role needs for its destinations.
pub(super) fn expand(
    build: &mut Build<'_>,
    source: &Source,
    props: &Props,
    published: Option<&Published>,
) -> Result<(Vec<Made>, Vec<Node>), Diagnostic> {
    let Some(written) = props.get("EventInvokeConfig").filter(|node| super::is_truthy(node)) else {
        return Ok((Vec::new(), Vec::new()));
    };
    let config = build.resolve(written);
    let place = props.place_of("EventInvokeConfig");
    let id = format!("{}EventInvokeConfig", source.id);
    let (mut made, mut policies) = (Vec::new(), Vec::new());
    let mut destinations = Node::map::<String>([], place);
    if let Some(config) = config.get("DestinationConfig").filter(|node| super::is_truthy(node)) {
        let wrong = |node: &Node, name: &str| {
            let name = format!("property `EventInvokeConfig.DestinationConfig{name}` should be a map");
            props.owner().error(node.place, name)
        };
        if config.as_map().is_none() {
            return Err(wrong(config, ""));
        }
        for name in ["OnSuccess", "OnFailure"] {
            let Some(node) = config.get(name).filter(|node| node.value != Val::Null) else { continue };
            let Val::Map(destination) = &node.value else { return Err(wrong(node, &format!(".{name}"))) };
            let mut destination = destination.clone();
            // Functions that take a destination from Globals share it: what is generated for the first one serves all,
            // as with SAM.
            if let Some(shared) = build.shared_destinations.get(&node.place) {
                destination.insert("Destination".to_owned(), shared.clone());
            }
            let (resource, arn, policy) = destination_of(build, source, props, &destination, node, &id, name)?;
            if resource.is_some() && node.place.is_known() {
                let entry = Entry { key_place: node.place, node: arn.clone() };
                build.shared_destinations.insert(node.place, entry);
            }
            made.extend(resource);
            policies.extend(policy);
            destinations.set(name, Node::map([("Destination", arn)], node.place));
        }
    }
    let alias_name = published.and_then(|published| published.alias.properties.get("Name")).cloned();
    let alias_id = published.map(|published| Node::list(vec![Node::str(&published.alias.id, place)], place));
    let setting = |name: &str| config.get(name).filter(|node| node.value != Val::Null).cloned();
    made.push(
        Made::new(id, "AWS::Lambda::EventInvokeConfig", place)
            .attributes(source.own_attributes())
            .depends_on(alias_id)
            .with("DestinationConfig", destinations)
            .with("FunctionName", Node::reference(&source.id, place))
            .maybe("MaximumEventAgeInSeconds", setting("MaximumEventAgeInSeconds"))
            .maybe("MaximumRetryAttempts", setting("MaximumRetryAttempts"))
            .with("Qualifier", alias_name.unwrap_or(Node::str("$LATEST", place))),
    );
    Ok((made, policies))
}

/// A destination: the queue or topic generated for it, its ARN, and the policy that lets the function send to it.
fn destination_of(
    build: &mut Build<'_>,
    source: &Source,
    props: &Props,
    destination: &Map,
    node: &Node,
    id: &str,
    event: &str,
) -> Result<(Option<Made>, Node, Option<Node>), Diagnostic> {
    let kind = destination.get("Type").map(|entry| &entry.node);
    let Some(kind) = kind.and_then(Node::as_str).filter(|kind| TYPES.contains(kind)) else {
        let message = format!("`Type` of `{event}` must be one of {}", TYPES.join(", "));
        return Err(props.owner().error(kind.map_or(node.place, |kind| kind.place), message));
    };
    let place = node.place;
    let stem = format!("{id}{event}");
    let written = destination.get("Destination").map(|entry| &entry.node).filter(|node| node.value != Val::Null);
    let conditional = match written {
        Some(written) => conditional(build, source, props, written)?,
        None => None,
    };
    if let (Some(arn), None) = (written, &conditional) {
        return Ok((None, arn.clone(), policy::for_destination(kind, &stem, arn)));
    }
    let (type_name, suffix) = match kind {
        "SQS" => ("AWS::SQS::Queue", "Queue"),
        "SNS" => ("AWS::SNS::Topic", "Topic"),
        _ => {
            let message = format!("`{event}` requires a `Destination` where `Type` is not SQS or SNS");
            return Err(props.owner().error(place, message));
        }
    };
    let mut made = Made::new(format!("{stem}{suffix}"), type_name, place).attributes(source.handed_on());
    let arn = if kind == "SQS" { made.att("Arn") } else { made.reference() };
    let arn = match conditional {
        Some((condition, other)) => {
            let combined = match source.condition() {
                Some(own) => {
                    let name = format!("{own}AND{condition}{}", source.id);
                    let both = [own, condition.as_str()].map(|c| Node::call("Condition", Node::str(c, place), place));
                    build.add_condition(&name, Node::call("Fn::And", Node::list(both.to_vec(), place), place));
                    name
                }
                None => condition.clone(),
            };
            made.set_attribute("Condition", Node::str(combined, place));
            make_if(&condition, arn, other, place)
        }
        None => arn,
    };
    let policy = policy::for_destination(kind, &stem, &arn);
    Ok((Some(made), arn, policy))
}

/// For a destination that is `Fn::If` with `AWS::NoValue` in one branch: the condition under which a resource is
/// generated, and the other branch.
fn conditional(
    build: &mut Build<'_>,
    source: &Source,
    props: &Props,
    destination: &Node,
) -> Result<Option<(String, Node)>, Diagnostic> {
    if call(destination, "Fn::If").is_none() {
        return Ok(None);
    }
    let place = destination.place;
    let Some((condition, yes, no)) = as_if(destination) else {
        return Err(props.owner().error(place, "malformed `Destination`: `Fn::If` requires 3 arguments"));
    };
    let Some(name) = condition.as_str() else { return Ok(None) };
    Ok(match (is_no_value(yes), is_no_value(no)) {
        (true, false) => Some((name.to_owned(), no.clone())),
        (false, true) => {
            let not = format!("NOT{name}{}", source.id);
            build.add_condition(&not, negated(name, place));
            Some((not, yes.clone()))
        }
        _ => None,
    })
}
