//! CloudFormation's template language around the intrinsic functions: parameters, mappings, conditions, rules,
//! resources, outputs, local includes and `AWS::LanguageExtensions`.
//!
//! [`compile_template`] is the way in. Before the SAM transform, includes are inlined, loops unrolled and parameters
//! given their values; the transform sees intrinsics as written; afterwards everything is evaluated.

mod artifact;
mod foreach;
mod include;
mod nested;
mod outputs;
pub(crate) mod parameters;
pub(crate) mod resources;
mod rules;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexMap;

use super::intrinsic::{Evaluator, Pseudo, Scope, Strictness, partition_of};
use super::sam::{self, SamContext};
use super::values::{Needs, Values};
use super::yaml::{self, Duplicates};
use crate::model::suggest::did_you_mean;
use crate::model::{Diagnostic, Diagnostics, FileId, Map, Node, Output, Place, Resource, Severity, Val};
use nested::{Nesting, Total};

/// Most resources that a template declares, loops unrolled. CloudFormation takes 500.
const MAX_RESOURCES: usize = 2500;

/// The template's top-level sections.
const SECTIONS: &[&str] = &[
    "AWSTemplateFormatVersion",
    "Description",
    "Metadata",
    "Parameters",
    "Mappings",
    "Conditions",
    "Rules",
    "Hooks",
    "Transform",
    "Globals",
    "Resources",
    "Outputs",
];

/// Text files beside a template, by their path as the template writes it.
pub trait Files {
    /// The text of a file, and its id for places; `None` where there is none.
    fn text(&self, path: &str) -> Option<(FileId, Arc<str>)>;
}

impl Files for BTreeMap<String, (FileId, Arc<str>)> {
    fn text(&self, path: &str) -> Option<(FileId, Arc<str>)> {
        let plain = path.strip_prefix("./").unwrap_or(path);
        self.get(path).or_else(|| self.get(plain)).cloned()
    }
}

/// What a template is compiled from.
pub struct TemplateInput<'a> {
    /// The template's text, YAML or JSON.
    pub text: &'a str,
    /// Its file, for places.
    pub file: FileId,
    /// Files that it includes.
    pub files: &'a dyn Files,
    /// Where it will live.
    pub pseudo: Pseudo,
    /// Parameter values from samconfig, with their places. [`Values::parameters`] comes before them.
    pub overrides: &'a IndexMap<String, Node>,
    /// What is known from AWS and from the command line.
    pub values: &'a Values,
    /// What becomes of what AWS would refuse.
    pub strictness: Strictness,
    /// Whether AWS cannot be asked: then what only it knows stays symbolic instead of being needed first.
    pub offline: bool,
}

/// A compiled template.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// Resources by logical id, in the order written.
    pub resources: IndexMap<String, Resource>,
    /// Outputs by name.
    pub outputs: IndexMap<String, Output>,
    /// What is still missing and stands in the resources as written: dynamic references, exports, zones.
    pub needs: Needs,
    /// What is worth saying though it compiles.
    pub warnings: Diagnostics,
}

/// What came of compiling.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// All of it.
    Compiled(Box<Compiled>),
    /// These values are needed before anything can be told: they shape parameters.
    Needs(Needs),
}

/// Complaints that do not follow from a wrong parameter: worth making beside those about parameters.
const INDEPENDENT: &[&str] = &[
    "unknown-reference",
    "unknown-attribute",
    "unknown-condition",
    "unknown-function",
    "unsupported-resource",
    "unsupported-macro",
    "missing-property",
    "invalid-id",
    "invalid-function",
    "wrong-type",
    "unknown-property",
];

/// Compiles a template to resources.
///
/// # Errors
/// Everything that is wrong with it, as far as it can be told at once.
pub fn compile_template(input: &TemplateInput<'_>) -> Result<Outcome, Diagnostics> {
    compile_at(input, &Nesting::outermost(input.text, &Total::default()))
}

