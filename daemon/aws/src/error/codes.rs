//! AWS's error codes by what they mean, and where an answer has its own.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

/// Errors that pass by themselves: code (empty: any), a part of the message (empty: any), seconds until the next try,
/// seconds until it is taken for an error.
pub(super) const WAITS: &[(&str, &str, u64, u64)] = &[
    // Lambda: something is in progress on the function.
    ("ResourceConflictException", "update is in progress", 2, 900),
    ("ResourceConflictException", "is currently in the following state", 2, 900),
    ("ResourceConflictException", "cannot be performed at this time", 2, 900),
    ("ResourceConflictException", "An operation is in progress", 2, 900),
    ("ResourceConflictException", "The function is currently", 2, 900),
    ("ResourceConflictException", "currently in transition", 2, 900),
    ("ResourceNotReadyException", "", 2, 900),
    ("ResourceInUseException", "", 5, 600),
    // IAM spreads: a new role or policy is not known to the other services yet.
    ("InvalidParameterValueException", "cannot be assumed by Lambda", 5, 120),
    ("InvalidParameterValueException", "execution role does not have permissions", 5, 120),
    ("InvalidParameterValueException", "ensure the role can perform", 5, 120),
    ("InvalidParameterValueException", "KMS key is invalid for CreateGrant", 5, 120),
    ("InvalidParameterValueException", "throttled by EC2", 15, 600),
    ("InvalidParameterValueException", "does not have permissions to call", 5, 120),
    ("InvalidParameterValueException", "The destination ARN", 5, 120),
    ("InvalidParameterValueException", "Queue visibility timeout", 10, 150),
    ("EC2ThrottledException", "", 15, 600),
    ("MalformedPolicyDocument", "Invalid principal in policy", 5, 120),
    ("InvalidAttributeValue", "Invalid value for the parameter Policy", 5, 120),
    ("InvalidParameter", "PrincipalNotFound", 5, 120),
    ("InvalidParameterValueException", "The provided principal was invalid", 5, 120),
    ("ValidationException", "cannot be assumed by principal", 5, 120),
    ("ValidationException", "must allow AWS EventBridge Scheduler to assume the role", 5, 120),
    // Writes that exclude each other.
    ("ConcurrentModification", "", 3, 120),
    ("ConcurrentModificationException", "", 3, 120),
    ("OperationAbortedException", "", 3, 120),
    ("EntityTemporarilyUnmodifiable", "", 5, 300),
    ("ServiceUnavailableException", "", 5, 300),
    // A queue that was just made is not known everywhere yet.
    ("InvalidParameterValue", "Dead letter target does not exist", 3, 60),
    // A queue's name is locked for a minute.
    ("QueueDeletedRecently", "", 15, 120),
    // It comes with status 403, and has nothing to do with permissions.
    ("PurgeQueueInProgress", "", 15, 120),
    ("ConcurrentAccess", "", 3, 120),
    ("ConcurrentAccessException", "", 3, 120),
    ("TooManyUpdates", "", 5, 120),
];

/// What was asked for is not there.
pub(super) const ABSENT: &[&str] = &[
    "ResourceNotFoundException",
    // SNS, of the tags of a topic that has gone.
    "ResourceNotFound",
    // Systems Manager, of the tags of a parameter that has gone.
    "InvalidResourceId",
    "NoSuchEntity",
    "NoSuchEntityException",
    "ParameterNotFound",
    "ParameterNotFoundException",
    "QueueDoesNotExist",
    "NonExistentQueue",
    "NotFound",
    "NotFoundException",
    "ProvisionedConcurrencyConfigNotFoundException",
    "FunctionEventInvokeConfigNotFoundException",
];

/// What SQS puts before the codes that it had before it spoke JSON.
const SQS_PREFIX: &str = "AWS.SimpleQueueService.";

/// A code as the lists here have it.
pub(super) fn bare(code: &str) -> &str {
    code.strip_prefix(SQS_PREFIX).unwrap_or(code)
}

/// Lambda's answer to the ARN of another region, with the code of absence: it says nothing of what is there.
pub(super) const ELSEWHERE: &str = "are not reachable in this region";

/// Too many calls.
pub(super) const THROTTLED: &[&str] = &[
    "TooManyRequestsException",
    "ThrottlingException",
    "Throttling",
    "Throttled",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestLimitExceeded",
    "SlowDown",
    "PriorRequestNotComplete",
    // KMS, asked by a service on our behalf: Lambda and Systems Manager, SNS, SQS.
    "KMSThrottlingException",
    "KMSThrottling",
    "KMS.ThrottlingException",
    "KmsThrottled",
];

/// The credentials may not do it, or are no longer good.
pub(super) const DENIED: &[&str] = &[
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "AuthorizationErrorException",
    "UnauthorizedOperation",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidSignatureException",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "InvalidSecurity",
    "MissingAuthenticationToken",
    "OptInRequired",
];

/// The endpoint has no such call: a region, a partition or an emulator without the feature.
pub(super) const UNKNOWN_CALL: &[&str] =
    &["UnknownOperationException", "UnknownOperation", "InvalidAction", "UnsupportedOperation", "NotImplemented"];

/// The world is not as the plan saw it.
pub(super) const CONFLICTS: &[&str] = &[
    "ResourceConflictException",
    "PreconditionFailedException",
    "ResourceAlreadyExistsException",
    "EntityAlreadyExists",
    "EntityAlreadyExistsException",
    "ParameterAlreadyExists",
    "QueueAlreadyExists",
    "QueueNameExists",
    "DeleteConflict",
    "DeleteConflictException",
    "ConflictException",
];

/// The error code of an answer, wherever its protocol has it.
pub(super) fn code_of(answer: &HttpResponse) -> Option<String> {
    let header = answer.headers().get("x-amzn-errortype").or_else(|| answer.headers().get("x-amzn-query-error"));
    let body = answer.body().bytes().map(String::from_utf8_lossy).unwrap_or_default();
    let quoted = |key: &str| {
        let rest = body.split_once(key)?.1.trim_start_matches([':', ' ']).strip_prefix('"')?;
        rest.split_once('"').map(|(code, _)| code)
    };
    let tagged = || body.split_once("<Code>")?.1.split_once("</Code>").map(|(code, _)| code);
    let code = header.or_else(|| quoted("\"__type\"")).or_else(|| quoted("\"code\"")).or_else(tagged);
    // `Namespace#Code`, `Code:http://documentation`, `Code;Sender`.
    code.and_then(|code| code.split([':', ';']).next()?.rsplit('#').next()).map(str::to_owned)
}
