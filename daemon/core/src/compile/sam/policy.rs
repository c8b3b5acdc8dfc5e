//! IAM policies that the transform writes, and the role they go into.

use crate::model::{Diagnostic, Node, Place, Val};

use super::build::Build;
use super::intrinsics::{as_if, call, is_intrinsic, is_no_value};
use super::made::Made;
use super::props::Owner;

mod managed;
mod templates;

pub(super) use managed::arn as managed_arn;

const VERSION: &str = "2012-10-17";

/// A policy document that lets a service assume the role.
pub(super) fn assume_role(service: &str, place: Place) -> Node {
    let text = |text: &str| Node::str(text, place);
    let statement = Node::map(
        [
            ("Action", Node::list(vec![text("sts:AssumeRole")], place)),
            ("Effect", text("Allow")),
            ("Principal", Node::map([("Service", Node::list(vec![text(service)], place))], place)),
        ],
        place,
    );
    Node::map([("Version", text(VERSION)), ("Statement", Node::list(vec![statement], place))], place)
}

/// `{Effect: Allow, Action: "action", Resource: resource}`
pub(super) fn allow(action: &str, resource: Node) -> Node {
    let place = resource.place;
    statement(Node::str(action, place), resource)
}

/// `{Effect: Allow, Action: [actions], Resource: resource}`
pub(super) fn allow_all(actions: &[&str], resource: Node) -> Node {
    let place = resource.place;
    statement(Node::list(actions.iter().map(|action| Node::str(*action, place)).collect(), place), resource)
}

fn statement(action: Node, resource: Node) -> Node {
    let place = resource.place;
    Node::map([("Action", action), ("Effect", Node::str("Allow", place)), ("Resource", resource)], place)
}

/// An inline policy without a version, as SAM writes most of its own.
pub(super) fn inline(name: impl Into<String>, statements: Vec<Node>, place: Place) -> Node {
    named(name, Node::map([("Statement", Node::list(statements, place))], place), place)
}

/// An inline policy with a version.
pub(super) fn inline_versioned(name: impl Into<String>, statements: Vec<Node>, place: Place) -> Node {
    let document =
        Node::map([("Version", Node::str(VERSION, place)), ("Statement", Node::list(statements, place))], place);
    named(name, document, place)
}

fn named(name: impl Into<String>, document: Node, place: Place) -> Node {
    Node::map([("PolicyName", Node::str(name, place)), ("PolicyDocument", document)], place)
}

/// What sends to a destination of a kind (`SQS`, `SNS`, `EventBridge`, `Lambda`, `S3Bucket`); `id` begins the policy's
/// name.
pub(super) fn for_destination(kind: &str, id: &str, arn: &Node) -> Option<Node> {
    let place = arn.place;
    let one = |name: &str, action: &str| inline(format!("{id}{name}"), vec![allow(action, arn.clone())], place);
    match kind {
        "SQS" => Some(one("SQSPolicy", "sqs:SendMessage")),
        "SNS" => Some(one("SNSPolicy", "sns:publish")),
        "EventBridge" => Some(one("EventBridgePolicy", "events:PutEvents")),
        "Lambda" => Some(one("LambdaPolicy", "lambda:InvokeFunction")),
        "S3Bucket" => {
            let parts = Node::list(vec![arn.clone(), Node::str("*", place)], place);
            let objects = Node::call("Fn::Join", Node::list(vec![Node::str("/", place), parts], place), place);
            let statements = vec![allow("s3:PutObject", objects), allow("s3:ListBucket", arn.clone())];
            Some(inline(format!("{id}S3Policy"), statements, place))
        }
        _ => None,
    }
}

/// What a role is made of beyond the `Policies` that a person wrote.
#[derive(Debug, Default)]
pub(super) struct RoleParts {
    /// Who may assume it.
    pub assume: Option<Node>,
    /// ARNs of managed policies that SAM adds.
    pub managed: Vec<Node>,
    /// Inline policies that SAM adds.
    pub inline: Vec<Node>,
    /// `Path`.
    pub path: Option<Node>,
    /// `PermissionsBoundary`.
    pub boundary: Option<Node>,
    /// `Tags`, already a list.
    pub tags: Option<Node>,
}

/// What one entry of `Policies` is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Managed,
    Statement,
    Template,
    Unknown,
}

