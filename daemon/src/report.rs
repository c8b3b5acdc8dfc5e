//! What a person or a program is told: the JSON contracts and the tables.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use evenkeel_core::engine::condition::{self, Condition, Health};
use evenkeel_core::engine::quota::{Buckets, Cost};
use evenkeel_core::plan::{Change, Plan, Verb};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::world::Calls;

/// One application's part of a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AppReport {
    /// The application.
    pub name: String,
    /// The environment.
    pub env: Option<String>,
    /// Revision of the specs.
    pub revision: String,
    /// Whether everything is as the spec says.
    pub ready: bool,
    /// Why it is not, where that is not about one resource (the spec does not compile, no credentials).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message: Option<String>,
    /// The same as conditions: `Ready` is false, and `Stalled` true with a word for programs (`CredentialsExpired`,
    /// `Unreachable`, `SpecInvalid`).
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub conditions: Vec<Condition>,
    /// Its resources.
    pub resources: Vec<Health>,
    /// Values of its outputs; secrets masked.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<String, Json>,
}

/// What `reconcile --once -o json` prints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Applications.
    pub apps: Vec<AppReport>,
    /// Applications that are in AWS and not in the specs, with the number of their resources.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub orphaned: BTreeMap<String, usize>,
    /// Calls by service and operation.
    pub calls: Calls,
    /// Those of them that AWS throttled.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub throttled: Calls,
    /// What the calls took from AWS's quotas, by bucket.
    #[serde(default)]
    pub quota: Buckets,
    /// Writes among them.
    pub writes: u64,
    /// Wall time, milliseconds.
    pub elapsed_ms: u64,
}

impl AppReport {
    /// The report of a plan that nothing can follow any more.
    pub fn of(name: &str, env: Option<&str>, revision: &str, plan: &Plan) -> Self {
        AppReport {
            name: name.to_owned(),
            env: env.map(str::to_owned),
            revision: revision.to_owned(),
            ready: plan.is_converged(),
            message: None,
            conditions: Vec::new(),
            resources: condition::health(plan),
            outputs: plan.outputs.clone(),
        }
    }

    /// The report of an application that could not be planned at all.
    pub fn failed(name: &str, env: Option<&str>, revision: &str, reason: &str, message: String) -> Self {
        let empty = AppReport {
            name: name.to_owned(),
            env: env.map(str::to_owned),
            revision: revision.to_owned(),
            ready: false,
            message: None,
            conditions: Vec::new(),
            resources: Vec::new(),
            outputs: BTreeMap::new(),
        };
        empty.stalled(reason, message)
    }

    /// The same report with why the application as a whole cannot go on.
    pub fn stalled(self, reason: &str, message: String) -> Self {
        let conditions = vec![
            Condition::new("Ready", false, reason, message.clone()),
            Condition::new("Stalled", true, reason, message.clone()),
        ];
        AppReport { ready: false, message: Some(message), conditions, ..self }
    }

    /// Word and sentence of why the application as a whole cannot go on.
    pub fn word(&self) -> Option<(&str, &str)> {
        let message = self.message.as_deref()?;
        Some((self.conditions.first().map_or("Frozen", |condition| condition.reason.as_str()), message))
    }

    /// `app` or `app/env`.
    pub fn key(&self) -> String {
        match &self.env {
            Some(env) => format!("{}/{env}", self.name),
            None => self.name.clone(),
        }
    }
}

/// One application's part of `plan -o json`.
#[derive(Clone, Debug, Serialize)]
pub struct PlanReport {
    /// The application.
    pub name: String,
    /// The environment.
    pub env: Option<String>,
    /// Revision of the specs.
    pub revision: String,
    /// Actions by verb.
    pub summary: Summary,
    /// Every resource.
    pub actions: Vec<ActionReport>,
    /// What it takes from AWS's quotas.
    pub cost: Cost,
    /// What to give to `--allow-delete` where the plan takes something away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// Actions by verb.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// To be made.
    pub create: usize,
    /// To be changed in place.
    pub update: usize,
    /// To be deleted and made again.
    pub replace: usize,
    /// To be deleted.
    pub delete: usize,
    /// As they should be.
    pub unchanged: usize,
    /// Cannot go on.
    pub blocked: usize,
}

impl Summary {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        Summary { unchanged: 0, ..*self } == Summary::default()
    }
}

