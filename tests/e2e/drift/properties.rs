//! Every kind and every property that can be changed: changed by hand, named by `plan`, restored by `reconcile`.
//!
//! The tables stand in `tables`, a file for each kind. Each row has a resource of its own, so that no repair rides along
//! with another. All of them are one application: it is made once, changed at once, planned once and repaired once.
//! The test starts an emulator of its own, save where `EVENKEEL_TEST_ENDPOINT` names moto.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use evenkeel_tests::{Ran, Rig, Wire};
use serde_json::{Value as Json, json};

use super::table::{EMULATORS, Row, Table, Words};

/// A row in its place.
struct Case {
    table: usize,
    /// None where the resource is deleted.
    row: Option<usize>,
    words: Words,
}

struct Suite {
    tables: Vec<(String, Table)>,
    cases: Vec<Case>,
    emulator: &'static str,
    /// What went otherwise than it should; all of it is told at the end.
    faults: Vec<String>,
}

#[test]
fn every_property_that_can_be_changed_has_a_row_or_a_reason() {
    let mut kinds: BTreeSet<String> =
        evenkeel_aws::kinds::kinds().iter().map(|kind| kind.type_name().to_owned()).collect();
    let mut unshown = Vec::new();
    for (name, table) in Table::all() {
        kinds.remove(&table.kind);
        unshown
            .extend(table.unshown().into_iter().map(|path| format!("{} {path} has no row in {name}.yaml", table.kind)));
        let skips = table.rows.iter().map(|row| &row.skip).chain([&table.skip]).flat_map(|skip| skip.keys());
        for emulator in skips {
            assert!(EMULATORS.contains(&emulator.as_str()), "{name}.yaml skips on {emulator}, which is no emulator");
        }
        let all = table.updatable();
        for exception in table.exceptions.keys() {
            let said = all.iter().any(|path| path.starts_with(exception.as_str()));
            assert!(said, "{name}.yaml excuses {exception}, which is no property that can be changed");
        }
    }
    assert!(unshown.is_empty(), "{unshown:#?}");
    assert!(kinds.is_empty(), "without a table: {kinds:?}");
}

#[tokio::test]
async fn whatever_is_changed_by_hand_is_named_by_plan_and_restored() {
    let started = Instant::now();
    // ministack is quickly started, and then nothing of other tests is in it.
    let (rig, emulator) = match elsewhere().await {
        Some(rig) => (rig, "moto"),
        None => (Rig::start().await, "ministack"),
    };
    let wire = rig.wire();
    let mut suite = Suite::new(&rig, emulator);
    suite.write(&rig);
    suite.each_call(&wire, |table| table.before.clone()).await;

    let made = rig.once().await;
    suite.converged("made", &made);
    suite.stop();
    suite.learn_ids(&made.json());
    suite.quiet("once it is made", &rig.plan().await);
    suite.stop();
    let took_to_make = started.elapsed();

    let before = suite.read(&wire).await;
    suite.change(&wire).await;
    suite.stop();
    suite.named(&rig.plan().await);
    let repaired = rig.once().await;
    suite.converged("restored", &repaired);
    suite.quiet("after the repair", &rig.plan().await);
    if !rig.is_hostile("no more writes than it takes") {
        suite.no_more_writes_than_it_takes(&repaired.json());
    }
    suite.learn_ids(&repaired.json());
    suite.compare(&before, &suite.read(&wire).await);
    suite.tell();
    println!(
        "{emulator}: made in {:.1} s, all in {:.1} s; {} writes made it, {} repaired it",
        took_to_make.as_secs_f64(),
        started.elapsed().as_secs_f64(),
        made.json()["writes"],
        repaired.json()["writes"],
    );
    suite.stop();
}

/// The emulator that `EVENKEEL_TEST_ENDPOINT` names, where it is not ministack.
async fn elsewhere() -> Option<Rig> {
    let rig = Rig::at(&std::env::var("EVENKEEL_TEST_ENDPOINT").ok()?).await;
    (!rig.wire().has("/_ministack/health").await).then_some(rig)
}

