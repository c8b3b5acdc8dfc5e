//! What a parameter means.

use std::time::Duration;

use evenkeel_core::plan::kind::{Kind, Scope, TagWork, Target, Want, Work};
use evenkeel_core::plan::naming::{NameStyle, Naming};
use evenkeel_core::plan::{Facts, Observation, Observed, State, Step, Tags, diff};
use serde_json::{Map, Value as Json};

use crate::call::Call;
use crate::values::{filled, object, parsed, scalar, sorted};

/// AWS's type name.
pub(crate) const TYPE: &str = "AWS::SSM::Parameter";
const SECURE: &str = "SecureString";
/// The key that encrypts where none is named.
const DEFAULT_KEY: &str = "alias/aws/ssm";
/// The id of an image, which AWS looks up.
const IMAGE: &str = "aws:ec2:image";
/// How often it was written.
pub(crate) const VERSION: &str = "Version";
/// When it was written last.
pub(crate) const MODIFIED: &str = "LastModifiedDate";
/// Says of a parameter without marks that a write of ours made it.
const MADE: &str = "Made";
/// The whole name may have 1,011 characters, AWS's part of the ARN among them; this leaves room for that.
const NAME_LIMIT: usize = 900;

/// The kind.
#[derive(Debug)]
pub(crate) struct Parameter;

impl Kind for Parameter {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn facts(&self) -> Facts {
        Facts {
            settles_at_once: true,
            rank: 10,
            holds_data: false,
            taggable: true,
            naming: Some(Naming { property: "Name", limit: NAME_LIMIT, style: NameStyle::Path }),
            reads: TYPE,
        }
    }

    fn refuses(&self, _scope: &Scope, want: &Want, _world: &Observation) -> Option<String> {
        (want.properties.contains_key("KeyId") && !is_secure(&want.properties))
            .then(|| "`KeyId` encrypts a SecureString; a parameter of another type has no key".to_owned())
    }

    fn desired(&self, scope: &Scope, want: &Want, key: &str) -> Map<String, Json> {
        canonical(scope, &want.properties, key)
    }

    /// The account chooses the tier where the spec names none (its default tier is a setting), and AWS chooses it for
    /// Intelligent-Tiering, which is never read back.
    fn align(
        &self,
        _scope: &Scope,
        _want: &Want,
        desired: &mut Map<String, Json>,
        seen: &mut Map<String, Json>,
        _observed: &Observed,
    ) {
        let left_to_aws = match desired.get("Tier").and_then(Json::as_str) {
            None => true,
            Some(tier) => tier == "Intelligent-Tiering",
        };
        if left_to_aws {
            match seen.get("Tier") {
                Some(tier) => desired.insert("Tier".to_owned(), tier.clone()),
                None => desired.shift_remove("Tier"),
            };
        }
    }

    /// What an overwriting of ours made, because somebody had deleted it meanwhile, has no marks yet.
    fn adopts_unmarked(&self, scope: &Scope, want: &Want, world: &Observation) -> bool {
        let at = self.locate(scope, want, world).instances;
        let made = |key: &str| world.table(TYPE).get(key).is_some_and(|item| item.attributes.contains_key(MADE));
        at.iter().any(|instance| made(&instance.key))
    }

    /// An image's id is checked after the answer: its parameter, or its new version, comes minutes later.
    fn spreads(&self, step: &Step) -> Duration {
        let is_image = step.input.get("DataType").is_some_and(|kind| kind == IMAGE);
        Duration::from_secs(if is_image { 600 } else { 10 })
    }

    /// AWS asks for half a minute between the deletion of a name and its next creation.
    fn rests(&self) -> Duration {
        Duration::from_secs(30)
    }

