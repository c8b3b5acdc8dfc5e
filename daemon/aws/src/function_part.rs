//! What the parts of a function share: permissions, URLs and settings for asynchronous calls carry no tags, so they
//! belong to whoever owns their function, and their keys begin with its name.

pub(crate) mod api;

use std::collections::BTreeSet;

use evenkeel_core::plan::kind::{Located, Parent, Scope, Want};
use evenkeel_core::plan::observation::marker;
use evenkeel_core::plan::{Ask, Choice, Found, Marks, Observation, Observed, Pace, Reading, Seen};
use futures::StreamExt as _;

use crate::function_ref::FunctionRef;
use crate::reading::CONCURRENCY;

/// The type whose table holds the parents.
pub(crate) const FUNCTION: &str = "AWS::Lambda::Function";

/// Joins a function's name and what tells the part apart among its siblings.
pub(crate) fn key(function: &str, rest: &[&str]) -> String {
    let mut out = function.to_owned();
    for part in rest {
        out.push('|');
        out.push_str(part);
    }
    out
}

/// The function's name in a key.
pub(crate) fn function_of(key: &str) -> &str {
    key.split('|').next().unwrap_or(key)
}

/// The second part of a key: a version or an alias; empty where there is none.
pub(crate) fn qualifier_of(key: &str) -> &str {
    key.split('|').nth(1).unwrap_or("")
}

/// The parent of a part.
pub(crate) fn parent(key: &str, part: &'static str) -> Parent {
    Parent { type_name: FUNCTION, key: function_of(key).to_owned(), part }
}

/// The function that a property names, or what the property waits for.
pub(crate) fn named(want: &Want, property: &str, qualifier: Option<&str>) -> Result<FunctionRef, Located> {
    for property in [Some(property), qualifier].into_iter().flatten() {
        if let Some(unknown) = want.unknown_below(property) {
            return Err(Located { waits: Some(unknown.clone()), ..Located::default() });
        }
    }
    let named = want.text(property).and_then(FunctionRef::parse);
    let qualifier = qualifier.and_then(|property| want.text(property));
    named.map(|named| named.with_qualifier(qualifier)).ok_or_else(Located::default)
}

/// Why a part cannot be made where the spec wants it: the function belongs to somebody else, or lies elsewhere.
pub(crate) fn refuses(scope: &Scope, want: &Want, property: &str, world: &Observation) -> Option<String> {
    let Some(text) = want.text(property) else {
        return want.unknown_below(property).is_none().then(|| format!("`{property}` names no function"));
    };
    let Some(named) = FunctionRef::parse(text) else {
        return Some(format!("`{property}` names no function: `{text}`"));
    };
    if !named.is_here(scope) {
        return Some(format!("function `{text}` is in another account or region than this application"));
    }
    let function = world.table(FUNCTION).get(&named.name)?;
    let Some(marks) = &function.marks else {
        return Some(format!(
            "function `{}` exists and is not evenkeel's: what is part of a function belongs with it",
            named.name
        ));
    };
    (!marks.is_at_home(&scope.source, &scope.app, scope.env.as_deref())).then(|| {
        format!("function `{}` belongs to {}: what is part of a function belongs with it", named.name, marks.owner())
    })
}

/// Marks of a part: its function's owner, and the part's own id where it can be told.
pub(crate) fn marks(world: &Observation, function: &str, id: Option<&str>) -> Option<Marks> {
    let owner = world.table(FUNCTION).get(function)?.marks.as_ref()?;
    Some(Marks {
        source: owner.source.clone(),
        app: owner.app.clone(),
        env: owner.env.clone(),
        id: id.unwrap_or(&owner.id).to_owned(),
        parent: Some(owner.parent.clone().unwrap_or_else(|| owner.id.clone())),
        ..Marks::default()
    })
}

