//! What to do about a refusal whose text only says what is wrong.

use super::Failure;

/// Error code (empty: any), a part of the message (empty: any), what to do.
const ADVICE: &[(&str, &str, &str)] = &[
    (
        "InvalidParameterValueException",
        "Unzipped size must be smaller",
        "a function and its layers unpack to 250 MB at most: leave out what it does not need, or make it an image",
    ),
    ("RequestEntityTooLargeException", "", "make the package smaller, or put it into S3 and name it there"),
    (
        "CodeStorageExceededException",
        "",
        "the code of all functions, versions and layers has filled the account's storage in this region: delete old versions, keep fewer with `keep` in evenkeel.yaml, or ask AWS for more",
    ),
    (
        "InvalidParameterValueException",
        "UnreservedConcurrentExecution below its minimum",
        "reserve less here or in another function, or ask AWS for a higher limit of concurrent executions: a new account has very few",
    ),
    (
        "InvalidParameterValueException",
        "greater than account's unreserved concurrency",
        "provision less, reserve less in other functions, or ask AWS for a higher limit of concurrent executions",
    ),
    (
        "InvalidParameterValueException",
        "should not be lower than function's total provisioned concurrency",
        "lower what is provisioned first, in a change of its own",
    ),
    (
        "ResourceConflictException",
        "Alias can't be used for Provisioned Concurrency",
        "provision either the alias or the version that it points to, not both",
    ),
    (
        "ResourceConflictException",
        "pointed by a Provisioned Concurrency alias",
        "provision either the alias or the version that it points to, not both",
    ),
    (
        "InvalidParameterValueException",
        "replicated function",
        "AWS removes the replicas of Lambda@Edge some hours after the last distribution let go of the function; each later run tries again",
    ),
    (
        "InvalidParameterValueException",
        "Layer version",
        "the layer's version was deleted, or is in another region or account: name one that is there",
    ),
    (
        "InvalidParameterValueException",
        "CreateNetworkInterface",
        "a function in a VPC needs a role with AWSLambdaVPCAccessExecutionRole, or the same permissions",
    ),
    (
        "InvalidParameterValueException",
        "to call ReceiveMessage on SQS",
        "the function's role needs sqs:ReceiveMessage, sqs:DeleteMessage and sqs:GetQueueAttributes on the queue",
    ),
    (
        "InvalidParameterValueException",
        "execution role does not have permissions",
        "the function's role needs that permission",
    ),
    (
        "InvalidParameterValueException",
        "The destination ARN",
        "the destination must be there, and the function's role must be allowed to send to it: sqs:SendMessage, sns:Publish, lambda:InvokeFunction, events:PutEvents or s3:PutObject",
    ),
    (
        "InvalidParameterValueException",
        "Queue visibility timeout",
        "raise the queue's VisibilityTimeout, best to six times the function's timeout, or lower that",
    ),
    (
        "InvalidParameterValueException",
        "KMS key is invalid for CreateGrant",
        "the key must be enabled, and whoever evenkeel works as needs kms:CreateGrant on it",
    ),
    (
        "ParameterMaxVersionLimitExceeded",
        "",
        "AWS keeps a hundred versions of a parameter, and the oldest one has a label: move its label to a newer version",
    ),
    ("LimitExceeded", "PoliciesPerRole", "attach fewer policies, put several into one, or ask AWS for more"),
    (
        "LimitExceeded",
        "Maximum policy size",
        "all inline policies of a role together may have 10,240 characters: make one a managed policy",
    ),
    ("LimitExceeded", "ACLSizePerRole", "make the trust policy shorter, or ask AWS for more"),
    (
        "PolicyLengthExceededException",
        "",
        "a function's policy holds 20 KB, some fifty statements: allow many callers with one, by a wildcard in its SourceArn",
    ),
    (
        "InvalidParameterValueException",
        "cannot be assumed by Lambda",
        "its trust policy must let lambda.amazonaws.com do sts:AssumeRole",
    ),
];

impl Failure {
    /// What to do about it, where that can be said.
    pub(super) fn advice(&self) -> Option<&'static str> {
        let fits = |code: &str, part: &str| {
            (code.is_empty() || code == self.code) && (part.is_empty() || self.message.contains(part))
        };
        ADVICE.iter().find(|(code, part, _)| fits(code, part)).map(|(.., advice)| *advice)
    }
}