/// Compiles a template that may be nested in others.
fn compile_at(input: &TemplateInput<'_>, nesting: &Nesting<'_>) -> Result<Outcome, Diagnostics> {
    let (template, warnings) = read(input.text, input.file)?;
    nesting.add(&template)?;
    let mut prepared = prepare(template, input);
    prepared.diagnostics.extend(warnings);
    if prepared.diagnostics.iter().any(|one| one.code == "too-large") {
        // What was cut off in the middle is not worth looking at.
        return Err(prepared.diagnostics);
    }
    if !input.offline && !prepared.needs.is_empty() && !prepared.diagnostics.has_errors() {
        return Ok(Outcome::Needs(prepared.needs));
    }
    let template = std::mem::replace(&mut prepared.template, Node::new(Val::Null, Place::NOWHERE));
    // Nested applications were taken out: where nothing else was written, there is nothing to transform.
    let only_nested = template.get("Resources").and_then(Node::as_map).is_some_and(|map| map.is_empty())
        && (!prepared.nested.is_empty() || prepared.diagnostics.has_errors());
    let transformed = if prepared.serverless && !only_nested {
        // Transformed even where something is wrong already, so that all complaints come at once.
        match sam::transform(template, &prepared.sam_context()) {
            Ok((transformed, warnings)) => {
                prepared.diagnostics.extend(warnings);
                transformed
            }
            Err(errors) => {
                prepared.diagnostics.extend(errors);
                return Err(prepared.diagnostics);
            }
        }
    } else {
        template
    };
    let before = std::mem::take(&mut prepared.diagnostics);
    let finished = finish(transformed, prepared, input, nesting);
    if before.has_errors() {
        let mut all = before;
        let more = finished.err().unwrap_or_default();
        all.extend(more.iter().filter(|one| INDEPENDENT.contains(&one.code)).cloned().collect());
        return Err(all);
    }
    match finished {
        Ok(Outcome::Compiled(mut compiled)) => {
            let mut warnings = before;
            warnings.extend(std::mem::take(&mut compiled.warnings));
            compiled.warnings = warnings;
            Ok(Outcome::Compiled(compiled))
        }
        Ok(needs) => Ok(needs),
        Err(errors) => {
            let mut all = before;
            all.extend(errors);
            Err(all)
        }
    }
}

/// Reads a template's text: one document. A key that stands twice is a warning.
///
/// # Errors
/// What is wrong with the text.
pub fn read(text: &str, file: FileId) -> Result<(Node, Diagnostics), Diagnostics> {
    let mut reading = yaml::read(text, file, Duplicates::LastWins)?;
    let start = Place::new(file, 1, 1);
    match (reading.documents.len(), reading.documents.pop()) {
        (1, Some(template)) => Ok((template, reading.warnings)),
        (_, None) => Err(Diagnostic::error("empty-template", start, "the template is empty").into()),
        (_, Some(second)) => Err(Diagnostic::error(
            "invalid-template",
            second.place,
            "a template is one document, this file holds several",
        )
        .into()),
    }
}

/// A template before the SAM transform, and all that is needed after it.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// Includes inlined and loops unrolled; other intrinsics as written.
    pub template: Node,
    /// Whether the SAM transform applies.
    pub serverless: bool,
    /// Parameters, pseudo parameters, mappings, conditions.
    pub scope: Scope,
    /// Values of parameters that AWS must be asked for.
    pub needs: Needs,
    /// Complaints so far.
    pub diagnostics: Diagnostics,
    /// Nested applications, which the transform does not see.
    nested: Vec<nested::Nested>,
}

impl Prepared {
    /// What the SAM transform wants to know.
    pub fn sam_context(&self) -> SamContext {
        let pseudo = &self.scope.pseudo;
        let region = pseudo.region.clone().unwrap_or_else(|| "us-east-1".to_owned());
        SamContext {
            partition: partition_of(&region).0.to_owned(),
            region,
            account: pseudo.account.clone().unwrap_or_default(),
            stack: pseudo.stack.clone(),
            parameters: self.scope.parameters.clone(),
        }
    }
}

