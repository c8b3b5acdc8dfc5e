//! What a function means.

use std::time::Duration;

use evenkeel_core::plan::diff::head;
use evenkeel_core::plan::marks::CodeMark;
use evenkeel_core::plan::naming::{NameStyle, Naming};
use evenkeel_core::plan::{Facts, Kind, Observation, Observed, Scope, Step, TagWork, Target, Want, Work};
use serde_json::{Map, Value as Json, json};

use super::{TYPE, canonical, role};
use crate::call::{Call, retag};
use crate::code::Code;
use crate::document::{Input, tags_json};
use crate::values::{is_true, truth};
use crate::version::spec::{LATEST_PUBLISHED, scaling};

/// The word in the parts mark for a property that takes a call of its own to read.
pub(crate) const SIGNING: &str = "signing";
pub(crate) const RECURSION: &str = "recursion";
pub(crate) const RUNTIME: &str = "runtime";
pub(crate) const PUBLISHED: &str = "published";
/// Whether `$LATEST.PUBLISHED`, which callers of a function on managed instances reach, follows the function.
pub(crate) const PUBLISH: &str = "PublishToLatestPublished";
/// How many environments serve `$LATEST.PUBLISHED`.
pub(crate) const SCALING: &str = "FunctionScalingConfig";
const CAPACITY: &str = "CapacityProviderConfig";
const EXTRAS: [(&str, &str); 3] =
    [("CodeSigningConfigArn", SIGNING), ("RecursiveLoop", RECURSION), ("RuntimeManagementConfig", RUNTIME)];