    fn attribute(&self, scope: &Scope, target: Target<'_>, attribute: Option<&str>) -> Option<Json> {
        match attribute {
            None => Some(Json::from(target.key)),
            Some("Arn") => Some(Json::from(arn(scope, target.key))),
            Some(property @ ("Type" | "Value")) => {
                let ignored = target.want.resource.ignore_drift.iter().any(|path| diff::is_below(property, path));
                match target.observed.and_then(|observed| observed.properties.get(property)) {
                    // What somebody else maintains is the value that is there.
                    Some(value) if ignored => Some(value.clone()),
                    _ => filled(&target.want.properties, property).map(Json::from),
                }
            }
            Some(_) => None,
        }
    }

    fn replaces(&self, path: &str, from: &Json, to: &Json) -> bool {
        match path {
            "Name" | "DataType" => true,
            // AWS refuses to turn an encrypted parameter into a plain one and the other way round
            // (HierarchyTypeMismatch).
            "Type" => from == SECURE || to == SECURE,
            // An advanced parameter cannot be made a standard one again.
            "Tier" => from == "Advanced" && to == "Standard",
            _ => false,
        }
    }

    fn secret_paths(&self, want: &Want) -> Vec<String> {
        if is_secure(&want.properties) { vec!["Value".to_owned()] } else { Vec::new() }
    }

    fn secrets_seen(&self, observed: &Observed) -> Vec<String> {
        if is_secure(&observed.properties) { vec!["Value".to_owned()] } else { Vec::new() }
    }

    fn create(&self, work: Work<'_>) -> Vec<Step> {
        let tags: Vec<Json> = tag_list(work.tags.all.iter());
        vec![put(work).with("Overwrite", false).with("Tags", tags).step(TYPE, "PutParameter", work.key)]
    }

    /// One call sends everything: AWS does not say whether what is left out stays. Tags are not taken together with
    /// `Overwrite`.
    fn update(&self, work: Work<'_>) -> Vec<Step> {
        let mut input = put(work).with("Overwrite", true);
        for clearable in ["Description", "AllowedPattern"] {
            if !work.desired.contains_key(clearable) {
                input = input.with(clearable, "");
            }
        }
        if work.changed("Policies") && !work.desired.contains_key("Policies") {
            // What is not sent stays; a list with an empty policy takes all of them away.
            input = input.with("Policies", "[{}]");
        }
        vec![input.step(TYPE, "PutParameter", work.key)]
    }

    fn retag(&self, _scope: &Scope, observed: &Observed, tags: &TagWork) -> Vec<Step> {
        let base = || Call::new().with("ResourceType", "Parameter").with("ResourceId", observed.key.as_str());
        let mut steps = Vec::new();
        if !tags.set.is_empty() {
            let input = base().with("Tags", tag_list(tags.set.iter()));
            steps.push(input.step(TYPE, "AddTagsToResource", &observed.key));
        }
        if !tags.remove.is_empty() {
            let input = base().with("TagKeys", tags.remove.clone());
            steps.push(input.step(TYPE, "RemoveTagsFromResource", &observed.key));
        }
        steps
    }

    fn delete(&self, _scope: &Scope, observed: &Observed) -> Vec<Step> {
        vec![Call::new().with("Name", observed.key.as_str()).step(TYPE, "DeleteParameter", &observed.key)]
    }
}

fn is_secure(properties: &Map<String, Json>) -> bool {
    properties.get("Type").is_some_and(|kind| kind == SECURE)
}

fn tag_list<'a>(tags: impl Iterator<Item = (&'a String, &'a String)>) -> Vec<Json> {
    tags.map(|(key, value)| serde_json::json!({"Key": key, "Value": value})).collect()
}

/// `arn:aws:ssm:REGION:ACCOUNT:parameter/NAME`; the slash of a name that begins with one is not doubled.
fn arn(scope: &Scope, name: &str) -> String {
    scope.arn("ssm", &format!("parameter/{}", name.strip_prefix('/').unwrap_or(name)))
}

/// What the spec says, and of what it leaves to somebody else what is there: all of it is sent together.
fn asked(work: &Work<'_>) -> Map<String, Json> {
    let mut asked = work.want.properties.clone();
    if let Some(observed) = work.observed {
        for ignored in &work.want.resource.ignore_drift {
            diff::keep(&mut asked, &observed.properties, ignored);
        }
    }
    asked
}

