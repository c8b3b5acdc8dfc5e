//! `Resources`: attributes, conditions, dependencies, and cycles among them.

use std::collections::HashMap;

use indexmap::{IndexMap, IndexSet};

use super::super::intrinsic::{Evaluator, Scope, Strictness, references};
use super::super::values::Values;
use super::artifact;
use crate::model::suggest::did_you_mean;
use crate::model::{DeletionPolicy, Diagnostic, Diagnostics, Entry, Map, Node, Origin, Place, Resource, Severity, Val};

/// A resource's attributes. `GeneratedFor`, `KeptByDefault` and `Rollout` come from the SAM transform.
const ATTRIBUTES: &[&str] = &[
    "Type",
    "Properties",
    "DependsOn",
    "Condition",
    "DeletionPolicy",
    "UpdateReplacePolicy",
    "UpdatePolicy",
    "CreationPolicy",
    "Metadata",
    "Description",
    "Version",
    "GeneratedFor",
    "KeptByDefault",
    "Rollout",
];

/// Types that mean something to CloudFormation alone.
const CLOUDFORMATION_ONLY: &[&str] = &[
    "AWS::CloudFormation::Stack",
    "AWS::CloudFormation::Macro",
    "AWS::CloudFormation::WaitCondition",
    "AWS::CloudFormation::WaitConditionHandle",
];

/// The resources whose condition holds. Puts their ids, and those of the others, into the scope.
pub(super) fn select<'n>(
    declared: &'n Map,
    scope: &mut Scope,
    values: &Values,
    diagnostics: &mut Diagnostics,
) -> Vec<(&'n String, &'n Entry)> {
    let mut alive = Vec::new();
    let mut ids = IndexSet::new();
    let mut dropped = IndexMap::new();
    let mut evaluator = Evaluator::new(scope, values);
    for (id, entry) in declared {
        let condition = entry.node.get("Condition");
        evaluator.within(format!("Resource `{id}`"), entry.key_place);
        let holds = match condition {
            None => Some(true),
            Some(node) => match node.scalar_text() {
                Some(name) => evaluator.condition(&name, node.place),
                None => {
                    diagnostics.error(
                        "wrong-type",
                        node.place,
                        format!("Resource `{id}`: `Condition` is the name of a condition"),
                    );
                    None
                }
            },
        };
        if holds == Some(false) {
            dropped.insert(id.clone(), condition.and_then(Node::scalar_text).unwrap_or_default());
        } else {
            ids.insert(id.clone());
            alive.push((id, entry));
        }
    }
    diagnostics.extend(evaluator.finish().1);
    scope.resources = ids;
    scope.dropped = dropped;
    alive
}

/// Evaluates resources.
pub(super) fn build(
    alive: Vec<(&String, &Entry)>,
    evaluator: &mut Evaluator<'_>,
    scope: &Scope,
    diagnostics: &mut Diagnostics,
) -> IndexMap<String, Resource> {
    let mut resources = IndexMap::new();
    for (id, entry) in alive {
        evaluator.within(format!("Resource `{id}`"), entry.key_place);
        let mut builder = Builder { id, entry, evaluator, scope, diagnostics };
        if let Some(resource) = builder.build() {
            resources.insert(id.clone(), resource);
        }
    }
    resources
}

struct Builder<'b, 'e> {
    id: &'b str,
    entry: &'b Entry,
    evaluator: &'b mut Evaluator<'e>,
    scope: &'b Scope,
    diagnostics: &'b mut Diagnostics,
}

impl Builder<'_, '_> {
    fn complaint(&self, code: &'static str, place: Place, message: impl AsRef<str>) -> Diagnostic {
        Diagnostic::error(code, place.or(self.entry.key_place), format!("Resource `{}`: {}", self.id, message.as_ref()))
    }

    fn error(&mut self, code: &'static str, place: Place, message: impl AsRef<str>) {
        let diagnostic = self.complaint(code, place, message);
        self.diagnostics.push(diagnostic);
    }

    fn attribute(&self, name: &str) -> Option<&Node> {
        self.entry.node.get(name)
    }

