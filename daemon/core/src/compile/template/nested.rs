//! `AWS::Serverless::Application` from a local path: its template's resources join the application, their ids begin
//! with the id of the nested application.

use std::cell::Cell;
use std::sync::Arc;

use indexmap::IndexMap;

use super::super::intrinsic::text::{Piece, pieces, scalar};
use super::super::intrinsic::{Evaluator, NestedScope, Scope};
use super::super::values::Values;
use super::super::yaml::MAX_NODES;
use super::{Compiled, Files, Outcome, TemplateInput, compile_at};
use crate::model::suggest::did_you_mean;
use crate::model::{Diagnostic, Diagnostics, Entry, FileId, Map, Node, Origin, Output, Place, Resource, Val};

const TYPE: &str = "AWS::Serverless::Application";

/// What such a resource may say.
const PROPERTIES: &[&str] = &["Location", "Parameters", "Tags", "NotificationARNs", "TimeoutInMinutes"];

/// Most nested applications in one, all levels together: a few files that nest each other can multiply.
const MAX_NESTED: usize = 200;

/// Most text of nested applications, bytes: each is read anew for each that nests it.
const MAX_TEXT: usize = 16 << 20;

/// Begins the ids of the outer template while a nested one is compiled with values that refer to them; no id can hold
/// it.
const OUTER: char = '\u{1}';

/// The templates around the one that is compiled.
#[derive(Clone)]
pub(super) struct Nesting<'a> {
    /// Their texts, this one's last.
    around: Vec<&'a str>,
    /// What all of them come to so far.
    total: &'a Total,
}

/// What the applications within an application come to, all levels together.
#[derive(Default)]
pub(super) struct Total {
    count: Cell<usize>,
    /// Length of their texts, bytes.
    bytes: Cell<usize>,
    values: Cell<usize>,
}

impl<'a> Nesting<'a> {
    /// None around this one.
    pub(super) fn outermost(text: &'a str, total: &'a Total) -> Self {
        Nesting { around: vec![text], total }
    }

    /// Counts the values of a template that was read.
    pub(super) fn add(&self, template: &Node) -> Result<(), Diagnostic> {
        self.total.values.set(self.total.values.get() + template.count());
        if self.total.values.get() <= MAX_NODES {
            return Ok(());
        }
        let message = format!("nested applications hold more than {MAX_NODES} values together");
        Err(Diagnostic::error("too-large", template.place, message))
    }
}

/// A nested application, taken out of the template before the SAM transform.
#[derive(Clone, Debug)]
pub(super) struct Nested {
    id: String,
    entry: Entry,
    /// Its template's text and where that lies.
    file: FileId,
    text: Arc<str>,
    folder: String,
}

impl Nested {
    /// Its logical id.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// The resource as written.
    pub(super) fn entry(&self) -> &Entry {
        &self.entry
    }
}

/// Takes the nested applications out of `Resources`. One that is not local is an error, or is left to the transform
/// where everything is to be shown.
pub(super) fn take(
    template: &mut Node,
    input: &TemplateInput<'_>,
    scope: &Scope,
    errors: &mut Diagnostics,
) -> Vec<Nested> {
    let Some(resources) = template.get_mut("Resources").and_then(Node::as_map_mut) else { return Vec::new() };
    let ids: Vec<String> = resources
        .iter()
        .filter(|(_, entry)| entry.node.get("Type").and_then(Node::as_str) == Some(TYPE))
        .map(|(id, _)| id.clone())
        .collect();
    if ids.len() > MAX_NESTED {
        errors.push(too_many(resources.get(&ids[MAX_NESTED]).map_or(Place::NOWHERE, |entry| entry.key_place)));
        return Vec::new();
    }
    let mut nested = Vec::new();
    for id in ids {
        let Some(entry) = resources.get(&id) else { continue };
        let location = entry.node.get("Properties").and_then(|properties| properties.get("Location"));
        let path = location.and_then(|location| {
            let values = Values::default();
            let mut evaluator = Evaluator::new(scope, &values);
            evaluator.evaluate(location).and_then(|value| value.as_str().map(str::to_owned))
        });
        let Some(path) = path.filter(|path| !path.contains("://")) else {
            let place = location.map_or(entry.key_place, |location| location.place);
            let diagnostic = Diagnostic::error(
                "unsupported-application",
                place,
                format!("Resource `{id}`: an application from a repository or bucket is made by CloudFormation only"),
            )
            .help("copy its template beside this one and give the path as `Location`");
            errors.push(input.strictness.ease(diagnostic));
            continue;
        };
        let place = location.map_or(entry.key_place, |location| location.place);
        let Some(entry) = resources.shift_remove(&id) else { continue };
        match find(&path, input.files) {
            Some((file, text, folder)) => nested.push(Nested { id, entry, file, text, folder }),
            None => errors.error("missing-file", place, format!("Resource `{id}`: there is no template at `{path}`")),
        }
    }
    nested
}

