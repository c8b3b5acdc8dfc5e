//! A hostile AWS in memory: it settles slowly, answers with what was, loses replies, and is changed by hand.
//!
//! It knows the truth, and holds every write against it: what is not evenkeel's must not be written to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use evenkeel_core::plan::marks::RELEASED;
use evenkeel_core::plan::{ApplyError, Marks, Step, Tags};
use serde_json::{Map, Value as Json, json};
use tokio::time::{Instant, sleep};

use crate::kinds::{ALIAS, FUNCTION, LAYER, LOG, MAPPING, POLICY, QUEUE, ROLE};

/// How long a queue's name stays locked after its deletion.
const LOCK: Duration = Duration::from_secs(60);
/// Items on a page of a listing.
const PAGE: usize = 4;

/// What goes wrong, and how often.
#[derive(Clone, Debug)]
pub struct Faults {
    /// Writes refused for their number, percent.
    pub throttled: u32,
    /// Writes that fail before they take effect, percent.
    pub lost_before: u32,
    /// Writes that take effect and whose answer is lost, percent.
    pub lost_after: u32,
    /// Reads that fail, percent.
    pub unread: u32,
    /// Pages of listings that fail, percent.
    pub page: u32,
    /// Reads that show what was, percent.
    pub stale: u32,
    /// How long ago that may have been.
    pub stale_for: Duration,
    /// A type that cannot be read.
    pub outage: Option<&'static str>,
    /// Whose writes always fail: application, logical id and how.
    pub cursed: Option<(String, String, ApplyError)>,
    /// How long things settle.
    pub settling: Duration,
    /// How long a new role is refused.
    pub lag: Duration,
    /// How long a call takes, milliseconds.
    pub call_ms: u64,
}

impl Faults {
    /// None, but AWS as it is on a good day: it settles, and calls take time.
    pub fn none() -> Faults {
        Faults {
            throttled: 0,
            lost_before: 0,
            lost_after: 0,
            unread: 0,
            page: 0,
            stale: 0,
            stale_for: Duration::ZERO,
            outage: None,
            cursed: None,
            settling: Duration::from_secs(3),
            lag: Duration::from_secs(8),
            call_ms: 50,
        }
    }
}

/// Something that exists.
#[derive(Clone, Debug)]
pub struct Thing {
    pub properties: Map<String, Json>,
    /// Marks are among them; of a layer's version they stand for its description.
    pub tags: Tags,
    pub settled_at: Instant,
    /// When others may use it.
    pub usable_at: Instant,
    /// Set while it is being deleted: when it will be gone.
    pub gone_at: Option<Instant>,
    pub messages: u64,
}

impl Thing {
    pub fn marks(&self) -> Option<Marks> {
        Marks::from_tags(&self.tags)
    }

    pub fn text(&self, property: &str) -> &str {
        self.properties.get(property).and_then(Json::as_str).unwrap_or_default()
    }
}

