//! Counts every call to AWS, by service and operation, and tells the limiter when AWS throttles.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextMut, BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::timeout::TimeoutConfig;

use crate::client::{ANSWER, CONNECT};
use crate::error::{is_throttling, refuses_credentials};
use crate::fence;
use crate::limiter::Limiter;

/// How often each operation was called: `{service: {operation: n}}`, in the SDK's names (`Lambda`, `GetFunction`).
pub type Calls = BTreeMap<String, BTreeMap<String, u64>>;

/// Whether an operation changes something. AWS names its reads by their first word.
pub fn is_write(operation: &str) -> bool {
    const READS: [&str; 8] = ["Get", "List", "Describe", "Head", "Lookup", "Simulate", "BatchGet", "Assume"];
    !READS.iter().any(|verb| operation.starts_with(verb))
}

/// Reads that AWS takes its time for: whole accounts at once.
const SLOW_READS: [&str; 1] = ["GetAccountAuthorizationDetails"];

/// How many of the calls changed something.
pub fn writes(calls: &Calls) -> u64 {
    calls.values().flatten().filter(|(operation, _)| is_write(operation)).map(|(_, count)| count).sum()
}

/// The counter that every client of an account carries; clones count together.
#[derive(Clone, Debug, Default)]
pub struct Counter {
    calls: Arc<Mutex<Calls>>,
    throttled: Arc<Mutex<Calls>>,
    refused: Arc<AtomicBool>,
    limiter: Option<Limiter>,
}

fn add(calls: &Mutex<Calls>, service: &str, operation: &str) {
    let mut calls = calls.lock().unwrap_or_else(PoisonError::into_inner);
    *calls.entry(service.to_owned()).or_default().entry(operation.to_owned()).or_default() += 1;
}

impl Counter {
    /// The same counts, and a limiter that is told when AWS throttles.
    pub(crate) fn telling(&self, limiter: Option<Limiter>) -> Counter {
        Counter { limiter, ..self.clone() }
    }

    /// The counts so far.
    pub fn snapshot(&self) -> Calls {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The calls that AWS throttled so far; they are among [`Counter::snapshot`].
    pub fn throttled(&self) -> Calls {
        self.throttled.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts one call.
    pub fn count(&self, service: &str, operation: &str) {
        add(&self.calls, service, operation);
    }

    /// Whether AWS refused the credentials of any call.
    pub(crate) fn is_refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }

    fn refused(&self, service: &str, operation: &str) {
        add(&self.throttled, service, operation);
        if let Some(limiter) = &self.limiter {
            limiter.throttled(service, operation);
        }
    }
}

#[dyn_dispatch_hint]
impl Intercept for Counter {
    fn name(&self) -> &'static str {
        "evenkeel call counter"
    }

    // A service that has fallen silent holds up every sweep: what only reads is soon answered, or not at all.
    fn modify_before_serialization(
        &self,
        _context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let soon = |metadata: &Metadata| !is_write(metadata.name()) && !SLOW_READS.contains(&metadata.name());
        if cfg.load::<Metadata>().is_some_and(soon) {
            let bounds = TimeoutConfig::builder().connect_timeout(CONNECT).read_timeout(ANSWER).build();
            cfg.interceptor_state().store_put(bounds);
        }
        Ok(())
    }

    // Before each transmission, not each execution: what counts against a quota is what goes over the wire.
    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(metadata) = cfg.load::<Metadata>() {
            if is_write(metadata.name()) {
                fence::pass()?;
            }
            self.count(metadata.service(), metadata.name());
        }
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if context.response().is_some_and(refuses_credentials) {
            self.refused.store(true, Ordering::Relaxed);
        }
        if let (Some(response), Some(metadata)) = (context.response(), cfg.load::<Metadata>())
            && is_throttling(response)
        {
            self.refused(metadata.service(), metadata.name());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_are_told_from_writes_by_their_first_word() {
        for read in ["GetFunction", "ListQueues", "DescribeParameters", "GetCallerIdentity"] {
            assert!(!is_write(read), "{read}");
        }
        for write in ["CreateFunction", "PutParameter", "UntagResource", "DeleteTopic", "Subscribe", "PublishVersion"] {
            assert!(is_write(write), "{write}");
        }
    }

    #[test]
    fn clones_count_together() {
        let counter = Counter::default();
        counter.clone().count("Lambda", "GetFunction");
        counter.count("Lambda", "GetFunction");
        counter.count("Lambda", "CreateFunction");
        assert_eq!(counter.snapshot()["Lambda"]["GetFunction"], 2);
        assert_eq!(writes(&counter.snapshot()), 1);
    }
}
