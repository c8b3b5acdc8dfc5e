//! Every call waits here for its place in AWS's quotas.
//!
//! The SDK has one hook that may wait and comes before a request is signed: the identity cache. [`Gated`] wraps it, so a
//! signature is never older than its wait, and no kind has to know of the limiter. Whose call it is says a task-local:
//! [`with_priority`] around everything that works for an edit, a repair or a sweep.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::identity::{
    IdentityFuture, ResolveCachedIdentity, SharedIdentityCache, SharedIdentityResolver,
};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use evenkeel_core::engine::budget::{Bucket, Share, Ticket, Turn};
use evenkeel_core::engine::queue::{Now, Priority};
use evenkeel_core::engine::quota::quota;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::calls::is_write;
use crate::fence;

tokio::task_local! {
    static PRIORITY: Priority;
}

/// Runs something whose calls to AWS have this priority. What nobody gave one is a person's.
pub async fn with_priority<F: Future>(priority: Priority, work: F) -> F::Output {
    PRIORITY.scope(priority, work).await
}

/// The priority of the calls that are made here.
pub fn priority() -> Priority {
    PRIORITY.try_with(|priority| *priority).unwrap_or(Priority::Edit)
}

/// The limiters of one process: one for each account and region, shared by everything that works there. Clones are the
/// same.
#[derive(Clone, Debug, Default)]
pub struct Limiters {
    share: Share,
    gates: Arc<Mutex<BTreeMap<Home, Gate>>>,
}

/// Endpoint (where it is not AWS), account, and region; the region is empty for what all of them share.
type Home = (Option<String>, String, String);

impl Limiters {
    /// Limiters that take this share of AWS's quotas.
    pub fn new(share: Share) -> Self {
        Limiters { share, gates: Arc::default() }
    }

    /// What part of AWS's quotas they take.
    pub fn share(&self) -> Share {
        self.share
    }

    pub(crate) fn at(&self, endpoint: Option<&str>, account: &str, region: &str) -> Limiter {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        let mut gate = |region: &str| {
            let home = (endpoint.map(str::to_owned), account.to_owned(), region.to_owned());
            gates.entry(home).or_insert_with(|| Gate::new(self.share)).clone()
        };
        Limiter { regional: gate(region), global: gate("") }
    }
}

/// The limiter of one account in one region; clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Limiter {
    regional: Gate,
    global: Gate,
}

impl Limiter {
    /// Waits until this call may be made.
    async fn admit(&self, service: &str, operation: &str) {
        if let Some(quota) = quota(service, operation) {
            let gate = if quota.global { &self.global } else { &self.regional };
            gate.admit(&quota.name, quota.rate).await;
        }
    }

    /// AWS throttled this call.
    pub(crate) fn throttled(&self, service: &str, operation: &str) {
        if let Some(quota) = quota(service, operation) {
            let gate = if quota.global { &self.global } else { &self.regional };
            gate.with(&quota.name, quota.rate, |lane, now| lane.bucket.throttled(now));
        }
    }

    /// The SDK's cache of credentials, with the limiter in front of it.
    pub(crate) fn before(self, identities: SharedIdentityCache) -> SharedIdentityCache {
        SharedIdentityCache::new(Gated { identities, limiter: self })
    }
}

/// The buckets of one account and region.
#[derive(Clone, Debug)]
struct Gate {
    share: Share,
    started: Instant,
    lanes: Arc<Mutex<BTreeMap<String, Lane>>>,
}

/// One bucket, and how to wake those who wait for it.
#[derive(Debug)]
struct Lane {
    bucket: Bucket,
    wakers: BTreeMap<Ticket, Arc<Notify>>,
}

impl Lane {
    /// Whoever is next looks at its turn again.
    fn wake_next(&self, now: Now) {
        if let Some(waker) = self.bucket.head(now).and_then(|head| self.wakers.get(&head)) {
            waker.notify_one();
        }
    }
}

impl Gate {
    fn new(share: Share) -> Self {
        Gate { share, started: Instant::now(), lanes: Arc::default() }
    }

