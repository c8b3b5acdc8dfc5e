//! Settings of two resources that AWS holds against each other: whichever goes first, at no moment may the one exceed
//! the other.

use super::{Input, Planner};
use crate::plan::action::Plan;
use crate::plan::kind::{Bound, Kind, Setting};
use crate::plan::observation::Observed;

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
}
