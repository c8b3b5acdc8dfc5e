//! What a permission means.

use evenkeel_core::plan::kind::{Instance, Kind, Located, Parent, Scope, Target, Want, Work};
use evenkeel_core::plan::naming::{short_hash, shorten};
use evenkeel_core::plan::{Facts, Observation, Observed, Step};
use serde_json::{Map, Value as Json};

use crate::call::Call;
use crate::function_part::{self, function_of, qualifier_of};
use crate::function_ref::FunctionRef;
use crate::values::{filled, is_true, ordered};

/// AWS's type name.
pub(crate) const TYPE: &str = "AWS::Lambda::Permission";
/// The word in the function's parts mark.
pub(crate) const PART: &str = "permission";
/// Every statement of ours has an id that begins so.
const SID_PREFIX: &str = "evenkeel-";
/// AWS's limit for a statement's id, characters.
const SID_LIMIT: usize = 100;

/// Properties that say what a statement allows, each as `AddPermission` takes it.
const TEXTS: [&str; 7] =
    ["Action", "Principal", "SourceArn", "SourceAccount", "PrincipalOrgID", "EventSourceToken", "FunctionUrlAuthType"];

/// The kind.
#[derive(Debug)]
pub(crate) struct Permission;

impl Kind for Permission {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn facts(&self) -> Facts {
        Facts { settles_at_once: true, rank: 80, holds_data: false, taggable: false, naming: None, reads: TYPE }
    }

    fn refuses(&self, scope: &Scope, want: &Want, world: &Observation) -> Option<String> {
        function_part::refuses(scope, want, "FunctionName", world)
    }

    fn locate(&self, scope: &Scope, want: &Want, world: &Observation) -> Located {
        let function = match function_part::named(want, "FunctionName", None) {
            Ok(function) => function,
            Err(located) => return located,
        };
        // The id is made from all of the content.
        if let Some(unknown) = want.unknown.values().next() {
            return Located { waits: Some(unknown.clone()), ..Located::default() };
        }
        let content = content(scope, &want.properties);
        let qualifier = function.qualifier.clone().unwrap_or_default();
        let key = function_part::key(&function.name, &[&qualifier, &sid(want.id(), &content)]);
        Located { instances: vec![Instance { found: world.table(TYPE).look(&key), key }], waits: None }
    }

    fn desired(&self, scope: &Scope, want: &Want, key: &str) -> Map<String, Json> {
        let mut out = content(scope, &want.properties);
        out.insert("FunctionName".to_owned(), Json::from(named_in(key)));
        out
    }

    fn attribute(&self, _scope: &Scope, target: Target<'_>, attribute: Option<&str>) -> Option<Json> {
        matches!(attribute, None | Some("Id")).then(|| Json::from(sid_of(target.key)))
    }

    /// A statement whose id is right and whose content is not was changed by hand: it is made anew.
    fn replaces(&self, _path: &str, _from: &Json, _to: &Json) -> bool {
        true
    }

    fn parent(&self, key: &str) -> Option<Parent> {
        Some(function_part::parent(key, PART))
    }

    fn opens(&self, want: &Want) -> Option<(&'static str, String)> {
        let function = function_part::named(want, "FunctionName", None).ok()?;
        (want.text("Principal") == Some("sns.amazonaws.com")).then_some((function_part::FUNCTION, function.name))
    }

    fn part_word(&self, key: &str) -> Option<String> {
        Some(function_part::word(PART, qualifier_of(key)))
    }

    fn create(&self, work: Work<'_>) -> Vec<Step> {
        let asked = &work.want.properties;
        let mut input = addressed(work.key);
        for property in TEXTS {
            input = input.with_some(property, filled(asked, property));
        }
        if is_true(asked, "InvokedViaFunctionUrl") {
            input = input.with("InvokedViaFunctionUrl", true);
        }
        vec![input.step(TYPE, "AddPermission", work.key)]
    }

    /// Never asked: every change replaces.
    fn update(&self, _work: Work<'_>) -> Vec<Step> {
        Vec::new()
    }

    fn delete(&self, _scope: &Scope, observed: &Observed) -> Vec<Step> {
        vec![addressed(&observed.key).step(TYPE, "RemovePermission", &observed.key)]
    }
}

/// Function, qualifier and statement id of a key.
fn addressed(key: &str) -> Call {
    let qualifier = Some(qualifier_of(key)).filter(|qualifier| !qualifier.is_empty());
    Call::new()
        .with("FunctionName", function_of(key))
        .with_some("Qualifier", qualifier)
        .with("StatementId", sid_of(key))
}

