//! Sends a step's input as it is, and hands over an answer as it came.
//!
//! Lambda, Systems Manager and CloudWatch Logs speak JSON, and a step's input is that JSON already. Taking it apart
//! into the SDK's structures and putting answers together again would be one more place where a property can be
//! forgotten. The SDK still does everything else: endpoint, path, credentials, signature, errors.

use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextMut,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use serde_json::{Map, Value as Json};

/// One call's body and answer; clones share them.
#[derive(Clone, Default)]
pub(crate) struct Wire(Arc<Mutex<Exchange>>);

#[derive(Default)]
struct Exchange {
    body: Option<String>,
    answer: Option<Json>,
}

/// Bodies and answers may hold secrets.
impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wire")
    }
}

impl Wire {
    /// Keeps the answer of a call whose body the SDK makes.
    pub(crate) fn listening() -> Self {
        Wire::default()
    }

    /// Sends this body instead of the SDK's.
    pub(crate) fn sending(body: &Json) -> Self {
        Wire(Arc::new(Mutex::new(Exchange { body: Some(body.to_string()), answer: None })))
    }

    /// Sends the members of a step's input, save those that the SDK puts into the path and the query.
    pub(crate) fn sending_all_but(input: &Json, apart: &[&str]) -> Self {
        let members = input.as_object().into_iter().flatten().filter(|(name, _)| !apart.contains(&name.as_str()));
        let body: Map<String, Json> = members.map(|(name, value)| (name.clone(), value.clone())).collect();
        Wire::sending(&Json::Object(body))
    }

    /// The answer of the call that was made.
    pub(crate) fn answer(&self) -> Json {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).answer.take().unwrap_or_default()
    }
}

#[dyn_dispatch_hint]
impl Intercept for Wire {
    fn name(&self) -> &'static str {
        "evenkeel wire"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = self.0.lock().unwrap_or_else(PoisonError::into_inner).body.clone();
        if let Some(body) = body {
            let request = context.request_mut();
            // A call that the SDK thinks empty has no type yet.
            let kind = request.headers().get("content-type").unwrap_or("application/json").to_owned();
            request.headers_mut().insert("content-type", kind);
            request.headers_mut().insert("content-length", body.len().to_string());
            *request.body_mut() = SdkBody::from(body);
        }
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // What is no JSON was refused by the SDK before; an empty body (a deletion's) is an answer too.
        let answer = context.response().body().bytes().and_then(|bytes| serde_json::from_slice(bytes).ok());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).answer = answer;
        Ok(())
    }
}

/// Makes a call, and gives its answer as JSON: `Result<Json, SdkError<..>>`.
macro_rules! heard {
    ($call:expr) => {{
        let wire = $crate::wire::Wire::listening();
        $call.customize().interceptor(wire.clone()).send().await.map(|_| wire.answer())
    }};
}

/// Makes a call with the members of a step's input as its body, save those that the SDK puts into path and query.
macro_rules! sent {
    ($call:expr, $input:expr) => {
        sent!($call, $input, &[])
    };
    ($call:expr, $input:expr, $apart:expr) => {
        $call.customize().interceptor($crate::wire::Wire::sending_all_but($input, $apart)).send().await
    };
}

/// The same, and gives the answer as JSON.
macro_rules! asked {
    ($call:expr, $input:expr, $apart:expr) => {{
        let wire = $crate::wire::Wire::sending_all_but($input, $apart);
        $call.customize().interceptor(wire.clone()).send().await.map(|_| wire.answer())
    }};
}

pub(crate) use {asked, heard, sent};
