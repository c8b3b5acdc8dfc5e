//! Steps: each is exactly one AWS write.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;

use super::observation::Seen;

/// One AWS write, as data. The package that reaches AWS carries it out without making a choice.
#[derive(Clone, PartialEq)]
pub struct Step {
    /// The kind that carries it out.
    pub type_name: &'static str,
    /// AWS's operation, such as `CreateFunction`.
    pub operation: &'static str,
    /// The operation's input in AWS's API names. May hold secrets: never shown.
    pub input: Json,
    /// What to read afterwards: type and key in the observation.
    pub refresh: (&'static str, String),
}

/// Secrets live in inputs: only the operation and the names of its inputs are shown.
impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.input.as_object().map(|input| input.keys().collect()).unwrap_or_default();
        write!(f, "{} {} {names:?}", self.operation, self.refresh.1)
    }
}

/// What the answer to a step told of the real thing, so that it need not be read again.
#[derive(Clone, Debug)]
pub enum Told {
    /// All that a reading would.
    Whole(Seen),
    /// What a reading that follows need not ask for again.
    Part(Seen),
}

/// Why a step did not succeed: what it means for the caller, not which service said it.
///
/// The text is for people and holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// Something settles or spreads; the same step will do later (409 while in progress, IAM's lag, a queue name's
    /// lock).
    #[error("{reason}")]
    Wait {
        /// What is waited for.
        reason: String,
        /// When to try again at the earliest.
        retry_after: Duration,
        /// How long this may go on before it is taken for an error.
        patience: Duration,
    },
    /// AWS asks for fewer calls.
    #[error("throttled: {0}")]
    Throttled(String),
    /// Nobody knows whether it took effect (a reset, a timeout, a 5xx): a read will tell.
    #[error("the outcome is not known: {0}")]
    Uncertain(String),
    /// The world is not as the plan saw it (a precondition failed, it exists already, it is gone): observe again.
    #[error("changed meanwhile: {0}")]
    Conflict(String),
    /// The credentials may not do this.
    #[error("{0}")]
    Denied(String),
    /// AWS will not accept this however often it is asked; the spec must change.
    #[error("{0}")]
    Refused(String),
    /// Whoever works here was told to stop while the step waited for its turn: it was not sent, and no try was made.
    #[error("not sent: told to stop before its turn came")]
    Stopped,
}

/// How a step ended: with AWS's answer, where somebody makes something of it.
pub type Applied = Result<Option<Json>, ApplyError>;

/// Where local artifacts come from when a step uploads one.
///
/// A step names one as `{"LocalPath": path, "Sha256": base64}`; bytes with another hash mean that the folder changed
/// under the plan, and the step fails as a conflict.
pub trait Artifacts: Send + Sync {
    /// The zip's bytes, or a sentence about why there are none.
    ///
    /// # Errors
    /// A sentence for a person: the folder is gone, or its content no longer has this hash.
    fn bytes(&self, local_path: &str, sha256: &str) -> Result<Arc<[u8]>, String>;
}
