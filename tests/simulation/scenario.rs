//! One run: a time of chaos, then a time in which everything must come right.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use evenkeel::observe;
use evenkeel_core::plan::{ApplyError, Marks, Plan, Standing, Tags, Verb};
use fastrand::Rng;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::aws::{At, Aws, Faults, Thing};
use crate::kinds::{ALIAS, FUNCTION, LAYER, LOG, MAPPING, POLICY, QUEUE, ROLE};
use crate::process::{self, Desk, Killed, tell};
use crate::reach;
use crate::specs::App;

/// What a run came to.
#[derive(Debug, Default)]
pub struct Outcome {
    pub violations: Vec<String>,
    pub log: Vec<String>,
    pub writes: u64,
    pub reads: u64,
    pub starts: u64,
}

/// Runs one seed.
pub async fn run(seed: u64, wordy: bool) -> Outcome {
    let mut rng = Rng::with_seed(seed);
    let faults = chaos(&mut rng);
    let stale_for = faults.stale_for;
    let aws = Aws::new(rng.u64(..), faults, wordy);
    // What was seen may be as old as reads are stale, and then a turn goes by it.
    aws.truth().knowledge = stale_for + Duration::from_secs(100);
    let desk = Desk::new([App::new("shop", &mut rng), App::new("bank", &mut rng)]);
    let starts = hard_times(&aws, &desk, &mut rng).await;
    if aws.truth().violations.is_empty() {
        one_fails_for_ever(&aws, &desk).await;
    }
    if aws.truth().violations.is_empty() {
        come_right(&aws, &desk).await;
    }
    if aws.truth().violations.is_empty() {
        stay_quiet(&aws, &desk).await;
    }
    let truth = aws.truth();
    Outcome {
        violations: truth.violations.clone(),
        log: truth.log().to_vec(),
        writes: truth.writes,
        reads: truth.reads,
        starts,
    }
}

fn chaos(rng: &mut Rng) -> Faults {
    let some = |rng: &mut Rng, most: u32| if rng.bool() { rng.u32(0..=most) } else { 0 };
    Faults {
        throttled: some(rng, 20),
        lost_before: some(rng, 15),
        lost_after: some(rng, 25),
        unread: some(rng, 8),
        page: some(rng, 10),
        stale: some(rng, 50),
        stale_for: Duration::from_secs([0, 5, 20, 60][rng.usize(0..4)]),
        outage: None,
        cursed: None,
        settling: Duration::from_secs(rng.u64(0..20)),
        lag: Duration::from_secs(rng.u64(0..30)),
        call_ms: [10, 300, 2_000][rng.usize(0..3)],
    }
}

/// Random edits, faults, hands and crashes; tells how often the process started.
async fn hard_times(aws: &Aws, desk: &Desk, rng: &mut Rng) -> u64 {
    let end = Instant::now() + Duration::from_secs(rng.u64(60..300));
    let mut starts = 0;
    while Instant::now() < end {
        starts += 1;
        aws.truth().note(|| "the process starts".to_owned());
        let polls = if rng.bool() { rng.u64(1..600) } else { u64::MAX };
        let killed = Killed { process: Box::pin(process::run(aws.clone(), desk.clone())), polls };
        let life = Duration::from_millis(rng.u64(100..200_000)).min(end - Instant::now());
        let director = async {
            loop {
                sleep(Duration::from_millis(rng.u64(100..30_000))).await;
                happen(aws, desk, rng);
            }
        };
        tokio::select! {
            biased;
            () = killed => {}
            () = director => {}
            _ = timeout(life, std::future::pending::<()>()) => {}
        }
        aws.truth().note(|| "the process is killed".to_owned());
        sleep(Duration::from_millis(rng.u64(1..5_000))).await;
    }
    starts
}

