//! Refusals: plans that would take away more than a person probably meant.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::action::{Action, Plan, Verb};
use super::planner::Input;
use crate::model::resource::Origin;

/// The share of an application's written resources that may go at once, percent.
const SHARE: usize = 30;

/// A digest names each thing that goes, up to this many; beyond, it is one hash of all of them.
const NAMED: usize = 24;

/// Blocks the deletions and replacements of a plan that are too many or that hold data, unless a person allowed
/// exactly this plan.
pub(super) fn check(input: &Input<'_>, plan: &mut Plan) {
    let mut goners: Vec<String> = Vec::new();
    let mut written = 0;
    let mut data: Vec<String> = Vec::new();
    for action in plan.actions.iter().filter(|action| takes_away(action)) {
        let name = action.physical_id.clone().unwrap_or_else(|| action.id.clone());
        goners.push(format!("{} {name}", action.type_name));
        // An old version of what stays takes nothing away.
        let leftover = action.verb == Verb::Delete
            && input.kinds.get(&action.type_name).is_some_and(|kind| kind.is_version())
            && input.desired.resources.get(&action.id).is_some_and(|wanted| wanted.type_name == action.type_name);
        if action.origin == Origin::Written && !leftover && action.loses.is_none() {
            written += 1;
        }
        if input.kinds.get(&action.type_name).is_some_and(|kind| kind.facts().holds_data) {
            data.push(name);
        } else if let Some(loss) = &action.loses {
            data.push(format!("{name}: {loss}"));
        }
    }
    if goners.is_empty() {
        return;
    }
    goners.sort();
    let tokens: BTreeSet<String> =
        plan.actions.iter().filter(|action| takes_away(action)).map(|action| token(input, action)).collect();
    let digest = match tokens.len() > NAMED {
        true => hash(6, &goners.join("\n")),
        false => tokens.iter().cloned().collect::<Vec<_>>().join("-"),
    };
    plan.digest = Some(digest.clone());
    let total = owned(input).max(written);
    let too_many = written > 1 && written * 100 > total * SHARE;
    // A deletion takes several rounds, and may be interrupted: what is left of one that was allowed stays allowed.
    let covers =
        |allowed: &str| allowed == digest || tokens.iter().all(|token| allowed.split('-').any(|one| one == token));
    let explicit = input.allowed.iter().any(|allowed| covers(allowed))
        || tokens.iter().all(|token| input.allowed.contains(token))
        || input.desired.allow_delete.as_deref().is_some_and(covers)
        || plan.actions.iter().filter(|action| takes_away(action)).any(|action| {
            let resource = input.desired.resources.get(&action.id);
            resource.and_then(|resource| resource.allow_delete.as_deref()).is_some_and(covers)
        });
    // A tombstone in git is a person's word that the application goes; what holds data still needs the exact plan.
    let harmless = data.is_empty() && (input.desired.deleted || !too_many);
    if explicit {
        plan.allowed.extend(tokens);
        return;
    }
    if harmless {
        return;
    }
    let why = if data.is_empty() {
        format!("this plan would take away {written} of {total} resources")
    } else {
        format!("this plan would take away what holds data ({})", data.join(", "))
    };
    let how = format!(
        "{why}; if that is meant, allow exactly this plan with --allow-delete {digest}, or with the annotation evenkeel.dev/allow-delete: \"{digest}\" on the App"
    );
    for action in plan.actions.iter_mut().filter(|action| takes_away(action)) {
        action.block(how.clone());
    }
}

/// Eight digits for a thing that goes: what holds data and what is replaced by its own name; what was generated along
/// with the resource that it was generated for.
fn token(input: &Input<'_>, action: &Action) -> String {
    let scope = input.scope;
    let data = action.loses.is_some() || input.kinds.get(&action.type_name).is_some_and(|kind| kind.facts().holds_data);
    let what = match &action.origin {
        _ if data || action.verb == Verb::Replace => {
            let name = action.physical_id.as_deref().unwrap_or(&action.id);
            format!("{:?} {} {name}", action.verb, action.type_name)
        }
        Origin::Generated { parent } => parent.clone(),
        Origin::Written => action.id.clone(),
    };
    let home = format!("{}|{}|{}", scope.source, scope.app, scope.env.as_deref().unwrap_or_default());
    hash(4, &format!("{home}|{what}"))
}

fn hash(bytes: usize, text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(bytes).map(|byte| format!("{byte:02x}")).collect()
}

fn takes_away(action: &Action) -> bool {
    matches!(action.verb, Verb::Delete | Verb::Replace) || action.loses.is_some()
}

/// How many resources that a person wrote the application has in AWS.
fn owned(input: &Input<'_>) -> usize {
    let scope = input.scope;
    input
        .kinds
        .iter()
        .flat_map(|kind| input.world.table(kind.type_name()).items())
        .filter_map(|item| item.marks.as_ref())
        .filter(|marks| marks.parent.is_none() && marks.is_at_home(&scope.source, &scope.app, scope.env.as_deref()))
        .count()
}
