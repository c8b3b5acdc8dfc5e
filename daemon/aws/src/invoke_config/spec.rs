//! What the settings for asynchronous calls mean.

use evenkeel_core::plan::kind::{Instance, Kind, Located, Parent, Scope, Target, Want, Work};
use evenkeel_core::plan::{Facts, Observation, Observed, Step};
use serde_json::{Map, Value as Json};

use crate::call::Call;
use crate::function_part::{self, function_of, qualifier_of};
use crate::function_ref::FunctionRef;
use crate::values::{compact, scalar};

/// AWS's type name.
pub(crate) const TYPE: &str = "AWS::Lambda::EventInvokeConfig";
/// The word in the function's parts mark.
pub(crate) const PART: &str = "invoke";
/// The qualifier of a function that has none.
const LATEST: &str = "$LATEST";
/// What Lambda does where nothing is set: twice more, for six hours.
const DEFAULTS: [(&str, i64); 2] = [("MaximumEventAgeInSeconds", 21_600), ("MaximumRetryAttempts", 2)];

/// The kind. Its key is `function|qualifier`.
#[derive(Debug)]
pub(crate) struct InvokeConfig;

impl Kind for InvokeConfig {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn facts(&self) -> Facts {
        Facts { settles_at_once: true, rank: 70, holds_data: false, taggable: false, naming: None, reads: TYPE }
    }

    fn refuses(&self, scope: &Scope, want: &Want, world: &Observation) -> Option<String> {
        function_part::refuses(scope, want, "FunctionName", world)
    }

    fn locate(&self, _scope: &Scope, want: &Want, world: &Observation) -> Located {
        match function_part::named(want, "FunctionName", Some("Qualifier")) {
            Ok(function) => {
                let key = key(&function);
                Located { instances: vec![Instance { found: world.table(TYPE).look(&key), key }], waits: None }
            }
            Err(located) => located,
        }
    }

    fn desired(&self, _scope: &Scope, want: &Want, key: &str) -> Map<String, Json> {
        canonical(&want.properties, key)
    }

    fn attribute(&self, _scope: &Scope, target: Target<'_>, attribute: Option<&str>) -> Option<Json> {
        attribute.is_none().then(|| Json::from(target.key))
    }

    fn replaces(&self, path: &str, _from: &Json, _to: &Json) -> bool {
        matches!(path, "FunctionName" | "Qualifier")
    }

    fn forgets_id(&self) -> bool {
        true
    }

    fn parent(&self, key: &str) -> Option<Parent> {
        Some(function_part::parent(key, PART))
    }

    /// It cannot be marked: on a function of ours it is ours.
    fn adopts_unmarked(&self, scope: &Scope, want: &Want, world: &Observation) -> bool {
        function_part::refuses(scope, want, "FunctionName", world).is_none()
    }

    fn create(&self, work: Work<'_>) -> Vec<Step> {
        put(work)
    }

    fn update(&self, work: Work<'_>) -> Vec<Step> {
        put(work)
    }

    fn delete(&self, _scope: &Scope, observed: &Observed) -> Vec<Step> {
        vec![addressed(&observed.key).step(TYPE, "DeleteFunctionEventInvokeConfig", &observed.key)]
    }
}

fn key(function: &FunctionRef) -> String {
    function_part::key(&function.name, &[function.qualifier.as_deref().unwrap_or(LATEST)])
}

fn addressed(key: &str) -> Call {
    Call::new().with("FunctionName", function_of(key)).with("Qualifier", qualifier_of(key))
}

/// One call replaces everything. The defaults are sent too: a call that sets nothing at all is refused.
fn put(work: Work<'_>) -> Vec<Step> {
    let mut input = addressed(work.key);
    for (name, _) in DEFAULTS {
        input = input.with_some(name, work.desired.get(name).cloned());
    }
    let input = input.with_some("DestinationConfig", work.desired.get("DestinationConfig").cloned());
    vec![input.step(TYPE, "PutFunctionEventInvokeConfig", work.key)]
}