fn too_many(place: Place) -> Diagnostic {
    Diagnostic::error("too-large", place, format!("there are more than {MAX_NESTED} nested applications"))
}

/// A template by its path, or by its folder's.
fn find(path: &str, files: &dyn Files) -> Option<(FileId, Arc<str>, String)> {
    let path = join("", path);
    let inside = ["template.yaml", "template.yml", "template.json"].map(|name| join(&path, name));
    std::iter::once(path).chain(inside).find_map(|path| {
        let (file, text) = files.text(&path)?;
        let folder = path.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned());
        Some((file, text, folder))
    })
}

/// Two paths one after the other, with `.` and `..` worked out.
fn join(folder: &str, path: &str) -> String {
    if path.starts_with('/') {
        return path.to_owned();
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The files of a nested template's folder.
struct Inside<'a> {
    folder: &'a str,
    files: &'a dyn Files,
}

impl Files for Inside<'_> {
    fn text(&self, path: &str) -> Option<(FileId, Arc<str>)> {
        self.files.text(&join(self.folder, path))
    }
}

/// What nested applications bring.
#[derive(Default)]
pub(super) struct Joined {
    pub resources: IndexMap<String, Resource>,
    pub outputs: IndexMap<String, Output>,
    pub needs: super::Needs,
    /// Values without which a nested template cannot be compiled.
    pub blocked: super::Needs,
}

/// Compiles nested applications, each after those whose outputs it uses, and puts their outputs into the scope.
pub(super) fn compile(
    mut pending: Vec<Nested>,
    scope: &mut Scope,
    input: &TemplateInput<'_>,
    nesting: &Nesting<'_>,
    diagnostics: &mut Diagnostics,
) -> Joined {
    let mut joined = Joined::default();
    while !pending.is_empty() {
        let ids: Vec<&str> = pending.iter().map(|one| one.id.as_str()).collect();
        let ready = pending.iter().position(|one| !ids.iter().any(|id| mentions(&one.entry.node, id)));
        let one = pending.swap_remove(ready.unwrap_or(0));
        if ready.is_none() {
            diagnostics.error(
                "dependency-cycle",
                one.entry.key_place,
                format!("Resource `{}` depends on itself through the outputs of nested applications", one.id),
            );
        }
        match compile_one(&one, scope, input, nesting, diagnostics) {
            Some(Outcome::Compiled(compiled)) => {
                let outer = Outer { id: &one.id, folder: &one.folder };
                let inner = outer.join(*compiled, &mut joined, diagnostics);
                scope.nested.insert(one.id.clone(), inner);
                let after = depends_on(&one, scope);
                let ids = scope.nested.get(&one.id).map(|inner| inner.ids.clone()).unwrap_or_default();
                for id in ids {
                    if let Some(resource) = joined.resources.get_mut(&id) {
                        resource.depends_on.extend(after.iter().cloned());
                    }
                }
            }
            Some(Outcome::Needs(needs)) => {
                joined.blocked.extend(needs);
                scope.nested.insert(one.id.clone(), NestedScope { unknown: true, ..NestedScope::default() });
            }
            None => {
                scope.nested.insert(one.id.clone(), NestedScope { unknown: true, ..NestedScope::default() });
            }
        }
    }
    joined
}

