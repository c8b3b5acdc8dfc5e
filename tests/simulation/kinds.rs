//! Made-up kinds of every shape that the real ones have.

use std::sync::Arc;

use evenkeel_core::plan::kind::{Claim, Parent};
use evenkeel_core::plan::naming::{NameStyle, Naming};
use evenkeel_core::plan::{
    Facts, Found, Instance, Kind, Kinds, Located, Marks, Observation, Observed, Scope, State, Step, TagWork, Target,
    Want, Work, diff,
};
use serde_json::{Map, Value as Json, json};

use crate::aws::tags_json;

/// Named, usable only a while after it was made.
pub const ROLE: &str = "T::Role";
/// A named parent that settles slowly; `Mode` can only be given at creation, `Code` and the rest change apart.
pub const FUNCTION: &str = "T::Function";
/// Its name is locked for a minute after deletion, and it may hold messages.
pub const QUEUE: &str = "T::Queue";
/// Holds data.
pub const LOG: &str = "T::Log";
/// A leaf with tags.
pub const PARAMETER: &str = "T::Parameter";
/// A child without tags.
pub const ALIAS: &str = "T::Alias";
/// A part of a queue.
pub const POLICY: &str = "T::QueuePolicy";
/// Versions beside one another.
pub const LAYER: &str = "T::Layer";
/// AWS gives it its id; settles slowly, also when it goes.
pub const MAPPING: &str = "T::Mapping";

/// Parents before children.
pub fn stages() -> Vec<Vec<&'static str>> {
    vec![vec![ROLE, FUNCTION, QUEUE, LOG, PARAMETER, LAYER], vec![ALIAS, MAPPING]]
}

pub fn kinds() -> Kinds {
    let named = |type_name, rank, settles_at_once, style| {
        Arc::new(Named { type_name, rank, settles_at_once, style }) as Arc<dyn Kind>
    };
    Kinds::new([
        named(ROLE, 30, true, NameStyle::StackRegion),
        named(FUNCTION, 60, false, NameStyle::Stack),
        named(QUEUE, 20, true, NameStyle::Stack),
        named(LOG, 0, true, NameStyle::Stack),
        named(PARAMETER, 10, true, NameStyle::Path),
        Arc::new(Alias),
        Arc::new(Policy),
        Arc::new(Layer),
        Arc::new(Mapping),
    ])
}

fn step(type_name: &'static str, operation: &'static str, scope: &Scope, id: &str, at: &str, input: Json) -> Step {
    let mut whole = json!({"by": scope.app, "id": id});
    if let (Some(whole), Json::Object(input)) = (whole.as_object_mut(), input) {
        whole.extend(input);
    }
    Step { type_name, operation, input: whole, refresh: (type_name, at.to_owned()) }
}

fn spec(want: &Want) -> Map<String, Json> {
    let mut out = want.properties.clone();
    out.shift_remove("Name");
    out.shift_remove("Tags");
    out
}

fn sized(want: &Want) -> Map<String, Json> {
    let mut out = spec(want);
    out.entry("Size").or_insert(json!(1));
    out
}

/// What changed, by top-level property: null where it leaves.
fn set(work: &Work<'_>, only: impl Fn(&str) -> bool) -> Json {
    let heads = work.changes.iter().map(|change| diff::head(&change.path)).filter(|head| only(head));
    Json::Object(heads.map(|head| (head.to_owned(), work.desired.get(head).cloned().unwrap_or_default())).collect())
}

fn id_of(observed: &Observed) -> &str {
    observed.marks.as_ref().map_or("", |marks| &marks.id)
}

fn is_home(marks: &Marks, scope: &Scope) -> bool {
    marks.is_at_home(&scope.source, &scope.app, scope.env.as_deref())
}

fn user(world: &Observation, property: &str, key: &str) -> Option<String> {
    let functions = world.table(FUNCTION);
    if !functions.is_whole() {
        return Some("which functions use it is not known".to_owned());
    }
    let uses = |item: &&Arc<Observed>| item.properties.get(property).and_then(Json::as_str) == Some(key);
    functions.items().find(uses).map(|item| format!("function `{}` uses it", item.key))
}

#[derive(Debug)]
struct Named {
    type_name: &'static str,
    rank: u8,
    settles_at_once: bool,
    style: NameStyle,
}