/// One action.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ActionReport {
    /// Logical id.
    pub id: String,
    /// AWS's type name.
    #[serde(rename = "type")]
    pub type_name: String,
    /// What is done.
    pub action: Verb,
    /// The real thing, where it is there.
    pub physical_id: Option<String>,
    /// What differs.
    pub changes: Vec<Change>,
    /// Why.
    pub reason: Option<String>,
}

impl PlanReport {
    /// The report of a plan.
    pub fn of(name: &str, env: Option<&str>, revision: &str, plan: &Plan) -> Self {
        PlanReport {
            name: name.to_owned(),
            env: env.map(str::to_owned),
            revision: revision.to_owned(),
            summary: Summary {
                create: plan.count(Verb::Create),
                update: plan.count(Verb::Update),
                replace: plan.count(Verb::Replace),
                delete: plan.count(Verb::Delete),
                unchanged: plan.count(Verb::None),
                blocked: plan.count(Verb::Blocked),
            },
            cost: Cost::of(plan),
            digest: plan.digest.clone(),
            actions: plan
                .actions
                .iter()
                .map(|action| ActionReport {
                    id: action.id.clone(),
                    type_name: action.type_name.clone(),
                    action: action.verb,
                    physical_id: action.physical_id.clone(),
                    changes: action.changes.clone(),
                    reason: action.reason.clone(),
                })
                .collect(),
        }
    }

    fn key(&self) -> String {
        match &self.env {
            Some(env) => format!("{}/{env}", self.name),
            None => self.name.clone(),
        }
    }

    /// For a terminal.
    pub fn text(&self, style: Style) -> String {
        let mut out = format!("{}\n", style.bold(&self.key()));
        for action in self.actions.iter().filter(|action| action.action != Verb::None) {
            let (sign, shade) = sign(action.action);
            let name = action.physical_id.as_deref().map(|id| format!(" ({id})")).unwrap_or_default();
            let _ =
                writeln!(out, "  {} {} {}{name}", style.paint(shade, sign), action.id, style.dim(&action.type_name));
            if let Some(reason) = &action.reason {
                let _ = writeln!(out, "      {}", style.dim(reason));
            }
            if !matches!(action.action, Verb::Create | Verb::Delete) {
                for change in &action.changes {
                    let to = match &change.to_unknown {
                        Some(unknown) => format!("(known after {})", unknown.after),
                        None => brief(&change.to),
                    };
                    let cause = format!("{:?}", change.cause).to_lowercase();
                    let _ = writeln!(
                        out,
                        "      {}: {} -> {to} {}",
                        change.path,
                        brief(&change.from),
                        style.dim(&format!("[{cause}]"))
                    );
                }
            }
        }
        let Summary { create, update, replace, delete, unchanged, blocked } = self.summary;
        if self.summary.is_empty() {
            let _ = writeln!(out, "  nothing to do: {unchanged} as the spec says");
        } else {
            let _ = writeln!(
                out,
                "  {create} to create, {update} to update, {replace} to replace, {delete} to delete, {blocked} blocked, {unchanged} unchanged"
            );
            let _ = writeln!(out, "  {}", style.dim(&self.cost.sentence()));
        }
        out
    }

    /// For a pull request's comment.
    pub fn markdown(&self) -> String {
        let Summary { create, update, replace, delete, unchanged, blocked } = self.summary;
        let mut out = format!("### {}\n\n", self.key());
        if self.summary.is_empty() {
            let _ = writeln!(out, "Nothing to do: {unchanged} resources are as the spec says.");
            return out;
        }
        let _ = writeln!(
            out,
            "{create} to create, {update} to update, {replace} to replace, {delete} to delete, {blocked} blocked, {unchanged} unchanged. {}.\n",
            self.cost.sentence()
        );
        let _ = writeln!(out, "| action | resource | type | changes |\n|---|---|---|---|");
        for action in self.actions.iter().filter(|action| action.action != Verb::None) {
            let changes: Vec<String> = match action.action {
                Verb::Create | Verb::Delete => Vec::new(),
                _ => action.changes.iter().map(|change| format!("`{}`", change.path)).collect(),
            };
            let why = action.reason.clone().map(|reason| reason.replace('|', "\\|")).unwrap_or_default();
            let detail =
                [changes.join(", "), why].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; ");
            let verb = format!("{:?}", action.action).to_lowercase();
            let _ = writeln!(out, "| {verb} | `{}` | {} | {detail} |", action.id, action.type_name);
        }
        out
    }
}

