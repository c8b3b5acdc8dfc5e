//! Somebody else undoes what evenkeel does: a person, a script, a second evenkeel with other specs.

use std::time::Duration;

use evenkeel_tests::{Rig, eventually};
use serde_json::Value as Json;

use crate::desk;

/// What was written is not written again within ten seconds: AWS may not show it yet.
const SOON: Duration = Duration::from_secs(30);

async fn memory(rig: &Rig) -> Option<i32> {
    let ask = rig.account.lambda.get_function_configuration().function_name("desk-dev-worker").send().await;
    ask.ok()?.memory_size()
}

fn stalled(report: &Json, id: &str) -> Option<String> {
    let resource = report["resources"].as_array()?.iter().find(|resource| resource["id"] == id)?;
    let conditions = resource["conditions"].as_array()?;
    let stalled = conditions.iter().find(|condition| condition["type"] == "Stalled")?;
    stalled["message"].as_str().map(str::to_owned)
}

/// A copy of the tree in which the function is larger.
fn copy_with_more_memory(rig: &Rig) -> std::path::PathBuf {
    let other = rig.path("other");
    let copied = std::process::Command::new("cp").arg("-r").arg(rig.specs()).arg(&other).status().unwrap();
    assert!(copied.success());
    let parts = other.join("desk/parts.yaml");
    let text = std::fs::read_to_string(&parts).unwrap().replace("memorySize: 256", "memorySize: 512");
    std::fs::write(&parts, text).unwrap();
    other
}

/// Neither of two writers has left half of the function.
async fn is_whole(rig: &Rig) {
    let function =
        rig.account.lambda.get_function_configuration().function_name("desk-dev-worker").send().await.unwrap();
    assert_eq!(function.timeout(), Some(10));
    assert_eq!(rig.account.invoke("desk-dev-worker").await.unwrap(), "\"hello world\"");
}

#[tokio::test]
async fn a_change_that_somebody_undoes_again_and_again_is_left_alone_with_the_reason() {
    let rig = desk::converged().await;
    let daemon = rig.daemon("--env dev --resync 1").await;
    daemon.ready("desk/dev").await;
    let undo = async || {
        let set = rig.account.lambda.update_function_configuration().function_name("desk-dev-worker").memory_size(333);
        set.send().await.unwrap();
    };
    for time in ["first", "second"] {
        undo().await;
        let right = async || memory(&rig).await.filter(|size| *size == 256);
        eventually(&format!("put right for the {time} time"), SOON, right).await;
        daemon.ready("desk/dev").await;
        // The sweep after it sees it as the spec says.
        tokio::time::sleep(Duration::from_millis(1500)).await;
    }
    undo().await;
    let report = daemon.until("desk/dev", "stalled", |report| stalled(report, "worker").is_some()).await;
    let reason = stalled(&report, "worker").unwrap();
    println!("{reason}");
    for word in ["`MemorySize`", "put it right 2 times", "ignore-drift", "CloudTrail"] {
        assert!(reason.contains(word), "{reason:?} does not say {word:?}");
    }
    // It stays so, over sweeps, and all else goes on.
    rig.edit("desk/parts.yaml", "displayName: News", "displayName: Newer");
    let arn = desk::topic_arn(&rig, "desk-dev-news").await;
    let name = async || {
        let answer = rig.account.sns.get_topic_attributes().topic_arn(&arn).send().await.ok()?;
        answer.attributes()?.get("DisplayName").filter(|name| *name == "Newer").cloned()
    };
    eventually("another resource goes on", SOON, name).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(memory(&rig).await, Some(333));
    assert!(stalled(&daemon.status().await["apps"]["desk/dev"], "worker").is_some());
    // A person decides: another spec is another try.
    rig.edit("desk/parts.yaml", "memorySize: 256", "memorySize: 257");
    let edited = async || memory(&rig).await.filter(|size| *size == 257);
    eventually("the edit is applied", SOON, edited).await;
    daemon.ready("desk/dev").await;
    daemon.terminate().await;
}

