//! Native manifests: `apiVersion: evenkeel.dev/v1`.
//!
//! The documents of one application become plain resources with AWS's type names and properties. A spec goes this way:
//! the App's defaults below it, the environment's overrides above it, its intrinsics evaluated, then our own words
//! (`triggers`, `connects`, `deadLetter`, ...) expanded into properties and into resources that ride along with it.
//!
//! Ids are the names that a person wrote. What is generated is called after what asked for it, so that it can be
//! referred to as well: `charge-role`, `charge-logs`, `charge-version`, `charge-alias`, `charge-invokes`,
//! `charge-from-orders`, `charge-from-paid-permission`, `orders-dead-letters`, `orders-policy`.

mod app;
mod code;
mod connect;
mod document;
mod fields;
mod function;
mod merge;
mod parameter;
mod parameters;
mod plain;
mod policy;
mod properties;
mod queue;
mod retain;
mod rollout;
mod schema_json;
mod topic;
mod trigger;
mod world;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use indexmap::{IndexMap, IndexSet};

pub use app::{App, Environment};
pub use document::{API_VERSION, Annotations, Document, Kind, is_manifest};
pub use fields::Text;
pub use retain::holds_data;
pub use schema_json::json_schema;

use super::intrinsic::{self, Evaluator, Pseudo, Scope, Strictness};
use super::template;
use super::values::{Needs, Values};
use crate::model::resource::SpecSource;
use crate::model::suggest::did_you_mean;
use crate::model::{Desired, Diagnostic, Diagnostics, Map, Node, Output, Place};
use fields::Fields;
use world::{Build, Common, Declared, World};

/// How long a function's log group keeps its events where nobody says otherwise, in days.
pub const LOG_RETENTION_DAYS: i64 = 30;

/// What there is to compile.
pub struct Input<'a> {
    /// The documents of one application, in the order of its files.
    pub documents: &'a [Node],
    /// The name that a person gave on the command line; it wins over the App's.
    pub name: Option<&'a str>,
    /// The name where there is no App: the folder's.
    pub folder: Option<&'a str>,
    /// The environment asked for.
    pub env: Option<&'a str>,
    /// The region where the environment names none.
    pub region: Option<&'a str>,
    /// The account (12 digits) where the environment names none.
    pub account: Option<&'a str>,
    /// What only AWS and the command line (`--parameter`, `--values`) can tell; its parameters win over the
    /// environment's.
    pub values: &'a Values,
    /// How long a function's log group keeps its events, in days (`logRetentionDays` of the tree).
    pub log_retention_days: Option<i64>,
    /// How strict references are.
    pub strictness: Strictness,
}

/// Most documents of one application.
const MAX_DOCUMENTS: usize = 5000;

/// What came of it.
#[derive(Debug)]
pub struct Compiled {
    /// The application; `None` where there are errors.
    pub desired: Option<Desired>,
    /// What must be read from AWS before this is whole.
    pub needs: Needs,
    /// All complaints: errors, warnings and advice.
    pub diagnostics: Diagnostics,
}

/// Compiles the native manifests of one application for one environment.
pub fn compile(input: &Input<'_>) -> Compiled {
    let mut build = Build::default();
    let (desired, needs) = run(input, &mut build);
    let diagnostics = build.out;
    Compiled { desired: desired.filter(|_| !diagnostics.has_errors()), needs, diagnostics }
}

/// The App of some documents, for who needs its environments before compiling, or has it beside a template.
///
/// Complaints about other documents are left to [`compile`].
pub fn read_app(documents: &[Node], out: &mut Diagnostics) -> Option<App> {
    let mut found: Option<App> = None;
    for node in documents.iter().filter(|node| node.get("kind").and_then(Node::as_str) == Some(Kind::App.as_str())) {
        let Some(document) = document::read(node, out) else { continue };
        match &found {
            Some(first) => out.push(
                Diagnostic::error("two-apps", document.place(), "an application has one App document")
                    .related(first.name.place, "the first one"),
            ),
            None => found = Some(app::read(&document, out)),
        }
    }
    found
}

