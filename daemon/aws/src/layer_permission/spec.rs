//! What a permission on a layer's version means.

use evenkeel_core::plan::kind::{Instance, Located};
use evenkeel_core::plan::naming::short_hash;
use evenkeel_core::plan::policy;
use evenkeel_core::plan::{Facts, Kind, Observation, Observed, Parent, Scope, Step, Target, Want, Work};
use serde_json::{Map, Value as Json, json};

use super::TYPE;
use crate::document::properties;
use crate::layer;
use crate::layer::spec::child_marks;

/// Ids of our statements begin with this.
const PREFIX: &str = "ek-";

/// `AWS::Lambda::LayerVersionPermission`.
#[derive(Clone, Copy, Debug)]
pub struct LayerVersionPermission;

impl Kind for LayerVersionPermission {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn facts(&self) -> Facts {
        Facts { settles_at_once: true, rank: 80, holds_data: false, taggable: false, naming: None, reads: TYPE }
    }

    fn refuses(&self, scope: &Scope, want: &Want, world: &Observation) -> Option<String> {
        let version = version_key(want.text("LayerVersionArn")?)?;
        let item = world.table(layer::TYPE).get(&version)?;
        let ours =
            item.marks.as_ref().is_some_and(|marks| marks.is_at_home(&scope.source, &scope.app, scope.env.as_deref()));
        (!ours).then(|| format!("the layer version `{version}` is not this application's"))
    }

    fn locate(&self, _scope: &Scope, want: &Want, world: &Observation) -> Located {
        if let Some(unknown) = want.unknown.values().next() {
            return Located { waits: Some(unknown.clone()), ..Located::default() };
        }
        let Some(version) = want.text("LayerVersionArn").and_then(version_key) else { return Located::default() };
        let key = format!("{version}|{}", statement_id(want));
        Located { instances: vec![Instance { found: world.table(TYPE).look(&key), key }], waits: None }
    }

    fn desired(&self, _scope: &Scope, want: &Want, key: &str) -> Map<String, Json> {
        let (version, _) = key.split_once('|').unwrap_or((key, ""));
        let text = |name: &str| want.text(name).map_or(Json::Null, Json::from);
        properties([
            ("LayerVersionArn", Json::from(version)),
            ("Action", text("Action")),
            ("Principal", canonical_principal(&text("Principal"))),
            ("OrganizationId", text("OrganizationId")),
        ])
    }

    fn attribute(&self, _scope: &Scope, target: Target<'_>, attribute: Option<&str>) -> Option<Json> {
        match attribute {
            None | Some("Id") => Some(Json::from(target.key)),
            Some(_) => None,
        }
    }

    fn replaces(&self, _path: &str, _from: &Json, _to: &Json) -> bool {
        true
    }

    fn parent(&self, key: &str) -> Option<Parent> {
        let (version, _) = key.split_once('|')?;
        Some(Parent { type_name: layer::TYPE, key: version.to_owned(), part: "" })
    }

    fn create(&self, work: Work<'_>) -> Vec<Step> {
        let Some((version, sid)) = work.key.split_once('|') else { return Vec::new() };
        let Some((name, number)) = layer::split(version) else { return Vec::new() };
        let text = |name: &str| work.want.text(name);
        let input = properties([
            ("LayerName", json!(name)),
            ("VersionNumber", json!(number)),
            ("StatementId", json!(sid)),
            ("Action", json!(text("Action"))),
            ("Principal", json!(text("Principal"))),
            ("OrganizationId", json!(text("OrganizationId"))),
        ]);
        vec![step("AddLayerVersionPermission", Json::Object(input), work.key)]
    }

    /// A statement never changes: another content has another id.
    fn update(&self, _work: Work<'_>) -> Vec<Step> {
        Vec::new()
    }

    fn delete(&self, _scope: &Scope, observed: &Observed) -> Vec<Step> {
        let Some((version, sid)) = observed.key.split_once('|') else { return Vec::new() };
        let Some((name, number)) = layer::split(version) else { return Vec::new() };
        let input = json!({"LayerName": name, "VersionNumber": number, "StatementId": sid});
        vec![step("RemoveLayerVersionPermission", input, &observed.key)]
    }
}

