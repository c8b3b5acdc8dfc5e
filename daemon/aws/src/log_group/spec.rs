//! What a log group means.

use evenkeel_core::plan::kind::{Kind, Scope, TagWork, Target, Want, Work};
use evenkeel_core::plan::naming::{NameStyle, Naming};
use evenkeel_core::plan::{Facts, Observation, Observed, Step, policy};
use serde_json::{Map, Value as Json};

use crate::call::{Call, retag};
use crate::reading::Unread;
use crate::values::{filled, is_true, object, ordered, parsed, scalar, sorted, tags_in};

/// AWS's type name.
pub(crate) const TYPE: &str = "AWS::Logs::LogGroup";
const NAME_LIMIT: usize = 512;
/// Where a function logs that names no group of its own.
pub(crate) const LAMBDA_PREFIX: &str = "/aws/lambda/";

/// The kind.
#[derive(Debug)]
pub(crate) struct LogGroup;

impl Kind for LogGroup {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn facts(&self) -> Facts {
        Facts {
            settles_at_once: true,
            rank: 0,
            holds_data: true,
            taggable: true,
            naming: Some(Naming { property: "LogGroupName", limit: NAME_LIMIT, style: NameStyle::Stack }),
            reads: TYPE,
        }
    }

    fn refuses(&self, _scope: &Scope, want: &Want, _world: &Observation) -> Option<String> {
        let several =
            want.properties.get("FieldIndexPolicies").and_then(Json::as_array).is_some_and(|all| all.len() > 1);
        several.then(|| "a log group can have one field index policy: put all fields into one".to_owned())
    }

    fn desired(&self, _scope: &Scope, want: &Want, key: &str) -> Map<String, Json> {
        canonical(&want.properties, key)
    }

    fn attribute(&self, scope: &Scope, target: Target<'_>, attribute: Option<&str>) -> Option<Json> {
        match attribute {
            None => Some(Json::from(target.key)),
            Some("Arn") => Some(Json::from(format!("{}:*", arn(scope, target.key)))),
            Some(_) => None,
        }
    }

    fn replaces(&self, path: &str, _from: &Json, _to: &Json) -> bool {
        matches!(path, "LogGroupName" | "LogGroupClass")
    }

    fn data_at_risk(&self, observed: &Observed) -> Option<String> {
        is_true(&observed.properties, "DeletionProtectionEnabled")
            .then(|| "its deletion protection is on: switch it off first".to_owned())
    }

    /// Lambda makes the group of a function by itself when the function first runs, without tags.
    fn adopts_unmarked(&self, scope: &Scope, want: &Want, world: &Observation) -> bool {
        let name = match want.text("LogGroupName") {
            Some(name) => name,
            None => return false,
        };
        name.strip_prefix(LAMBDA_PREFIX)
            .and_then(|function| world.table("AWS::Lambda::Function").get(function))
            .and_then(|function| function.marks.as_ref())
            .is_some_and(|marks| marks.is_at_home(&scope.source, &scope.app, scope.env.as_deref()))
    }

    /// A group is made without retention: that, and whatever else the first call does not take, are calls of their
    /// own.
    fn create(&self, work: Work<'_>) -> Vec<Step> {
        let desired = work.desired;
        let class = filled(desired, "LogGroupClass").filter(|class| class != "STANDARD");
        let protected = is_true(desired, "DeletionProtectionEnabled").then_some(true);
        let mut input = Call::new()
            .with("logGroupName", work.key)
            .with_some("kmsKeyId", filled(desired, "KmsKeyId"))
            .with_some("logGroupClass", class)
            .with_some("deletionProtectionEnabled", protected);
        if !work.tags.all.is_empty() {
            let tags: Map<String, Json> =
                work.tags.all.iter().map(|(k, v)| (k.clone(), Json::from(v.as_str()))).collect();
            input = input.with("tags", tags);
        }
        let mut steps = vec![input.step(TYPE, "CreateLogGroup", work.key)];
        let rest = ["RetentionInDays", "DataProtectionPolicy", "FieldIndexPolicies", "ResourcePolicyDocument"];
        for property in rest.into_iter().filter(|property| desired.contains_key(*property)) {
            steps.extend(set(work, property));
        }
        if is_true(desired, "BearerTokenAuthenticationEnabled") {
            steps.extend(set(work, "BearerTokenAuthenticationEnabled"));
        }
        steps
    }

    fn update(&self, work: Work<'_>) -> Vec<Step> {
        SETTINGS.iter().filter(|property| work.changed(property)).filter_map(|property| set(work, property)).collect()
    }

