//! One application with something of every kind, and how many of everything there are.

use std::collections::BTreeMap;

use evenkeel_tests::Trial;

/// Something of every kind.
pub const ALL: &str = r#"
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Resources:
  Keep: {Type: AWS::SQS::Queue}
  Jobs: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 60}}
  JobsAccess: {Type: AWS::SQS::QueuePolicy, Properties: {Queues: [!Ref Jobs], PolicyDocument: {Statement: [{Effect: Allow, Principal: {Service: sns.amazonaws.com}, Action: "sqs:SendMessage", Resource: !GetAtt Jobs.Arn}]}}}
  News: {Type: AWS::SNS::Topic}
  NewsAccess: {Type: AWS::SNS::TopicPolicy, Properties: {Topics: [!Ref News], PolicyDocument: {Statement: [{Effect: Allow, Principal: {Service: s3.amazonaws.com}, Action: "sns:Publish", Resource: !Ref News}]}}}
  Fan: {Type: AWS::SNS::Subscription, Properties: {TopicArn: !Ref News, Protocol: sqs, Endpoint: !GetAtt Jobs.Arn}}
  Rate: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: "7"}}
  Reads: {Type: AWS::IAM::ManagedPolicy, Properties: {PolicyDocument: {Statement: [{Effect: Allow, Action: "s3:GetObject", Resource: "*"}]}}}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: "sts:AssumeRole"}]}
      ManagedPolicyArns: [!Ref Reads, "arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole"]
      Policies: [{PolicyName: inline, PolicyDocument: {Statement: [{Effect: Allow, Action: "s3:PutObject", Resource: "*"}]}}]
  Logs: {Type: AWS::Logs::LogGroup, DeletionPolicy: Delete, Properties: {LogGroupName: /aws/lambda/t-f, RetentionInDays: 7}}
  Shared: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: ./src, RetentionPolicy: Delete}}
  SharedAccess: {Type: AWS::Lambda::LayerVersionPermission, Properties: {Action: "lambda:GetLayerVersion", LayerVersionArn: !Ref Shared, Principal: "*"}}
  F:
    Type: AWS::Serverless::Function
    DependsOn: Logs
    Properties:
      FunctionName: t-f
      CodeUri: ./src
      Handler: app.handler
      Runtime: python3.13
      Role: !GetAtt Role.Arn
      Layers: [!Ref Shared]
      AutoPublishAlias: live
      ProvisionedConcurrencyConfig: {ProvisionedConcurrentExecutions: 2}
      ReservedConcurrentExecutions: 5
      EventInvokeConfig: {MaximumRetryAttempts: 0}
      FunctionUrlConfig: {AuthType: NONE}
      Events:
        Jobs: {Type: SQS, Properties: {Queue: !GetAtt Jobs.Arn}}
        News: {Type: SNS, Properties: {Topic: !Ref News}}
"#;

/// What is left of it.
pub const KEEP: &str = r#"
AWSTemplateFormatVersion: "2010-09-09"
Resources:
  Keep: {Type: AWS::SQS::Queue}
"#;

/// How many there are of everything.
pub fn census(trial: &Trial) -> BTreeMap<&'static str, usize> {
    trial.aws.with(|cloud| {
        let (lambda, iam) = (&cloud.lambda, &cloud.iam);
        let functions = || lambda.functions.values();
        let sizes = [
            ("functions", lambda.functions.len()),
            ("versions", functions().map(|one| one.versions.len()).sum()),
            ("aliases", functions().map(|one| one.aliases.len()).sum()),
            ("statements", functions().flat_map(|one| one.statements.values()).map(Vec::len).sum()),
            ("urls", functions().map(|one| one.urls.len()).sum()),
            ("invoke settings", functions().map(|one| one.invoke.len()).sum()),
            ("provisioned", functions().map(|one| one.provisioned.len()).sum()),
            ("reserved", functions().filter(|one| one.reserved.is_some()).count()),
            ("mappings", lambda.mappings.len()),
            ("versions of layers", lambda.layers.values().map(|one| one.versions.len()).sum()),
            (
                "statements of layers",
                lambda.layers.values().flat_map(|one| one.statements.values()).map(Vec::len).sum(),
            ),
            ("queues", cloud.sqs.queues.values().filter(|queue| queue.dying.is_none()).count()),
            (
                "policies of queues",
                cloud.sqs.queues.values().filter(|queue| queue.attributes.contains_key("Policy")).count(),
            ),
            ("topics", cloud.sns.topics.len()),
            ("subscriptions", cloud.sns.subscriptions.len()),
            ("parameters", cloud.ssm.parameters.len()),
            ("roles", iam.roles.len()),
            ("inline policies", iam.roles.values().map(|role| role.inline.len()).sum()),
            ("attached policies", iam.roles.values().map(|role| role.attached.len()).sum()),
            ("managed policies", iam.policies.values().map(|policy| policy.versions.len()).sum()),
            ("log groups", cloud.logs.groups.len()),
        ];
        sizes.into_iter().collect()
    })
}
