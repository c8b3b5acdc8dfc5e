//! Writes that may be sent only while something holds: a claim on an application, where several replicas share them, and
//! that nobody has told the work to stop.
//!
//! Who waits for a place in a quota, or is frozen by the machine below it, may wake when another replica has long gone on
//! with the work. So it is asked at the last moment, when a request is about to go over the wire. What is on the wire
//! already cannot be called back.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

/// Whether a write may be sent now.
pub type May = Arc<dyn Fn() -> bool + Send + Sync>;

/// What one piece of work was told, and whether it has sent a write.
#[derive(Debug)]
struct Stop {
    told: watch::Receiver<bool>,
    sent: AtomicBool,
}

tokio::task_local! {
    static FENCE: Option<May>;
    static STOP: Arc<Stop>;
}

/// Why a write was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Held {
    /// The claim does not hold any more.
    #[error("the lease on this application has lapsed, and another replica may work on it")]
    Lapsed,
    /// The work was told to stop.
    #[error("told to stop before its turn came")]
    Stopped,
}

/// Does something whose writes are sent only while they may be. Without a fence all may be.
pub async fn with_fence<F: Future>(may: Option<May>, work: F) -> F::Output {
    FENCE.scope(may, work).await
}

/// Does something that sends no write once `told` is true, and waits for no quota to do so; it may read on. Tells whether
/// it sent any write.
pub async fn until_stopped<F: Future>(told: watch::Receiver<bool>, work: F) -> (F::Output, bool) {
    let stop = Arc::new(Stop { told, sent: AtomicBool::new(false) });
    let done = STOP.scope(Arc::clone(&stop), work).await;
    (done, stop.sent.load(Ordering::Relaxed))
}

/// Whether a write may be sent here and now; who asks sends it.
pub(crate) fn pass() -> Result<(), Held> {
    if STOP.try_with(|stop| *stop.told.borrow()).unwrap_or(false) {
        return Err(Held::Stopped);
    }
    if !FENCE.try_with(|may| may.as_ref().is_none_or(|may| may())).unwrap_or(true) {
        return Err(Held::Lapsed);
    }
    let _ = STOP.try_with(|stop| stop.sent.store(true, Ordering::Relaxed));
    Ok(())
}

/// Waits until the work here is told to stop; for ever where nobody can tell it.
pub(crate) async fn stopped() -> Held {
    if let Ok(mut told) = STOP.try_with(|stop| stop.told.clone())
        && told.wait_for(|told| *told).await.is_ok()
    {
        return Held::Stopped;
    }
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;
    use std::time::Duration;

    use aws_smithy_runtime_api::client::http::{
        HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
    };
    use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
    use aws_smithy_types::body::SdkBody;
    use evenkeel_core::plan::ApplyError;

    use super::*;
    use crate::client::{Account, Options};
    use crate::error::Failure;
    use crate::limiter::Limiters;

    /// AWS in this process; counts what reaches it.
    #[derive(Clone, Debug, Default)]
    struct Wire(Arc<AtomicU32>);

    impl HttpConnector for Wire {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let sts = r#"<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/me</Arn><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"#;
            let body = if request.uri().contains("//sts.") {
                sts
            } else {
                self.0.fetch_add(1, Ordering::Relaxed);
                r#"{"QueueUrl":"q","QueueUrls":[]}"#
            };
            HttpConnectorFuture::ready(Ok(HttpResponse::new(200.try_into().unwrap(), SdkBody::from(body))))
        }
    }

    async fn account(wire: &Wire, limiters: Option<Limiters>) -> Account {
        let connector = SharedHttpConnector::new(wire.clone());
        let options = Options {
            region: Some("eu-west-1".to_owned()),
            keys: Some(("k".to_owned(), "s".to_owned())),
            http_client: Some(http_client_fn(move |_, _| connector.clone())),
            limiters,
            ..Options::default()
        };
        Account::connect(options).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn writes_that_wait_for_a_quota_are_not_sent_once_their_work_is_told_to_stop_and_reads_go_on() {
        let wire = Wire::default();
        let account = account(&wire, Some(Limiters::default())).await;
        let (stop, told) = watch::channel(false);
        let writes = futures::future::join_all((0..40).map(|number| {
            let call = account.ssm.put_parameter().name(format!("p{number}")).value("v");
            until_stopped(told.clone(), call.send())
        }));
        let started = tokio::time::Instant::now();
        let stops = async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            stop.send_replace(true);
        };
        let (ended, ()) = tokio::join!(writes, stops);
        assert_eq!(started.elapsed(), Duration::from_secs(3), "none of them waits for its turn");
        let sent = wire.0.load(Ordering::Relaxed);
        assert!((3..12).contains(&sent), "{sent}");
        assert_eq!(ended.iter().filter(|(_, sent)| *sent).count(), sent as usize);
        for (answer, sent) in ended {
            let meaning = answer.map_err(|error| Failure::of("Systems Manager", &error).into_apply());
            assert_eq!(meaning.err(), (!sent).then_some(ApplyError::Stopped));
        }
        let (listed, _) = until_stopped(told, account.sqs.list_queues().send()).await;
        listed.unwrap();
    }

    #[tokio::test]
    async fn a_write_is_not_sent_once_the_claim_has_lapsed_and_a_read_is() {
        let wire = Wire::default();
        let account = account(&wire, None).await;
        let may = Arc::new(AtomicBool::new(true));
        let holds = Arc::clone(&may);
        let work = async {
            account.sqs.create_queue().queue_name("q").send().await.unwrap();
            may.store(false, Ordering::Relaxed);
            let error = account.sqs.create_queue().queue_name("q").send().await.unwrap_err();
            let meaning = Failure::of("SQS", &error).into_apply();
            assert!(matches!(&meaning, ApplyError::Wait { reason, .. } if reason.contains("lease")), "{meaning:?}");
            account.sqs.list_queues().send().await.unwrap();
        };
        with_fence(Some(Arc::new(move || holds.load(Ordering::Relaxed))), work).await;
        assert_eq!(wire.0.load(Ordering::Relaxed), 2);
        account.sqs.create_queue().queue_name("q").send().await.unwrap();
        assert_eq!(wire.0.load(Ordering::Relaxed), 3, "without a lease nothing is held back");
    }
}
