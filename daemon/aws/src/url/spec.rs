//! What a function URL means.

use evenkeel_core::plan::kind::{Instance, Kind, Located, Parent, Scope, Target, Want, Work};
use evenkeel_core::plan::{Facts, Observation, Observed, Step};
use serde_json::{Map, Value as Json};

use crate::call::Call;
use crate::function_part::{self, function_of, qualifier_of};
use crate::function_ref::FunctionRef;
use crate::values::{compact, filled, scalar, sorted};

/// AWS's type name.
pub(crate) const TYPE: &str = "AWS::Lambda::Url";
/// The word in the function's parts mark.
pub(crate) const PART: &str = "url";

/// The kind. Its key is `function|qualifier`; the qualifier is empty for the function itself.
#[derive(Debug)]
pub(crate) struct Url;

impl Kind for Url {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn facts(&self) -> Facts {
        Facts { settles_at_once: true, rank: 70, holds_data: false, taggable: false, naming: None, reads: TYPE }
    }

    fn refuses(&self, scope: &Scope, want: &Want, world: &Observation) -> Option<String> {
        function_part::refuses(scope, want, "TargetFunctionArn", world)
    }

    fn locate(&self, _scope: &Scope, want: &Want, world: &Observation) -> Located {
        match function_part::named(want, "TargetFunctionArn", Some("Qualifier")) {
            Ok(function) => {
                let key = function_part::key(&function.name, &[function.alias_or_version().unwrap_or("")]);
                Located { instances: vec![Instance { found: world.table(TYPE).look(&key), key }], waits: None }
            }
            Err(located) => located,
        }
    }

    fn desired(&self, _scope: &Scope, want: &Want, key: &str) -> Map<String, Json> {
        canonical(&want.properties, key)
    }

    fn attribute(&self, scope: &Scope, target: Target<'_>, attribute: Option<&str>) -> Option<Json> {
        match attribute {
            None | Some("FunctionArn") => Some(Json::from(arn(scope, target.key))),
            Some("FunctionUrl") => target.observed?.attributes.get("FunctionUrl").cloned(),
            Some(_) => None,
        }
    }

    /// Function and qualifier are the key: another one is another URL.
    fn replaces(&self, path: &str, _from: &Json, _to: &Json) -> bool {
        matches!(path, "TargetFunctionArn" | "Qualifier")
    }

    fn forgets_id(&self) -> bool {
        true
    }

    fn parent(&self, key: &str) -> Option<Parent> {
        Some(function_part::parent(key, PART))
    }

    /// It cannot be marked: on a function of ours it is ours.
    fn adopts_unmarked(&self, scope: &Scope, want: &Want, world: &Observation) -> bool {
        function_part::refuses(scope, want, "TargetFunctionArn", world).is_none()
    }

    fn create(&self, work: Work<'_>) -> Vec<Step> {
        let cors = work.desired.get("Cors").cloned();
        vec![addressed(work.key).with_some("Cors", cors).with_rest(work).step(
            TYPE,
            "CreateFunctionUrlConfig",
            work.key,
        )]
    }

    /// Sends everything; an empty `Cors` takes the old one away.
    fn update(&self, work: Work<'_>) -> Vec<Step> {
        let cors = work.desired.get("Cors").cloned().unwrap_or_else(|| Json::Object(Map::new()));
        vec![addressed(work.key).with("Cors", cors).with_rest(work).step(TYPE, "UpdateFunctionUrlConfig", work.key)]
    }

    fn delete(&self, _scope: &Scope, observed: &Observed) -> Vec<Step> {
        vec![addressed(&observed.key).step(TYPE, "DeleteFunctionUrlConfig", &observed.key)]
    }
}

impl Call {
    fn with_rest(self, work: Work<'_>) -> Self {
        self.with_some("AuthType", filled(work.desired, "AuthType"))
            .with_some("InvokeMode", filled(work.desired, "InvokeMode"))
    }
}

fn addressed(key: &str) -> Call {
    let qualifier = Some(qualifier_of(key)).filter(|qualifier| !qualifier.is_empty());
    Call::new().with("FunctionName", function_of(key)).with_some("Qualifier", qualifier)
}

fn reference(key: &str) -> FunctionRef {
    FunctionRef { region: None, account: None, name: function_of(key).to_owned(), qualifier: None }
        .with_qualifier(Some(qualifier_of(key)))
}

/// The ARN of the function, with the alias where the URL belongs to one.
fn arn(scope: &Scope, key: &str) -> String {
    reference(key).arn(scope)
}

/// Properties in canonical form, from a spec and from AWS's answer alike.
fn canonical(properties: &Map<String, Json>, key: &str) -> Map<String, Json> {
    let mut out = Map::new();
    out.insert("TargetFunctionArn".to_owned(), Json::from(function_of(key)));
    if !qualifier_of(key).is_empty() {
        out.insert("Qualifier".to_owned(), Json::from(qualifier_of(key)));
    }
    if let Some(auth) = filled(properties, "AuthType") {
        out.insert("AuthType".to_owned(), Json::from(auth));
    }
    let mode = filled(properties, "InvokeMode").unwrap_or_else(|| "BUFFERED".to_owned());
    out.insert("InvokeMode".to_owned(), Json::from(mode));
    if let Some(Json::Object(cors)) = properties.get("Cors").map(compact) {
        let cors: Map<String, Json> = cors
            .into_iter()
            .map(|(name, value)| {
                let value = match value {
                    // Header names have no case, and AWS answers them as it likes.
                    Json::Array(items) if name.ends_with("Headers") => sorted(&items.iter().map(lower).collect()),
                    list @ Json::Array(_) => sorted(&list),
                    other => scalar(&other),
                };
                (name, value)
            })
            .filter(|(_, value)| *value != Json::Bool(false) && value.as_i64() != Some(0))
            .collect();
        if !cors.is_empty() {
            out.insert("Cors".to_owned(), Json::Object(cors));
        }
    }
    out
}

