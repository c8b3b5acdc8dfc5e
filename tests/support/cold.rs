//! A cold convergence of many functions under the real quotas, and the floor that they dictate.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_core::engine::quota;
use tokio::time::Instant;

use crate::Trial;
use crate::aws::{Call, Rules};

/// The share of the quotas that evenkeel takes when nobody says another.
const SHARE: f64 = 0.6;

/// How it went.
#[derive(Debug)]
pub struct Cold {
    /// The least time that the share of the quotas allows for the needed writes: that of the bucket that takes longest.
    pub floor: Duration,
    /// The bucket that it is.
    pub bucket: String,
    /// How long it took, virtual time.
    pub took: Duration,
    /// How long it took on the clock of this machine.
    pub wall: Duration,
    /// Calls by operation: `Lambda CreateFunction`.
    pub calls: BTreeMap<String, usize>,
    /// Calls that AWS throttled.
    pub throttled: usize,
    /// Writes beyond those that are needed.
    pub surplus: i64,
    /// Calls in each ten seconds.
    pub timeline: String,
}

impl Cold {
    /// How much longer than the floor it took.
    pub fn ratio(&self) -> f64 {
        self.took.as_secs_f64() / self.floor.as_secs_f64()
    }

    /// The share of calls that AWS throttled.
    pub fn throttled_share(&self) -> f64 {
        self.throttled as f64 / self.calls.values().sum::<usize>().max(1) as f64
    }
}

/// Converges an empty account to so many functions (one role, and each with a log group, an environment and an alias),
/// the first of them with a queue each that triggers them.
pub async fn cold(functions: usize, triggers: usize) -> Cold {
    let trial = Trial::start(Rules::default()).await;
    let mut spec = "Role r: {policies: [{policyName: read, policyDocument: {Version: \"2012-10-17\", Statement: [{Effect: Allow, Action: \"sqs:*\", Resource: \"*\"}]}}]}\n".to_owned();
    for n in 0..functions {
        let more = if n < triggers { format!(", triggers: [{{queue: q{n}}}]") } else { String::new() };
        if n < triggers {
            spec.push_str(&format!("Queue q{n}: {{visibilityTimeout: 60}}\n"));
        }
        spec.push_str(&format!(
            "Function f{n}: {{code: ./src, handler: app.handler, runtime: python3.13, role: r, rollout: {{strategy: AllAtOnce}}, environment: {{NUMBER: \"{n}\"}}{more}}}\n"
        ));
    }
    let (started, clock) = (Instant::now(), std::time::Instant::now());
    trial.converge(&spec).await;
    let (took, wall) = (started.elapsed(), clock.elapsed());
    let calls = trial.aws.calls();
    let needed = [
        ("Lambda", "CreateFunction", functions),
        ("Lambda", "PublishVersion", functions),
        ("Lambda", "CreateAlias", functions),
        ("Lambda", "CreateEventSourceMapping", triggers),
        ("CloudWatch Logs", "CreateLogGroup", functions),
        ("CloudWatch Logs", "PutRetentionPolicy", functions),
        ("SQS", "CreateQueue", triggers),
        ("IAM", "CreateRole", 1),
        ("IAM", "PutRolePolicy", 1),
    ];
    let mut buckets: BTreeMap<String, f64> = BTreeMap::new();
    for (service, operation, count) in needed {
        let quota = quota::quota(service, operation).expect("these are limited");
        *buckets.entry(quota.name).or_default() += count as f64 / (quota.rate * SHARE);
    }
    let (bucket, seconds) = buckets.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).expect("some");
    let mut by_operation = BTreeMap::new();
    for call in &calls {
        *by_operation.entry(format!("{} {}", call.service, call.operation)).or_insert(0) += 1;
    }
    let writes = calls.iter().filter(|call| call.is_write()).count();
    let needed: usize = needed.iter().map(|(_, _, count)| count).sum();
    Cold {
        floor: Duration::from_secs_f64(seconds),
        bucket,
        took,
        wall,
        throttled: calls.iter().filter(|call| Call::is_throttled(call)).count(),
        calls: by_operation,
        surplus: writes as i64 - needed as i64,
        timeline: timeline(&calls),
    }
}

/// How a run went by time: calls by operation for each ten seconds, with the error where it was refused.
fn timeline(calls: &[Call]) -> String {
    let mut rows: BTreeMap<u64, BTreeMap<String, usize>> = BTreeMap::new();
    for call in calls {
        let name = match &call.fault {
            Some(code) => format!("{} {code}", call.operation),
            None => call.operation.clone(),
        };
        *rows.entry(call.at.as_secs() / 10 * 10).or_default().entry(name).or_default() += 1;
    }
    let row = |(at, counts): (u64, BTreeMap<String, usize>)| {
        let counts: Vec<String> = counts.into_iter().map(|(name, count)| format!("{name} {count}")).collect();
        format!("{at:>6} s  {}\n", counts.join(", "))
    };
    rows.into_iter().map(row).collect()
}
