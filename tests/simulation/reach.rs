//! The way from the engine to the hostile AWS.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use evenkeel_core::compile::{Needs, Values};
use evenkeel_core::model::Diagnostics;
use evenkeel_core::plan::{Applied, Artifacts, Ask, Marks, Observed, Reach, Reading, Seen, State, Step};
use serde_json::json;
use tokio::time::Instant;

use evenkeel::world::{Calls, Source, World};

use crate::aws::{Aws, Thing};
use crate::kinds::{self, ALIAS, FUNCTION, LAYER, MAPPING};

/// A world of the engine that begins knowing nothing: a process that has just started.
pub fn world(aws: &Aws) -> Arc<World> {
    let reach = |type_name: &'static str| {
        let reach: Arc<dyn Reach> = Arc::new(Toys { type_name, aws: aws.clone() });
        (type_name, reach)
    };
    let stages = kinds::stages();
    let types = stages.iter().flatten().copied().chain([kinds::POLICY]);
    Arc::new(World::of(
        ("eu-west-1", "111122223333", "aws"),
        kinds::kinds(),
        types.map(reach).collect(),
        stages,
        Arc::new(Counts { aws: aws.clone() }),
    ))
}

struct Toys {
    type_name: &'static str,
    aws: Aws,
}

#[async_trait]
impl Reach for Toys {
    async fn observe(&self, ask: Ask<'_>) -> Seen {
        match (self.type_name, ask.reading) {
            (ALIAS, _) => self.aliases(ask).await,
            (_, Reading::Sweep) => match self.aws.list(self.type_name).await {
                Ok(things) => Seen {
                    items: things.into_iter().map(|(key, thing)| self.observed(&key, &thing)).collect(),
                    ..Seen::default()
                },
                Err(reason) => Seen { failure: Some(reason), ..Seen::default() },
            },
            (MAPPING | LAYER, Reading::Only(keys)) => self.listed(keys).await,
            (_, Reading::Only(keys)) => {
                let mut seen = Seen::default();
                for key in keys {
                    match self.aws.read(&(self.type_name, key.clone())).await {
                        Ok(Some(thing)) => seen.items.push(self.observed(key, &thing)),
                        Ok(None) => seen.absent.push(key.clone()),
                        Err(reason) => seen.failed.push((key.clone(), reason)),
                    }
                }
                seen
            }
        }
    }

    async fn apply(&self, step: &Step, _artifacts: &dyn Artifacts) -> Applied {
        self.aws.write(step).await.map(|()| None)
    }
}

impl Toys {
    fn observed(&self, key: &str, thing: &Thing) -> Observed {
        let mut out = Observed::new(key, key);
        out.properties = thing.properties.clone();
        match self.type_name {
            LAYER => out.marks = thing.marks(),
            ALIAS => {}
            _ => out = out.with_tags(thing.tags.clone()),
        }
        out.attributes.insert("Messages".to_owned(), json!(thing.messages));
        if thing.gone_at.is_some() {
            out.state = State::Pending { reason: "Deleting".to_owned() };
        } else if thing.settled_at > Instant::now() {
            out.state = State::Pending { reason: "Pending".to_owned() };
        }
        out
    }

    /// What has no name of its own before it is there is found by listing.
    async fn listed(&self, keys: &BTreeSet<String>) -> Seen {
        let mut seen = Seen::default();
        match self.aws.list(self.type_name).await {
            Err(reason) => seen.failed.extend(keys.iter().map(|key| (key.clone(), reason.clone()))),
            Ok(things) => {
                let there: BTreeSet<&str> = things.iter().map(|(key, _)| key.as_str()).collect();
                seen.absent.extend(keys.iter().filter(|key| !there.contains(key.as_str())).cloned());
                seen.items.extend(things.iter().map(|(key, thing)| self.observed(key, thing)));
            }
        }
        seen
    }

    /// Children are read where their parents are wanted or say that there are some.
    async fn aliases(&self, ask: Ask<'_>) -> Seen {
        let functions = ask.world.table(FUNCTION);
        let asked = match ask.reading {
            Reading::Sweep => ask.wanted,
            Reading::Only(keys) => keys,
        };
        let mut parents: BTreeMap<String, BTreeSet<&String>> = BTreeMap::new();
        for key in asked {
            let (function, _) = key.split_once('|').unwrap_or_default();
            parents.entry(function.to_owned()).or_default().insert(key);
        }
        let mut seen = Seen::default();
        if matches!(ask.reading, Reading::Sweep) {
            let marked = functions.items().filter(|item| item.marks.as_ref().is_some_and(|m| !m.parts.is_empty()));
            for item in marked {
                parents.entry(item.key.clone()).or_default();
            }
            seen.failure = (!functions.is_complete()).then(|| "the functions could not be listed".to_owned());
        }
        for (function, wanted) in parents {
            match self.aws.list(ALIAS).await {
                Err(reason) => {
                    seen.failed.extend(wanted.into_iter().map(|key| (key.clone(), reason.clone())));
                    if matches!(ask.reading, Reading::Sweep) {
                        seen.failure.get_or_insert(reason);
                    }
                }
                Ok(things) => {
                    let prefix = format!("{function}|");
                    let there: Vec<_> = things.iter().filter(|(key, _)| key.starts_with(&prefix)).collect();
                    for key in wanted {
                        if !there.iter().any(|(other, _)| other == key) {
                            seen.absent.push(key.clone());
                        }
                    }
                    let parent = functions.get(&function).and_then(|item| item.marks.clone());
                    for (key, thing) in there {
                        let mut alias = self.observed(key, thing);
                        let name = key.split_once('|').unwrap_or_default().1;
                        alias.marks = parent
                            .clone()
                            .filter(|marks| marks.parts.contains(&format!("alias:{name}")))
                            .map(|marks| Marks {
                                id: format!("{}.{name}", marks.id),
                                parts: BTreeSet::new(),
                                policy: None,
                                ..marks
                            });
                        seen.items.push(alias);
                    }
                }
            }
        }
        seen
    }
}

struct Counts {
    aws: Aws,
}

#[async_trait]
impl Source for Counts {
    async fn fetch(&self, _needs: &Needs, _values: &mut Values) -> Diagnostics {
        Diagnostics::new()
    }

    async fn invoke(&self, _function: &str) -> Result<String, String> {
        Err("there is no code here".to_owned())
    }

    fn calls(&self) -> Calls {
        Calls::new()
    }

    fn throttled(&self) -> Calls {
        Calls::new()
    }

    fn writes(&self) -> u64 {
        self.aws.truth().writes
    }
}
