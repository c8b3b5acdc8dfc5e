//! Queues, topics, subscriptions and their policies against an emulator.

use crate::emulator::Feature;
use crate::support::{Runner, endpoint};
use serde_json::{Value as Json, json};

const QUEUE: &str = "AWS::SQS::Queue";
const TOPIC: &str = "AWS::SNS::Topic";
const SUBSCRIPTION: &str = "AWS::SNS::Subscription";
const TYPES: [&str; 3] = [QUEUE, TOPIC, SUBSCRIPTION];

fn allow(action: &str, resource: Json) -> Json {
    json!({"Version": "2012-10-17", "Statement": [{"Sid": "a", "Effect": "Allow", "Principal": {"Service":
        "sns.amazonaws.com"}, "Action": action, "Resource": resource}]})
}

fn att(id: &str) -> Json {
    json!({"Fn::GetAtt": [id, "Arn"]})
}

fn spec(runner: &Runner) -> Vec<(&'static str, &'static str, Json)> {
    let mut spec = whole();
    if !runner.can(Feature::TopicAttributes) {
        let hidden = ["SignatureVersion", "TracingConfig", "DeliveryStatusLogging"];
        let paid = spec.iter_mut().filter(|(id, ..)| *id == "paid");
        for properties in paid.filter_map(|(_, _, properties)| properties.as_object_mut()) {
            properties.retain(|name, _| !hidden.contains(&name.as_str()));
        }
    }
    spec
}

fn whole() -> Vec<(&'static str, &'static str, Json)> {
    vec![
        ("dead", QUEUE, json!({})),
        (
            "orders",
            QUEUE,
            json!({
                "DelaySeconds": 3, "VisibilityTimeout": "60", "MaximumMessageSize": 2048,
                "MessageRetentionPeriod": 7200, "ReceiveMessageWaitTimeSeconds": 5,
                "RedrivePolicy": {"deadLetterTargetArn": att("dead"), "maxReceiveCount": "4"},
                "KmsMasterKeyId": "alias/aws/sqs", "Tags": [{"Key": "team", "Value": "a"}],
            }),
        ),
        ("line", QUEUE, json!({"FifoQueue": true, "ContentBasedDeduplication": true})),
        (
            "access",
            "AWS::SQS::QueuePolicy",
            json!({"Queues": [{"Ref": "orders"}, {"Ref": "dead"}], "PolicyDocument": allow("sqs:SendMessage", json!("*"))}),
        ),
        (
            "own",
            "AWS::SQS::QueueInlinePolicy",
            json!({"Queue": {"Ref": "line"}, "PolicyDocument": allow("sqs:*", json!("*"))}),
        ),
        (
            "paid",
            TOPIC,
            json!({"DisplayName": "Paid", "SignatureVersion": "2", "TracingConfig": "Active", "KmsMasterKeyId": "alias/k",
                "DeliveryStatusLogging": [{"Protocol": "lambda", "SuccessFeedbackSampleRate": "10",
                    "FailureFeedbackRoleArn": "arn:aws:iam::111122223333:role/x"}],
                "Subscription": [{"Protocol": "https", "Endpoint": "https://example.com/hook"}]}),
        ),
        ("paidline", TOPIC, json!({"FifoTopic": "true", "ContentBasedDeduplication": true})),
        (
            "publish",
            "AWS::SNS::TopicPolicy",
            json!({"Topics": [{"Ref": "paid"}], "PolicyDocument": allow("sns:Publish", json!({"Ref": "paid"}))}),
        ),
        (
            "fan",
            SUBSCRIPTION,
            json!({"TopicArn": {"Ref": "paid"}, "Protocol": "sqs", "Endpoint": att("orders"), "RawMessageDelivery": true,
                "FilterPolicy": {"kind": ["b", "a"]}, "RedrivePolicy": {"deadLetterTargetArn": att("dead")}}),
        ),
    ]
}