fn run(input: &Input<'_>, build: &mut Build) -> (Option<Desired>, Needs) {
    if let Some(first) = input.documents.get(MAX_DOCUMENTS) {
        let message = format!("the application has {} documents; it can hold {MAX_DOCUMENTS}", input.documents.len());
        build.out.push(
            Diagnostic::error("too-large", first.place, message)
                .help("make several applications of it, each in a folder of its own"),
        );
        return (None, Needs::default());
    }
    let app = read_app(input.documents, &mut build.out);
    let documents = read_documents(input, &mut build.out);
    let environment = match app.as_ref().map(|app| app.select(input.env)) {
        Some(Ok(selected)) => selected,
        Some(Err(complaint)) => {
            build.out.push(complaint);
            return (None, Needs::default());
        }
        None => {
            if let Some(env) = input.env {
                let message =
                    format!("there is no environment `{env}`: the application has no App document that declares it");
                build.out.error("unknown-environment", Place::NOWHERE, message);
            }
            None
        }
    };
    let named = app.as_ref().map(|app| app.name.text.as_str());
    let Some(name) = input.name.or(named).or(input.folder) else {
        let place = input.documents.first().map_or(Place::NOWHERE, |node| node.place);
        build.out.push(
            Diagnostic::error("no-name", place, "the application has no name")
                .help("add a document with `kind: App`, or give `--app NAME`"),
        );
        return (None, Needs::default());
    };
    let env = environment.map(|(env, _)| env.to_owned());
    let stack = env.as_ref().map_or_else(|| name.to_owned(), |env| format!("{name}-{env}"));
    let environment = environment.map(|(_, environment)| environment);
    let region = environment.and_then(|e| e.region.as_deref()).or(input.region).map(str::to_owned);
    let account = environment.and_then(|e| e.account.as_deref()).or(input.account).map(str::to_owned);

    let specs = merged_specs(app.as_ref(), environment, documents, &mut build.out);
    let pseudo = Pseudo { region, account, stack: stack.clone() };
    let mut needs = Needs::default();
    let given = parameters::Given {
        app: app.as_ref(),
        environment,
        name,
        env: env.as_deref(),
        values: input.values,
        strictness: input.strictness,
    };
    let parameters = parameters::resolve(&given, &mut needs, &mut build.out);
    let mut scope = Scope {
        parameters,
        pseudo,
        mappings: section(app.as_ref().and_then(|app| app.mappings.as_ref()), "mappings", &mut build.out),
        conditions: section(app.as_ref().and_then(|app| app.conditions.as_ref()), "conditions", &mut build.out),
        strictness: input.strictness,
        ..Scope::default()
    };
    check_names(&specs, &scope, &mut build.out);
    let (kept, left_out) = apply_conditions(specs, &mut scope, input.values, build);
    scope.resources = ids(&kept);

    let mut evaluator = Evaluator::new(&scope, input.values);
    let mut declared = IndexMap::new();
    for spec in kept {
        let resource = evaluate(spec, &mut evaluator, &mut build.out);
        let letters = if resource.document.kind == Kind::Queue { queue::dead_letters(&resource) } else { None };
        // Of two with one name, which has been complained about, the first is meant.
        declared.entry(resource.id().to_owned()).or_insert(resource);
        declared.extend(letters.map(|letters| (letters.id().to_owned(), letters)));
    }
    let mut tags = BTreeMap::new();
    let mut outputs = IndexMap::new();
    if let Some(app) = &app {
        evaluator.within(format!("App `{}`", app.name.text), app.name.place);
        tags = read_tags(app, &mut evaluator, &mut build.out);
        outputs = read_outputs(app, &mut evaluator, &mut build.out);
    }
    let mut pseudo = |name: &str| evaluator.evaluate(&Node::reference(name, Place::NOWHERE));
    let empty = || Node::str("", Place::NOWHERE);
    let world = World {
        stack: stack.clone(),
        log_retention_days: input.log_retention_days.unwrap_or(LOG_RETENTION_DAYS),
        partition: pseudo("AWS::Partition").unwrap_or_else(empty),
        region: pseudo("AWS::Region").unwrap_or_else(empty),
        account: pseudo("AWS::AccountId").unwrap_or_else(empty),
        declared,
        left_out,
    };
    let (missing, complaints) = evaluator.finish();
    needs.extend(missing);
    build.out.extend(complaints);
    expand(&world, build);
    finish_dependencies(&world, build);
    properties::validate(build);
    template::resources::check_cycles(&build.resources, input.strictness, &mut build.out);

    let desired = Desired {
        app: name.to_owned(),
        env,
        stack,
        region: environment.and_then(|e| e.region.clone()),
        account: environment.and_then(|e| e.account.clone()),
        role_arn: environment.and_then(|e| e.role_arn.clone()),
        source: SpecSource::Native,
        tags,
        resources: std::mem::take(&mut build.resources),
        outputs,
        deleted: app.as_ref().is_some_and(|app| app.deleted),
        allow_delete: app.as_ref().and_then(|app| app.allow_delete.clone()),
    };
    (Some(desired), needs)
}

