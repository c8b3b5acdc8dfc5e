//! How to reach the settings for asynchronous calls.

use async_trait::async_trait;
use evenkeel_core::plan::{ApplyError, Artifacts, Ask, Reach, Seen, Step};

use super::spec::{self, PART};
use crate::client::Account;
use crate::document::Input;
use crate::error::{done, gone, unknown_operation};
use crate::function_part;
use crate::reading::pages;
use crate::values::list_of;
use crate::wire::{heard, sent};

const SERVICE: &str = "Lambda";
/// In the path and the query, not in the body.
const APART: &[&str] = &["FunctionName", "Qualifier"];

/// The settings of all functions of one account in one region.
#[derive(Debug)]
pub(crate) struct InvokeConfigs(aws_sdk_lambda::Client);

impl InvokeConfigs {
    pub(crate) fn new(account: &Account) -> Self {
        InvokeConfigs(account.lambda.clone())
    }
}

#[async_trait]
impl Reach for InvokeConfigs {
    async fn observe(&self, ask: Ask<'_>) -> Seen {
        let lambda = &self.0;
        function_part::observe(ask, PART, |function| async move {
            let name = function.as_str();
            let answers = pages(
                SERVICE,
                |token| async move {
                    let call = lambda.list_function_event_invoke_configs().function_name(name);
                    heard!(call.max_items(50).set_marker(token))
                },
                |page| list_of(page, "FunctionEventInvokeConfigs", "NextMarker"),
            );
            Ok(answers.await?.iter().filter_map(|answer| spec::observed(ask.world, answer)).collect())
        })
        .await
    }

    async fn apply(&self, step: &Step, _artifacts: &dyn Artifacts) -> Result<(), ApplyError> {
        let input = Input(&step.input);
        let (name, qualifier) = (input.required("FunctionName")?, input.text("Qualifier"));
        let lambda = &self.0;
        match step.operation {
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
