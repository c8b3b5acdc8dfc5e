//! What is wrong where it is the credentials, or the clock that calls are signed by.

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
