//! What AWS told: one table for each type, filled by sweeps and by reads of single resources.

mod rotation;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value as Json};

use super::marks::{Marks, Tags};

pub use rotation::{Choice, Pace, Read, marker};

/// One real resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// Its key in the table: stable, unique for the type in an account and region (a function's name, a mapping's
    /// UUID, `function|qualifier|sid` for a permission).
    pub key: String,
    /// What `Ref` gives for it and what a person would look for: a queue's URL, a topic's ARN, a function's name.
    pub physical_id: String,
    /// Its properties under AWS's documented names, as far as evenkeel manages them. `Tags` are kept apart.
    pub properties: Map<String, Json>,
    /// Its tags, marks included; `None` where the kind has none.
    pub tags: Option<Tags>,
    /// Whose it is. From the tags where there are some; else derived as the kind's ownership rule says.
    pub marks: Option<Marks>,
    /// Values that `Fn::GetAtt` can ask for, by attribute name, and what a kind needs to remember (message counts).
    pub attributes: Map<String, Json>,
    /// Whether it can be written to, and used.
    pub state: State,
    /// AWS's optimistic lock, where there is one (Lambda's `RevisionId`).
    pub revision: Option<String>,
    /// Properties that AWS did not tell, because the credentials may not ask, and what to allow. Nothing is known about
    /// them: where the spec does not speak of one it is left as it is, and where it does, the resource is blocked.
    pub unread: BTreeMap<&'static str, String>,
}

impl Observed {
    /// A settled resource with nothing but its names.
    pub fn new(key: impl Into<String>, physical_id: impl Into<String>) -> Self {
        Observed {
            key: key.into(),
            physical_id: physical_id.into(),
            properties: Map::new(),
            tags: None,
            marks: None,
            attributes: Map::new(),
            state: State::Settled,
            revision: None,
            unread: BTreeMap::new(),
        }
    }

    /// Whether it has a property, as far as anybody may know.
    pub fn may_have(&self, property: &str) -> bool {
        self.properties.contains_key(property) || self.unread.contains_key(property)
    }

    /// The same with tags, and the marks among them.
    #[must_use]
    pub fn with_tags(mut self, tags: Tags) -> Self {
        self.marks = Marks::from_tags(&tags);
        self.tags = Some(tags);
        self
    }
}

/// Whether a resource can be written to and used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Yes.
    Settled,
    /// Not yet; looking again later will tell (`Pending`, `InProgress`, `Creating`).
    Pending {
        /// In AWS's words.
        reason: String,
    },
    /// AWS gave up on it; it may be updated or deleted.
    Failed {
        /// In AWS's words.
        reason: String,
    },
}

/// What is known about one key.
#[derive(Clone, Debug)]
pub enum Found {
    /// It is there.
    Present(Arc<Observed>),
    /// A completed sweep or an explicit not-found says that it is not there.
    Absent,
    /// Nobody could tell: plans neither a creation nor a deletion.
    Unknown(String),
}

/// All that is known about one type.
#[derive(Clone, Debug, Default)]
pub struct Table {
    items: BTreeMap<String, Arc<Observed>>,
    absent: BTreeSet<String>,
    failed: BTreeMap<String, String>,
    /// `Ok` after a completed sweep: what is not in `items` is absent.
    sweep: Option<Result<(), String>>,
    /// How many sweeps there were.
    sweeps: u64,
    /// Deep reads by key, or by the group of keys that one call answers for.
    reads: BTreeMap<String, Read>,
}

/// The answer to an [`Ask`].
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// What is there.
    pub items: Vec<Observed>,
    /// Keys that AWS said are not there.
    pub absent: Vec<String>,
    /// Keys that could not be read, and why (a sentence without secrets).
    pub failed: Vec<(String, String)>,
    /// Only for a sweep: why it could not be completed.
    pub failure: Option<String>,
    /// Only for a sweep: keys that are there and as they were known before, see [`Ask::choose`].
    pub kept: Vec<String>,
    /// Only for a sweep: deep reads to remember.
    pub reads: BTreeMap<String, Read>,
}

/// What to look at.
#[derive(Clone, Copy, Debug)]
pub enum Reading<'a> {
    /// Everything of the type, by listing.
    Sweep,
    /// These keys alone.
    Only(&'a BTreeSet<String>),
}

/// A request to observe one type.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// What to look at.
    pub reading: Reading<'a>,
    /// Keys that some spec wants: worth reading in full even when nothing marks them as ours.
    pub wanted: &'a BTreeSet<String>,
    /// What is known so far: parents are observed before their children.
    pub world: &'a Observation,
}

