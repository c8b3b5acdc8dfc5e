//! What AWS's errors mean, in one place for all services.

use std::error::Error;
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use evenkeel_core::plan::{Applied, ApplyError};
use serde_json::Value as Json;

use crate::fence::Held;
use crate::whole;

mod advice;
mod credentials;

use credentials::Unsigned;
pub(crate) use credentials::{CredentialsTrouble, credentials_trouble, last};

/// How far a call came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The service answered with an error.
    Service,
    /// No answer in time.
    Timeout,
    /// No connection: the request was not sent.
    Unreachable,
    /// The connection broke, or the answer could not be read.
    Broken,
    /// The request could not be made (input that the SDK refuses, no credentials).
    Unsent,
    /// The request was not sent, because who gives the credentials (STS, a machine's or a container's own service) did
    /// not give any this time.
    Unsigned,
}

/// A failed call, reduced to what tells its meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The service, for the sentence.
    pub service: &'static str,
    /// How far it came.
    pub what: What,
    /// AWS's error code.
    pub code: String,
    /// AWS's message, redacted.
    pub message: String,
    /// The HTTP status, where there was an answer.
    pub status: u16,
    /// Whether the answer bears neither an error code nor a request id, which every AWS service gives: whoever
    /// answered does not know the call.
    pub foreign: bool,
}