    fn lanes(&self) -> MutexGuard<'_, BTreeMap<String, Lane>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, name: &str, rate: f64, work: impl FnOnce(&mut Lane, Now) -> T) -> T {
        let now = self.started.elapsed();
        let mut lanes = self.lanes();
        if !lanes.contains_key(name) {
            let lane = Lane { bucket: Bucket::new(rate, self.share, now), wakers: BTreeMap::new() };
            lanes.insert(name.to_owned(), lane);
        }
        match lanes.get_mut(name) {
            Some(lane) => work(lane, now),
            // It was put in above; a lane that nobody shares is as good for one call.
            None => work(&mut Lane { bucket: Bucket::new(rate, self.share, now), wakers: BTreeMap::new() }, now),
        }
    }

    async fn admit(&self, name: &str, rate: f64) {
        let waker = Arc::new(Notify::new());
        let ticket = self.with(name, rate, |lane, now| {
            let ticket = lane.bucket.enter(priority(), now);
            lane.wakers.insert(ticket, Arc::clone(&waker));
            ticket
        });
        let place = Place { gate: self, name, rate, ticket };
        loop {
            let wait: Option<Duration> = match place.turn() {
                Turn::Admitted => return,
                Turn::At(at) => Some(at.saturating_sub(self.started.elapsed())),
                Turn::Behind(_) => None,
            };
            match wait {
                Some(wait) => {
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        () = waker.notified() => {}
                    }
                }
                None => waker.notified().await,
            }
        }
    }
}

/// A place in the queue; given up where the caller goes away.
struct Place<'a> {
    gate: &'a Gate,
    name: &'a str,
    rate: f64,
    ticket: Ticket,
}

impl Place<'_> {
    fn turn(&self) -> Turn {
        self.gate.with(self.name, self.rate, |lane, now| {
            let turn = lane.bucket.turn(self.ticket, now);
            // The one before may have become so only now, and sleep.
            if let Turn::Behind(head) = turn
                && let Some(waker) = lane.wakers.get(&head)
            {
                waker.notify_one();
            }
            turn
        })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.gate.with(self.name, self.rate, |lane, now| {
            lane.bucket.leave(self.ticket);
            lane.wakers.remove(&self.ticket);
            lane.wake_next(now);
        });
    }
}

/// Waits for the limiter, then looks up the credentials.
#[derive(Debug)]
struct Gated {
    identities: SharedIdentityCache,
    limiter: Limiter,
}

