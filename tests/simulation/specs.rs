//! Made-up applications, and a person who edits them.

use std::collections::BTreeMap;

use evenkeel_core::model::resource::{DeletionPolicy, SpecSource};
use evenkeel_core::model::{Desired, Node, Place, Resource};
use evenkeel_core::plan::Scope;
use fastrand::Rng;
use serde_json::{Map, Value as Json, json};

use crate::kinds::{ALIAS, FUNCTION, LAYER, LOG, MAPPING, PARAMETER, POLICY, QUEUE, ROLE};

/// What a person wrote about one resource.
#[derive(Clone, Debug)]
pub struct Written {
    pub type_name: &'static str,
    pub size: u64,
    pub code: u64,
    pub mode: u64,
    pub team: Option<u64>,
    pub name: Option<String>,
    pub retain: bool,
    /// What it refers to, by property.
    pub refs: BTreeMap<&'static str, String>,
    pub renamed_from: Option<String>,
}

/// What a person wrote about one application.
#[derive(Clone, Debug)]
pub struct App {
    pub name: &'static str,
    pub resources: BTreeMap<String, Written>,
    serial: u64,
}

impl App {
    pub fn new(name: &'static str, rng: &mut Rng) -> App {
        let mut app = App { name, resources: BTreeMap::new(), serial: 0 };
        app.add(ROLE, rng);
        for _ in 0..rng.usize(3..9) {
            app.add_any(rng);
        }
        app
    }

    fn some(&self, type_name: &str, rng: &mut Rng) -> Option<String> {
        let ids: Vec<&String> =
            self.resources.iter().filter(|(_, written)| written.type_name == type_name).map(|(id, _)| id).collect();
        rng.choice(ids).cloned()
    }

    fn add_any(&mut self, rng: &mut Rng) {
        let all = [FUNCTION, FUNCTION, QUEUE, QUEUE, LOG, PARAMETER, ALIAS, POLICY, LAYER, MAPPING, ROLE];
        let type_name = all[rng.usize(0..all.len())];
        self.add(type_name, rng);
    }

    fn add(&mut self, type_name: &'static str, rng: &mut Rng) -> Option<()> {
        let mut refs = BTreeMap::new();
        match type_name {
            FUNCTION => {
                refs.insert("Role", self.some(ROLE, rng)?);
                if let Some(layer) = self.some(LAYER, rng).filter(|_| rng.bool()) {
                    refs.insert("Layer", layer);
                }
                if let Some(queue) = self.some(QUEUE, rng).filter(|_| rng.bool()) {
                    refs.insert("Target", queue);
                }
            }
            ALIAS => drop(refs.insert("Function", self.some(FUNCTION, rng)?)),
            POLICY => {
                let queue = self.some(QUEUE, rng)?;
                if self.resources.values().any(|other| other.type_name == POLICY && other.refs["Queue"] == queue) {
                    return None;
                }
                refs.insert("Queue", queue);
            }
            MAPPING => {
                refs.insert("Function", self.some(FUNCTION, rng)?);
                refs.insert("Queue", self.some(QUEUE, rng)?);
                let taken = |other: &Written| other.type_name == MAPPING && other.refs == refs;
                if self.resources.values().any(taken) {
                    return None;
                }
            }
            _ => {}
        }
        self.serial += 1;
        let word = type_name.trim_start_matches("T::").to_lowercase();
        let id = format!("{word}{}", self.serial);
        let written = Written {
            type_name,
            size: rng.u64(1..4),
            code: rng.u64(1..4),
            mode: 1,
            team: rng.bool().then(|| rng.u64(1..4)),
            name: (rng.u32(0..5) == 0).then(|| format!("{}-named-{id}", self.name)),
            retain: rng.u32(0..8) == 0,
            refs,
            renamed_from: None,
        };
        self.resources.insert(id, written);
        Some(())
    }

    fn remove(&mut self, id: &str) {
        self.resources.remove(id);
        let users: Vec<String> = self
            .resources
            .iter()
            .filter(|(_, written)| written.refs.values().any(|target| target == id))
            .map(|(id, _)| id.clone())
            .collect();
        for user in users {
            let optional = self.resources.get(&user).is_some_and(|written| {
                written.refs.iter().all(|(property, target)| target != id || ["Layer", "Target"].contains(property))
            });
            if optional && let Some(written) = self.resources.get_mut(&user) {
                written.refs.retain(|_, target| target != id);
            } else {
                self.remove(&user);
            }
        }
    }

