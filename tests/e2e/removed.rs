//! What leaves the spec goes, under the guards; what only looks like leaving stays.

use evenkeel_tests::Rig;

use crate::desk;

/// The parts without a document.
fn without(rig: &Rig, name: &str) {
    let path = rig.specs().join("desk/parts.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    let wanted = format!("metadata: {{name: {name}}}");
    let kept: Vec<&str> = text.split("---\n").filter(|document| !document.contains(&wanted)).collect();
    assert_eq!(kept.len() + 1, text.split("---\n").count(), "no document {name}");
    rig.write("desk/parts.yaml", &kept.join("---\n"));
}

async fn count(rig: &Rig) -> [usize; 3] {
    let functions = rig.account.lambda.list_functions().send().await.unwrap().functions().len();
    let queues = rig.account.sqs.list_queues().send().await.unwrap().queue_urls().len();
    let topics = rig.account.sns.list_topics().send().await.unwrap().topics().len();
    [functions, queues, topics]
}

#[tokio::test]
async fn what_leaves_the_spec_goes_and_what_depends_on_it_goes_first() {
    let rig = desk::converged().await;
    without(&rig, "later");
    let plan = rig.plan().await.exits(2).json();
    assert_eq!(plan["apps"][0]["summary"]["delete"], 1, "{plan:#}");
    rig.once().await.exits(0);
    let later = rig.account.lambda.get_function_event_invoke_config().function_name("desk-dev-worker");
    assert!(later.qualifier("$LATEST").send().await.is_err());

    // The function takes its role, its log group, its mapping, its permission and its subscription along: one thing
    // that a person wrote. Its URL was written too.
    without(&rig, "door");
    without(&rig, "worker");
    rig.edit("desk/parts.yaml", ", subscriptions: [{queue: jobs, rawMessageDelivery: true}]", "");
    let plan = rig.plan().await.exits(2);
    let order = [plan.ids("delete"), plan.ids("blocked")].concat();
    let at = |id: &str| order.iter().position(|it| it == id).unwrap_or_else(|| panic!("{id} stays: {}", plan.stdout));
    assert!(at("worker-from-jobs") < at("worker"), "{order:?}");
    assert!(at("worker") < at("worker-role"), "{order:?}");
    rig.once().await.exits(0);
    rig.plan().await.exits(0);
    assert_eq!(count(&rig).await, [0, 2, 1]);
    let roles = rig.account.iam.list_roles().send().await.unwrap();
    assert!(!roles.roles().iter().any(|role| role.role_name().contains("desk")), "{roles:?}");
    // The log group holds data: it stays, without marks.
    let groups = rig.account.logs.describe_log_groups().send().await.unwrap();
    let arn = groups.log_groups()[0].log_group_arn().unwrap();
    let tags = rig.account.logs.list_tags_for_resource().resource_arn(arn).send().await.unwrap();
    assert!(!tags.tags().unwrap().keys().any(|key| key.starts_with("evenkeel:")), "{tags:?}");
}

#[tokio::test]
async fn too_much_at_once_is_blocked_until_exactly_that_is_allowed() {
    let rig = desk::converged().await;
    for name in ["later", "door", "reader", "speakers", "worker"] {
        without(&rig, name);
    }
    let plan = rig.plan().await.exits(2);
    let digest = plan.digest();
    for id in ["reader", "worker", "worker-role", "worker-from-jobs"] {
        let action = plan.action(id);
        assert_eq!(action["action"], "blocked", "{action:#}");
        assert!(action["reason"].as_str().unwrap().contains(&format!("--allow-delete {digest}")), "{action:#}");
    }
    rig.evenkeel("reconcile --once SPECS --env dev").await.exits(3).says(&digest);
    rig.evenkeel("reconcile --once SPECS --env dev --allow-delete 0123456789ab").await.exits(3).says(&digest);
    assert_eq!(count(&rig).await, [1, 2, 1]);

    rig.evenkeel(&format!("reconcile --once SPECS --env dev --allow-delete {digest}")).await.exits(0);
    assert_eq!(count(&rig).await, [0, 2, 1]);
    rig.plan().await.exits(0);
}

#[tokio::test]
async fn a_log_group_goes_where_the_spec_says_so_and_a_person_allows_it() {
    let rig = desk::converged().await;
    rig.edit("desk/parts.yaml", "retentionInDays: 7", "retentionInDays: 7, deletionPolicy: Delete");
    rig.once().await.exits(0);
    rig.edit("desk/app.yaml", "spec:\n", "spec:\n  deleted: true\n");
    let plan = rig.plan().await.exits(2);
    assert_eq!(plan.action("worker-logs")["action"], "blocked", "{}", plan.stdout);
    rig.once().await.exits(3);
    assert_eq!(count(&rig).await, [1, 2, 1]);
    // All rounds of the deletion belong to the plan that was allowed.
    rig.evenkeel(&format!("reconcile --once SPECS --env dev --allow-delete {}", plan.digest())).await.exits(0);
    assert_eq!(count(&rig).await, [0, 0, 0]);
    assert_eq!(rig.account.logs.describe_log_groups().send().await.unwrap().log_groups().len(), 0);
}

#[tokio::test]
async fn a_queue_that_holds_messages_is_not_deleted() {
    let rig = desk::converged().await;
    rig.write("desk/inbox.yaml", "apiVersion: evenkeel.dev/v1\nkind: Queue\nmetadata: {name: inbox}\nspec: {}\n");
    rig.once().await.exits(0);
    let url = desk::queue_url(&rig, "desk-dev-inbox").await;
    rig.account.sqs.send_message().queue_url(&url).message_body("keep me").send().await.unwrap();
    std::fs::remove_file(rig.specs().join("desk/inbox.yaml")).unwrap();

    let plan = rig.plan().await.exits(2);
    assert_eq!(plan.action("inbox")["action"], "blocked", "{}", plan.stdout);
    let digest = plan.json()["apps"][0]["digest"].as_str().unwrap_or("0").to_owned();
    rig.evenkeel(&format!("reconcile --once SPECS --env dev --allow-delete {digest}")).await.exits(3).says("message");
    let held = rig.account.sqs.receive_message().queue_url(&url).send().await.unwrap();
    assert_eq!(held.messages()[0].body(), Some("keep me"));

    rig.account.sqs.purge_queue().queue_url(&url).send().await.unwrap();
    let plan = rig.plan().await.exits(2);
    let digest = plan.json()["apps"][0]["digest"].as_str().unwrap_or("0").to_owned();
    rig.evenkeel(&format!("reconcile --once SPECS --env dev --allow-delete {digest}")).await.exits(0);
    assert!(rig.account.sqs.get_queue_url().queue_name("desk-dev-inbox").send().await.is_err());
}

#[tokio::test]
async fn nothing_is_deleted_because_specs_are_gone_or_broken() {
    let rig = desk::converged().await;
    let before = count(&rig).await;
    let specs = rig.specs();
    let run = async |what: &str, codes: &[i32]| {
        let ran = rig.evenkeel("reconcile --once SPECS --env dev -o json").await;
        assert!(codes.contains(&ran.code), "{what}: {} {}", ran.code, ran.text());
        if ran.code == 0 {
            assert_eq!(ran.json()["writes"], 0, "{what}: {}", ran.text());
        }
        assert_eq!(count(&rig).await, before, "{what}");
        ran
    };

    let parts = std::fs::read_to_string(specs.join("desk/parts.yaml")).unwrap();
    rig.write("desk/parts.yaml", "apiVersion: evenkeel.dev/v1\nkind: Queue\nmetadata: {name: [\n");
    run("broken YAML", &[1]).await;
    std::fs::remove_file(specs.join("desk/parts.yaml")).unwrap();
    // The App is still there and wants nothing: that is a spec, and the guard holds it.
    run("an application without parts", &[3]).await.says("--allow-delete");
    rig.write("desk/parts.yaml", &parts);

    let away = rig.path("away");
    std::fs::rename(specs.join("desk"), &away).unwrap();
    std::fs::create_dir(specs.join("desk")).unwrap();
    let ran = run("an empty folder", &[0, 1]).await;
    assert!(ran.text().contains("desk/dev") || ran.text().contains("no application"), "{}", ran.text());
    std::fs::remove_dir(specs.join("desk")).unwrap();
    run("an empty directory", &[0, 1]).await;
    std::fs::remove_dir(&specs).unwrap();
    run("a missing directory", &[1]).await;

    std::fs::create_dir(&specs).unwrap();
    std::fs::rename(&away, specs.join("desk")).unwrap();
    rig.agrees();
    assert_eq!(rig.once().await.exits(0).json()["writes"], 0);
}

#[tokio::test]
async fn an_application_whose_folder_is_gone_is_reported_and_deleted_only_when_a_person_says_so() {
    let rig = desk::converged().await;
    let before = count(&rig).await;
    std::fs::rename(rig.specs().join("desk"), rig.path("away")).unwrap();
    rig.write("other/app.yaml", &desk::APP.replace("desk", "other"));
    rig.write("other/q.yaml", "apiVersion: evenkeel.dev/v1\nkind: Queue\nmetadata: {name: q}\nspec: {}\n");
    let report = rig.once().await.exits(0).json();
    assert!(report["orphaned"]["desk/dev"].as_u64().is_some_and(|count| count > 5), "{report:#}");
    rig.evenkeel("reconcile --once SPECS --env dev").await.exits(0).says("desk/dev");
    let kept = count(&rig).await;
    assert_eq!(kept, [before[0], before[1] + 1, before[2]]);

    // Without --yes there is nobody to ask here.
    rig.evenkeel("delete SPECS --app desk --env dev").await.exits(1).says("--yes");
    assert_eq!(count(&rig).await, kept);
    rig.evenkeel("delete SPECS --app other --env dev --yes").await.exits(1).says("still in");
    rig.evenkeel("delete SPECS --app desk --env dev --yes").await.exits(0).says("gone");
    assert_eq!(count(&rig).await, [0, 1, 0]);
    let report = rig.once().await.exits(0).json();
    assert!(report["orphaned"]["desk/dev"].is_null(), "{report:#}");
}

#[tokio::test]
async fn a_tombstone_takes_an_application_away() {
    let rig = desk::converged().await;
    rig.edit("desk/app.yaml", "spec:\n", "spec:\n  deleted: true\n");
    let ran = rig.evenkeel("plan SPECS --env dev -o json").await.exits(2);
    assert_eq!(ran.action("worker")["action"], "delete", "{}", ran.stdout);
    rig.once().await.exits(0);
    assert_eq!(count(&rig).await, [0, 0, 0]);
    rig.plan().await.exits(0);
    rig.agrees();
    assert_eq!(rig.once().await.exits(0).json()["writes"], 0);
}

#[tokio::test]
async fn a_function_that_comes_back_finds_its_own_log_group_again() {
    let rig = desk::converged().await;
    let parts = std::fs::read_to_string(rig.specs().join("desk/parts.yaml")).unwrap();
    for name in ["later", "door", "worker"] {
        without(&rig, name);
    }
    rig.edit("desk/parts.yaml", ", subscriptions: [{queue: jobs, rawMessageDelivery: true}]", "");
    let plan = rig.plan().await.exits(2);
    rig.evenkeel(&format!("reconcile --once SPECS --env dev --allow-delete {}", plan.digest())).await.exits(0);
    assert_eq!(count(&rig).await[0], 0);
    let groups = rig.account.logs.describe_log_groups().send().await.unwrap();
    assert_eq!(groups.log_groups().len(), 1, "it holds data, and stays");

    rig.write("desk/parts.yaml", &parts);
    rig.once().await.exits(0);
    let arn = groups.log_groups()[0].log_group_arn().unwrap();
    let tags = rig.account.logs.list_tags_for_resource().resource_arn(arn).send().await.unwrap();
    let tags = tags.tags().unwrap();
    assert!(tags.contains_key("evenkeel:id") && !tags.contains_key("evenkeel-released"), "{tags:?}");
    rig.plan().await.exits(0);
}

#[tokio::test]
async fn a_part_that_left_the_spec_is_shown_by_its_own_name_and_stays_where_that_was_said() {
    let rig = desk::converged().await;
    rig.edit("desk/parts.yaml", "  type: AWS::Lambda::Url\n", "  type: AWS::Lambda::Url\n  deletionPolicy: Retain\n");
    rig.once().await.exits(0);
    without(&rig, "later");
    let plan = rig.plan().await.exits(2);
    assert_eq!(plan.ids("delete"), ["later"], "{}", plan.stdout);
    without(&rig, "door");
    rig.once().await.exits(0);
    rig.plan().await.exits(0);
    let lambda = &rig.account.lambda;
    let later = lambda.get_function_event_invoke_config().function_name("desk-dev-worker").qualifier("$LATEST");
    assert!(later.send().await.is_err());
    let door = lambda.get_function_url_config().function_name("desk-dev-worker").send().await;
    assert!(door.is_ok(), "{door:?}");
    rig.agrees();
    assert_eq!(rig.once().await.exits(0).json()["writes"], 0);
}
