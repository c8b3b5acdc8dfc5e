//! Who goes first where the spec names no order: what gives back, what lets in, what still needs what is taken away.

use std::collections::{BTreeMap, BTreeSet};

use super::Planner;
use crate::plan::action::{Action, Plan, Standing, Verb};
use crate::plan::diff::Cause;
use crate::plan::step::Step;

/// Type and key.
type Place = (&'static str, String);

impl Planner<'_> {
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

    /// Lets what feeds something come after what lets it in: a topic does not look whether it may, and what it cannot
    /// deliver is lost.
    pub(super) fn order_feeders(&mut self) {
        let feeds = |action: &Action| {
            let kind = self.input.kinds.get(&action.type_name)?;
            let is_new = matches!(action.verb, Verb::Create | Verb::Replace);
            action.keys.iter().filter(|_| is_new).find_map(|(_, key)| kind.feeds(key))
        };
        let actions = || self.plan.actions.iter().enumerate();
        let feeders: Vec<(usize, Place)> = actions().filter_map(|(at, action)| Some((at, feeds(action)?))).collect();
        if feeders.is_empty() {
            return;
        }
        let mut opening: BTreeMap<Place, Vec<usize>> = BTreeMap::new();
        for (at, action) in actions().filter(|(_, action)| action.standing != Standing::Ready) {
            for place in self.opened_by(action) {
                opening.entry(place).or_default().push(at);
            }
        }
        for (feeder, fed) in feeders {
            for at in opening.get(&fed).into_iter().flatten().filter(|at| **at != feeder) {
                self.go_after(feeder, "", *at);
            }
        }
    }

    /// What others may feed once this action is done.
    fn opened_by(&self, action: &Action) -> Vec<Place> {
        let Some(kind) = self.input.kinds.get(&action.type_name) else { return Vec::new() };
        let Some(planned) = self.done.get(action.id.as_str()) else { return Vec::new() };
        let claims = kind.claims(self.input.scope, &planned.want, &[]);
        let mut out: Vec<Place> = claims.into_iter().map(|claim| (claim.type_name, claim.key)).collect();
        out.extend(kind.opens(&planned.want));
        // A part of something that is still to be made does not know its name yet.
        let parent = kind.facts().reads;
        if action.keys.is_empty() && parent != kind.type_name() {
            let needs = self.needs.get(action.id.as_str()).into_iter().flatten();
            let needed = needs.filter_map(|need| self.plan.actions.get(self.done.get(need.as_str())?.action));
            out.extend(needed.flat_map(|need| &need.keys).filter(|key| key.0 == parent).cloned());
        }
        out
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
    pub(super) fn go_after(&mut self, second: usize, path: &str, first: usize) {
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
