//! What is not evenkeel's it does not change, until a person says so.

use evenkeel_tests::Rig;

use crate::desk;

#[tokio::test]
async fn what_somebody_else_made_is_blocked_until_it_is_adopted() {
    let rig = Rig::start().await;
    desk::write(&rig);
    let made = rig.account.sqs.create_queue().queue_name("desk-dev-jobs").attributes("VisibilityTimeout".into(), "5");
    let url = made.send().await.unwrap().queue_url().unwrap().to_owned();
    rig.account.sqs.tag_queue().queue_url(&url).tags("owner", "somebody").send().await.unwrap();

    let command = "evenkeel adopt desk/jobs --env dev";
    rig.evenkeel("reconcile --once SPECS --env dev").await.exits(3).says(command);
    let timeout = async || {
        let ask = rig.account.sqs.get_queue_attributes().queue_url(&url).attribute_names("All".into());
        ask.send().await.unwrap().attributes().unwrap()[&"VisibilityTimeout".into()].clone()
    };
    assert_eq!(timeout().await, "5");
    // What does not need it is there all the same.
    assert!(rig.account.ssm.get_parameter().name("/desk/dev/greeting").send().await.is_ok());

    rig.evenkeel("adopt desk/jobs SPECS --env dev").await.exits(1).says("--yes");
    rig.evenkeel("adopt desk/nothing SPECS --env dev --yes").await.exits(1).says("nothing");
    let adopted = rig.evenkeel("adopt desk/jobs SPECS --env dev --yes").await.exits(0);
    assert!(adopted.stdout.contains("VisibilityTimeout: 5 -> 60"), "{}", adopted.stdout);
    assert_eq!(timeout().await, "5", "adopting changes nothing but marks");
    rig.once().await.exits(0);
    assert_eq!(timeout().await, "60");
    let tags = rig.account.sqs.list_queue_tags().queue_url(&url).send().await.unwrap();
    assert_eq!(tags.tags().unwrap()["owner"], "somebody", "foreign tags are left alone");
    rig.evenkeel("adopt desk/jobs SPECS --env dev --yes").await.exits(1).says("already");
}

#[tokio::test]
async fn another_sources_resources_are_foreign_and_never_orphans() {
    let rig = desk::converged().await;
    rig.write("evenkeel.yaml", "sourceId: other-tree\n");
    let plan = rig.plan().await.exits(2);
    let action = plan.action("greeting");
    assert_eq!(action["action"], "blocked", "{action:#}");
    assert!(action["reason"].as_str().unwrap().contains("source `default`"), "{action:#}");
    let before = desk::queue_url(&rig, "desk-dev-jobs").await;
    rig.once().await.exits(3);
    assert_eq!(desk::queue_url(&rig, "desk-dev-jobs").await, before);

    std::fs::remove_dir_all(rig.specs().join("desk")).unwrap();
    rig.write("lamp/app.yaml", &desk::APP.replace("desk", "lamp"));
    let report = rig.once().await.exits(0).json();
    assert!(report["orphaned"].is_null(), "{report:#}");
    rig.evenkeel("delete SPECS --app desk --env dev --yes").await.exits(0).says("nothing in AWS carries its marks");
    assert_eq!(desk::queue_url(&rig, "desk-dev-jobs").await, before);
}