/// A type and a key in its table.
pub type At = (&'static str, String);

/// Everything, under the lock.
#[derive(Debug)]
pub struct Truth {
    pub rng: fastrand::Rng,
    pub faults: Faults,
    /// What each thing was, and since when; the last entry is what it is.
    past: BTreeMap<At, Vec<(Instant, Option<Thing>)>>,
    locked: BTreeMap<At, Instant>,
    serial: u64,
    pub reads: u64,
    pub writes: u64,
    /// Keys that a person allowed to be taken away although they hold data.
    pub permitted: Vec<At>,
    /// How long ago what evenkeel goes by may have been seen.
    pub knowledge: Duration,
    pub violations: Vec<String>,
    /// What happened, where somebody wants to read it.
    log: Option<Vec<String>>,
    started: Instant,
}

/// The hostile AWS, shared by reaches, hands and checks.
#[derive(Clone, Debug)]
pub struct Aws(Arc<Mutex<Truth>>);

enum Fate {
    Good,
    Throttled,
    Before,
    After,
}

impl Aws {
    pub fn new(seed: u64, faults: Faults, wordy: bool) -> Aws {
        Aws(Arc::new(Mutex::new(Truth {
            rng: fastrand::Rng::with_seed(seed),
            faults,
            past: BTreeMap::new(),
            locked: BTreeMap::new(),
            serial: 0,
            reads: 0,
            writes: 0,
            permitted: Vec::new(),
            knowledge: Duration::ZERO,
            violations: Vec::new(),
            log: wordy.then(Vec::new),
            started: Instant::now(),
        })))
    }

    pub fn truth(&self) -> MutexGuard<'_, Truth> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn pause(&self) {
        let ms = {
            let mut truth = self.truth();
            let most = truth.faults.call_ms;
            truth.rng.u64(1..=most)
        };
        sleep(Duration::from_millis(ms)).await;
    }

    /// One write.
    pub async fn write(&self, step: &Step) -> Result<(), ApplyError> {
        self.pause().await;
        let fate = self.truth().fate();
        match fate {
            Fate::Throttled => return Err(ApplyError::Throttled("Rate exceeded".to_owned())),
            Fate::Before => return Err(ApplyError::Uncertain("503".to_owned())),
            Fate::Good | Fate::After => {}
        }
        let (aws, step) = (self.clone(), step.clone());
        // It is on the wire: the end of the caller does not call it back.
        let written = tokio::spawn(async move {
            aws.pause().await;
            aws.truth().write(&step)
        });
        let result = written.await.unwrap_or_else(|error| Err(ApplyError::Uncertain(error.to_string())));
        self.pause().await;
        if matches!(fate, Fate::After) {
            return Err(ApplyError::Uncertain("connection reset".to_owned()));
        }
        result
    }

    /// One read of one thing.
    pub async fn read(&self, at: &At) -> Result<Option<Thing>, String> {
        self.pause().await;
        let mut truth = self.truth();
        truth.reads += 1;
        let unread = truth.faults.unread;
        if truth.faults.outage == Some(at.0) || truth.chance(unread) {
            return Err("did not answer in time".to_owned());
        }
        Ok(truth.view(at))
    }

    /// A listing in pages.
    pub async fn list(&self, type_name: &'static str) -> Result<Vec<(String, Thing)>, String> {
        let keys: Vec<String> =
            self.truth().past.keys().filter(|at| at.0 == type_name).map(|at| at.1.clone()).collect();
        let mut out = Vec::new();
        let mut pages = keys.chunks(PAGE);
        let mut page = pages.next().unwrap_or_default();
        loop {
            self.pause().await;
            let mut truth = self.truth();
            truth.reads += 1;
            let failing = truth.faults.page;
            if truth.faults.outage == Some(type_name) || truth.chance(failing) {
                return Err("a page could not be read".to_owned());
            }
            for key in page {
                out.extend(truth.view(&(type_name, key.clone())).map(|thing| (key.clone(), thing)));
            }
            match pages.next() {
                Some(next) => page = next,
                None => return Ok(out),
            }
        }
    }
}

impl Truth {
    pub fn chance(&mut self, percent: u32) -> bool {
        percent > 0 && self.rng.u32(0..100) < percent
    }

    pub fn violated(&mut self, what: String) {
        let after = self.started.elapsed().as_secs_f32();
        self.violations.push(format!("after {after:.1} s: {what}"));
    }

    pub fn note(&mut self, what: impl FnOnce() -> String) {
        if let Some(log) = &mut self.log {
            let after = self.started.elapsed().as_secs_f32();
            log.push(format!("{after:8.2}  {}", what()));
        }
    }

    pub fn log(&self) -> &[String] {
        self.log.as_deref().unwrap_or_default()
    }

    fn fate(&mut self) -> Fate {
        let Faults { throttled, lost_before, lost_after, .. } = self.faults;
        match self.rng.u32(0..100) {
            n if n < throttled => Fate::Throttled,
            n if n < throttled + lost_before => Fate::Before,
            n if n < throttled + lost_before + lost_after => Fate::After,
            _ => Fate::Good,
        }
    }

