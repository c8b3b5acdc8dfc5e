//! Every error about a template points at a line and column of it, and where it names a word that is wrong, at that word.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use evenkeel_core::compile::intrinsic::{Pseudo, Strictness};
use evenkeel_core::compile::{Outcome, TemplateInput, Values, check, compile_template};
use evenkeel_core::model::resource::SpecSource;
use evenkeel_core::model::{Desired, Diagnostic, Diagnostics, FileId, Severity, Sources};
use indexmap::IndexMap;

use super::{corpus, for_all};

/// All errors that a text gets, against AWS's schemas and limits too.
fn errors(text: &str, values: &Values, strictness: Strictness) -> (Vec<Diagnostic>, Sources) {
    let mut sources = Sources::new();
    let file = sources.add("template.yaml", text);
    let files: BTreeMap<String, (FileId, Arc<str>)> = BTreeMap::new();
    let said = said(text, file, &files, values, strictness);
    let errors = said.iter().filter(|item| item.severity == Severity::Error).cloned().collect();
    (errors, sources)
}

fn said(
    text: &str,
    file: FileId,
    files: &BTreeMap<String, (FileId, Arc<str>)>,
    values: &Values,
    strictness: Strictness,
) -> Diagnostics {
    let (region, account) = (Some("us-east-1".to_owned()), Some("123456789012".to_owned()));
    let input = TemplateInput {
        text,
        file,
        files,
        pseudo: Pseudo { region: region.clone(), account: account.clone(), stack: "stack".to_owned() },
        overrides: &IndexMap::new(),
        values,
        strictness,
        offline: true,
    };
    match compile_template(&input) {
        Ok(Outcome::Compiled(made)) => {
            let desired = Desired {
                app: "stack".to_owned(),
                env: None,
                stack: "stack".to_owned(),
                region,
                account,
                role_arn: None,
                source: SpecSource::Template,
                tags: BTreeMap::new(),
                resources: made.resources,
                outputs: made.outputs,
                deleted: false,
                allow_delete: None,
            };
            let mut out = made.warnings;
            check(&desired, &mut out);
            out
        }
        Ok(Outcome::Needs(_)) => Diagnostics::new(),
        Err(errors) => errors,
    }
}

/// Why an error's place is not one; `None` where it is.
fn misplaced(error: &Diagnostic, sources: &Sources) -> Option<String> {
    let Some(line) = sources.line(error.place) else {
        return Some(format!("points at {:?}, which is no line: {}: {}", error.place, error.code, error.message));
    };
    let columns = line.chars().count() + 1;
    if error.place.column == 0 || error.place.column as usize > columns {
        return Some(format!("points beyond its line: {:?}: {}", error.place, error.message));
    }
    // What is unknown is named, and stands there.
    let named: Vec<&str> = error.message.split('`').skip(1).step_by(2).collect();
    let unknown =
        error.code.starts_with("unknown-") && !["unknown-reference", "unknown-parameter"].contains(&error.code);
    (unknown && !named.iter().any(|word| line.contains(word)))
        .then(|| format!("names {named:?} and points at {}:{} `{}`", error.place.line, error.place.column, line.trim()))
}

