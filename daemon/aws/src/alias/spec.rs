//! What an alias means.

use evenkeel_core::plan::kind::{Instance, Located};
use evenkeel_core::plan::{Facts, Kind, Observation, Observed, Parent, Scope, Step, Target, Want, Work};
use serde_json::{Map, Value as Json, json};

use super::TYPE;
use crate::call::Call;
use crate::document::{Input, properties};
use crate::function_part;
use crate::values::{number, scalar_text};
use crate::version::spec::{CONCURRENCY, provision, provisioned, provisioned_words};

/// The word that an alias leaves in its function's mark, with its name: `alias:live`.
pub(crate) const PART: &str = "alias";

/// `AWS::Lambda::Alias`.
#[derive(Clone, Copy, Debug)]
pub struct Alias;

impl Kind for Alias {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn facts(&self) -> Facts {
        Facts { settles_at_once: true, rank: 70, holds_data: false, taggable: false, naming: None, reads: TYPE }
    }

    fn refuses(&self, scope: &Scope, want: &Want, world: &Observation) -> Option<String> {
        if want.text("Name").is_none() && want.unknown_below("Name").is_none() {
            return Some("`Name` names no alias".to_owned());
        }
        function_part::refuses(scope, want, "FunctionName", world)
    }

    fn locate(&self, _scope: &Scope, want: &Want, world: &Observation) -> Located {
        let function = match function_part::named(want, "FunctionName", Some("Name")) {
            Ok(function) => function.name,
            Err(located) => return located,
        };
        let key = function_part::key(&function, &[want.text("Name").unwrap_or_default()]);
        Located { instances: vec![Instance { found: world.table(TYPE).look(&key), key }], waits: None }
    }

    fn desired(&self, _scope: &Scope, want: &Want, key: &str) -> Map<String, Json> {
        let input = Json::Object(want.properties.clone());
        canonical(key, Input(&input))
    }

    fn attribute(&self, scope: &Scope, target: Target<'_>, attribute: Option<&str>) -> Option<Json> {
        let (function, name) = (function_part::function_of(target.key), function_part::qualifier_of(target.key));
        match attribute {
            None | Some("AliasArn") => {
                Some(Json::from(format!("{}:{name}", crate::function::spec::arn(scope, function))))
            }
            Some(_) => None,
        }
    }

    fn replaces(&self, _path: &str, _from: &Json, _to: &Json) -> bool {
        // Another function or name is another key: the old alias goes once the new one stands.
        false
    }

    fn forgets_id(&self) -> bool {
        true
    }

    fn parent(&self, key: &str) -> Option<Parent> {
        Some(function_part::parent(key, PART))
    }

    fn part_word(&self, key: &str) -> Option<String> {
        Some(function_part::word(PART, function_part::qualifier_of(key)))
    }

    fn further_words(&self, want: Option<&Want>, observed: Option<&Observed>) -> Vec<String> {
        provisioned_words(want, observed)
    }

    /// An alias of our function that the spec names is ours to go on with.
    fn adopts_unmarked(&self, scope: &Scope, want: &Want, world: &Observation) -> bool {
        function_part::refuses(scope, want, "FunctionName", world).is_none()
    }

    fn create(&self, work: Work<'_>) -> Vec<Step> {
        // Provisioned concurrency needs the alias: the next round sets it.
        vec![write(&work).step(TYPE, "CreateAlias", work.key)]
    }

    fn update(&self, work: Work<'_>) -> Vec<Step> {
        let mut steps = Vec::new();
        if ["FunctionVersion", "Description", "RoutingConfig"].iter().any(|name| work.changed(name)) {
            let revision = work.observed.and_then(|observed| observed.revision.clone());
            steps.push(write(&work).with_some("RevisionId", revision).step(TYPE, "UpdateAlias", work.key));
        }
        if work.changed(CONCURRENCY) {
            steps.push(provision(TYPE, &work));
        }
        steps
    }

    fn delete(&self, _scope: &Scope, observed: &Observed) -> Vec<Step> {
        let call = Call::new()
            .with("FunctionName", function_part::function_of(&observed.key))
            .with("Name", function_part::qualifier_of(&observed.key));
        vec![call.step(TYPE, "DeleteAlias", &observed.key)]
    }
}

/// Everything that an alias is. What is empty is sent empty: what an update leaves out stays as it is.
fn write(work: &Work<'_>) -> Call {
    let weights = work.desired.get("RoutingConfig").and_then(|config| config.get("AdditionalVersionWeights"));
    let weights: Map<String, Json> = weights
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
        .filter_map(|item| Some((scalar_text(item.get("FunctionVersion")?)?, item.get("FunctionWeight")?.clone())))
        .collect();
    Call::new()
        .with("FunctionName", function_part::function_of(work.key))
        .with("Name", function_part::qualifier_of(work.key))
        .with_some("FunctionVersion", work.desired.get("FunctionVersion").cloned())
        .with("Description", work.desired.get("Description").cloned().unwrap_or(json!("")))
        .with("RoutingConfig", json!({"AdditionalVersionWeights": weights}))
}

/// An alias as AWS lists it, in AWS's API names.
pub fn observed(function: &str, item: Input<'_>, world: &Observation) -> Option<Observed> {
    let name = item.text("Name")?;
    let key = function_part::key(function, &[&name]);
    let mut out = Observed::new(key.clone(), item.text("AliasArn")?);
    out.properties = canonical(&key, item);
    out.revision = item.text("RevisionId");
    if function_part::marked_qualifiers(world, function, PART).contains(&name) {
        let id = function_part::marks(world, function, None).map(|owner| format!("{}/{PART}/{name}", owner.id));
        out.marks = function_part::marks(world, function, id.as_deref());
    }
    Some(out)
}

/// Both sides' form. Weights are a list in CloudFormation and a map in the API.
fn canonical(key: &str, input: Input<'_>) -> Map<String, Json> {
    let weights = input.map("RoutingConfig").and_then(|config| config.get("AdditionalVersionWeights"));
    let mut pairs: Vec<(String, Json)> = match weights {
        Some(Json::Object(map)) => map.iter().map(|(version, weight)| (version.clone(), number(weight))).collect(),
        Some(Json::Array(items)) => items
            .iter()
            .filter_map(|item| Some((scalar_text(item.get("FunctionVersion")?)?, number(item.get("FunctionWeight")?))))
            .collect(),
        _ => Vec::new(),
    };
    pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
    let weights: Vec<Json> = pairs
        .into_iter()
        // 1 and 1.0 are the same weight.
        .map(|(version, weight)| json!({"FunctionVersion": version, "FunctionWeight": weight.as_f64()}))
        .collect();
    let routing = if weights.is_empty() { Json::Null } else { json!({"AdditionalVersionWeights": weights}) };
    let plain = |name: &str| input.text(name).filter(|text| !text.is_empty()).map_or(Json::Null, Json::from);
    properties([
        ("FunctionName", Json::from(function_part::function_of(key))),
        ("Name", Json::from(function_part::qualifier_of(key))),
        ("FunctionVersion", plain("FunctionVersion")),
        ("Description", plain("Description")),
        ("RoutingConfig", routing),
        (CONCURRENCY, provisioned(input)),
    ])
}