    /// What is there now.
    pub fn get(&self, at: &At) -> Option<&Thing> {
        let (_, last) = self.past.get(at)?.last()?;
        last.as_ref().filter(|thing| thing.gone_at.is_none_or(|gone| gone > Instant::now()))
    }

    pub fn all(&self) -> impl Iterator<Item = (&At, &Thing)> {
        self.past.keys().filter_map(|at| Some((at, self.get(at)?)))
    }

    /// Changes what is there, by whomever.
    pub fn put(&mut self, at: &At, thing: Option<Thing>) {
        let now = Instant::now();
        let past = self.past.entry(at.clone()).or_default();
        past.push((now, thing));
        // Of what is older than any read only the last is of use.
        let old = past.iter().filter(|(since, _)| now.duration_since(*since) > Duration::from_secs(400)).count();
        past.drain(..old.saturating_sub(1));
    }

    /// What a read shows: what is, or what was a while ago.
    fn view(&mut self, at: &At) -> Option<Thing> {
        let now = Instant::now();
        // A function's own parts are read as they are: a child that its parent's mark is about to forget must not hide.
        let stale = if at.0 == ALIAS { 0 } else { self.faults.stale };
        let age = match self.chance(stale) {
            true => self.faults.stale_for.mul_f32(self.rng.f32()),
            false => Duration::ZERO,
        };
        let then = now - age;
        let (_, thing) = self.past.get(at)?.iter().rev().find(|(since, _)| *since <= then)?;
        let thing = thing.as_ref()?;
        thing.gone_at.is_none_or(|gone| gone > now).then(|| thing.clone())
    }

    /// Whether an application owns what is at a key, or did within the time that what it knows may be old.
    fn owned_by(&self, by: &str, at: &At) -> bool {
        let now = Instant::now();
        let owned = |thing: &Option<Thing>| {
            let marked =
                |thing: &Thing| thing.marks().is_some_and(|marks| marks.source == "default" && marks.app == by);
            // What was let go of may be taken back.
            let before = |thing: &Thing| {
                thing.tags.get(RELEASED).is_some_and(|words| words.starts_with(&format!("default {by} ")))
            };
            thing.as_ref().is_some_and(|thing| marked(thing) || before(thing))
        };
        let Some(past) = self.past.get(at) else { return false };
        let since = past.iter().rposition(|(since, _)| now.duration_since(*since) > self.knowledge).unwrap_or(0);
        past.iter().skip(since).any(|(_, thing)| owned(thing))
    }

    fn settling(&mut self) -> Instant {
        Instant::now() + self.faults.settling.mul_f32(self.rng.f32())
    }

    /// Carries a write out, as AWS would.
    fn write(&mut self, step: &Step) -> Result<(), ApplyError> {
        self.writes += 1;
        let by = step.input.get("by").and_then(Json::as_str).unwrap_or_default().to_owned();
        let id = step.input.get("id").and_then(Json::as_str).unwrap_or_default().to_owned();
        let result = match self.faults.cursed.clone() {
            Some((app, cursed, error)) if app == by && cursed == id => Err(error),
            _ => self.carry_out(step, &by),
        };
        self.note(|| {
            format!("{by}: {} {} {} {}: {result:?}", step.operation, step.type_name, step.refresh.1, step.input)
        });
        result
    }

