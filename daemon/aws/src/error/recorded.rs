//! Holds the classification against errors that real AWS gave.
//!
//! They lie in `$EVENKEEL_RECORDED`, or in `../shared/recorded` beside the workspace; where they are not there the test
//! says so and does nothing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use evenkeel_core::plan::ApplyError;
use serde_json::Value as Json;

use super::{Failure, What};

/// What each recorded error means: the start of its file's name, its code, a part of its message (empty: any), its
/// class. The first row that fits decides, so exceptions stand before the rule.
const MEANINGS: &[(&str, &str, &str, &str)] = &[
    ("iam", "DeleteConflict", "", "conflict"),
    ("iam", "InvalidInput", "", "refused"),
    ("iam", "MalformedPolicyDocument", "This policy contains invalid Json", "refused"),
    ("iam", "NoSuchEntity", "", "absent"),
    ("iam", "ValidationError", "", "refused"),
    ("lambda", "AccessDeniedException", "", "denied"),
    ("lambda", "CodeSigningConfigNotFoundException", "", "refused"),
    // The role may not reach the destination yet, or there is none.
    ("lambda", "InvalidParameterValueException", "The destination ARN", "wait"),
    // A role that is too new to be named, or none.
    ("lambda", "InvalidParameterValueException", "The provided principal was invalid", "wait"),
    ("lambda", "InvalidParameterValueException", "", "refused"),
    ("lambda", "InvalidRequestContentException", "", "refused"),
    ("lambda", "PreconditionFailedException", "", "conflict"),
    ("lambda", "ProvisionedConcurrencyConfigNotFoundException", "", "absent"),
    ("lambda", "RequestEntityTooLargeException", "", "refused"),
    ("lambda", "ResourceConflictException", "Provisioned", "refused"),
    ("lambda", "ResourceConflictException", "An update is in progress", "wait"),
    ("lambda", "ResourceConflictException", "", "conflict"),
    // Asked in the wrong place: nothing is known of what is in the right one.
    ("lambda", "ResourceNotFoundException", "are not reachable in this region", "refused"),
    ("lambda", "ResourceNotFoundException", "", "absent"),
    ("lambda", "TooManyRequestsException", "", "throttled"),
    ("lambda", "ValidationException", "", "refused"),
    ("logs", "AccessDeniedException", "", "denied"),
    ("logs", "InvalidParameterException", "", "refused"),
    ("logs", "LimitExceededException", "", "refused"),
    ("logs", "ResourceAlreadyExistsException", "", "conflict"),
    ("logs", "ResourceNotFoundException", "", "absent"),
    ("logs", "ValidationException", "", "refused"),
    ("sns", "InvalidParameter", "already exists with different", "conflict"),
    ("sns", "InvalidParameter", "", "refused"),
    ("sns", "NotFound", "", "absent"),
    ("sns", "ValidationError", "", "refused"),
    ("sqs", "AWS.SimpleQueueService.NonExistentQueue", "", "absent"),
    ("sqs", "AWS.SimpleQueueService.PurgeQueueInProgress", "", "wait"),
    ("sqs", "InvalidAttributeName", "", "refused"),
    ("sqs", "InvalidAttributeValue", "", "refused"),
    ("sqs", "InvalidParameterValue", "", "refused"),
    ("sqs", "MissingParameter", "", "refused"),
    ("sqs", "QueueAlreadyExists", "", "conflict"),
    ("sqs", "ResourceNotFoundException", "", "absent"),
];

/// Errors of calls that evenkeel never makes (sending messages): refused, whatever they say.
const OF_MESSAGES: [&str; 7] = [
    "BatchEntryIdsNotDistinct",
    "BatchRequestTooLong",
    "InvalidBatchEntryId",
    "ParameterValueInvalid",
    "TooManyEntriesInBatchRequest",
    "EmptyBatchRequest",
    "ReceiptHandleIsInvalid",
];

fn recorded() -> Option<PathBuf> {
    let given = std::env::var_os("EVENKEEL_RECORDED").map(PathBuf::from);
    let root = given.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/recorded"));
    if root.is_dir() {
        return Some(root);
    }
    println!("skipped: there are no recorded answers at {}; set EVENKEEL_RECORDED", root.display());
    None
}

/// Every error in an answer, with its status.
fn errors<'a>(answer: &'a Json, found: &mut Vec<(&'a str, &'a str, u16)>) {
    if let Some(code) = answer.pointer("/Error/Code").and_then(Json::as_str) {
        let message = answer.pointer("/Error/Message").and_then(Json::as_str).unwrap_or_default();
        let status = answer.pointer("/ResponseMetadata/HTTPStatusCode").and_then(Json::as_u64);
        found.push((code, message, status.and_then(|status| u16::try_from(status).ok()).unwrap_or(400)));
    }
    match answer {
        Json::Object(members) => members.values().for_each(|inner| errors(inner, found)),
        Json::Array(items) => items.iter().for_each(|inner| errors(inner, found)),
        _ => {}
    }
}

fn class(code: &str, message: &str, status: u16) -> &'static str {
    let (code, message) = (code.to_owned(), message.to_owned());
    let failure = Failure { service: "AWS", what: What::Service, code, message, status, foreign: false };
    if failure.is_absent() {
        return "absent";
    }
    match failure.into_apply() {
        ApplyError::Wait { .. } => "wait",
        ApplyError::Throttled(_) => "throttled",
        ApplyError::Denied(_) => "denied",
        ApplyError::Conflict(_) => "conflict",
        ApplyError::Uncertain(_) => "uncertain",
        ApplyError::Refused(_) => "refused",
        ApplyError::Stopped => "stopped",
    }
}

#[test]
fn every_error_that_aws_was_heard_to_give_means_what_it_should() {
    let Some(root) = recorded() else { return };
    let mut used = BTreeSet::new();
    let (mut count, mut wrong) = (0, BTreeSet::new());
    for file in std::fs::read_dir(root).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let service = name.split(['-', '_']).next().unwrap().to_owned();
        let ours = ["iam", "lambda", "logs", "sns", "sqs", "ssm"].contains(&service.as_str());
        if !ours || !name.ends_with(".json") {
            continue;
        }
        let answers: Json = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let mut found = Vec::new();
        errors(&answers, &mut found);
        for (code, message, status) in found {
            count += 1;
            let got = class(code, message, status);
            let row = MEANINGS
                .iter()
                .position(|(of, known, part, _)| *of == service && *known == code && message.contains(part));
            let of_messages = OF_MESSAGES.iter().any(|known| code.ends_with(known));
            let meant = match row {
                Some(row) => {
                    used.insert(row);
                    MEANINGS[row].3
                }
                None if of_messages => "refused",
                None => "not in the table",
            };
            if got != meant {
                wrong.insert(format!("{service} {status} {code}: {message}\n    is {got}, should be {meant}"));
            }
        }
    }
    println!("{count} recorded errors");
    assert!(wrong.is_empty(), "{}", wrong.into_iter().collect::<Vec<_>>().join("\n"));
    let idle: Vec<_> = (0..MEANINGS.len()).filter(|row| !used.contains(row)).map(|row| MEANINGS[row]).collect();
    assert!(idle.is_empty(), "rows that no recorded error fits: {idle:?}");
    assert!(count >= 700, "only {count} errors were found");
}