/// The functions whose parts a sweep reads: those that the spec gives such a part, and those whose marks say that they
/// have some.
pub(crate) fn functions_to_read(ask: &Ask<'_>, part: &str) -> BTreeSet<String> {
    let mut out: BTreeSet<String> = ask.wanted.iter().map(|key| function_of(key).to_owned()).collect();
    if let Reading::Only(keys) = ask.reading {
        return keys.iter().map(|key| function_of(key).to_owned()).collect();
    }
    // What is not there has no parts; asking would cost a call for each from the small bucket.
    out.retain(|function| !matches!(ask.world.table(FUNCTION).look(function), Found::Absent));
    for function in ask.world.table(FUNCTION).items() {
        let has = function.marks.as_ref().is_some_and(|marks| marks.parts.iter().any(|word| is_word(word, part)));
        if has {
            out.insert(function.key.clone());
        }
    }
    out
}

/// Whether a word of the parts mark is `part`, or `part:QUALIFIER`.
fn is_word(word: &str, part: &str) -> bool {
    word.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

/// The word that a part leaves in its function's mark: `permission`, or `permission:live` for one of an alias.
pub(crate) fn word(part: &str, qualifier: &str) -> String {
    if qualifier.is_empty() { part.to_owned() } else { format!("{part}:{qualifier}") }
}

/// Qualifiers that the marks of a function name for a part; the empty one is the function itself.
pub(crate) fn marked_qualifiers(world: &Observation, function: &str, part: &str) -> BTreeSet<String> {
    let parts = world.table(FUNCTION).get(function).and_then(|function| function.marks.as_ref());
    parts
        .into_iter()
        .flat_map(|marks| &marks.parts)
        .filter(|word| is_word(word, part))
        .map(|word| word.split_once(':').map_or(String::new(), |(_, qualifier)| qualifier.to_owned()))
        .collect()
}

/// Why a sweep over parts cannot say that one is absent: the functions themselves were not all seen.
pub(crate) fn sweep_failure(ask: &Ask<'_>) -> Option<String> {
    let functions = ask.world.table(FUNCTION);
    (matches!(ask.reading, Reading::Sweep) && !functions.is_complete()).then(|| {
        let why = functions.failure().unwrap_or("not looked at yet");
        format!("the functions could not be listed: {why}")
    })
}

/// Reads the parts of all functions that matter: `list` gives those of one function, all of them or the reason why
/// not.
pub(crate) async fn observe<F, Fut>(ask: Ask<'_>, type_name: &str, part: &str, pace: Pace, list: F) -> Seen
where
    F: Fn(String) -> Fut,
    Fut: Future<Output = Result<Vec<Observed>, String>>,
{
    let mut seen = Seen { failure: sweep_failure(&ask), ..Seen::default() };
    let asked = match ask.reading {
        Reading::Only(keys) => keys,
        Reading::Sweep => ask.wanted,
    };
    let functions = functions_to_read(&ask, part);
    let mut choice = match ask.reading {
        Reading::Only(_) => Choice::only(functions),
        Reading::Sweep => {
            let marked = functions.into_iter().map(|function| {
                let marker = function_marker(&ask, &function);
                (function, marker)
            });
            ask.choose_groups(type_name, marked, pace, Some('|'))
        }
    };
    let mut answers = futures::stream::iter(choice.read.clone())
        .map(|function| {
            let answer = list(function.clone());
            async move { (function, answer.await) }
        })
        .buffer_unordered(CONCURRENCY);
    while let Some((function, answer)) = answers.next().await {
        let asked = keys_of(asked, &function);
        match answer {
            Ok(items) => {
                let there: BTreeSet<&str> = items.iter().map(|item| item.key.as_str()).collect();
                seen.absent.extend(asked.filter(|key| !there.contains(key.as_str())).cloned());
                seen.items.extend(items);
            }
            Err(reason) => {
                choice.unread(&function);
                seen.failed.extend(asked.map(|key| (key.clone(), reason.clone())));
                // Parts that no spec wants any more have no key here: what is not known of this function must be told, or
                // they would be taken for gone.
                seen.failed.push((function, reason));
            }
        }
    }
    drop(answers);
    choice.noted(seen)
}

/// A marker of a function's parts, which no listing shows: whose the function is, its revision (which moves with some of
/// them), and which parts the spec asks for.
fn function_marker(ask: &Ask<'_>, function: &str) -> u64 {
    let owner = ask.world.table(FUNCTION).get(function);
    let asked: Vec<&String> = keys_of(ask.wanted, function).collect();
    marker((owner.map(|owner| format!("{:?} {:?}", owner.marks, owner.revision)), asked))
}

/// Keys of a function's parts.
fn keys_of<'a>(keys: &'a BTreeSet<String>, function: &str) -> impl Iterator<Item = &'a String> {
    let first = key(function, &[""]);
    keys.range(first.clone()..).take_while(move |key| key.starts_with(&first))
}

