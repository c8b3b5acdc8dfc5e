//! How to reach function URLs.

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

/// Function URLs of one account in one region.
#[derive(Debug)]
pub(crate) struct Urls(aws_sdk_lambda::Client);

impl Urls {
    pub(crate) fn new(account: &Account) -> Self {
        Urls(account.lambda.clone())
    }
}

#[async_trait]
impl Reach for Urls {
    async fn observe(&self, ask: Ask<'_>) -> Seen {
        let lambda = &self.0;
        function_part::observe(ask, PART, |function| async move {
            let name = function.as_str();
            let answers = pages(
                SERVICE,
                |token| async move {
                    heard!(lambda.list_function_url_configs().function_name(name).max_items(50).set_marker(token))
                },
                |page| list_of(page, "FunctionUrlConfigs", "NextMarker"),
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
            _ => Err(unknown_operation(step)),
        }
    }
}