/// Everything that is known about one account and region. Clones share what neither has changed.
#[derive(Clone, Debug)]
pub struct Observation {
    tables: BTreeMap<String, Arc<Table>>,
    /// The time between two sweeps.
    every: Duration,
    /// The part of AWS's quotas that is ours.
    part: f64,
}

impl Default for Observation {
    fn default() -> Self {
        Observation { tables: BTreeMap::new(), every: Duration::from_secs(300), part: 0.6 }
    }
}

static EMPTY: Table = Table {
    items: BTreeMap::new(),
    absent: BTreeSet::new(),
    failed: BTreeMap::new(),
    sweep: None,
    sweeps: 0,
    reads: BTreeMap::new(),
};

impl Observation {
    /// Nothing known.
    pub fn new() -> Self {
        Observation::default()
    }

    /// Says how much time lies between two sweeps, and what part of AWS's quotas is ours: how much each sweep reads again
    /// depends on both.
    pub fn sweep_every(&mut self, every: Duration, part: f64) {
        self.every = every;
        self.part = part;
    }

    fn table_mut(&mut self, type_name: &str) -> &mut Table {
        Arc::make_mut(self.tables.entry(type_name.to_owned()).or_default())
    }

    /// The table of a type; an empty one, about which nothing is known, where it was never looked at.
    pub fn table(&self, type_name: &str) -> &Table {
        self.tables.get(type_name).map_or(&EMPTY, AsRef::as_ref)
    }

    /// All tables by type name.
    pub fn tables(&self) -> impl Iterator<Item = (&str, &Table)> {
        self.tables.iter().map(|(name, table)| (name.as_str(), table.as_ref()))
    }

    /// Takes in the answer to a sweep: it replaces the table; after a failed one, what was known stays known, but
    /// absence is no longer proven.
    pub fn swept(&mut self, type_name: &str, mut seen: Seen) {
        let table = self.table_mut(type_name);
        if seen.failure.is_none() {
            let mut before = std::mem::take(&mut table.items);
            table.items = seen.kept.iter().filter_map(|key| before.remove_entry(key)).collect();
            table.reads = std::mem::take(&mut seen.reads);
        }
        table.absent.clear();
        table.failed.clear();
        table.sweep = Some(seen.failure.clone().map_or(Ok(()), Err));
        table.sweeps += 1;
        table.take_in(seen);
    }

    /// Drops children whose parent is known to be gone: AWS deleted them with it.
    pub fn drop_children(&mut self, kinds: &super::kind::Kinds) {
        for kind in kinds.iter() {
            let Some(table) = self.tables.get(kind.type_name()) else { continue };
            let gone: Vec<String> = table
                .items
                .keys()
                .filter(|key| {
                    kind.parent(key).is_some_and(|parent| {
                        parent.type_name != kind.type_name()
                            && matches!(self.table(parent.type_name).look(&parent.key), Found::Absent)
                    })
                })
                .cloned()
                .collect();
            if !gone.is_empty() {
                let table = self.table_mut(kind.type_name());
                for key in gone {
                    table.items.remove(&key);
                }
            }
        }
    }

    /// This world as it will be when some resources (type and key) have left.
    pub fn without<'a>(&self, leaving: impl IntoIterator<Item = &'a (&'a str, &'a str)>) -> Observation {
        let mut out = self.clone();
        for (type_name, key) in leaving {
            if out.table(type_name).items.contains_key(*key) {
                out.table_mut(type_name).items.remove(*key);
            }
        }
        out
    }

    /// Takes in the answer to a reading of single keys.
    pub fn refreshed(&mut self, type_name: &str, seen: Seen) {
        let table = self.table_mut(type_name);
        let keys =
            seen.items.iter().map(|item| &item.key).chain(&seen.absent).chain(seen.failed.iter().map(|(key, _)| key));
        for key in keys {
            table.disturbed(key);
        }
        table.take_in(seen);
    }
}

impl Table {
    /// What is known about `key`.
    pub fn look(&self, key: &str) -> Found {
        if let Some(reason) = self.failed.get(key) {
            return Found::Unknown(reason.clone());
        }
        if let Some(item) = self.items.get(key) {
            return Found::Present(Arc::clone(item));
        }
        if self.absent.contains(key) {
            return Found::Absent;
        }
        match &self.sweep {
            Some(Ok(())) => Found::Absent,
            Some(Err(reason)) => Found::Unknown(reason.clone()),
            None => Found::Unknown("not looked at yet".to_owned()),
        }
    }

