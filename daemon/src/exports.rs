//! Exports: which application of a tree gives what another one imports, and the value as far as it is known.
//!
//! An export is found among the applications of the same tree, in the environment of the importing one, or in the only
//! one that an application has. Names are told from the specs alone; values come from the exporting application's plan,
//! so that what only AWS knows (the id of a mapping) is had once the exporting application has it.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use evenkeel_core::compile::Values;
use evenkeel_core::compile::intrinsic::partition_of;
use evenkeel_core::model::suggest::did_you_mean;
use evenkeel_core::model::{Desired, Diagnostic, Diagnostics, Place};
use evenkeel_core::plan::{self, Imported, Imports, Input, Observation, Scope};
use serde_json::Value as Json;

use crate::apps::{Compiled, Home, How, Target, Tree};
use crate::session::Prepared;

/// Names that an error lists where nothing is similar to what was asked for.
const LISTED: usize = 8;

/// What one application exports in one environment, as its spec says offline.
#[derive(Debug)]
pub(crate) struct Offer {
    target: Target,
    /// Where each export is declared, by its name.
    places: BTreeMap<String, Place>,
    desired: Option<Desired>,
    /// What it imports itself.
    needs: BTreeMap<String, Place>,
}

/// What one application imports, by the exports' names: who exports it.
pub type Sources = BTreeMap<String, Target>;

/// Where to look for exports: the importing application and how specs are read for it.
struct Search<'a> {
    tree: &'a Tree,
    values: &'a Values,
    home: &'a Home,
}

impl Tree {
    /// Finds who exports what a target imports.
    ///
    /// Complaints, each at its place: an export that nobody has, that several have, or that can only be had in a circle.
    pub fn sources(
        &self,
        target: &Target,
        needs: &BTreeMap<String, Place>,
        values: &Values,
        home: &Home,
    ) -> (Sources, Diagnostics) {
        let search = Search { tree: self, values, home };
        let mut problems = Diagnostics::new();
        let mut sources = Sources::new();
        for (name, place) in needs {
            match search.find(target, name, *place) {
                Ok(offer) => {
                    let mut path = vec![(target.key(), name.clone(), *place)];
                    match search.circle(&offer, &target.key(), &mut path, &mut BTreeSet::new()) {
                        Some(circle) => problems.push(circle),
                        None => {
                            sources.insert(name.clone(), offer.target.clone());
                        }
                    }
                }
                Err(problem) => problems.push(problem),
            }
        }
        (sources, problems)
    }

    /// Compiles a target without AWS: an import that can be computed from the exporting application's spec is its value,
    /// any other stays as written.
    pub fn compile_offline(&self, target: &Target, values: &Values, home: &Home, how: How) -> Compiled {
        let mut compiled = self.compile(target, values, home, how);
        if compiled.needs.exports.is_empty() || compiled.diagnostics.has_errors() {
            return compiled;
        }
        let (sources, problems) = self.sources(target, &compiled.needs.exports, values, home);
        let search = Search { tree: self, values, home };
        let mut known = values.clone();
        for (name, imported) in search.computed(&sources) {
            if let (Some(value), false) = (&imported.export.value, imported.export.secret) {
                known.exports.insert(name, text(value));
            }
        }
        if known.exports.len() > values.exports.len() {
            compiled = self.compile(target, &known, home, how);
        }
        compiled.diagnostics.extend(if how == How::Render { problems.as_warnings() } else { problems });
        if compiled.diagnostics.has_errors() {
            compiled.desired = None;
        }
        compiled
    }

    /// Names that two of the selected applications export in one region.
    pub fn exported_twice(&self, targets: &[Target], values: &Values, home: &Home) -> Diagnostics {
        let search = Search { tree: self, values, home };
        let mut seen: BTreeMap<(Home, String), (Target, Place)> = BTreeMap::new();
        let mut problems = Diagnostics::new();
        for target in targets {
            let offer = search.offer(target);
            for (name, place) in &offer.places {
                let at =
                    Home { region: target.home.region.clone().or_else(|| home.region.clone()), ..target.home.clone() };
                let first = seen.entry((at, name.clone())).or_insert_with(|| (target.clone(), *place));
                // One application in several environments: who imports takes the environment's own.
                if first.0.app != target.app {
                    problems.push(twice(name, *place, &[(&first.0, first.1), (target, *place)]));
                }
            }
        }
        problems
    }

    /// The environment of each other application in which one of `env` finds exports.
    fn neighbours(&self, target: &Target) -> Vec<Target> {
        let mut out = Vec::new();
        for (index, app) in self.apps.iter().enumerate() {
            let Some(name) = app.name.clone() else { continue };
            let declared = app.environments(&["all".to_owned()]).unwrap_or_default();
            let asked: Vec<String> = target.env.iter().cloned().collect();
            let same = app.environments(&asked).ok().and_then(|mut found| found.pop());
            let only = || if declared.len() == 1 { declared.first().cloned() } else { None };
            let Some((env, home)) = same.or_else(only) else { continue };
            out.push(Target { index, app: name, env, home });
        }
        out
    }
}

