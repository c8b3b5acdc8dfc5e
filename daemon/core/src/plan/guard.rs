//! Refusals: plans that would take away more than a person probably meant.

use sha2::{Digest, Sha256};

use super::action::{Action, Plan, Verb};
use super::planner::Input;
use crate::model::resource::Origin;

/// The share of an application's written resources that may go at once, percent.
const SHARE: usize = 30;

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
        if action.origin == Origin::Written && !leftover {
            written += 1;
        }
        if input.kinds.get(&action.type_name).is_some_and(|kind| kind.facts().holds_data) {
            data.push(name);
        }
    }
    if goners.is_empty() {
        return;
    }
    goners.sort();
    let digest: String =
        Sha256::digest(goners.join("\n").as_bytes()).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    plan.digest = Some(digest.clone());
    let total = owned(input).max(written);
    let too_many = written > 1 && written * 100 > total * SHARE;
    let explicit = input.allowed.contains(&digest)
        // What is left of a plan that was allowed: its deletions take several rounds.
        || goners.iter().all(|goner| input.allowed.contains(goner))
        || input.desired.allow_delete.as_deref() == Some(&digest)
        || plan.actions.iter().filter(|action| takes_away(action)).any(|action| {
            input.desired.resources.get(&action.id).and_then(|resource| resource.allow_delete.as_deref())
                == Some(&digest)
        });
    // A tombstone in git is a person's word that the application goes; what holds data still needs the exact plan.
    let harmless = data.is_empty() && (input.desired.deleted || !too_many);
    if explicit {
        plan.allowed.extend(goners);
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

fn takes_away(action: &Action) -> bool {
    matches!(action.verb, Verb::Delete | Verb::Replace)
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
