//! Topics and subscriptions: section 8.

use std::time::Duration;

use evenkeel_tests::Trial;
use evenkeel_tests::aws::Rules;
use serde_json::{Value as Json, json};

#[tokio::test(start_paused = true)]
async fn the_default_policy_of_a_topic_is_no_drift_and_comes_back_when_a_policy_goes() {
    let with = r#"
AWSTemplateFormatVersion: "2010-09-09"
Resources:
  N: {Type: AWS::SNS::Topic}
  P:
    Type: AWS::SNS::TopicPolicy
    Properties:
      Topics: [!Ref N]
      PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {Service: s3.amazonaws.com}, Action: "sns:Publish", Resource: !Ref N}]}
"#;
    let without = "AWSTemplateFormatVersion: \"2010-09-09\"\nResources:\n  N: {Type: AWS::SNS::Topic}\n";
    let trial = Trial::start(Rules::default()).await;
    trial.converge(without).await;
    trial.quiet(without).await;
    trial.converge(with).await;
    trial.quiet(with).await;
    trial.converge(without).await;
    trial.aws.with(|cloud| {
        let policy = cloud.sns.topics["t-N"].attributes["Policy"].as_str().unwrap().to_owned();
        assert!(policy.contains("__default_statement_ID"), "{policy}");
    });
    trial.quiet(without).await;
}

#[tokio::test(start_paused = true)]
async fn a_topic_is_read_before_it_is_made_and_changed_attribute_by_attribute() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge("Topic n: {}").await;
    trial.converge("Topic n: {displayName: Name, tracingConfig: Active}").await;
    assert_eq!(trial.count("CreateTopic"), 1);
    assert_eq!(trial.count("SetTopicAttributes"), 2, "{}", trial.story());
    trial.converge("Topic n: {}").await;
    trial.quiet("Topic n: {}").await;
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_exists_is_changed_and_not_made_again() {
    let trial = Trial::start(Rules::default()).await;
    let spec = |more: &str| format!("Queue q: {{}}\nTopic n: {{subscriptions: [{{queue: q{more}}}]}}");
    trial.converge(&spec("")).await;
    trial.converge(&spec(", rawMessageDelivery: true, filterPolicy: {a: [b]}")).await;
    trial.quiet(&spec(", rawMessageDelivery: true, filterPolicy: {a: [b]}")).await;
    trial.converge(&spec("")).await;
    assert_eq!(trial.count("Subscribe"), 1, "{}", trial.story());
    trial.aws.with(|cloud| assert!(cloud.sns.subscriptions.values().all(|it| !it.contains_key("FilterPolicy"))));
    trial.quiet(&spec("")).await;
}

#[tokio::test(start_paused = true)]
async fn the_scope_of_a_filter_is_set_before_a_nested_policy_and_after_a_flat_one() {
    let trial = Trial::start(Rules::default()).await;
    let spec = |more: &str| format!("Queue q: {{}}\nTopic n: {{subscriptions: [{{queue: q{more}}}]}}");
    let order = |trial: &Trial| -> Vec<String> {
        let calls = trial.aws.calls().into_iter().filter(|call| call.operation == "SetSubscriptionAttributes");
        calls.map(|call| call.input["AttributeName"].as_str().unwrap_or_default().to_owned()).collect()
    };
    trial.converge(&spec(", filterPolicy: {a: [b]}")).await;
    trial.aws.forget();
    trial.converge(&spec(", filterPolicyScope: MessageBody, filterPolicy: {a: {c: [b]}}")).await;
    assert_eq!(order(&trial), ["FilterPolicyScope", "FilterPolicy"]);
    trial.aws.forget();
    trial.converge(&spec(", filterPolicy: {a: [b]}")).await;
    assert_eq!(order(&trial), ["FilterPolicy", "FilterPolicyScope"]);
}

#[tokio::test(start_paused = true)]
async fn a_queues_policy_stands_before_a_topic_sends_to_it() {
    let native = "Queue q: {}\nTopic n: {subscriptions: [{queue: q}]}";
    // Nothing in it says that the one needs the other.
    let template = r#"
AWSTemplateFormatVersion: "2010-09-09"
Resources:
  N: {Type: AWS::SNS::Topic}
  Q: {Type: AWS::SQS::Queue}
  S: {Type: AWS::SNS::Subscription, Properties: {TopicArn: !Ref N, Protocol: sqs, Endpoint: !GetAtt Q.Arn}}
  P: {Type: AWS::SQS::QueuePolicy, Properties: {Queues: [!Ref Q], PolicyDocument: {Statement: [{Effect: Allow, Principal: {Service: sns.amazonaws.com}, Action: "sqs:SendMessage", Resource: !GetAtt Q.Arn}]}}}
"#;
    for spec in [native, template] {
        for seed in 0..8 {
            let trial = Trial::start(Rules { seed, ..Rules::default() }).await;
            trial.converge(spec).await;
            let policy = trial.aws.calls().into_iter().find(|call| call.input.pointer("/Attributes/Policy").is_some());
            let policy = policy.expect("a policy").at.as_secs_f64();
            assert!(policy < trial.time("Subscribe", ""), "{seed}: {}", trial.story());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_names_a_role_made_anew_is_written_again() {
    let spec = r#"
AWSTemplateFormatVersion: "2010-09-09"
Resources:
  R:
    Type: AWS::IAM::Role
    Properties:
      RoleName: writer
      AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: "sts:AssumeRole"}]}
  Q: {Type: AWS::SQS::Queue}
  N: {Type: AWS::SNS::Topic}
  P:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Q]
      PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {AWS: !GetAtt R.Arn}, Action: "sqs:SendMessage", Resource: !GetAtt Q.Arn}]}
  T:
    Type: AWS::SNS::TopicPolicy
    Properties:
      Topics: [!Ref N]
      PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {AWS: !GetAtt R.Arn}, Action: "sns:Publish", Resource: !Ref N}]}
"#;
    // A policy cannot name a role that has not spread yet.
    let trial = Trial::start(Rules { principal: Duration::from_secs(20), ..Rules::default() }).await;
    trial.converge(spec).await;
    trial.quiet(spec).await;
    tokio::time::sleep(Duration::from_secs(90)).await;
    trial.aws.with(|cloud| cloud.iam.roles.clear());
    trial.aws.forget();
    trial.converge(spec).await;
    tokio::time::sleep(Duration::from_secs(90)).await;
    trial.quiet(spec).await;
    let role = trial.aws.with(|cloud| cloud.iam.roles["writer"].id.clone());
    trial.aws.with(|cloud| {
        let names = |policy: &Json| policy.as_str().is_some_and(|text| text.contains(&role));
        assert!(names(&cloud.sqs.queues["t-Q"].attributes["Policy"]), "the queue's policy names the dead role");
        assert!(names(&cloud.sns.topics["t-N"].attributes["Policy"]), "the topic's policy names the dead role");
    });
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_somebody_removed_is_made_again() {
    let trial = Trial::start(Rules::default()).await;
    let spec = "Queue q: {}\nTopic n: {subscriptions: [{queue: q}]}";
    trial.converge(spec).await;
    let arn = trial.aws.with(|cloud| cloud.sns.subscriptions.keys().next().unwrap().clone());
    trial.aws.ask("sns", "Unsubscribe", json!({"SubscriptionArn": arn})).unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    trial.aws.forget();
    trial.converge(spec).await;
    assert_eq!(trial.aws.writes(), [("Subscribe".to_owned(), 1)].into(), "{}", trial.story());
}
