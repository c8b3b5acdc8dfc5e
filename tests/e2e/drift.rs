//! What was changed behind evenkeel's back is named by its path, and put right.

mod properties;
mod table;

use std::time::Duration;

use evenkeel_tests::{Rig, eventually};

use crate::desk;

/// A document that nobody wants.
const FOREIGN: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Foreign","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"*","Resource":"*"}]}"#;
/// The same as a policy of an identity.
const TOO_MUCH: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
/// Who may not assume the role of a function.
const NOBODY: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}"#;

#[tokio::test]
async fn a_property_changed_by_hand_is_named_by_its_path_and_restored_in_every_kind() {
    let rig = desk::converged().await;
    let expected = [
        queue(&rig).await,
        topic(&rig).await,
        parameter(&rig).await,
        function(&rig).await,
        roles(&rig).await,
        logs(&rig).await,
    ]
    .concat();

    let plan = rig.plan().await.exits(2);
    let paths = plan.paths();
    let missing: Vec<_> =
        expected.iter().filter(|wanted| !paths.iter().any(|path| path.starts_with(**wanted))).collect();
    assert!(missing.is_empty(), "not found: {missing:#?}\nfound: {paths:#?}");
    let text = rig.evenkeel("plan SPECS --env dev").await.exits(2).stdout;
    assert!(text.contains("VisibilityTimeout: 45 -> 60"), "{text}");

    rig.once().await.exits(0);
    let plan = rig.plan().await.exits(0);
    assert_eq!(plan.paths(), [""; 0]);
    restored(&rig).await;
}

#[tokio::test]
async fn a_daemon_at_rest_finds_a_change_by_hand_of_every_kind() {
    let rig = desk::converged().await;
    let daemon = rig.daemon("--env dev --resync 1").await;
    daemon.ready("desk/dev").await;
    // A sweep later nothing is read because it is new.
    let swept = async || {
        let status = daemon.status().await;
        (status["calls"]["SQS"]["ListQueues"].as_u64().unwrap_or(0) >= 2).then_some(())
    };
    eventually("it has swept twice", Duration::from_secs(20), swept).await;
    queue(&rig).await;
    topic(&rig).await;
    parameter(&rig).await;
    function(&rig).await;
    roles(&rig).await;
    logs(&rig).await;
    let found = async || rig.plan().await.paths().is_empty().then_some(());
    eventually("everything is put right", Duration::from_secs(40), found).await;
    restored(&rig).await;
    let resting = daemon.ready("desk/dev").await;
    assert_eq!(resting["ready"], true);
}

async fn queue(rig: &Rig) -> Vec<&'static str> {
    let url = desk::queue_url(rig, "desk-dev-jobs").await;
    let change = rig.account.sqs.set_queue_attributes().queue_url(&url);
    let change = change.attributes("VisibilityTimeout".into(), "45").attributes("Policy".into(), FOREIGN);
    change.send().await.unwrap();
    rig.account.sqs.untag_queue().queue_url(&url).tag_keys("project").send().await.unwrap();
    vec!["jobs: VisibilityTimeout", "jobs: Tags", "jobs-policy: PolicyDocument"]
}

async fn topic(rig: &Rig) -> Vec<&'static str> {
    let sns = &rig.account.sns;
    let arn = desk::topic_arn(rig, "desk-dev-news").await;
    for (name, value) in [("DisplayName", "Gossip"), ("Policy", FOREIGN)] {
        let change = sns.set_topic_attributes().topic_arn(&arn).attribute_name(name).attribute_value(value);
        change.send().await.unwrap();
    }
    for subscription in sns.list_subscriptions_by_topic().topic_arn(&arn).send().await.unwrap().subscriptions() {
        let (name, value) = match subscription.protocol() {
            Some("lambda") => ("FilterPolicy", r#"{"kind":["play"]}"#),
            _ => ("RawMessageDelivery", "false"),
        };
        let change = sns.set_subscription_attributes().subscription_arn(subscription.subscription_arn().unwrap());
        change.attribute_name(name).attribute_value(value).send().await.unwrap();
    }
    vec![
        "news: DisplayName",
        "speakers: PolicyDocument",
        "worker-from-news: FilterPolicy",
        "jobs-from-news: RawMessageDelivery",
    ]
}

