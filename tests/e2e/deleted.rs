//! What was deleted by hand comes back.

use std::collections::BTreeMap;

use evenkeel_tests::Rig;

use crate::desk;

#[tokio::test]
async fn every_resource_that_was_deleted_by_hand_comes_back() {
    let rig = desk::converged().await;
    let before = resources(&rig).await;
    for (id, type_name) in &before {
        delete(&rig, id, type_name).await;
        let plan = rig.plan().await.exits(2);
        assert_eq!(plan.action(id)["action"], "create", "{id}: {}", plan.stdout);
        let ran = rig.once().await;
        assert_eq!(ran.code, 0, "{id} does not come back: {}", ran.text());
        rig.plan().await.exits(0);
    }
    assert_eq!(rig.account.invoke("desk-dev-worker").await.unwrap(), "\"hello world\"");
    assert_eq!(resources(&rig).await, before);
}

async fn resources(rig: &Rig) -> BTreeMap<String, String> {
    let plan = rig.plan().await.exits(0).json();
    let actions = plan["apps"][0]["actions"].as_array().unwrap().iter();
    let text = |action: &serde_json::Value, key: &str| action[key].as_str().unwrap().to_owned();
    actions.map(|action| (text(action, "id"), text(action, "type"))).collect()
}

/// Deletes a resource of the desk as somebody at the console would.
async fn delete(rig: &Rig, id: &str, type_name: &str) {
    let account = &rig.account;
    let (lambda, iam, sns) = (&account.lambda, &account.iam, &account.sns);
    let function = "desk-dev-worker";
    match type_name {
        "AWS::Lambda::Function" => {
            lambda.delete_function().function_name(function).send().await.unwrap();
        }
        "AWS::Lambda::Url" => {
            lambda.delete_function_url_config().function_name(function).send().await.unwrap();
        }
        "AWS::Lambda::EventInvokeConfig" => {
            lambda
                .delete_function_event_invoke_config()
                .function_name(function)
                .qualifier("$LATEST")
                .send()
                .await
                .unwrap();
        }
        "AWS::Lambda::Permission" => {
            let policy = lambda.get_policy().function_name(function).send().await.unwrap();
            let policy: serde_json::Value = serde_json::from_str(policy.policy().unwrap()).unwrap();
            let sid = policy["Statement"][0]["Sid"].as_str().unwrap().to_owned();
            lambda.remove_permission().function_name(function).statement_id(sid).send().await.unwrap();
        }
        "AWS::Lambda::EventSourceMapping" => {
            let mappings = lambda.list_event_source_mappings().function_name(function).send().await.unwrap();
            let uuid = mappings.event_source_mappings()[0].uuid().unwrap();
            lambda.delete_event_source_mapping().uuid(uuid).send().await.unwrap();
        }
        "AWS::Lambda::LayerVersion" => {
            let versions = lambda.list_layer_versions().layer_name("desk-dev-shared").send().await.unwrap();
            for version in versions.layer_versions() {
                let delete = lambda.delete_layer_version().layer_name("desk-dev-shared");
                delete.version_number(version.version()).send().await.unwrap();
            }
        }
        "AWS::SQS::Queue" => {
            let url = desk::queue_url(rig, &format!("desk-dev-{id}")).await;
            account.sqs.delete_queue().queue_url(url).send().await.unwrap();
        }
        "AWS::SQS::QueuePolicy" => {
            let url = desk::queue_url(rig, "desk-dev-jobs").await;
            let change = account.sqs.set_queue_attributes().queue_url(url).attributes("Policy".into(), "");
            change.send().await.unwrap();
        }
        "AWS::SNS::Topic" => {
            let arn = desk::topic_arn(rig, "desk-dev-news").await;
            sns.delete_topic().topic_arn(arn).send().await.unwrap();
        }
        "AWS::SNS::TopicPolicy" => {
            // A topic always has a policy: without one of its own, it is the service's.
            let arn = desk::topic_arn(rig, "desk-dev-news").await;
            let change = sns.set_topic_attributes().topic_arn(arn).attribute_name("Policy").attribute_value("");
            change.send().await.unwrap();
        }
        "AWS::SNS::Subscription" => {
            let arn = desk::topic_arn(rig, "desk-dev-news").await;
            let wanted = if id.starts_with("worker") { "lambda" } else { "sqs" };
            let all = sns.list_subscriptions_by_topic().topic_arn(arn).send().await.unwrap();
            let one = all.subscriptions().iter().find(|it| it.protocol() == Some(wanted)).unwrap();
            sns.unsubscribe().subscription_arn(one.subscription_arn().unwrap()).send().await.unwrap();
        }
        "AWS::SSM::Parameter" => {
            account.ssm.delete_parameter().name("/desk/dev/greeting").send().await.unwrap();
        }
        "AWS::Logs::LogGroup" => {
            let delete = account.logs.delete_log_group().log_group_name("/aws/lambda/desk-dev-worker");
            delete.send().await.unwrap();
        }
        "AWS::IAM::Role" => {
            let role = desk::role(rig).await;
            for policy in iam.list_role_policies().role_name(&role).send().await.unwrap().policy_names() {
                iam.delete_role_policy().role_name(&role).policy_name(policy).send().await.unwrap();
            }
            iam.delete_role().role_name(&role).send().await.unwrap();
        }
        "AWS::IAM::ManagedPolicy" => {
            let policies = iam.list_policies().scope("Local".into()).send().await.unwrap();
            let arn = policies.policies().iter().filter_map(|policy| policy.arn()).find(|arn| arn.contains("reader"));
            iam.delete_policy().policy_arn(arn.unwrap()).send().await.unwrap();
        }
        other => panic!("{id}: nobody deletes a {other} in this test yet"),
    }
}