impl Kind for Named {
    fn type_name(&self) -> &'static str {
        self.type_name
    }

    fn facts(&self) -> Facts {
        Facts {
            settles_at_once: self.settles_at_once,
            rank: self.rank,
            holds_data: self.type_name == LOG,
            taggable: true,
            naming: Some(Naming { property: "Name", limit: 40, style: self.style }),
            reads: self.type_name,
        }
    }

    fn desired(&self, _scope: &Scope, want: &Want, _key: &str) -> Map<String, Json> {
        sized(want)
    }

    fn attribute(&self, _scope: &Scope, target: Target<'_>, _attribute: Option<&str>) -> Option<Json> {
        Some(json!(target.key))
    }

    fn replaces(&self, path: &str, _from: &Json, _to: &Json) -> bool {
        path == "Mode"
    }

    fn data_at_risk(&self, observed: &Observed) -> Option<String> {
        let messages = observed.attributes.get("Messages").and_then(Json::as_u64).filter(|messages| *messages > 0);
        messages.map(|messages| format!("it still holds {messages} messages"))
    }

    fn still_used(&self, observed: &Observed, world: &Observation) -> Option<String> {
        (self.type_name == ROLE).then(|| user(world, "Role", &observed.key))?
    }

    fn create(&self, work: Work<'_>) -> Vec<Step> {
        let input = json!({"properties": work.desired, "tags": tags_json(&work.tags.all)});
        vec![step(self.type_name, "Create", work.scope, work.want.id(), work.key, input)]
    }

    fn update(&self, work: Work<'_>) -> Vec<Step> {
        // Code and configuration must not overlap: the next round does the rest.
        let code = work.changed("Code");
        let set = set(&work, |head| (head == "Code") == code);
        vec![step(self.type_name, "Update", work.scope, work.want.id(), work.key, json!({"set": set}))]
    }

    fn retag(&self, scope: &Scope, observed: &Observed, tags: &TagWork) -> Vec<Step> {
        let input = json!({"tags": tags_json(&tags.set), "untag": tags.remove});
        vec![step(self.type_name, "Tag", scope, id_of(observed), &observed.key, input)]
    }

    fn delete(&self, scope: &Scope, observed: &Observed) -> Vec<Step> {
        vec![step(self.type_name, "Delete", scope, id_of(observed), &observed.key, json!({}))]
    }
}

#[derive(Debug)]
struct Alias;

impl Kind for Alias {
    fn type_name(&self) -> &'static str {
        ALIAS
    }

    fn facts(&self) -> Facts {
        Facts { settles_at_once: true, rank: 70, holds_data: false, taggable: false, naming: None, reads: ALIAS }
    }

    fn refuses(&self, scope: &Scope, want: &Want, world: &Observation) -> Option<String> {
        let function = world.table(FUNCTION).get(want.text("Function")?)?;
        let foreign = !function.marks.as_ref().is_some_and(|marks| is_home(marks, scope));
        foreign.then(|| format!("function `{}` is somebody else's", function.key))
    }

    fn locate(&self, _scope: &Scope, want: &Want, world: &Observation) -> Located {
        if let Some(unknown) = want.unknown.values().next() {
            return Located { waits: Some(unknown.clone()), ..Located::default() };
        }
        let key = format!("{}|{}", want.text("Function").unwrap_or_default(), want.text("Name").unwrap_or_default());
        Located { instances: vec![Instance { found: world.table(ALIAS).look(&key), key }], waits: None }
    }

    fn desired(&self, _scope: &Scope, want: &Want, _key: &str) -> Map<String, Json> {
        let mut out = sized(want);
        out.shift_remove("Function");
        out
    }

    fn attribute(&self, _scope: &Scope, target: Target<'_>, _attribute: Option<&str>) -> Option<Json> {
        Some(json!(target.key))
    }

    fn replaces(&self, _path: &str, _from: &Json, _to: &Json) -> bool {
        false
    }

    fn parent(&self, key: &str) -> Option<Parent> {
        let (function, _) = key.split_once('|')?;
        Some(Parent { type_name: FUNCTION, key: function.to_owned(), part: "alias" })
    }

    fn part_word(&self, key: &str) -> Option<String> {
        Some(format!("alias:{}", key.split_once('|')?.1))
    }

    fn adopts_unmarked(&self, scope: &Scope, want: &Want, world: &Observation) -> bool {
        self.refuses(scope, want, world).is_none()
    }

    fn create(&self, work: Work<'_>) -> Vec<Step> {
        vec![step(ALIAS, "Create", work.scope, work.want.id(), work.key, json!({"properties": work.desired}))]
    }

    fn update(&self, work: Work<'_>) -> Vec<Step> {
        vec![step(ALIAS, "Update", work.scope, work.want.id(), work.key, json!({"set": set(&work, |_| true)}))]
    }

    fn delete(&self, scope: &Scope, observed: &Observed) -> Vec<Step> {
        vec![step(ALIAS, "Delete", scope, id_of(observed), &observed.key, json!({}))]
    }
}

