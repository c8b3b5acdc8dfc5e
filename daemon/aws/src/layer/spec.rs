//! What a layer's version means.

use evenkeel_core::plan::kind::{KEEP, Located};
use evenkeel_core::plan::naming::{self, NameStyle, Naming};
use evenkeel_core::plan::{
    Facts, Found, Instance, Kind, Marks, Observation, Observed, Scope, Step, TagWork, Target, Want, Work,
};
use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};

use super::{TYPE, key, mark, split};
use crate::code::{Code, hex};
use crate::document::{Input, properties};
use crate::function;
use crate::values::sorted;

/// The version that is still to be published.
pub(crate) const NEXT: &str = "next";
const NAMING: Naming = Naming { property: "LayerName", limit: 64, style: NameStyle::Stack };

/// `AWS::Lambda::LayerVersion`.
#[derive(Clone, Copy, Debug)]
pub struct LayerVersion;

/// Why nothing is published under a name: all marked versions under it belong to somebody else, whose next version it
/// would be. Versions without marks say nothing: a layer can be taken over only by publishing.
fn foreign(scope: &Scope, name: &str, world: &Observation) -> Option<String> {
    let versions = world.table(TYPE).items().filter(|item| split(&item.key).is_some_and(|(layer, _)| layer == name));
    let owners: Vec<_> = versions.filter_map(|item| item.marks.as_ref()).collect();
    let ours = owners.iter().any(|marks| marks.is_at_home(&scope.source, &scope.app, scope.env.as_deref()));
    owners.first().filter(|_| !ours).map(|marks| format!("layer `{name}` belongs to {}", marks.owner()))
}

impl Kind for LayerVersion {
    fn type_name(&self) -> &'static str {
        TYPE
    }

    fn facts(&self) -> Facts {
        Facts { settles_at_once: true, rank: 50, holds_data: false, taggable: false, naming: Some(NAMING), reads: TYPE }
    }

    fn refuses(&self, scope: &Scope, want: &Want, world: &Observation) -> Option<String> {
        if want.unknown_below("Content").is_some() {
            return None;
        }
        let Some(code) = code(want) else {
            return Some("Content must be a local path, or an S3Bucket with its S3Key".to_owned());
        };
        if !mark::fits(&mark::suffix(scope, want, &content(scope, &code))) {
            return Some("the names of the source, the application and the layer are too long: together they must leave a mark in a description of 256 characters".to_owned());
        }
        foreign(scope, &name(scope, want), world).or_else(|| code.refusal(scope))
    }

    fn locate(&self, scope: &Scope, want: &Want, world: &Observation) -> Located {
        // A version is found by everything that it is made of.
        if let Some(unknown) = want.unknown.values().next() {
            return Located { waits: Some(unknown.clone()), ..Located::default() };
        }
        let name = name(scope, want);
        let table = world.table(TYPE);
        let desired = self.desired(scope, want, &key(&name, NEXT));
        let current = table
            .items()
            .filter(|item| {
                item.marks.as_ref().is_some_and(|marks| {
                    marks.id == want.id() && marks.is_at_home(&scope.source, &scope.app, scope.env.as_deref())
                })
            })
            .filter(|item| evenkeel_core::plan::diff::diff(&desired, &item.properties).is_empty())
            .max_by_key(|item| number(item));
        let key = current.map_or_else(|| key(&name, NEXT), |item| item.key.clone());
        let found = match table.look(&key) {
            Found::Absent if !table.is_complete() => {
                Found::Unknown(table.failure().unwrap_or("the layers were not all listed").to_owned())
            }
            found => found,
        };
        Located { instances: vec![Instance { key, found }], waits: None }
    }

    fn desired(&self, scope: &Scope, want: &Want, _key: &str) -> Map<String, Json> {
        let content = code(want).map(|code| content(scope, &code)).unwrap_or_default();
        let suffix = mark::suffix(scope, want, &content);
        let text = mark::fitting(want.text("Description").unwrap_or_default(), &suffix);
        canonical(&name(scope, want), &content, &text, Input(&Json::Object(want.properties.clone())))
    }

    fn attribute(&self, _scope: &Scope, target: Target<'_>, attribute: Option<&str>) -> Option<Json> {
        match attribute {
            None | Some("LayerVersionArn") => Some(Json::from(target.observed?.physical_id.as_str())),
            Some(_) => None,
        }
    }

    fn is_version(&self) -> bool {
        true
    }

    /// Old versions that a person can go back to. Where `keep` is not said, only those that SAM would retain.
    fn keeps(&self, scope: &Scope, observed: &Observed, world: &Observation, superseded: bool) -> bool {
        let Some(marks) = &observed.marks else { return true };
        let count = match marks.policy.as_deref() {
            Some(mark::KEPT) => scope.keep.unwrap_or(KEEP),
            _ if superseded => scope.keep.unwrap_or(0),
            _ => return false,
        };
        let newer = world.table(TYPE).items().filter(|item| {
            let same = item.marks.as_ref().is_some_and(|theirs| theirs.id == marks.id && theirs.app == marks.app);
            same && split(&item.key).map(|(name, _)| name) == split(&observed.key).map(|(name, _)| name)
                && number(item) > number(observed)
        });
        // The one that the spec asks for is no old one.
        newer.count() < count as usize + usize::from(superseded)
    }

    fn still_used(&self, observed: &Observed, world: &Observation) -> Option<String> {
        let arn = Json::from(observed.physical_id.as_str());
        let uses = |item: &&std::sync::Arc<Observed>| {
            item.properties.get("Layers").and_then(Json::as_array).is_some_and(|layers| layers.contains(&arn))
        };
        let functions = world.table(function::TYPE);
        if !functions.is_whole() {
            return Some("which functions use it is not known".to_owned());
        }
        let published = world.table(crate::version::TYPE);
        if published.has_gaps() {
            return Some("which versions of functions use it is not known".to_owned());
        }
        // A published version goes on without it, but nobody could make the like of it again.
        let versions = published.items().find(|item| {
            item.attributes.get("Layers").and_then(Json::as_array).is_some_and(|layers| layers.contains(&arn))
        });
        let function = functions.items().find(uses).map(|item| format!("function `{}` uses it", item.key));
        function.or_else(|| versions.map(|item| format!("version `{}` uses it", item.physical_id)))
    }

    fn create(&self, work: Work<'_>) -> Vec<Step> {
        let Some(code) = code(work.want) else { return Vec::new() };
        let suffix = mark::suffix(work.scope, work.want, &content(work.scope, &code));
        let text = work.want.text("Description").unwrap_or_default();
        let mut input = properties([
            ("LayerName", work.desired.get("LayerName").cloned().unwrap_or_default()),
            ("Description", Json::from(mark::describe(text, &suffix))),
            ("Content", Json::Object(code.input(work.scope))),
        ]);
        for name in ["CompatibleRuntimes", "CompatibleArchitectures", "LicenseInfo"] {
            if let Some(value) = work.desired.get(name) {
                input.insert(name.to_owned(), value.clone());
            }
        }
        vec![step("PublishLayerVersion", Json::Object(input), work.key)]
    }

    /// A version never changes: one that fits no more is left for another, which [`Kind::locate`] asks for.
    fn update(&self, _work: Work<'_>) -> Vec<Step> {
        Vec::new()
    }

    fn retag(&self, _scope: &Scope, _observed: &Observed, _tags: &TagWork) -> Vec<Step> {
        Vec::new()
    }

    fn delete(&self, _scope: &Scope, observed: &Observed) -> Vec<Step> {
        let Some((name, version)) = split(&observed.key) else { return Vec::new() };
        vec![step("DeleteLayerVersion", json!({"LayerName": name, "VersionNumber": version}), &observed.key)]
    }
}

