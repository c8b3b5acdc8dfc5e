//! `evenkeel delete`

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use evenkeel_aws::fence::with_fence;
use evenkeel_core::model::resource::SpecSource;
use evenkeel_core::model::{Desired, Diagnostics};
use evenkeel_core::plan::Scope;
use indexmap::IndexMap;
use tokio::sync::watch;
use tokio::time::Instant;

use super::common::{self, Common, Consent, Reaching};
use super::exit;
use crate::apps::{Home, Target};
use crate::converge::Run;
use crate::lease::Guest;
use crate::report::{AppReport, PlanReport, resources_table};
use crate::session::Prepared;
use crate::source::{Packer, Snapshot};

/// Delete an application's resources, after a plan.
///
/// For an application whose folder is gone. While it is still in the specs, say `deleted: true` in its App instead:
/// otherwise the next reconcile makes it again.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  evenkeel delete --app shop --env dev\n  evenkeel delete --app shop --env dev --yes"
)]
pub struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    reaching: Reaching,
    #[command(flatten)]
    consent: Consent,
    /// How long to wait for what settles, seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 900, env = "EVENKEEL_TIMEOUT")]
    timeout: u64,
}

pub async fn run(arguments: &Arguments) -> u8 {
    arguments.common.start_logging("warn");
    common::ended(delete(arguments).await)
}

async fn delete(arguments: &Arguments) -> Result<u8, String> {
    let mut selection = arguments.common.selection()?;
    let app = selection.app.take().ok_or("say which application with --app NAME")?;
    let envs: Vec<Option<String>> = match selection.envs.as_slice() {
        [] => vec![None],
        envs => envs.iter().cloned().map(Some).collect(),
    };
    // The specs need not be there any more; where they are, they say the source and what is still wanted.
    let tree = match Snapshot::read(&arguments.common.specs) {
        Ok(snapshot) => Some(crate::apps::Tree::read(Arc::new(snapshot), &selection)),
        Err(_) => None,
    };
    let source = tree.as_ref().map_or_else(
        || selection.source_id.clone().unwrap_or_else(|| "default".to_owned()),
        |tree| tree.source_id.clone(),
    );
    let known = tree.as_ref().map(crate::apps::Tree::known).unwrap_or_default();
    let sandbox = arguments.reaching.sandbox().await?;
    let session = arguments.reaching.session(selection, sandbox.as_ref());
    let world = session.world(&Home::default()).await?;
    session.sweep(&[Arc::clone(&world)]).await;
    let (_sender, draining) = watch::channel(false);
    let patience = Duration::from_secs(arguments.timeout);
    let (mut converged, mut printed) = (true, exit::OK);
    for env in envs {
        let target = Target { index: usize::MAX, app: app.clone(), env: env.clone(), home: Home::default() };
        if known.contains(&target.key()) {
            return Err(format!(
                "{} is still in {}: say `deleted: true` in its App, or remove its folder first",
                target.key(),
                arguments.common.specs.display()
            ));
        }
        let prepared = tombstone(&source, target, &world);
        let allowed: BTreeSet<String> = arguments.reaching.allow_delete.iter().cloned().collect();
        let run = Run {
            reverts: None,
            prepared: &prepared,
            allowed: &allowed,
            no_deletes: None,
            previous: None,
            waiting_since: &BTreeMap::new(),
            doubts: true,
            deadline: Instant::now() + patience,
            draining: draining.clone(),
            on_round: &|_| {},
        };
        let plan = run.plan().await;
        let key = prepared.target.key();
        if plan.actions.is_empty() {
            common::print(&format!("{key}: nothing in AWS carries its marks (source `{source}`)\n"));
            continue;
        }
        common::print(&PlanReport::of(&app, env.as_deref(), "deletion", &plan).text(common::style()));
        arguments.consent.ask(&format!("Delete all of this? Type {key}: "), &key, "nothing was deleted")?;
        let wants = BTreeSet::from([key.clone()]);
        let guest = arguments.reaching.guest(&session, &source, wants, patience, draining.clone()).await?;
        if let Some(reason) = guest.as_ref().and_then(|guest| guest.missing(&key)) {
            return Err(reason.to_owned());
        }
        let draining = guest.as_ref().map_or(draining.clone(), |guest| guest.draining(draining.clone()));
        let fence = guest.as_ref().map(Guest::fence);
        let ended = with_fence(fence, Run { draining, ..run }.converge()).await;
        if let Some(guest) = guest {
            guest.leave(None).await;
        }
        let left = ended.plan.actions.len();
        printed |= common::print(&resources_table(
            &[AppReport::of(&app, env.as_deref(), "deletion", &ended.plan)],
            false,
            common::style(),
        ));
        printed |= common::print(&format!(
            "{key}: {}\n",
            if left == 0 { "gone".to_owned() } else { format!("{left} resources are left") }
        ));
        converged &= left == 0;
    }
    if let Some(sandbox) = sandbox {
        sandbox.stop().await;
    }
    Ok(match (printed, converged) {
        (exit::OK, true) => exit::OK,
        (exit::OK, false) => exit::NOT_CONVERGED,
        (failed, _) => failed,
    })
}

/// An application of which nothing is wanted.
fn tombstone(source: &str, target: Target, world: &Arc<crate::world::World>) -> Prepared {
    let stack = match &target.env {
        Some(env) => format!("{}-{env}", target.app),
        None => target.app.clone(),
    };
    Prepared {
        desired: Desired {
            app: target.app.clone(),
            env: target.env.clone(),
            stack: stack.clone(),
            region: None,
            account: None,
            role_arn: None,
            source: SpecSource::Native,
            tags: BTreeMap::new(),
            resources: IndexMap::new(),
            outputs: IndexMap::new(),
            deleted: true,
            allow_delete: None,
        },
        scope: Scope {
            source: source.to_owned(),
            app: target.app.clone(),
            env: target.env.clone(),
            stack,
            region: world.region.clone(),
            account: world.account.clone(),
            partition: world.partition.clone(),
            artifacts: BTreeMap::new(),
            keep: None,
        },
        packer: Arc::new(Packer::new(PathBuf::new())),
        world: Arc::clone(world),
        imports: BTreeMap::new(),
        advice: Diagnostics::new(),
        target,
    }
}
