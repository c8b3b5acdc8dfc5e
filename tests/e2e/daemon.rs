//! The daemon: edits, drift, broken specs, swapped directories, signals.

use std::time::Duration;

use evenkeel_aws::Options;
use evenkeel_aws::lease::LeaseTable;
use evenkeel_tests::hostile::Lasting;
use evenkeel_tests::{Rig, eventually};

use crate::desk;

/// One second is promised; a busy machine gets three.
const AN_EDIT: Duration = Duration::from_secs(3);

async fn timeout(rig: &Rig) -> Option<String> {
    let url = desk::queue_url(rig, "desk-dev-jobs").await;
    let ask = rig.account.sqs.get_queue_attributes().queue_url(url).attribute_names("VisibilityTimeout".into());
    ask.send().await.ok()?.attributes()?.get(&"VisibilityTimeout".into()).cloned()
}

async fn becomes(rig: &Rig, what: &str, wanted: &str) -> Duration {
    let ask = async || timeout(rig).await.filter(|value| value == wanted);
    let (_, took) = eventually(what, AN_EDIT, ask).await;
    println!("{what}: {} ms", took.as_millis());
    took
}

#[tokio::test]
async fn an_edit_is_applied_at_once_and_a_broken_spec_freezes_the_application() {
    let rig = desk::converged().await;
    let daemon = rig.daemon("--env dev").await;
    daemon.ready("desk/dev").await;

    rig.edit("desk/parts.yaml", "visibilityTimeout: 60", "visibilityTimeout: 61");
    becomes(&rig, "an edited spec is applied", "61").await;

    let code = rig.specs().join("desk/worker/app.py");
    let text = std::fs::read_to_string(&code).unwrap();
    std::fs::write(&code, text.replace("{WORD}", "{WORD}!")).unwrap();
    let answer = async || rig.account.invoke("desk-dev-worker").await.ok().filter(|it| it == "\"hello world!\"");
    let (_, took) = eventually("edited code answers", AN_EDIT, answer).await;
    println!("edited code answers: {} ms", took.as_millis());

    rig.edit("desk/parts.yaml", "spec: {visibilityTimeout: 61", "spec: {visibilityTimeout: [61");
    let frozen = daemon.until("desk/dev", "frozen", |report| report["message"].is_string()).await;
    assert_eq!(frozen["ready"], false);
    assert!(frozen["message"].as_str().unwrap().contains("frozen"), "{frozen:#}");
    assert!(!frozen["resources"].as_array().unwrap().is_empty(), "the last good revision is still looked after");
    assert_eq!(timeout(&rig).await.as_deref(), Some("61"));

    rig.edit("desk/parts.yaml", "spec: {visibilityTimeout: [61", "spec: {visibilityTimeout: 62");
    becomes(&rig, "a mended spec is applied", "62").await;
    daemon.ready("desk/dev").await;
    let (code, _) = daemon.terminate().await;
    assert_eq!(code, 0);
}

#[tokio::test]
async fn drift_is_put_right_at_the_next_resync() {
    let rig = desk::converged().await;
    let daemon = rig.daemon("--env dev --resync 1").await;
    daemon.ready("desk/dev").await;
    let url = desk::queue_url(&rig, "desk-dev-jobs").await;
    let drift = rig.account.sqs.set_queue_attributes().queue_url(url).attributes("VisibilityTimeout".into(), "45");
    drift.send().await.unwrap();
    becomes(&rig, "drift is put right", "60").await;
    assert!(daemon.ask("events").await.contains("jobs"), "events tell of it");
}

#[tokio::test]
async fn a_swapped_link_is_a_new_revision_and_a_missing_directory_changes_nothing() {
    let rig = Rig::start().await;
    desk::write(&rig);
    // As git-sync does it: the directory is a link to a revision, and is swapped whole.
    let (link, one, two) = (rig.specs(), rig.path("one"), rig.path("two"));
    std::fs::rename(&link, &one).unwrap();
    std::os::unix::fs::symlink(&one, &link).unwrap();
    let daemon = rig.daemon("--env dev").await;
    daemon.ready("desk/dev").await;

    std::fs::create_dir(&two).unwrap();
    let copied = std::process::Command::new("cp").arg("-r").arg(one.join("desk")).arg(&two).status().unwrap();
    assert!(copied.success());
    let parts = two.join("desk/parts.yaml");
    let text = std::fs::read_to_string(&parts).unwrap().replace("visibilityTimeout: 60", "visibilityTimeout: 63");
    std::fs::write(&parts, text).unwrap();
    std::os::unix::fs::symlink(&two, rig.path("next")).unwrap();
    std::fs::rename(rig.path("next"), &link).unwrap();
    becomes(&rig, "a swapped link is applied", "63").await;

    std::fs::remove_file(&link).unwrap();
    let (problem, _) = eventually("the missing directory is told", AN_EDIT, async || {
        daemon.status().await["problem"].as_str().map(str::to_owned)
    })
    .await;
    assert!(problem.contains("specs"), "{problem}");
    assert_eq!(timeout(&rig).await.as_deref(), Some("63"));
    assert!(rig.account.invoke("desk-dev-worker").await.is_ok());
}