    fn build(&mut self) -> Option<Resource> {
        let place = self.entry.key_place;
        let Some(attributes) = self.entry.node.as_map() else {
            self.error("wrong-type", place, "a resource is a map with a `Type`");
            return None;
        };
        let serverless = |key: &str| matches!(key, "Connectors" | "IgnoreGlobals");
        for (key, inner) in attributes {
            if serverless(key) {
                self.error("unknown-attribute", inner.key_place, format!("`{key}` needs the SAM transform"));
            } else if !ATTRIBUTES.contains(&key.as_str()) {
                let help = did_you_mean(key, ATTRIBUTES.iter().copied());
                let diagnostic = self
                    .complaint("unknown-attribute", inner.key_place, format!("a resource has no attribute `{key}`"))
                    .maybe_help(help);
                self.diagnostics.push(self.scope.strictness.ease(diagnostic));
            }
        }
        if !self.id.chars().all(|c| c.is_ascii_alphanumeric()) || self.id.len() > 255 {
            self.error("invalid-id", place, "a logical id is made of letters and digits, at most 255");
        }
        let type_name = self.type_name()?;
        let mut properties = match self.attribute("Properties").filter(|node| !node.is_null()) {
            None => Node::map::<String>([], place),
            Some(node) if node.as_map().is_some() => {
                let node = node.clone();
                self.evaluator.evaluate_fully(&node).unwrap_or_else(|| Node::map::<String>([], place))
            }
            Some(node) => {
                let message = format!("`Properties` is a map, not {}", node.type_word());
                self.error("wrong-type", node.place, message);
                return None;
            }
        };
        artifact::localize(&type_name, &mut properties);
        for name in ["UpdatePolicy", "CreationPolicy"] {
            if let Some(inner) = attributes.get(name) {
                let diagnostic = self
                    .complaint("ignored-attribute", inner.key_place, format!("`{name}` is CloudFormation's alone"))
                    .help("evenkeel waits for resources to settle by itself; the attribute has no effect");
                self.diagnostics.push(Diagnostic { severity: Severity::Warning, ..diagnostic });
            }
        }
        let mut resource = Resource::new(self.id, type_name, properties, place);
        resource.depends_on = self.depends_on();
        resource.deletion_policy = self.policy("DeletionPolicy");
        resource.update_replace_policy = self.policy("UpdateReplacePolicy");
        if let Some(parent) = self.attribute("GeneratedFor").and_then(Node::as_str) {
            resource.origin = Origin::Generated { parent: parent.to_owned() };
        }
        resource.kept_by_default = self.attribute("KeptByDefault").is_some();
        let rollout = self.attribute("Rollout").cloned();
        resource.rollout = rollout.and_then(|node| self.evaluator.evaluate_fully(&node));
        resource.metadata = self.attribute("Metadata").cloned();
        Some(resource)
    }

    fn type_name(&mut self) -> Option<String> {
        let place = self.entry.key_place;
        let Some(node) = self.attribute("Type") else {
            self.error("missing-property", place, "there is no `Type`");
            return None;
        };
        let at = node.place.or(place);
        let Some(name) = node.as_str().map(str::to_owned) else {
            self.error("wrong-type", at, "`Type` is text");
            return None;
        };
        if name.starts_with("Custom::") || name == "AWS::CloudFormation::CustomResource" {
            let diagnostic = self
                .complaint(
                    "unsupported-resource",
                    at,
                    format!("`{name}` is a custom resource, which runs in CloudFormation"),
                )
                .help("make the resource with its own AWS type, or deploy it beside this application");
            self.diagnostics.push(self.scope.strictness.ease(diagnostic));
        } else if CLOUDFORMATION_ONLY.contains(&name.as_str()) {
            let diagnostic = self
                .complaint("unsupported-resource", at, format!("`{name}` exists in CloudFormation only"))
                .help("an application in a local folder can be one of its own, or `AWS::Serverless::Application`");
            self.diagnostics.push(self.scope.strictness.ease(diagnostic));
        }
        Some(name)
    }