#[derive(Debug)]
struct Policy;

impl Kind for Policy {
    fn type_name(&self) -> &'static str {
        POLICY
    }

    fn facts(&self) -> Facts {
        Facts { settles_at_once: true, rank: 40, holds_data: false, taggable: false, naming: None, reads: QUEUE }
    }

    fn refuses(&self, scope: &Scope, want: &Want, world: &Observation) -> Option<String> {
        let queue = world.table(QUEUE).get(want.text("Queue")?)?;
        let foreign = !queue.marks.as_ref().is_some_and(|marks| is_home(marks, scope));
        foreign.then(|| format!("queue `{}` is somebody else's", queue.key))
    }

    fn locate(&self, _scope: &Scope, want: &Want, world: &Observation) -> Located {
        if let Some(unknown) = want.unknown.values().next() {
            return Located { waits: Some(unknown.clone()), ..Located::default() };
        }
        let key = want.text("Queue").unwrap_or_default().to_owned();
        let found = match world.table(QUEUE).look(&key) {
            Found::Present(queue) => match queue.properties.get("Policy").filter(|policy| !policy.is_null()) {
                None => Found::Absent,
                Some(policy) => {
                    let mut part = Observed::new(key.as_str(), queue.physical_id.as_str());
                    part.state = queue.state.clone();
                    part.marks = queue.marks.clone().map(|marks| Marks { id: want.id().to_owned(), ..marks });
                    part.properties.insert("Policy".to_owned(), policy.clone());
                    Found::Present(part.into())
                }
            },
            other => other,
        };
        Located { instances: vec![Instance { key, found }], waits: None }
    }

    fn desired(&self, _scope: &Scope, want: &Want, _key: &str) -> Map<String, Json> {
        [("Policy".to_owned(), want.properties.get("Policy").cloned().unwrap_or_default())].into_iter().collect()
    }

    fn claims(&self, _scope: &Scope, want: &Want, _at: &[Instance]) -> Vec<Claim> {
        let claim = |key: &str| Claim { type_name: QUEUE, key: key.to_owned(), path: "Policy".to_owned() };
        want.text("Queue").map(claim).into_iter().collect()
    }

    fn attribute(&self, _scope: &Scope, target: Target<'_>, _attribute: Option<&str>) -> Option<Json> {
        Some(json!(target.want.id()))
    }

    fn replaces(&self, _path: &str, _from: &Json, _to: &Json) -> bool {
        false
    }

    fn parent(&self, key: &str) -> Option<Parent> {
        Some(Parent { type_name: QUEUE, key: key.to_owned(), part: "" })
    }

    fn create(&self, work: Work<'_>) -> Vec<Step> {
        let mut step = step(POLICY, "SetPolicy", work.scope, work.want.id(), work.key, json!({"set": work.desired}));
        step.refresh.0 = QUEUE;
        vec![step]
    }

    fn update(&self, work: Work<'_>) -> Vec<Step> {
        self.create(work)
    }

    fn delete(&self, _scope: &Scope, _observed: &Observed) -> Vec<Step> {
        // It has no table of its own: what is left of it is drift of its queue.
        Vec::new()
    }
}

/// The version that is still to be published.
pub const NEXT: &str = "next";

#[derive(Debug)]
struct Layer;