fn lower(value: &Json) -> Json {
    match value {
        Json::String(text) => Json::from(text.to_ascii_lowercase()),
        other => other.clone(),
    }
}

/// A URL from an answer of `GetFunctionUrlConfig` or an entry of `ListFunctionUrlConfigs`.
pub(crate) fn observed(world: &Observation, answer: &Json) -> Option<Observed> {
    let function = FunctionRef::parse(answer.get("FunctionArn")?.as_str()?)?;
    let key = function_part::key(&function.name, &[function.alias_or_version().unwrap_or("")]);
    let mut out = Observed::new(&key, answer.get("FunctionArn")?.as_str()?);
    out.properties = canonical(answer.as_object()?, &key);
    if let Some(url) = answer.get("FunctionUrl") {
        out.attributes.insert("FunctionUrl".to_owned(), url.clone());
    }
    out.marks = function_part::marks(world, &function.name, None);
    Some(out)
}

#[cfg(test)]
mod tests {
    use evenkeel_core::plan::{TagWork, diff};
    use serde_json::json;

    use super::*;
    use crate::planning::{scope, want};

    fn located(asked: Json) -> (Want, String) {
        let want = want("url", TYPE, asked);
        let key = Url.locate(&scope(), &want, &Observation::new()).instances[0].key.clone();
        (want, key)
    }

    #[test]
    fn a_url_is_found_by_function_and_alias_however_they_are_written() {
        for asked in [
            json!({"TargetFunctionArn": "charge", "Qualifier": "live"}),
            json!({"TargetFunctionArn": "arn:aws:lambda:eu-west-1:111122223333:function:charge:live"}),
        ] {
            assert_eq!(located(asked).1, "charge|live");
        }
        assert_eq!(located(json!({"TargetFunctionArn": "charge"})).1, "charge|");
    }

    #[test]
    fn what_aws_answers_for_a_plain_url_is_no_drift() {
        let (want, key) = located(json!({"TargetFunctionArn": "charge", "AuthType": "NONE"}));
        let answer = json!({"AuthType": "NONE", "CreationTime": "date", "FunctionUrl": "https://x.lambda-url.on.aws/",
            "FunctionArn": "arn:aws:lambda:eu-west-1:111122223333:function:charge", "InvokeMode": "BUFFERED"});
        let seen = observed(&Observation::new(), &answer).unwrap();
        assert_eq!(seen.key, key);
        assert_eq!(diff::diff(&Url.desired(&scope(), &want, &key), &seen.properties), vec![]);
        let target = Target { want: &want, key: &key, observed: Some(&seen) };
        assert_eq!(Url.attribute(&scope(), target, Some("FunctionUrl")), Some(json!("https://x.lambda-url.on.aws/")));
    }

    #[test]
    fn cors_is_compared_as_sets_and_cleared_by_an_empty_one() {
        let scope = scope();
        let asked = json!({"TargetFunctionArn": "charge", "AuthType": "NONE", "Cors": {"AllowMethods": ["PUT", "GET"],
            "AllowHeaders": ["X-Api"], "AllowCredentials": "false", "MaxAge": "60"}});
        let (want, key) = located(asked);
        let answer = json!({"AuthType": "NONE", "InvokeMode": "BUFFERED",
            "FunctionArn": "arn:aws:lambda:eu-west-1:111122223333:function:charge",
            "Cors": {"AllowMethods": ["GET", "PUT"], "AllowHeaders": ["x-api"], "MaxAge": 60, "ExposeHeaders": []}});
        let seen = observed(&Observation::new(), &answer).unwrap();
        assert_eq!(diff::diff(&Url.desired(&scope, &want, &key), &seen.properties), vec![]);
        let (bare, key) = located(json!({"TargetFunctionArn": "charge", "AuthType": "NONE"}));
        let desired = Url.desired(&scope, &bare, &key);
        let tags = TagWork::default();
        let work = Work {
            scope: &scope,
            want: &bare,
            key: &key,
            desired: &desired,
            observed: Some(&seen),
            changes: &[],
            tags: &tags,
        };
        assert_eq!(
            Url.update(work)[0].input,
            json!({"FunctionName": "charge", "Cors": {}, "AuthType": "NONE", "InvokeMode": "BUFFERED"})
        );
    }

    #[test]
    fn every_property_of_awss_schema_is_managed() {
        let all = json!({"TargetFunctionArn": "f", "Qualifier": "live", "AuthType": "NONE",
            "InvokeMode": "RESPONSE_STREAM", "Cors": {"MaxAge": 1}});
        assert_eq!(crate::planning::unmanaged(&Url, &want("a", TYPE, all), "f|live"), Vec::<String>::new());
    }
}
