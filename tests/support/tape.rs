//! An account that answers what it is told to: each call by a function of service, operation and input. It keeps nothing
//! and refuses nothing by itself.

use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use evenkeel_aws::{Account, Options};
use serde_json::{Value as Json, json};

use crate::aws::{ACCOUNT, Answer, REGION, wire};

type Answers = dyn Fn(&str, &str, &Json) -> Answer + Send + Sync;

/// The account; clones are the same one.
#[derive(Clone)]
pub struct Tape(Arc<Answers>);

impl std::fmt::Debug for Tape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tape")
    }
}

impl Tape {
    /// An account that answers so; who the caller is, it tells by itself.
    pub fn new(answers: impl Fn(&str, &str, &Json) -> Answer + Send + Sync + 'static) -> Tape {
        Tape(Arc::new(answers))
    }

    /// A connection.
    ///
    /// # Panics
    /// Where it is not made.
    pub async fn connect(&self) -> Account {
        let options = Options {
            region: Some(REGION.to_owned()),
            keys: Some(("test".to_owned(), "test".to_owned())),
            http_client: Some(SharedHttpClient::new(self.clone())),
            ..Options::default()
        };
        Account::connect(options).await.expect("an account")
    }
}

impl HttpConnector for Tape {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let tape = self.clone();
        HttpConnectorFuture::new(async move {
            let request = wire::Request::read(request).await;
            let answer = match request.service.as_str() {
                "sts" => Ok(
                    json!({"Account": ACCOUNT, "UserId": "AIDATAPE", "Arn": format!("arn:aws:iam::{ACCOUNT}:user/tape")}),
                ),
                service => (tape.0)(service, &request.operation, &request.input),
            };
            Ok(wire::write(&request.service, &request.operation, answer))
        })
    }
}

impl HttpClient for Tape {
    fn http_connector(
        &self,
        _settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