/// Whether a value written in a template uses an output of a nested application.
fn mentions(node: &Node, id: &str) -> bool {
    let begins = |text: &str| text.strip_prefix(id).is_some_and(|rest| rest.starts_with('.'));
    match &node.value {
        Val::List(items) => items.iter().any(|item| mentions(item, id)),
        Val::Map(map) => map.iter().any(|(key, entry)| {
            let inner = &entry.node;
            match (key.as_str(), inner.as_str(), inner.as_list()) {
                ("Fn::GetAtt", Some(text), _) => begins(text),
                ("Fn::GetAtt", _, Some([first, ..])) => first.as_str() == Some(id),
                ("Fn::Sub", Some(text), _) => uses(text, &begins),
                ("Fn::Sub", _, Some([text, variables])) => {
                    text.as_str().is_some_and(|text| uses(text, &begins)) || mentions(variables, id)
                }
                _ => mentions(inner, id),
            }
        }),
        _ => false,
    }
}

fn uses(text: &str, begins: &dyn Fn(&str) -> bool) -> bool {
    pieces(text).iter().any(|piece| matches!(piece, Piece::Reference(name) if begins(name)))
}

fn compile_one(
    one: &Nested,
    scope: &Scope,
    input: &TemplateInput<'_>,
    nesting: &Nesting<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Outcome> {
    let place = one.entry.key_place;
    let owner = format!("Resource `{}`", one.id);
    if nesting.around.contains(&&*one.text) {
        diagnostics.error("dependency-cycle", place, format!("{owner}: the template is nested in itself"));
        return None;
    }
    if nesting.total.values.get() > MAX_NODES || nesting.total.bytes.get() > MAX_TEXT {
        // That has been said; nothing more is read.
        return None;
    }
    nesting.total.count.set(nesting.total.count.get() + 1);
    nesting.total.bytes.set(nesting.total.bytes.get() + one.text.len());
    if nesting.total.count.get() > MAX_NESTED {
        diagnostics.push(too_many(place));
        return None;
    }
    if nesting.total.bytes.get() > MAX_TEXT {
        let message = format!("{owner}: the nested applications are longer than {} MB together", MAX_TEXT >> 20);
        diagnostics.error("too-large", place, message);
        return None;
    }
    let empty = Map::new();
    let properties = one.entry.node.get("Properties").and_then(Node::as_map).unwrap_or(&empty);
    for (key, entry) in properties {
        if !PROPERTIES.contains(&key.as_str()) {
            diagnostics.push(
                Diagnostic::error("unknown-property", entry.key_place, format!("{owner} has no property `{key}`"))
                    .maybe_help(did_you_mean(key, PROPERTIES.iter().copied())),
            );
        } else if matches!(key.as_str(), "Tags" | "NotificationARNs") {
            diagnostics.push(
                Diagnostic::error(
                    "unsupported-property",
                    entry.key_place,
                    format!("{owner}: `{key}` belongs to CloudFormation's stack, and there is none"),
                )
                .help("put tags on the resources themselves, or into samconfig's `tags`"),
            );
        }
    }
    let mut evaluator = Evaluator::new(scope, input.values);
    evaluator.within(&owner, place);
    let mut overrides = IndexMap::new();
    match properties.get("Parameters").map(|entry| &entry.node) {
        None => {}
        Some(Node { value: Val::Map(map), .. }) => {
            for (name, entry) in map {
                if let Some(mut value) = evaluator.evaluate(&entry.node) {
                    rename(&mut value, &|id| format!("{OUTER}{id}"), "");
                    value.place = value.place.or(entry.key_place);
                    overrides.insert(name.clone(), value);
                }
            }
        }
        Some(other) => {
            diagnostics.error(
                "wrong-type",
                other.place,
                format!("{owner}: `Parameters` is a map, not {}", other.type_word()),
            );
        }
    }
    let (_, complaints) = evaluator.finish();
    let failed = complaints.has_errors();
    diagnostics.extend(complaints);
    if failed {
        return None;
    }
    let values = Values { parameters: Default::default(), ..input.values.clone() };
    let mut pseudo = input.pseudo.clone();
    pseudo.stack = format!("{}-{}", pseudo.stack, one.id);
    let inner = TemplateInput {
        text: &one.text,
        file: one.file,
        files: &Inside { folder: &one.folder, files: input.files },
        pseudo,
        overrides: &overrides,
        values: &values,
        strictness: input.strictness,
        offline: input.offline,
    };
    let around = nesting.around.iter().copied().chain([&*one.text]).collect();
    match compile_at(&inner, &Nesting { around, total: nesting.total }) {
        Ok(outcome) => Some(outcome),
        Err(found) => {
            for complaint in found.iter() {
                diagnostics.push(complaint.clone().related(place, format!("nested as `{}`", one.id)));
            }
            None
        }
    }
}

/// The ids that a nested application comes after.
fn depends_on(one: &Nested, scope: &Scope) -> Vec<String> {
    let Some(node) = one.entry.node.get("DependsOn") else { return Vec::new() };
    let names = node.as_list().unwrap_or(std::slice::from_ref(node)).iter().filter_map(scalar);
    names
        .flat_map(|name| match scope.nested.get(&name) {
            Some(inner) => inner.ids.clone(),
            None if scope.resources.contains(&name) => vec![name],
            None => Vec::new(),
        })
        .collect()
}

/// The nested application from outside.
struct Outer<'a> {
    id: &'a str,
    folder: &'a str,
}

