//! How to reach the statements of functions' policies.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use evenkeel_core::plan::{Applied, Artifacts, Ask, Observed, Pace, Reach, Reading, Scope, Seen, Step};

use super::spec::{self, PART};
use crate::client::Account;
use crate::document::Input;
use crate::error::{done, gone, unknown_operation};
use crate::function_part::{self, function_of, qualifier_of};
use crate::place::place;
use crate::reading::read;
use crate::values::parsed;
use crate::wire::{heard, sent};

const SERVICE: &str = "Lambda";
/// `GetPolicy` has a quota of its own, as small as that of all other calls together.
const PACE: Pace = Pace::Slow { at_most: 60 };
/// In the path and the query, not in the body.
const APART: &[&str] = &["FunctionName", "Qualifier"];

/// Permissions of one account in one region.
pub(crate) struct Permissions {
    lambda: aws_sdk_lambda::Client,
    place: Scope,
    writing: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl Permissions {
    pub(crate) fn new(account: &Account) -> Self {
        Permissions { lambda: account.lambda.clone(), place: place(account), writing: Mutex::default() }
    }

    /// Two additions to one function at the same time can lose a statement without a word: one write at a time for
    /// each function, whatever the qualifier.
    fn lock(&self, function: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(writing.entry(function.to_owned()).or_default())
    }

    async fn statements(&self, ask: Ask<'_>, function: &str, qualifier: &str) -> Result<Vec<Observed>, String> {
        let lambda = &self.lambda;
        let given = Some(qualifier).filter(|qualifier| !qualifier.is_empty()).map(str::to_owned);
        let answer = read(SERVICE, || {
            let call = lambda.get_policy().function_name(function).set_qualifier(given.clone());
            async move { heard!(call) }
        })
        .await?;
        // A function without a policy answers as one that is not there: either way there are no statements.
        let document = answer.and_then(|answer| answer.get("Policy").map(parsed));
        let world = ask.world;
        Ok(document
            .map(|document| spec::observed(&self.place, world, function, qualifier, &document))
            .unwrap_or_default())
    }
}

#[async_trait]
impl Reach for Permissions {
    async fn observe(&self, ask: Ask<'_>) -> Seen {
        let asked = match ask.reading {
            Reading::Only(keys) => keys,
            Reading::Sweep => ask.wanted,
        };
        function_part::observe(ask, spec::TYPE, PART, PACE, |function| async move {
            let mut qualifiers: BTreeSet<String> = asked
                .iter()
                .filter(|key| function_of(key) == function)
                .map(|key| qualifier_of(key).to_owned())
                .collect();
            if matches!(ask.reading, Reading::Sweep) {
                qualifiers.extend(function_part::marked_qualifiers(ask.world, &function, PART));
            }
            let mut all = Vec::new();
            for qualifier in qualifiers {
                all.extend(self.statements(ask, &function, &qualifier).await?);
            }
            Ok(all)
        })
        .await
    }

    async fn apply(&self, step: &Step, _artifacts: &dyn Artifacts) -> Applied {
        let input = Input(&step.input);
        let (name, qualifier) = (input.required("FunctionName")?, input.text("Qualifier"));
        let lock = self.lock(&name);
        let _alone = lock.lock().await;
        let lambda = &self.lambda;
        match step.operation {
            "AddPermission" => {
                let call = lambda.add_permission().function_name(name).set_qualifier(qualifier);
                done(SERVICE, sent!(call, &step.input, APART))
            }
            "RemovePermission" => {
                let sid = input.required("StatementId")?;
                let call = lambda.remove_permission().function_name(name).set_qualifier(qualifier).statement_id(sid);
                gone(SERVICE, call.send().await)
            }
            _ => Err(unknown_operation(step)),
        }
    }
}
