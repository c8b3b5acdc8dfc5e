//! What becomes of a request: decided by the seed, the request and how often it came, not by when it came.

use std::time::Duration;

use fastrand::Rng;

use super::answer::refusal;
use super::request::Request;

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It goes through.
    Pass,
    /// It goes through, later.
    Delayed(Duration),
    /// It is answered with this, and never reaches AWS.
    Refused(Vec<u8>),
    /// The connection is reset before it reaches AWS.
    ResetBefore,
    /// It reaches AWS; the connection is reset instead of an answer.
    ResetAfter,
    /// It reaches AWS; the answer ends in the middle.
    Truncated,
    /// A read is answered as it was a while ago.
    Stale,
}

impl Fate {
    /// What to call it in a count.
    pub fn name(&self) -> &'static str {
        match self {
            Fate::Pass => "passed",
            Fate::Delayed(_) => "delayed",
            Fate::Refused(_) => "refused",
            Fate::ResetBefore => "reset before",
            Fate::ResetAfter => "reset after",
            Fate::Truncated => "truncated",
            Fate::Stale => "stale",
        }
    }
}

/// How often what goes wrong, in a thousand requests.
#[derive(Clone, Debug)]
pub struct Faults {
    /// Decides everything.
    pub seed: u64,
    /// Throttled, with the service's own code.
    pub throttled: u32,
    /// Answered with a 5xx.
    pub broken: u32,
    /// Reset before and after AWS has it, each.
    pub reset: u32,
    /// Answered in part.
    pub truncated: u32,
    /// Delayed.
    pub delayed: u32,
    /// Reads answered as they were.
    pub stale: u32,
    /// Functions that are refused at first, because their role has not spread.
    pub lagging: u32,
}

impl Faults {
    /// Rates at which a test still ends soon. They are harsh: one call in thirty throttled and one in thirty lost or
    /// broken, where an account in trouble sees bursts of that; and a call is still as good as sure to get through
    /// in as many tries as a client of AWS's makes.
    pub fn moderate(seed: u64) -> Faults {
        Faults { seed, throttled: 30, broken: 15, reset: 10, truncated: 10, delayed: 50, stale: 20, lagging: 300 }
    }

    /// A network that only takes its time, so that something is always under way.
    pub fn slow(seed: u64) -> Faults {
        let never =
            Faults { throttled: 0, broken: 0, reset: 0, truncated: 0, stale: 0, lagging: 0, ..Faults::moderate(seed) };
        Faults { delayed: 1000, ..never }
    }

    pub(super) fn fate(&self, request: &Request, key: u64, nth: u64, settling: bool) -> Fate {
        let mut rng = Rng::with_seed(self.seed ^ key.rotate_left(17) ^ nth.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        if request.operation().starts_with("POST /2015-03-31/functions") && request.function().is_none_or(str::is_empty)
        {
            // Whether the role lags is the function's lot, not the try's.
            let lags = Rng::with_seed(self.seed ^ key).u32(0..1000) < self.lagging;
            if lags && nth <= 2 {
                let message = "The role defined for the function cannot be assumed by Lambda.";
                return Fate::Refused(refusal(request, 400, "InvalidParameterValueException", message));
            }
        }
        if self.lagging > 0 && settling && request.is_write() && nth == 1 && rng.u32(0..3) == 0 {
            let message = "The operation cannot be performed at this time. An update is in progress for resource.";
            return Fate::Refused(refusal(request, 409, "ResourceConflictException", message));
        }
        let mut at = rng.u32(0..1000);
        let mut falls = |rate: u32| {
            let hit = at < rate;
            at = at.wrapping_sub(rate);
            hit
        };
        if falls(self.throttled) {
            let (status, code) = throttle(request.service());
            return Fate::Refused(refusal(request, status, code, "Rate exceeded"));
        }
        if falls(self.broken) {
            return Fate::Refused(refusal(request, 503, "ServiceUnavailable", "Service Unavailable"));
        }
        if falls(self.reset) {
            return Fate::ResetBefore;
        }
        if falls(self.reset) {
            return Fate::ResetAfter;
        }
        if falls(self.truncated) {
            return Fate::Truncated;
        }
        if falls(self.delayed) {
            return Fate::Delayed(Duration::from_millis(rng.u64(5..200)));
        }
        if !request.is_write() && falls(self.stale) {
            return Fate::Stale;
        }
        Fate::Pass
    }
}

/// Status and code with which a service asks for fewer calls.
fn throttle(service: &str) -> (u16, &'static str) {
    match service {
        "lambda" => (429, "TooManyRequestsException"),
        "sqs" => (403, "RequestThrottled"),
        "sns" => (400, "Throttled"),
        "iam" | "sts" => (400, "Throttling"),
        _ => (400, "ThrottlingException"),
    }
}