    /// The resource under `key`, where it is known to be there.
    pub fn get(&self, key: &str) -> Option<&Arc<Observed>> {
        self.items.get(key)
    }

    /// All that are known to be there.
    pub fn items(&self) -> impl Iterator<Item = &Arc<Observed>> {
        self.items.values()
    }

    /// Those of them whose keys begin with a group's name and `|`: the parts of one parent.
    pub fn parts_of(&self, group: &str) -> impl Iterator<Item = &Arc<Observed>> {
        let first = format!("{group}|");
        self.items.range(first.clone()..).map_while(move |(key, item)| key.starts_with(&first).then_some(item))
    }

    /// Whether a sweep went through: only then are unlisted resources known to be absent.
    pub fn is_complete(&self) -> bool {
        matches!(self.sweep, Some(Ok(())))
    }

    /// Whether everything of the type was read: the sweep went through, and no single reading failed.
    pub fn is_whole(&self) -> bool {
        self.is_complete() && self.failed.is_empty()
    }

    /// Whether something was looked for and could not be read: then nobody can say that nothing uses what is to go.
    pub fn has_gaps(&self) -> bool {
        matches!(self.sweep, Some(Err(_))) || !self.failed.is_empty()
    }

    /// Why the last sweep did not go through.
    pub fn failure(&self) -> Option<&str> {
        match &self.sweep {
            Some(Err(reason)) => Some(reason),
            _ => None,
        }
    }

    fn take_in(&mut self, seen: Seen) {
        for item in seen.items {
            self.absent.remove(&item.key);
            self.failed.remove(&item.key);
            self.items.insert(item.key.clone(), Arc::new(item));
        }
        for key in seen.absent {
            self.items.remove(&key);
            self.failed.remove(&key);
            self.absent.insert(key);
        }
        for (key, reason) in seen.failed {
            self.failed.insert(key, reason);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_completed_sweep_or_a_not_found_says_absent() {
        let mut world = Observation::new();
        assert!(matches!(world.table("T").look("a"), Found::Unknown(_)));
        world.swept("T", Seen { failure: Some("page 2 failed".into()), ..Seen::default() });
        assert!(matches!(world.table("T").look("a"), Found::Unknown(_)));
        world.refreshed("T", Seen { absent: vec!["a".into()], ..Seen::default() });
        assert!(matches!(world.table("T").look("a"), Found::Absent));
        assert!(matches!(world.table("T").look("b"), Found::Unknown(_)));
        world.swept("T", Seen::default());
        assert!(matches!(world.table("T").look("b"), Found::Absent));
    }

    #[test]
    fn a_world_without_some_resources_is_the_same_but_for_them() {
        let mut world = Observation::new();
        world.swept("T", Seen { items: vec![Observed::new("a", "a"), Observed::new("b", "b")], ..Seen::default() });
        let left = world.without(&[("T", "a"), ("U", "b")]);
        assert!(matches!(left.table("T").look("a"), Found::Absent));
        assert!(matches!(left.table("T").look("b"), Found::Present(_)));
        assert!(matches!(world.table("T").look("a"), Found::Present(_)));
    }

    #[test]
    fn the_parts_of_one_parent_are_told_from_those_of_another() {
        let mut world = Observation::new();
        let items = ["f|1", "f|2", "f-b|1", "fa|1"].map(|key| Observed::new(key, key)).to_vec();
        world.swept("T", Seen { items, ..Seen::default() });
        let parts: Vec<&str> = world.table("T").parts_of("f").map(|item| item.key.as_str()).collect();
        assert_eq!(parts, ["f|1", "f|2"]);
    }

    #[test]
    fn a_failed_sweep_keeps_what_was_known() {
        let mut world = Observation::new();
        world.swept("T", Seen { items: vec![Observed::new("a", "a")], ..Seen::default() });
        world.swept("T", Seen { failure: Some("throttled".into()), ..Seen::default() });
        assert!(matches!(world.table("T").look("a"), Found::Present(_)));
    }

    #[test]
    fn a_key_that_could_not_be_read_is_unknown_even_after_a_sweep() {
        let mut world = Observation::new();
        world.swept("T", Seen { failed: vec![("a".into(), "denied".into())], ..Seen::default() });
        assert!(matches!(world.table("T").look("a"), Found::Unknown(_)));
    }
}