/// How fast to read again what costs a call of the small bucket that most of Lambda's calls share: the listing of the
/// functions takes most of ten seconds of it where they are thousands, and no kind takes more than a quarter of the rest.
pub(crate) fn lambda_pace(world: &Observation) -> Pace {
    const SWEEP: usize = 150;
    let pages = world.table(FUNCTION).items().count() / 50;
    Pace::Slow { at_most: (SWEEP.saturating_sub(pages) / 4).max(10) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::planning::{scope, want};

    fn world(app: &str, parts: &[&str]) -> Observation {
        let mut function = Observed::new("charge", "charge");
        function.marks = Some(Marks {
            source: "default".into(),
            app: app.into(),
            id: "charge".into(),
            parts: parts.iter().map(|part| (*part).to_owned()).collect(),
            ..Marks::default()
        });
        let mut world = Observation::new();
        world.swept(FUNCTION, Seen { items: vec![function], ..Seen::default() });
        world
    }

    #[test]
    fn a_part_of_somebody_elses_function_is_refused() {
        let want = want("url", "AWS::Lambda::Url", json!({"TargetFunctionArn": "charge"}));
        assert_eq!(refuses(&scope(), &want, "TargetFunctionArn", &world("shop", &[])), None);
        assert_eq!(refuses(&scope(), &want, "TargetFunctionArn", &Observation::new()), None);
        let reason = refuses(&scope(), &want, "TargetFunctionArn", &world("bank", &[]));
        assert!(reason.is_some_and(|reason| reason.contains("of bank")));
    }

    #[test]
    fn a_sweep_reads_functions_that_are_wanted_or_marked() {
        let wanted = BTreeSet::from(["pay||sid".to_owned(), "gone||sid".to_owned()]);
        let mut world = world("shop", &["permission:live", "url"]);
        world.refreshed(FUNCTION, Seen { items: vec![Observed::new("pay", "pay")], ..Seen::default() });
        let ask = Ask { reading: Reading::Sweep, wanted: &wanted, world: &world };
        assert_eq!(functions_to_read(&ask, "permission"), BTreeSet::from(["charge".to_owned(), "pay".to_owned()]));
        assert_eq!(functions_to_read(&ask, "invoke"), BTreeSet::from(["pay".to_owned()]));
        assert_eq!(marked_qualifiers(&world, "charge", "permission"), BTreeSet::from(["live".to_owned()]));
        assert_eq!(marked_qualifiers(&world, "charge", "url"), BTreeSet::from([String::new()]));
    }

    #[test]
    fn parts_are_not_known_to_be_absent_while_functions_are_not_known() {
        let none = BTreeSet::new();
        let mut world = Observation::new();
        world.swept(FUNCTION, Seen { failure: Some("throttled".into()), ..Seen::default() });
        let ask = Ask { reading: Reading::Sweep, wanted: &none, world: &world };
        assert_eq!(sweep_failure(&ask), Some("the functions could not be listed: throttled".into()));
    }

    const URL: &str = "AWS::Lambda::Url";

    /// Writes of a plan without any part, and its action's ids, for a function of ours with a URL that its mark names so.
    fn without_url(word: &str) -> (Vec<&'static str>, Vec<String>) {
        let mut world = world("shop", &["url", word]);
        let answer = json!({"AuthType": "NONE", "FunctionUrl": "https://x/",
            "FunctionArn": "arn:aws:lambda:eu-west-1:111122223333:function:charge"});
        let url = crate::url::observed(&world, &answer).unwrap();
        world.swept(URL, Seen { items: vec![url], ..Seen::default() });
        let plan = crate::planning::plan_of(&[std::sync::Arc::new(crate::url::Url)], &[], &world);
        let ids = plan.actions.iter().map(|action| action.id.clone()).collect();
        (crate::planning::writes(&plan).into_iter().map(|(operation, _)| operation).collect(), ids)
    }

    #[test]
    fn a_part_that_left_the_spec_goes_under_its_own_id_and_stays_where_it_was_to_be_retained() {
        let word = |retained| evenkeel_core::plan::marks::child_word(URL, "charge|", "door", retained);
        assert_eq!(without_url(&word(false)), (vec!["DeleteFunctionUrlConfig"], vec!["door".to_owned()]));
        assert_eq!(without_url(&word(true)), (vec![], vec![]));
    }

    #[test]
    fn a_url_of_a_function_that_is_retained_does_not_stay_open() {
        let word = evenkeel_core::plan::marks::child_word(URL, "charge|", "door", false);
        let mut world = world("shop", &["url", &word]);
        let mut function = Observed::clone(world.table(FUNCTION).get("charge").unwrap());
        let mut marks = function.marks.clone().unwrap();
        marks.policy = Some("Retain".into());
        function.tags = Some(marks.to_tags());
        function.marks = Some(marks);
        world.swept(FUNCTION, Seen { items: vec![function], ..Seen::default() });
        let answer = json!({"AuthType": "NONE", "FunctionUrl": "https://x/",
            "FunctionArn": "arn:aws:lambda:eu-west-1:111122223333:function:charge"});
        let url = crate::url::observed(&world, &answer).unwrap();
        world.swept(URL, Seen { items: vec![url], ..Seen::default() });
        let operations = |world: &Observation| {
            let plan = crate::planning::plan_desired(&crate::kinds::kinds(), &crate::planning::nothing(), world);
            crate::planning::writes(&plan).into_iter().map(|(operation, _)| operation).collect::<Vec<_>>()
        };
        assert_eq!(operations(&world), ["DeleteFunctionUrlConfig"]);
        world.swept(URL, Seen::default());
        assert_eq!(operations(&world), ["TagResource", "UntagResource"]);
    }

    #[test]
    fn a_functions_mark_tells_the_id_and_the_policy_of_its_parts() {
        use evenkeel_core::model::resource::{DeletionPolicy, Desired};
        let resource = |id, type_name, properties| crate::planning::resource(id, type_name, &properties);
        let code = json!({"FunctionName": "charge", "Code": {"S3Bucket": "b", "S3Key": "k"}, "Role": "arn:r"});
        let permission = json!({"FunctionName": {"Ref": "charge"}, "Action": "lambda:*", "Principal": "*"});
        let mut retained = resource("rule", "AWS::Lambda::Permission", permission.clone());
        retained.deletion_policy = Some(DeletionPolicy::Retain);
        let all = [
            resource("charge", FUNCTION, code),
            resource("door", URL, json!({"TargetFunctionArn": {"Ref": "charge"}, "AuthType": "NONE"})),
            retained,
            resource("other", "AWS::Lambda::Permission", permission),
        ];
        let desired = Desired {
            resources: all.into_iter().map(|one| (one.id.clone(), one)).collect(),
            ..crate::planning::nothing()
        };
        let world = crate::planning::world([(FUNCTION, vec![])]);
        let plan = crate::planning::plan_desired(&crate::kinds::kinds(), &desired, &world);
        let (_, input) = crate::planning::writes(&plan).remove(0);
        let parts = input["Tags"]["evenkeel:parts"].as_str().unwrap_or_default();
        let children: Vec<&str> = parts.split(' ').filter(|word| word.starts_with("child/")).collect();
        assert_eq!(children.len(), 2, "a statement tells its id itself: {parts}");
        assert!(children.iter().any(|word| word.ends_with("/door")), "{parts}");
        assert!(children.iter().any(|word| word.ends_with("/rule/Retain")), "{parts}");
    }
}
