//! Roles that Lambda does not know yet: while one of its functions tries, the others wait.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use evenkeel_core::plan::{Applied, ApplyError};
use tokio::time::Instant;

/// What Lambda says of a role that has not spread to it.
const UNKNOWN: &str = "cannot be assumed";
/// How long the others wait for the one that tries.
const TRIAL: Duration = Duration::from_secs(1);

/// Until when each role is left alone.
#[derive(Debug, Default)]
pub(super) struct Lag(Mutex<BTreeMap<String, (Instant, ApplyError)>>);

impl Lag {
    /// Whether a function of this role may be tried now.
    ///
    /// # Errors
    /// What Lambda said to the last one.
    pub(super) fn admit(&self, role: &str) -> Result<(), ApplyError> {
        let mut roles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let Some((until, said)) = roles.get_mut(role) else { return Ok(()) };
        if *until <= now {
            *until = now + TRIAL;
            return Ok(());
        }
        match said {
            ApplyError::Wait { reason, patience, .. } => Err(ApplyError::Wait {
                reason: reason.clone(),
                retry_after: until.duration_since(now),
                patience: *patience,
            }),
            other => Err(other.clone()),
        }
    }

    /// Takes in what became of one that was tried.
    pub(super) fn learn(&self, role: &str, ended: &Applied) {
        let mut roles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match ended {
            Err(error @ ApplyError::Wait { reason, retry_after, .. }) if reason.contains(UNKNOWN) => {
                roles.insert(role.to_owned(), (Instant::now() + *retry_after, error.clone()));
            }
            Ok(_) => _ = roles.remove(role),
            // Of the role it tells nothing.
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown() -> Applied {
        let reason = "The role defined for the function cannot be assumed by Lambda.".to_owned();
        Err(ApplyError::Wait { reason, retry_after: Duration::from_secs(5), patience: Duration::from_secs(120) })
    }

    #[tokio::test(start_paused = true)]
    async fn of_the_functions_of_a_new_role_one_tries_at_a_time() {
        let lag = Lag::default();
        assert_eq!(lag.admit("r"), Ok(()));
        lag.learn("r", &unknown());
        assert!(matches!(lag.admit("r"), Err(ApplyError::Wait { retry_after, .. }) if retry_after.as_secs() == 5));
        assert_eq!(lag.admit("other"), Ok(()), "another role is another matter");
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(lag.admit("r"), Ok(()));
        assert!(lag.admit("r").is_err(), "one tries");
        lag.learn("r", &Ok(None));
        assert_eq!(lag.admit("r"), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_tries_and_is_never_heard_of_again_holds_up_nobody() {
        let lag = Lag::default();
        lag.learn("r", &unknown());
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(lag.admit("r"), Ok(()));
        tokio::time::advance(TRIAL).await;
        assert_eq!(lag.admit("r"), Ok(()));
    }
}
