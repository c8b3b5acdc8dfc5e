//! Reads the answers that AWS was heard to give.
//!
//! They lie in `$EVENKEEL_RECORDED`, or in `../shared/recorded` beside the workspace. Ids, names and times in them are
//! placeholders (`<function-name:1>`, `date`), which get values here, others in each answer.

use std::path::{Path, PathBuf};

use evenkeel_tests::aws::{ACCOUNT, REGION};
use serde_json::{Map, Value as Json};

/// The services of the kinds that there are.
const SERVICES: [&str; 6] = ["iam", "lambda", "logs", "sns", "sqs", "ssm"];

/// One answer that was no error.
pub(super) struct Heard {
    /// `lambda`, `sqs`, ...
    pub(super) service: &'static str,
    /// The test and the step that it is from.
    pub(super) place: String,
    /// What was answered, without what the SDK adds.
    pub(super) body: Map<String, Json>,
}

/// All of them, or `None` where there are none here.
pub(super) fn all() -> Option<Vec<Heard>> {
    let given = std::env::var_os("EVENKEEL_RECORDED").map(PathBuf::from);
    let root = given.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/recorded"));
    if !root.is_dir() {
        println!("skipped: there are no recorded answers at {}; set EVENKEEL_RECORDED", root.display());
        return None;
    }
    let mut files: Vec<PathBuf> = std::fs::read_dir(root).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let mut out = Vec::new();
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let first = name.split(['-', '_']).next().unwrap_or_default();
        let Some(service) = SERVICES.into_iter().find(|service| *service == first) else { continue };
        let tests: Json = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        for (test, content) in tests.as_object().unwrap() {
            let test = test.rsplit("::").next().unwrap_or(test);
            collect(service, test, &content["recorded-content"], &mut out);
        }
    }
    Some(out)
}

/// An answer is what holds the SDK's own part; the steps around it may be nested.
fn collect(service: &'static str, place: &str, value: &Json, out: &mut Vec<Heard>) {
    match value {
        Json::Object(map) if map.contains_key("ResponseMetadata") && map.contains_key("Error") => {}
        Json::Object(map) if map.contains_key("ResponseMetadata") => {
            let mut body = map.clone();
            body.shift_remove("ResponseMetadata");
            let named = Names { number: out.len(), service };
            let body = body.iter().map(|(key, value)| (named.text(key), named.value(value))).collect();
            out.push(Heard { service, place: place.to_owned(), body });
        }
        Json::Object(map) => {
            for (step, value) in map {
                collect(service, &format!("{place}/{step}"), value, out);
            }
        }
        Json::Array(items) => {
            for (at, value) in items.iter().enumerate() {
                collect(service, &format!("{place}/{at}"), value, out);
            }
        }
        _ => {}
    }
}

/// Puts values in the place of placeholders.
struct Names {
    number: usize,
    service: &'static str,
}

impl Names {
    fn value(&self, value: &Json) -> Json {
        match value {
            // Numbers that were hidden too.
            Json::String(text) if text == "<code-size>" => Json::from(1024),
            Json::String(text) if text == "maximum-batching-window-in-seconds" => Json::from(5),
            Json::String(text) => Json::from(self.text(text)),
            Json::Array(items) => items.iter().map(|item| self.value(item)).collect(),
            Json::Object(map) => map.iter().map(|(key, value)| (self.text(key), self.value(value))).collect(),
            other => other.clone(),
        }
    }

    fn text(&self, text: &str) -> String {
        let mut out = String::new();
        let text = text.replace("111111111111", ACCOUNT);
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once('<') {
            out.push_str(before);
            // `<<dlq-queue-arn>:1>` is one name.
            let end = if after.starts_with('<') { after.rfind('>') } else { after.find('>') };
            let Some(end) = end else {
                out.push('<');
                rest = after;
                continue;
            };
            out.push_str(&self.name(&after[..end]));
            rest = &after[end + 1..];
        }
        out + rest
    }

    fn name(&self, placeholder: &str) -> String {
        let plain: String = placeholder.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let plain = plain.trim_matches('-');
        let unique = format!("{plain}-c{}", self.number);
        match plain {
            "partition" => "aws".to_owned(),
            "region" | "region-primary" | "region-secondary" => REGION.to_owned(),
            _ if plain.contains("queue-arn") => format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{unique}"),
            _ if self.service == "ssm" && plain.starts_with("name") => format!("/{unique}"),
            _ if plain.starts_with("path-") && self.service == "iam" && placeholder.contains(':') => {
                format!("/{unique}/")
            }
            _ => unique,
        }
    }
}
