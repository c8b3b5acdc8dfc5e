//! From nothing to as the spec says, and what a run says about it.

use evenkeel_tests::Rig;
use serde_json::{Value as Json, json};

use crate::desk;

#[tokio::test]
async fn an_application_converges_answers_and_is_not_written_again() {
    let rig = Rig::start().await;
    desk::write(&rig);
    rig.plan().await.exits(2);

    let first = rig.once().await.exits(0).json();
    let resources = first["apps"][0]["resources"].as_array().unwrap();
    assert!(resources.len() >= 12, "{resources:#?}");
    for resource in resources {
        let ready = resource["conditions"].as_array().unwrap().iter().find(|it| it["type"] == "Ready").unwrap();
        assert_eq!(ready["status"], "True", "{resource:#}");
        assert!(resource["physicalId"].is_string(), "{resource:#}");
    }
    assert_eq!(rig.account.invoke("desk-dev-worker").await.unwrap(), "\"hello world\"");

    rig.agrees();
    let second = rig.once().await.exits(0).json();
    assert_eq!(second["writes"], 0, "{:#}", second["calls"]);
    let plan = rig.plan().await.exits(0);
    assert_eq!(plan.paths(), [""; 0]);
    assert_eq!(plan.json()["apps"][0]["summary"]["unchanged"], resources.len());
    rig.evenkeel("plan SPECS --env dev").await.exits(0).says("nothing to do");
}

#[tokio::test]
async fn a_plan_tells_its_writes_and_a_run_what_it_took_from_the_quotas() {
    let rig = Rig::start().await;
    rig.write(
        "jobs/app.yaml",
        "apiVersion: evenkeel.dev/v1\nkind: Queue\nmetadata: {name: jobs}\nspec: {}\n---\napiVersion: evenkeel.dev/v1\nkind: Topic\nmetadata: {name: done}\nspec: {}\n",
    );
    let plan = rig.evenkeel("plan SPECS --app jobs -o json").await.exits(2).json();
    let cost = &plan["apps"][0]["cost"];
    assert_eq!((&cost["writes"], &cost["atLeast"]), (&2.into(), &Json::Null), "{cost:#}");
    assert_eq!(cost["buckets"]["SQS"]["calls"], 1, "{cost:#}");
    rig.evenkeel("plan SPECS --app jobs").await.exits(2).says("2 writes, about 0.1 s of AWS's quotas (SQS: 1 call)");

    // This run keeps within the quotas: nothing of it is slow enough to notice.
    let run = rig.evenkeel("reconcile --once SPECS --app jobs --quota aws -o json").await.exits(0).json();
    if !rig.is_hostile("no more writes than the plan tells") {
        assert_eq!(run["writes"], cost["writes"], "{run:#}");
    }
    let sqs: u64 = run["calls"]["SQS"].as_object().unwrap().values().filter_map(Json::as_u64).sum();
    assert_eq!(run["quota"]["SQS"]["calls"], sqs, "{run:#}");
    if !rig.is_hostile("nothing is throttled") {
        assert_eq!(run["throttled"], Json::Null);
    }
    rig.evenkeel("plan SPECS --app jobs --quota-share 0").await.exits(1).says("percentage");
}

#[tokio::test]
async fn exit_codes_tell_usage_spec_changes_and_blocks_apart() {
    let rig = Rig::start().await;
    desk::write(&rig);
    rig.evenkeel("plan SPECS --no-such-flag").await.exits(1);
    rig.evenkeel("frobnicate").await.exits(1);
    rig.evenkeel("reconcile --once SPECS --env nowhere").await.exits(1).says("nowhere");
    rig.evenkeel("reconcile --once SPECS").await.exits(1).says("--env");
    rig.evenkeel("plan SPECS --env dev").await.exits(2);
    rig.evenkeel("validate SPECS").await.exits(0);
    rig.evenkeel("--help").await.exits(0);

    rig.edit("desk/parts.yaml", "visibilityTimeout", "visibilityTimeOuts");
    for verb in ["validate SPECS", "render SPECS --env dev", "plan SPECS --env dev", "reconcile --once SPECS --env dev"]
    {
        rig.evenkeel(verb).await.exits(1).says("parts.yaml:4").says("visibilityTimeout");
    }
    let told = rig.evenkeel("validate SPECS -o json").await.exits(1).json();
    let first = &told["diagnostics"][0];
    assert_eq!((&told["valid"], &first["severity"], &first["line"]), (&json!(false), &json!("error"), &json!(4)));
    assert!(first["file"].as_str().is_some_and(|file| file.ends_with("desk/parts.yaml")), "{first}");
    assert!(first["help"].as_str().is_some_and(|help| help.contains("visibilityTimeout")), "{first}");
    assert_eq!(queues(&rig).await, [""; 0], "a spec that does not compile changes nothing");

    // Somebody else's queue of the wanted name: blocked.
    rig.edit("desk/parts.yaml", "visibilityTimeOuts", "visibilityTimeout");
    rig.account.sqs.create_queue().queue_name("desk-dev-jobs").send().await.unwrap();
    rig.evenkeel("plan SPECS --env dev").await.exits(2);
    rig.evenkeel("reconcile --once SPECS --env dev").await.exits(3);
}

async fn queues(rig: &Rig) -> Vec<String> {
    rig.account.sqs.list_queues().send().await.unwrap().queue_urls().to_vec()
}