#[tokio::test]
async fn a_daemon_that_is_ended_in_the_middle_leaves_nothing_that_the_next_does_not_finish() {
    let rig = Rig::start().await;
    desk::write(&rig);
    let many: String = (0..60)
        .map(|n| format!("---\napiVersion: evenkeel.dev/v1\nkind: Queue\nmetadata: {{name: many-{n}}}\nspec: {{}}\n"))
        .collect();
    rig.write("desk/many.yaml", &many);
    let queues = async || rig.account.sqs.list_queues().max_results(1000).send().await.unwrap().queue_urls().len();
    let daemon = rig.daemon("--env dev").await;
    eventually("the first queues are there", Duration::from_secs(10), async || (queues().await > 3).then_some(()))
        .await;
    let (code, took) = daemon.terminate().await;
    println!("ended after SIGTERM: {} ms, with {} of 62 queues", took.as_millis(), queues().await);
    assert_eq!(code, 0);
    assert!(took < Duration::from_secs(10), "{took:?}");

    rig.once().await.exits(0);
    assert_eq!(queues().await, 62);
    let subscriptions = rig.account.sns.list_subscriptions().send().await.unwrap();
    assert_eq!(subscriptions.subscriptions().len(), 2, "{subscriptions:?}");
    let mappings = rig.account.lambda.list_event_source_mappings().send().await.unwrap();
    assert_eq!(mappings.event_source_mappings().len(), 1, "{mappings:?}");
    let layers = rig.account.lambda.list_layer_versions().layer_name("desk-dev-shared").send().await.unwrap();
    assert_eq!(layers.layer_versions().len(), 1, "{layers:?}");
    rig.plan().await.exits(0);
}

#[tokio::test]
async fn a_directory_that_is_no_checkout_is_seen_twice_before_anything_goes_and_nothing_else_waits() {
    let rig = desk::converged().await;
    let daemon = rig.daemon("--env dev").await;
    daemon.ready("desk/dev").await;
    let url = desk::queue_url(&rig, "desk-dev-jobs").await;
    let topics = async || rig.account.sns.list_topics().send().await.unwrap().topics().len();

    let edited = std::time::Instant::now();
    rig.write("desk/more.yaml", "apiVersion: evenkeel.dev/v1\nkind: Topic\nmetadata: {name: more}\nspec: {}\n");
    let text = std::fs::read_to_string(rig.specs().join("desk/parts.yaml")).unwrap();
    let kept: Vec<&str> =
        text.split("---\n").filter(|document| !document.contains("metadata: {name: later}")).collect();
    rig.write("desk/parts.yaml", &kept.join("---\n"));
    let (_, took) = eventually("what is new is made", AN_EDIT, async || (topics().await == 2).then_some(())).await;
    println!("what is new is made: {} ms", took.as_millis());

    let later = async || {
        let ask = rig.account.lambda.get_function_event_invoke_config().function_name("desk-dev-worker");
        ask.qualifier("$LATEST").send().await.is_ok()
    };
    assert!(later().await);
    let (_, _) = eventually("what left goes", Duration::from_secs(60), async || (!later().await).then_some(())).await;
    assert!(edited.elapsed() > Duration::from_secs(29), "gone after {:?}", edited.elapsed());
    assert_eq!(desk::queue_url(&rig, "desk-dev-jobs").await, url);
    daemon.ready("desk/dev").await;
    daemon.terminate().await;
}