/// Everything that comes before the SAM transform.
pub fn prepare(template: Node, input: &TemplateInput<'_>) -> Prepared {
    let mut prepared = Prepared {
        template,
        serverless: false,
        scope: Scope { pseudo: input.pseudo.clone(), strictness: input.strictness, ..Scope::default() },
        needs: Needs::default(),
        diagnostics: Diagnostics::new(),
        nested: Vec::new(),
    };
    if prepared.template.as_map().is_none() {
        let found = prepared.template.type_word();
        prepared.diagnostics.error(
            "invalid-template",
            prepared.template.place,
            format!("a template is a map of sections, this is {found}"),
        );
        return prepared;
    }
    let errors = &mut prepared.diagnostics;
    let includes = include::Includes::new(input.files);
    include::top_level(&mut prepared.template, &includes, errors);
    check_sections(&prepared.template, input.strictness, errors);
    let transforms = transforms(&prepared.template, errors);
    let given = parameters::Given {
        values: input.values,
        overrides: input.overrides,
        strictness: input.strictness,
        declares: "the template",
        place: prepared.template.get("Parameters").unwrap_or(&prepared.template).place,
        remedy: "give it a `Default`, put it into samconfig's `parameter_overrides`",
    };
    prepared.scope.parameters =
        parameters::resolve(prepared.template.get("Parameters"), &given, &mut prepared.needs, errors);
    include::inline(&mut prepared.template, &includes, &prepared.scope, errors);
    prepared.scope.mappings = mappings(&prepared.template, errors);
    prepared.scope.conditions = section(&prepared.template, "Conditions");
    if transforms.language_extensions {
        foreach::unroll(&mut prepared.template, &prepared.scope, input.values, errors);
        prepared.scope.conditions = section(&prepared.template, "Conditions");
        if let Some(resources) = prepared.template.get_mut("Resources") {
            foreach::look_up(resources, &prepared.scope, input.values);
        }
    }
    check_count(&prepared.template, errors);
    artifact::check_definitions(&prepared.template, input.files, errors);
    prepared.nested = nested::take(&mut prepared.template, input, &prepared.scope, errors);
    let resources = section(&prepared.template, "Resources");
    let is_serverless =
        |node: &Node| node.get("Type").and_then(Node::as_str).is_some_and(|word| word.starts_with("AWS::Serverless::"));
    // SAM's own command line expands such resources whether or not the template declares it.
    prepared.serverless = transforms.serverless || resources.values().any(|entry| is_serverless(&entry.node));
    if prepared.serverless
        && !transforms.serverless
        && let Some(entry) = resources.values().find(|entry| is_serverless(&entry.node))
    {
        errors.push(
            Diagnostic::warning("no-transform", entry.key_place, "the template uses SAM's types without declaring it")
                .help("add `Transform: AWS::Serverless-2016-10-31`"),
        );
    }
    if !prepared.serverless && prepared.template.get("Globals").is_some() {
        let place = prepared.template.get("Globals").map(|node| node.place).unwrap_or_default();
        errors.push(
            Diagnostic::error("invalid-template", place, "`Globals` needs the SAM transform")
                .help("add `Transform: AWS::Serverless-2016-10-31`"),
        );
    }
    prepared
}

/// Evaluates a template of plain CloudFormation resources.
fn finish(
    template: Node,
    prepared: Prepared,
    input: &TemplateInput<'_>,
    nesting: &Nesting<'_>,
) -> Result<Outcome, Diagnostics> {
    let Prepared { mut scope, mut needs, mut diagnostics, nested, .. } = prepared;
    let values = input.values;
    // The transform may have added conditions.
    scope.conditions = section(&template, "Conditions");
    let mut declared = section(&template, "Resources");
    declared.extend(nested.iter().map(|one| (one.id().to_owned(), one.entry().clone())));
    if declared.is_empty() {
        diagnostics.error("invalid-template", template.place, "the template has no resources");
        return Err(diagnostics);
    }
    let mut alive = resources::select(&declared, &mut scope, values, &mut diagnostics);
    let nested = nested.into_iter().filter(|one| alive.iter().any(|(id, _)| *id == one.id())).collect::<Vec<_>>();
    for one in &nested {
        alive.retain(|(id, _)| *id != one.id());
        scope.resources.shift_remove(one.id());
    }
    let joined = nested::compile(nested, &mut scope, input, nesting, &mut diagnostics);
    needs.extend(joined.needs);
    rules::check(&section(&template, "Rules"), &scope, values, &mut diagnostics);
    let mut evaluator = Evaluator::new(&scope, values);
    for (name, entry) in &scope.conditions {
        evaluator.within("", entry.key_place);
        evaluator.condition(name, entry.key_place);
    }
    let mut resources = resources::build(alive, &mut evaluator, &scope, &mut diagnostics);
    let mut outputs = outputs::build(&section(&template, "Outputs"), &mut evaluator, &mut diagnostics);
    let (missing, complaints) = evaluator.finish();
    needs.extend(missing);
    diagnostics.extend(complaints);
    for (id, resource) in joined.resources {
        if let Some(first) = resources.get(&id) {
            let message = format!("Resource `{id}` and one of a nested application have the same id");
            diagnostics.push(Diagnostic::error("duplicate-key", resource.place, message).related(first.place, "here"));
        }
        resources.insert(id, resource);
    }
    outputs.extend(joined.outputs);
    resources::check_cycles(&resources, scope.strictness, &mut diagnostics);
    if diagnostics.has_errors() {
        return Err(diagnostics);
    }
    if !joined.blocked.is_empty() {
        return Ok(Outcome::Needs(joined.blocked));
    }
    Ok(Outcome::Compiled(Box::new(Compiled { resources, outputs, needs, warnings: diagnostics })))
}