/// Properties in canonical form, from a spec and from AWS's answer alike.
fn canonical(properties: &Map<String, Json>, key: &str) -> Map<String, Json> {
    let mut out = Map::new();
    out.insert("FunctionName".to_owned(), Json::from(function_of(key)));
    out.insert("Qualifier".to_owned(), Json::from(qualifier_of(key)));
    for (name, default) in DEFAULTS {
        let value = properties.get(name).filter(|value| !value.is_null()).map_or(Json::from(default), scalar);
        out.insert(name.to_owned(), value);
    }
    // AWS answers {OnFailure: {}, OnSuccess: {}} where there are no destinations.
    if let Some(Json::Object(destinations)) = properties.get("DestinationConfig").map(compact)
        && !destinations.is_empty()
    {
        out.insert("DestinationConfig".to_owned(), Json::Object(destinations));
    }
    out
}

/// The settings from an answer of `GetFunctionEventInvokeConfig` or an entry of the list.
pub(crate) fn observed(world: &Observation, answer: &Json) -> Option<Observed> {
    let function = FunctionRef::parse(answer.get("FunctionArn")?.as_str()?)?;
    let key = key(&function);
    let mut out = Observed::new(&key, &key);
    out.properties = canonical(answer.as_object()?, &key);
    out.marks = function_part::marks(world, &function.name, None);
    Some(out)
}

#[cfg(test)]
mod tests {
    use evenkeel_core::plan::{TagWork, diff};
    use serde_json::json;

    use super::*;
    use crate::planning::{scope, want};

    #[test]
    fn what_aws_answers_for_defaults_is_no_drift() {
        let asked = json!({"FunctionName": "charge", "Qualifier": "$LATEST", "MaximumRetryAttempts": "0"});
        let want = want("settings", TYPE, asked);
        let answer = json!({"DestinationConfig": {"OnFailure": {}, "OnSuccess": {}}, "MaximumRetryAttempts": 0,
            "FunctionArn": "arn:aws:lambda:eu-west-1:111122223333:function:charge:$LATEST", "LastModified": "datetime"});
        let seen = observed(&Observation::new(), &answer).unwrap();
        let key = InvokeConfig.locate(&scope(), &want, &Observation::new()).instances[0].key.clone();
        assert_eq!((key.as_str(), seen.key.as_str()), ("charge|$LATEST", "charge|$LATEST"));
        assert_eq!(diff::diff(&InvokeConfig.desired(&scope(), &want, &key), &seen.properties), vec![]);
    }

    #[test]
    fn a_version_that_is_written_as_a_number_is_that_version() {
        use crate::planning::{ours, plan_of, world, writes};
        let function = Observed::new("charge", "charge").with_tags(ours("charge"));
        let world = world([(function_part::FUNCTION, vec![function]), (TYPE, vec![])]);
        let asked = json!({"FunctionName": "charge", "Qualifier": 1, "MaximumRetryAttempts": 0});
        let plan = plan_of(&[std::sync::Arc::new(InvokeConfig)], &[("settings", TYPE, asked)], &world);
        assert_eq!(writes(&plan)[0].1["Qualifier"], json!("1"));
    }

    #[test]
    fn a_put_says_everything_even_the_defaults() {
        let scope = scope();
        let want = want(
            "settings",
            TYPE,
            json!({"FunctionName": "charge:live", "DestinationConfig": {"OnFailure": {"Destination": "arn:q"},
                "OnSuccess": {"Destination": ""}}}),
        );
        let key = "charge|live";
        let desired = InvokeConfig.desired(&scope, &want, key);
        let tags = TagWork::default();
        let work =
            Work { scope: &scope, want: &want, key, desired: &desired, observed: None, changes: &[], tags: &tags };
        assert_eq!(
            InvokeConfig.create(work)[0].input,
            json!({"FunctionName": "charge", "Qualifier": "live", "MaximumEventAgeInSeconds": 21600,
                "MaximumRetryAttempts": 2, "DestinationConfig": {"OnFailure": {"Destination": "arn:q"}}})
        );
    }

    #[test]
    fn every_property_of_awss_schema_is_managed() {
        let all = json!({"FunctionName": "f", "Qualifier": "live", "MaximumEventAgeInSeconds": 60,
            "MaximumRetryAttempts": 1, "DestinationConfig": {"OnFailure": {"Destination": "arn:q"}}});
        let want = want("a", TYPE, all);
        assert_eq!(crate::planning::unmanaged(&InvokeConfig, &want, "f|live"), Vec::<String>::new());
    }
}
