//! The quotas of an account: token buckets, some for one operation, some shared by many.

use std::collections::BTreeMap;
use std::time::Duration;

/// Rate and burst, calls.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// Calls a second.
    pub rate: f64,
    /// Calls that may come at once.
    pub burst: f64,
}

/// The bucket that a call is taken from, and what it holds; `None` where AWS hardly limits.
///
/// Published figures where there are any; for the others what clients met (IAM, SQS and SSM publish none).
pub fn bucket(service: &str, operation: &str) -> Option<(String, Limit)> {
    let of = |name: &str, rate: f64, burst: f64| Some((format!("{service} {name}"), Limit { rate, burst }));
    match (service, operation) {
        ("lambda", "GetFunction") => of("GetFunction", 100.0, 100.0),
        ("lambda", "GetPolicy") => of("GetPolicy", 15.0, 15.0),
        // Everything else of Lambda's control calls, all together.
        ("lambda", _) => of("control", 15.0, 15.0),
        ("ssm", "GetParameter" | "GetParameters" | "GetParametersByPath") => of("values", 40.0, 40.0),
        ("ssm", "PutParameter") => of("PutParameter", 3.0, 20.0),
        ("ssm", "DescribeParameters") => of("DescribeParameters", 3.0, 5.0),
        ("ssm", _) => of("other", 10.0, 10.0),
        ("sns", "Subscribe" | "Unsubscribe") => of(operation, 100.0, 100.0),
        ("sns", "TagResource" | "UntagResource" | "ListTagsForResource") => of("tags", 10.0, 10.0),
        ("sns", _) => of(operation, 30.0, 30.0),
        ("sqs", _) => of("control", 20.0, 20.0),
        ("iam", _) => of("all", 5.0, 20.0),
        ("logs", "TagResource" | "UntagResource" | "ListTagsForResource") => of("tags", 5.0, 5.0),
        ("logs", _) => of(operation, 5.0, 5.0),
        _ => None,
    }
}

/// The levels of all buckets.
#[derive(Debug, Default)]
pub(crate) struct Quotas(BTreeMap<String, (f64, Duration)>);

impl Quotas {
    /// Takes a call out of its bucket; false where that is empty.
    pub(crate) fn take(&mut self, service: &str, operation: &str, now: Duration) -> bool {
        let Some((name, limit)) = bucket(service, operation) else { return true };
        let (level, since) = self.0.entry(name).or_insert((limit.burst, now));
        *level = (*level + (now - *since).as_secs_f64() * limit.rate).min(limit.burst);
        *since = now;
        if *level < 1.0 {
            return false;
        }
        *level -= 1.0;
        true
    }
}

/// The code by which a service asks for fewer calls.
pub(crate) fn throttled(service: &str) -> (&'static str, u16) {
    match service {
        "lambda" => ("TooManyRequestsException", 429),
        "sqs" => ("RequestThrottled", 403),
        "iam" | "sns" => ("Throttling", 400),
        _ => ("ThrottlingException", 400),
    }
}