impl Search<'_> {
    /// What a target exports. A spec that mentions no export is not compiled for it.
    fn offer(&self, target: &Target) -> Arc<Offer> {
        let home = Home {
            region: target.home.region.clone().or_else(|| self.home.region.clone()),
            account: target.home.account.clone().or_else(|| self.home.account.clone()),
            ..target.home.clone()
        };
        self.tree.offers.get((target.index, target.env.clone(), home.clone()), || {
            let compiled = if self.tree.mentions_exports(target) {
                self.tree.compile(target, self.values, &home, How::Validate)
            } else {
                Compiled { desired: None, needs: Default::default(), diagnostics: Diagnostics::new() }
            };
            let desired = compiled.desired.map(|desired| Desired {
                region: desired.region.or(home.region),
                account: desired.account.or(home.account),
                ..desired
            });
            let outputs =
                desired.iter().filter(|desired| !desired.deleted).flat_map(|desired| desired.outputs.values());
            let exports = outputs.filter_map(|output| output.export.as_ref());
            let places = exports.filter_map(|export| Some((export.scalar_text()?, export.place))).collect();
            Offer { target: target.clone(), places, desired, needs: compiled.needs.exports }
        })
    }

    /// Who exports `name` to `target`.
    fn find(&self, target: &Target, name: &str, place: Place) -> Result<Arc<Offer>, Diagnostic> {
        let offers: Vec<Arc<Offer>> = self.tree.neighbours(target).iter().map(|other| self.offer(other)).collect();
        let mut found: Vec<&Arc<Offer>> = offers.iter().filter(|offer| offer.places.contains_key(name)).collect();
        // An application in the same environment is meant before one that has only another; in one region a name
        // stands for one export.
        for better in [
            |offer: &Offer, target: &Target, _: &Home| offer.target.env == target.env,
            |offer: &Offer, _: &Target, home: &Home| {
                offer.target.home.region.is_none() || offer.target.home.region == home.region
            },
        ] {
            if found.len() > 1 && found.iter().any(|offer| better(offer, target, self.home)) {
                found.retain(|offer| better(offer, target, self.home));
            }
        }
        match found.as_slice() {
            [only] if only.target.index == target.index => Err(Diagnostic::error(
                "import-circle",
                place,
                format!("`{}` imports `{name}`, which it exports itself", target.key()),
            )
            .related(only.places.get(name).copied().unwrap_or_default(), "exported here")
            .help("refer to the value itself")),
            [only] => Ok(Arc::clone(only)),
            [] => Err(self.missing(target, name, place, &offers)),
            several => {
                let all: Vec<(&Target, Place)> = several
                    .iter()
                    .map(|offer| (&offer.target, offer.places.get(name).copied().unwrap_or_default()))
                    .collect();
                Err(twice(name, place, &all))
            }
        }
    }

    fn missing(&self, target: &Target, name: &str, place: Place, offers: &[Arc<Offer>]) -> Diagnostic {
        let names: BTreeSet<&str> = offers.iter().flat_map(|offer| offer.places.keys()).map(String::as_str).collect();
        let broken: Vec<String> = offers
            .iter()
            .filter(|offer| {
                offer.desired.is_none()
                    && offer.target.index != target.index
                    && self.tree.mentions_exports(&offer.target)
            })
            .map(|offer| format!("`{}`", offer.target.key()))
            .collect();
        let message = if broken.is_empty() {
            format!("no application of these specs exports `{name}`")
        } else {
            format!(
                "no application of these specs exports `{name}`, as far as can be told: {} does not compile",
                broken.join(", ")
            )
        };
        let what_is_there = did_you_mean(name, names.iter().copied()).unwrap_or_else(|| match names.len() {
            0 => "none of them exports anything".to_owned(),
            count => {
                let shown: Vec<String> = names.iter().take(LISTED).map(|name| format!("`{name}`")).collect();
                let more = if count > LISTED { format!(" and {} more", count - LISTED) } else { String::new() };
                format!("they export {}{more}", shown.join(", "))
            }
        });
        Diagnostic::error("no-export", place, message)
            .help(format!("{what_is_there}; what comes from elsewhere is given under \"Exports\" in a --values file"))
    }

    /// A circle of imports that leads from an export back to `start`.
    fn circle(
        &self,
        offer: &Offer,
        start: &str,
        path: &mut Vec<(String, String, Place)>,
        seen: &mut BTreeSet<String>,
    ) -> Option<Diagnostic> {
        let key = offer.target.key();
        if key == start {
            let steps: Vec<String> = path.iter().map(|(app, name, _)| format!("`{app}` imports `{name}`")).collect();
            let (_, _, place) = path.first()?;
            let message = format!("applications import from each other in a circle: {}", steps.join(", "));
            let mut diagnostic = Diagnostic::error("import-circle", *place, message)
                .help("an application is made after those that it imports from: let one of them not need the others");
            for (_, name, place) in path.iter().skip(1) {
                diagnostic = diagnostic.related(*place, format!("`{name}` is imported here"));
            }
            return Some(diagnostic);
        }
        if !seen.insert(key.clone()) {
            return None;
        }
        for (name, place) in &offer.needs {
            let Ok(next) = self.find(&offer.target, name, *place) else { continue };
            path.push((key.clone(), name.clone(), *place));
            if let Some(found) = self.circle(&next, start, path, seen) {
                return Some(found);
            }
            path.pop();
        }
        None
    }

    /// The values that follow from specs alone: names are known, ids that AWS makes are not.
    fn computed(&self, sources: &Sources) -> Imports {
        let mut out = Imports::new();
        for (name, target) in sources {
            let offer = self.offer(target);
            let Some(desired) = &offer.desired else { continue };
            let (Some(region), Some(account)) = (desired.region.clone(), desired.account.clone()) else { continue };
            let (further, _) = self.tree.sources(target, &offer.needs, self.values, self.home);
            let imports = self.computed(&further);
            let scope = Scope {
                source: self.tree.source_id.clone(),
                app: target.app.clone(),
                env: target.env.clone(),
                stack: desired.stack.clone(),
                partition: partition_of(&region).0.to_owned(),
                region,
                account,
                artifacts: BTreeMap::new(),
                keep: self.tree.keep,
            };
            let plan = plan::plan(Input {
                scope: &scope,
                desired,
                world: &Observation::new(),
                kinds: &evenkeel_aws::kinds::kinds(),
                held: &BTreeMap::new(),
                previous: None,
                allowed: &BTreeSet::new(),
                imports: &imports,
                no_deletes: None,
            });
            if let Some(export) = plan.exports.get(name) {
                out.insert(name.clone(), Imported { from: target.key(), export: export.clone() });
            }
        }
        out
    }
}