#[tokio::test]
async fn messaging_is_made_repaired_changed_and_removed() {
    let Some(endpoint) = endpoint() else { return };
    let mut runner = Runner::connect(&endpoint, "msg", &TYPES).await;
    let spec = spec(&runner);
    let made = runner.converge(&spec).await;
    assert!(made.contains(&"CreateQueue") && made.contains(&"CreateTopic") && made.contains(&"Subscribe"), "{made:?}");
    assert_eq!(runner.converge(&spec).await, Vec::<&str>::new(), "a second run writes nothing");

    // Somebody changes everything by hand.
    let (sqs, sns) = (runner.account.sqs.clone(), runner.account.sns.clone());
    let url = runner.world.table(QUEUE).get("msg-orders").expect("there").physical_id.clone();
    let attributes = [
        ("DelaySeconds", "9"),
        ("VisibilityTimeout", "31"),
        ("MaximumMessageSize", "1024"),
        ("MessageRetentionPeriod", "60"),
        ("ReceiveMessageWaitTimeSeconds", "1"),
        ("RedrivePolicy", ""),
        ("RedriveAllowPolicy", "{\"redrivePermission\":\"denyAll\"}"),
        ("KmsMasterKeyId", ""),
        ("Policy", ""),
    ];
    let mut call = sqs.set_queue_attributes().queue_url(&url);
    for (name, value) in attributes {
        call = call.attributes(name.into(), value);
    }
    call.send().await.expect("set");
    sqs.untag_queue().queue_url(&url).tag_keys("team").send().await.expect("untag");
    let arn = format!("arn:aws:sns:eu-west-1:{}:msg-paid", runner.account.id());
    let attributes = [
        ("DisplayName", "x"),
        ("SignatureVersion", "1"),
        ("TracingConfig", "PassThrough"),
        ("KmsMasterKeyId", ""),
        ("LambdaSuccessFeedbackSampleRate", "99"),
        ("SQSFailureFeedbackRoleArn", "arn:aws:iam::111122223333:role/y"),
        ("Policy", "{\"Version\":\"2012-10-17\",\"Statement\":[]}"),
    ];
    for (name, value) in attributes {
        sns.set_topic_attributes()
            .topic_arn(&arn)
            .attribute_name(name)
            .attribute_value(value)
            .send()
            .await
            .expect("set");
    }
    let all = sns.list_subscriptions_by_topic().topic_arn(&arn).send().await.expect("list");
    for subscription in all.subscriptions() {
        let arn = subscription.subscription_arn().expect("an ARN");
        if subscription.protocol() == Some("https") {
            sns.unsubscribe().subscription_arn(arn).send().await.expect("unsubscribe");
            continue;
        }
        for (name, value) in [("RawMessageDelivery", "false"), ("FilterPolicy", "{}"), ("RedrivePolicy", "")] {
            let call = sns.set_subscription_attributes().subscription_arn(arn);
            call.attribute_name(name).attribute_value(value).send().await.expect("set");
        }
    }
    let repaired = runner.converge(&spec).await;
    for operation in ["SetQueueAttributes", "TagQueue", "SetTopicAttributes", "Subscribe", "SetSubscriptionAttributes"]
    {
        assert!(repaired.contains(&operation), "{operation} is not among {repaired:?}");
    }

    // The spec changes: no policies any more, another filter, a queue of another kind.
    let mut changed = spec.clone();
    changed.retain(|(id, ..)| !["access", "own", "publish"].contains(id));
    for (id, _, properties) in &mut changed {
        match *id {
            "fan" => {
                properties["FilterPolicyScope"] = json!("MessageBody");
                properties["FilterPolicy"] = json!({"order": {"kind": ["c"]}});
            }
            "line" => *properties = json!({}),
            "paid" => *properties = json!({}),
            _ => {}
        }
    }
    let writes = runner.converge(&changed).await;
    assert!(writes.contains(&"DeleteQueue") && writes.contains(&"Unsubscribe"), "{writes:?}");
    assert!(
        runner.world.table(QUEUE).get("msg-line").is_some() && runner.world.table(QUEUE).get("msg-line.fifo").is_none()
    );

    // Foreign things beside ours are left alone when everything goes.
    sqs.create_queue().queue_name("not-ours").send().await.expect("create");
    runner.converge(&[]).await;
    // Other tests have queues in the same emulator.
    let names = runner.world.table(QUEUE).items().map(|queue| queue.key.as_str());
    let names: Vec<&str> = names.filter(|name| name.starts_with("msg-") || *name == "not-ours").collect();
    assert_eq!(names, ["not-ours"]);
    assert_eq!(runner.world.table(TOPIC).items().count(), 0);
    assert_eq!(runner.world.table(SUBSCRIPTION).items().count(), 0);
    sqs.delete_queue().queue_url(url.replace("msg-orders", "not-ours")).send().await.expect("delete");
}

#[tokio::test]
async fn a_queue_that_holds_messages_stays() {
    let Some(endpoint) = endpoint() else { return };
    let mut runner = Runner::connect(&endpoint, "full", &[QUEUE]).await;
    runner.converge(&[("box", QUEUE, json!({}))]).await;
    let url = runner.world.table(QUEUE).get("full-box").expect("there").physical_id.clone();
    runner.account.sqs.send_message().queue_url(&url).message_body("keep me").send().await.expect("send");
    runner.sweep(&Default::default()).await;
    let plan = runner.plan(&[]);
    assert!(!plan.has_steps());
    runner.account.sqs.purge_queue().queue_url(&url).send().await.expect("purge");
    assert_eq!(runner.converge(&[]).await, ["DeleteQueue"]);
}
