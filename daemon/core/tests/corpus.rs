//! Holds the compiler against a folder of real templates and what AWS's own translator makes of them.
//!
//! The folder is `$EVENKEEL_CORPUS`, or `../shared/corpus` beside the workspace; where it is not there the tests say so
//! and do nothing. `EVENKEEL_CORPUS_SHOW=ID` prints every difference of one template.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "what is missing fails the test, and a skip is told")]

#[path = "corpus/places.rs"]
mod places;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::Mutex;

use evenkeel_core::compile::intrinsic::{Pseudo, Strictness};
use evenkeel_core::compile::{Outcome, TemplateInput, Values, compile_template};
use evenkeel_core::model::{Diagnostics, Severity, Sources};
use serde_json::{Map, Value, json};

fn corpus() -> Option<PathBuf> {
    let given = std::env::var_os("EVENKEEL_CORPUS").map(PathBuf::from);
    let root = given.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"));
    if root.is_dir() {
        return Some(root);
    }
    println!("skipped: there is no corpus at {}; set EVENKEEL_CORPUS", root.display());
    None
}

/// Compiles the template of a folder; the resources as JSON, or everything that was said about it.
fn render(folder: &Path) -> Result<Value, String> {
    let mut sources = Sources::new();
    let mut files = BTreeMap::new();
    let path = folder.join("template.yaml");
    let text = fs::read_to_string(&path).map_err(|e| e.to_string())?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let file = sources.add(path.display().to_string(), text);
    read_files(folder, folder, &mut sources, &mut files);
    let values: Values = match fs::read_to_string(folder.join("params.json")) {
        Ok(text) => serde_json::from_str(&text).map_err(|e| e.to_string())?,
        Err(_) => Values::default(),
    };
    let input = TemplateInput {
        text,
        file,
        files: &files,
        pseudo: Pseudo {
            region: Some("us-east-1".to_owned()),
            account: Some("123456789012".to_owned()),
            stack: "stack".to_owned(),
        },
        overrides: &indexmap::IndexMap::new(),
        values: &values,
        strictness: Strictness::Lenient,
        offline: true,
    };
    let said = |diagnostics: &Diagnostics| {
        let errors = diagnostics.sorted().into_iter().filter(|item| item.severity == Severity::Error);
        errors.map(|item| item.render(&sources, false)).collect::<String>()
    };
    let compiled = match compile_template(&input) {
        Ok(Outcome::Compiled(compiled)) => compiled,
        Ok(Outcome::Needs(needs)) => return Err(format!("needs {needs:?}")),
        Err(diagnostics) => return Err(said(&diagnostics)),
    };
    let resources = compiled.resources.values().map(|resource| {
        let mut node = json!({"Type": resource.type_name, "Properties": resource.properties.to_json()});
        if !resource.depends_on.is_empty() {
            node["DependsOn"] = json!(resource.depends_on);
        }
        for (key, policy) in
            [("DeletionPolicy", resource.deletion_policy), ("UpdateReplacePolicy", resource.update_replace_policy)]
        {
            if let Some(policy) = policy {
                node[key] = json!(policy.as_str());
            }
        }
        (resource.id.clone(), node)
    });
    Ok(Value::Object(resources.collect()))
}

fn read_files(
    root: &Path,
    folder: &Path,
    sources: &mut Sources,
    files: &mut BTreeMap<String, (evenkeel_core::model::FileId, Arc<str>)>,
) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            read_files(root, &path, sources, files);
        } else if let (Ok(text), Ok(relative)) = (fs::read_to_string(&path), path.strip_prefix(root)) {
            let text: Arc<str> = text.into();
            let id = sources.add(path.display().to_string(), text.clone());
            files.insert(relative.display().to_string(), (id, text));
        }
    }
}

const CREATED_BY: [&str; 2] = ["lambda:createdBy", "httpapi:createdBy"];
const BUCKET: &str = "sam-local-artifact";

/// One form for both sides: artifacts as local paths, lists in a fixed order, SAM's own tags laid aside.
fn normal(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            if map.get("S3Bucket").or(map.get("Bucket")) == Some(&json!(BUCKET)) {
                return json!({"LocalPath": map.get("S3Key").or(map.get("Key"))});
            }
            Value::Object(map.iter().map(|(key, value)| (key.clone(), normal(value))).collect())
        }
        Value::Array(items) => {
            let own = |item: &Value| CREATED_BY.iter().any(|name| item.get("Key") == Some(&json!(name)));
            let mut items: Vec<Value> = items.iter().filter(|item| !own(item)).map(normal).collect();
            items.sort_by_key(sorted_text);
            Value::Array(items)
        }
        Value::String(text) => match text.strip_prefix(&format!("s3://{BUCKET}/")) {
            Some(path) => json!({"LocalPath": path}),
            None => value.clone(),
        },
        Value::Number(number) => match number.as_f64() {
            Some(float) if float.fract() == 0.0 => json!(float),
            _ => value.clone(),
        },
        _ => value.clone(),
    }
}