impl Suite {
    fn new(rig: &Rig, emulator: &'static str) -> Suite {
        let tables = Table::all();
        let mut cases = Vec::new();
        for (table, (name, all)) in tables.iter().enumerate() {
            let rows = (0..all.rows.len()).filter(|row| all.skips(&all.rows[*row], emulator).is_none()).map(Some);
            let deletion = Some(None).filter(|_| !all.skip.contains_key(emulator));
            for row in rows.chain(deletion) {
                let words = Words {
                    row: format!("{name}-{:02}", row.unwrap_or(all.rows.len())),
                    account: rig.account.id().to_owned(),
                    region: rig.account.region().to_owned(),
                    ..Words::default()
                };
                cases.push(Case { table, row, words });
            }
        }
        Suite { tables, cases, emulator, faults: Vec::new() }
    }

    fn table(&self, case: &Case) -> &Table {
        &self.tables[case.table].1
    }

    fn row(&self, case: &Case) -> Option<&Row> {
        Some(&self.table(case).rows[case.row?])
    }

    fn what(&self, case: &Case) -> String {
        let path = self.row(case).map_or("as a whole", |row| row.path.as_str());
        format!("{} {path} ({})", self.table(case).kind, case.words.it())
    }

    /// Writes the application.
    fn write(&self, rig: &Rig) {
        let mut documents = vec![json!({"apiVersion": "evenkeel.dev/v1", "kind": "App", "metadata": {"name": "drift"},
                "spec": {"environments": {"dev": {}}}})];
        let mut add = |id: &str, kind: &str, properties: Json| {
            documents.push(json!({"apiVersion": "evenkeel.dev/v1", "kind": "Resource", "metadata": {"name": id},
                "spec": {"type": kind, "properties": properties}}));
        };
        let anywhere = self.cases.first().map(|case| case.words.clone()).unwrap_or_default();
        for (_, table) in &self.tables {
            for (id, made) in &table.shared {
                add(id, &made.r#type, anywhere.fill_json(&Json::Object(made.properties.clone())));
            }
        }
        for case in &self.cases {
            for (id, made) in &self.table(case).each {
                let id = case.words.fill(id);
                let mut properties = made.properties.clone();
                if id == case.words.it() {
                    for (name, value) in self.row(case).into_iter().flat_map(|row| &row.spec) {
                        match value {
                            Json::Null => properties.shift_remove(name),
                            value => properties.insert(name.clone(), value.clone()),
                        };
                    }
                }
                add(&id, &made.r#type, case.words.fill_json(&Json::Object(properties)));
            }
        }
        let text: Vec<String> = documents.iter().map(|document| format!("{document:#}")).collect();
        rig.write("drift/all.yaml", &text.join("\n---\n"));
    }

    async fn each_call(&mut self, wire: &Wire, calls: impl Fn(&Table) -> Vec<evenkeel_tests::Call>) {
        let words = self.cases.first().map(|case| case.words.clone()).unwrap_or_default();
        for (_, table) in &self.tables {
            for call in calls(table) {
                if let Err(error) = wire.call(&words.fill_call(&call)).await {
                    self.faults.push(error);
                }
            }
        }
    }

    /// Holds a run to its end: converged, and every resource ready.
    fn converged(&mut self, word: &str, ran: &Ran) {
        if ran.code == 1 {
            self.faults.push(ran.text());
            return;
        }
        let report = ran.json();
        for resource in report["apps"][0]["resources"].as_array().into_iter().flatten() {
            for condition in resource["conditions"].as_array().into_iter().flatten() {
                if condition["type"] == "Ready" && condition["status"] != "True" {
                    let id = resource["id"].as_str().unwrap_or_default();
                    let case = self.cases.iter().find(|case| case.words.it() == id);
                    let what = case.map_or_else(|| id.to_owned(), |case| self.what(case));
                    self.faults.push(format!("{what} is not {word}: {}", condition["message"]));
                }
            }
        }
        if ran.code != 0 {
            self.faults.push(format!("it is not {word}: exit {}", ran.code));
        }
    }

    /// Holds a plan to have nothing to do.
    fn quiet(&mut self, when: &str, plan: &Ran) {
        let json = plan.json();
        let actions = json["apps"][0]["actions"].as_array().into_iter().flatten();
        let busy = actions.filter(|action| action["action"] != "none");
        let before = self.faults.len();
        self.faults.extend(busy.map(|action| format!("{when} the plan still says {action}")));
        if plan.code != 0 && self.faults.len() == before {
            self.faults.push(format!("{when} the plan exits with {}", plan.code));
        }
    }

    fn learn_ids(&mut self, report: &Json) {
        let resources = report["apps"][0]["resources"].as_array().into_iter().flatten();
        let ids: BTreeMap<String, String> = resources
            .filter_map(|it| Some((it["id"].as_str()?.to_owned(), it["physicalId"].as_str()?.to_owned())))
            .collect();
        for case in &mut self.cases {
            let prefix = format!("{}-", case.words.row);
            let own = ids.iter().filter(|(id, _)| id.starts_with(&prefix) || !id.contains("-it"));
            case.words.ids = own.map(|(id, physical)| (id.clone(), physical.clone())).collect();
        }
    }

    /// Changes everything by hand.
    async fn change(&mut self, wire: &Wire) {
        let mut faults = Vec::new();
        for case in &self.cases {
            let table = self.table(case);
            let mut words = case.words.clone();
            if let Some(find) = self.row(case).and_then(|row| row.find.as_ref()) {
                match wire.call(&words.fill_call(&find.call)).await {
                    Ok(answer) => words.found = find.in_answer(&answer).unwrap_or_default().to_owned(),
                    Err(error) => faults.push(error),
                }
            }
            let calls = match self.row(case) {
                None => table.delete.clone(),
                Some(row) if !row.calls.is_empty() => row.calls.clone(),
                Some(row) => {
                    let mut call = table.set.clone().unwrap_or_else(|| panic!("{} has no `set`", table.kind));
                    let mut body = call.body.as_object().cloned().unwrap_or_default();
                    body.extend(row.set.clone());
                    call.body = Json::Object(body);
                    vec![call]
                }
            };
            for call in calls {
                if let Err(error) = wire.call(&words.fill_call(&call)).await {
                    faults.push(format!("{}: {error}", self.what(case)));
                }
            }
        }
        self.faults.extend(faults);
    }

    /// Holds the plan to what was changed: every path of it, and no other.
    fn named(&mut self, plan: &Ran) {
        let mut faults = Vec::new();
        if plan.code != 2 {
            faults.push(format!("the plan exits with {}: {}", plan.code, plan.text()));
        }
        let plan = plan.json();
        let actions: BTreeMap<&str, &Json> = plan["apps"][0]["actions"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|action| Some((action["id"].as_str()?, action)))
            .collect();
        let verb = |id: &str| actions.get(id).and_then(|action| action["action"].as_str()).unwrap_or("nothing");
        let paths = |id: &str| -> BTreeSet<&str> {
            let changes = actions.get(id).and_then(|action| action["changes"].as_array()).into_iter().flatten();
            changes.filter_map(|change| change["path"].as_str()).collect()
        };
        let mut expected = BTreeSet::new();
        for case in &self.cases {
            let it = case.words.it();
            expected.insert(it.clone());
            let wanted = self.row(case).map_or("create", |row| row.action.as_str());
            if verb(&it) != wanted {
                faults.push(format!(
                    "{}: the plan says {}, not {wanted}: {:?}",
                    self.what(case),
                    verb(&it),
                    actions.get(it.as_str())
                ));
                continue;
            }
            let Some(row) = self.row(case) else { continue };
            let named: BTreeSet<String> =
                std::iter::once(&row.path).chain(&row.also).map(|path| case.words.fill(path)).collect();
            if named.iter().map(String::as_str).collect::<BTreeSet<_>>() != paths(&it) {
                faults.push(format!("{}: the plan names {:?}, not {named:?}", self.what(case), paths(&it)));
            }
        }
        for (id, action) in &actions {
            if !expected.contains(*id) && action["action"] != "none" {
                faults.push(format!("{id} was not changed, and the plan says {action}"));
            }
        }
        self.faults.extend(faults);
    }

    /// Holds a repair to its writes: each is one, where the table says nothing else.
    fn no_more_writes_than_it_takes(&mut self, report: &Json) {
        let takes = |case: &Case| self.row(case).map_or(self.table(case).writes, |row| row.writes);
        let expected: usize = self.cases.iter().map(takes).sum();
        if report["writes"] != expected {
            self.faults
                .push(format!("{} writes repaired what takes {expected}: {}", report["writes"], report["calls"]));
        }
    }

    /// What the emulator says about every resource that is not deleted.
    async fn read(&self, wire: &Wire) -> BTreeMap<String, Vec<String>> {
        let mut out = BTreeMap::new();
        for case in self.cases.iter().filter(|case| case.row.is_some()) {
            let table = self.table(case);
            let mut answers = Vec::new();
            let own = self.row(case).into_iter().flat_map(|row| &row.reads);
            for call in table.reads.iter().chain(own) {
                let answer = wire.call(&case.words.fill_call(call)).await.unwrap_or_else(|error| error);
                answers.push(normal(&answer, table));
            }
            out.insert(case.words.it(), answers);
        }
        out
    }

    fn compare(&mut self, before: &BTreeMap<String, Vec<String>>, after: &BTreeMap<String, Vec<String>>) {
        let mut faults = Vec::new();
        for case in &self.cases {
            let it = case.words.it();
            if before.get(&it) != after.get(&it) {
                let (before, after) = (&before[&it].join("\n"), &after[&it].join("\n"));
                let gone: Vec<&str> = before.lines().filter(|line| !after.lines().any(|it| it == *line)).collect();
                let new: Vec<&str> = after.lines().filter(|line| !before.lines().any(|it| it == *line)).collect();
                faults.push(format!("{} is not as it was:\n  was {gone:#?}\n  is {new:#?}", self.what(case)));
            }
        }
        self.faults.extend(faults);
    }

    /// Numbers, and what is left out with its reason.
    fn tell(&self) {
        let shown: BTreeSet<&str> = self.cases.iter().map(|case| self.table(case).kind.as_str()).collect();
        let properties: usize = self.tables.iter().map(|(_, table)| table.updatable().len()).sum();
        let rows = self.cases.iter().filter(|case| case.row.is_some()).count();
        println!(
            "{} kinds, {properties} properties that can be changed, {rows} rows and {} deletions",
            shown.len(),
            self.cases.len() - rows
        );
        for (_, table) in &self.tables {
            for (path, reason) in &table.exceptions {
                println!("not shown: {} {path}: {reason}", table.kind);
            }
            for row in &table.rows {
                if let Some(reason) = table.skips(row, self.emulator) {
                    println!("skipped on {}: {} {}: {reason}", self.emulator, table.kind, row.path);
                }
            }
        }
    }

    /// Ends the test where anything was wrong.
    #[track_caller]
    fn stop(&self) {
        assert!(
            self.faults.is_empty(),
            "{} faults on {}:\n{}",
            self.faults.len(),
            self.emulator,
            self.faults.join("\n")
        );
    }
}

/// An answer without what differs from call to call; JSON with keys in order and a line a member, XML with a line an
/// entry, in order.
fn normal(answer: &str, table: &Table) -> String {
    if let Ok(json) = serde_json::from_str::<Json>(answer) {
        return format!("{:#}", steady(&json, table));
    }
    let mut entries: Vec<String> = answer
        .replace("<entry>", "\n<entry>")
        .replace("</entry>", "</entry>\n")
        .replace("<member>", "\n<member>")
        .replace("</member>", "</member>\n")
        .lines()
        .map(|line| {
            let hidden = table.volatile.iter().map(String::as_str).chain(["RequestId"]);
            hidden.fold(line.trim().to_owned(), |line, name| without(&line, name))
        })
        .collect();
    entries.retain(|entry| !entry.is_empty() && !said_by_default(entry, table));
    entries.sort();
    entries.join("\n")
}

fn steady(value: &Json, table: &Table) -> Json {
    match value {
        Json::Object(map) => {
            let says = |name: &String, value: &Json| {
                !table.volatile.contains(name) && table.defaults.get(name) != Some(value) && !value.is_null()
            };
            let mut kept: Vec<_> = map.iter().filter(|(name, value)| says(name, value)).collect();
            kept.sort_by_key(|(name, _)| *name);
            Json::Object(kept.into_iter().map(|(name, value)| (name.clone(), steady(value, table))).collect())
        }
        Json::Array(items) => items.iter().map(|item| steady(item, table)).collect(),
        other => other.clone(),
    }
}

fn said_by_default(entry: &str, table: &Table) -> bool {
    table.defaults.iter().any(|(name, value)| {
        let value = value.as_str().unwrap_or_default();
        entry.starts_with(&format!("<entry><key>{name}</key><value>{value}</value>"))
            || (value.is_empty() && entry.starts_with(&format!("<entry><key>{name}</key><value/>")))
    })
}

/// XML without the content of elements of this name.
fn without(text: &str, name: &str) -> String {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, inner)) = rest.split_once(&open) {
        out.push_str(before);
        rest = inner.split_once(&close).map_or("", |(_, after)| after);
    }
    out + rest
}