fn read_documents(input: &Input<'_>, out: &mut Diagnostics) -> Vec<Document> {
    let mut documents = Vec::new();
    for node in input.documents.iter().filter(|node| !node.is_null()) {
        if node.get("kind").and_then(Node::as_str) == Some(Kind::App.as_str()) {
            continue;
        }
        documents.extend(document::read(node, out));
    }
    documents
}

/// A document with the App's defaults below its spec and the environment's override above it.
fn merged_specs(
    app: Option<&App>,
    environment: Option<&Environment>,
    mut documents: Vec<Document>,
    out: &mut Diagnostics,
) -> Vec<Document> {
    for document in &mut documents {
        let defaults = app.iter().flat_map(|app| &app.defaults).find(|(kind, _)| *kind == document.kind);
        if let Some((_, defaults)) = defaults {
            document.spec = merge::with_defaults(defaults, &document.spec);
        }
        if let Some(patch) = environment.and_then(|environment| environment.overrides.get(&document.name.text)) {
            document.spec = merge::with_patch(&document.spec, &patch.node);
        }
    }
    for (name, patch) in environment.into_iter().flat_map(|environment| &environment.overrides) {
        if !documents.iter().any(|document| document.name.text == *name) {
            let names = documents.iter().map(|document| document.name.text.as_str());
            out.push(
                Diagnostic::error(
                    "unknown-name",
                    patch.key_place,
                    format!("there is no resource `{name}` to override"),
                )
                .maybe_help(did_you_mean(name, names)),
            );
        } else if patch.node.as_map().is_none() {
            let message = format!("the override of `{name}` must be a map, not {}", patch.node.type_word());
            out.error("wrong-type", patch.node.place, message);
        }
    }
    documents
}

fn section(node: Option<&Node>, word: &str, out: &mut Diagnostics) -> Map {
    let Some(node) = node else { return Map::new() };
    match node.as_map().filter(|_| node.as_call().is_none()) {
        Some(map) => map.clone(),
        None => {
            out.error("wrong-type", node.place, format!("`{word}` must be a map, not {}", node.type_word()));
            Map::new()
        }
    }
}

/// Names are unique across kinds and parameters: `!Ref NAME` must mean one thing.
fn check_names(documents: &[Document], scope: &Scope, out: &mut Diagnostics) {
    let mut seen: IndexMap<&str, &Document> = IndexMap::new();
    for document in documents {
        let name = document.name.text.as_str();
        match seen.get(name) {
            Some(first) => out.push(
                Diagnostic::error(
                    "duplicate-name",
                    document.place(),
                    format!(
                        "there are two of the name `{name}`: a {} and a {}",
                        first.kind.word(),
                        document.kind.word()
                    ),
                )
                .related(first.place(), "the first one")
                .help("names are unique across the kinds of an application"),
            ),
            None => {
                seen.insert(name, document);
            }
        }
        if let Some(parameter) = scope.parameters.get(name) {
            out.push(
                Diagnostic::error(
                    "duplicate-name",
                    document.place(),
                    format!("`{name}` is a {} and a parameter of the App", document.kind.word()),
                )
                .related(parameter.place, "the parameter")
                .help("`!Ref` could mean either: call one of them otherwise"),
            );
        }
    }
}

