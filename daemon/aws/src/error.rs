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
mod codes;
mod credentials;

use codes::{ABSENT, CONFLICTS, DENIED, ELSEWHERE, THROTTLED, UNKNOWN_CALL, WAITS, bare, code_of};
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

/// Headers that hold the id AWS gives to each request.
const REQUEST_ID: [&str; 3] = ["x-amzn-requestid", "x-amz-request-id", "x-amzn-request-id"];

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
mod tests;
