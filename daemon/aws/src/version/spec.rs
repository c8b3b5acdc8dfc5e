//! What a version means.

use std::time::Duration;

use evenkeel_core::model::resource::Origin;
use evenkeel_core::plan::kind::{Instance, KEEP, Located};
use evenkeel_core::plan::{Facts, Found, Kind, Marks, Observation, Observed, Parent, Scope, Step, Target, Want, Work};
use serde_json::{Map, Value as Json, json};

use super::{TYPE, mark};
use crate::call::Call;
use crate::document::{Input, properties};
use crate::function::canonical;
use crate::function_part;
use crate::values::number;

/// The version that is still to be published.
pub(crate) const NEXT: &str = "next";
/// The word in the function's mark that says that a qualifier has provisioned concurrency.
pub(crate) const PROVISIONED: &str = "provisioned";
/// The word that says that a version has a runtime policy.
pub(crate) const POLICY_WORD: &str = "runtime-policy";
/// The version of a function on managed instances that follows it and is not numbered.
pub(crate) const LATEST_PUBLISHED: &str = "$LATEST.PUBLISHED";
pub(crate) const POLICY: &str = "RuntimePolicy";
/// What is provisioned on a version or an alias.
pub(crate) const CONCURRENCY: &str = "ProvisionedConcurrencyConfig";
/// The attribute that tells how long a version may run, seconds.
pub(crate) const TIMEOUT: &str = "Timeout";
/// Where the word of the version's mark is remembered.
const MARK: &str = "Mark";

/// `AWS::Lambda::Version`.
#[derive(Clone, Copy, Debug)]
pub struct Version;

impl Kind for Version {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn facts(&self) -> Facts {
        Facts { settles_at_once: false, rank: 65, holds_data: false, taggable: false, naming: None, reads: TYPE }
    }

    fn refuses(&self, scope: &Scope, want: &Want, world: &Observation) -> Option<String> {
        function_part::refuses(scope, want, "FunctionName", world)
    }

    fn locate(&self, _scope: &Scope, want: &Want, world: &Observation) -> Located {
        let function = match function_part::named(want, "FunctionName", None) {
            Ok(function) => function.name,
            Err(located) => return located,
        };
        if let Some(unknown) = want.unknown.values().next() {
            return Located { waits: Some(unknown.clone()), ..Located::default() };
        }
        let next = function_part::key(&function, &[NEXT]);
        let instance = |key: String, found: Found| Located { instances: vec![Instance { key, found }], waits: None };
        let latest = match world.table(function_part::FUNCTION).look(&function) {
            Found::Unknown(reason) => return instance(next, Found::Unknown(reason)),
            Found::Absent => return instance(next, Found::Absent),
            Found::Present(latest) => latest,
        };
        let table = world.table(TYPE);
        let found = table.look(&next);
        if matches!(found, Found::Unknown(_)) {
            return instance(next, found);
        }
        let newest = |fits: &dyn Fn(&Observed) -> bool| {
            table.parts_of(&function).filter(|item| fits(item)).max_by_key(|item| number_of(&item.key)).cloned()
        };
        let of_code = |item: &Observed| {
            let hash = want.text("CodeSha256");
            hash.is_none_or(|hash| item.properties.get("CodeSha256").and_then(Json::as_str) == Some(hash))
        };
        let current = match &want.resource.origin {
            // Of the same code and configuration Lambda publishes no other version, whatever its description.
            Origin::Generated { .. } => newest(&|_| true)
                .filter(|item| of_code(item) && item.attributes.get("Digest") == latest.attributes.get("Digest")),
            Origin::Written => newest(&|item| of_code(item) && is_described(want, item)),
        };
        match current {
            Some(item) => instance(item.key.clone(), Found::Present(item)),
            None => instance(next, Found::Absent),
        }
    }

    fn desired(&self, _scope: &Scope, want: &Want, key: &str) -> Map<String, Json> {
        let input = Json::Object(want.properties.clone());
        let input = Input(&input);
        let text = |name: &str| want.text(name).filter(|text| !text.is_empty()).map_or(Json::Null, Json::from);
        properties([
            ("FunctionName", Json::from(function_part::function_of(key))),
            ("Description", mark::text(want).filter(|text| !text.is_empty()).map_or(Json::Null, Json::from)),
            ("CodeSha256", text("CodeSha256")),
            (CONCURRENCY, provisioned(input)),
            ("FunctionScalingConfig", scaling(input.map("FunctionScalingConfig"))),
            (POLICY, input.map(POLICY).map(canonical::runtime_management).unwrap_or_default()),
        ])
    }

    /// What the spec leaves open is as it was when the version was published.
    fn align(
        &self,
        _scope: &Scope,
        want: &Want,
        desired: &mut Map<String, Json>,
        seen: &mut Map<String, Json>,
        _observed: &Observed,
    ) {
        if want.resource.origin != Origin::Written {
            desired.shift_remove("Description");
        }
        for name in ["Description", "CodeSha256", "FunctionScalingConfig"] {
            if !desired.contains_key(name) {
                seen.shift_remove(name);
            }
        }
    }