/// Leaves out what has a false `condition`.
fn apply_conditions(
    documents: Vec<Document>,
    scope: &mut Scope,
    values: &Values,
    build: &mut Build,
) -> (Vec<Document>, IndexMap<String, (Place, String)>) {
    let mut kept = Vec::new();
    let mut left_out = IndexMap::new();
    let mut evaluator = Evaluator::new(scope, values);
    for mut document in documents {
        let Some(condition) = document.spec.remove("condition").filter(|node| !node.is_null()) else {
            kept.push(document);
            continue;
        };
        evaluator.within(document.what(), document.place());
        let (name, truth) = match condition.as_str() {
            Some(name) => (name.to_owned(), evaluator.condition(name, condition.place)),
            None => ("written here".to_owned(), evaluator.expression(&condition)),
        };
        if truth == Some(false) {
            left_out.insert(document.name.text.clone(), (document.place(), name));
        } else {
            kept.push(document);
        }
    }
    // What these conditions ask of AWS is asked again when the specs are evaluated.
    let (_, complaints) = evaluator.finish();
    build.out.extend(complaints);
    scope.dropped = left_out.iter().map(|(name, (_, condition))| (name.clone(), condition.clone())).collect();
    (kept, left_out)
}

/// Every id that can be referred to: names, and what will be generated for them.
fn ids(documents: &[Document]) -> IndexSet<String> {
    let mut ids: IndexSet<String> = documents.iter().map(|document| document.name.text.clone()).collect();
    for document in documents {
        let name = &document.name.text;
        let has = |word: &str| document.spec.get(word).is_some_and(|node| !node.is_null());
        match document.kind {
            Kind::Function => {
                if !has("role") {
                    ids.insert(format!("{name}-role"));
                }
                if document.spec.get("loggingConfig").and_then(|config| config.get("logGroup")).is_none() {
                    ids.insert(format!("{name}-logs"));
                }
                if has("rollout") {
                    ids.insert(format!("{name}-version"));
                    ids.insert(format!("{name}-alias"));
                }
            }
            Kind::Queue
                if document
                    .spec
                    .get("deadLetter")
                    .is_some_and(|node| node.as_map().is_some_and(|map| !map.contains_key("queue"))) =>
            {
                ids.insert(queue::dead_letters_id(name));
            }
            _ => {}
        }
    }
    ids
}

fn evaluate(mut document: Document, evaluator: &mut Evaluator<'_>, out: &mut Diagnostics) -> Declared {
    let mut fields = Fields::new(&document.spec, document.what(), out);
    let mut common = Common {
        depends_on: names(fields.take("dependsOn"), out),
        deletion_policy: properties::read_policy(&mut fields, "deletionPolicy", out),
        update_replace_policy: properties::read_policy(&mut fields, "updateReplacePolicy", out),
        metadata: None,
    };
    let ignored = fields.list("ignoreDrift", out);
    for path in &ignored {
        match path.as_str() {
            Some(path) => document.annotations.ignore_drift.push(path.to_owned()),
            None => out.error(
                "wrong-type",
                path.place,
                format!("`ignoreDrift` lists property paths, not {}", path.type_word()),
            ),
        }
    }
    if document.kind == Kind::Resource {
        common.metadata = fields.take("metadata");
    }
    let type_name = document.kind.type_name().map_or_else(|| read_type(&mut fields, out), str::to_owned);
    parameter::warn_of_plain_secret(&document, out);
    let spec = fields.rest();
    evaluator.within(document.what(), document.place());
    document.spec = evaluator.evaluate_fully(&spec).unwrap_or_else(|| Node::map::<String>([], spec.place));
    let labels = std::mem::take(&mut document.labels);
    document.labels =
        labels.into_iter().filter_map(|(key, node)| Some((key, evaluator.evaluate_fully(&node)?))).collect();
    Declared { document, type_name, common, parent: None }
}