fn sid_of(key: &str) -> &str {
    key.splitn(3, '|').nth(2).unwrap_or("")
}

/// `function` or `function:qualifier`, as a person would write it.
fn named_in(key: &str) -> String {
    match qualifier_of(key) {
        "" => function_of(key).to_owned(),
        qualifier => format!("{}:{qualifier}", function_of(key)),
    }
}

/// `evenkeel-<logical id>-<hash of the content>`
fn sid(id: &str, content: &Map<String, Json>) -> String {
    let hash = short_hash(&ordered(&Json::Object(content.clone())).to_string());
    let id: String = id.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).collect();
    format!("{SID_PREFIX}{}-{hash}", shorten(&id, SID_LIMIT - SID_PREFIX.len() - hash.len() - 1))
}

/// The logical id in a statement's id; `None` where the statement is not ours.
fn id_in(sid: &str) -> Option<&str> {
    let (id, hash) = sid.strip_prefix(SID_PREFIX)?.rsplit_once('-')?;
    (hash.len() == 8 && hash.chars().all(|c| c.is_ascii_hexdigit()) && !id.is_empty()).then_some(id)
}

/// What is allowed, in canonical form.
fn content(scope: &Scope, properties: &Map<String, Json>) -> Map<String, Json> {
    let mut out = Map::new();
    for property in TEXTS {
        if let Some(text) = filled(properties, property) {
            let text = if property == "Principal" { principal(scope, &text) } else { text };
            out.insert(property.to_owned(), Json::from(text));
        }
    }
    if is_true(properties, "InvokedViaFunctionUrl") {
        out.insert("InvokedViaFunctionUrl".to_owned(), Json::Bool(true));
    }
    out
}

/// An account is answered as the ARN of its root.
fn principal(scope: &Scope, text: &str) -> String {
    let root = text
        .strip_prefix(&format!("arn:{}:iam::", scope.partition))
        .and_then(|rest| rest.strip_suffix(":root"))
        .filter(|account| account.len() == 12);
    root.unwrap_or(text).to_owned()
}

/// The statements of one policy document (`GetPolicy` of a function or of one of its qualifiers).
pub(crate) fn observed(
    scope: &Scope,
    world: &Observation,
    function: &str,
    qualifier: &str,
    document: &Json,
) -> Vec<Observed> {
    let statements = match document.get("Statement") {
        Some(Json::Array(all)) => all.as_slice(),
        _ => &[],
    };
    // An emulator answers the statements of all qualifiers at once; each says in its resource which one it is for.
    let belongs = |statement: &&Json| {
        let resource = statement.get("Resource").and_then(Json::as_str).and_then(FunctionRef::parse);
        resource.is_none_or(|resource| resource.qualifier.as_deref().unwrap_or("") == qualifier)
    };
    statements
        .iter()
        .filter(belongs)
        .filter_map(|statement| {
            let sid = statement.get("Sid")?.as_str()?;
            let mut out = Observed::new(function_part::key(function, &[qualifier, sid]), sid);
            out.properties = read(scope, statement);
            out.properties.insert("FunctionName".to_owned(), Json::from(named_in(&out.key)));
            out.marks = id_in(sid).and_then(|id| function_part::marks(world, function, Some(id)));
            Some(out)
        })
        .collect()
}

/// A statement as the properties that made it. What no property can say (a condition that somebody wrote by other
/// means) is kept under its own name, so that it shows as drift.
fn read(scope: &Scope, statement: &Json) -> Map<String, Json> {
    let mut out = Map::new();
    if let Some(action) = statement.get("Action") {
        out.insert("Action".to_owned(), action.clone());
    }
    if statement.get("Effect").is_some_and(|effect| effect != "Allow") {
        out.insert("Effect".to_owned(), statement["Effect"].clone());
    }
    let who = match statement.get("Principal") {
        Some(Json::Object(map)) if map.len() == 1 => map.values().next().cloned().unwrap_or_default(),
        Some(other) => other.clone(),
        None => Json::Null,
    };
    let who = match who {
        Json::String(text) => Json::from(principal(scope, &text)),
        other => other,
    };
    out.insert("Principal".to_owned(), who);
    let mut foreign = Map::new();
    let conditions = statement.get("Condition").and_then(Json::as_object);
    for (operator, tests) in conditions.into_iter().flatten() {
        for (name, value) in tests.as_object().into_iter().flatten() {
            match condition(operator, name) {
                Some("InvokedViaFunctionUrl") if *value == Json::Bool(true) || *value == "true" => {
                    out.insert("InvokedViaFunctionUrl".to_owned(), Json::Bool(true));
                }
                Some(property) if value.is_string() => {
                    out.insert(property.to_owned(), value.clone());
                }
                _ => {
                    foreign.insert(format!("{operator} {name}"), value.clone());
                }
            }
        }
    }
    if !foreign.is_empty() {
        out.insert("Condition".to_owned(), Json::Object(foreign));
    }
    out
}

