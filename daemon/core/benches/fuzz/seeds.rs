//! What mutation begins with.

use std::fs;
use std::path::{Path, PathBuf};

/// Texts by kind.
pub struct Seeds {
    pub templates: Vec<String>,
    pub manifests: Vec<String>,
    pub samconfigs: Vec<String>,
}

/// Most of a text that is taken as a seed, bytes: larger ones only slow mutation down.
const LARGEST: usize = 24 << 10;

impl Seeds {
    /// The project's specs and templates, and the corpus where it is there.
    pub fn read() -> Seeds {
        let home = Path::new(env!("CARGO_MANIFEST_DIR"));
        let specs = home.join("../../specs");
        let corpus =
            std::env::var_os("EVENKEEL_CORPUS").map_or_else(|| home.join("../../../shared/corpus"), PathBuf::from);
        let mut seeds = Seeds {
            templates: [LANGUAGE, SERVERLESS, NESTED].map(str::to_owned).to_vec(),
            manifests: vec![MANIFEST.to_owned()],
            samconfigs: [SAMCONFIG, SAMCONFIG_LIST].map(str::to_owned).to_vec(),
        };
        for root in
            [specs, corpus.join("real"), corpus.join("init"), corpus.join("sam-tests"), corpus.join("sam-errors")]
        {
            seeds.walk(&root, 0);
        }
        seeds
    }

    pub fn count(&self) -> usize {
        self.templates.len() + self.manifests.len() + self.samconfigs.len()
    }

    fn walk(&mut self, folder: &Path, depth: usize) {
        let mut paths: Vec<PathBuf> =
            fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        // The same order everywhere: a case follows from its number.
        paths.sort();
        for path in paths {
            if path.is_dir() && depth < 3 {
                self.walk(&path, depth + 1);
                continue;
            }
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let Some(text) = fs::read_to_string(&path).ok().filter(|text| text.len() <= LARGEST) else { continue };
            match name.as_str() {
                "template.yaml" | "template.json" => self.templates.push(text),
                "samconfig.toml" => self.samconfigs.push(text),
                _ if name.ends_with(".yaml") && text.contains("evenkeel.dev/") => self.manifests.push(text),
                _ => {}
            }
        }
    }
}

/// Every construct of the template language.
const LANGUAGE: &str = "\
Transform: [AWS::LanguageExtensions, AWS::Serverless-2016-10-31]
Parameters:
  Stage: {Type: String, Default: dev, AllowedValues: [dev, prod], NoEcho: true}
  Names: {Type: CommaDelimitedList, Default: 'a,b'}
  Size: {Type: Number, Default: 3, MinValue: 1}
  Url: {Type: 'AWS::SSM::Parameter::Value<String>', Default: /a/b}
Mappings:
  M: {dev: {Size: 128, Names: [x, y]}, prod: {Size: 256, Names: [z]}}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  Both: !And [!Condition IsProd, !Not [!Equals [!Ref Size, 3]], !Or [!Equals [1, 1], !Condition IsProd]]
Rules:
  R: {RuleCondition: !Equals [!Ref Stage, prod], Assertions: [{Assert: !Contains [[dev, prod], !Ref Stage], AssertDescription: x}]}
Resources:
  Q: {Type: AWS::SQS::Queue, Condition: Both, DeletionPolicy: Retain, Properties: {QueueName: !Sub '${AWS::StackName}-${Stage}'}}
  T:
    Type: AWS::SNS::Topic
    DependsOn: [P]
    Properties:
      DisplayName: !If [IsProd, !FindInMap [M, !Ref Stage, Size], !Ref AWS::NoValue]
      TopicName: !Join ['-', [!Select [0, !Split [',', 'a,b']], !Ref 'AWS::Region']]
  P: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: '{{resolve:ssm:/x/y:1}}', Name: !Sub ['/${A}/x', {A: !Ref Stage}]}}
  Fn::ForEach::Loop:
    - Name
    - !Ref Names
    - 'Queue${Name}': {Type: AWS::SQS::Queue, Properties: {DelaySeconds: !Ref Size, QueueName: !Sub '${Name}-x'}}
  L: {Type: AWS::Lambda::Function, Properties: {Code: ./src, Role: !GetAtt Role.Arn, Handler: a.b, Runtime: python3.12, MemorySize: !FindInMap [M, !Ref Stage, Size]}}
  Role: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {Version: 2012-10-17, Statement: [{Effect: Allow, Action: 'sts:AssumeRole', Principal: {Service: lambda.amazonaws.com}}]}}}
  I: {Fn::Transform: {Name: AWS::Include, Parameters: {Location: part.yaml}}}
Outputs:
  O: {Value: !Base64 'x', Export: {Name: !Sub '${AWS::StackName}-o'}}
  C: {Value: !Join [',', !Cidr [10.0.0.0/16, 4, 8]]}
  J: {Value: !ToJsonString {a: !Length [1, 2], b: !ImportValue other}}
  Z: {Value: !Select [0, !GetAZs '']}
";