    fn retag(&self, scope: &Scope, observed: &Observed, tags: &TagWork) -> Vec<Step> {
        let target = Call::new().with("resourceArn", arn(scope, &observed.key));
        retag((TYPE, &observed.key), target, ("TagResource", "tags"), ("UntagResource", "tagKeys"), tags)
    }

    fn delete(&self, _scope: &Scope, observed: &Observed) -> Vec<Step> {
        vec![Call::new().with("logGroupName", observed.key.as_str()).step(TYPE, "DeleteLogGroup", &observed.key)]
    }
}

/// What can be changed in place: one call each.
const SETTINGS: [&str; 7] = [
    "KmsKeyId",
    "RetentionInDays",
    "DataProtectionPolicy",
    "FieldIndexPolicies",
    "DeletionProtectionEnabled",
    "BearerTokenAuthenticationEnabled",
    "ResourcePolicyDocument",
];

/// The group's ARN as the tag calls want it: without the `:*` that `Arn` ends in.
pub(crate) fn arn(scope: &Scope, name: &str) -> String {
    scope.arn("logs", &format!("log-group:{name}"))
}

/// The one call that brings one property to its desired value.
fn set(work: Work<'_>, property: &str) -> Option<Step> {
    let value = work.desired.get(property);
    let named = || Call::new().with("logGroupName", work.key);
    let identified = || Call::new().with("logGroupIdentifier", work.key);
    let (input, operation) = match (property, value) {
        ("KmsKeyId", Some(key)) => (named().with("kmsKeyId", key.clone()), "AssociateKmsKey"),
        ("KmsKeyId", None) => (named(), "DisassociateKmsKey"),
        ("RetentionInDays", Some(days)) => (named().with("retentionInDays", days.clone()), "PutRetentionPolicy"),
        ("RetentionInDays", None) => (named(), "DeleteRetentionPolicy"),
        ("DataProtectionPolicy", Some(document)) => {
            (identified().with("policyDocument", document.to_string()), "PutDataProtectionPolicy")
        }
        ("DataProtectionPolicy", None) => (identified(), "DeleteDataProtectionPolicy"),
        ("FieldIndexPolicies", Some(Json::Array(all))) => {
            (identified().with("policyDocument", all.first()?.to_string()), "PutIndexPolicy")
        }
        ("FieldIndexPolicies", _) => (identified(), "DeleteIndexPolicy"),
        ("DeletionProtectionEnabled", value) => {
            let on = value == Some(&Json::Bool(true));
            (identified().with("deletionProtectionEnabled", on), "PutLogGroupDeletionProtection")
        }
        ("BearerTokenAuthenticationEnabled", value) => {
            let on = value == Some(&Json::Bool(true));
            (identified().with("bearerTokenAuthenticationEnabled", on), "PutBearerTokenAuthentication")
        }
        ("ResourcePolicyDocument", value) => {
            let base = Call::new().with("resourceArn", arn(work.scope, work.key)).with_some(
                "expectedRevisionId",
                work.observed.and_then(|observed| filled(&observed.attributes, REVISION)),
            );
            match work.want.properties.get(property).filter(|_| value.is_some()) {
                // As written: the canonical form is for comparing alone.
                Some(document) => (base.with("policyDocument", parsed(document).to_string()), "PutResourcePolicy"),
                None => (base, "DeleteResourcePolicy"),
            }
        }
        _ => return None,
    };
    Some(input.step(TYPE, operation, work.key))
}

/// Where the revision of the group's own policy is remembered: the next write of it has to name it.
const REVISION: &str = "ResourcePolicyRevision";

/// Properties in canonical form, from a spec and from AWS's answers alike.
fn canonical(properties: &Map<String, Json>, name: &str) -> Map<String, Json> {
    let mut out = Map::new();
    out.insert("LogGroupName".to_owned(), Json::from(name));
    let class = filled(properties, "LogGroupClass").unwrap_or_else(|| "STANDARD".to_owned());
    out.insert("LogGroupClass".to_owned(), Json::from(class));
    if let Some(key) = filled(properties, "KmsKeyId") {
        out.insert("KmsKeyId".to_owned(), Json::from(key));
    }
    if let Some(days) = properties.get("RetentionInDays").filter(|days| !days.is_null()) {
        out.insert("RetentionInDays".to_owned(), scalar(days));
    }
    for flag in ["DeletionProtectionEnabled", "BearerTokenAuthenticationEnabled"] {
        out.insert(flag.to_owned(), Json::Bool(is_true(properties, flag)));
    }
    if let Some(document) = properties.get("DataProtectionPolicy").filter(|document| !is_empty(document)) {
        out.insert("DataProtectionPolicy".to_owned(), ordered(&parsed(document)));
    }
    if let Some(Json::Array(all)) = properties.get("FieldIndexPolicies")
        && !all.is_empty()
    {
        out.insert("FieldIndexPolicies".to_owned(), all.iter().map(index_policy).collect());
    }
    if let Some(document) = properties.get("ResourcePolicyDocument").filter(|document| !is_empty(document)) {
        out.insert("ResourcePolicyDocument".to_owned(), policy::canonical(document));
    }
    out
}

