//! The tables of drift: for each kind what is made, what is changed behind evenkeel's back, and what `plan` must name.
//!
//! In texts `$row` stands for the row (each has a resource of its own), `$account` and `$region` for where it is,
//! `$it` for the physical id of the row's resource (`$tail` for what follows its last `|`), `$[id]` for that of another
//! one, and `$found` for what the row's `find` found.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use evenkeel_core::model::schema::{self, Shape, ShapeType, TypeSchema};
use evenkeel_tests::Call;
use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Map, Value as Json};

/// The emulators that the tables know.
pub const EMULATORS: [&str; 2] = ["ministack", "moto"];

/// What is known about one kind.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// AWS's type name.
    pub kind: String,
    /// Resources that all rows share, by id.
    #[serde(default)]
    pub shared: IndexMap<String, Made>,
    /// Resources of each row; the one whose id ends in `-it` is the one that is changed.
    pub each: IndexMap<String, Made>,
    /// Calls before anything is made (a bucket that code comes from).
    #[serde(default)]
    pub before: Vec<Call>,
    /// The call that carries a row's `set`.
    pub set: Option<Call>,
    /// Calls that tell what is there: what they answer afterwards is what they answered before.
    pub reads: Vec<Call>,
    /// Members that differ from answer to answer.
    #[serde(default)]
    pub volatile: BTreeSet<String>,
    /// Members with what the service means where it says nothing of them: whether it says so is no difference.
    #[serde(default)]
    pub defaults: Map<String, Json>,
    /// Calls that delete it by hand.
    pub delete: Vec<Call>,
    /// How many writes it takes to bring it back after that.
    #[serde(default = "one")]
    pub writes: usize,
    /// Emulators that cannot do anything of it, each with the reason.
    #[serde(default)]
    pub skip: BTreeMap<String, String>,
    /// Properties without a row, each with the reason.
    #[serde(default)]
    pub exceptions: BTreeMap<String, String>,
    /// What is changed.
    #[serde(default)]
    pub rows: Vec<Row>,
}

/// A resource of the specs.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Made {
    /// AWS's type name.
    pub r#type: String,
    /// Its properties.
    #[serde(default)]
    pub properties: Map<String, Json>,
}

/// One change by hand.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The path that `plan` must name.
    pub path: String,
    /// Paths of AWS's schema that this shows, where that is more or other than `path`.
    #[serde(default)]
    pub covers: Vec<String>,
    /// Other paths that the same change touches.
    #[serde(default)]
    pub also: Vec<String>,
    /// Properties of this row's resource, over those of the table; null takes one away.
    #[serde(default)]
    pub spec: Map<String, Json>,
    /// What the table's `set` call sends besides its own body.
    #[serde(default)]
    pub set: Map<String, Json>,
    /// Where the row's calls find `$found`.
    #[serde(default)]
    pub find: Option<Find>,
    /// Calls instead of `set`.
    #[serde(default)]
    pub calls: Vec<Call>,
    /// Calls that tell what is there, besides the table's.
    #[serde(default)]
    pub reads: Vec<Call>,
    /// How many writes put it right.
    #[serde(default = "one")]
    pub writes: usize,
    /// What the plan does about it.
    #[serde(default = "update")]
    pub action: String,
    /// Emulators that cannot do it, each with the reason.
    #[serde(default)]
    pub skip: BTreeMap<String, String>,
}

/// Something that only the service knows: what stands between two texts in its answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Find {
    /// The call.
    pub call: Call,
    /// What stands before it.
    pub after: String,
    /// What stands behind it.
    pub before: String,
}

impl Find {
    /// The first such text in an answer.
    pub fn in_answer<'a>(&self, answer: &'a str) -> Option<&'a str> {
        Some(answer.split_once(&self.after)?.1.split_once(&self.before)?.0)
    }
}

fn one() -> usize {
    1
}

fn update() -> String {
    "update".to_owned()
}

impl Table {
    /// All tables, by file name.
    pub fn all() -> Vec<(String, Table)> {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/drift/tables");
        let mut paths: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let read = |path: &Path| {
            let text = std::fs::read_to_string(path).unwrap();
            let table = serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (path.file_stem().unwrap().to_string_lossy().into_owned(), table)
        };
        paths.iter().map(|path| read(path)).collect()
    }

