//! Settings of two resources that AWS holds against each other: whichever goes first, at no moment may the one exceed
//! the other.

use std::collections::BTreeSet;

use super::{Input, Planner};
use crate::plan::action::{Action, Plan, Standing, Verb};
use crate::plan::diff::Cause;
use crate::plan::kind::{Bound, Kind, Setting};
use crate::plan::observation::Observed;
use crate::plan::step::Step;

/// What a plan does to a number.
#[derive(Clone, Copy)]
struct Move {
    /// The action's place in the plan.
    action: usize,
    from: f64,
    to: f64,
}

/// How a plan changes a setting; `None` where it does not, or where there is no number before or after.
fn moved(plan: &Plan, setting: &Setting) -> Option<Move> {
    let is_its = |key: &(&'static str, String)| key.0 == setting.type_name && key.1 == setting.key;
    let action = plan.actions.iter().position(|action| action.keys.iter().any(is_its))?;
    let change = plan.actions[action].changes.iter().find(|change| change.path == setting.path)?;
    Some(Move { action, from: change.from.as_f64()?, to: change.to.as_f64()? })
}

/// The actions of a plan that have to wait until something that leaves has gone, because it binds their settings to what
/// they will not be.
pub(in crate::plan) fn held_up_by(input: &Input<'_>, plan: &Plan, kind: &dyn Kind, item: &Observed) -> Vec<usize> {
    let mut out = Vec::new();
    for Bound { lesser, greater, .. } in kind.bounds(input.scope, &item.properties, input.world) {
        let moves = [&lesser, &greater].map(|setting| moved(plan, setting));
        let there = |setting: &Setting| {
            let item = input.world.table(setting.type_name).get(&setting.key)?;
            item.properties.get(&setting.path)?.as_f64()
        };
        let last = |at: usize, setting: &Setting| moves[at].map(|to| to.to).or_else(|| there(setting));
        if let (Some(less), Some(great)) = (last(0, &lesser), last(1, &greater))
            && less > great
        {
            out.extend(moves.into_iter().flatten().map(|its| its.action));
        }
    }
    out
}

impl Planner<'_> {
    /// Orders the changes of bounded settings: raised, the greater goes first; lowered, the lesser. Comes after all
    /// resources were planned, so what waits here holds up nobody else in this round.
    pub(super) fn order_bounds(&mut self) {
        for Bound { lesser, greater, until } in std::mem::take(&mut self.bounds) {
            let (less, great) = (&lesser.path, &greater.path);
            if let (Some(until), Some(greater)) = (until, moved(&self.plan, &greater))
                && greater.to < greater.from
                && until.value.is_none_or(|value| value > greater.to)
                && let Some(first) = self.plan.actions.iter().position(|action| {
                    action.keys.iter().any(|(type_name, key)| *type_name == until.type_name && *key == until.key)
                })
            {
                self.go_after(greater.action, great, first);
            }
            let (Some(lesser), Some(greater)) = (moved(&self.plan, &lesser), moved(&self.plan, &greater)) else {
                continue;
            };
            if greater.to > greater.from && lesser.to > greater.from {
                self.go_after(lesser.action, less, greater.action);
            } else if greater.to < greater.from && lesser.from > greater.to {
                self.go_after(greater.action, great, lesser.action);
            }
        }
    }

    /// Lets whoever takes more out of a purse wait for those who give back in the same plan. One that cannot give holds up
    /// nobody: there may be enough.
    pub(super) fn order_purses(&mut self) {
        for kind in self.input.kinds.iter() {
            let Some(path) = kind.purse() else { continue };
            let number = |value: &serde_json::Value| value.as_f64().unwrap_or_default();
            let moves = |plan: &Plan, gives: bool| -> Vec<usize> {
                let its = |action: &Action| {
                    let change = action.changes.iter().find(|change| change.path == path);
                    action.type_name == kind.type_name()
                        && action.verb == Verb::Update
                        && change.is_some_and(|change| {
                            let (from, to) = (number(&change.from), number(&change.to));
                            if gives { to < from } else { to > from }
                        })
                };
                (0..plan.actions.len()).filter(|at| its(&plan.actions[*at])).collect()
            };
            let (givers, takers) = (moves(&self.plan, true), moves(&self.plan, false));
            for taker in takers {
                let holds_up = |giver: &usize| {
                    let pending = matches!(self.plan.actions[*giver].standing, Standing::Acting | Standing::Waiting(_));
                    pending && !self.waits_for(*giver, taker)
                };
                if let Some(giver) = givers.iter().copied().find(holds_up) {
                    let id = &self.plan.actions[giver].id;
                    let reason = format!("waits for `{id}`, which gives back what this one takes");
                    self.plan.actions[taker].wait(reason);
                }
            }
        }
    }

    /// Leaves what takes something away for later while something that may still need it is under way. What somebody else
    /// granted was never needed and goes at once; one that is blocked holds up nothing.
    pub(super) fn order_grants(&mut self) {
        for at in 0..self.plan.actions.len() {
            let action = &self.plan.actions[at];
            let Some(kind) = self.input.kinds.get(&action.type_name) else { continue };
            // What has to go to make room comes before what it makes room for, and is not waited with.
            let takes = |step: &Step| kind.takes_away(step.operation);
            let keeps = action.steps.iter().rposition(|step| !takes(step)).map_or(0, |last| last + 1);
            if action.verb != Verb::Update
                || keeps == action.steps.len()
                || action.changes.iter().all(|change| change.cause == Cause::Drift)
            {
                continue;
            }
            let Some(user) = self.user_under_way(&action.id) else { continue };
            let reason = format!("waits for `{user}`, which may still need what is taken away");
            let action = &mut self.plan.actions[at];
            action.steps.truncate(keeps);
            action.later = true;
            if action.steps.is_empty() {
                action.wait(reason);
            }
        }
    }

    /// Something that needs this resource, through others too, and changes in this plan.
    fn user_under_way(&self, id: &str) -> Option<&str> {
        let mut users: BTreeSet<&str> = BTreeSet::from([id]);
        // Each comes after what it needs.
        for action in &self.plan.actions {
            let needs = self.needs.get(action.id.as_str());
            if needs.is_some_and(|needs| needs.iter().any(|need| users.contains(need.as_str()))) {
                if !action.steps.is_empty() || action.is_waiting() {
                    return Some(&action.id);
                }
                users.insert(&action.id);
            }
        }
        None
    }

    /// Holds a setting of the second action back until the first has changed what it changes.
    fn go_after(&mut self, second: usize, path: &str, first: usize) {
        let (id, standing) = (self.plan.actions[first].id.clone(), self.plan.actions[first].standing.clone());
        match standing {
            Standing::Ready => {}
            Standing::Blocked(_) => {
                self.put_off(second, path, |action| action.block(format!("needs `{id}`, which is blocked")));
            }
            Standing::Acting if self.is_done_with_its_steps(first) => {
                if !self.comes_after(first, second) && !self.plan.actions[second].steps.is_empty() {
                    self.plan.actions[second].after.push(first);
                }
            }
            // Two that wait for each other would do so for ever: then the order is left to chance, and AWS's refusal.
            Standing::Acting | Standing::Waiting(_) if self.waits_for(first, second) => {}
            Standing::Acting | Standing::Waiting(_) => {
                self.put_off(second, path, |action| action.wait(format!("waits for `{id}`")));
            }
        }
    }

    /// Leaves one setting for later; where nothing else is to be done, or the rest cannot go without it, all of it.
    fn put_off(&mut self, action: usize, path: &str, hold: impl FnOnce(&mut Action)) {
        let action = &mut self.plan.actions[action];
        let kind = self.input.kinds.get(&action.type_name).filter(|_| action.verb == Verb::Update);
        let rest = kind.map(|kind| kind.without(&action.steps, path)).unwrap_or_default();
        if rest.is_empty() {
            hold(action);
        } else {
            action.steps = rest;
            action.later = true;
        }
    }

    /// Whether an action's steps are all that it takes; otherwise the setting may come in a later round.
    fn is_done_with_its_steps(&self, action: usize) -> bool {
        let action = &self.plan.actions[action];
        let settles = self.done.get(action.id.as_str()).is_some_and(|planned| planned.settles_at_once);
        settles && action.verb != Verb::Replace
    }

    /// Whether an action starts after another by what is ordered already.
    fn comes_after(&self, action: usize, other: usize) -> bool {
        let mut open = vec![action];
        let mut seen = vec![false; self.plan.actions.len()];
        while let Some(at) = open.pop() {
            if at == other {
                return true;
            }
            if !std::mem::replace(&mut seen[at], true) {
                open.extend(&self.plan.actions[at].after);
            }
        }
        false
    }

    /// Whether an action is held back in this round because it needs another one.
    fn waits_for(&self, action: usize, other: usize) -> bool {
        if matches!(self.plan.actions[other].standing, Standing::Acting) && self.is_done_with_its_steps(other) {
            return false;
        }
        let other = &self.plan.actions[other].id;
        let mut open = vec![self.plan.actions[action].id.as_str()];
        let mut seen = BTreeSet::new();
        while let Some(id) = open.pop() {
            if id == other {
                return true;
            }
            if seen.insert(id) {
                open.extend(self.needs.get(id).into_iter().flatten().map(String::as_str));
            }
        }
        false
    }
}