/// Something happens to the specs or to the world.
fn happen(aws: &Aws, desk: &Desk, rng: &mut Rng) {
    match rng.u32(0..12) {
        0..=4 => {
            let at = rng.usize(0..2);
            let what = desk.papers().apps[at].edit(rng);
            aws.truth().note(|| format!("edit of application {at}: {what}"));
            desk.edited(at);
        }
        5 => {
            let types = [None, Some(FUNCTION), Some(QUEUE), Some(LAYER), Some(ALIAS), Some(MAPPING), Some(LOG)];
            let outage = types[rng.usize(0..types.len())];
            aws.truth().faults.outage = outage;
            aws.truth().note(|| format!("outage: {outage:?}"));
        }
        6 => {
            let at = rng.usize(0..2);
            let papers = desk.papers();
            let ids: Vec<&String> = papers.apps[at].resources.keys().collect();
            let error = match rng.u32(0..5) {
                3 => ApplyError::Wait {
                    reason: "it never settles".to_owned(),
                    retry_after: Duration::from_secs(5),
                    patience: Duration::from_secs(100),
                },
                0 => ApplyError::Refused("it is cursed".to_owned()),
                1 => ApplyError::Denied("you are not authorised".to_owned()),
                2 => ApplyError::Conflict("it is cursed".to_owned()),
                _ => ApplyError::Uncertain("it is cursed".to_owned()),
            };
            let cursed = rng.choice(ids).map(|id| (papers.apps[at].name.to_owned(), id.clone(), error));
            aws.truth().note(|| format!("cursed: {cursed:?}"));
            aws.truth().faults.cursed = cursed;
        }
        7 => {
            // A person reads what is blocked, and allows it.
            let at = rng.usize(0..2);
            let mut papers = desk.papers();
            let digest = papers.plans[at].as_ref().and_then(|plan| process::permit(aws, plan));
            papers.allowed[at].extend(digest.clone());
            drop(papers);
            aws.truth().note(|| format!("allowed for application {at}: {digest:?}"));
            desk.edited(at);
        }
        _ => by_hand(aws, desk, rng),
    }
}

fn by_hand(aws: &Aws, desk: &Desk, rng: &mut Rng) {
    let mut truth = aws.truth();
    let now = Instant::now();
    let there: Vec<At> = truth.all().map(|(at, _)| at.clone()).collect();
    let foreign = Marks { source: "default".into(), app: "other".into(), id: "x".into(), ..Marks::default() };
    let thing = |tags: Tags| {
        let properties = json!({"Size": 9, "Code": 9, "Mode": 1}).as_object().cloned().unwrap_or_default();
        Thing { properties, tags, settled_at: now, usable_at: now, gone_at: None, messages: 0 }
    };
    if rng.u32(0..4) == 0 {
        // Something of somebody else's, under a name that a spec may want.
        let papers = desk.papers();
        let app = &papers.apps[rng.usize(0..2)];
        let named = app.resources.iter().filter(|(_, w)| [FUNCTION, QUEUE, LOG].contains(&w.type_name));
        let Some((id, written)) = rng.choice(named.collect::<Vec<_>>()) else { return };
        let key = written.name.clone().unwrap_or_else(|| format!("{}-{id}", app.name));
        let at = (written.type_name, key);
        if truth.get(&at).is_none() {
            truth.note(|| format!("by hand: {at:?} is made by somebody else"));
            let tags = if rng.bool() { foreign.to_tags() } else { Tags::new() };
            truth.put(&at, Some(thing(tags)));
        }
        return;
    }
    let Some(at) = rng.choice(there) else { return };
    let Some(mut thing) = truth.get(&at).cloned() else { return };
    match rng.u32(0..6) {
        0 if at.0 != LOG => {
            truth.note(|| format!("by hand: {at:?} is deleted"));
            truth.remove(&at);
            return;
        }
        1 if ![ALIAS, LAYER].contains(&at.0) => {
            truth.note(|| format!("by hand: {at:?} loses its marks"));
            thing.tags.clear();
        }
        2 if at.0 == QUEUE => {
            thing.messages = u64::from(thing.messages == 0);
            truth.note(|| format!("by hand: {at:?} holds {} messages", thing.messages));
        }
        3 if ![LAYER, ALIAS].contains(&at.0) => {
            truth.note(|| format!("by hand: {at:?} gets a tag"));
            thing.tags.insert("team".into(), "9".into());
            thing.tags.insert("foreign".into(), "yes".into());
        }
        _ if at.0 != LAYER => {
            truth.note(|| format!("by hand: {at:?} drifts"));
            thing.properties.insert("Size".into(), json!(7));
            if at.0 == QUEUE {
                thing.properties.insert("Policy".into(), json!({"Statement": "open"}));
            }
        }
        _ => {}
    }
    truth.put(&at, Some(thing));
}