/// A section's entries; none where there is no such section.
fn section(template: &Node, name: &str) -> Map {
    template.get(name).and_then(Node::as_map).cloned().unwrap_or_default()
}

/// So many resources that no stack could hold them, nor a person mean them.
fn check_count(template: &Node, errors: &mut Diagnostics) {
    let resources = template.get("Resources").and_then(Node::as_map);
    if let Some(resources) = resources
        && let Some((_, first)) = resources.get_index(MAX_RESOURCES)
        && errors.iter().all(|one| one.code != "too-large")
    {
        let message = format!(
            "the template declares {} resources; it can hold {MAX_RESOURCES}, and CloudFormation takes 500",
            resources.len()
        );
        errors.push(
            Diagnostic::error("too-large", first.key_place, message)
                .help("make several applications of it, each in a folder of its own"),
        );
    }
}

/// Unknown sections, and sections that are no maps.
fn check_sections(template: &Node, strictness: Strictness, errors: &mut Diagnostics) {
    for (name, entry) in template.as_map().into_iter().flatten() {
        if errors.are_many() {
            return;
        }
        if !SECTIONS.contains(&name.as_str()) {
            let message = format!("a template has no section `{name}`");
            let diagnostic = Diagnostic::error("unknown-section", entry.key_place, message);
            errors.push(strictness.ease(diagnostic.maybe_help(did_you_mean(name, SECTIONS.iter().copied()))));
        }
        let is_map =
            matches!(name.as_str(), "Parameters" | "Mappings" | "Conditions" | "Rules" | "Resources" | "Outputs");
        if is_map && !matches!(entry.node.value, Val::Map(_)) {
            // An empty section holds nothing; a template without resources is another complaint.
            let severity = if entry.node.is_null() { Severity::Warning } else { Severity::Error };
            let message = format!("the section `{name}` is a map, not {}", entry.node.type_word());
            errors.push(Diagnostic { severity, ..Diagnostic::error("wrong-type", entry.key_place, message) });
        }
    }
}

/// Which transforms a template declares.
#[derive(Default)]
struct Transforms {
    serverless: bool,
    language_extensions: bool,
}

fn transforms(template: &Node, errors: &mut Diagnostics) -> Transforms {
    let mut found = Transforms::default();
    let Some(declared) = template.get("Transform") else { return found };
    let items = declared.as_list().unwrap_or(std::slice::from_ref(declared));
    for item in items {
        match item.as_str().or_else(|| item.get("Name").and_then(Node::as_str)) {
            Some("AWS::LanguageExtensions") => found.language_extensions = true,
            Some(name) if name.starts_with("AWS::Serverless-") => found.serverless = true,
            Some(name) => errors.push(
                Diagnostic::error(
                    "unsupported-macro",
                    item.place,
                    format!("the macro `{name}` runs in CloudFormation and cannot be applied"),
                )
                .help("AWS::Serverless-2016-10-31, AWS::LanguageExtensions and AWS::Include with a local file can"),
            ),
            None => errors.error("wrong-type", item.place, "`Transform` is a name or a list of names"),
        }
    }
    found
}

/// `Mappings`: two levels of keys, plain values below.
fn mappings(template: &Node, errors: &mut Diagnostics) -> Map {
    let all = section(template, "Mappings");
    for (name, entry) in &all {
        let Some(first) = entry.node.as_map() else {
            errors.error("wrong-type", entry.key_place, format!("mapping `{name}` must be a map of maps"));
            continue;
        };
        for (key, inner) in first {
            if inner.node.as_map().is_none() {
                errors.error(
                    "wrong-type",
                    inner.key_place,
                    format!("mapping `{name}`: `{key}` must be a map of values"),
                );
            }
        }
    }
    all
}