    fn carry_out(&mut self, step: &Step, by: &str) -> Result<(), ApplyError> {
        let now = Instant::now();
        let (holder, key): (&'static str, &str) = match step.type_name {
            POLICY => (QUEUE, &step.refresh.1),
            other => (other, step.input.get("key").and_then(Json::as_str).unwrap_or(&step.refresh.1)),
        };
        let at: At = (holder, key.to_owned());
        let there = self.get(&at).cloned();
        let input = |name: &str| step.input.get(name).cloned().unwrap_or_default();
        let owner: At = match step.type_name {
            ALIAS => (FUNCTION, at.1.split('|').next().unwrap_or_default().to_owned()),
            _ => at.clone(),
        };
        let creates = matches!(step.operation, "Create" | "Publish");
        if (!creates || step.type_name == ALIAS) && self.get(&owner).is_some() && !self.owned_by(by, &owner) {
            self.violated(format!("{by} wrote to what is not its own: {} {} {}", step.operation, owner.0, owner.1));
        }
        match step.operation {
            "Publish" => {
                self.publish(&input("properties"), &tags(&input("tags")), by);
                Ok(())
            }
            "Create" if step.type_name == MAPPING => self.map(&input("properties"), tags(&input("tags"))),
            "Create" => {
                if there.is_some() {
                    return Err(ApplyError::Conflict(format!("{} exists already", at.1)));
                }
                if self.locked.get(&at).is_some_and(|until| *until > now) {
                    return Err(wait("the name was deleted a moment ago", 5, 120));
                }
                let properties = object(input("properties"));
                self.usable(step.type_name, &at, &properties)?;
                let slow = step.type_name == FUNCTION;
                let settled_at = if slow { self.settling() } else { now };
                let lag = self.faults.lag.mul_f32(self.rng.f32());
                let usable_at = if step.type_name == ROLE { now + lag } else { now };
                let thing =
                    Thing { properties, tags: tags(&input("tags")), settled_at, usable_at, gone_at: None, messages: 0 };
                self.put(&at, Some(thing));
                Ok(())
            }
            "Delete" => match there {
                None => Ok(()),
                Some(thing) => self.delete(&at, thing),
            },
            _ => {
                let Some(mut thing) = there else {
                    return Err(ApplyError::Conflict(format!("{} is not there", at.1)));
                };
                if thing.settled_at > now && step.operation != "Tag" {
                    return Err(wait("an update is in progress", 1, 60));
                }
                let before = thing.clone();
                for (name, value) in object(input("set")) {
                    match value {
                        Json::Null => thing.properties.shift_remove(&name),
                        value => thing.properties.insert(name, value),
                    };
                }
                // Only what is given is looked at: other code is taken although a layer of the function is gone.
                self.usable(step.type_name, &at, &object(input("set")))?;
                thing.tags.extend(tags(&input("tags")));
                for name in input("untag").as_array().into_iter().flatten().filter_map(Json::as_str) {
                    thing.tags.remove(name);
                }
                if before.properties == thing.properties && before.tags == thing.tags && self.quiet_for(&at) {
                    self.violated(format!("{by} changed nothing with {} {} {}", step.operation, at.0, at.1));
                }
                if at.0 == FUNCTION && step.operation != "Tag" {
                    thing.settled_at = self.settling();
                }
                self.put(&at, Some(thing));
                Ok(())
            }
        }
    }

    /// Whether a thing is what it is for longer than what anybody knows of it may be old.
    fn quiet_for(&self, at: &At) -> bool {
        let last = self.past.get(at).and_then(|past| past.last());
        last.is_some_and(|(since, _)| since.elapsed() > self.knowledge)
    }