/// Faults stop, but one resource goes on failing, and what belongs to others still stands in the way: what has nothing
/// to do with these comes right.
async fn one_fails_for_ever(aws: &Aws, desk: &Desk) {
    let cursed = aws.truth().faults.cursed.clone();
    aws.truth().note(|| format!("faults stop; cursed: {cursed:?}"));
    aws.truth().faults = Faults { cursed: cursed.clone(), ..Faults::none() };
    let before = aws.truth().writes;
    let process = process::run(aws.clone(), desk.clone());
    drop(timeout(Duration::from_secs(400), process).await);
    let writes = aws.truth().writes - before;
    if writes > 250 {
        aws.truth().violated(format!("{writes} writes in 400 s, because something fails for ever"));
    }
    let papers = desk.papers();
    for (app, plan) in papers.apps.iter().zip(&papers.plans) {
        let Some(plan) = plan else {
            aws.truth().violated(format!("no turn of {} has ended", app.name));
            continue;
        };
        let mut excused: Vec<String> = cursed.iter().filter(|c| c.0 == app.name).map(|c| c.1.clone()).collect();
        let formerly =
            app.resources.iter().filter(|(_, w)| w.renamed_from.as_ref().is_some_and(|id| excused.contains(id)));
        let formerly: Vec<String> = formerly.map(|(id, _)| id.clone()).collect();
        excused.extend(formerly);
        excused.extend(plan.actions.iter().filter(|action| is_for_a_person(action)).map(|action| action.id.clone()));
        let excused = app.dependents(&excused);
        for action in &plan.actions {
            // Whoever waits for ever is told to at last.
            if let Standing::Waiting(reason) = &action.standing
                && (reason.contains("it never settles") || reason.contains("it is cursed"))
            {
                aws.truth().violated(format!("{} waits without an end: {}", action.id, tell(plan)));
            }
            // What the application lets go of waits for a replacement that waits for a person's word.
            let leaves = action.reason.as_ref().is_some_and(|reason| reason.contains("lets go of it"));
            let wanted = app.resources.contains_key(&action.id) && action.verb != Verb::Delete && !leaves;
            if wanted && action.standing != Standing::Ready && !excused.contains(&action.id) {
                let what = format!("{} is held up by what it does not need: {}", action.id, tell(plan));
                aws.truth().violated(what);
                break;
            }
        }
    }
}

/// Whether only a person can go on: what is somebody else's, deletions that are not allowed, data at risk.
fn is_for_a_person(action: &evenkeel_core::plan::Action) -> bool {
    let Standing::Blocked(reason) = &action.standing else { return false };
    let says = ["is not evenkeel's", "belongs to", "somebody else's", "allow exactly this plan", "messages", "needs `"];
    says.iter().any(|part| reason.contains(part))
}

/// A person clears away what stands in the way, and everything is as the specs say.
async fn come_right(aws: &Aws, desk: &Desk) {
    aws.truth().note(|| "a person clears the way".to_owned());
    aws.truth().faults = Faults::none();
    let world = reach::world(aws);
    let apps = desk.papers().apps.clone();
    let mut last: [Option<Plan>; 2] = [None, None];
    for round in 0..40 {
        observe::sweep(&world).await;
        let mut done = true;
        for (at, app) in apps.iter().enumerate() {
            let mut allowed = desk.papers().allowed[at].clone();
            allowed.extend(last[at].as_ref().and_then(|plan| process::permit(aws, plan)));
            let (_stop, stopped) = watch::channel(false);
            let converged = process::turn(aws, &world, app, &allowed, None, &BTreeMap::new(), stopped).await;
            done &= converged.plan.is_converged();
            aws.truth().note(|| format!("{}: {}", app.name, tell(&converged.plan)));
            clear(aws, app, &converged.plan);
            last[at] = Some(converged.plan);
        }
        if done {
            break;
        }
        if round == 39 {
            let plans: Vec<String> = last.iter().flatten().map(tell).collect();
            aws.truth().violated(format!("it does not converge: {}", plans.join(" // ")));
        }
        sleep(Duration::from_secs(30)).await;
    }
    if aws.truth().violations.is_empty() {
        compare(aws, &apps);
    }
}

/// What a person does about a plan that is blocked.
fn clear(aws: &Aws, app: &App, plan: &Plan) {
    let mut truth = aws.truth();
    for action in plan.actions.iter().filter(|action| matches!(action.standing, Standing::Blocked(_))) {
        for (type_name, key) in &action.keys {
            let at = (*type_name, key.clone());
            let Some(mut thing) = truth.get(&at).cloned() else { continue };
            if thing.messages > 0 {
                thing.messages = 0;
                truth.put(&at, Some(thing));
            } else if type_name != &ALIAS && thing.marks().is_none_or(|marks| marks.app != app.name) {
                truth.remove(&at);
            }
        }
    }
}

