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
    // The second one has a copy of the tree in which the function is larger.
    let other = rig.path("other");
    let copied = std::process::Command::new("cp").arg("-r").arg(rig.specs()).arg(&other).status().unwrap();
    assert!(copied.success());
    let parts = other.join("desk/parts.yaml");
    let text = std::fs::read_to_string(&parts).unwrap().replace("memorySize: 256", "memorySize: 512");
    std::fs::write(&parts, text).unwrap();
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
    // Neither of them has left half of it.
    let function =
        rig.account.lambda.get_function_configuration().function_name("desk-dev-worker").send().await.unwrap();
    assert_eq!(function.timeout(), Some(10));
    assert_eq!(rig.account.invoke("desk-dev-worker").await.unwrap(), "\"hello world\"");
    one.terminate().await;
    two.terminate().await;
}