#[tokio::test]
async fn two_controllers_with_other_specs_for_one_function_do_not_fight_for_ever() {
    let rig = desk::converged().await;
    let one = rig.daemon("--env dev --resync 1").await;
    one.ready("desk/dev").await;
    let other = copy_with_more_memory(&rig);
    let two = rig.daemon_on(&other, "--env dev --resync 1").await;
    let either = async || {
        let (mine, theirs) = (one.status().await, two.status().await);
        [mine, theirs].iter().find_map(|status| stalled(&status["apps"]["desk/dev"], "worker"))
    };
    let (reason, took) = eventually("one of them gives in", Duration::from_secs(90), either).await;
    println!("one gave in after {took:?}: {reason}");
    assert!(reason.contains("`MemorySize`") && reason.contains("a second evenkeel"), "{reason}");
    // And then there is peace: whoever wins, nothing is written any more.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let before = memory(&rig).await;
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(memory(&rig).await, before);
    }
    is_whole(&rig).await;
    one.terminate().await;
    two.terminate().await;
}

#[tokio::test]
async fn single_runs_with_other_specs_beside_a_daemon_without_a_lease_are_not_fought_for_ever() {
    let rig = desk::converged().await;
    let daemon = rig.daemon("--env dev --resync 1").await;
    daemon.ready("desk/dev").await;
    let other = copy_with_more_memory(&rig);
    let single = format!("reconcile --once {} --env dev -o json", other.display());
    let given_up = async || stalled(&daemon.status().await["apps"]["desk/dev"], "worker");
    let mut runs = 0;
    // The daemon may put it right while a run still looks at what it wrote, and the run write again: then the two tries
    // are over sooner.
    while given_up().await.is_none() {
        runs += 1;
        assert!(runs <= 3, "{}", daemon.log());
        rig.evenkeel(&single).await;
        let right = async || (memory(&rig).await == Some(256) || given_up().await.is_some()).then_some(());
        eventually("put right, or left alone", SOON, right).await;
        let settled = |report: &Json| report["ready"] == true || stalled(report, "worker").is_some();
        daemon.until("desk/dev", "ready, or left alone", settled).await;
        // The sweep after it sees it as the spec says.
        tokio::time::sleep(Duration::from_millis(1500)).await;
    }
    let reason = given_up().await.unwrap();
    assert!(reason.contains("a second evenkeel") && reason.contains("put it right 2 times"), "{reason}");
    rig.evenkeel(&single).await.exits(0);
    let repairs = daemon.log().matches(": applied id=\"worker\" operation=\"UpdateFunctionConfiguration\"").count();
    assert!(repairs <= 2, "{repairs}:\n{}", daemon.log());
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(memory(&rig).await, Some(512), "the last one has it");
    is_whole(&rig).await;
    daemon.terminate().await;
}

#[tokio::test]
async fn a_single_run_with_the_same_specs_beside_a_daemon_without_a_lease_makes_nothing_twice() {
    let rig = Rig::start().await;
    desk::write(&rig);
    // Both find an empty account and make everything at once.
    let daemon = rig.daemon("--env dev --resync 1").await;
    let single = rig.once().await.exits(0);
    println!("the single run made {} of the writes", single.json()["writes"]);
    // What both made of what AWS names itself, a layer's version or (where AWS lets them) a mapping, is there twice; the
    // daemon takes one of them away as soon as it may delete.
    let ready = async || (daemon.status().await["apps"]["desk/dev"]["ready"] == true).then_some(());
    let (_, took) = eventually("what is there twice goes", Duration::from_secs(60), ready).await;
    println!("each thing is there once after {took:?}");
    for size in 257..262 {
        rig.edit("desk/parts.yaml", &format!("memorySize: {}", size - 1), &format!("memorySize: {size}"));
        rig.once().await.exits(0);
        daemon.ready("desk/dev").await;
        assert_eq!(memory(&rig).await, Some(size));
    }
    daemon.terminate().await;
    // What the next one sees is as the spec says, and nothing is there twice.
    rig.agrees();
    let second = rig.once().await.exits(0).json();
    assert_eq!(second["writes"], 0, "{second:#}");
    let lambda = &rig.account.lambda;
    let mappings = lambda.list_event_source_mappings().send().await.unwrap();
    let layers = lambda.list_layer_versions().layer_name("desk-dev-shared").send().await.unwrap();
    let subscriptions = rig.account.sns.list_subscriptions().send().await.unwrap();
    let counts =
        [mappings.event_source_mappings().len(), layers.layer_versions().len(), subscriptions.subscriptions().len()];
    assert_eq!(counts, [1, 1, 2]);
    is_whole(&rig).await;
}
