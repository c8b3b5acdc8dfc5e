//! The application of most tests: small, and with every kind that is not made of others.

use evenkeel_tests::Rig;

/// The application and its environments.
pub const APP: &str = "\
apiVersion: evenkeel.dev/v1
kind: App
metadata: {name: desk, labels: {project: desk}}
spec:
  environments: {dev: {}, prod: {}}
";

/// What it is made of.
pub const PARTS: &str = "\
apiVersion: evenkeel.dev/v1
kind: Queue
metadata: {name: jobs}
spec: {visibilityTimeout: 60, deadLetter: {maxReceiveCount: 3}}
---
apiVersion: evenkeel.dev/v1
kind: Topic
metadata: {name: news}
spec: {displayName: News, subscriptions: [{queue: jobs, rawMessageDelivery: true}]}
---
apiVersion: evenkeel.dev/v1
kind: Resource
metadata: {name: speakers}
spec:
  type: AWS::SNS::TopicPolicy
  properties:
    Topics: [!Ref news]
    PolicyDocument:
      Version: '2012-10-17'
      Statement: [{Sid: Speak, Effect: Allow, Principal: {AWS: '*'}, Action: 'sns:Publish', Resource: !Ref news}]
---
apiVersion: evenkeel.dev/v1
kind: Parameter
metadata: {name: greeting}
spec: {value: hello, description: What is said}
---
apiVersion: evenkeel.dev/v1
kind: Layer
metadata: {name: shared}
spec: {code: ./shared, description: Shared code, compatibleRuntimes: [python3.13]}
---
apiVersion: evenkeel.dev/v1
kind: Function
metadata: {name: worker}
spec:
  code: ./worker
  handler: app.handler
  runtime: python3.13
  memorySize: 256
  timeout: 10
  layers: [shared]
  environment: {GREETING: {parameter: greeting}}
  logs: {retentionInDays: 7}
  triggers: [{queue: jobs, batchSize: 5}, {topic: news, filterPolicy: {kind: [work]}}]
---
apiVersion: evenkeel.dev/v1
kind: Resource
metadata: {name: reader}
spec:
  type: AWS::IAM::ManagedPolicy
  properties:
    Description: May read the greeting
    PolicyDocument:
      Version: '2012-10-17'
      Statement: [{Effect: Allow, Action: 'ssm:GetParameter', Resource: '*'}]
---
apiVersion: evenkeel.dev/v1
kind: Resource
metadata: {name: door}
spec:
  type: AWS::Lambda::Url
  properties: {TargetFunctionArn: !GetAtt worker.Arn, AuthType: AWS_IAM, InvokeMode: BUFFERED}
---
apiVersion: evenkeel.dev/v1
kind: Resource
metadata: {name: later}
spec:
  type: AWS::Lambda::EventInvokeConfig
  properties: {FunctionName: !Ref worker, Qualifier: $LATEST, MaximumRetryAttempts: 1}
";

/// Code that answers with the greeting and a word out of the layer.
const CODE: &str = "\
import os
from desk import WORD


def handler(event, context):
    return f\"{os.environ['GREETING']} {WORD}\"
";

/// Writes the application into the specs.
pub fn write(rig: &Rig) {
    rig.write("desk/worker/app.py", CODE);
    rig.write("desk/shared/python/desk.py", "WORD = 'world'\n");
    rig.write("desk/app.yaml", APP);
    rig.write("desk/parts.yaml", PARTS);
}

/// Starts an emulator with the application in it, converged.
pub async fn converged() -> Rig {
    let rig = Rig::start().await;
    write(&rig);
    rig.once().await.exits(0);
    rig
}

/// The URL of a queue.
pub async fn queue_url(rig: &Rig, name: &str) -> String {
    let answer = rig.account.sqs.get_queue_url().queue_name(name).send().await.unwrap();
    answer.queue_url().unwrap().to_owned()
}

/// The ARN of a topic.
pub async fn topic_arn(rig: &Rig, name: &str) -> String {
    let answer = rig.account.sns.list_topics().send().await.unwrap();
    let mut arns = answer.topics().iter().filter_map(|topic| topic.topic_arn());
    arns.find(|arn| arn.ends_with(&format!(":{name}"))).unwrap().to_owned()
}

/// The name of the function's role.
pub async fn role(rig: &Rig) -> String {
    let function = rig.account.lambda.get_function_configuration().function_name("desk-dev-worker").send().await;
    function.unwrap().role().unwrap().rsplit('/').next().unwrap().to_owned()
}
