//! Writes that may be sent only while something holds: a claim on an application, where several replicas share them.
//!
//! Who waits for a place in a quota, or is frozen by the machine below it, may wake when another replica has long gone on
//! with the work. So it is asked at the last moment, when a request is about to go over the wire. What is on the wire
//! already cannot be called back.

use std::future::Future;
use std::sync::Arc;

/// Whether a write may be sent now.
pub type May = Arc<dyn Fn() -> bool + Send + Sync>;

tokio::task_local! {
    static FENCE: Option<May>;
}

/// Why a write was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the lease on this application has lapsed, and another replica may work on it")]
pub struct Lapsed;

/// Does something whose writes are sent only while they may be. Without a fence all may be.
pub async fn with_fence<F: Future>(may: Option<May>, work: F) -> F::Output {
    FENCE.scope(may, work).await
}

/// Whether a write may be sent here and now.
pub(crate) fn pass() -> Result<(), Lapsed> {
    let may = FENCE.try_with(|may| may.as_ref().is_none_or(|may| may())).unwrap_or(true);
    if may { Ok(()) } else { Err(Lapsed) }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    use aws_smithy_runtime_api::client::http::{
        HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
    };
    use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
    use aws_smithy_types::body::SdkBody;
    use evenkeel_core::plan::ApplyError;

    use super::*;
    use crate::client::{Account, Options};
    use crate::error::Failure;

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

    #[tokio::test]
    async fn a_write_is_not_sent_once_the_claim_has_lapsed_and_a_read_is() {
        let wire = Wire::default();
        let connector = SharedHttpConnector::new(wire.clone());
        let options = Options {
            region: Some("eu-west-1".to_owned()),
            keys: Some(("k".to_owned(), "s".to_owned())),
            http_client: Some(http_client_fn(move |_, _| connector.clone())),
            ..Options::default()
        };
        let account = Account::connect(options).await.unwrap();
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
