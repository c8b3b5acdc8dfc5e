//! What is wrong where it is the credentials, or the clock that calls are signed by.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_types::error::ErrorMetadata;

use super::{THROTTLED, unconnected};

/// What is wrong with the credentials, or with how a call was signed with them: nothing that this caller sends goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CredentialsTrouble {
    /// They were good once.
    Expired,
    /// AWS does not know them.
    Invalid,
    /// The machine's clock is off.
    Clock,
}

impl CredentialsTrouble {
    /// What to do about it.
    pub(super) fn advice(self) -> &'static str {
        match self {
            CredentialsTrouble::Expired => {
                "the AWS credentials have expired: sign in again (`aws sso login`) or renew the session"
            }
            CredentialsTrouble::Invalid => {
                "AWS does not accept these credentials: check the access key, its secret and the partition"
            }
            CredentialsTrouble::Clock => "this machine's clock differs too much from AWS's: set it by NTP",
        }
    }
}

/// Whether a code of AWS's, or what came with it, says that the credentials are the trouble.
pub(crate) fn credentials_trouble(code: &str, text: &str) -> Option<CredentialsTrouble> {
    const EXPIRED: [&str; 4] =
        ["ExpiredToken", "token has expired", "TokenRefreshRequired", "session associated with this profile"];
    // One code stands for a wrong secret and for a clock that is off; the message tells them apart.
    const CLOCK: [&str; 5] = [
        "RequestTimeTooSkewed",
        "RequestExpired",
        "Signature expired",
        "Signature not yet current",
        "InvalidSignatureTime",
    ];
    const INVALID: [&str; 7] = [
        "InvalidClientTokenId",
        "UnrecognizedClient",
        "SignatureDoesNotMatch",
        "InvalidSignatureException",
        "InvalidAccessKeyId",
        "MissingAuthenticationToken",
        "InvalidSecurity",
    ];
    let says = |words: &[&str]| words.iter().any(|word| code.contains(word) || text.contains(word));
    if says(&EXPIRED) {
        Some(CredentialsTrouble::Expired)
    } else if says(&CLOCK) {
        Some(CredentialsTrouble::Clock)
    } else if says(&INVALID) {
        Some(CredentialsTrouble::Invalid)
    } else {
        None
    }
}

/// Why a request could not be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unsigned {
    /// Who gives the credentials could not be reached, was slow, or had trouble of its own: it may give them the next time.
    Passing,
    /// There are none, or they are not given to this caller.
    Lasting,
}

impl Unsigned {
    /// What the causes of a request that was not sent tell; `None` where it was not for its credentials.
    pub(super) fn of(causes: &[&(dyn Error + 'static)]) -> Option<Unsigned> {
        // The SDK's cache keeps the type of its own timeout to itself.
        if causes.iter().any(|cause| cause.to_string().starts_with("identity resolver timed out")) {
            return Some(Unsigned::Passing);
        }
        let error = causes.iter().find_map(|cause| cause.downcast_ref::<CredentialsError>())?;
        let passes = match error {
            CredentialsError::ProviderTimedOut(_) => true,
            CredentialsError::ProviderError(_) => unconnected(causes) || !is_answer(causes),
            _ => false,
        };
        Some(if passes { Unsigned::Passing } else { Unsigned::Lasting })
    }

    /// What it says, as a person is told.
    pub(super) fn told(self, causes: &[&(dyn Error + 'static)]) -> String {
        let text = last(causes, "");
        // A refusal by STS says nothing of what it refused.
        if self == Unsigned::Passing || text.to_lowercase().contains("credential") {
            text
        } else {
            format!("there are no credentials: {text}")
        }
    }
}

/// Whether whoever gives credentials said that it will not, so that asking again is of no use.
fn is_answer(causes: &[&(dyn Error + 'static)]) -> bool {
    const PASSING: [&str; 6] = [
        "InternalFailure",
        "InternalError",
        "InternalServerException",
        "ServiceUnavailable",
        "IDPCommunicationError",
        "RequestTimeout",
    ];
    let code = causes.iter().find_map(|cause| cause.downcast_ref::<ErrorMetadata>()?.code());
    match code {
        Some(code) => !PASSING.contains(&code) && !THROTTLED.contains(&code),
        None => {
            let text = causes.iter().map(ToString::to_string).collect::<Vec<_>>().join(": ");
            credentials_trouble("", &text).is_some() || text.contains("AccessDenied") || text.contains("not authorized")
        }
    }
}

/// The innermost cause, in one line: the one that tells.
pub(crate) fn last(causes: &[&(dyn Error + 'static)], otherwise: &str) -> String {
    let text = causes.last().map_or_else(
        || otherwise.to_owned(),
        |cause| match cause.downcast_ref::<ErrorMetadata>() {
            // It prints itself for those who debug the SDK.
            Some(answer) => format!("{}: {}", answer.code().unwrap_or("error"), answer.message().unwrap_or_default()),
            None => cause.to_string(),
        },
    );
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join("; ")
}

#[cfg(test)]
mod tests {
    use aws_sdk_sts::operation::assume_role::AssumeRoleError;
    use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
    use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
    use evenkeel_core::plan::ApplyError;

    use super::super::{Failure, What};
    use super::*;

    fn met(cause: impl Into<aws_smithy_runtime_api::box_error::BoxError>) -> Failure {
        let error = ConnectorError::other(cause.into(), None);
        let error =
            SdkError::<aws_sdk_lambda::operation::create_function::CreateFunctionError, HttpResponse>::dispatch_failure(
                error,
            );
        Failure::of("Lambda", &error)
    }

    fn refused(code: &str) -> CredentialsError {
        let answer = ErrorMetadata::builder().code(code).message("said so").build();
        CredentialsError::provider_error(AssumeRoleError::generic(answer))
    }

    #[test]
    fn credentials_that_cannot_be_renewed_just_now_are_waited_for_and_a_read_is_made_again() {
        let hiccups: [CredentialsError; 5] = [
            CredentialsError::provider_timed_out(std::time::Duration::from_secs(5)),
            CredentialsError::provider_error(std::io::Error::from(std::io::ErrorKind::ConnectionRefused)),
            CredentialsError::provider_error("an unexpected answer: 503"),
            refused("ServiceUnavailable"),
            refused("Throttling"),
        ];
        for hiccup in hiccups {
            let said = format!("{hiccup:?}");
            let failure = met(hiccup);
            assert_eq!(failure.what, What::Unsigned, "{said}");
            assert!(failure.is_passing(), "{said}");
            assert!(failure.sentence().starts_with("the credentials for the call to Lambda"), "{}", failure.sentence());
            assert!(matches!(failure.into_apply(), ApplyError::Wait { .. }), "{said}");
        }
    }

    #[test]
    fn credentials_that_are_not_given_at_all_are_no_matter_of_time() {
        let ends = [
            CredentialsError::not_loaded("no providers in chain provided credentials"),
            refused("AccessDenied"),
            refused("ExpiredToken"),
            CredentialsError::provider_error("the SSO token has expired and cannot be refreshed"),
            CredentialsError::invalid_configuration("a loop in the credentials of the profile"),
        ];
        for end in ends {
            let said = format!("{end:?}");
            let failure = met(end);
            assert_eq!(failure.what, What::Unsent, "{said}");
            assert!(!failure.is_passing(), "{said}");
            let meaning = failure.into_apply();
            assert!(matches!(&meaning, ApplyError::Denied(text) if text.contains("redential")), "{said}: {meaning:?}");
        }
    }
}