/// Everything that one `PutParameter` says about a parameter.
fn put(work: Work<'_>) -> Call {
    let asked = asked(&work);
    let asked = &asked;
    let observed_tier = work.observed.and_then(|observed| filled(&observed.properties, "Tier"));
    // Without a word the account's default tier is meant, and that may be below the one the parameter has.
    let tier = filled(asked, "Tier").or_else(|| observed_tier.filter(|tier| tier == "Advanced"));
    let key = is_secure(asked).then(|| filled(asked, "KeyId").unwrap_or_else(|| DEFAULT_KEY.to_owned()));
    let policies = work.desired.get("Policies").map(Json::to_string);
    Call::new()
        .with("Name", work.key)
        .with_some("Value", filled(asked, "Value"))
        .with_some("Type", filled(asked, "Type"))
        .with_some("Description", filled(asked, "Description"))
        .with_some("AllowedPattern", filled(asked, "AllowedPattern"))
        .with("DataType", filled(asked, "DataType").unwrap_or_else(|| "text".to_owned()))
        .with_some("Tier", tier)
        .with_some("KeyId", key)
        .with_some("Policies", policies)
}

/// Properties in canonical form, from a spec and from AWS's answer alike.
fn canonical(scope: &Scope, properties: &Map<String, Json>, name: &str) -> Map<String, Json> {
    let mut out = Map::new();
    out.insert("Name".to_owned(), Json::from(name));
    for property in ["Type", "Value", "Description", "AllowedPattern", "Tier"] {
        if let Some(text) = filled(properties, property) {
            out.insert(property.to_owned(), Json::from(text));
        }
    }
    let data_type = filled(properties, "DataType").unwrap_or_else(|| "text".to_owned());
    out.insert("DataType".to_owned(), Json::from(data_type));
    if is_secure(properties) {
        let key = filled(properties, "KeyId").unwrap_or_else(|| DEFAULT_KEY.to_owned());
        out.insert("KeyId".to_owned(), Json::from(short_key(scope, &key)));
    }
    if let Some(policies) = properties.get("Policies").map(policies).filter(|list| *list != Json::Array(Vec::new())) {
        out.insert("Policies".to_owned(), policies);
    }
    out
}

/// Parameter policies as a list of objects; their order says nothing, and an empty one is none.
fn policies(value: &Json) -> Json {
    match sorted(&parsed(value)) {
        Json::Array(items) => Json::Array(
            items.into_iter().filter(|item| item.as_object().is_none_or(|policy| !policy.is_empty())).collect(),
        ),
        other => other,
    }
}

/// A key as an alias or an id: AWS gives back whatever it was given, an ARN too.
fn short_key(scope: &Scope, key: &str) -> String {
    let local = scope.arn("kms", "");
    let short = key.strip_prefix(&local).unwrap_or(key);
    short.strip_prefix("key/").unwrap_or(short).to_owned()
}

/// What an overwriting made that found nothing to write over, as its answer tells: the first version. It has no tags.
pub(crate) fn made_by(scope: &Scope, step: &Step, answer: &Json) -> Option<Observed> {
    let overwrites = step.operation == "PutParameter" && step.input.get("Overwrite") == Some(&Json::Bool(true));
    (overwrites && answer.get(VERSION).map(scalar) == Some(Json::from(1))).then_some(())?;
    let mut item = observed(scope, &step.input, step.input.get("Value").and_then(Json::as_str))?.with_tags(Tags::new());
    item.attributes.insert(VERSION.to_owned(), Json::from(1));
    item.attributes.insert(MADE.to_owned(), Json::Bool(true));
    Some(item)
}

/// Remembers that a write of ours made a parameter, as long as it is the version that was made.
pub(crate) fn keep_origin(item: &mut Observed, world: &Observation) {
    let before = world.table(TYPE).get(&item.key).filter(|before| before.attributes.contains_key(MADE));
    if before.is_some_and(|before| before.attributes.get(VERSION) == item.attributes.get(VERSION)) {
        item.attributes.insert(MADE.to_owned(), Json::Bool(true));
    }
}