/// Properties of the configuration: documented name, API name, and what clears it (null where AWS has a default that
/// the canonical form always names).
const CONFIGURATION: [(&str, &str, &str); 19] = [
    ("Role", "Role", "null"),
    ("Handler", "Handler", "\"\""),
    ("Runtime", "Runtime", "null"),
    ("Description", "Description", "\"\""),
    ("Timeout", "Timeout", "null"),
    ("MemorySize", "MemorySize", "null"),
    ("Environment", "Environment", r#"{"Variables":{}}"#),
    ("VpcConfig", "VpcConfig", r#"{"SubnetIds":[],"SecurityGroupIds":[],"Ipv6AllowedForDualStack":false}"#),
    ("DeadLetterConfig", "DeadLetterConfig", r#"{"TargetArn":""}"#),
    ("KmsKeyArn", "KMSKeyArn", "\"\""),
    ("TracingConfig", "TracingConfig", "null"),
    ("Layers", "Layers", "[]"),
    ("FileSystemConfigs", "FileSystemConfigs", "[]"),
    ("ImageConfig", "ImageConfig", "{}"),
    ("EphemeralStorage", "EphemeralStorage", "null"),
    ("SnapStart", "SnapStart", "null"),
    ("LoggingConfig", "LoggingConfig", "null"),
    ("CapacityProviderConfig", "CapacityProviderConfig", "null"),
    ("DurableConfig", "DurableConfig", "null"),
];

/// `AWS::Lambda::Function`.
#[derive(Clone, Copy, Debug)]
pub struct Function;

impl Kind for Function {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn facts(&self) -> Facts {
        Facts {
            settles_at_once: false,
            rank: 60,
            holds_data: false,
            taggable: true,
            naming: Some(Naming { property: "FunctionName", limit: 64, style: NameStyle::Stack }),
            reads: TYPE,
        }
    }

    fn refuses(&self, scope: &Scope, want: &Want, _world: &Observation) -> Option<String> {
        let managed = want.properties.contains_key(CAPACITY) || want.unknown_below(CAPACITY).is_some();
        let asked = [(PUBLISH, is_true(&want.properties, PUBLISH)), (SCALING, want.properties.contains_key(SCALING))];
        if let Some((name, _)) = asked.into_iter().find(|(_, asked)| *asked && !managed) {
            return Some(format!("{name} is for functions on managed instances: it needs a {CAPACITY}"));
        }
        if want.unknown_below("Code").is_some() {
            return None;
        }
        match code(want) {
            Some(code) => code.refusal(scope),
            None => Some("Code must be a local path, a ZipFile, an S3Bucket with its S3Key, or an ImageUri".to_owned()),
        }
    }

    fn desired(&self, scope: &Scope, want: &Want, key: &str) -> Map<String, Json> {
        let mut raw = want.properties.clone();
        let code = code(want);
        if !raw.contains_key("PackageType") && matches!(code, Some(Code::Image(_))) {
            raw.insert("PackageType".to_owned(), Json::from("Image"));
        }
        let mut properties = canonical::normal(&raw, key);
        let mut known = code.map(|code| code.canonical(scope)).unwrap_or_default();
        if let Some(key) = source_key(want) {
            known.insert("SourceKMSKeyArn".to_owned(), Json::from(key));
        }
        properties.insert("Code".to_owned(), Json::Object(known));
        if publishes(want) {
            properties.insert(PUBLISH.to_owned(), Json::Bool(true));
        }
        let config = scaling(want.properties.get(SCALING).map(Input));
        if !config.is_null() {
            properties.insert(SCALING.to_owned(), config);
        }
        properties
    }

    fn align(
        &self,
        scope: &Scope,
        want: &Want,
        desired: &mut Map<String, Json>,
        seen: &mut Map<String, Json>,
        observed: &Observed,
    ) {
        if let (Some(code), Some(Json::Object(wanted)), Some(Json::Object(there))) =
            (code(want), desired.get_mut("Code"), seen.get_mut("Code"))
        {
            code.align(scope, wanted, there, observed);
        }
        // What is published and nobody asks for serves whoever calls it.
        for name in [PUBLISH, SCALING] {
            if !desired.contains_key(name) {
                seen.shift_remove(name);
            }
        }
        // On managed instances AWS chooses the size where the spec names none.
        if desired.contains_key("CapacityProviderConfig") && !want.properties.contains_key("MemorySize") {
            desired.insert("MemorySize".to_owned(), seen.get("MemorySize").cloned().unwrap_or_default());
        }
    }

    fn attribute(&self, scope: &Scope, target: Target<'_>, attribute: Option<&str>) -> Option<Json> {
        match attribute {
            None => Some(Json::from(target.key)),
            Some("Arn") => Some(Json::from(arn(scope, target.key))),
            Some(path) => {
                let member = path.strip_prefix("SnapStartResponse.")?;
                target.observed?.attributes.get("SnapStartResponse")?.get(member).cloned()
            }
        }
    }

    /// A function takes seconds, one in a network minutes; `GetFunction` has a quota of its own.
    fn looks(&self) -> (Duration, Duration) {
        (Duration::from_millis(300), Duration::from_secs(5))
    }

    fn replaces(&self, path: &str, from: &Json, to: &Json) -> bool {
        match head(path) {
            "FunctionName" | "PackageType" | "TenancyConfig" => true,
            // What a function runs on is chosen at its creation; the settings of it can be changed.
            "DurableConfig" | "CapacityProviderConfig" => path == head(path) && (from.is_null() || to.is_null()),
            _ => false,
        }
    }

    fn outlived(&self, observed: &Observed, world: &Observation) -> Vec<(String, Json, Json)> {
        let Some(since) = role::made_anew(observed, world) else { return Vec::new() };
        let role = observed.properties.get("Role").cloned().unwrap_or_default();
        let there = format!("{} as it was before {since}", role.as_str().unwrap_or_default());
        vec![("Role".to_owned(), Json::from(there), role)]
    }

    fn purse(&self) -> Option<&'static str> {
        Some("ReservedConcurrentExecutions")
    }

    fn code_mark(
        &self,
        scope: &Scope,
        want: &Want,
        observed: Option<&Observed>,
        world: &Observation,
    ) -> Option<CodeMark> {
        let old = || observed?.marks.as_ref()?.code.clone();
        if want.unknown_below("Code").is_some() {
            return old();
        }
        let code = code(want)?;
        if observed.is_some_and(|observed| role::made_anew(observed, world).is_some()) {
            return code.mark_before_another_update(old(), scope, observed);
        }
        code.mark(scope, observed)
    }

    fn own_parts(&self, want: &Want, observed: Option<&Observed>) -> Vec<String> {
        // The word stays until AWS's default is back: a crash in between must not hide the difference.
        let there = |name: &str| observed.is_some_and(|observed| observed.may_have(name));
        let set = EXTRAS.into_iter().filter(|(name, _)| want.properties.contains_key(*name) || there(name));
        let published = publishes(want) || want.properties.contains_key(SCALING);
        set.map(|(_, word)| word).chain(published.then_some(PUBLISHED)).map(str::to_owned).collect()
    }

    fn create(&self, work: Work<'_>) -> Vec<Step> {
        let mut input = Map::new();
        for name in ["FunctionName", "PackageType", "Architectures", "CodeSigningConfigArn", "TenancyConfig"] {
            if let Some(value) = work.desired.get(name) {
                input.insert(name.to_owned(), value.clone());
            }
        }
        for (name, api, _) in CONFIGURATION {
            if let Some(value) = work.desired.get(name) {
                input.insert(api.to_owned(), value.clone());
            }
        }
        input.insert("Code".to_owned(), Json::Object(upload(&work)));
        input.insert("Tags".to_owned(), tags_json(&work.tags.all));
        vec![step("CreateFunction", Json::Object(input), work.key)]
    }

    fn update(&self, work: Work<'_>) -> Vec<Step> {
        let mut steps = beside(&work);
        let code = work.changed("Code") || work.changed("Architectures");
        let configuration = CONFIGURATION.iter().any(|(name, ..)| work.changed(name));
        // Both take the function through InProgress, so only one is given. New code comes first where the rest would
        // not fit the old code; otherwise the configuration (a new variable or layer) that new code needs. A package
        // in S3 always comes first: nothing of ours may move the modification time before it.
        let first = matches!(self::code(work.want), Some(Code::S3 { .. }))
            || ["Handler", "Runtime", "ImageConfig"].iter().any(|name| work.changed(name));
        // Always sent: two writers must not mix. Where a tag or a concurrency written just before has moved it, AWS refuses,
        // and the function is read and planned again.
        let revision = work.observed.and_then(|observed| observed.revision.clone());
        // The role first: what tells that it is due is a time that moves with the code, too.
        let anew = role::is_given_again(&work);
        if code && !anew && (first || !configuration) {
            let mut input = upload(&work);
            input.insert("FunctionName".to_owned(), Json::from(work.key));
            input.insert("Architectures".to_owned(), work.desired.get("Architectures").cloned().unwrap_or_default());
            input.insert("RevisionId".to_owned(), json!(revision));
            steps.push(step("UpdateFunctionCode", Json::Object(input), work.key));
        } else if configuration {
            let mut input = Map::new();
            for (name, api, clear) in CONFIGURATION {
                // With another key, or for another role, the environment is encrypted anew, and must be sent again.
                let again = name == "Environment" && (work.changed("KmsKeyArn") || anew);
                let later = anew && code && first && !role::GIVEN.contains(&name);
                if (work.changed(name) || again) && !later {
                    let cleared = || serde_json::from_str(clear).unwrap_or_default();
                    input.insert(api.to_owned(), work.desired.get(name).cloned().unwrap_or_else(cleared));
                }
            }
            input.insert("FunctionName".to_owned(), Json::from(work.key));
            input.insert("RevisionId".to_owned(), json!(revision));
            steps.push(step("UpdateFunctionConfiguration", Json::Object(input), work.key));
        } else if work.changed(PUBLISH) {
            // What is published is what the function is by then.
            let input = json!({"FunctionName": work.key, "PublishTo": "LATEST_PUBLISHED", "RevisionId": revision});
            steps.push(step("PublishVersion", input, work.key));
        } else if work.changed(SCALING) {
            let input =
                json!({"FunctionName": work.key, "Qualifier": LATEST_PUBLISHED, SCALING: work.desired.get(SCALING)});
            steps.push(step("PutFunctionScalingConfig", input, work.key));
        }
        steps
    }

    fn retag(&self, scope: &Scope, observed: &Observed, tags: &TagWork) -> Vec<Step> {
        let target = Call::new().with("Resource", arn(scope, &observed.key));
        retag((TYPE, &observed.key), target, ("TagResource", "Tags"), ("UntagResource", "TagKeys"), tags)
    }

    fn delete(&self, _scope: &Scope, observed: &Observed) -> Vec<Step> {
        vec![step("DeleteFunction", json!({"FunctionName": observed.key}), &observed.key)]
    }
}

/// A function's ARN, known from its name.
pub fn arn(scope: &Scope, name: &str) -> String {
    scope.arn("lambda", &format!("function:{name}"))
}

/// Where the code comes from.
fn code(want: &Want) -> Option<Code> {
    Code::of(want.properties.get("Code"), want.text("Runtime"))
}

/// On managed instances AWS answers callers from `$LATEST.PUBLISHED`, so that is published unless the spec says not to,
/// as CloudFormation does.
fn publishes(want: &Want) -> bool {
    match want.properties.get(PUBLISH).and_then(truth) {
        Some(asked) => asked,
        None => want.properties.contains_key(CAPACITY),
    }
}

fn source_key(want: &Want) -> Option<String> {
    Some(want.properties.get("Code")?.get("SourceKMSKeyArn")?.as_str()?.to_owned())
}

fn upload(work: &Work<'_>) -> Map<String, Json> {
    let mut input = code(work.want).map(|code| code.input(work.scope)).unwrap_or_default();
    if let Some(key) = source_key(work.want) {
        input.insert("SourceKMSKeyArn".to_owned(), Json::from(key));
    }
    input
}

/// Settings that have calls of their own and do not take the function through an update.
fn beside(work: &Work<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    let name = work.key;
    let wanted = |property: &str| work.desired.get(property).filter(|value| !value.is_null());
    if work.changed("CodeSigningConfigArn") {
        steps.push(match wanted("CodeSigningConfigArn") {
            Some(arn) => {
                step("PutFunctionCodeSigningConfig", json!({"FunctionName": name, "CodeSigningConfigArn": arn}), name)
            }
            None => step("DeleteFunctionCodeSigningConfig", json!({"FunctionName": name}), name),
        });
    }
    if work.changed("ReservedConcurrentExecutions") {
        steps.push(match wanted("ReservedConcurrentExecutions") {
            Some(count) => step(
                "PutFunctionConcurrency",
                json!({"FunctionName": name, "ReservedConcurrentExecutions": count}),
                name,
            ),
            None => step("DeleteFunctionConcurrency", json!({"FunctionName": name}), name),
        });
    }
    if work.changed("RecursiveLoop") {
        let word = wanted("RecursiveLoop").cloned().unwrap_or(json!("Terminate"));
        steps.push(step("PutFunctionRecursionConfig", json!({"FunctionName": name, "RecursiveLoop": word}), name));
    }
    if work.changed("RuntimeManagementConfig") {
        let mut input = match wanted("RuntimeManagementConfig") {
            Some(Json::Object(config)) => config.clone(),
            _ => Map::from_iter([("UpdateRuntimeOn".to_owned(), json!("Auto"))]),
        };
        input.insert("FunctionName".to_owned(), Json::from(name));
        steps.push(step("PutRuntimeManagementConfig", Json::Object(input), name));
    }
    steps
}

fn step(operation: &'static str, input: Json, key: &str) -> Step {
    Step { type_name: TYPE, operation, input, refresh: (TYPE, key.to_owned()) }
}
