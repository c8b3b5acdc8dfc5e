//! Several controllers on the same applications, with a lease between them.

use std::time::Duration;

use evenkeel_tests::{Daemon, Rig, eventually};

/// So many that hashing practically never gives one of two replicas nothing (of five it does so every sixteenth time).
const APPS: [&str; 12] = ["ada", "bob", "cyd", "dan", "eve", "fay", "gus", "hal", "ivy", "jon", "kim", "lea"];
const LEASE: &str = "--lease dynamodb://leases?create=true";
/// How long an edit may take that waits for nobody.
const AN_EDIT: Duration = Duration::from_secs(4);
/// How long one may take that waits until a dead replica's share is taken over.
const TAKEOVER: Duration = Duration::from_secs(34);

fn write(rig: &Rig, app: &str, value: usize) {
    let text = format!(
        "apiVersion: evenkeel.dev/v1\nkind: App\nmetadata: {{name: {app}}}\nspec: {{environments: {{dev: {{}}}}}}\n---\n\
         apiVersion: evenkeel.dev/v1\nkind: Parameter\nmetadata: {{name: word}}\nspec: {{value: 'v{value}'}}\n"
    );
    rig.write(&format!("{app}/app.yaml"), &text);
}

/// The parameter's value, and how often it was written.
async fn word(rig: &Rig, app: &str) -> Option<(String, i64)> {
    let answer = rig.account.ssm.get_parameter().name(format!("/{app}/dev/word")).send().await.ok()?;
    let parameter = answer.parameter()?;
    Some((parameter.value()?.to_owned(), parameter.version()))
}

async fn lands(rig: &Rig, app: &str, value: usize, writes: i64, bound: Duration) -> Duration {
    let wanted = format!("v{value}");
    let what = format!("{app} is {wanted}");
    let (found, took) =
        eventually(&what, bound, async || word(rig, app).await.filter(|(word, _)| *word == wanted)).await;
    if rig.is_hostile("every edit is written once: one whose answer is lost may be written again") {
        assert!(found.1 >= writes, "{app}: {} writes for {writes} edits", found.1);
    } else {
        assert_eq!(found.1, writes, "{app}: every edit is written once");
    }
    took
}

/// The applications that a daemon works on.
async fn share(daemon: &Daemon) -> Vec<&'static str> {
    let status = daemon.status().await;
    APPS.into_iter().filter(|app| status["apps"][format!("{app}/dev")]["ready"] == true).collect()
}

#[tokio::test]
async fn two_daemons_and_single_runs_share_a_hundred_edits_and_one_that_is_killed_loses_none() {
    let rig = Rig::start().await;
    APPS.iter().for_each(|app| write(&rig, app, 0));
    let words = format!("--env dev {LEASE}");
    let first = rig.daemon(&words).await;
    for app in APPS {
        lands(&rig, app, 0, 1, TAKEOVER).await;
    }
    let second = rig.daemon(&words).await;
    let (_, took) = eventually("the second daemon has a share", TAKEOVER, async || {
        let (one, two) = (share(&first).await, share(&second).await);
        let whole = one.len() + two.len() == APPS.len() && one.iter().all(|app| !two.contains(app));
        (whole && !two.is_empty()).then_some(())
    })
    .await;
    println!("a second daemon has its share after {took:?}");

    let mut values = [0; APPS.len()];
    for edit in 1..=90 {
        let which = edit * 7 % APPS.len();
        values[which] += 1;
        write(&rig, APPS[which], values[which]);
        let writes = i64::try_from(values[which]).unwrap() + 1;
        if edit % 30 == 0 {
            // A pipeline that runs beside the daemons is handed the application, and nothing is written twice.
            rig.evenkeel(&format!("reconcile --once SPECS --env dev --app {} {LEASE} --timeout 30", APPS[which]))
                .await
                .exits(0);
        }
        lands(&rig, APPS[which], values[which], writes, AN_EDIT + Duration::from_secs(10)).await;
    }

    let (mut alive, mut dying) = (second, first);
    for round in 0..2 {
        let hers =
            eventually("the one to be killed has a share", TAKEOVER, async || share(&dying).await.first().copied())
                .await
                .0;
        let which = APPS.iter().position(|app| *app == hers).unwrap();
        drop(dying);
        for _ in 0..5 {
            values[which] += 1;
            write(&rig, hers, values[which]);
        }
        // Five edits came while nobody was there: the last one counts, and it is written once.
        let before = word(&rig, hers).await.unwrap().1;
        let took = lands(&rig, hers, values[which], before + 1, TAKEOVER).await;
        println!("round {round}: taken over after {took:?}");
        if round == 1 {
            break;
        }
        dying = alive;
        alive = rig.daemon(&words).await;
        // What was written is not what the count of edits says any more.
    }
    for (app, value) in APPS.iter().zip(values) {
        let found = word(&rig, app).await.unwrap();
        assert_eq!(found.0, format!("v{value}"), "{app}");
    }
    let (code, _) = alive.terminate().await;
    assert_eq!(code, 0);
}

#[tokio::test]
async fn without_the_table_the_sentence_says_how_to_make_it() {
    let rig = Rig::start().await;
    write(&rig, "ada", 0);
    let ran = rig.evenkeel("reconcile --once SPECS --env dev --lease dynamodb://nowhere").await.exits(1);
    ran.says("aws dynamodb create-table --table-name nowhere");
    assert!(word(&rig, "ada").await.is_none());
}