fn number(item: &Observed) -> Option<u64> {
    split(&item.key).and_then(|(_, version)| version.parse().ok())
}

/// A version as AWS lists it, in AWS's API names.
pub fn observed(name: &str, item: Input<'_>) -> Option<Observed> {
    let described = mark::parse(&item.text("Description").unwrap_or_default());
    let mut out = Observed::new(key(name, item.long("Version")?), item.text("LayerVersionArn")?);
    out.properties = canonical(name, &described.content, &described.text, item);
    out.marks = described.marks;
    Some(out)
}

/// Both sides' form. The content's hash stands for the content: AWS tells nothing about it in a listing.
fn canonical(name: &str, content: &str, description: &str, item: Input<'_>) -> Map<String, Json> {
    let set = |name: &str| {
        item.get(name)
            .filter(|list| list.as_array().is_none_or(|list| !list.is_empty()))
            .map(sorted)
            .unwrap_or_default()
    };
    let text = |text: &str| if text.is_empty() { Json::Null } else { Json::from(text) };
    properties([
        ("LayerName", Json::from(name)),
        ("Content", json!({"Hash": content})),
        ("Description", text(description)),
        ("CompatibleRuntimes", set("CompatibleRuntimes")),
        ("CompatibleArchitectures", set("CompatibleArchitectures")),
        ("LicenseInfo", text(&item.text("LicenseInfo").unwrap_or_default())),
    ])
}

/// Marks of what belongs to a layer's version and carries none itself.
pub(crate) fn child_marks(version: &Observed, id: &str) -> Option<Marks> {
    let marks = version.marks.as_ref()?;
    Some(Marks { id: id.to_owned(), parent: Some(marks.id.clone()), policy: None, ..marks.clone() })
}

fn name(scope: &Scope, want: &Want) -> String {
    want.text("LayerName").map_or_else(|| naming::generated(&NAMING, scope, want), str::to_owned)
}

fn code(want: &Want) -> Option<Code> {
    Code::of(want.properties.get("Content"), None)
}

/// Sixteen digits that tell contents apart.
fn content(scope: &Scope, code: &Code) -> String {
    hex(&Sha256::digest(code.content(scope).as_bytes())[..8])
}

fn step(operation: &'static str, input: Json, key: &str) -> Step {
    Step { type_name: TYPE, operation, input, refresh: (TYPE, key.to_owned()) }
}