    /// A random edit; tells what was done.
    pub fn edit(&mut self, rng: &mut Rng) -> String {
        let ids: Vec<String> = self.resources.keys().cloned().collect();
        let Some(id) = rng.choice(&ids).cloned() else {
            self.add(ROLE, rng);
            return "an empty application gets a role".to_owned();
        };
        let fresh = self.serial + 1;
        match rng.u32(0..10) {
            0 | 1 => {
                self.add_any(rng);
                "something is added".to_owned()
            }
            2 => {
                self.remove(&id);
                format!("{id} is removed")
            }
            3 if id.contains("function") || id.contains("log") => {
                // What holds data is replaced here, too.
                if let Some(written) = self.resources.get_mut(&id) {
                    written.mode += 1;
                }
                format!("{id} gets another mode")
            }
            4 if self.resources[&id].type_name != ALIAS && self.resources[&id].type_name != LAYER => {
                let name = rng.bool().then(|| format!("{}-other-{id}-{}", self.name, rng.u64(0..3)));
                if let Some(written) = self.resources.get_mut(&id) {
                    written.name.clone_from(&name);
                }
                format!("{id} is named {name:?}")
            }
            5 if [ROLE, QUEUE, PARAMETER].contains(&self.resources[&id].type_name) => {
                self.serial += 1;
                let other = format!("{}x{fresh}", id.split('x').next().unwrap_or(&id));
                if let Some(mut written) = self.resources.remove(&id) {
                    written.renamed_from = Some(id.clone());
                    self.resources.insert(other.clone(), written);
                }
                for written in self.resources.values_mut() {
                    written
                        .refs
                        .values_mut()
                        .filter(|target| **target == id)
                        .for_each(|target| target.clone_from(&other));
                }
                format!("{id} is called {other} from now on")
            }
            6 => {
                if let Some(written) = self.resources.get_mut(&id) {
                    written.retain = !written.retain;
                }
                format!("{id} changes its retention")
            }
            7 => {
                if let Some(written) = self.resources.get_mut(&id) {
                    written.team = (written.team.is_none()).then(|| rng.u64(1..4));
                }
                format!("{id} changes its team")
            }
            _ => {
                if let Some(written) = self.resources.get_mut(&id) {
                    written.size = rng.u64(1..5);
                    written.code = rng.u64(1..5);
                }
                format!("{id} changes size and code")
            }
        }
    }

    /// What stands in the way of everything that needs these, themselves among them.
    pub fn dependents(&self, ids: &[String]) -> Vec<String> {
        let mut out: Vec<String> = ids.to_vec();
        loop {
            let more: Vec<String> = self
                .resources
                .iter()
                .filter(|(id, written)| !out.contains(id) && written.refs.values().any(|target| out.contains(target)))
                .map(|(id, _)| id.clone())
                .collect();
            if more.is_empty() {
                return out;
            }
            out.extend(more);
        }
    }

    /// As the compiler would hand it over.
    pub fn desired(&self) -> Desired {
        Desired {
            app: self.name.to_owned(),
            env: None,
            stack: self.name.to_owned(),
            region: None,
            account: None,
            role_arn: None,
            source: SpecSource::Native,
            tags: BTreeMap::new(),
            resources: self.resources.iter().map(|(id, written)| (id.clone(), written.resource(id))).collect(),
            outputs: Default::default(),
            deleted: false,
            allow_delete: None,
        }
    }

    pub fn scope(&self) -> Scope {
        Scope {
            source: "default".to_owned(),
            app: self.name.to_owned(),
            env: None,
            stack: self.name.to_owned(),
            region: "eu-west-1".to_owned(),
            account: "111122223333".to_owned(),
            partition: "aws".to_owned(),
            artifacts: BTreeMap::new(),
            keep: None,
        }
    }
}

impl Written {
    /// The properties that are plain values, as they should stand in AWS.
    pub fn plain(&self) -> Map<String, Json> {
        let mut out = Map::new();
        let mut put = |name: &str, value: Json| drop(out.insert(name.to_owned(), value));
        match self.type_name {
            POLICY => put("Policy", json!({"Statement": self.size})),
            LAYER => put("Code", json!(self.code)),
            FUNCTION | LOG => {
                put("Size", json!(self.size));
                put("Mode", json!(self.mode));
                if self.type_name == FUNCTION {
                    put("Code", json!(self.code));
                }
            }
            _ => put("Size", json!(self.size)),
        }
        out
    }

    fn resource(&self, id: &str) -> Resource {
        let mut properties = self.plain();
        for (property, target) in &self.refs {
            properties.insert((*property).to_owned(), json!({"Ref": target}));
        }
        let taggable = ![ALIAS, POLICY, LAYER].contains(&self.type_name);
        if taggable && let Some(team) = self.team {
            properties.insert("Tags".to_owned(), json!({"team": team.to_string()}));
        }
        match (self.type_name, &self.name) {
            (ALIAS, _) => drop(properties.insert("Name".to_owned(), json!(id))),
            (POLICY | LAYER | MAPPING, _) | (_, None) => {}
            (_, Some(name)) => drop(properties.insert("Name".to_owned(), json!(name))),
        }
        let properties = Node::from_json(&Json::Object(properties), Place::NOWHERE);
        let mut out = Resource::new(id, self.type_name, properties, Place::NOWHERE);
        out.deletion_policy = (self.retain && taggable).then_some(DeletionPolicy::Retain);
        out.renamed_from.clone_from(&self.renamed_from);
        out
    }
}