/// `type` of a `kind: Resource`.
fn read_type(fields: &mut Fields, out: &mut Diagnostics) -> String {
    let what = fields.what.clone();
    let place = fields.place;
    let written = fields.peek("type").is_some();
    let Some(text) = fields.text("type", out) else {
        if !written {
            out.push(
                Diagnostic::error("missing-word", place, format!("{what} needs a `type`"))
                    .help("write `type: AWS::DynamoDB::Table` and its `properties` as AWS documents them"),
            );
        }
        return String::new();
    };
    text.text
}

fn names(node: Option<Node>, out: &mut Diagnostics) -> Vec<String> {
    let Some(node) = node else { return Vec::new() };
    let one = std::slice::from_ref(&node);
    let entries = node.as_list().unwrap_or(one);
    let mut names = Vec::new();
    for entry in entries {
        match entry.as_str() {
            Some(name) => names.push(name.to_owned()),
            None => out.error("wrong-type", entry.place, format!("`dependsOn` lists names, not {}", entry.type_word())),
        }
    }
    names
}

fn read_tags(app: &App, evaluator: &mut Evaluator<'_>, out: &mut Diagnostics) -> BTreeMap<String, String> {
    let mut tags = BTreeMap::new();
    for (key, node) in &app.labels {
        let Some(value) = evaluator.evaluate_fully(node) else { continue };
        match properties::label_text(key, &value, true, out).map(|value| value.as_str().map(str::to_owned)) {
            Some(Some(text)) => {
                tags.insert(key.clone(), text);
            }
            Some(None) => {
                out.error("bad-label", value.place, format!("label `{key}` of the App must be known beforehand"))
            }
            None => {}
        }
    }
    tags
}

fn read_outputs(app: &App, evaluator: &mut Evaluator<'_>, out: &mut Diagnostics) -> IndexMap<String, Output> {
    let mut outputs = IndexMap::new();
    for (name, entry) in &app.outputs {
        let long = entry.node.as_map().is_some_and(|map| map.contains_key("value"));
        let (value, description, export) = if long {
            let mut fields = Fields::new(&entry.node, format!("output `{name}`"), out);
            let value = fields.take("value");
            let description = fields.text("description", out).map(|text| text.text);
            let export = fields.take("export");
            fields.finish(out);
            (value, description, export)
        } else {
            (Some(entry.node.clone()), None, None)
        };
        let value = value.and_then(|value| evaluator.evaluate_fully(&value));
        let export = export.and_then(|export| evaluator.evaluate_fully(&export));
        if let Some(value) = value {
            outputs.insert(name.clone(), Output { value, description, export });
        }
    }
    outputs
}

fn expand(world: &World, build: &mut Build) {
    for declared in world.declared.values() {
        let errors = build.out.iter().count();
        match declared.document.kind {
            Kind::Function => function::expand(world, declared, build),
            Kind::Layer => plain::layer(declared, build),
            Kind::Queue => queue::expand(world, declared, build),
            Kind::Topic => topic::expand(world, declared, build),
            Kind::Parameter => parameter::expand(declared, build),
            Kind::Role => plain::role(declared, build),
            Kind::LogGroup => plain::log_group(world, declared, build),
            Kind::Resource => plain::resource(declared, build),
            Kind::App => {}
        }
        if build.out.iter().count() > errors {
            build.broken.insert(declared.id().to_owned());
        }
    }
    queue::add_policies(world, build);
}

/// Checks `dependsOn`. What is left out needs no waiting for, as in CloudFormation.
fn finish_dependencies(world: &World, build: &mut Build) {
    let known: IndexSet<String> = build.resources.keys().cloned().collect();
    for resource in build.resources.values_mut() {
        let place = resource.place;
        resource.depends_on.retain(|name| !world.left_out.contains_key(name));
        for name in resource.depends_on.iter().filter(|name| !known.contains(*name)) {
            build.out.push(
                Diagnostic::error(
                    "unknown-name",
                    place,
                    format!("`dependsOn` of `{}` names `{name}`, which does not exist", resource.id),
                )
                .maybe_help(did_you_mean(name, known.iter().map(String::as_str))),
            );
        }
    }
}