fn is_empty(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::Object(map) => map.is_empty(),
        Json::String(text) => text.is_empty(),
        _ => false,
    }
}

/// The order of indexed fields says nothing.
fn index_policy(document: &Json) -> Json {
    let mut out = ordered(&parsed(document));
    if let Some(fields) = out.get_mut("Fields") {
        *fields = sorted(fields);
    }
    out
}

/// What is read of a group beyond its entry in the list; only for groups that are ours or wanted.
#[derive(Debug, Default)]
pub(crate) struct Details {
    /// The document of `GetDataProtectionPolicy`.
    pub(crate) data_protection: Option<String>,
    /// Documents of `DescribeIndexPolicies` that are the group's own, not the account's.
    pub(crate) index_policies: Vec<String>,
    /// The document and revision of the group's own resource policy.
    pub(crate) resource_policy: Option<(String, Option<String>)>,
    /// What of these could not be read.
    pub(crate) unread: Unread,
}

/// A log group from an entry of `DescribeLogGroups`.
pub(crate) fn observed(entry: &Json, details: &Details) -> Option<Observed> {
    let name = entry.get("logGroupName")?.as_str()?;
    let mut properties = Map::new();
    for (ours, theirs) in [
        ("LogGroupClass", "logGroupClass"),
        ("KmsKeyId", "kmsKeyId"),
        ("RetentionInDays", "retentionInDays"),
        ("DeletionProtectionEnabled", "deletionProtectionEnabled"),
        ("BearerTokenAuthenticationEnabled", "bearerTokenAuthenticationEnabled"),
    ] {
        if let Some(value) = entry.get(theirs) {
            properties.insert(ours.to_owned(), value.clone());
        }
    }
    if let Some(document) = &details.data_protection {
        properties.insert("DataProtectionPolicy".to_owned(), Json::from(document.as_str()));
    }
    let indexes: Vec<Json> = details.index_policies.iter().map(|text| Json::from(text.as_str())).collect();
    properties.insert("FieldIndexPolicies".to_owned(), Json::Array(indexes));
    let mut out = Observed::new(name, name);
    if let Some((document, revision)) = &details.resource_policy {
        properties.insert("ResourcePolicyDocument".to_owned(), Json::from(document.as_str()));
        if let Some(revision) = revision {
            out.attributes.insert(REVISION.to_owned(), Json::from(revision.as_str()));
        }
    }
    out.properties = canonical(&object(Json::Object(properties)), name);
    Some(out)
}

/// Says of a group that was made a moment ago that nothing was written to it since but what its line shows.
const NEW: &str = "New";

/// Whether all but a group's line is known, because it was just made.
pub(crate) fn is_new(item: &Observed) -> bool {
    item.attributes.contains_key(NEW)
}

/// Whether a group's line speaks of what has to be read apart.
pub(crate) fn has_details(entry: &Json) -> bool {
    entry.get("dataProtectionStatus").is_some_and(|status| status == "ACTIVATED")
}

