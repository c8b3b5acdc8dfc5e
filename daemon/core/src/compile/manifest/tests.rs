//! Behaviour of native manifests, word by word, and the example application as a whole.

mod errors;
mod shop;
mod words;

use serde_json::{Value as Json, json};

use super::*;
use crate::compile::yaml::read_documents;
use crate::model::{FileId, Resource, Sources};

/// A compiled text, to be asked about.
struct Tried {
    compiled: Compiled,
    sources: Sources,
}

/// What a test says beside the text.
#[derive(Default)]
struct With<'a> {
    env: Option<&'a str>,
    parameters: &'a [(&'a str, &'a str)],
}

fn try_files(files: &[(&str, &str)], with: With<'_>) -> Tried {
    let mut sources = Sources::new();
    let mut documents = Vec::new();
    for (path, text) in files {
        let id: FileId = sources.add(*path, *text);
        documents.extend(read_documents(text, id).unwrap());
    }
    let parameters = with.parameters.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let values = Values { parameters, ..Values::default() };
    let compiled = compile(&Input {
        documents: &documents,
        name: None,
        folder: Some("app"),
        env: with.env,
        region: Some("eu-west-1"),
        account: Some("111122223333"),
        values: &values,
        log_retention_days: None,
        strictness: Strictness::Strict,
    });
    Tried { compiled, sources }
}

/// Compiles documents given as `Kind name` and a spec.
fn with_app(app: &str, documents: &[(&str, &str)], with: With<'_>) -> Tried {
    let mut text = format!("apiVersion: evenkeel.dev/v1\nkind: App\nmetadata: {{name: app}}\nspec: {app}\n");
    for (head, spec) in documents {
        let (kind, name) = head.split_once(' ').unwrap();
        let metadata = if name.contains(':') { format!("{{{name}}}") } else { format!("{{name: {name}}}") };
        text.push_str(&format!("---\napiVersion: evenkeel.dev/v1\nkind: {kind}\nmetadata: {metadata}\nspec: {spec}\n"));
    }
    try_files(&[("app.yaml", &text)], with)
}

fn documents(documents: &[(&str, &str)]) -> Tried {
    with_app("{}", documents, With::default())
}

/// A function with the least it needs, and more.
fn function(more: &str) -> String {
    format!("{{code: ./f, runtime: python3.13, handler: app.handler{}{more}}}", if more.is_empty() { "" } else { ", " })
}

impl Tried {
    fn desired(&self) -> &Desired {
        self.compiled.desired.as_ref().unwrap_or_else(|| panic!("{}", self.complaints()))
    }

    fn resource(&self, id: &str) -> &Resource {
        let desired = self.desired();
        desired
            .resources
            .get(id)
            .unwrap_or_else(|| panic!("no `{id}` among {:?}", desired.resources.keys().collect::<Vec<_>>()))
    }

    fn properties(&self, id: &str) -> Json {
        self.resource(id).properties.to_json()
    }

    /// The statements of a function's own role by their Sid.
    fn statement(&self, function: &str, sid: &str) -> Json {
        let role = self.properties(&format!("{function}-role"));
        let statements = role["Policies"][0]["PolicyDocument"]["Statement"].as_array().unwrap().clone();
        let found = statements.iter().find(|statement| statement["Sid"] == sid).cloned();
        found.unwrap_or_else(|| panic!("no statement {sid} in {statements:#?}"))
    }

    fn complaints(&self) -> String {
        self.compiled.diagnostics.sorted().iter().map(|complaint| complaint.render(&self.sources, false)).collect()
    }

    /// The one error, as `code line:column`.
    fn only_error(&self) -> String {
        let errors: Vec<String> = self
            .compiled
            .diagnostics
            .iter()
            .filter(|complaint| complaint.severity == crate::model::Severity::Error)
            .map(|complaint| complaint.code.to_owned())
            .collect();
        assert_eq!(errors.len(), 1, "{}", self.complaints());
        assert!(self.compiled.desired.is_none());
        errors.into_iter().next().unwrap()
    }
}