fn templates(root: &Path, set: &str) -> Vec<String> {
    let mut ids: Vec<String> = fs::read_dir(root.join(set).join("templates"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    ids.sort();
    ids
}

fn read(root: &Path, set: &str, id: &str) -> (String, Values) {
    let folder = root.join(set).join("templates").join(id);
    let values = fs::read_to_string(folder.join("params.json")).ok();
    let values = values.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    (fs::read_to_string(folder.join("template.yaml")).unwrap(), values)
}

fn none_of(wrong: Vec<(String, Vec<String>)>, looked_at: &str) {
    let all: Vec<String> =
        wrong.into_iter().flat_map(|(id, all)| all.into_iter().map(move |one| format!("{id}: {one}"))).collect();
    assert!(all.is_empty(), "{} of {looked_at} are misplaced:\n{}", all.len(), all.join("\n"));
}

#[test]
fn every_error_about_a_refused_template_points_at_its_line() {
    let Some(root) = corpus() else { return };
    for set in ["sam-errors", "real", "init", "sam-tests"] {
        none_of(
            for_all(&templates(&root, set), |id| {
                let (text, values) = read(&root, set, id);
                let (errors, sources) = errors(&text, &values, Strictness::Strict);
                errors.iter().filter_map(|error| misplaced(error, &sources)).collect()
            }),
            set,
        );
    }
}

#[test]
fn a_key_that_is_misspelt_anywhere_in_a_real_template_is_complained_about_on_its_line() {
    let Some(root) = corpus() else { return };
    let ids: Vec<String> = templates(&root, "real").into_iter().step_by(9).collect();
    none_of(
        for_all(&ids, |id| {
            let (text, values) = read(&root, "real", id);
            let lines: Vec<&str> = text.lines().collect();
            let keys =
                lines.iter().enumerate().filter(|(_, line)| line.trim_start().split_once(':').is_some_and(is_key));
            let mut wrong = Vec::new();
            for (number, line) in keys.step_by(3) {
                let (key, rest) = line.split_once(':').unwrap();
                let changed: Vec<String> = lines
                    .iter()
                    .enumerate()
                    .map(|(at, line)| if at == number { format!("{key}Zz:{rest}") } else { (*line).to_owned() })
                    .collect();
                let text = changed.join("\n");
                let (errors, sources) = errors(&text, &values, Strictness::Strict);
                let name = format!("{}Zz", key.trim());
                for error in &errors {
                    let about = error.message.contains(&format!("`{name}`")) && error.code.starts_with("unknown-p");
                    if about && error.place.line as usize != number + 1 {
                        wrong.push(format!(
                            "line {}: {name}: said at {}: {}",
                            number + 1,
                            error.place.line,
                            error.message
                        ));
                    }
                    wrong.extend(misplaced(error, &sources));
                }
            }
            wrong
        }),
        "misspelt keys",
    );
}

/// Whether `KEY: REST` begins a line of a block map.
fn is_key((key, rest): (&str, &str)) -> bool {
    !key.is_empty() && key.chars().all(char::is_alphanumeric) && (rest.is_empty() || rest.starts_with(' '))
}

#[test]
fn a_value_of_the_wrong_type_is_complained_about_where_it_was_written_through_globals_and_functions() {
    let template = |globals: &str, timeout: &str, head: &str| {
        format!(
            "Transform: AWS::Serverless-2016-10-31\n{head}\nGlobals:\n  Function:\n    Runtime: python3.12\n{globals}\nResources:\n  Fn:\n    Type: AWS::Serverless::Function\n    Properties:\n      CodeUri: src/\n      Handler: a.b\n{timeout}\n"
        )
    };
    for (text, line) in [
        (template("    Timeout: soon", "", "Description: x"), 6),
        (template("    Environment: {Variables: {A: [1]}}", "", "Description: x"), 6),
        (template("    MemorySize: {a: b}", "", "Description: x"), 6),
        (template("    MemorySizes: 128", "", "Description: x"), 6),
        (template("    Tags: {a: b}", "      Timeout: !If [C, soon, later]", "Conditions: {C: !Equals [1, 1]}"), 13),
        (template("    Tags: {a: b}", "      Timeout: !Ref P", "Parameters: {P: {Type: String, Default: soon}}"), 13),
        (template("    Tags: {a: b}", "      Timeout: !FindInMap [M, a, b]", "Mappings: {M: {a: {b: soon}}}"), 13),
        (template("    Timeout: !Ref P", "", "Parameters: {P: {Type: Number, Default: 10000}}"), 6),
        (template("    Timeout: !FindInMap [M, a, b]", "", "Mappings: {M: {a: {b: 10000}}}"), 6),
    ] {
        let (errors, sources) = errors(&text, &Values::default(), Strictness::Strict);
        assert!(!errors.is_empty(), "accepted: {text}");
        for error in &errors {
            assert_eq!(misplaced(error, &sources), None, "{text}");
        }
        assert!(errors.iter().any(|error| error.place.line == line), "line {line} of {text}\n{errors:#?}");
    }
}
