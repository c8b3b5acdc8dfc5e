//! `evenkeel plan`

use std::collections::BTreeSet;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::common::{self, Common, Reaching};
use super::exit;
use crate::controller;
use crate::report::PlanReport;
use crate::session::PrepareError;

/// Show what reconcile would do. Exits 0 where nothing is to be done, 2 where something is, 1 on errors.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  evenkeel plan specs --env prod\n  evenkeel plan specs --env prod -o markdown >> \"$GITHUB_STEP_SUMMARY\""
)]
pub struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    reaching: Reaching,
    /// The form of the output.
    #[arg(short, long, value_enum, default_value_t = Output::Text, env = "EVENKEEL_OUTPUT")]
    output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Json,
    Markdown,
}

pub async fn run(arguments: &Arguments) -> u8 {
    arguments.common.start_logging("warn");
    common::ended(plan(arguments).await)
}

async fn plan(arguments: &Arguments) -> Result<u8, String> {
    let selection = arguments.common.selection()?;
    let Some(tree) = arguments.common.tree(&selection) else { return Ok(exit::ERROR) };
    let (targets, mut problems) = tree.targets(&selection);
    problems.extend(tree.problems.clone());
    if common::show(&problems, &tree.sources) > 0 {
        return Ok(exit::ERROR);
    }
    let sandbox = arguments.reaching.sandbox().await?;
    let session = arguments.reaching.session(selection, sandbox.as_ref());
    let allowed: BTreeSet<String> = arguments.reaching.allow_delete.iter().cloned().collect();
    let (plans, failures) = controller::plan_all(&session, &tree, &targets, &allowed).await;
    for (target, failure) in &failures {
        match failure {
            PrepareError::Spec(problems) | PrepareError::Value(problems) => {
                common::show(problems, &tree.sources);
            }
            PrepareError::Aws(unreached) => {
                common::complain(&format!("{}: {}", target.key(), unreached.message));
            }
        }
    }
    let revision = tree.snapshot.revision.name.as_str();
    let reports: Vec<PlanReport> = plans
        .iter()
        .map(|(prepared, plan)| PlanReport::of(&prepared.target.app, prepared.target.env.as_deref(), revision, plan))
        .collect();
    for (prepared, _) in &plans {
        common::show(&prepared.advice, &tree.sources);
    }
    let text = match arguments.output {
        Output::Json => common::json(&json!({ "apps": reports })),
        Output::Text => reports.iter().map(|report| report.text(common::style())).collect(),
        Output::Markdown => reports.iter().map(PlanReport::markdown).collect::<Vec<_>>().join("\n"),
    };
    let printed = common::print(&text);
    if let Some(sandbox) = sandbox {
        sandbox.stop().await;
    }
    Ok(if !failures.is_empty() || printed != exit::OK {
        exit::ERROR
    } else if reports.iter().all(|report| report.summary.is_empty()) {
        exit::OK
    } else {
        exit::CHANGES
    })
}