fn sign(verb: Verb) -> (&'static str, &'static str) {
    match verb {
        Verb::None => ("=", "2"),
        Verb::Create => ("+", "32"),
        Verb::Update => ("~", "33"),
        Verb::Replace => ("±", "35"),
        Verb::Delete => ("-", "31"),
        Verb::Blocked => ("!", "1;31"),
    }
}

/// A value on one line, cut where it is long.
fn brief(value: &Json) -> String {
    const LIMIT: usize = 80;
    let text = if value.is_null() { "(none)".to_owned() } else { value.to_string() };
    if text.chars().count() <= LIMIT { text } else { text.chars().take(LIMIT).chain(['…']).collect() }
}

/// Whether to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Colour on.
    pub colour: bool,
}

impl Style {
    /// Text in an ANSI shade.
    pub fn paint(self, shade: &str, text: &str) -> String {
        if self.colour { format!("\u{1b}[{shade}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// Bold text.
    pub fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// Faint text.
    pub fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }
}

/// Rows in columns as wide as they need to be; the first row is the heading.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, "{cell:<width$}   ");
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// The table of applications' resources; `wide` adds the messages.
pub fn resources_table(apps: &[AppReport], wide: bool, style: Style) -> String {
    let mut rows = vec![["APP", "RESOURCE", "TYPE", "READY", "STATUS", "PHYSICAL ID"].map(str::to_owned).to_vec()];
    if wide {
        rows[0].push("MESSAGE".to_owned());
    }
    for app in apps {
        for health in &app.resources {
            let (reason, message) = health.word();
            let ready = if health.is_ready() { "True" } else { "False" };
            let physical = health.physical_id.clone().unwrap_or_default();
            let physical = physical
                .rsplit_once('/')
                .filter(|_| physical.starts_with("http"))
                .map_or(physical.clone(), |(_, name)| name.to_owned());
            let mut row = vec![
                app.key(),
                health.id.clone(),
                health.type_name.clone(),
                ready.to_owned(),
                reason.to_owned(),
                physical,
            ];
            if wide {
                row.push(message.to_owned());
            }
            rows.push(row);
        }
    }
    // A heading alone says nothing, where a sentence follows.
    let told = rows.len() > 1 || apps.iter().all(|app| app.message.is_none());
    let mut out = if told { table(&rows) } else { String::new() };
    // What all of them share, such as credentials, is said once.
    let mut said: Vec<(&str, Vec<String>)> = Vec::new();
    for app in apps {
        let Some(message) = app.message.as_deref() else { continue };
        match said.iter_mut().find(|(other, _)| *other == message) {
            Some((_, keys)) => keys.push(app.key()),
            None => said.push((message, vec![app.key()])),
        }
    }
    for (message, keys) in said {
        let _ = writeln!(out, "{}: {message}", keys.join(", "));
    }
    for app in apps {
        for health in app.resources.iter().filter(|health| !health.is_ready()) {
            let (reason, message) = health.word();
            let _ = writeln!(out, "{} {}: {reason}: {message}", style.paint("1;31", "!"), health.id);
        }
    }
    out
}

impl Report {
    /// For a terminal.
    pub fn text(&self, style: Style) -> String {
        let mut out = resources_table(&self.apps, false, style);
        for (app, count) in &self.orphaned {
            let _ = writeln!(
                out,
                "orphaned: {app} has {count} resources in AWS and no folder in the specs; to remove them: evenkeel delete --app {app}"
            );
        }
        let calls: u64 = self.calls.values().flat_map(BTreeMap::values).sum();
        let ready = self.apps.iter().filter(|app| app.ready).count();
        let throttled: u64 = self.throttled.values().flat_map(BTreeMap::values).sum();
        let throttled = if throttled == 0 { String::new() } else { format!(" ({throttled} throttled)") };
        let _ = writeln!(
            out,
            "{ready} of {} applications ready, {} writes, {calls} calls{throttled}, {:.1} s",
            self.apps.len(),
            self.writes,
            self.elapsed_ms as f64 / 1000.0
        );
        out
    }
}
