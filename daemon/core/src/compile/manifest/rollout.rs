//! `rollout`: a function served from an alias, and how traffic moves to a new version.

use super::document::aws;
use super::fields::{Fields, Text};
use super::world::{Build, Declared, World};
use crate::model::suggest::did_you_mean;
use crate::model::{DeletionPolicy, Diagnostic, Diagnostics, Node};

/// The alias that a function with a rollout is served from.
const ALIAS: &str = "live";

/// The strategies that CodeDeploy has names for. Others are said in the same words: `Canary20Percent7Minutes`.
pub(super) const STRATEGIES: &[&str] = &[
    "AllAtOnce",
    "Canary10Percent5Minutes",
    "Canary10Percent10Minutes",
    "Canary10Percent15Minutes",
    "Canary10Percent30Minutes",
    "Linear10PercentEvery1Minute",
    "Linear10PercentEvery2Minutes",
    "Linear10PercentEvery3Minutes",
    "Linear10PercentEvery10Minutes",
];

/// Every strategy, for editors; [`is_strategy`] also knows the limits.
pub(super) const PATTERN: &str =
    "^(AllAtOnce|Canary[0-9]+Percent[0-9]+Minutes?|Linear[0-9]+PercentEvery[0-9]+Minutes?)$";

/// Expands `rollout: {strategy, alias, alarms, hooks: {before, after}}` into a version and an alias. The alias carries
/// the rollout in the words of SAM's `DeploymentPreference`, so that there is one form of it.
pub(super) fn expand(world: &World, function: &Declared, node: &Node, build: &mut Build) {
    let place = node.place;
    let mut fields = Fields::new(node, format!("`rollout` of {}", function.what()), &mut build.out);
    let strategy = fields.text("strategy", &mut build.out);
    let alias = fields.text("alias", &mut build.out);
    let alarms = fields.list("alarms", &mut build.out);
    let hooks = fields.take("hooks");
    fields.finish(&mut build.out);
    let strategy = match strategy {
        Some(strategy) => {
            check_strategy(&strategy, &mut build.out);
            Node::str(strategy.text, strategy.place)
        }
        None => {
            if node.get("strategy").is_none() {
                build.out.push(
                    Diagnostic::error(
                        "missing-word",
                        place,
                        format!("`rollout` of {} needs a `strategy`", function.what()),
                    )
                    .help(format!("possible are {}", STRATEGIES.join(", "))),
                );
            }
            return;
        }
    };
    let mut rollout = Node::map([("Type", strategy)], place);
    if !alarms.is_empty() {
        rollout.set("Alarms", Node::list(alarms, place));
    }
    if let Some(hooks) = hooks {
        let hooks = read_hooks(world, function, &hooks, &mut build.out);
        rollout.set("Hooks", hooks);
    }

    let version_id = format!("{}-version", function.id());
    let version = Node::map([("FunctionName", Node::reference(function.id(), place))], place);
    if let Some(version) = build.generate(function, version_id.clone(), aws::VERSION, version, place) {
        // As SAM has it: older versions stay, so that an alias can go back to one.
        version.deletion_policy = Some(DeletionPolicy::Retain);
        version.update_replace_policy = Some(DeletionPolicy::Retain);
        version.kept_by_default = true;
    }
    let alias = alias.unwrap_or_else(|| Text { text: ALIAS.to_owned(), place });
    let properties = Node::map(
        [
            ("FunctionName", Node::reference(function.id(), place)),
            ("FunctionVersion", Node::get_att(&version_id, "Version", place)),
            ("Name", Node::str(alias.text, alias.place)),
        ],
        place,
    );
    if let Some(id) = function.alias_id()
        && let Some(alias) = build.generate(function, id, aws::ALIAS, properties, place)
    {
        alias.rollout = Some(rollout);
    }
}

fn read_hooks(world: &World, function: &Declared, node: &Node, out: &mut Diagnostics) -> Node {
    let mut fields = Fields::new(node, format!("`hooks` of {}", function.what()), out);
    let hooks: Vec<(&str, Node)> = [("before", "PreTraffic"), ("after", "PostTraffic")]
        .into_iter()
        .filter_map(|(word, property)| {
            let hook = fields.take(word)?;
            let target = world.target("function", aws::FUNCTION, &hook, out)?;
            let name = match &target {
                super::world::Target::Own(declared) => Node::reference(declared.id(), hook.place),
                super::world::Target::Arn(arn) => arn.clone(),
            };
            Some((property, name))
        })
        .collect();
    fields.finish(out);
    Node::map(hooks, node.place)
}

fn check_strategy(strategy: &Text, out: &mut Diagnostics) {
    if !is_strategy(&strategy.text) {
        out.push(
            Diagnostic::error(
                "unknown-strategy",
                strategy.place,
                format!("there is no rollout strategy `{}`", strategy.text),
            )
            .help(
                did_you_mean(&strategy.text, STRATEGIES.iter().copied()).unwrap_or_else(|| {
                    format!("possible are {}, or the same with other numbers", STRATEGIES.join(", "))
                }),
            ),
        );
    }
}

/// `AllAtOnce`, `Canary<P>Percent<M>Minutes` or `Linear<P>PercentEvery<M>Minute(s)`, with 1 to 99 percent.
fn is_strategy(text: &str) -> bool {
    let shifts = |rest: &str, between: &str| {
        let (percent, minutes) = rest.split_once(between)?;
        let minutes = if minutes == "1Minute" { "1" } else { minutes.strip_suffix("Minutes")? };
        let (percent, minutes): (u32, u32) = (percent.parse().ok()?, minutes.parse().ok()?);
        Some((1..=99).contains(&percent) && (1..=2880).contains(&minutes))
    };
    text == "AllAtOnce"
        || text.strip_prefix("Canary").and_then(|rest| shifts(rest, "Percent")).unwrap_or(false)
        || text.strip_prefix("Linear").and_then(|rest| shifts(rest, "PercentEvery")).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_strategy_is_one_and_so_are_its_kin() {
        assert!(STRATEGIES.iter().all(|strategy| is_strategy(strategy)));
        assert!(is_strategy("Canary25Percent7Minutes") && is_strategy("Linear50PercentEvery1Minute"));
        assert!(!is_strategy("Canary100Percent5Minutes") && !is_strategy("Canary10Percent") && !is_strategy("Fast"));
    }
}