/// A parameter from an entry of `DescribeParameters` and, where it was read, the value from `GetParameters`.
pub(crate) fn observed(scope: &Scope, metadata: &Json, value: Option<&str>) -> Option<Observed> {
    let name = metadata.get("Name")?.as_str()?;
    let mut answer = object(metadata.clone());
    // `Policies` is answered as [{PolicyText, PolicyType, PolicyStatus}].
    let texts: Vec<Json> = answer
        .get("Policies")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
        .filter_map(|policy| policy.get("PolicyText").map(parsed))
        .collect();
    answer.insert("Policies".to_owned(), Json::Array(texts));
    if let Some(value) = value {
        answer.insert("Value".to_owned(), Json::from(value));
    }
    let mut out = Observed::new(name, name);
    out.properties = canonical(scope, &answer, name);
    if let Some(version) = answer.get(VERSION).map(scalar) {
        out.attributes.insert(VERSION.to_owned(), version);
    }
    if let Some(moment) = answer.get(MODIFIED) {
        out.attributes.insert(MODIFIED.to_owned(), moment.clone());
    }
    out.state = State::Settled;
    Some(out)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use evenkeel_core::model::resource::{Desired, Resource};
    use evenkeel_core::plan::Plan;
    use evenkeel_core::plan::kind::Kinds;
    use indexmap::IndexMap;
    use serde_json::json;

    use super::*;
    use crate::planning::{self, scope, want};

    fn work<'a>(
        scope: &'a Scope,
        want: &'a Want,
        desired: &'a Map<String, Json>,
        observed: Option<&'a Observed>,
        changes: &'a [evenkeel_core::plan::Change],
        tags: &'a TagWork,
    ) -> Work<'a> {
        Work { scope, want, key: "/shop/dev/db", desired, observed, changes, tags }
    }

    fn difference(want: &Want, answer: &Json, value: &str) -> Vec<(String, Json, Json)> {
        let scope = scope();
        let observed = observed(&scope, answer, Some(value)).unwrap();
        let mut desired = Parameter.desired(&scope, want, &observed.key);
        let mut seen = observed.properties.clone();
        Parameter.align(&scope, want, &mut desired, &mut seen, &observed);
        diff::diff(&desired, &seen)
    }

    #[test]
    fn a_parameter_with_nothing_but_a_value_does_not_drift() {
        let want = want("db", TYPE, json!({"Type": "String", "Value": "x"}));
        let answer = json!({"Name": "/shop/dev/db", "Type": "String", "Tier": "Standard", "DataType": "text",
            "Version": 3, "Policies": []});
        assert_eq!(difference(&want, &answer, "x"), vec![]);
        assert_eq!(difference(&want, &answer, "y"), vec![("Value".into(), json!("y"), json!("x"))]);
    }

    #[test]
    fn intelligent_tiering_and_no_tier_take_whatever_tier_there_is() {
        let answer = json!({"Name": "/a", "Type": "String", "Tier": "Advanced", "DataType": "text"});
        for asked in [
            json!({"Type": "String", "Value": "x"}),
            json!({"Type": "String", "Value": "x", "Tier": "Intelligent-Tiering"}),
        ] {
            assert_eq!(difference(&want("a", TYPE, asked), &answer, "x"), vec![]);
        }
        let standard = want("a", TYPE, json!({"Type": "String", "Value": "x", "Tier": "Standard"}));
        let changes = difference(&standard, &answer, "x");
        assert_eq!(changes, vec![("Tier".into(), json!("Advanced"), json!("Standard"))]);
        assert!(Parameter.replaces("Tier", &changes[0].1, &changes[0].2));
        assert!(!Parameter.replaces("Tier", &json!("Standard"), &json!("Advanced")));
    }

    #[test]
    fn a_key_is_the_same_key_however_it_is_spelled() {
        let answer = json!({"Name": "/a", "Type": "SecureString", "KeyId": "alias/aws/ssm", "DataType": "text"});
        assert_eq!(difference(&want("a", TYPE, json!({"Type": "SecureString", "Value": "x"})), &answer, "x"), vec![]);
        let by_arn = json!({"Type": "SecureString", "Value": "x",
            "KeyId": "arn:aws:kms:eu-west-1:111122223333:key/0a1b"});
        let answer = json!({"Name": "/a", "Type": "SecureString", "KeyId": "0a1b", "DataType": "text"});
        assert_eq!(difference(&want("a", TYPE, by_arn), &answer, "x"), vec![]);
    }

    #[test]
    fn policies_are_compared_by_meaning() {
        let asked = json!({"Type": "String", "Value": "x", "Tier": "Advanced", "Policies":
            "[{\"Type\":\"NoChangeNotification\",\"Version\":\"1.0\",\"Attributes\":{\"After\":\"20\",\"Unit\":\"Days\"}}]"});
        let answer = json!({"Name": "/a", "Type": "String", "Tier": "Advanced", "DataType": "text", "Policies": [
            {"PolicyText": "{\"Version\":\"1.0\",\"Type\":\"NoChangeNotification\",\"Attributes\":{\"Unit\":\"Days\",\"After\":\"20\"}}",
             "PolicyType": "NoChangeNotification", "PolicyStatus": "Pending"}]});
        assert_eq!(difference(&want("a", TYPE, asked), &answer, "x"), vec![]);
    }

    #[test]
    fn a_secure_string_is_replaced_by_a_plain_one_and_its_value_is_secret() {
        assert!(Parameter.replaces("Type", &json!("SecureString"), &json!("String")));
        assert!(Parameter.replaces("Type", &json!("String"), &json!("SecureString")));
        assert!(!Parameter.replaces("Type", &json!("String"), &json!("StringList")));
        let secure = want("db", TYPE, json!({"Type": "SecureString", "Value": "x"}));
        assert_eq!(Parameter.secret_paths(&secure), vec!["Value".to_owned()]);
        let plain = want("db", TYPE, json!({"Type": "String", "Value": "x", "KeyId": "alias/mine"}));
        assert!(Parameter.secret_paths(&plain).is_empty());
        assert!(Parameter.refuses(&scope(), &plain, &Observation::new()).is_some());
    }

    #[test]
    fn creating_sends_tags_and_never_overwrites_updating_sends_everything_without_tags() {
        let scope = scope();
        let want = want("db", TYPE, json!({"Type": "SecureString", "Value": "x", "Description": "d"}));
        let desired = Parameter.desired(&scope, &want, "/shop/dev/db");
        let tags = TagWork { all: BTreeMap::from([("team".into(), "pay".into())]), ..TagWork::default() };
        let created = Parameter.create(work(&scope, &want, &desired, None, &[], &tags));
        assert_eq!(
            created[0].input,
            json!({"Name": "/shop/dev/db", "Value": "x", "Type": "SecureString", "Description": "d", "DataType": "text",
                "KeyId": "alias/aws/ssm", "Overwrite": false, "Tags": [{"Key": "team", "Value": "pay"}]})
        );
        let answer = json!({"Name": "/shop/dev/db", "Type": "SecureString", "Tier": "Advanced",
            "AllowedPattern": "a+", "Policies": [{"PolicyText": "{\"Type\":\"Expiration\"}"}]});
        let observed = observed(&scope, &answer, Some("old")).unwrap();
        let changes: Vec<_> = diff::diff(&desired, &observed.properties)
            .into_iter()
            .map(|(path, from, to)| evenkeel_core::plan::Change {
                path,
                from,
                to,
                to_unknown: None,
                cause: evenkeel_core::plan::Cause::Spec,
            })
            .collect();
        let updated = Parameter.update(work(&scope, &want, &desired, Some(&observed), &changes, &tags));
        assert_eq!(
            updated[0].input,
            json!({"Name": "/shop/dev/db", "Value": "x", "Type": "SecureString", "Description": "d", "DataType": "text",
                "KeyId": "alias/aws/ssm", "Tier": "Advanced", "Overwrite": true, "AllowedPattern": "",
                "Policies": "[{}]"})
        );
    }

    /// A plan for a parameter that is there as `answer` says, with this value.
    fn planned(asked: Json, ignored: &[&str], answer: Json, value: &str) -> Plan {
        let scope = scope();
        let mut there = observed(&scope, &answer, Some(value)).unwrap();
        there = there.with_tags(planning::ours("db"));
        let node = evenkeel_core::model::Node::from_json(&asked, evenkeel_core::model::Place::NOWHERE);
        let mut resource = Resource::new("db", TYPE, node, evenkeel_core::model::Place::NOWHERE);
        resource.ignore_drift = ignored.iter().map(|path| (*path).to_owned()).collect();
        let resources = IndexMap::from([("db".to_owned(), resource)]);
        let desired = Desired { resources, ..planning::nothing() };
        let kinds: [std::sync::Arc<dyn Kind>; 1] = [std::sync::Arc::new(Parameter)];
        planning::plan_desired(&Kinds::new(kinds), &desired, &planning::world([(TYPE, vec![there])]))
    }

    #[test]
    fn a_value_that_somebody_else_keeps_is_not_written_over_with_the_description() {
        let asked = json!({"Name": "/db", "Type": "SecureString", "Value": "placeholder", "Description": "new"});
        let there = json!({"Name": "/db", "Type": "SecureString", "Description": "old", "Tier": "Standard"});
        let plan = planned(asked, &["Value"], there, "rotated");
        let writes = planning::writes(&plan);
        assert_eq!(writes.len(), 1);
        assert_eq!((&writes[0].1["Value"], &writes[0].1["Description"]), (&json!("rotated"), &json!("new")));
        assert!(!format!("{:?}", plan.actions[0].changes).contains("rotated"));
    }

    #[test]
    fn what_was_encrypted_is_not_shown_once_the_spec_calls_it_plain() {
        let asked = json!({"Name": "/db", "Type": "String", "Value": "x"});
        let there = json!({"Name": "/db", "Type": "SecureString", "Tier": "Standard"});
        let plan = planned(asked, &[], there, "hunter2");
        let changes = &plan.actions[0].changes;
        assert!(changes.iter().any(|change| change.path == "Value"), "{changes:?}");
        assert!(!format!("{changes:?}").contains("hunter2"));
    }

    #[test]
    fn the_arn_of_a_path_has_one_slash() {
        let scope = scope();
        assert_eq!(arn(&scope, "/a/b"), "arn:aws:ssm:eu-west-1:111122223333:parameter/a/b");
        assert_eq!(arn(&scope, "x"), "arn:aws:ssm:eu-west-1:111122223333:parameter/x");
    }

    #[test]
    fn dependents_read_the_value_from_the_spec_unless_somebody_else_keeps_it() {
        let scope = scope();
        let mut asked = want("db", TYPE, json!({"Type": "String", "Value": "x"}));
        let observed = observed(&scope, &json!({"Name": "/db", "Type": "String"}), Some("theirs")).unwrap();
        let read = |want: &Want| {
            Parameter.attribute(&scope, Target { want, key: "/db", observed: Some(&observed) }, Some("Value"))
        };
        assert_eq!(read(&asked), Some(json!("x")));
        let mut resource = (*asked.resource).clone();
        resource.ignore_drift.push("Value".into());
        asked.resource = resource.into();
        assert_eq!(read(&asked), Some(json!("theirs")));
    }

    #[test]
    fn every_property_of_awss_schema_is_managed() {
        let all = json!({"Name": "/a", "Type": "String", "Value": "x", "Description": "d", "AllowedPattern": "p",
            "Tier": "Advanced", "DataType": "text", "Policies": "[{\"Type\":\"Expiration\"}]"});
        assert_eq!(crate::planning::unmanaged(&Parameter, &want("a", TYPE, all), "/a"), Vec::<String>::new());
    }
}
