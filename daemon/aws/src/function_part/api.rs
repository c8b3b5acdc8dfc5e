//! How to reach what each qualifier of a function has at most one of: its URL, its settings for asynchronous calls.

use async_trait::async_trait;
use evenkeel_core::plan::{Applied, Artifacts, Ask, Observation, Observed, Reach, Seen, Step};
use serde_json::Value as Json;

use crate::client::Account;
use crate::document::Input;
use crate::error::{done, gone, unknown_operation};
use crate::reading::pages;
use crate::values::list_of;
use crate::wire::{heard, sent};
use crate::{function_part, invoke_config, url};

const SERVICE: &str = "Lambda";
/// In the path and the query, not in the body.
const APART: &[&str] = &["FunctionName", "Qualifier"];

/// Which of them.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    Url,
    InvokeConfig,
}

/// One kind of part, of all functions of one account in one region.
#[derive(Debug)]
pub(crate) struct Parts {
    lambda: aws_sdk_lambda::Client,
    part: Part,
}

impl Parts {
    pub(crate) fn new(account: &Account, part: Part) -> Self {
        Parts { lambda: account.lambda.clone(), part }
    }

    async fn list(&self, function: &str) -> Result<Vec<Json>, String> {
        let lambda = &self.lambda;
        match self.part {
            Part::Url => {
                let call = |token| async move {
                    heard!(lambda.list_function_url_configs().function_name(function).max_items(50).set_marker(token))
                };
                pages(SERVICE, call, |page| list_of(page, "FunctionUrlConfigs", "NextMarker")).await
            }
            Part::InvokeConfig => {
                let call = |token| async move {
                    let call = lambda.list_function_event_invoke_configs().function_name(function);
                    heard!(call.max_items(50).set_marker(token))
                };
                pages(SERVICE, call, |page| list_of(page, "FunctionEventInvokeConfigs", "NextMarker")).await
            }
        }
    }
}

#[async_trait]
impl Reach for Parts {
    async fn observe(&self, ask: Ask<'_>) -> Seen {
        let (type_name, word, observed): (_, _, fn(&Observation, &Json) -> Option<Observed>) = match self.part {
            Part::Url => (url::TYPE, url::PART, url::observed),
            Part::InvokeConfig => (invoke_config::TYPE, invoke_config::PART, invoke_config::observed),
        };
        let pace = function_part::lambda_pace(ask.world);
        function_part::observe(ask, type_name, word, pace, |function| async move {
            Ok(self.list(&function).await?.iter().filter_map(|answer| observed(ask.world, answer)).collect())
        })
        .await
    }

    async fn apply(&self, step: &Step, _artifacts: &dyn Artifacts) -> Applied {
        let input = Input(&step.input);
        let (name, qualifier) = (input.required("FunctionName")?, input.text("Qualifier"));
        let lambda = &self.lambda;
        match step.operation {
            "CreateFunctionUrlConfig" => {
                let call = lambda.create_function_url_config().function_name(name).set_qualifier(qualifier);
                done(SERVICE, sent!(call, &step.input, APART))
            }
            "UpdateFunctionUrlConfig" => {
                let call = lambda.update_function_url_config().function_name(name).set_qualifier(qualifier);
                done(SERVICE, sent!(call, &step.input, APART))
            }
            "DeleteFunctionUrlConfig" => {
                let call = lambda.delete_function_url_config().function_name(name).set_qualifier(qualifier);
                gone(SERVICE, call.send().await)
            }
            "PutFunctionEventInvokeConfig" => {
                let call = lambda.put_function_event_invoke_config().function_name(name).set_qualifier(qualifier);
                done(SERVICE, sent!(call, &step.input, APART))
            }
            "DeleteFunctionEventInvokeConfig" => {
                let call = lambda.delete_function_event_invoke_config().function_name(name).set_qualifier(qualifier);
                gone(SERVICE, call.send().await)
            }
            _ => Err(unknown_operation(step)),
        }
    }
}