/// The execution role `<id>Role` of a function or state machine with its `Policies`.
///
/// # Errors
/// An entry of `Policies` that is nothing SAM knows.
pub(super) fn role(
    build: &Build<'_>,
    owner: &Owner,
    id: &str,
    policies: Option<&Node>,
    parts: RoleParts,
) -> Result<Made, Diagnostic> {
    let mut role =
        Made::new(format!("{id}Role"), "AWS::IAM::Role", owner.place).maybe("AssumeRolePolicyDocument", parts.assume);
    let (mut managed, mut inline) = (parts.managed, parts.inline);
    let partition = &build.context.partition;
    for (index, policy) in entries(policies).iter().enumerate() {
        let name = format!("{}Policy{index}", role.id);
        match kind_of(owner, policy)? {
            Kind::Managed => {
                if let Some(name) = policy.as_str().filter(|name| !name.starts_with("arn:") && !managed::exists(name)) {
                    let message =
                        format!("there is no AWS managed policy `{name}` that evenkeel knows; it goes to IAM as it is");
                    build.warn(
                        owner.error_with("unknown-policy", policy.place, message).maybe_help(managed::nearest(name)),
                    );
                }
                let arn = map_branches(policy, &|branch| Ok(managed::of(branch, partition)))?;
                if !contains(&managed, &arn) {
                    managed.push(arn);
                }
            }
            Kind::Statement => {
                inline.push(map_branches(policy, &|branch| Ok(named(name.as_str(), branch.clone(), branch.place)))?)
            }
            Kind::Template => inline.push(map_branches(policy, &|branch| {
                Ok(named(name.as_str(), templates::expand(build, owner, branch)?, branch.place))
            })?),
            Kind::Unknown => {
                let message = format!("policy at index {index} in the `Policies` property is not valid");
                let help = match policy.as_map().and_then(|map| map.first()) {
                    Some((name, _)) => templates::nearest(name),
                    None => None,
                };
                return Err(owner.error(policy.place, message).maybe_help(help));
            }
        }
    }
    let place = owner.place;
    role.set("ManagedPolicyArns", Node::list(managed, place));
    if !inline.is_empty() {
        role.set("Policies", Node::list(inline, place));
    }
    Ok(role.maybe("Path", parts.path).maybe("PermissionsBoundary", parts.boundary).maybe("Tags", parts.tags))
}

/// `Policies` is a list or a single entry.
fn entries(policies: Option<&Node>) -> Vec<Node> {
    match policies {
        Some(Node { value: Val::List(items), .. }) => items.clone(),
        Some(node) if super::artifact::is_truthy(node) => vec![node.clone()],
        _ => Vec::new(),
    }
}

fn kind_of(owner: &Owner, policy: &Node) -> Result<Kind, Diagnostic> {
    if policy.as_str().is_some() {
        return Ok(Kind::Managed);
    }
    if call(policy, "Fn::If").is_some() {
        let Some((_, yes, no)) = as_if(policy) else {
            return Err(owner.error(policy.place, "`Fn::If` requires 3 arguments"));
        };
        let (left, right) = (kind_of(owner, yes)?, kind_of(owner, no)?);
        return match (left == right, is_no_value(yes), is_no_value(no)) {
            (true, _, _) | (_, _, true) => Ok(left),
            (_, true, _) => Ok(right),
            _ => Err(owner.error(
                policy.place,
                "different policy types within the same `Fn::If` are not supported: give each a `Fn::If` of its own",
            )),
        };
    }
    if is_intrinsic(policy) {
        return Ok(Kind::Managed);
    }
    let Some(map) = policy.as_map() else { return Ok(Kind::Unknown) };
    if map.contains_key("Statement") {
        return Ok(Kind::Statement);
    }
    match map.first() {
        Some((name, _)) if map.len() == 1 && templates::exists(name) => Ok(Kind::Template),
        _ => Ok(Kind::Unknown),
    }
}

/// Applies `change` to the policy, or to both branches of an `Fn::If` save `AWS::NoValue`.
fn map_branches(policy: &Node, change: &dyn Fn(&Node) -> Result<Node, Diagnostic>) -> Result<Node, Diagnostic> {
    let Some((condition, yes, no)) = as_if(policy) else { return change(policy) };
    let branch = |node: &Node| if is_no_value(node) { Ok(node.clone()) } else { map_branches(node, change) };
    let branches = vec![condition.clone(), branch(yes)?, branch(no)?];
    Ok(Node::call("Fn::If", Node::list(branches, policy.place), policy.place))
}

/// Whether the list has the same value, wherever written.
pub(super) fn contains(list: &[Node], node: &Node) -> bool {
    let json = node.to_json();
    list.iter().any(|item| item.to_json() == json)
}

/// Adds a managed policy to a role, unless it has it.
pub(super) fn attach(role: &mut Made, arn: Node) {
    push_new(role, "ManagedPolicyArns", arn, &|list, arn| contains(list, arn));
}

/// Adds an inline policy to a role, unless it has one with the same document.
pub(super) fn add_inline(role: &mut Made, policy: Node) {
    let document = policy.get("PolicyDocument").map(Node::to_json);
    push_new(role, "Policies", policy, &|list, _| {
        list.iter().any(|item| item.get("PolicyDocument").map(Node::to_json) == document)
    });
}

fn push_new(role: &mut Made, key: &str, item: Node, known: &dyn Fn(&[Node], &Node) -> bool) {
    match role.properties.get_mut(key).map(|node| &mut node.value) {
        Some(Val::List(items)) if known(items, &item) => {}
        Some(Val::List(items)) => items.push(item),
        _ => {
            let place = item.place;
            role.set(key, Node::list(vec![item], place));
        }
    }
}
