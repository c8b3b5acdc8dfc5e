//! `Auth.UsagePlan`: a usage plan with its API key, for one API or shared by all that say so.

use super::super::build::Build;
use super::super::expect;
use super::super::made::Made;
use super::super::make::{At, Outcome, given, shown, some, truthy};
use super::super::props::Props;
use super::super::source::Source;
use crate::model::{Entry, Map, Node};

const KEYS: [&str; 6] = ["CreateUsagePlan", "Description", "Quota", "Tags", "Throttle", "UsagePlanName"];

/// The condition under which the shared plan exists.
const CONDITION: &str = "SharedUsagePlanCondition";

/// What the APIs with a shared plan have said so far.
#[derive(Default)]
pub(in crate::compile::sam) struct SharedUsagePlan {
    apis: Vec<String>,
    stages: Vec<(String, String)>,
    conditions: Vec<String>,
    unconditional: bool,
    deletion: Option<String>,
    replacement: Option<String>,
}

/// The plan, its key and what ties them together.
///
/// # Errors
/// What SAM does not take, at its place.
pub(super) fn expand(build: &mut Build<'_>, source: &Source, props: &Props, stage: &Made) -> Outcome<Vec<Made>> {
    let auth = props.get("Auth").filter(|auth| truthy(auth));
    let Some(wanted) = auth.and_then(|auth| some(auth, "UsagePlan")) else { return Ok(Vec::new()) };
    let owner = props.owner();
    if wanted.as_map().is_none() {
        return Err(owner.error(wanted.place, "'UsagePlan' must be a dictionary"));
    }
    expect::keys(owner, "Auth.UsagePlan", wanted, &KEYS)?;
    let Some(create) = some(wanted, "CreateUsagePlan") else {
        return Err(owner.error(wanted.place, "'CreateUsagePlan' is a required field for UsagePlan"));
    };
    match create.as_str() {
        Some("NONE") => Ok(Vec::new()),
        Some("PER_API") => {
            let ids = [&source.id, &source.id, &source.id].map(String::as_str);
            let attributes = source.handed_on();
            let stages = [(source.id.clone(), stage.id.clone())];
            Ok(plan(source, wanted, ids, std::slice::from_ref(&source.id), &stages, &attributes))
        }
        Some("SHARED") => {
            let attributes = join(build, source, stage)?;
            let shared = &build.apis.usage_plan;
            Ok(plan(source, wanted, ["Serverless"; 3], &shared.apis, &shared.stages, &attributes))
        }
        _ => {
            let message = format!("'CreateUsagePlan' accepts one of SHARED, PER_API, NONE; it is {}", shown(create));
            Err(owner.error(create.place, message))
        }
    }
}

fn plan(
    source: &Source,
    wanted: &Node,
    prefixes: [&str; 3],
    apis: &[String],
    stages: &[(String, String)],
    attributes: &Map,
) -> Vec<Made> {
    let at = At(source.place);
    let [plan, key, tie] = prefixes;
    let make = |id: String, type_name: &str, after: Vec<String>| {
        Made::new(id, type_name, source.place)
            .attributes(attributes.clone())
            .depends_on(Some(at.list(after.into_iter().map(|id| at.text(id)))))
    };
    let pairs = |api: &str, stage: &str| {
        at.list(
            stages
                .iter()
                .map(|(api_id, stage_id)| at.map([(api, at.reference(api_id)), (stage, at.reference(stage_id))])),
        )
    };
    let mut plan = make(format!("{plan}UsagePlan"), "AWS::ApiGateway::UsagePlan", apis.to_vec())
        .with("ApiStages", pairs("ApiId", "Stage"));
    for name in ["UsagePlanName", "Description", "Quota", "Tags", "Throttle"] {
        plan = plan.maybe(name, given(wanted, name).cloned());
    }
    let key = make(format!("{key}ApiKey"), "AWS::ApiGateway::ApiKey", vec![plan.id.clone()])
        .with("Enabled", at.bool(true))
        .with("StageKeys", pairs("RestApiId", "StageName"));
    let tie = make(format!("{tie}UsagePlanKey"), "AWS::ApiGateway::UsagePlanKey", vec![key.id.clone()])
        .with("KeyId", key.reference())
        .with("KeyType", at.text("API_KEY"))
        .with("UsagePlanId", plan.reference());
    vec![plan, key, tie]
}

/// Adds an API to the shared plan; gives the attributes that the plan has by now. It exists where any of its APIs does,
/// and the most careful of their policies is its own.
fn join(build: &mut Build<'_>, source: &Source, stage: &Made) -> Outcome<Map> {
    let at = At(source.place);
    let shared = &mut build.apis.usage_plan;
    if !shared.apis.contains(&source.id) {
        shared.apis.push(source.id.clone());
        shared.stages.push((source.id.clone(), stage.id.clone()));
    }
    let word = |name: &str| source.attribute(name).and_then(Node::as_str).map(str::to_owned);
    keep(&mut shared.deletion, word("DeletionPolicy"), |new, _| new == "Retain");
    keep(&mut shared.replacement, word("UpdateReplacePolicy"), |new, old| {
        new == "Retain" || (new == "Snapshot" && old == "Delete")
    });
    match source.condition() {
        Some(condition) if !shared.unconditional => {
            if !shared.conditions.iter().any(|other| other == condition) {
                shared.conditions.push(condition.to_owned());
                shared.conditions.sort();
            }
        }
        Some(_) => {}
        None => shared.unconditional = true,
    }
    let mut attributes = Map::new();
    let mut set = |name: &str, value: &Option<String>| {
        if let Some(value) = value {
            attributes.insert(name.to_owned(), Entry { key_place: at.0, node: at.text(value) });
        }
    };
    set("DeletionPolicy", &shared.deletion);
    set("UpdateReplacePolicy", &shared.replacement);
    if !shared.unconditional && !shared.conditions.is_empty() {
        set("Condition", &Some(CONDITION.to_owned()));
        let named = |name: &String| at.map([("Condition", at.text(name))]);
        let condition = match shared.conditions.as_slice() {
            [single] => named(single),
            several => at.map([("Fn::Or", at.list(several.iter().map(named)))]),
        };
        build.add_condition(CONDITION, condition);
    } else {
        build.conditions.shift_remove(CONDITION);
    }
    Ok(attributes)
}

fn keep(held: &mut Option<String>, new: Option<String>, stronger: impl Fn(&str, &str) -> bool) {
    if let Some(new) = new {
        match held {
            Some(old) if !stronger(&new, old) => {}
            _ => *held = Some(new),
        }
    }
}