impl ResolveCachedIdentity for Gated {
    fn resolve_cached_identity<'a>(
        &'a self,
        resolver: SharedIdentityResolver,
        components: &'a RuntimeComponents,
        bag: &'a ConfigBag,
    ) -> IdentityFuture<'a> {
        IdentityFuture::new(async move {
            if let Some(metadata) = bag.load::<Metadata>() {
                tokio::select! {
                    () = self.limiter.admit(metadata.service(), metadata.name()) => {}
                    held = fence::stopped(), if is_write(metadata.name()) => return Err(held.into()),
                }
            }
            self.identities.resolve_cached_identity(resolver, components, bag).await
        })
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::client::http::{
        HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
    };
    use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
    use aws_smithy_types::body::SdkBody;
    use futures::future::join_all;

    use super::*;
    use crate::client::{Account, Options};

    fn limiter() -> Limiter {
        Limiters::default().at(None, "123456789012", "eu-west-1")
    }

    #[tokio::test(start_paused = true)]
    async fn calls_of_one_bucket_are_spread_over_time_and_others_do_not_wait_for_them() {
        let limiter = limiter();
        let started = Instant::now();
        join_all((0..96).map(|_| limiter.admit("Lambda", "ListAliases"))).await;
        // Six at once, then nine a second.
        let took = started.elapsed().as_secs_f64();
        assert!((9.9..10.2).contains(&took), "{took} s");
        limiter.admit("Lambda", "GetFunction").await;
        limiter.admit("SQS", "ListQueues").await;
        assert_eq!(started.elapsed().as_secs_f64(), took);
    }

    #[tokio::test(start_paused = true)]
    async fn an_edit_overtakes_a_sweep_that_waits() {
        let limiter = limiter();
        let sweep = join_all((0..200).map(|_| limiter.admit("Lambda", "ListAliases")));
        let sweep = with_priority(Priority::Resync, sweep);
        let edit = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            let started = Instant::now();
            with_priority(Priority::Edit, limiter.admit("Lambda", "UpdateFunctionConfiguration")).await;
            started.elapsed()
        };
        let (_, waited) = tokio::join!(sweep, edit);
        assert!(waited < Duration::from_millis(20), "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_goes_away_gives_its_place_to_the_next() {
        let limiter = limiter();
        join_all((0..6).map(|_| limiter.admit("Lambda", "ListAliases"))).await;
        let started = Instant::now();
        let gone = tokio::time::timeout(Duration::from_millis(50), limiter.admit("Lambda", "ListAliases"));
        let (gone, ()) = tokio::join!(gone, limiter.admit("Lambda", "ListAliases"));
        assert!(gone.is_err());
        assert!(started.elapsed() < Duration::from_millis(130), "{:?}", started.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttling_answer_slows_its_bucket_alone() {
        let limiter = limiter();
        limiter.throttled("Lambda", "ListAliases");
        let started = Instant::now();
        join_all((0..10).map(|_| limiter.admit("Lambda", "ListAliases"))).await;
        assert!(started.elapsed() > Duration::from_millis(1400), "{:?}", started.elapsed());
        let started = Instant::now();
        join_all((0..6).map(|_| limiter.admit("SQS", "ListQueues"))).await;
        assert_eq!(started.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn worlds_of_one_account_share_its_buckets_and_all_regions_share_iam() {
        let limiters = Limiters::default();
        let (here, again) = (limiters.at(None, "1", "eu-west-1"), limiters.at(None, "1", "eu-west-1"));
        let (there, other) = (limiters.at(None, "1", "us-east-1"), limiters.at(None, "2", "eu-west-1"));
        let started = Instant::now();
        join_all((0..6).map(|_| here.admit("Lambda", "ListAliases"))).await;
        there.admit("Lambda", "ListAliases").await;
        other.admit("Lambda", "ListAliases").await;
        assert_eq!(started.elapsed(), Duration::ZERO);
        again.admit("Lambda", "ListAliases").await;
        assert!(started.elapsed() > Duration::from_millis(100));
        let started = Instant::now();
        there.admit("IAM", "GetRole").await;
        here.admit("IAM", "GetRole").await;
        assert!(started.elapsed() > Duration::from_millis(100), "{:?}", started.elapsed());
    }

    /// AWS in this process: the first call of Lambda's is throttled, all others are answered at once.
    #[derive(Debug, Default)]
    struct Answers(std::sync::atomic::AtomicU32);

    impl HttpConnector for Answers {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let sts = r#"<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/me</Arn><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"#;
            let (status, body) = if request.uri().contains("//sts.") {
                (200, sts)
            } else if self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 {
                (429, r#"{"__type":"TooManyRequestsException"}"#)
            } else {
                (200, r#"{"Aliases":[]}"#)
            };
            let answer = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
            HttpConnectorFuture::ready(Ok(answer))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn every_call_of_a_client_waits_and_a_throttled_one_is_counted_and_slows_the_others() {
        let answers = SharedHttpConnector::new(Answers::default());
        let options = Options {
            region: Some("eu-west-1".to_owned()),
            keys: Some(("test".to_owned(), "test".to_owned())),
            http_client: Some(http_client_fn(move |_, _| answers.clone())),
            limiters: Some(Limiters::default()),
            ..Options::default()
        };
        let account = Account::connect(options).await.unwrap();
        let started = Instant::now();
        let one = account.lambda.list_aliases().function_name("f").send().await;
        assert!(one.is_err());
        let all = join_all((0..96).map(|_| account.lambda.list_aliases().function_name("f").send())).await;
        assert!(all.iter().all(Result::is_ok));
        // 9 a second would be 10.7 s; after the throttling answer it is 6.3 a second, and more again bit by bit.
        let took = started.elapsed().as_secs_f64();
        assert!((12.0..15.0).contains(&took), "{took} s");
        assert_eq!(account.calls()["Lambda"]["ListAliases"], 97);
        assert_eq!(account.throttled()["Lambda"]["ListAliases"], 1);
    }
}
