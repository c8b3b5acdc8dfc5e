//! One real thing against what the spec asks for.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::Planner;
use super::tags::tag_changes;
use crate::model::resource::DeletionPolicy;
use crate::plan::action::{Action, Verb};
use crate::plan::diff::{self, Cause, Change};
use crate::plan::hidden::Hidden;
use crate::plan::kind::{Instance, Kind, Scope, Want, Work};
use crate::plan::marks::Marks;
use crate::plan::naming::short_hash;
use crate::plan::observation::{Found, Observed, State};
use crate::plan::resolve::Origin;

impl Planner<'_> {
    pub(super) fn compare(
        &self,
        kind: &dyn Kind,
        want: &Want,
        derived: &[(String, Origin)],
        instance: &Instance,
        action: &mut Action,
    ) {
        let scope = self.input.scope;
        let desired = kind.desired(scope, want, &instance.key);
        let secrets = secrets(kind, want);
        let hidden = Hidden::of(&want.properties, &|path| is_secret(&secrets, path));
        action.hidden.extend(&hidden);
        let fingerprint = short_hash(&Json::Object(desired.clone()).to_string());
        action.fingerprint.push_str(&fingerprint);
        let observed = match &instance.found {
            Found::Unknown(reason) => {
                action.block(format!("could not be read: {reason}"));
                return;
            }
            Found::Absent => None,
            Found::Present(observed) => Some(observed.as_ref()),
        };
        let Some(observed) = observed else {
            let tags = self.tag_work(kind, want, &instance.key, None);
            action.verb = action.verb.max(Verb::Create);
            for (path, value) in &desired {
                let to = diff::mask(path, value, &|path| is_secret(&secrets, path));
                let mut change =
                    Change { path: path.clone(), from: Json::Null, to, to_unknown: None, cause: Cause::Spec };
                hidden.scrub(&mut change);
                action.changes.push(change);
            }
            action.unknowns(want);
            if want.unknown.is_empty() {
                let work = Work {
                    scope,
                    want,
                    key: &instance.key,
                    desired: &desired,
                    observed: None,
                    changes: &[],
                    tags: &tags,
                };
                action.act(kind.create_from(work, self.input.world));
            } else {
                action.wait_for(want);
            }
            return;
        };
        action.physical_id = Some(match action.physical_id.take() {
            Some(before) => format!("{before},{}", observed.physical_id),
            None => observed.physical_id.clone(),
        });
        if let Err(reason) = self.owned(kind, want, observed) {
            action.block(reason);
            return;
        }
        let says = |property: &str| want.properties.contains_key(property) || want.unknown_below(property).is_some();
        if let Some((property, reason)) = observed.unread.iter().find(|(property, _)| says(property)) {
            action.block(format!("`{property}` could not be read: {reason}"));
            return;
        }
        let secrets: BTreeSet<String> = secrets.into_iter().chain(kind.secrets_seen(observed)).collect();
        let mut desired = desired;
        let mut seen = observed.properties.clone();
        kind.align(scope, want, &mut desired, &mut seen, observed);
        for path in want.unknown.keys().map(String::as_str).chain(observed.unread.keys().copied()) {
            diff::remove_path(&mut desired, diff::head(path));
            diff::remove_path(&mut seen, diff::head(path));
        }
        for claim in &self.claims {
            if claim.type_name == kind.type_name() && claim.key == instance.key {
                diff::remove_path(&mut desired, &claim.path);
                diff::remove_path(&mut seen, &claim.path);
            }
        }
        // Somebody else keeps it: what is written for the sake of something else says what is there.
        for ignored in &want.resource.ignore_drift {
            diff::keep(&mut desired, &seen, ignored);
        }
        let mut differences = diff::diff(&desired, &seen);
        let outlived = kind.outlived(observed, self.input.world);
        let plain: BTreeSet<String> = differences.iter().map(|(path, ..)| path.clone()).collect();
        differences.extend(outlived.into_iter().filter(|(path, ..)| !plain.contains(path)));
        differences
            .retain(|(path, _, _)| !want.resource.ignore_drift.iter().any(|ignored| diff::is_below(path, ignored)));
        let replace =
            differences.iter().find(|(path, from, to)| kind.replaces(path, from, to)).map(|(path, _, _)| path.clone());
        // What the code was made from the mark knows, also where this process remembers nothing.
        let made_from = observed.marks.as_ref().and_then(|marks| marks.code.as_ref()).map(|mark| &mark.content);
        let same_code = made_from.is_some()
            && made_from == kind.code_mark(scope, want, Some(observed), self.input.world).map(|m| m.content).as_ref();
        let cause = |path: &str| match self.cause(action.id.as_str(), &fingerprint, derived, path) {
            Cause::Spec if same_code && self.input.previous.is_none() && diff::is_below(path, "Code") => Cause::Drift,
            cause => cause,
        };
        let changes: Vec<Change> = differences
            .into_iter()
            .map(|(path, from, to)| Change {
                from: mask_observed(&path, &from, &to, &secrets),
                to: diff::mask(&path, &to, &|path| is_secret(&secrets, path)),
                to_unknown: None,
                cause: cause(&path),
                path,
            })
            .collect();
        let tags = self.tag_work(kind, want, &instance.key, Some(observed));
        let work = Work {
            scope,
            want,
            key: &instance.key,
            desired: &desired,
            observed: Some(observed),
            changes: &changes,
            tags: &tags,
        };
        let steps = match &replace {
            Some(path) => {
                action.verb = Verb::Replace;
                action.reason = Some(format!("`{}` can only be given at creation", hidden.text(path)));
                match self.may_replace(kind, want, observed) {
                    Ok(()) => kind.delete(scope, observed),
                    Err(reason) => {
                        action.block(reason);
                        Vec::new()
                    }
                }
            }
            None => {
                let mut steps = if tags.is_empty() { Vec::new() } else { kind.retag(scope, observed, &tags) };
                if !changes.is_empty() {
                    steps.extend(kind.update(work));
                }
                steps
            }
        };
        if replace.is_none() && !changes.is_empty() {
            action.loses = kind.loses(&desired, observed);
        }
        let tag_changes = tag_changes(observed, &tags, secrets.iter().any(|path| diff::head(path) == "Tags"));
        if replace.is_none() && (!changes.is_empty() || !tag_changes.is_empty()) {
            action.verb = action.verb.max(Verb::Update);
        }
        let shown = changes.into_iter().chain(tag_changes).map(|mut change| {
            hidden.scrub(&mut change);
            change
        });
        action.changes.extend(shown);
        action.unknowns(want);
        match &observed.state {
            State::Pending { reason } => action.wait(format!("settling: {reason}")),
            State::Failed { reason } if action.verb == Verb::None => {
                action.block(format!("AWS reports it failed: {reason}"))
            }
            _ if !want.unknown.is_empty() => action.wait_for(want),
            _ => action.act(steps),
        }
    }

    fn cause(&self, id: &str, fingerprint: &str, derived: &[(String, Origin)], path: &str) -> Cause {
        let mut origins = derived.iter().filter(|(at, _)| diff::is_below(at, diff::head(path))).map(|(_, from)| from);
        let changes = |origin: &Origin| match origin {
            Origin::Resource(id) => self
                .done
                .get(id.as_str())
                .and_then(|planned| self.plan.actions.get(planned.action))
                .is_some_and(|action| action.verb != Verb::None),
            Origin::Export(_) => false,
        };
        if origins.clone().any(changes) {
            return Cause::Dependency;
        }
        match self.input.previous.and_then(|previous| previous.get(id)) {
            Some(previous) if previous.contains(fingerprint) => Cause::Drift,
            Some(_) if origins.any(|origin| matches!(origin, Origin::Export(_))) => Cause::Dependency,
            _ => Cause::Spec,
        }
    }

    /// Whether evenkeel may write to a real resource that has the wanted name.
    fn owned(&self, kind: &dyn Kind, want: &Want, observed: &Observed) -> Result<(), String> {
        let Scope { source, app, env, .. } = self.input.scope;
        let id = want.id();
        match &observed.marks {
            Some(marks) if marks.is_at_home(source, app, env.as_deref()) => {
                let other = &marks.id;
                let taken = other != id
                    && self
                        .input
                        .desired
                        .resources
                        .get(other)
                        .is_some_and(|resource| resource.type_name == want.resource.type_name)
                    && want.resource.renamed_from.as_deref() != Some(other);
                if taken {
                    Err(format!("`{}` already belongs to `{other}` of the same application", observed.physical_id))
                } else {
                    Ok(())
                }
            }
            Some(marks) => Err(format!("`{}` belongs to {}", observed.physical_id, marks.owner())),
            None if kind.adopts_unmarked(self.input.scope, want, self.input.world) => Ok(()),
            // evenkeel let go of it, and nobody has taken it since.
            None if self.was_ours(id, observed) => Ok(()),
            None => Err(format!(
                "`{}` exists and is not evenkeel's; to take it over: evenkeel adopt {app}/{id}{}",
                observed.physical_id,
                env.as_deref().map(|env| format!(" --env {env}")).unwrap_or_default()
            )),
        }
    }

    fn was_ours(&self, id: &str, observed: &Observed) -> bool {
        let Scope { source, app, env, .. } = self.input.scope.clone();
        let left = Marks { source, app, env, id: id.to_owned(), ..Marks::default() }.released();
        let tags = observed.tags.as_ref();
        left.iter().any(|(key, value)| tags.and_then(|tags| tags.get(key)) == Some(value))
    }

    fn may_replace(&self, kind: &dyn Kind, want: &Want, observed: &Observed) -> Result<(), String> {
        if let Some(reason) = self.input.no_deletes {
            return Err(reason.to_owned());
        }
        if let Some(risk) = kind.data_at_risk(observed) {
            return Err(format!("must be replaced, but {risk}"));
        }
        if let Some(holder) = kind.held_by(observed, self.input.world) {
            return Err(format!("must be replaced, but {holder}"));
        }
        if want.resource.update_replace_policy == Some(DeletionPolicy::Retain) {
            return Err(format!(
                "must be replaced, but its UpdateReplacePolicy is Retain and a new one cannot have the same name: give it another name, or delete `{}` by hand",
                observed.physical_id
            ));
        }
        Ok(())
    }
}

fn secrets(kind: &dyn Kind, want: &Want) -> BTreeSet<String> {
    want.secrets.iter().cloned().chain(kind.secret_paths(want)).collect()
}

fn is_secret(secrets: &BTreeSet<String>, path: &str) -> bool {
    secrets.iter().any(|secret| diff::is_below(path, secret))
}

/// An observed value is shown only where the spec does not call it secret; an environment value only where the spec
/// holds the same plain text: whatever else is in an environment may be a secret that somebody put there by hand.
fn mask_observed(path: &str, from: &Json, to: &Json, secrets: &BTreeSet<String>) -> Json {
    let environment = |at: &str| diff::is_below(at, "Environment.Variables") && at != "Environment.Variables";
    let within = |at: &str| is_secret(secrets, at) || (environment(at) && from != to);
    if diff::is_below("Environment.Variables", path) && !from.is_null() {
        return diff::mask(path, from, &|at| is_secret(secrets, at) || environment(at));
    }
    diff::mask(path, from, &within)
}