async fn parameter(rig: &Rig) -> Vec<&'static str> {
    let change = rig.account.ssm.put_parameter().name("/desk/dev/greeting").value("goodbye").overwrite(true);
    change.send().await.unwrap();
    vec!["greeting: Value"]
}

async fn function(rig: &Rig) -> Vec<&'static str> {
    let lambda = &rig.account.lambda;
    let name = "desk-dev-worker";
    let change = lambda.update_function_configuration().function_name(name).memory_size(1024).timeout(20);
    change.send().await.unwrap();
    let code = zip_of_nothing();
    lambda.update_function_code().function_name(name).zip_file(code.into()).send().await.unwrap();
    let mappings = lambda.list_event_source_mappings().function_name(name).send().await.unwrap();
    let uuid = mappings.event_source_mappings()[0].uuid().unwrap();
    lambda.update_event_source_mapping().uuid(uuid).batch_size(9).send().await.unwrap();
    lambda.update_function_url_config().function_name(name).auth_type("NONE".into()).send().await.unwrap();
    let later = lambda.put_function_event_invoke_config().function_name(name).qualifier("$LATEST");
    later.maximum_retry_attempts(0).send().await.unwrap();
    vec![
        "worker: MemorySize",
        "worker: Timeout",
        "worker: Code",
        "worker-from-jobs: BatchSize",
        "door: AuthType",
        "later: MaximumRetryAttempts",
    ]
}

async fn roles(rig: &Rig) -> Vec<&'static str> {
    let iam = &rig.account.iam;
    let role = desk::role(rig).await;
    iam.update_assume_role_policy().role_name(&role).policy_document(NOBODY).send().await.unwrap();
    let inline = iam.put_role_policy().role_name(&role).policy_name("foreign").policy_document(TOO_MUCH);
    inline.send().await.unwrap();
    let arn = format!("arn:aws:iam::{}:policy/desk-dev-reader", rig.account.id());
    let policies = iam.list_policies().scope("Local".into()).send().await.unwrap();
    let arn =
        policies.policies().iter().filter_map(|policy| policy.arn()).find(|it| it.contains("reader")).unwrap_or(&arn);
    let version = iam.create_policy_version().policy_arn(arn).policy_document(TOO_MUCH).set_as_default(true);
    version.send().await.unwrap();
    vec!["worker-role: AssumeRolePolicyDocument", "worker-role: Policies", "reader: PolicyDocument"]
}

async fn logs(rig: &Rig) -> Vec<&'static str> {
    let change = rig.account.logs.put_retention_policy().log_group_name("/aws/lambda/desk-dev-worker");
    change.retention_in_days(3).send().await.unwrap();
    vec!["worker-logs: RetentionInDays"]
}

/// What AWS says afterwards, without evenkeel.
async fn restored(rig: &Rig) {
    let url = desk::queue_url(rig, "desk-dev-jobs").await;
    let queue = rig.account.sqs.get_queue_attributes().queue_url(url).attribute_names("All".into());
    let queue = queue.send().await.unwrap();
    let attribute = |name: &str| queue.attributes().unwrap().get(&name.into()).unwrap();
    assert_eq!(attribute("VisibilityTimeout"), "60");
    assert!(!attribute("Policy").contains("Foreign"));
    let parameter = rig.account.ssm.get_parameter().name("/desk/dev/greeting").send().await.unwrap();
    assert_eq!(parameter.parameter().unwrap().value(), Some("hello"));
    let function =
        rig.account.lambda.get_function_configuration().function_name("desk-dev-worker").send().await.unwrap();
    assert_eq!((function.memory_size(), function.timeout()), (Some(256), Some(10)));
    assert_eq!(rig.account.invoke("desk-dev-worker").await.unwrap(), "\"hello world\"");
    let inline = rig.account.iam.list_role_policies().role_name(desk::role(rig).await).send().await.unwrap();
    assert!(!inline.policy_names().iter().any(|name| name == "foreign"), "{inline:?}");
}

/// The smallest zip that there is: the end of a directory of no files.
fn zip_of_nothing() -> Vec<u8> {
    [b"PK\x05\x06".as_slice(), &[0; 18]].concat()
}