fn sorted_text(value: &Value) -> String {
    fn sort(value: &Value) -> Value {
        match value {
            Value::Object(map) => {
                let sorted: BTreeMap<_, _> = map.iter().map(|(key, value)| (key.clone(), sort(value))).collect();
                Value::Object(sorted.into_iter().collect())
            }
            Value::Array(items) => Value::Array(items.iter().map(sort).collect()),
            _ => value.clone(),
        }
    }
    sort(value).to_string()
}

/// What is compared of all resources.
fn resources(raw: &Value) -> Map<String, Value> {
    let mut all = Map::new();
    for (id, resource) in raw.as_object().into_iter().flatten() {
        let type_name = resource["Type"].as_str().unwrap_or_default();
        if type_name.starts_with("AWS::CodeDeploy::") || id == "CodeDeployServiceRole" {
            continue;
        }
        let mut kept = Map::new();
        for key in ["Type", "Properties", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy"] {
            let empty = [Value::Null, json!([]), json!({})];
            if let Some(value) = resource.get(key).filter(|value| !empty.contains(value)) {
                kept.insert(key.to_owned(), value.clone());
            }
        }
        if let Some(depends_on) = kept.shift_remove("DependsOn") {
            let items = match depends_on {
                Value::Array(items) => items,
                one => vec![one],
            };
            let items: Vec<Value> = items.into_iter().filter(|id| *id != json!("CodeDeployServiceRole")).collect();
            if !items.is_empty() {
                kept.insert("DependsOn".to_owned(), Value::Array(items));
            }
        }
        if type_name == "AWS::ApiGateway::Deployment"
            && let Some(Value::String(text)) = kept.get_mut("Properties").and_then(|p| p.get_mut("Description"))
        {
            *text = without_hash(text);
        }
        let mut kept = normal(&Value::Object(kept));
        if let Some(properties) = kept.get_mut("Properties").and_then(Value::as_object_mut) {
            if let Some(Value::Object(tags)) = properties.get_mut("Tags") {
                CREATED_BY.iter().for_each(|name| drop(tags.shift_remove(*name)));
            }
            if properties.get("Tags").is_some_and(|tags| *tags == json!([]) || *tags == json!({})) {
                properties.shift_remove("Tags");
            }
        }
        if kept.get("Properties") == Some(&json!({})) {
            kept.as_object_mut().unwrap().shift_remove("Properties");
        }
        all.insert(id.clone(), kept);
    }
    all
}

/// Text with every run of eight or more hexadecimal digits taken out.
fn without_hash(text: &str) -> String {
    let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    let mut out = String::new();
    let mut run = String::new();
    for c in text.chars().chain(['\0']) {
        if hex(c) {
            run.push(c);
            continue;
        }
        out.push_str(if run.len() >= 8 { "HASH" } else { &run });
        run.clear();
        out.push(c);
    }
    out.trim_end_matches('\0').to_owned()
}

fn difference(path: &str, want: &Value, have: &Value, out: &mut Vec<String>) {
    let short = |value: &Value| value.to_string().chars().take(200).collect::<String>();
    match (want, have) {
        (Value::Object(left), Value::Object(right)) => {
            let keys: std::collections::BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            for key in keys {
                match (left.get(key), right.get(key)) {
                    (Some(a), Some(b)) => difference(&format!("{path}.{key}"), a, b, out),
                    (Some(a), None) => out.push(format!("- {path}.{key}: {}", short(a))),
                    (None, Some(b)) => out.push(format!("+ {path}.{key}: {}", short(b))),
                    (None, None) => {}
                }
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (a, b)) in left.iter().zip(right).enumerate() {
                difference(&format!("{path}[{index}]"), a, b, out);
            }
        }
        (a, b) if a == b => {}
        (a, b) => out.push(format!("~ {path}: want {} have {}", short(a), short(b))),
    }
}