/// Errors that pass by themselves: code (empty: any), a part of the message (empty: any), seconds until the next try,
/// seconds until it is taken for an error.
const WAITS: &[(&str, &str, u64, u64)] = &[
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

const ABSENT: &[&str] = &[
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
fn bare(code: &str) -> &str {
    code.strip_prefix(SQS_PREFIX).unwrap_or(code)
}

/// Lambda's answer to the ARN of another region, with the code of absence: it says nothing of what is there.
const ELSEWHERE: &str = "are not reachable in this region";

const THROTTLED: &[&str] = &[
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

const DENIED: &[&str] = &[
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
const UNKNOWN_CALL: &[&str] =
    &["UnknownOperationException", "UnknownOperation", "InvalidAction", "UnsupportedOperation", "NotImplemented"];

/// Headers that hold the id AWS gives to each request.
const REQUEST_ID: [&str; 3] = ["x-amzn-requestid", "x-amz-request-id", "x-amzn-request-id"];

/// The world is not as the plan saw it.
const CONFLICTS: &[&str] = &[
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

/// Whether an answer says that the credentials are no longer good.
pub(crate) fn refuses_credentials(answer: &HttpResponse) -> bool {
    matches!(answer.status().as_u16(), 400 | 401 | 403)
        && code_of(answer).is_some_and(|code| credentials_trouble(&code, "").is_some())
}

/// Whether an answer lost its end on its way.
fn is_cut(answer: &HttpResponse) -> bool {
    answer.body().bytes().is_some_and(whole::is_cut)
}

/// Whether an answer asks for fewer calls. Reads the code where the protocol has it: a header, JSON's `__type`, XML's
/// `Code`; the body is in memory by then.
pub(crate) fn is_throttling(answer: &HttpResponse) -> bool {
    let status = answer.status().as_u16();
    if status < 400 || status == 429 {
        return status == 429;
    }
    code_of(answer).is_some_and(|code| THROTTLED.contains(&bare(&code)))
}

/// The error code of an answer, wherever its protocol has it.
fn code_of(answer: &HttpResponse) -> Option<String> {
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

impl Failure {
    /// Reduces an SDK error.
    pub fn of<E>(service: &'static str, error: &SdkError<E, HttpResponse>) -> Failure
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let (what, meta, status) = match error {
            // An answer that says it went well and cannot be read, or that lost its end: only a read tells what happened.
            SdkError::ServiceError(context) if context.raw().status().is_success() || is_cut(context.raw()) => {
                (What::Broken, Some(context.err().meta()), context.raw().status().as_u16())
            }
            SdkError::ServiceError(context) => {
                (What::Service, Some(context.err().meta()), context.raw().status().as_u16())
            }
            SdkError::TimeoutError(_) => (What::Timeout, None, 0),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => (What::Timeout, None, 0),
            SdkError::DispatchFailure(failure) if failure.is_io() && unconnected(&sources(error)) => {
                (What::Unreachable, None, 0)
            }
            SdkError::DispatchFailure(failure) if failure.is_user() => (What::Unsent, None, 0),
            // Credentials are looked for during dispatch; without them nothing was sent. Where the failure has a kind, the
            // connection was closed with the request on its way: that may have taken effect.
            SdkError::DispatchFailure(failure) if failure.is_other() && failure.as_other().is_none() => {
                (What::Unsent, None, 0)
            }
            SdkError::DispatchFailure(_) => (What::Broken, None, 0),
            SdkError::ResponseError(context) => (What::Broken, None, context.raw().status().as_u16()),
            SdkError::ConstructionFailure(_) => (What::Unsent, None, 0),
            _ => (What::Broken, None, 0),
        };
        let unsigned = if what == What::Unsent { Unsigned::of(&sources(error)) } else { None };
        let what = if unsigned == Some(Unsigned::Passing) { What::Unsigned } else { what };
        let code = meta.and_then(|meta| meta.code()).unwrap_or_default();
        let message = match (meta.and_then(|meta| meta.message()), unsigned) {
            (Some(message), _) => message.to_owned(),
            (None, _) if what == What::Service => format!("HTTP status {status}"),
            (None, Some(unsigned)) => unsigned.told(&sources(error)),
            (None, None) => sources(error).last().map(ToString::to_string).unwrap_or_default(),
        };
        // `Namespace#Code` in JSON protocols.
        let code = code.rsplit('#').next().unwrap_or(code).to_owned();
        let answer = match error {
            SdkError::ServiceError(context) => Some(context.raw()),
            SdkError::ResponseError(context) => Some(context.raw()),
            _ => None,
        };
        let named = |answer: &HttpResponse| REQUEST_ID.iter().any(|name| answer.headers().get(*name).is_some());
        let foreign = code.is_empty() && answer.is_some_and(|answer| !named(answer));
        Failure { service, what, code, message: redact(&message), status, foreign }
    }

    /// Whether the endpoint does not know the call at all. AWS says so with a code; an emulator may have nothing but a
    /// page for people. Of a gateway's 502, 503 and 504 nobody can say which call they mean.
    pub fn is_unknown_call(&self) -> bool {
        UNKNOWN_CALL.contains(&self.code.as_str())
            || self.message.starts_with("Unknown action")
            || self.status == 501
            || (self.foreign && matches!(self.status, 404 | 405 | 500))
    }

    /// Whether it says that the thing is not there.
    pub fn is_absent(&self) -> bool {
        self.what == What::Service && ABSENT.contains(&bare(&self.code)) && !self.message.contains(ELSEWHERE)
    }

    /// What is wrong with the credentials, where that is why.
    pub(crate) fn credentials(&self) -> Option<CredentialsTrouble> {
        let said = if self.code.starts_with("Signature") || self.code.starts_with("InvalidSignature") {
            self.message.as_str()
        } else {
            ""
        };
        (self.what == What::Service).then(|| credentials_trouble(&self.code, said)).flatten()
    }

    /// Whether AWS asks for fewer calls.
    pub fn is_throttled(&self) -> bool {
        THROTTLED.contains(&bare(&self.code)) || self.status == 429
    }

    /// Whether the credentials may not do this.
    pub fn is_denied(&self) -> bool {
        DENIED.contains(&bare(&self.code)) || matches!(self.status, 401 | 403)
    }

    /// Whether the credentials are good and this call is not among what they may do.
    pub(crate) fn lacks_permission(&self) -> bool {
        self.what == What::Service && DENIED.contains(&bare(&self.code)) && self.credentials().is_none()
    }

    /// Whether an error came without saying which: AWS gives every one a code, so the answer was cut short on its way
    /// or is somebody else's.
    fn is_unreadable(&self) -> bool {
        self.what == What::Service && self.code.is_empty() && !self.is_unknown_call()
    }

    /// Whether the same read may go through a moment later.
    pub fn is_passing(&self) -> bool {
        self.is_throttled()
            || self.status >= 500
            || self.is_unreadable()
            || matches!(self.what, What::Timeout | What::Unreachable | What::Broken | What::Unsigned)
    }

    /// A sentence for people, without secrets.
    pub fn sentence(&self) -> String {
        match self.what {
            What::Service if self.code.is_empty() => {
                format!("{} answered with an error that cannot be read ({})", self.service, self.message)
            }
            What::Service if self.credentials().is_some() && self.service != "STS" => {
                let advice = self.credentials().map_or("", CredentialsTrouble::advice);
                format!("{advice} ({}: {}: {})", self.service, self.code, self.message)
            }
            What::Service => match self.advice() {
                Some(advice) => format!("{}: {}: {} ({advice})", self.service, self.code, self.message),
                None => format!("{}: {}: {}", self.service, self.code, self.message),
            },
            What::Timeout => format!("{} did not answer in time", self.service),
            What::Unreachable => format!("{} cannot be reached: {}", self.service, self.message),
            What::Broken => format!("the answer of {} broke off: {}", self.service, self.message),
            What::Unsent => format!("the call to {} could not be made: {}", self.service, self.message),
            What::Unsigned => {
                format!("the credentials for the call to {} cannot be had just now: {}", self.service, self.message)
            }
        }
    }

    /// What it means for a write.
    pub fn into_apply(self) -> ApplyError {
        let text = self.sentence();
        match self.what {
            What::Timeout | What::Broken => return ApplyError::Uncertain(text),
            // Nothing was sent: a later try is as good as the first.
            What::Unreachable | What::Unsigned => return wait(text, 5, 900),
            What::Unsent if self.message == Held::Lapsed.to_string() => return wait(text, 5, 900),
            What::Unsent if self.message == Held::Stopped.to_string() => return ApplyError::Stopped,
            What::Unsent if self.message.to_lowercase().contains("credential") => return ApplyError::Denied(text),
            What::Unsent => return ApplyError::Refused(text),
            What::Service => {}
        }
        if self.is_throttled() {
            return ApplyError::Throttled(text);
        }
        let rule = WAITS.iter().find(|(code, part, ..)| {
            (code.is_empty() || *code == bare(&self.code)) && (part.is_empty() || self.message.contains(part))
        });
        if let Some((_, _, after, patience)) = rule {
            return wait(text, *after, *patience);
        }
        if self.is_denied() {
            return ApplyError::Denied(text);
        }
        // SNS has no code of its own for a topic or a subscription that exists with other attributes or tags.
        let taken = self.code.starts_with("InvalidParameter") && self.message.contains("already exists with different");
        // A conflict with the rest of the spec, which no second look ends.
        if self.code == "ResourceConflictException" && self.message.contains("Provisioned") {
            return ApplyError::Refused(text);
        }
        if taken || self.is_absent() || CONFLICTS.contains(&bare(&self.code)) || self.status == 412 {
            return ApplyError::Conflict(text);
        }
        if self.status >= 500 || self.is_unreadable() {
            return ApplyError::Uncertain(text);
        }
        ApplyError::Refused(text)
    }
}

fn wait(reason: String, after: u64, patience: u64) -> ApplyError {
    ApplyError::Wait { reason, retry_after: Duration::from_secs(after), patience: Duration::from_secs(patience) }
}

/// The outcome of a write.
///
/// # Errors
/// What the failure means.
pub fn done<T, E>(service: &'static str, result: Result<T, SdkError<E, HttpResponse>>) -> Applied
where
    E: ProvideErrorMetadata + Error + 'static,
{
    result.map(|_| None).map_err(|error| Failure::of(service, &error).into_apply())
}

/// The outcome of a write whose answer tells something.
///
/// # Errors
/// What the failure means.
pub(crate) fn answered<E>(service: &'static str, result: Result<Json, SdkError<E, HttpResponse>>) -> Applied
where
    E: ProvideErrorMetadata + Error + 'static,
{
    result.map(Some).map_err(|error| Failure::of(service, &error).into_apply())
}

/// The outcome of a deletion: what is gone already is as good as deleted.
///
/// # Errors
/// What the failure means.
pub fn gone<T, E>(service: &'static str, result: Result<T, SdkError<E, HttpResponse>>) -> Applied
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match result {
        Ok(_) => Ok(None),
        Err(error) => match Failure::of(service, &error) {
            failure if failure.is_absent() => Ok(None),
            failure => Err(failure.into_apply()),
        },
    }
}

/// A step that this kind cannot carry out: a plan and its reach that do not fit, never a user's mistake.
pub fn unknown_operation(step: &evenkeel_core::plan::Step) -> ApplyError {
    ApplyError::Refused(format!("{} has no operation {}", step.type_name, step.operation))
}

/// An error with everything that caused it, outermost first.
pub(crate) fn sources<'a>(error: &'a (dyn Error + 'static)) -> Vec<&'a (dyn Error + 'static)> {
    let mut causes = vec![error];
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause);
        next = cause.source();
    }
    causes
}

/// Whether no connection came about, so that surely nothing was sent.
pub(crate) fn unconnected(causes: &[&(dyn Error + 'static)]) -> bool {
    causes.iter().any(|cause| {
        let io = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        let text = cause.to_string();
        matches!(
            io,
            Some(
                std::io::ErrorKind::ConnectionRefused
                    | std::io::ErrorKind::HostUnreachable
                    | std::io::ErrorKind::NetworkUnreachable
                    | std::io::ErrorKind::AddrNotAvailable
            )
        ) || text.contains("tcp connect error")
            || text.contains("dns error")
            || text.contains("(Connect)")
    })
}

/// Takes values out of AWS's messages: some echo an environment or a whole request.
fn redact(message: &str) -> String {
    const ECHOES: [&str; 2] = ["environment variables you have provided", "Environment variables"];
    const PLACES: [&str; 3] = ["at 'environment", "at 'value'", "at 'secretString'"];
    const LEFT_OUT: &str = "(the rest of AWS's message is left out: it can hold values)";
    // `Value 'hunter2' at 'value' failed to satisfy constraint`: the value stands before its place, and may say anything.
    // What AWS keeps to itself is `Value at 'value' failed`.
    let quoted = message.find("Value '").filter(|_| PLACES.iter().any(|place| message.contains(place)));
    if let Some(at) = quoted {
        let place =
            PLACES.iter().find(|place| message.contains(*place)).map_or("", |place| place.trim_end_matches('\''));
        return format!("{}Value {place}' was not accepted {LEFT_OUT}", &message[..at]);
    }
    // What follows the echo's first words may hold values: only the limit that the message speaks of is kept.
    if let Some(at) = ECHOES.iter().filter_map(|echo| message.find(echo).map(|at| at + echo.len())).min() {
        let limit = if message.contains("4KB limit") { " exceeded the 4KB limit" } else { " were not accepted" };
        return format!("{}{limit} {LEFT_OUT}", &message[..at]);
    }
    message.chars().take(1000).collect()
}

#[cfg(test)]
mod recorded;

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: &str, message: &str, status: u16) -> Failure {
        let (code, message) = (code.to_owned(), redact(message));
        Failure { service: "Lambda", what: What::Service, code, message, status, foreign: false }
    }

    #[test]
    fn a_connection_closed_with_the_request_on_its_way_leaves_the_outcome_open() {
        use aws_sdk_lambda::operation::create_function::CreateFunctionError;
        use aws_smithy_runtime_api::client::result::ConnectorError;
        use aws_smithy_types::retry::ErrorKind;
        let of = |kind| {
            let error = ConnectorError::other("connection closed before message completed".into(), kind);
            Failure::of("Lambda", &SdkError::<CreateFunctionError, HttpResponse>::dispatch_failure(error))
        };
        let closed = of(Some(ErrorKind::TransientError));
        assert!(closed.is_passing(), "the same read may go through");
        assert!(matches!(closed.into_apply(), ApplyError::Uncertain(_)));
        assert!(matches!(of(None).into_apply(), ApplyError::Refused(_)), "nothing was sent");
    }

    /// An error answer as it comes over the wire.
    fn answered(status: u16, code: Option<&str>, header: Option<&'static str>) -> Failure {
        use aws_sdk_lambda::operation::get_function_recursion_config::GetFunctionRecursionConfigError;
        let mut meta = aws_smithy_types::error::ErrorMetadata::builder();
        if let Some(code) = code {
            meta = meta.code(code);
        }
        let mut answer = answer(status, None, "<title>Not Found</title>");
        if let Some(header) = header {
            answer.headers_mut().insert(header, "1f0");
        }
        let error = GetFunctionRecursionConfigError::generic(meta.build());
        Failure::of("Lambda", &SdkError::service_error(error, answer))
    }

    #[test]
    fn an_answer_without_code_and_request_id_says_that_there_is_no_such_call() {
        for status in [404, 405, 500, 501] {
            assert!(answered(status, None, None).is_unknown_call(), "{status}");
        }
        assert!(answered(404, Some("UnknownOperationException"), Some("x-amzn-requestid")).is_unknown_call());
        let unknown = "Unknown action: DescribeIndexPolicies";
        assert!(failure("InvalidOperationException", unknown, 400).is_unknown_call());
        assert!(!failure("InvalidOperationException", "The log group is protected", 400).is_unknown_call());
        // AWS that is in trouble, a gateway before it, and a thing that is not there.
        assert!(!answered(500, None, Some("x-amzn-RequestId")).is_unknown_call());
        assert!(!answered(500, Some("InternalFailure"), None).is_unknown_call());
        assert!(!answered(503, None, None).is_unknown_call());
        assert!(!answered(404, Some("ResourceNotFoundException"), Some("x-amzn-requestid")).is_unknown_call());
        // Such an answer proves no absence, and a write that got it may have been carried out.
        assert!(!answered(404, None, None).is_absent());
        assert!(matches!(answered(500, None, None).into_apply(), ApplyError::Uncertain(_)));
    }

    #[test]
    fn half_an_error_proves_nothing() {
        use aws_sdk_iam::operation::get_role::GetRoleError;
        let whole = "<ErrorResponse><Error><Code>NoSuchEntity</Code></Error></ErrorResponse>";
        let of = |body: &str| {
            let meta = aws_smithy_types::error::ErrorMetadata::builder().code("NoSuchEntity").build();
            let error = GetRoleError::generic(meta);
            Failure::of("IAM", &SdkError::service_error(error, answer(404, None, body)))
        };
        assert!(of(whole).is_absent());
        let half = of(whole.strip_suffix("</ErrorResponse>").unwrap());
        assert!(!half.is_absent() && half.is_passing());
    }

    #[test]
    fn what_each_service_says_of_a_thing_that_has_gone_means_absent() {
        for code in ["ResourceNotFoundException", "NotFound", "ResourceNotFound", "InvalidResourceId", "NoSuchEntity"] {
            assert!(failure(code, "", 400).is_absent(), "{code}");
        }
    }

    fn answer(status: u16, header: Option<&str>, body: &str) -> HttpResponse {
        let body = aws_smithy_types::body::SdkBody::from(body);
        let mut answer = HttpResponse::new(status.try_into().unwrap(), body);
        if let Some(code) = header {
            answer.headers_mut().insert("x-amzn-errortype", code.to_owned());
        }
        answer
    }

    #[test]
    fn an_answer_that_asks_for_fewer_calls_is_known_in_every_protocol() {
        assert!(is_throttling(&answer(429, Some("TooManyRequestsException"), r#"{"message":"Rate exceeded"}"#)));
        assert!(is_throttling(&answer(400, None, r#"{"__type":"com.amazonaws.ssm#ThrottlingException"}"#)));
        assert!(is_throttling(&answer(400, Some("ThrottlingException:http://internal/"), "")));
        let xml = "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code></Error></ErrorResponse>";
        assert!(is_throttling(&answer(400, None, xml)));
        assert!(is_throttling(&answer(503, None, "<Error><Code>SlowDown</Code></Error>")));
    }

    #[test]
    fn other_errors_do_not_slow_the_limiter() {
        assert!(!is_throttling(&answer(200, None, r#"{"Description":"Throttling"}"#)));
        assert!(!is_throttling(&answer(400, None, r#"{"__type":"ValidationException","message":"Throttling"}"#)));
        assert!(!is_throttling(&answer(500, None, "")));
        assert!(!is_throttling(&answer(409, Some("LimitExceeded"), "")));
    }

    #[test]
    fn an_update_in_progress_is_waited_for_and_another_conflict_is_looked_at_again() {
        let busy = failure(
            "ResourceConflictException",
            "The operation cannot be performed at this time. An update is in progress for resource: arn",
            409,
        );
        assert!(matches!(busy.into_apply(), ApplyError::Wait { .. }));
        let exists = failure("ResourceConflictException", "Function already exist: f", 409);
        assert!(matches!(exists.into_apply(), ApplyError::Conflict(_)));
    }

    #[test]
    fn a_role_that_has_not_spread_is_waited_for_with_a_limit() {
        let lag = failure(
            "InvalidParameterValueException",
            "The role defined for the function cannot be assumed by Lambda.",
            400,
        );
        let ApplyError::Wait { patience, .. } = lag.into_apply() else { panic!("must wait") };
        assert!(patience <= Duration::from_secs(900));
        let wrong =
            failure("InvalidParameterValueException", "Unzipped size must be smaller than 262144000 bytes", 400);
        assert!(matches!(wrong.into_apply(), ApplyError::Refused(_)));
    }

    #[test]
    fn a_server_error_leaves_the_outcome_open_and_a_throttle_does_not() {
        assert!(matches!(failure("InternalFailure", "", 500).into_apply(), ApplyError::Uncertain(_)));
        assert!(matches!(failure("ThrottlingException", "Rate exceeded", 400).into_apply(), ApplyError::Throttled(_)));
        assert!(matches!(failure("SlowDown", "", 503).into_apply(), ApplyError::Throttled(_)));
    }

    #[test]
    fn a_code_means_the_same_with_the_prefix_that_sqs_had_before_json() {
        let old = |code: &str, status| failure(&format!("AWS.SimpleQueueService.{code}"), "", status);
        assert!(matches!(old("RequestThrottled", 403).into_apply(), ApplyError::Throttled(_)));
        assert!(matches!(old("QueueDeletedRecently", 400).into_apply(), ApplyError::Wait { .. }));
        assert!(matches!(old("PurgeQueueInProgress", 403).into_apply(), ApplyError::Wait { .. }));
        assert!(old("NonExistentQueue", 400).is_absent());
    }

    #[test]
    fn an_error_that_was_cut_short_on_its_way_is_asked_for_again() {
        let cut = failure("", "HTTP status 400", 400);
        assert!(cut.is_passing());
        assert!(matches!(cut.into_apply(), ApplyError::Uncertain(_)));
        let barred = failure("", "HTTP status 403", 403);
        assert!(barred.is_passing());
        assert!(matches!(barred.into_apply(), ApplyError::Denied(_)));
        assert!(!failure("ValidationException", "no", 400).is_passing());
    }

    #[test]
    fn a_key_service_that_throttles_whom_it_serves_is_a_throttle() {
        for code in ["KMSThrottlingException", "KMSThrottling", "KMS.ThrottlingException"] {
            assert!(matches!(failure(code, "Rate exceeded", 400).into_apply(), ApplyError::Throttled(_)), "{code}");
        }
    }

    #[test]
    fn environment_values_never_come_back_in_an_error() {
        let echo = failure(
            "InvalidParameterValueException",
            "Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit. String measured: {\"KEY\":\"hunter2\"}",
            400,
        );
        assert!(!echo.sentence().contains("hunter2"));
        assert!(echo.sentence().contains("4KB"));
        for place in ["value", "environment.variables", "secretString"] {
            let said = format!(
                "1 validation error detected: Value '{{K=hunter2 at 'value' hunter2}}' at '{place}' failed to satisfy constraint: Member must have length less than or equal to 4096"
            );
            let echo = failure("ValidationException", &said, 400).sentence();
            assert!(!echo.contains("hunter2") && echo.contains("was not accepted"), "{echo}");
        }
        let masked = "1 validation error detected: Value at 'value' failed to satisfy constraint: Member must have length less than or equal to 4096";
        assert!(failure("ValidationException", masked, 400).sentence().contains("4096"), "it holds no value");
    }

    #[test]
    fn a_missing_permission_is_denied() {
        let denied = failure("AccessDeniedException", "User: x is not authorized to perform: lambda:GetFunction", 403);
        assert!(matches!(denied.into_apply(), ApplyError::Denied(_)));
    }
}