#[tokio::test]
async fn what_a_commit_holds_and_cannot_be_read_is_not_gone() {
    let rig = desk::converged().await;
    let git = |args: &[&str]| {
        let who = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"];
        let status = std::process::Command::new("git").arg("-C").arg(rig.specs()).args(who).args(args).status();
        assert!(status.unwrap().success(), "{args:?}");
    };
    rig.write(".gitignore", "*.pyc\n__pycache__\n");
    git(&["init", "-q"]);
    git(&["add", "-A"]);
    git(&["commit", "-q", "-m", "first"]);
    let daemon = rig.daemon("--env dev --resync 2").await;
    daemon.ready("desk/dev").await;
    let url = desk::queue_url(&rig, "desk-dev-jobs").await;

    // A clean commit in which what is left of the queue's file is no text: absence in it would be acted on at once.
    let parts = std::fs::read(rig.specs().join("desk/parts.yaml")).unwrap();
    std::fs::write(rig.specs().join("desk/parts.yaml"), b"\xff\xfe").unwrap();
    git(&["commit", "-q", "-a", "-m", "broken"]);
    let frozen = async || {
        let status = daemon.status().await;
        let app = &status["apps"]["desk/dev"];
        app.to_string().contains("cannot be read").then(|| app.to_string())
    };
    let (said, _) = eventually("the application is frozen", AN_EDIT, frozen).await;
    assert!(said.contains("parts.yaml") && said.contains("UTF-8"), "{said}");
    // Turns go on at the last good revision: drift is put right meanwhile.
    let drift = rig.account.sqs.set_queue_attributes().queue_url(&url).attributes("VisibilityTimeout".into(), "45");
    drift.send().await.unwrap();
    becomes(&rig, "drift is put right", "60").await;
    assert_eq!(desk::queue_url(&rig, "desk-dev-jobs").await, url);

    std::fs::write(rig.specs().join("desk/parts.yaml"), parts).unwrap();
    git(&["commit", "-q", "-a", "-m", "mended"]);
    daemon.ready("desk/dev").await;
}

#[tokio::test]
async fn a_second_signal_ends_it_in_the_middle_of_a_write_that_is_not_answered() {
    let mut rig = Rig::start().await;
    if rig.is_hostile("a fault that is switched on and off") {
        return;
    }
    rig.can_fail().await;
    desk::write(&rig);
    rig.fault(Some(Lasting { service: "sqs", operation: "CreateQueue", ..Lasting::default() }));
    let daemon = rig.daemon("--env dev").await;
    eventually("what else there is has been made", Duration::from_secs(20), async || {
        let topics = rig.account.sns.list_topics().send().await.unwrap();
        (!topics.topics().is_empty()).then_some(())
    })
    .await;
    let (code, took) = daemon.terminate_twice().await;
    assert_eq!(code, 130);
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[tokio::test]
async fn a_replica_joins_the_lease_of_the_tree_that_it_reads_and_follows_it_to_another() {
    let rig = Rig::start().await;
    let options = Options {
        region: Some(rig.account.region().to_owned()),
        endpoint_url: rig.account.endpoint_url().map(str::to_owned),
        keys: Some(("test".to_owned(), "test".to_owned())),
        ..Options::default()
    };
    let table = async |source: &str| LeaseTable::connect(options.clone(), "leases", source).await.unwrap();
    table("nobody").await.create().await.unwrap();
    let replicas = async |source: &str| table(source).await.replicas().await.unwrap().len();
    // A clone that is not whole yet: nobody knows whose the applications are.
    rig.write("evenkeel.yaml", "sourceId: [");
    rig.write(
        "ada/app.yaml",
        "apiVersion: evenkeel.dev/v1\nkind: App\nmetadata: {name: ada}\nspec: {environments: {dev: {}}}\n---\n\
         apiVersion: evenkeel.dev/v1\nkind: Parameter\nmetadata: {name: word}\nspec: {value: v}\n",
    );
    let daemon = rig.daemon("--env dev --lease dynamodb://leases").await;
    let bound = Duration::from_secs(20);
    eventually("it says what it waits for", bound, async || daemon.status().await["problem"].is_string().then_some(()))
        .await;
    assert_eq!(replicas("default").await, 0);
    rig.write("evenkeel.yaml", "sourceId: shop\n");
    daemon.ready("ada/dev").await;
    assert_eq!((replicas("default").await, replicas("shop").await), (0, 1));
    rig.write("evenkeel.yaml", "sourceId: mart\n");
    eventually("it shares with those of the other tree", bound, async || {
        ((replicas("shop").await, replicas("mart").await) == (0, 1)).then_some(())
    })
    .await;
    // What carries the first tree's marks is not the other's.
    let report = daemon.until("ada/dev", "another tree's", |report| report["ready"] == false).await;
    println!("{report:#}");
    let (code, _) = daemon.terminate().await;
    assert_eq!(code, 0);
    assert_eq!(replicas("mart").await, 0);
}