/// SAM's own constructs.
const SERVERLESS: &str = "\
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: {Timeout: 10, Runtime: python3.12, Environment: {Variables: {A: b}}, Layers: [!Ref Layer]}
  Api: {Cors: \"'*'\"}
Resources:
  Layer: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: layer/, CompatibleRuntimes: [python3.12]}}
  Fn:
    Type: AWS::Serverless::Function
    Connectors: {C: {Properties: {Destination: {Id: Table}, Permissions: [Read, Write]}}}
    Properties:
      CodeUri: src/
      Handler: app.handler
      AutoPublishAlias: live
      DeploymentPreference: {Type: Canary10Percent5Minutes, Alarms: [!Ref Alarm]}
      Policies: [SQSSendMessagePolicy: {QueueName: !GetAtt Queue.QueueName}, AWSLambdaExecute, {Statement: [{Effect: Allow, Action: '*', Resource: '*'}]}]
      EventInvokeConfig: {MaximumRetryAttempts: 1, DestinationConfig: {OnFailure: {Type: SQS}}}
      FunctionUrlConfig: {AuthType: NONE, Cors: {AllowOrigins: ['*']}}
      Events:
        A: {Type: Api, Properties: {Path: /a, Method: get, Auth: {ApiKeyRequired: true}}}
        H: {Type: HttpApi, Properties: {Path: /h, Method: post}}
        Q: {Type: SQS, Properties: {Queue: !GetAtt Queue.Arn, BatchSize: 10}}
        N: {Type: SNS, Properties: {Topic: !Ref Topic, SqsSubscription: true}}
        B: {Type: S3, Properties: {Bucket: !Ref Bucket, Events: 's3:ObjectCreated:*'}}
        S: {Type: Schedule, Properties: {Schedule: rate(1 minute)}}
        V: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 minute)}}
        E: {Type: EventBridgeRule, Properties: {Pattern: {source: [x]}, DeadLetterConfig: {Type: SQS}}}
        L: {Type: CloudWatchLogs, Properties: {LogGroupName: x, FilterPattern: ''}}
        D: {Type: DynamoDB, Properties: {Stream: !GetAtt Table.StreamArn, StartingPosition: LATEST}}
  Queue: {Type: AWS::SQS::Queue}
  Topic: {Type: AWS::SNS::Topic}
  Bucket: {Type: AWS::S3::Bucket}
  Alarm: {Type: AWS::CloudWatch::Alarm, Properties: {ComparisonOperator: LessThanThreshold, EvaluationPeriods: 1}}
  Table: {Type: AWS::Serverless::SimpleTable, Properties: {PrimaryKey: {Name: id, Type: String}}}
  Api: {Type: AWS::Serverless::Api, Properties: {StageName: x, Auth: {DefaultAuthorizer: A, Authorizers: {A: {UserPoolArn: 'arn:aws:cognito-idp:eu-west-1:123456789012:userpool/x'}}}, Domain: {DomainName: a.example.com, CertificateArn: x}}}
  Http: {Type: AWS::Serverless::HttpApi, Properties: {CorsConfiguration: true, DefinitionBody: {openapi: 3.0.1, paths: {/x: {get: {}}}}}}
  Machine: {Type: AWS::Serverless::StateMachine, Properties: {Definition: {StartAt: A, States: {A: {Type: Pass, End: true}}}, Events: {S: {Type: Schedule, Properties: {Schedule: rate(1 day)}}}}}
  Graph: {Type: AWS::Serverless::GraphQLApi, Properties: {SchemaInline: 'type Q { a: String }', Auth: {Type: API_KEY}, DataSources: {DynamoDb: {D: {TableName: !Ref Table, TableArn: !GetAtt Table.Arn}}}}}
  Conn: {Type: AWS::Serverless::Connector, Properties: {Source: {Id: Fn}, Destination: [{Id: Queue}, {Id: Topic}], Permissions: [Write]}}
";

/// Applications within applications; the oracle has the files.
const NESTED: &str = "\
Transform: AWS::Serverless-2016-10-31
Resources:
  App: {Type: AWS::Serverless::Application, Properties: {Location: inner, Parameters: {Name: x, Topic: !Ref Topic}}}
  Self: {Type: AWS::Serverless::Application, Properties: {Location: self.yaml}}
  Topic: {Type: AWS::SNS::Topic}
  Use: {Type: AWS::SSM::Parameter, DependsOn: App, Properties: {Type: String, Value: !GetAtt App.Outputs.Url}}
";

const MANIFEST: &str = "\
apiVersion: evenkeel.dev/v1
kind: App
metadata: {name: shop}
spec:
  environments: {dev: {region: eu-west-1, account: '123456789012'}, prod: {parameters: {Stage: prod}}}
  parameters: {Stage: {type: String, default: dev}}
  tags: {team: shop}
---
apiVersion: evenkeel.dev/v1
kind: Function
metadata: {name: charge}
spec:
  code: ./src
  handler: app.handler
  runtime: python3.12
  timeout: 10s
  memory: 256
  environment: {QUEUE: !Ref orders, STAGE: !Sub '${Stage}-x'}
  triggers: [{queue: orders, batchSize: 5}, {schedule: rate(5 minutes)}]
  permissions: [{send: orders}]
---
apiVersion: evenkeel.dev/v1
kind: Queue
metadata: {name: orders}
spec: {visibilityTimeout: 60s, deadLetter: {queue: dead, maxReceives: 3}}
---
apiVersion: evenkeel.dev/v1
kind: Queue
metadata: {name: dead}
spec: {}
";

const SAMCONFIG: &str = "\
version = 0.1
[default.global.parameters]
stack_name = \"shop\"
[default.deploy.parameters]
region = \"eu-west-1\"
s3_bucket = \"b\"
capabilities = \"CAPABILITY_IAM CAPABILITY_AUTO_EXPAND\"
parameter_overrides = \"A=\\\"x y\\\" B=1 C='z'\"
tags = \"team=\\\"a\\\" x=y\"
image_repositories = [\"Fn=1.dkr.ecr.eu-west-1.amazonaws.com/x\"]
[prod.deploy.parameters]
stack_name = \"shop-prod\"
parameter_overrides = [\"A=1\", \"B=2\"]
confirm_changeset = true
";

const SAMCONFIG_LIST: &str = "\
version: 0.1
default:
  deploy:
    parameters:
      stack_name: shop
      parameter_overrides: [A=1, 'ParameterKey=B,ParameterValue=2']
      tags: {a: b}
";