/// The statements of a version's policy (AWS answers it as text).
///
/// # Errors
/// Where the policy is no JSON.
pub fn observed(version: &str, document: &str, parent: Option<&Observed>) -> Result<Vec<Observed>, String> {
    let document: Json =
        serde_json::from_str(document).map_err(|error| format!("the policy of {version} is no JSON: {error}"))?;
    let statements = document.get("Statement").and_then(Json::as_array).cloned().unwrap_or_default();
    let read = |statement: &Json| {
        let sid = statement.get("Sid")?.as_str()?;
        let key = format!("{version}|{sid}");
        let mut item = Observed::new(key.clone(), key);
        let organization = statement.pointer("/Condition/StringEquals/aws:PrincipalOrgID");
        item.properties = properties([
            ("LayerVersionArn", Json::from(version)),
            ("Action", statement.get("Action").cloned().unwrap_or_default()),
            ("Principal", canonical_principal(statement.get("Principal").unwrap_or(&Json::Null))),
            ("OrganizationId", organization.cloned().unwrap_or_default()),
        ]);
        if sid.starts_with(PREFIX) {
            item.marks = parent.and_then(|parent| {
                let id = &parent.marks.as_ref()?.id;
                child_marks(parent, &format!("{id}/{sid}"))
            });
        }
        Some(item)
    };
    Ok(statements.iter().filter_map(read).collect())
}

/// The key of the version that an ARN names.
fn version_key(arn: &str) -> Option<String> {
    let (name, version) = layer::split(arn)?;
    Some(layer::key(name, version))
}

fn statement_id(want: &Want) -> String {
    let part = |name: &str| want.text(name).unwrap_or_default();
    let text = format!("{}\n{}\n{}\n{}", want.id(), part("Action"), part("Principal"), part("OrganizationId"));
    format!("{PREFIX}{}", short_hash(&text))
}

/// An account, its root's ARN and `{"AWS": ...}` mean the same.
fn canonical_principal(principal: &Json) -> Json {
    let canonical = policy::canonical(&json!({"Statement": [{"Principal": principal}]}));
    canonical.pointer("/Statement/0/Principal").cloned().unwrap_or_default()
}

fn step(operation: &'static str, input: Json, key: &str) -> Step {
    Step { type_name: TYPE, operation, input, refresh: (TYPE, key.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planning::{self, scope, want};

    const ARN: &str = "arn:aws:lambda:eu-west-1:111122223333:layer:lib:2";

    fn share() -> Json {
        json!({"LayerVersionArn": ARN, "Action": "lambda:GetLayerVersion", "Principal": "444455556666",
            "OrganizationId": "o-1"})
    }

    fn version() -> Observed {
        Observed { marks: Some(planning::marks("lib", &[])), ..Observed::new("lib:2", ARN) }
    }

    fn answered(sid: &str) -> String {
        json!({"Version": "2012-10-17", "Id": "default", "Statement": [{"Sid": sid, "Effect": "Allow", "Principal":
            {"AWS": "arn:aws:iam::444455556666:root"}, "Action": "lambda:GetLayerVersion", "Resource": ARN,
            "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}}]})
        .to_string()
    }

    #[test]
    fn what_aws_answers_for_a_statement_is_no_drift() {
        let want = want("share", TYPE, share());
        let key = format!("lib:2|{}", statement_id(&want));
        let seen = observed("lib:2", &answered(&statement_id(&want)), Some(&version())).unwrap().remove(0);
        assert_eq!(seen.key, key);
        assert_eq!(
            evenkeel_core::plan::diff::diff(&LayerVersionPermission.desired(&scope(), &want, &key), &seen.properties),
            []
        );
        assert_eq!(seen.marks.map(|marks| marks.app), Some("shop".to_owned()));
    }

    #[test]
    fn a_statement_that_somebody_else_made_is_not_ours() {
        let seen = observed("lib:2", &answered("partner"), Some(&version())).unwrap().remove(0);
        assert_eq!(seen.marks, None);
    }

    #[test]
    fn every_writable_property_is_handled() {
        let schema = evenkeel_core::model::schema::lookup(TYPE).unwrap();
        let names: std::collections::BTreeSet<&str> = schema.writable().collect();
        assert_eq!(names, ["Action", "LayerVersionArn", "OrganizationId", "Principal"].into());
    }
}