/// What an application that can be planned imports, as the accounts that its exporters live in were last observed.
pub fn imports(prepared: &Prepared) -> Pin<Box<dyn Future<Output = Imports> + Send + '_>> {
    Box::pin(async move {
        let mut plans = BTreeMap::new();
        let mut out = Imports::new();
        for (name, exporter) in &prepared.imports {
            let key = exporter.target.key();
            if !plans.contains_key(&key) {
                let further = imports(exporter).await;
                let store = exporter.world.known();
                let plan = plan::plan(Input {
                    scope: &exporter.scope,
                    desired: &exporter.desired,
                    world: &store,
                    kinds: &exporter.world.kinds,
                    held: &BTreeMap::new(),
                    previous: None,
                    allowed: &BTreeSet::new(),
                    imports: &further,
                    no_deletes: None,
                });
                plans.insert(key.clone(), plan.exports);
            }
            if let Some(export) = plans.get(&key).and_then(|exports| exports.get(name)) {
                out.insert(name.clone(), Imported { from: key, export: export.clone() });
            }
        }
        out
    })
}

fn twice(name: &str, place: Place, all: &[(&Target, Place)]) -> Diagnostic {
    let who: Vec<String> = all.iter().map(|(target, _)| format!("`{}`", target.key())).collect();
    let message = format!("the export `{name}` stands for one value, and {} have it", who.join(" and "));
    let mut diagnostic = Diagnostic::error("two-exports", place, message)
        .help("put the stack's name into the export's: `!Sub ${AWS::StackName}-...`");
    for (target, at) in all {
        if *at != place {
            diagnostic = diagnostic.related(*at, format!("`{}` exports it here", target.key()));
        }
    }
    diagnostic
}

fn text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What the applications of a tree export, each found once.
#[derive(Debug, Default)]
pub(crate) struct Offers(std::sync::Mutex<BTreeMap<Seat, Arc<Offer>>>);

/// An application (by its index), its environment, and where it is taken to live.
type Seat = (usize, Option<String>, Home);

impl Offers {
    fn get(&self, seat: Seat, make: impl FnOnce() -> Offer) -> Arc<Offer> {
        let known = |offers: &Self| {
            let offers = offers.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            offers.get(&seat).cloned()
        };
        if let Some(offer) = known(self) {
            return offer;
        }
        let offer = Arc::new(make());
        let mut offers = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Arc::clone(offers.entry(seat).or_insert(offer))
    }
}

#[cfg(test)]
mod tests;
