//! Where failed and finished asynchronous calls go.

use super::Check;
use super::known;
use crate::model::Node;

const QUEUES_AND_TOPICS: [&str; 2] = ["AWS::SQS::Queue", "AWS::SNS::Topic"];

/// Lambda hands events to standard queues and topics only.
pub(super) fn dead_letter(check: &mut Check<'_>) {
    standard(check, "DeadLetterConfig.TargetArn");
}

/// The destinations of an `AWS::Lambda::EventInvokeConfig`.
pub(super) fn check(check: &mut Check<'_>) {
    standard(check, "DestinationConfig.OnFailure.Destination");
    standard(check, "DestinationConfig.OnSuccess.Destination");
    let nothing = ["DestinationConfig", "MaximumEventAgeInSeconds", "MaximumRetryAttempts"]
        .iter()
        .all(|name| check.written(name).is_none());
    if nothing {
        check.refuse(
            "missing-property",
            check.resource.place,
            "it says neither destinations nor how errors are handled",
            "give one of `DestinationConfig`, `MaximumEventAgeInSeconds` and `MaximumRetryAttempts`",
        );
    }
}

fn standard(check: &mut Check<'_>, path: &str) {
    let Some(node) = check.written(path) else { return };
    if let Some(("Ref", id)) = node.as_call()
        && let Some(id) = id.as_str()
        && let Some(target) = check.desired.resources.get(id)
        && target.type_name == "AWS::SQS::Queue"
    {
        needs_arn(check, path, node, id);
        return;
    }
    let Some(target) = check.target(node, &QUEUES_AND_TOPICS) else { return };
    if known::is_fifo(target) == Some(true) {
        let complaint = check
            .error("fifo-mismatch", node.place, format!("`{path}` is `{}`, which is FIFO", target.id))
            .help("Lambda hands events to standard queues and topics only")
            .related(target.place, "it is declared here");
        check.push(complaint);
    }
}

/// `Ref` of a queue is its URL, where an ARN is wanted.
pub(super) fn needs_arn(check: &mut Check<'_>, path: &str, node: &Node, id: &str) {
    check.refuse(
        "not-an-arn",
        node.place,
        format!("`{path}` wants an ARN, and `Ref` of the queue `{id}` is its URL"),
        format!("say `!GetAtt {id}.Arn`"),
    );
}
