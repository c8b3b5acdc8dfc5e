//! An API's resource policy, `x-amazon-apigateway-policy`: who may call which path from where.

use super::super::make::{At, Outcome, given, same, some};
use super::{ANY_METHOD, branches, invalid, path_in_arn};
use crate::model::{Node, Val};

const VERSION: &str = "2012-10-17";
const POLICY: &str = "x-amazon-apigateway-policy";

/// Adds the statements that `ResourcePolicy` asks for on one path.
///
/// # Errors
/// A list of VPCs with something else than text in it.
pub(in crate::compile::sam) fn add_for_path(
    document: &mut Node,
    wanted: &Node,
    path: &str,
    stage: &Node,
    at: At,
) -> Outcome<()> {
    if wanted.as_map().is_none() {
        return Err(invalid(wanted.place, "Resource Policy is not a valid dictionary"));
    }
    let resources = resources(document, path, stage, at)?;
    let mut policy = current(document, at);
    for (key, effect) in [("AwsAccountWhitelist", "Allow"), ("AwsAccountBlacklist", "Deny")] {
        if let Some(accounts) = given(wanted, key) {
            let accounts = match &accounts.value {
                Val::List(_) => accounts.clone(),
                Val::Map(_) => at.list([accounts.clone()]),
                _ => {
                    return Err(invalid(accounts.place, format!("{key} must be a list or dictionary")));
                }
            };
            let statement = at.map([
                ("Effect", at.text(effect)),
                ("Action", at.text("execute-api:Invoke")),
                ("Resource", resources.clone()),
                ("Principal", at.map([("AWS", accounts)])),
            ]);
            if policy.get("Statement").is_none() {
                policy.set("Version", at.text(VERSION));
                policy.set("Statement", statement);
            } else {
                push(&mut policy, vec![statement], false, at);
            }
        }
    }
    for (key, test) in [("IpRangeWhitelist", "NotIpAddress"), ("IpRangeBlacklist", "IpAddress")] {
        if let Some(ranges) = given(wanted, key) {
            let ranges = if ranges.as_list().is_some() { ranges.clone() } else { at.list([ranges.clone()]) };
            guard(&mut policy, &resources, test, at.map([("aws:SourceIp", ranges)]), at);
        }
    }
    for (kind, test) in [("Blacklist", "StringEquals"), ("Whitelist", "StringNotEquals")] {
        if let Some(condition) = vpc_condition(wanted, kind, at)? {
            guard(&mut policy, &resources, test, condition, at);
        }
    }
    document.set(POLICY, policy);
    Ok(())
}

/// Adds statements that a person wrote out.
pub(in crate::compile::sam) fn add_custom(document: &mut Node, statements: &Node, at: At) {
    let mut policy = current(document, at);
    if policy.get("Statement").is_none() {
        policy.set("Version", at.text(VERSION));
        policy.set("Statement", statements.clone());
    } else {
        let list = match &statements.value {
            Val::List(items) => items.clone(),
            _ => vec![statements.clone()],
        };
        push(&mut policy, list, true, at);
    }
    document.set(POLICY, policy);
}

fn current(document: &Node, at: At) -> Node {
    given(document, POLICY).cloned().unwrap_or_else(|| at.empty())
}

/// The ARNs of a path's methods, each relative to the API and with its stage.
fn resources(document: &Node, path: &str, stage: &Node, at: At) -> Outcome<Node> {
    let mut methods: Vec<&String> = Vec::new();
    if let Some(item) = document.get("paths").and_then(|paths| paths.get(path)) {
        for branch in branches(item)? {
            methods.extend(branch.as_map().into_iter().flat_map(|map| map.keys()));
        }
    }
    let path = path_in_arn(path, true);
    Ok(at.list(methods.into_iter().map(|method| {
        let method = match method.to_lowercase().as_str() {
            ANY_METHOD | "any" => "*".to_owned(),
            _ => method.to_uppercase(),
        };
        at.sub_with(format!("execute-api:/${{__Stage__}}/{method}{path}"), [("__Stage__", stage.clone())])
    })))
}

/// The condition on VPCs and their endpoints that the lists of one kind ask for.
fn vpc_condition(wanted: &Node, kind: &str, at: At) -> Outcome<Option<Node>> {
    let (mut vpcs, mut endpoints): (Vec<Node>, Vec<Node>) = (Vec::new(), Vec::new());
    if let Some(list) = some(wanted, &format!("SourceVpc{kind}")) {
        let strings = list.as_list().filter(|items| items.iter().all(|item| item.as_str().is_some()));
        let Some(strings) = strings else {
            return Err(invalid(
                list.place,
                format!(
                    "SourceVpc{kind} must be a list of strings. Use IntrinsicVpc{kind} instead for values that use \
                     Intrinsic Functions"
                ),
            ));
        };
        for item in strings {
            match item.as_str() {
                Some(id) if id.starts_with("vpce-") => endpoints.push(item.clone()),
                Some(id) if id.starts_with("vpc-") => vpcs.push(item.clone()),
                _ => {}
            }
        }
    }
    for (key, into) in [(format!("IntrinsicVpc{kind}"), &mut vpcs), (format!("IntrinsicVpce{kind}"), &mut endpoints)] {
        into.extend(some(wanted, &key).and_then(Node::as_list).into_iter().flatten().cloned());
    }
    let entries: Vec<(&str, Node)> = [("aws:SourceVpc", vpcs), ("aws:SourceVpce", endpoints)]
        .into_iter()
        .filter(|(_, list)| !list.is_empty())
        .map(|(key, list)| (key, at.list(list)))
        .collect();
    Ok((!entries.is_empty()).then(|| at.map(entries)))
}

/// Allows everybody and denies those whom the condition meets.
fn guard(policy: &mut Node, resources: &Node, test: &str, condition: Node, at: At) {
    let statement = |effect: &str| {
        at.map([
            ("Effect", at.text(effect)),
            ("Action", at.text("execute-api:Invoke")),
            ("Resource", resources.clone()),
            ("Principal", at.text("*")),
        ])
    };
    let mut deny = statement("Deny");
    deny.set("Condition", at.map([(test, condition)]));
    push(policy, vec![statement("Allow"), deny], true, at);
}

/// Appends statements; `once` leaves out those that are there already.
fn push(policy: &mut Node, statements: Vec<Node>, once: bool, at: At) {
    policy.set("Version", at.text(VERSION));
    let mut all = match policy.remove("Statement") {
        None => Vec::new(),
        Some(Node { value: Val::List(items), .. }) => items,
        Some(single) => vec![single],
    };
    for statement in statements {
        if !once || !all.iter().any(|other| same(other, &statement)) {
            all.push(statement);
        }
    }
    policy.set("Statement", Node::new(Val::List(all), at.0));
}