    /// The ids of `DependsOn` that are there; one that is left out by its condition is no dependency.
    fn depends_on(&mut self) -> Vec<String> {
        let Some(node) = self.attribute("DependsOn").cloned() else { return Vec::new() };
        let Some(node) = self.evaluator.evaluate(&node) else { return Vec::new() };
        let items = match &node.value {
            Val::List(items) => items.as_slice(),
            _ => std::slice::from_ref(&node),
        };
        let mut ids: Vec<String> = Vec::new();
        for item in items {
            let Some(id) = item.as_str() else {
                self.error("wrong-type", item.place, "`DependsOn` is a logical id or a list of them");
                continue;
            };
            if let Some(nested) = self.scope.nested.get(id) {
                ids.extend(nested.ids.iter().cloned());
            } else if self.scope.resources.contains(id) {
                if !ids.iter().any(|one| one == id) {
                    ids.push(id.to_owned());
                }
            } else if !self.scope.dropped.contains_key(id) {
                let known = self.scope.resources.iter().map(String::as_str);
                let help = if self.diagnostics.are_many() { None } else { did_you_mean(id, known) };
                let diagnostic = self
                    .complaint(
                        "unknown-reference",
                        item.place,
                        format!("`DependsOn` names `{id}`, and there is no such resource"),
                    )
                    .maybe_help(help);
                self.diagnostics.push(self.scope.strictness.ease(diagnostic));
            }
        }
        ids
    }

    fn policy(&mut self, name: &str) -> Option<DeletionPolicy> {
        let node = self.attribute(name)?.clone();
        let value = self.evaluator.evaluate(&node)?;
        let policy = value.as_str().and_then(DeletionPolicy::parse);
        if policy.is_none() {
            let shown = value.scalar_text().unwrap_or_else(|| value.type_word().to_owned());
            let words = ["Delete", "Retain", "RetainExceptOnCreate", "Snapshot"];
            let diagnostic = self
                .complaint("invalid-value", node.place, format!("`{name}` cannot be `{shown}`"))
                .help("it is Delete, Retain, RetainExceptOnCreate or Snapshot")
                .maybe_help(did_you_mean(&shown, words));
            self.diagnostics.push(self.scope.strictness.ease(diagnostic));
        }
        policy
    }
}

/// Resources that refer to each other in a circle can never be made; the first circle of each group is named.
pub(crate) fn check_cycles(
    resources: &IndexMap<String, Resource>,
    strictness: Strictness,
    diagnostics: &mut Diagnostics,
) {
    let edges: HashMap<&str, Vec<(&str, Place)>> =
        resources.values().map(|resource| (resource.id.as_str(), edges(resource, resources))).collect();
    // 1: on the path, 2: done.
    let mut state: HashMap<&str, u8> = HashMap::new();
    for start in resources.keys() {
        if state.contains_key(start.as_str()) {
            continue;
        }
        // An explicit stack: a chain of references can be as long as the template.
        let mut path: Vec<(&str, usize)> = vec![(start, 0)];
        state.insert(start, 1);
        while let Some((id, next)) = path.last_mut() {
            let id = *id;
            let Some((target, place)) = edges.get(id).and_then(|all| all.get(*next)).copied() else {
                state.insert(id, 2);
                path.pop();
                continue;
            };
            *next += 1;
            match state.get(target) {
                None => {
                    state.insert(target, 1);
                    path.push((target, 0));
                }
                Some(1) => {
                    let from = path.iter().position(|(id, _)| *id == target).unwrap_or_default();
                    let names: Vec<&str> = path.iter().skip(from).map(|(id, _)| *id).chain([target]).collect();
                    let message = format!("Resource `{target}` depends on itself: {}", names.join(" -> "));
                    let diagnostic = Diagnostic::error("dependency-cycle", place, message);
                    diagnostics.push(strictness.ease(diagnostic));
                }
                Some(_) => {}
            }
        }
    }
}

/// What a resource refers to, in its properties and in `DependsOn`.
fn edges<'r>(resource: &'r Resource, resources: &'r IndexMap<String, Resource>) -> Vec<(&'r str, Place)> {
    let mut all: Vec<(&str, Place)> = Vec::new();
    let mut seen = IndexSet::new();
    let mut add = |id: &'r str, place: Place| {
        if let Some((known, _)) = resources.get_key_value(id)
            && seen.insert(known.as_str())
        {
            all.push((known.as_str(), place.or(resource.place)));
        }
    };
    references(&resource.properties, &mut |id, place| add(id, place));
    resource.depends_on.iter().for_each(|id| add(id, resource.place));
    all
}