impl Kind for Layer {
    fn type_name(&self) -> &'static str {
        LAYER
    }

    fn facts(&self) -> Facts {
        let naming = Naming { property: "Name", limit: 40, style: NameStyle::Stack };
        Facts {
            settles_at_once: true,
            rank: 50,
            holds_data: false,
            taggable: false,
            naming: Some(naming),
            reads: LAYER,
        }
    }

    fn locate(&self, scope: &Scope, want: &Want, world: &Observation) -> Located {
        if let Some(unknown) = want.unknown.values().next() {
            return Located { waits: Some(unknown.clone()), ..Located::default() };
        }
        let table = world.table(LAYER);
        let desired = self.desired(scope, want, NEXT);
        let number = |item: &Observed| item.key.rsplit(':').next().and_then(|number| number.parse::<u64>().ok());
        let current = table
            .items()
            .filter(|item| item.marks.as_ref().is_some_and(|marks| marks.id == want.id() && is_home(marks, scope)))
            .filter(|item| item.properties == desired)
            .max_by_key(|item| number(item));
        let key = current.map_or_else(|| format!("{}-{}:{NEXT}", scope.stack, want.id()), |item| item.key.clone());
        let found = match table.look(&key) {
            Found::Absent if !table.is_complete() => Found::Unknown("the layers were not all listed".to_owned()),
            found => found,
        };
        Located { instances: vec![Instance { key, found }], waits: None }
    }

    fn desired(&self, scope: &Scope, want: &Want, _key: &str) -> Map<String, Json> {
        let mut out = Map::new();
        out.insert("LayerName".to_owned(), json!(format!("{}-{}", scope.stack, want.id())));
        out.insert("Code".to_owned(), want.properties.get("Code").cloned().unwrap_or_default());
        out
    }

    fn attribute(&self, _scope: &Scope, target: Target<'_>, _attribute: Option<&str>) -> Option<Json> {
        Some(json!(target.observed?.physical_id))
    }

    fn is_version(&self) -> bool {
        true
    }

    fn still_used(&self, observed: &Observed, world: &Observation) -> Option<String> {
        user(world, "Layer", &observed.key)
    }

    fn create(&self, work: Work<'_>) -> Vec<Step> {
        let Scope { source, app, env, .. } = work.scope;
        let id = work.want.id().to_owned();
        let marks = Marks { source: source.clone(), app: app.clone(), env: env.clone(), id, ..Marks::default() };
        let input = json!({"properties": work.desired, "tags": tags_json(&marks.to_tags())});
        vec![step(LAYER, "Publish", work.scope, work.want.id(), work.key, input)]
    }

    fn update(&self, _work: Work<'_>) -> Vec<Step> {
        Vec::new()
    }

    fn delete(&self, scope: &Scope, observed: &Observed) -> Vec<Step> {
        vec![step(LAYER, "Delete", scope, id_of(observed), &observed.key, json!({}))]
    }
}

#[derive(Debug)]
struct Mapping;

impl Kind for Mapping {
    fn type_name(&self) -> &'static str {
        MAPPING
    }

    fn facts(&self) -> Facts {
        Facts { settles_at_once: false, rank: 90, holds_data: false, taggable: true, naming: None, reads: MAPPING }
    }

    fn locate(&self, scope: &Scope, want: &Want, world: &Observation) -> Located {
        if let Some(unknown) = want.unknown.values().next() {
            return Located { waits: Some(unknown.clone()), ..Located::default() };
        }
        let table = world.table(MAPPING);
        let (function, queue) = (want.properties.get("Function"), want.properties.get("Queue"));
        let marked = |item: &&Arc<Observed>| {
            item.marks.as_ref().is_some_and(|marks| marks.id == want.id() && is_home(marks, scope))
        };
        let fits = |item: &&Arc<Observed>| item.properties.get("Queue") == queue;
        let same = |item: &&Arc<Observed>| fits(item) && item.properties.get("Function") == function;
        let current = table
            .items()
            .find(|item| marked(item) && fits(item) && item.state == State::Settled)
            .or_else(|| table.items().find(|item| marked(item) && fits(item)))
            .or_else(|| table.items().find(same));
        let key = match current {
            Some(item) => item.key.clone(),
            None => {
                format!("new|{}|{}", want.text("Function").unwrap_or_default(), want.text("Queue").unwrap_or_default())
            }
        };
        Located { instances: vec![Instance { found: table.look(&key), key }], waits: None }
    }

    fn desired(&self, _scope: &Scope, want: &Want, _key: &str) -> Map<String, Json> {
        sized(want)
    }

    fn attribute(&self, _scope: &Scope, target: Target<'_>, _attribute: Option<&str>) -> Option<Json> {
        Some(json!(target.observed?.physical_id))
    }

    fn replaces(&self, path: &str, _from: &Json, _to: &Json) -> bool {
        path == "Queue"
    }

    fn create(&self, work: Work<'_>) -> Vec<Step> {
        let input = json!({"properties": work.desired, "tags": tags_json(&work.tags.all)});
        vec![step(MAPPING, "Create", work.scope, work.want.id(), work.key, input)]
    }

    fn update(&self, work: Work<'_>) -> Vec<Step> {
        let set = set(&work, |_| true);
        vec![step(MAPPING, "Update", work.scope, work.want.id(), work.key, json!({"set": set}))]
    }

    fn retag(&self, scope: &Scope, observed: &Observed, tags: &TagWork) -> Vec<Step> {
        let input = json!({"tags": tags_json(&tags.set), "untag": tags.remove});
        vec![step(MAPPING, "Tag", scope, id_of(observed), &observed.key, input)]
    }

    fn delete(&self, scope: &Scope, observed: &Observed) -> Vec<Step> {
        vec![step(MAPPING, "Delete", scope, id_of(observed), &observed.key, json!({}))]
    }
}