    /// Whether what a thing needs is there and lets itself be used.
    fn usable(&mut self, type_name: &str, at: &At, properties: &Map<String, Json>) -> Result<(), ApplyError> {
        let now = Instant::now();
        let text = |name: &str| properties.get(name).and_then(Json::as_str).map(str::to_owned);
        match type_name {
            FUNCTION => {
                let usable = |role| self.get(&(ROLE, role)).is_some_and(|role| role.usable_at <= now);
                if !text("Role").is_none_or(usable) {
                    return Err(wait("the role cannot be assumed by Lambda", 3, 60));
                }
                if text("Layer").is_some_and(|layer| self.get(&(LAYER, layer)).is_none()) {
                    return Err(ApplyError::Refused("the layer version does not exist".to_owned()));
                }
            }
            ALIAS => {
                let function = at.1.split('|').next().unwrap_or_default();
                let Some(function) = self.get(&(FUNCTION, function.to_owned())) else {
                    return Err(ApplyError::Conflict("the function is not there".to_owned()));
                };
                if function.settled_at > now {
                    return Err(wait("the function is pending", 1, 60));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn publish(&mut self, properties: &Json, tags: &Tags, by: &str) {
        let properties = object(properties.clone());
        let name = properties.get("LayerName").and_then(Json::as_str).unwrap_or_default().to_owned();
        let twin = self
            .all()
            .find(|(at, thing)| at.0 == LAYER && thing.properties == properties && thing.tags == *tags)
            .map(|(at, _)| at.clone());
        if let Some(twin) = twin
            && self.quiet_for(&twin)
        {
            self.violated(format!("{by} published {} again", twin.1));
        }
        self.serial += 1;
        let at = (LAYER, format!("{name}:{}", self.serial));
        let now = Instant::now();
        let thing =
            Thing { properties, tags: tags.clone(), settled_at: now, usable_at: now, gone_at: None, messages: 0 };
        self.put(&at, Some(thing));
    }

    fn map(&mut self, properties: &Json, tags: Tags) -> Result<(), ApplyError> {
        let now = Instant::now();
        let properties = object(properties.clone());
        let text = |name: &str| properties.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
        let (function, queue) = (text("Function"), text("Queue"));
        if self
            .all()
            .any(|(at, thing)| at.0 == MAPPING && thing.text("Function") == function && thing.text("Queue") == queue)
        {
            return Err(ApplyError::Conflict("an event source mapping with this source exists".to_owned()));
        }
        match self.get(&(FUNCTION, function)) {
            None => return Err(ApplyError::Conflict("the function is not there".to_owned())),
            Some(function) if function.settled_at > now => return Err(wait("the function is pending", 1, 60)),
            Some(_) => {}
        }
        if self.get(&(QUEUE, queue)).is_none() {
            return Err(ApplyError::Refused("the queue does not exist".to_owned()));
        }
        self.serial += 1;
        let at = (MAPPING, format!("uuid-{}", self.serial));
        let settled_at = self.settling();
        self.put(&at, Some(Thing { properties, tags, settled_at, usable_at: now, gone_at: None, messages: 0 }));
        Ok(())
    }

    fn delete(&mut self, at: &At, mut thing: Thing) -> Result<(), ApplyError> {
        let now = Instant::now();
        if thing.gone_at.is_some() {
            return Err(wait("it is being deleted", 1, 60));
        }
        if thing.settled_at > now {
            return Err(wait("an update is in progress", 1, 60));
        }
        if at.0 == LOG && !self.permitted.contains(at) {
            self.violated(format!("what holds data was deleted unasked: {}", at.1));
        }
        if at.0 == QUEUE {
            self.locked.insert(at.clone(), now + LOCK);
        }
        if at.0 == MAPPING {
            let gone = self.settling();
            thing.gone_at = Some(gone);
            self.put(at, Some(thing));
            return Ok(());
        }
        self.remove(at);
        Ok(())
    }

    /// Takes a thing away, with its parts.
    pub fn remove(&mut self, at: &At) {
        self.put(at, None);
        if at.0 == FUNCTION {
            let prefix = format!("{}|", at.1);
            let aliases: Vec<At> =
                self.past.keys().filter(|at| at.0 == ALIAS && at.1.starts_with(&prefix)).cloned().collect();
            for alias in aliases {
                self.put(&alias, None);
            }
        }
    }
}

fn wait(reason: &str, after: u64, patience: u64) -> ApplyError {
    ApplyError::Wait {
        reason: reason.to_owned(),
        retry_after: Duration::from_secs(after),
        patience: Duration::from_secs(patience),
    }
}

fn object(value: Json) -> Map<String, Json> {
    match value {
        Json::Object(map) => map,
        _ => Map::new(),
    }
}

fn tags(value: &Json) -> Tags {
    value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(k, v)| (k.clone(), v.as_str().unwrap_or_default().to_owned()))
        .collect()
}

/// Tags as a step carries them.
pub fn tags_json(tags: &Tags) -> Json {
    json!(tags)
}
