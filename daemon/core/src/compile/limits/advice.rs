//! Advice: what AWS takes and people regret. Never an error.

use super::known::{self, Known as _};
use super::mapping::{DEFAULT_TIMEOUT, DEFAULT_VISIBILITY};
use crate::model::resource::SpecSource;
use crate::model::{Desired, Diagnostic, Diagnostics, Resource};

const FUNCTION: &str = "AWS::Lambda::Function";

/// Functions that a message names before it only counts them.
const NAMED: usize = 5;
/// The most that a queue takes, seconds.
const LONGEST_VISIBILITY: i64 = 43_200;

/// Looks for habits that cost later.
pub(super) fn check(desired: &Desired, out: &mut Diagnostics) {
    log_retention(desired, out);
    for resource in
        desired.resources.values().filter(|resource| resource.type_name == "AWS::Lambda::EventSourceMapping")
    {
        visibility(desired, resource, out);
    }
}

/// A function without a log group of its own gets one from Lambda that keeps everything for ever. Native functions
/// have theirs from evenkeel.
fn log_retention(desired: &Desired, out: &mut Diagnostics) {
    if desired.source != SpecSource::Template {
        return;
    }
    let bare = without_log_group(desired);
    let Some(first) = bare.first() else { return };
    let named: Vec<String> = bare.iter().take(NAMED).map(|resource| format!("`{}`", resource.id)).collect();
    let more = bare.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    out.push(
        Diagnostic::advice(
            "log-retention",
            first.place,
            format!("{}{more}: logs never expire, and their cost grows for ever", named.join(", ")),
        )
        .help("set `logRetentionDays` in evenkeel.yaml, or add an AWS::Logs::LogGroup named `/aws/lambda/NAME` with `RetentionInDays` for each function"),
    );
}

/// Functions for which the spec has no log group and that name none: Lambda makes theirs.
pub fn without_log_group(desired: &Desired) -> Vec<&Resource> {
    let groups: Vec<&Resource> =
        desired.resources.values().filter(|resource| resource.type_name == "AWS::Logs::LogGroup").collect();
    let functions = desired.resources.values().filter(|resource| resource.type_name == FUNCTION);
    functions.filter(|function| !has_log_group(function, &groups)).collect()
}

fn has_log_group(function: &Resource, groups: &[&Resource]) -> bool {
    let own_choice = function.properties.get("LoggingConfig").is_some_and(|config| config.get("LogGroup").is_some());
    let name = function.properties.get("FunctionName");
    let reference = serde_json::json!({ "Ref": function.id }).to_string();
    own_choice
        || groups.iter().filter_map(|group| group.properties.get("LogGroupName")).any(|group| {
            let whole = group.to_json().to_string();
            let same_name = name.is_some_and(|name| match (name.known_text(), group.known_text()) {
                (Some(name), Some(group)) => group.strip_prefix("/aws/lambda/") == Some(name),
                // Both are made from what is not known yet: the group's text holds the name's parts.
                (None, None) => inner(&name.to_json().to_string()).is_some_and(|inner| whole.contains(inner)),
                _ => false,
            });
            same_name || whole.contains(&reference)
        })
}

/// The parts of a joined text as JSON, without what stands around them.
fn inner(json: &str) -> Option<&str> {
    match json.strip_prefix(r#"{"Fn::Join":["",["#) {
        Some(rest) => rest.strip_suffix("]]}").map(|parts| parts.trim_start_matches('"')),
        None => Some(json),
    }
}

/// AWS advises six times the function's timeout, so that a throttled batch is not handed out twice.
fn visibility(desired: &Desired, mapping: &Resource, out: &mut Diagnostics) {
    let end = |name: &str| known::written(&mapping.properties, name);
    let Some(queue) = end("EventSourceArn").and_then(|arn| known::target(desired, arn, &["AWS::SQS::Queue"])) else {
        return;
    };
    let Some(function) = end("FunctionName").and_then(|name| known::function(desired, name)) else { return };
    let seconds = |resource: &Resource, name: &str, default: i64| {
        known::written(&resource.properties, name).map_or(Some(default), |node| node.known_number())
    };
    let (Some(hidden), Some(timeout)) =
        (seconds(queue, "VisibilityTimeout", DEFAULT_VISIBILITY), seconds(function, "Timeout", DEFAULT_TIMEOUT))
    else {
        return;
    };
    let advised = timeout.saturating_mul(6).min(LONGEST_VISIBILITY);
    // Less than the timeout itself is an error already.
    if hidden < timeout || hidden >= advised {
        return;
    }
    let node = known::written(&queue.properties, "VisibilityTimeout");
    let message = format!(
        "`{}`: `VisibilityTimeout` is {hidden} seconds, less than six times the `Timeout` of the function `{}`, \
         {timeout} seconds",
        queue.id, function.id
    );
    out.push(
        Diagnostic::advice("visibility-timeout", node.map_or(queue.place, |node| node.place.or(queue.place)), message)
            .help(format!("AWS advises {advised} or more, so that no batch is handed out twice while it waits"))
            .related(function.place, "the function"),
    );
}

#[cfg(test)]
mod tests;