/// The world against the specs, past the engine: each resource once, as written, and nothing else.
fn compare(aws: &Aws, apps: &[App; 2]) {
    let mut truth = aws.truth();
    let mut wrong = Vec::new();
    for app in apps {
        let mut accounted: BTreeSet<At> = BTreeSet::new();
        for (id, written) in &app.resources {
            let holder = |id: &str, type_name: &str| {
                let owned = |thing: &Thing| thing.marks().is_some_and(|marks| marks.app == app.name && marks.id == id);
                truth.all().filter(|(at, thing)| at.0 == type_name && owned(thing)).map(|(at, _)| at.clone()).collect()
            };
            // What a function that was let go of still uses stays beside its successor.
            let lent = |at: &At| {
                let uses = |user: &Thing| user.text("Role") == at.1 || user.text("Layer") == at.1;
                let foreign = |user: &Thing| user.marks().is_none_or(|marks| marks.app != app.name);
                truth.all().any(|(other, user)| other.0 == FUNCTION && uses(user) && foreign(user))
            };
            let mut found: Vec<At> = match written.type_name {
                ALIAS => {
                    let functions: Vec<At> = holder(&written.refs["Function"], FUNCTION);
                    let keys = functions.into_iter().map(|function| (ALIAS, format!("{}|{id}", function.1)));
                    keys.filter(|at| truth.get(at).is_some()).collect()
                }
                POLICY => holder(&written.refs["Queue"], QUEUE),
                type_name => holder(id, type_name),
            };
            if found.len() > 1 && [ROLE, LAYER].contains(&written.type_name) {
                found.retain(|at| !lent(at));
            }
            let [at] = found.as_slice() else {
                wrong.push(format!("{} {id} is there {} times: {found:?}", app.name, found.len()));
                continue;
            };
            for (name, value) in written.plain() {
                let is = truth.get(at).and_then(|thing| thing.properties.get(&name).cloned()).unwrap_or_default();
                if is != value {
                    wrong.push(format!("{} {id}: {name} is {is} and should be {value}", app.name));
                }
            }
            accounted.insert(at.clone());
        }
        for (at, thing) in truth.all() {
            let owner = match at.0 {
                ALIAS => {
                    // An alias is found through its function's marks: one that these do not name is lost.
                    let (function, name) = at.1.split_once('|').unwrap_or_default();
                    let marks = truth.get(&(FUNCTION, function.to_owned())).and_then(Thing::marks);
                    marks.map(|marks| marks.app).filter(|_| !name.is_empty())
                }
                // What a function uses stays, also where that function was let go of.
                ROLE if truth.all().any(|(other, user)| other.0 == FUNCTION && user.text("Role") == at.1) => None,
                LAYER if truth.all().any(|(other, user)| other.0 == FUNCTION && user.text("Layer") == at.1) => None,
                _ => thing.marks().map(|marks| marks.app),
            };
            if owner.as_deref() == Some(app.name) && !accounted.contains(at) {
                wrong.push(format!("{} has left behind {at:?}", app.name));
            }
        }
    }
    for what in wrong {
        truth.violated(what);
    }
}

/// A process that starts now, and sweeps that follow, write nothing and ask little.
async fn stay_quiet(aws: &Aws, desk: &Desk) {
    aws.truth().note(|| "quiet".to_owned());
    let apps = desk.papers().apps.clone();
    let (writes, reads) = {
        let truth = aws.truth();
        (truth.writes, truth.reads)
    };
    let process = process::run(aws.clone(), desk.clone());
    drop(timeout(Duration::from_secs(200), process).await);
    let mut truth = aws.truth();
    if truth.writes > writes {
        let count = truth.writes - writes;
        truth.violated(format!("{count} writes although everything was as it should be"));
    }
    // Three sweeps: the pages of each listing, and one listing for each function that is wanted or marked.
    let things = truth.all().count();
    let functions: usize = apps.iter().map(|app| app.resources.len()).sum();
    let most = 3 * (9 + things.div_ceil(2) + 3 * functions) as u64;
    if truth.reads - reads > most {
        let count = truth.reads - reads;
        truth.violated(format!("{count} reads in a quiet time, for {things} things"));
    }
}
