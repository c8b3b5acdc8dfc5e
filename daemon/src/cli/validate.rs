//! `evenkeel validate`

use clap::Args;
use evenkeel_core::model::Diagnostics;

use super::common::{self, Common};
use super::exit;
use crate::apps::{Home, How};
use crate::session;
use crate::source::Packer;

/// Check specs offline: every error with its file, line and column.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  evenkeel validate\n  evenkeel validate specs/shop --env prod")]
pub struct Arguments {
    #[command(flatten)]
    common: Common,
}

pub fn run(arguments: &Arguments) -> u8 {
    let mut selection = match arguments.common.selection() {
        Ok(selection) => selection,
        Err(sentence) => {
            common::complain(&sentence);
            return exit::ERROR;
        }
    };
    if selection.envs.is_empty() {
        // Offline, nothing is gained by leaving environments out.
        selection.envs = vec!["all".to_owned()];
    }
    let Some(tree) = arguments.common.texts(&selection) else { return exit::ERROR };
    let (targets, mut problems) = tree.targets(&selection);
    problems.extend(tree.problems.clone());
    let mut resources = 0;
    for target in &targets {
        let mut home = target.home.clone();
        home.region = home.region.or_else(|| selection.region.clone());
        home.account = home.account.or_else(|| selection.account.clone());
        let compiled = tree.compile_offline(target, &selection.values, &home, How::Validate);
        problems.extend(compiled.diagnostics);
        if let Some(desired) = &compiled.desired {
            resources += desired.resources.len();
            problems.extend(session::pack(desired, &Packer::new(tree.base(target))).1);
        }
    }
    let home = Home { region: selection.region.clone(), account: selection.account.clone(), ..Home::default() };
    problems.extend(tree.exported_twice(&targets, &selection.values, &home));
    let errors = common::show(&problems, &tree.sources);
    summary(errors, &problems, targets.len(), resources)
}

fn summary(errors: usize, problems: &Diagnostics, targets: usize, resources: usize) -> u8 {
    let others = problems.iter().count() - errors;
    if errors > 0 {
        common::complain(&format!("{errors} errors, {others} warnings"));
        return exit::ERROR;
    }
    common::print(&format!("ok: {targets} applications and environments, {resources} resources, {others} warnings\n"))
}