/// The property that a condition comes from. Condition keys have no case.
fn condition(operator: &str, name: &str) -> Option<&'static str> {
    match (operator, name.to_ascii_lowercase().as_str()) {
        ("ArnLike" | "ArnEquals", "aws:sourcearn") => Some("SourceArn"),
        ("StringEquals", "aws:sourceaccount") => Some("SourceAccount"),
        ("StringEquals", "aws:principalorgid") => Some("PrincipalOrgID"),
        ("StringEquals", "lambda:functionurlauthtype") => Some("FunctionUrlAuthType"),
        ("StringEquals", "lambda:eventsourcetoken") => Some("EventSourceToken"),
        ("Bool", "lambda:invokedviafunctionurl") => Some("InvokedViaFunctionUrl"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use evenkeel_core::plan::{Found, Marks, Seen, TagWork, diff};
    use serde_json::json;

    use super::*;
    use crate::planning::{scope, want};

    fn world() -> Observation {
        let mut function = Observed::new("charge", "charge");
        function.marks =
            Some(Marks { source: "default".into(), app: "shop".into(), id: "charge".into(), ..Marks::default() });
        let mut world = Observation::new();
        world.swept(function_part::FUNCTION, Seen { items: vec![function], ..Seen::default() });
        world.swept(TYPE, Seen::default());
        world
    }

    fn rule(arn: &str) -> Want {
        want(
            "onRule",
            TYPE,
            json!({"FunctionName": "arn:aws:lambda:eu-west-1:111122223333:function:charge:live",
                "Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com", "SourceArn": arn}),
        )
    }

    fn key(want: &Want) -> String {
        Permission.locate(&scope(), want, &world()).instances[0].key.clone()
    }

    #[test]
    fn other_content_is_another_statement_and_the_same_content_the_same() {
        let (one, two) = (key(&rule("arn:aws:events:eu-west-1:111122223333:rule/a")), key(&rule("arn:other")));
        assert_ne!(one, two);
        assert_eq!(one, key(&rule("arn:aws:events:eu-west-1:111122223333:rule/a")));
        assert!(one.starts_with("charge|live|evenkeel-onRule-"), "{one}");
        assert_eq!(id_in(sid_of(&one)), Some("onRule"));
        assert_eq!(id_in("AllowExecutionFromS3"), None);
    }

    #[test]
    fn a_long_id_still_makes_an_id_that_aws_takes() {
        let sid = sid(&"a.b".repeat(60), &Map::new());
        assert!(sid.len() <= SID_LIMIT, "{sid}");
        assert!(sid.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_'), "{sid}");
    }

    #[test]
    fn what_was_added_is_read_back_without_a_difference() {
        let all = json!({"FunctionName": "charge", "Action": "lambda:InvokeFunction", "Principal": "111122223333",
            "SourceArn": "arn:aws:s3:::bucket", "SourceAccount": "111122223333", "PrincipalOrgID": "o-1234567890",
            "EventSourceToken": "amzn1.ask", "FunctionUrlAuthType": "NONE", "InvokedViaFunctionUrl": true});
        let want = want("all", TYPE, all);
        let key = key(&want);
        let document = json!({"Version": "2012-10-17", "Id": "default", "Statement": [{"Sid": sid_of(&key),
            "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
            "Action": "lambda:InvokeFunction",
            "Resource": "arn:aws:lambda:eu-west-1:111122223333:function:charge",
            "Condition": {"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::bucket"}, "StringEquals": {
                "AWS:SourceAccount": "111122223333", "aws:PrincipalOrgID": "o-1234567890",
                "lambda:EventSourceToken": "amzn1.ask", "lambda:FunctionUrlAuthType": "NONE"},
                "Bool": {"lambda:InvokedViaFunctionUrl": "true"}}}]});
        let seen = observed(&scope(), &world(), "charge", "", &document);
        assert_eq!(seen[0].key, key);
        assert_eq!(seen[0].marks.as_ref().map(|marks| marks.id.as_str()), Some("all"));
        assert_eq!(diff::diff(&Permission.desired(&scope(), &want, &key), &seen[0].properties), vec![]);
    }

    #[test]
    fn everyone_and_a_service_are_read_as_written() {
        for principal in [json!("*"), json!({"AWS": "*"})] {
            let statement = json!({"Sid": "s", "Effect": "Allow", "Principal": principal, "Action": "lambda:*"});
            assert_eq!(read(&scope(), &statement)["Principal"], json!("*"));
        }
    }

    #[test]
    fn a_condition_that_no_property_can_say_shows_as_drift() {
        let want = rule("arn:a");
        let key = key(&want);
        let document = json!({"Statement": [{"Sid": sid_of(&key), "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"}, "Action": "lambda:InvokeFunction",
            "Condition": {"StringLike": {"aws:SourceArn": "arn:*"}}}]});
        let seen = observed(&scope(), &world(), "charge", "live", &document);
        let paths: Vec<String> = diff::diff(&Permission.desired(&scope(), &want, &key), &seen[0].properties)
            .into_iter()
            .map(|(path, _, _)| path)
            .collect();
        assert_eq!(paths, vec!["Condition", "SourceArn"]);
    }

    #[test]
    fn a_statement_for_another_qualifier_is_not_read_with_this_one() {
        let arn = "arn:aws:lambda:eu-west-1:111122223333:function:charge:live";
        let document = json!({"Statement": [{"Sid": "s", "Effect": "Allow", "Principal": "*", "Resource": arn}]});
        assert_eq!(observed(&scope(), &world(), "charge", "", &document), vec![]);
        assert_eq!(observed(&scope(), &world(), "charge", "live", &document).len(), 1);
    }

    #[test]
    fn statements_of_others_are_seen_and_are_nobodys() {
        let document = json!({"Statement": [{"Sid": "theirs", "Effect": "Allow", "Principal": "*"}]});
        let seen = observed(&scope(), &world(), "charge", "", &document);
        assert_eq!((seen.len(), seen[0].marks.clone()), (1, None));
    }

    #[test]
    fn a_statement_is_not_named_before_all_of_its_content_is_known() {
        let mut want = rule("");
        want.properties.shift_remove("SourceArn");
        let unknown = evenkeel_core::plan::diff::Unknown { after: "api".into() };
        want.unknown.insert("SourceArn".into(), unknown);
        let located = Permission.locate(&scope(), &want, &world());
        assert!(located.instances.is_empty());
        assert_eq!(located.waits.map(|unknown| unknown.after), Some("api".into()));
    }

    #[test]
    fn adding_and_removing_name_the_qualifier() {
        let scope = scope();
        let want = rule("arn:a");
        let key = key(&want);
        let desired = Permission.desired(&scope, &want, &key);
        let tags = TagWork::default();
        let work = Work {
            scope: &scope,
            want: &want,
            key: &key,
            desired: &desired,
            observed: None,
            changes: &[],
            tags: &tags,
        };
        let sid = sid_of(&key);
        assert_eq!(
            Permission.create(work)[0].input,
            json!({"FunctionName": "charge", "Qualifier": "live", "StatementId": sid, "Action": "lambda:InvokeFunction",
                "Principal": "events.amazonaws.com", "SourceArn": "arn:a"})
        );
        let removed = Permission.delete(&scope, &Observed::new(key.clone(), sid));
        assert_eq!(removed[0].input, json!({"FunctionName": "charge", "Qualifier": "live", "StatementId": sid}));
        assert_eq!(Permission.part_word(&key), Some("permission:live".into()));
        assert!(matches!(world().table(TYPE).look(&key), Found::Absent));
    }

    #[test]
    fn every_property_of_awss_schema_is_managed() {
        let all = json!({"FunctionName": "charge", "Action": "lambda:InvokeFunction", "Principal": "*",
            "SourceArn": "arn:aws:s3:::bucket", "SourceAccount": "111122223333", "PrincipalOrgID": "o-1234567890",
            "EventSourceToken": "amzn1.ask", "FunctionUrlAuthType": "NONE", "InvokedViaFunctionUrl": true});
        assert_eq!(crate::planning::unmanaged(&Permission, &want("a", TYPE, all), "f||s"), Vec::<String>::new());
    }
}