    fn remark(&self, want: &Want, observed: &Observed) -> Option<String> {
        let stays = want.resource.origin != Origin::Written && !is_described(want, observed);
        stays.then(|| {
            "its description stays as it is: Lambda publishes no other version of the same code and configuration"
                .into()
        })
    }

    /// Each publication asks for the same; a second one is answered with the version that is there.
    fn spreads(&self, _step: &Step) -> Duration {
        Duration::ZERO
    }

    fn attribute(&self, _scope: &Scope, target: Target<'_>, attribute: Option<&str>) -> Option<Json> {
        let observed = target.observed?;
        match attribute {
            None | Some("FunctionArn") => Some(Json::from(observed.physical_id.as_str())),
            Some("Version") => Some(Json::from(function_part::qualifier_of(&observed.key))),
            Some(_) => None,
        }
    }

    fn replaces(&self, _path: &str, _from: &Json, _to: &Json) -> bool {
        false
    }

    fn parent(&self, key: &str) -> Option<Parent> {
        Some(function_part::parent(key, ""))
    }

    fn is_version(&self) -> bool {
        true
    }

    /// Only what evenkeel published and nobody asked to retain ever goes, never the newest and never what something
    /// refers to.
    fn keeps(&self, scope: &Scope, observed: &Observed, world: &Observation, _superseded: bool) -> bool {
        let function = function_part::function_of(&observed.key);
        let numbers: Vec<u64> = world.table(TYPE).parts_of(function).map(|item| number_of(&item.key)).collect();
        let number = number_of(&observed.key);
        let newer = numbers.iter().filter(|other| **other > number).count();
        let keep = match observed.attributes.get(MARK).and_then(Json::as_str) {
            Some(mark::KEPT) => scope.keep.unwrap_or(KEEP),
            Some(_) => 0,
            None => return true,
        };
        newer <= keep as usize || mark::is_referred_to(observed, world)
    }

    fn further_words(&self, want: Option<&Want>, observed: Option<&Observed>) -> Vec<String> {
        let asked = want.is_some_and(|want| want.properties.contains_key(POLICY));
        let there = observed.is_some_and(|observed| observed.may_have(POLICY));
        let policy = (asked || there).then(|| POLICY_WORD.to_owned());
        provisioned_words(want, observed).into_iter().chain(policy).collect()
    }

    /// A version of our function is ours to go on with.
    fn adopts_unmarked(&self, scope: &Scope, want: &Want, world: &Observation) -> bool {
        function_part::refuses(scope, want, "FunctionName", world).is_none()
    }

    fn create(&self, work: Work<'_>) -> Vec<Step> {
        self.create_from(work, &Observation::new())
    }

    /// What is published is the function as it was read: another writer may have been at it since.
    fn create_from(&self, work: Work<'_>, world: &Observation) -> Vec<Step> {
        let function = function_part::function_of(work.key);
        let latest = world.table(function_part::FUNCTION).get(function);
        let hash = latest.and_then(|latest| latest.attributes.get("CodeSha256")?.as_str());
        let call = Call::new()
            .with("FunctionName", function)
            .with_some("Description", mark::describe(work.want))
            .with_some("CodeSha256", work.want.text("CodeSha256").or(hash))
            .with_some("RevisionId", latest.and_then(|latest| latest.revision.as_deref()));
        vec![call.step(TYPE, "PublishVersion", work.key)]
    }

    fn update(&self, work: Work<'_>) -> Vec<Step> {
        let qualified = || {
            Call::new()
                .with("FunctionName", function_part::function_of(work.key))
                .with("Qualifier", function_part::qualifier_of(work.key))
        };
        let mut steps = Vec::new();
        if work.changed(CONCURRENCY) {
            steps.push(provision(TYPE, &work));
        }
        if work.changed("FunctionScalingConfig") {
            let config = work.desired.get("FunctionScalingConfig").cloned().unwrap_or(json!({}));
            steps.push(qualified().with("FunctionScalingConfig", config).step(
                TYPE,
                "PutFunctionScalingConfig",
                work.key,
            ));
        }
        if work.changed(POLICY) {
            let wanted = work.desired.get(POLICY).map(Input);
            let word = wanted.and_then(|wanted| wanted.text("UpdateRuntimeOn")).unwrap_or_else(|| "Auto".to_owned());
            let runtime = wanted.and_then(|wanted| wanted.text("RuntimeVersionArn"));
            let call = qualified().with("UpdateRuntimeOn", word).with_some("RuntimeVersionArn", runtime);
            steps.push(call.step(TYPE, "PutRuntimeManagementConfig", work.key));
        }
        steps
    }