impl Outer<'_> {
    /// Brings a compiled template's resources and outputs out.
    fn join(&self, compiled: Compiled, joined: &mut Joined, diagnostics: &mut Diagnostics) -> NestedScope {
        diagnostics.extend(compiled.warnings);
        joined.needs.extend(compiled.needs);
        let outside = |id: &str| match id.strip_prefix(OUTER) {
            Some(outer) => outer.to_owned(),
            None => format!("{}{id}", self.id),
        };
        let mut inner = NestedScope::default();
        for (id, mut resource) in compiled.resources {
            let id = outside(&id);
            resource.id.clone_from(&id);
            rename(&mut resource.properties, &outside, self.folder);
            if let Some(rollout) = &mut resource.rollout {
                rename(rollout, &outside, self.folder);
            }
            resource.depends_on.iter_mut().for_each(|id| *id = outside(id));
            if let Origin::Generated { parent } = &mut resource.origin {
                *parent = outside(parent);
            }
            let place = resource.place;
            inner.ids.push(id.clone());
            if joined.resources.insert(id.clone(), resource).is_some() {
                let message = format!("Resource `{}`: two nested resources would both be called `{id}`", self.id);
                diagnostics.error("duplicate-key", place, message);
            }
        }
        for (name, mut output) in compiled.outputs {
            rename(&mut output.value, &outside, self.folder);
            inner.outputs.insert(name.clone(), output.value.clone());
            if let Some(export) = &mut output.export {
                rename(export, &outside, self.folder);
                joined.outputs.insert(outside(&name), output);
            }
        }
        inner
    }
}

/// Renames the ids that an evaluated value refers to, and puts the folder before local paths.
fn rename(node: &mut Node, to: &dyn Fn(&str) -> String, folder: &str) {
    let call = node.as_call().map(|(name, _)| name.to_owned());
    let target = match (call.as_deref(), &mut node.value) {
        (Some("Ref"), Val::Map(map)) => map.get_mut("Ref").map(|entry| &mut entry.node),
        (Some("Fn::GetAtt"), Val::Map(map)) => match map.get_mut("Fn::GetAtt").map(|entry| &mut entry.node.value) {
            Some(Val::List(items)) => items.first_mut(),
            _ => None,
        },
        (_, Val::List(items)) => {
            items.iter_mut().for_each(|item| rename(item, to, folder));
            None
        }
        (_, Val::Map(map)) => {
            for (key, entry) in map {
                match &mut entry.node.value {
                    Val::Str(path) if key == "LocalPath" && !folder.is_empty() => *path = join(folder, path),
                    _ => rename(&mut entry.node, to, folder),
                }
            }
            None
        }
        _ => None,
    };
    if let Some(Node { value: Val::Str(id), .. }) = target
        && !id.starts_with("AWS::")
    {
        *id = to(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_as_a_person_reads_them() {
        for (folder, path, expected) in [
            ("", "./a/b", "a/b"),
            ("a", "../b/./c", "b/c"),
            ("a", "../../b", "../b"),
            ("a/b", ".", "a/b"),
            ("a", "/abs", "/abs"),
        ] {
            assert_eq!(join(folder, path), expected);
        }
    }
}