    /// What AWS's schema says can be changed in place, down to single members; tags are one thing.
    pub fn updatable(&self) -> Vec<String> {
        let schema = schema::lookup(&self.kind).unwrap_or_else(|| panic!("AWS has no {}", self.kind));
        let mut out = Vec::new();
        for name in schema.writable() {
            leaves(schema, name.to_owned(), &schema.root.properties[name], &mut out);
        }
        out.retain(|path| !schema.is_create_only(path) && !schema.is_read_only(path));
        out
    }

    /// Why an emulator cannot do a row.
    pub fn skips<'a>(&'a self, row: &'a Row, emulator: &str) -> Option<&'a str> {
        self.skip.get(emulator).or_else(|| row.skip.get(emulator)).map(String::as_str)
    }

    /// Properties that neither a row shows, on one emulator at least, nor an exception explains.
    pub fn unshown(&self) -> Vec<String> {
        let runs = |row: &&Row| EMULATORS.iter().any(|emulator| self.skips(row, emulator).is_none());
        let shown: Vec<String> = self.rows.iter().filter(runs).flat_map(Row::shows).collect();
        let is_below = |path: &str, of: &str| {
            path.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        let excused = |path: &str| self.exceptions.keys().any(|exception| is_below(path, exception));
        let mut all = self.updatable();
        all.retain(|path| !excused(path) && !shown.iter().any(|shown| is_below(shown, path)));
        all
    }
}

impl Row {
    /// The paths of AWS's schema that it shows: `Layers[0]` is a change of `Layers[]`.
    fn shows(&self) -> Vec<String> {
        let any_item = |path: &String| {
            let parts = path.split('[').map(|part| part.split_once(']').map_or(part, |(_, rest)| rest));
            parts.collect::<Vec<_>>().join("[]")
        };
        if self.covers.is_empty() { vec![any_item(&self.path)] } else { self.covers.clone() }
    }
}

fn leaves(schema: &TypeSchema, path: String, shape: &Shape, out: &mut Vec<String>) {
    let shape = schema.resolve(shape);
    let tags = schema.tagging.as_ref().is_some_and(|tagging| tagging.property == path);
    let items = shape.items.as_deref().map(|items| schema.resolve(items)).filter(|items| !items.properties.is_empty());
    let inner = match items {
        Some(items) => Some((items, "[]")),
        None => Some((shape, "")).filter(|_| shape.types.contains(&ShapeType::Object)),
    };
    match inner.filter(|(inner, _)| !tags && !inner.properties.is_empty()) {
        Some((inner, sign)) => {
            for (name, member) in &inner.properties {
                leaves(schema, format!("{path}{sign}.{name}"), member, out);
            }
        }
        None => out.push(path),
    }
}

/// What texts stand for.
#[derive(Clone, Debug, Default)]
pub struct Words {
    /// The row.
    pub row: String,
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// Physical ids by id.
    pub ids: BTreeMap<String, String>,
    /// What the row's `find` found.
    pub found: String,
}

impl Words {
    /// The id that stands for `$it`.
    pub fn it(&self) -> String {
        format!("{}-it", self.row)
    }

    /// A text with what it stands for.
    pub fn fill(&self, text: &str) -> String {
        let it = self.ids.get(&self.it()).map_or("$it", String::as_str);
        let mut out = text
            .replace("$row", &self.row)
            .replace("$account", &self.account)
            .replace("$region", &self.region)
            .replace("$found", &self.found)
            .replace("$tail", it.rsplit('|').next().unwrap_or(it))
            .replace("$it", it);
        for (id, physical) in &self.ids {
            out = out.replace(&format!("$[{id}]"), physical);
        }
        out
    }

    /// JSON with what its texts stand for, keys too.
    pub fn fill_json(&self, value: &Json) -> Json {
        match value {
            Json::String(text) => Json::String(self.fill(text)),
            Json::Array(items) => items.iter().map(|item| self.fill_json(item)).collect(),
            Json::Object(map) => {
                Json::Object(map.iter().map(|(key, value)| (self.fill(key), self.fill_json(value))).collect())
            }
            other => other.clone(),
        }
    }

    /// A call with what its texts stand for.
    pub fn fill_call(&self, call: &Call) -> Call {
        Call { service: call.service.clone(), operation: self.fill(&call.operation), body: self.fill_json(&call.body) }
    }
}
