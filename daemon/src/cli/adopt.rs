//! `evenkeel adopt`

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use evenkeel_core::plan::{Adoption, Input};

use super::common::{self, Common, Consent, Reaching};
use super::exit;
use crate::controller;
use crate::converge;
use crate::report::PlanReport;

/// Take over a single existing resource: it gets evenkeel's marks, after a plan.
///
/// Nothing but its tags is changed; the next reconcile makes it what the spec says, which the plan shows.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  evenkeel adopt shop/orders specs --env dev")]
pub struct Arguments {
    /// The resource in the spec: APP/ID.
    resource: String,
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    reaching: Reaching,
    #[command(flatten)]
    consent: Consent,
}

pub async fn run(arguments: &Arguments) -> u8 {
    arguments.common.start_logging("warn");
    common::ended(adopt(arguments).await)
}

async fn adopt(arguments: &Arguments) -> Result<u8, String> {
    let (app, id) =
        arguments.resource.split_once('/').ok_or_else(|| format!("`{}` is not APP/ID", arguments.resource))?;
    let mut selection = arguments.common.selection()?;
    selection.app = Some(app.to_owned());
    let Some(tree) = arguments.common.tree(&selection) else { return Ok(exit::ERROR) };
    let (targets, problems) = tree.targets(&selection);
    if common::show(&problems, &tree.sources) > 0 {
        return Ok(exit::ERROR);
    }
    let [target] = targets.as_slice() else {
        return Err(format!("`{app}` has {} environments selected; give one with --env", targets.len()));
    };
    let sandbox = arguments.reaching.sandbox().await?;
    let session = arguments.reaching.session(selection, sandbox.as_ref());
    let (plans, failures) = controller::plan_all(&session, &tree, std::slice::from_ref(target), &BTreeSet::new()).await;
    if let Some((_, failure)) = failures.first() {
        return Err(failure.sentence());
    }
    let Some((prepared, _)) = plans.first() else { return Ok(exit::ERROR) };
    let adoption = {
        let store = prepared.world.known();
        let input = Input {
            scope: &prepared.scope,
            desired: &prepared.desired,
            world: &store,
            kinds: &prepared.world.kinds,
            held: &BTreeMap::new(),
            previous: None,
            allowed: &BTreeSet::new(),
            imports: &evenkeel_core::plan::Imports::new(),
            no_deletes: None,
        };
        evenkeel_core::plan::adopt(input, id).map_err(|reason| reason.to_string())?
    };
    let Adoption { plan: adopted, physical_id, after } = adoption;
    common::print(&format!("`{id}` takes over {physical_id}; reconcile would then do this:\n"));
    let mut report = PlanReport::of(app, target.env.as_deref(), &tree.snapshot.revision.name, &after);
    report.actions.retain(|action| action.id == id);
    common::print(&report.text(common::style()));
    arguments.consent.ask("Put evenkeel's marks on it? Type yes: ", "yes", "nothing was changed")?;
    converge::carry_out(&prepared.world, &adopted, prepared.packer.as_ref())
        .await
        .map_err(|error| error.to_string())?;
    let printed = common::print(&format!("{physical_id} is now `{id}` of {}\n", target.key()));
    if let Some(sandbox) = sandbox {
        sandbox.stop().await;
    }
    Ok(printed)
}
