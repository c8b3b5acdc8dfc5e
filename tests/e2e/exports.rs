//! Applications of one tree that give each other values.

use evenkeel_tests::{Rig, eventually};
use std::time::Duration;

/// Exports a value that AWS makes up, and one that follows from names.
const NET: &str = "\
apiVersion: evenkeel.dev/v1
kind: App
metadata: {name: net}
spec:
  outputs:
    Mapping: {value: !Ref feed, export: net-mapping}
    Queue: {value: !GetAtt jobs.Arn, export: !Sub '${AWS::StackName}-queue'}
---
apiVersion: evenkeel.dev/v1
kind: Queue
metadata: {name: jobs}
spec: {visibilityTimeout: 60}
---
apiVersion: evenkeel.dev/v1
kind: Function
metadata: {name: worker}
spec:
  code: {inline: 'def handler(event, context): return 1'}
  handler: index.handler
  runtime: python3.13
  timeout: 10
  connects: [{queue: jobs, access: read}]
---
apiVersion: evenkeel.dev/v1
kind: Resource
metadata: {name: feed}
spec:
  type: AWS::Lambda::EventSourceMapping
  properties: {FunctionName: !Ref worker, EventSourceArn: !GetAtt jobs.Arn}
";

/// A SAM application that imports both; it comes first by its name.
const DESK: &str = "\
Transform: AWS::Serverless-2016-10-31
Resources:
  Mapping: {Type: AWS::SSM::Parameter, Properties: {Name: /desk/mapping, Type: String, Value: !ImportValue net-mapping}}
  Queue:
    Type: AWS::SSM::Parameter
    Properties:
      Name: /desk/queue
      Type: String
      Value: !Select [5, !Split [':', !ImportValue net-queue]]
";

async fn parameter(rig: &Rig, name: &str) -> Option<String> {
    let answer = rig.account.ssm.get_parameter().name(name).send().await.ok()?;
    answer.parameter()?.value().map(str::to_owned)
}

async fn mapping(rig: &Rig) -> Option<String> {
    let answer = rig.account.lambda.list_event_source_mappings().send().await.unwrap();
    answer.event_source_mappings().first()?.uuid().map(str::to_owned)
}

#[tokio::test]
async fn an_application_gets_what_another_exports_though_only_aws_knows_it() {
    let rig = Rig::start().await;
    rig.write("net/app.yaml", NET);
    rig.write("desk/template.yaml", DESK);
    let plan = rig.evenkeel("plan SPECS -o json").await.exits(2);
    assert!(plan.action("Mapping")["reason"].as_str().unwrap().contains("waits for the export `net-mapping`"));
    // Alone it waits, and says for what; with the other, after it.
    rig.evenkeel("reconcile --once SPECS --app desk -o json").await.exits(3).says("net-mapping");
    assert_eq!(parameter(&rig, "/desk/mapping").await, None);
    rig.evenkeel("reconcile --once SPECS -o json").await.exits(0);
    let uuid = mapping(&rig).await.unwrap();
    assert_eq!(parameter(&rig, "/desk/mapping").await, Some(uuid.clone()));
    assert_eq!(parameter(&rig, "/desk/queue").await.as_deref(), Some("net-jobs"));
    rig.agrees();
    assert_eq!(rig.evenkeel("reconcile --once SPECS -o json").await.exits(0).json()["writes"], 0);
    rig.agrees();
    assert_eq!(rig.evenkeel("reconcile --once SPECS --app desk -o json").await.exits(0).json()["writes"], 0);

    // The value changes: who imports it follows.
    let daemon = rig.daemon("--resync 1").await;
    daemon.ready("desk").await;
    rig.account.lambda.delete_event_source_mapping().uuid(&uuid).send().await.unwrap();
    eventually("the importing application has the new mapping", Duration::from_secs(20), async || {
        let now = mapping(&rig).await.filter(|now| *now != uuid)?;
        (parameter(&rig, "/desk/mapping").await == Some(now)).then_some(())
    })
    .await;

    // An export that is used goes away: the importing application stays as it was and says so.
    let text = NET.replace(", export: net-mapping}", "}");
    rig.write("net/app.yaml", &text);
    let frozen =
        daemon.until("desk", "frozen", |report| report["ready"] == false && report["message"].is_string()).await;
    let message = frozen["message"].as_str().unwrap();
    assert!(message.contains("frozen") && message.contains("exports `net-mapping`"), "{message}");
    assert!(parameter(&rig, "/desk/mapping").await.is_some());
}