    fn delete(&self, _scope: &Scope, observed: &Observed) -> Vec<Step> {
        let call = Call::new()
            .with("FunctionName", function_part::function_of(&observed.key))
            .with("Qualifier", function_part::qualifier_of(&observed.key));
        vec![call.step(TYPE, "DeleteFunction", &observed.key)]
    }
}

/// A published version, from its configuration in AWS's API names; `None` for `$LATEST` and what follows it.
pub fn observed(configuration: Input<'_>, world: &Observation) -> Option<Observed> {
    let version = configuration.text("Version").filter(|version| !version.starts_with("$LATEST"))?;
    let function = configuration.text("FunctionName")?;
    let mut item = Observed::new(function_part::key(&function, &[&version]), configuration.text("FunctionArn")?);
    let text = |name: &str| configuration.text(name).filter(|text| !text.is_empty()).map_or(Json::Null, Json::from);
    let (description, marked) = mark::parse(configuration.text("Description").unwrap_or_default());
    if let Some(policy) = marked {
        item.attributes.insert(MARK.to_owned(), Json::from(policy));
        let id = |owner: Marks| format!("{}/version/{version}", owner.id);
        let id = function_part::marks(world, &function, None).map(id);
        item.marks = function_part::marks(world, &function, id.as_deref());
    }
    let layers = configuration.items("Layers").unwrap_or_default();
    item.attributes.insert("Layers".to_owned(), layers.iter().filter_map(|layer| layer.text("Arn")).collect());
    item.attributes.insert("Role".to_owned(), text("Role"));
    item.properties = properties([
        ("FunctionName", Json::from(function.as_str())),
        ("Description", Some(description).filter(|text| !text.is_empty()).map_or(Json::Null, Json::from)),
        ("CodeSha256", text("CodeSha256")),
    ]);
    item.attributes.insert("Digest".to_owned(), json!(canonical::digest(configuration)));
    item.attributes.insert(TIMEOUT.to_owned(), configuration.get(TIMEOUT).cloned().unwrap_or_default());
    item.state = canonical::state(configuration);
    item.revision = configuration.text("RevisionId");
    Some(item)
}

/// Takes in what AWS tells of when a version gets new runtimes.
pub fn add_runtime_policy(item: &mut Observed, answer: Input<'_>) {
    let policy = canonical::runtime_management(answer);
    if !policy.is_null() {
        item.properties.insert(POLICY.to_owned(), policy);
    }
}

/// Whether a version has the description that the spec asks for.
fn is_described(want: &Want, observed: &Observed) -> bool {
    let is = observed.properties.get("Description").and_then(Json::as_str).unwrap_or_default();
    mark::text(want).is_none_or(|text| text == is)
}

fn number_of(key: &str) -> u64 {
    function_part::qualifier_of(key).parse().unwrap_or_default()
}

/// Minimum and maximum of execution environments, as numbers.
pub(crate) fn scaling(config: Option<Input<'_>>) -> Json {
    let member = |name: &str| config.and_then(|config| config.get(name)).map_or(Json::Null, number);
    let config = properties([
        ("MinExecutionEnvironments", member("MinExecutionEnvironments")),
        ("MaxExecutionEnvironments", member("MaxExecutionEnvironments")),
    ]);
    if config.is_empty() { Json::Null } else { Json::Object(config) }
}

/// The canonical `ProvisionedConcurrencyConfig` of a version or an alias.
pub(crate) fn provisioned(input: Input<'_>) -> Json {
    let count = input.map(CONCURRENCY).and_then(|config| config.get("ProvisionedConcurrentExecutions"));
    match count.map(number) {
        None => Json::Null,
        Some(zero) if zero.as_i64() == Some(0) => Json::Null,
        Some(count) => json!({"ProvisionedConcurrentExecutions": count}),
    }
}

/// The step that sets or removes provisioned concurrency.
pub(crate) fn provision(type_name: &'static str, work: &Work<'_>) -> Step {
    let call = Call::new()
        .with("FunctionName", function_part::function_of(work.key))
        .with("Qualifier", function_part::qualifier_of(work.key));
    let wanted = work.desired.get(CONCURRENCY);
    match wanted.and_then(|config| config.get("ProvisionedConcurrentExecutions")) {
        Some(count) => call.with("ProvisionedConcurrentExecutions", count.clone()).step(
            type_name,
            "PutProvisionedConcurrencyConfig",
            work.key,
        ),
        None => call.step(type_name, "DeleteProvisionedConcurrencyConfig", work.key),
    }
}

/// The word for provisioned concurrency, where it is asked for or there.
pub(crate) fn provisioned_words(want: Option<&Want>, observed: Option<&Observed>) -> Vec<String> {
    let asked = want.is_some_and(|want| want.properties.contains_key(CONCURRENCY));
    let there = observed.is_some_and(|observed| observed.may_have(CONCURRENCY));
    if asked || there { vec![PROVISIONED.to_owned()] } else { Vec::new() }
}
