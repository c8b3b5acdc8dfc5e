//! Compiles a case and says what of it must not be.

use std::collections::BTreeMap;
use std::sync::Arc;

use evenkeel_core::compile::intrinsic::{Pseudo, Strictness};
use evenkeel_core::compile::{self, Outcome, TemplateInput, Values, manifest, samconfig, yaml};
use evenkeel_core::model::resource::SpecSource;
use evenkeel_core::model::{Desired, Diagnostics, FileId, Place, Severity, Sources};
use indexmap::IndexMap;

use super::mutate::{Case, Kind};

/// What came of a case.
#[derive(Debug, Default)]
pub struct Verdict {
    /// How many errors were told.
    pub errors: usize,
    /// Errors that point nowhere, in words without names.
    pub lost: Vec<String>,
}

const INNER: &str = "\
Parameters: {Name: {Type: String}, Topic: {Type: String, Default: none}}
Resources: {Q: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref Name}}}
Outputs: {Url: {Value: !Ref Q}}
";
const SELF: &str = "Resources: {Own: {Type: AWS::Serverless::Application, Properties: {Location: self.yaml}}}\n";

/// Compiles a case in all its ways.
pub fn run(case: &Case) -> Verdict {
    let mut sources = Sources::new();
    let file = sources.add("case", case.text.as_str());
    match case.kind {
        Kind::Template => template(case, file, sources),
        Kind::Manifest => native(case, file, &sources),
        Kind::Samconfig => {
            let format = if case.number.is_multiple_of(8) { samconfig::Format::Yaml } else { samconfig::Format::Toml };
            match samconfig::read(&case.text, file, format, &BTreeMap::new()) {
                Ok(config) => judge(&config.warnings, &sources),
                Err(errors) => judge(&errors, &sources),
            }
        }
    }
}

fn template(case: &Case, file: FileId, mut sources: Sources) -> Verdict {
    let mut files: BTreeMap<String, (FileId, Arc<str>)> = BTreeMap::new();
    for (path, text) in [
        ("inner/template.yaml", INNER),
        ("self.yaml", SELF),
        ("part.yaml", "Type: AWS::SNS::Topic\n"),
        ("case.yaml", case.text.as_str()),
    ] {
        let text: Arc<str> = text.into();
        files.insert(path.to_owned(), (sources.add(path, Arc::clone(&text)), text));
    }
    let strict = case.number.is_multiple_of(2);
    let input = TemplateInput {
        text: &case.text,
        file,
        files: &files,
        pseudo: Pseudo {
            region: Some("eu-west-1".to_owned()),
            account: Some("123456789012".to_owned()),
            stack: "shop".to_owned(),
        },
        overrides: &IndexMap::new(),
        values: &Values::default(),
        strictness: if strict { Strictness::Strict } else { Strictness::Lenient },
        offline: !case.number.is_multiple_of(3),
    };
    let made = match compile::compile_template(&input) {
        Ok(Outcome::Compiled(made)) => made,
        Ok(Outcome::Needs(_)) => return Verdict::default(),
        Err(errors) => return judge(&errors, &sources),
    };
    let desired = Desired {
        app: "shop".to_owned(),
        env: None,
        stack: "shop".to_owned(),
        region: Some("eu-west-1".to_owned()),
        account: Some("123456789012".to_owned()),
        role_arn: None,
        source: SpecSource::Template,
        tags: BTreeMap::new(),
        resources: made.resources,
        outputs: made.outputs,
        deleted: false,
        allow_delete: None,
    };
    let mut out = made.warnings;
    compile::check(&desired, &mut out);
    judge(&out, &sources)
}

fn native(case: &Case, file: FileId, sources: &Sources) -> Verdict {
    let documents = match yaml::read_documents(&case.text, file) {
        Ok(documents) => documents,
        Err(errors) => return judge(&errors, sources),
    };
    let documents: Vec<_> = documents.into_iter().filter(manifest::is_manifest).collect();
    if documents.is_empty() {
        return Verdict::default();
    }
    let made = manifest::compile(&manifest::Input {
        documents: &documents,
        name: Some("shop"),
        folder: None,
        env: None,
        region: Some("eu-west-1"),
        account: Some("123456789012"),
        values: &Values::default(),
        log_retention_days: None,
        strictness: Strictness::Strict,
    });
    let mut out = made.diagnostics;
    if let Some(desired) = &made.desired {
        compile::check(desired, &mut out);
    }
    judge(&out, sources)
}

/// Every error points at a line and column that is there.
fn judge(said: &Diagnostics, sources: &Sources) -> Verdict {
    let mut verdict = Verdict::default();
    for error in said.iter().filter(|item| item.severity == Severity::Error) {
        verdict.errors += 1;
        // The end of the text may be one line further than its last.
        let last = Place { line: error.place.line.saturating_sub(1).max(1), ..error.place };
        let there = error.place.is_known() && error.place.column > 0 && sources.line(last).is_some();
        if !there {
            verdict.lost.push(format!("{} points at {:?}: {}", error.code, error.place, without_names(&error.message)));
        }
        // Printing must not panic either.
        let _ = error.render(sources, false);
    }
    verdict
}

/// A message with what stands in backticks taken out, so that the same complaint is counted once.
fn without_names(message: &str) -> String {
    let words: Vec<&str> =
        message.split('`').enumerate().map(|(index, part)| if index % 2 == 0 { part } else { "…" }).collect();
    words.concat().chars().take(100).collect()
}