/// A group as it is known after a step that succeeded; `None` where the step changes nothing of what is known.
pub(crate) fn after(step: &Step, before: Option<&Observed>) -> Option<Observed> {
    match step.operation {
        "CreateLogGroup" => {
            let mut item = observed(&step.input, &Details::default())?.with_tags(tags_in(&step.input, "tags"));
            item.attributes.insert(NEW.to_owned(), Json::Bool(true));
            Some(item)
        }
        "PutRetentionPolicy" => None,
        _ => {
            let mut item = before.filter(|item| is_new(item))?.clone();
            item.attributes.shift_remove(NEW);
            Some(item)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use evenkeel_core::plan::marks::Marks;
    use evenkeel_core::plan::{Cause, Change, Seen, diff};
    use serde_json::json;

    use super::*;
    use crate::planning::{scope, want};

    fn changes(desired: &Map<String, Json>, seen: &Observed) -> Vec<Change> {
        diff::diff(desired, &seen.properties)
            .into_iter()
            .map(|(path, from, to)| Change { path, from, to, to_unknown: None, cause: Cause::Spec })
            .collect()
    }

    fn updates(asked: Json, entry: Json, details: Details) -> Vec<(&'static str, Json)> {
        let scope = scope();
        let want = want("logs", TYPE, asked);
        let observed = observed(&entry, &details).unwrap();
        let desired = LogGroup.desired(&scope, &want, &observed.key);
        let changes = changes(&desired, &observed);
        let tags = TagWork::default();
        let work = Work {
            scope: &scope,
            want: &want,
            key: &observed.key,
            desired: &desired,
            observed: Some(&observed),
            changes: &changes,
            tags: &tags,
        };
        LogGroup.update(work).into_iter().map(|step| (step.operation, step.input)).collect()
    }

    #[test]
    fn a_group_with_nothing_said_about_it_does_not_drift() {
        let entry = json!({"logGroupName": "g", "logGroupClass": "STANDARD", "storedBytes": 0,
            "deletionProtectionEnabled": false, "arn": "arn:aws:logs:eu-west-1:111122223333:log-group:g:*"});
        assert_eq!(updates(json!({}), entry, Details::default()), vec![]);
    }

    #[test]
    fn every_setting_that_is_gone_from_the_spec_is_taken_away_with_a_call_of_its_own() {
        let entry = json!({"logGroupName": "g", "retentionInDays": 7, "kmsKeyId": "arn:k",
            "deletionProtectionEnabled": true, "bearerTokenAuthenticationEnabled": true});
        let details = Details {
            data_protection: Some("{\"Name\":\"p\"}".into()),
            index_policies: vec!["{\"Fields\":[\"a\"]}".into()],
            resource_policy: Some(("{\"Statement\":[]}".into(), Some("r1".into()))),
            ..Details::default()
        };
        let calls = updates(json!({}), entry, details);
        assert_eq!(
            calls,
            vec![
                ("DisassociateKmsKey", json!({"logGroupName": "g"})),
                ("DeleteRetentionPolicy", json!({"logGroupName": "g"})),
                ("DeleteDataProtectionPolicy", json!({"logGroupIdentifier": "g"})),
                ("DeleteIndexPolicy", json!({"logGroupIdentifier": "g"})),
                (
                    "PutLogGroupDeletionProtection",
                    json!({"logGroupIdentifier": "g", "deletionProtectionEnabled": false})
                ),
                (
                    "PutBearerTokenAuthentication",
                    json!({"logGroupIdentifier": "g", "bearerTokenAuthenticationEnabled": false})
                ),
                (
                    "DeleteResourcePolicy",
                    json!({"resourceArn": "arn:aws:logs:eu-west-1:111122223333:log-group:g",
                        "expectedRevisionId": "r1"})
                ),
            ]
        );
    }

    #[test]
    fn documents_are_compared_by_meaning() {
        let asked = json!({"RetentionInDays": "7", "DataProtectionPolicy": {"Name": "p", "Version": "2021-06-01"},
            "FieldIndexPolicies": [{"Fields": ["b", "a"]}],
            "ResourcePolicyDocument": {"Statement": {"Effect": "Allow", "Action": "logs:PutLogEvents", "Resource": "*",
                "Principal": {"Service": "es.amazonaws.com"}}}});
        let details = Details {
            data_protection: Some("{\"Version\":\"2021-06-01\",\"Name\":\"p\"}".into()),
            index_policies: vec!["{\"Fields\":[\"a\",\"b\"]}".into()],
            resource_policy: Some((
                "{\"Statement\":[{\"Action\":[\"logs:PutLogEvents\"],\"Effect\":\"Allow\",\"Resource\":[\"*\"],\"Principal\":{\"Service\":[\"es.amazonaws.com\"]}}]}".into(),
                None,
            )),
            ..Details::default()
        };
        assert_eq!(updates(asked, json!({"logGroupName": "g", "retentionInDays": 7}), details), vec![]);
    }

    #[test]
    fn retention_is_a_second_call_after_the_creation() {
        let scope = scope();
        let want = want("logs", TYPE, json!({"RetentionInDays": 14, "LogGroupClass": "INFREQUENT_ACCESS"}));
        let desired = LogGroup.desired(&scope, &want, "g");
        let tags = TagWork { all: BTreeMap::from([("evenkeel:id".into(), "logs".into())]), ..TagWork::default() };
        let work =
            Work { scope: &scope, want: &want, key: "g", desired: &desired, observed: None, changes: &[], tags: &tags };
        let calls: Vec<_> = LogGroup.create(work).into_iter().map(|step| (step.operation, step.input)).collect();
        assert_eq!(
            calls,
            vec![
                (
                    "CreateLogGroup",
                    json!({"logGroupName": "g", "logGroupClass": "INFREQUENT_ACCESS", "tags": {"evenkeel:id": "logs"}})
                ),
                ("PutRetentionPolicy", json!({"logGroupName": "g", "retentionInDays": 14})),
            ]
        );
    }

    #[test]
    fn the_group_that_lambda_made_for_our_function_is_adopted_and_no_other() {
        let scope = scope();
        let marks = |app: &str| Some(Marks { source: "default".into(), app: app.into(), ..Marks::default() });
        let mut ours = Observed::new("charge", "charge");
        ours.marks = marks("shop");
        let mut theirs = Observed::new("other", "other");
        theirs.marks = marks("bank");
        let mut world = Observation::new();
        world.swept("AWS::Lambda::Function", Seen { items: vec![ours, theirs], ..Seen::default() });
        let adopts =
            |name: &str| LogGroup.adopts_unmarked(&scope, &want("logs", TYPE, json!({"LogGroupName": name})), &world);
        assert!(adopts("/aws/lambda/charge"));
        assert!(!adopts("/aws/lambda/other"));
        assert!(!adopts("/aws/lambda/nobody"));
        assert!(!adopts("charge"));
    }

    #[test]
    fn of_a_group_that_was_just_made_all_but_the_line_is_known_until_more_is_written() {
        let step = |operation, input| Step { type_name: TYPE, operation, input, refresh: (TYPE, "g".to_owned()) };
        let input = json!({"logGroupName": "g", "kmsKeyId": "k", "tags": {"evenkeel:id": "logs"}});
        let made = after(&step("CreateLogGroup", input), None).unwrap();
        assert!(is_new(&made));
        assert_eq!(made.tags, Some(BTreeMap::from([("evenkeel:id".to_owned(), "logs".to_owned())])));
        assert_eq!(made.properties["KmsKeyId"], json!("k"));
        let retention = step("PutRetentionPolicy", json!({"logGroupName": "g", "retentionInDays": 7}));
        assert_eq!(after(&retention, Some(&made)), None, "the line shows it");
        let indexed = after(&step("PutIndexPolicy", json!({"logGroupIdentifier": "g"})), Some(&made)).unwrap();
        assert!(!is_new(&indexed), "the line does not show it");
        assert_eq!(after(&step("TagResource", json!({})), Some(&indexed)), None);
    }

    #[test]
    fn a_protected_group_is_not_deleted() {
        let protected = observed(&json!({"logGroupName": "g", "deletionProtectionEnabled": true}), &Details::default());
        assert!(LogGroup.data_at_risk(&protected.unwrap()).is_some());
        let open = observed(&json!({"logGroupName": "g"}), &Details::default());
        assert_eq!(LogGroup.data_at_risk(&open.unwrap()), None);
    }

    #[test]
    fn the_attribute_ends_in_a_star_and_the_tag_call_does_not() {
        let scope = scope();
        let want = want("logs", TYPE, json!({}));
        let target = Target { want: &want, key: "g", observed: None };
        assert_eq!(
            LogGroup.attribute(&scope, target, Some("Arn")),
            Some(json!("arn:aws:logs:eu-west-1:111122223333:log-group:g:*"))
        );
        let tags = TagWork { set: BTreeMap::from([("a".into(), "b".into())]), ..TagWork::default() };
        let steps = LogGroup.retag(&scope, &Observed::new("g", "g"), &tags);
        assert_eq!(steps[0].input["resourceArn"], json!("arn:aws:logs:eu-west-1:111122223333:log-group:g"));
    }

    #[test]
    fn every_property_of_awss_schema_is_managed() {
        let all = json!({"LogGroupName": "g", "RetentionInDays": 7, "KmsKeyId": "arn:k", "LogGroupClass": "DELIVERY",
            "DataProtectionPolicy": {"Name": "p"}, "FieldIndexPolicies": [{"Fields": ["a"]}],
            "DeletionProtectionEnabled": true, "BearerTokenAuthenticationEnabled": true,
            "ResourcePolicyDocument": {"Statement": []}});
        assert_eq!(crate::planning::unmanaged(&LogGroup, &want("a", TYPE, all), "g"), Vec::<String>::new());
    }
}