/// Runs `each` over the ids on two threads, results in the ids' order.
fn for_all<T: Send>(ids: &[String], each: impl Fn(&str) -> T + Sync) -> Vec<(String, T)> {
    let next = Mutex::new(0);
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let index = {
                        let mut next = next.lock().unwrap();
                        *next += 1;
                        *next - 1
                    };
                    let Some(id) = ids.get(index) else { break };
                    let result = each(id);
                    results.lock().unwrap().push((index, id.clone(), result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap();
    results.sort_by_key(|(index, ..)| *index);
    results.into_iter().map(|(_, id, result)| (id, result)).collect()
}

/// The ids of a set with their tiers, from its `index.csv`.
fn index(set: &Path) -> Vec<(String, String)> {
    let text = fs::read_to_string(set.join("index.csv")).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').map(str::trim).collect::<Vec<_>>());
    let head = lines.next().unwrap();
    let column = |name: &str| head.iter().position(|cell| *cell == name);
    let (id, tier) = (column("id").unwrap(), column("tier"));
    lines.map(|row| (row[id].to_owned(), tier.map_or("all", |tier| row[tier]).to_owned())).collect()
}

/// Counts the templates that come out equal, says which do not, and holds the floors in percent.
fn hold(set: &str, floors: &[(&str, f64)]) {
    let Some(root) = corpus() else { return };
    let set_root = root.join(set);
    let show = std::env::var("EVENKEEL_CORPUS_SHOW").ok();
    let index = index(&set_root);
    let ids: Vec<String> =
        index.iter().map(|(id, _)| id.clone()).filter(|id| show.as_ref().is_none_or(|show| show == id)).collect();
    let results = for_all(&ids, |id| {
        let want = fs::read_to_string(set_root.join("expected").join(format!("{id}.json"))).unwrap();
        let want: Value = serde_json::from_str(&want).unwrap();
        let mut out = Vec::new();
        match render(&set_root.join("templates").join(id)) {
            Ok(have) => difference("", &Value::Object(resources(&want)), &Value::Object(resources(&have)), &mut out),
            Err(message) => out.push(format!("! {}", message.trim())),
        }
        out
    });
    let mut counts: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    for (id, differences) in &results {
        let tier = index.iter().find(|(other, _)| other == id).map_or("all", |(_, tier)| tier);
        for tier in [tier, "all"].into_iter().collect::<std::collections::BTreeSet<_>>() {
            let count = counts.entry(tier.to_owned()).or_default();
            count.0 += u32::from(differences.is_empty());
            count.1 += 1;
        }
        if let Some(first) = differences.first() {
            let lines = if show.is_some() { differences.join("\n") } else { first.clone() };
            println!("{set} {id}: {} differences: {lines}", differences.len());
        }
    }
    if show.is_some() {
        return;
    }
    for (tier, (equal, all)) in &counts {
        println!("{set} {tier}: {equal}/{all} = {:.1}%", 100.0 * f64::from(*equal) / f64::from(*all));
    }
    for (tier, floor) in floors {
        let (equal, all) = counts[*tier];
        let percent = 100.0 * f64::from(equal) / f64::from(all);
        assert!(percent >= *floor, "{set} {tier}: {percent:.1}% equal, the floor is {floor}%");
    }
}

#[test]
fn real_templates_come_out_as_from_the_translator() {
    hold("real", &[("all", 100.0), ("tier0", 100.0)]);
}

#[test]
fn templates_of_sam_init_come_out_as_from_the_translator() {
    hold("init", &[("all", 100.0)]);
}

#[test]
fn the_translators_own_inputs_come_out_as_from_it() {
    hold("sam-tests", &[("all", 99.0)]);
}

#[test]
fn what_the_translator_refuses_is_refused_by_name() {
    let Some(root) = corpus() else { return };
    let set = root.join("sam-errors");
    let mut ids: Vec<String> = fs::read_dir(set.join("templates"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    ids.sort();
    let results = for_all(&ids, |id| {
        let want = fs::read_to_string(set.join("expected").join(format!("{id}.json"))).unwrap();
        let want: Value = serde_json::from_str(&want).unwrap();
        let message = want["errorMessage"].as_str().unwrap_or_default().to_owned();
        match render(&set.join("templates").join(id)) {
            Ok(_) => Some(format!("accepted; the translator says: {message}")),
            Err(said) => {
                let missing: Vec<&str> = named(&message).into_iter().filter(|name| !said.contains(name)).collect();
                (!missing.is_empty()).then(|| format!("does not name {missing:?}: {said}\n  translator: {message}"))
            }
        }
    });
    let wrong: Vec<_> = results.iter().filter_map(|(id, wrong)| wrong.as_ref().map(|wrong| (id, wrong))).collect();
    for (id, wrong) in &wrong {
        println!("sam-errors {id}: {wrong}");
    }
    println!("sam-errors: {}/{} refused by name", results.len() - wrong.len(), results.len());
    let percent = 100.0 * (results.len() - wrong.len()) as f64 / results.len() as f64;
    assert!(percent >= 100.0, "{percent:.1}% refused by name, the floor is 100%");
}

/// The ids in `Resource with id [X]` and `Event with id [X]`.
fn named(message: &str) -> Vec<&str> {
    let mut names: Vec<&str> = message.split(" with id [").skip(1).filter_map(|rest| rest.split(']').next()).collect();
    names.dedup();
    names
}
