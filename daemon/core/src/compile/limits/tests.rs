use std::collections::BTreeMap;

use indexmap::IndexMap;
use proptest::prelude::*;

use super::*;
use crate::compile::yaml;
use crate::model::FileId;
use crate::model::resource::SpecSource;

/// An application of the resources in a YAML map: id to `[Type, {properties}]`.
pub(super) fn application(text: &str) -> Desired {
    let node = yaml::read_documents(text, FileId(0)).unwrap().remove(0);
    let resources: IndexMap<String, Resource> = node
        .as_map()
        .unwrap()
        .iter()
        .map(|(id, entry)| {
            let [kind, properties] = entry.node.as_list().unwrap() else { panic!("{id} is a type and properties") };
            (id.clone(), Resource::new(id, kind.as_str().unwrap(), properties.clone(), entry.key_place))
        })
        .collect();
    Desired {
        app: "app".into(),
        env: None,
        stack: "app".into(),
        region: None,
        account: None,
        role_arn: None,
        source: SpecSource::Template,
        tags: BTreeMap::new(),
        resources,
        outputs: IndexMap::new(),
        deleted: false,
        allow_delete: None,
    }
}

fn complaints(text: &str) -> Vec<Diagnostic> {
    let mut out = Diagnostics::new();
    check_limits(&application(text), &mut out);
    out.sorted().into_iter().cloned().collect()
}

/// The code and line of every complaint.
fn codes(text: &str) -> Vec<(&'static str, u32)> {
    complaints(text).iter().map(|it| (it.code, it.place.line)).collect()
}

/// A function whose further properties stand from line 3 on.
fn function(rest: &str) -> String {
    let lines: String = rest.lines().map(|line| format!("      {line}\n")).collect();
    format!(
        "F:\n  - AWS::Lambda::Function\n  -\n{lines}      Role: r\n      Code: {{LocalPath: src}}\n      Handler: a.b\n      Runtime: python3.13\n"
    )
}

fn function_codes(rest: &str) -> Vec<(&'static str, u32)> {
    codes(&function(rest)).into_iter().map(|(code, line)| (code, line.saturating_sub(3))).collect()
}

#[test]
fn a_function_as_people_write_it_has_no_complaints() {
    let layers = "Layers: [!Ref A, !Ref B, \"arn:aws:lambda:eu-west-1:111122223333:layer:c:1\"]\n";
    let environment = "Environment: {Variables: {LOG_LEVEL: INFO, COUNT: 3, URL: !Ref Q, ON: true}}\n";
    let rest = format!("{layers}{environment}Timeout: 900\nMemorySize: 10240\nEphemeralStorage: {{Size: 10240}}");
    assert_eq!(function_codes(&rest), []);
}

#[test]
fn time_memory_and_storage_are_those_of_functions_on_demand() {
    assert_eq!(function_codes("Timeout: 901"), [("out-of-range", 1)]);
    assert_eq!(function_codes("MemorySize: \"10241\""), [("out-of-range", 1)]);
    assert_eq!(function_codes("EphemeralStorage: {Size: 10241}"), [("out-of-range", 1)]);
    assert_eq!(function_codes("Timeout: 901\nCapacityProviderConfig: {A: b}"), []);
    assert_eq!(function_codes("Timeout: !Ref T"), []);
}

#[test]
fn five_layers_are_the_most_and_each_is_there_once() {
    assert_eq!(function_codes("Layers: [!Ref A, !Ref B, !Ref C, !Ref D, !Ref E, !Ref G]"), [("too-many-layers", 1)]);
    let one = "\"arn:aws:lambda:eu-west-1:111122223333:layer:c:1\"";
    let two = "\"arn:aws:lambda:eu-west-1:111122223333:layer:c:2\"";
    assert_eq!(function_codes(&format!("Layers:\n- {one}\n- {two}")), [("same-layer-twice", 3)]);
    let layer = "L: [AWS::Lambda::LayerVersion, {Content: {}}]\n";
    assert_eq!(codes(&format!("{}{layer}", function("Layers: [!Ref L, !Ref L]"))), [("same-layer-twice", 4)]);
    let named = "L: [AWS::Lambda::LayerVersion, {LayerName: x}]\nM: [AWS::Lambda::LayerVersion, {LayerName: x}]\n";
    assert_eq!(codes(&format!("{}{named}", function("Layers: [!Ref L, !Ref M]"))), [("same-layer-twice", 4)]);
}

#[test]
fn an_environment_over_four_kilobytes_is_refused_without_its_values() {
    let fits = format!("Environment: {{Variables: {{AA: {}}}}}", "x".repeat(4096 - 9));
    assert_eq!(function_codes(&fits), []);
    let over = format!("Environment: {{Variables: {{AA: {}}}}}", "x".repeat(4096 - 8));
    assert_eq!(function_codes(&over), [("environment-too-large", 1)]);
    assert!(!format!("{:?}", complaints(&function(&over))).contains("xxx"));
}

#[test]
fn names_of_the_environment_are_those_that_lambda_takes() {
    for name in ["AWS_REGION", "_HANDLER", "LAMBDA_TASK_ROOT"] {
        assert_eq!(function_codes(&format!("Environment: {{Variables: {{{name}: a}}}}")), [("reserved-name", 1)]);
    }
    for name in ["1A", "A-B", "_A", "A"] {
        assert_eq!(function_codes(&format!("Environment: {{Variables: {{{name}: a}}}}")), [("bad-name", 1)]);
    }
    assert_eq!(function_codes("Environment: {Variables: {AA: [a]}}"), [("wrong-type", 1)]);
    assert_eq!(function_codes("Environment: {Variables: {AWS_LAMBDA_EXEC_WRAPPER: /opt/x}}"), []);
}

#[test]
fn log_levels_need_json() {
    assert_eq!(function_codes("LoggingConfig: {SystemLogLevel: WARN}"), [("unsupported-together", 1)]);
    assert_eq!(
        function_codes("LoggingConfig: {LogFormat: Text, ApplicationLogLevel: INFO}"),
        [("unsupported-together", 1)]
    );
    assert_eq!(function_codes("LoggingConfig: {LogFormat: JSON, SystemLogLevel: WARN}"), []);
}

#[test]
fn inline_code_is_small_and_for_two_languages() {
    let inline = |runtime: &str, code: &str| {
        codes(&format!(
            "F: [AWS::Lambda::Function, {{Role: r, Handler: index.h, Runtime: {runtime}, Code: {{ZipFile: \"{code}\"}}}}]"
        ))
    };
    assert_eq!(inline("python3.13", "pass"), []);
    assert_eq!(inline("java21", "pass"), [("unsupported-together", 1)]);
    assert_eq!(inline("nodejs22.x", &"x".repeat((4 << 20) + 1)), [("code-too-large", 1)]);
}

#[test]
fn an_image_brings_its_own_handler_and_a_zip_needs_one() {
    let function = |rest: &str| codes(&format!("F: [AWS::Lambda::Function, {{Role: r, {rest}}}]"));
    assert_eq!(function("PackageType: Image, Code: {ImageUri: x}"), []);
    assert_eq!(function("PackageType: Image, Code: {ImageUri: x}, Handler: a.b"), [("unsupported-together", 1)]);
    assert_eq!(function("PackageType: Image, Code: {ImageUri: x}, Layers: []"), []);
    assert_eq!(function("Code: {ImageUri: x}"), [("missing-property", 1)]);
    assert_eq!(function("Code: {S3Bucket: b, S3Key: k}, Handler: a.b"), [("missing-property", 1)]);
    assert_eq!(function("Code: {LocalPath: x}, PackageType: !Ref P"), []);
}

#[test]
fn an_alias_has_a_name_and_at_most_one_other_version() {
    assert_eq!(codes("A: [AWS::Lambda::Alias, {Name: live}]"), []);
    assert_eq!(codes("A: [AWS::Lambda::Alias, {Name: \"12\"}]"), [("bad-name", 1)]);
    assert_eq!(codes("A: [AWS::Lambda::Alias, {Name: a.b}]"), [("bad-name", 1)]);
    let weights = "RoutingConfig: {AdditionalVersionWeights: [{FunctionVersion: \"1\"}, {FunctionVersion: \"2\"}]}";
    assert_eq!(codes(&format!("A: [AWS::Lambda::Alias, {{Name: live, {weights}}}]")), [("too-many-versions", 1)]);
}

const QUEUE_AND_FUNCTION: &str = "\
Q: [AWS::SQS::Queue, {VisibilityTimeout: 60}]
F: [AWS::Lambda::Function, {Role: r, Handler: a, Runtime: r, Code: {}, Timeout: 180}]
";

#[test]
fn a_queue_hides_messages_for_as_long_as_its_function_may_take() {
    for name in [
        "!Ref F",
        "!GetAtt F.Arn",
        "!Ref L",
        "!Join ['', ['arn:aws:lambda:', !Ref 'AWS::Region', ':1:function:', !Ref F, ':live']]",
    ] {
        let text = format!(
            "{QUEUE_AND_FUNCTION}M: [AWS::Lambda::EventSourceMapping, {{EventSourceArn: !GetAtt Q.Arn, FunctionName: {name}}}]\nL: [AWS::Lambda::Alias, {{Name: live, FunctionName: !Ref F}}]\n"
        );
        let all = complaints(&text);
        assert_eq!(all.len(), 1, "{name}: {all:#?}");
        assert_eq!((all[0].code, all[0].place.line), ("visibility-below-timeout", 1));
        assert_eq!(all[0].related[0].0.line, 2);
        assert!(all[0].help.as_deref().is_some_and(|help| help.contains("1080")));
    }
}

#[test]
fn defaults_count_where_the_spec_says_nothing() {
    let mapping = "M: [AWS::Lambda::EventSourceMapping, {EventSourceArn: !GetAtt Q.Arn, FunctionName: !Ref F}]\n";
    let pair = |queue: &str, function: &str| {
        codes(&format!(
            "Q: [AWS::SQS::Queue, {{{queue}}}]\nF: [AWS::Lambda::Function, {{Role: r, Handler: a, Runtime: r, Code: {{}}, {function}}}]\n{mapping}"
        ))
    };
    assert_eq!(pair("", "Timeout: 30"), []);
    assert_eq!(pair("", "Timeout: 31"), [("visibility-below-timeout", 1)]);
    assert_eq!(pair("VisibilityTimeout: 2", ""), [("visibility-below-timeout", 1)]);
    assert_eq!(pair("VisibilityTimeout: !Ref V", "Timeout: 900"), []);
}

#[test]
fn a_mapping_by_explicit_names_finds_its_ends() {
    let text = "\
Q: [AWS::SQS::Queue, {QueueName: orders}]
F: [AWS::Lambda::Function, {FunctionName: charge, Role: r, Handler: a, Runtime: r, Code: {}, Timeout: 60}]
M: [AWS::Lambda::EventSourceMapping, {EventSourceArn: \"arn:aws:sqs:eu-west-1:111122223333:orders\", FunctionName: charge}]
";
    assert_eq!(codes(text), [("visibility-below-timeout", 1)]);
}

#[test]
fn batches_fit_the_queue() {
    let mapping = |fifo: bool, rest: &str| {
        codes(&format!(
            "Q: [AWS::SQS::Queue, {{FifoQueue: {fifo}}}]\nM: [AWS::Lambda::EventSourceMapping, {{EventSourceArn: !GetAtt Q.Arn, FunctionName: f, {rest}}}]"
        ))
    };
    assert_eq!(mapping(true, "BatchSize: 11"), [("batch-size", 2)]);
    assert_eq!(mapping(true, "BatchSize: 10"), []);
    assert_eq!(mapping(true, "MaximumBatchingWindowInSeconds: 1"), [("unsupported-together", 2)]);
    assert_eq!(mapping(false, "BatchSize: 11"), [("batch-size", 2)]);
    assert_eq!(mapping(false, "BatchSize: 11, MaximumBatchingWindowInSeconds: 1"), []);
    assert_eq!(mapping(false, "BatchSize: 11, MaximumBatchingWindowInSeconds: !Ref W"), []);
    assert_eq!(mapping(false, "StartingPosition: LATEST"), [("unsupported-together", 2)]);
    let url =
        "Q: [AWS::SQS::Queue, {}]\nM: [AWS::Lambda::EventSourceMapping, {EventSourceArn: !Ref Q, FunctionName: f}]";
    assert_eq!(codes(url), [("not-an-arn", 2)]);
    let stream =
        "M: [AWS::Lambda::EventSourceMapping, {EventSourceArn: \"arn:aws:kinesis:a:1:stream/s\", FunctionName: f}]";
    assert_eq!(codes(stream), [("missing-property", 1)]);
}

#[test]
fn names_of_queues_and_topics_say_whether_they_are_fifo() {
    for (kind, name, flag) in
        [("AWS::SQS::Queue", "QueueName", "FifoQueue"), ("AWS::SNS::Topic", "TopicName", "FifoTopic")]
    {
        let with = |properties: &str| codes(&format!("X: [{kind}, {{{properties}}}]"));
        assert_eq!(with(&format!("{name}: orders")), []);
        assert_eq!(with(&format!("{name}: orders.fifo, {flag}: true")), []);
        assert_eq!(with(&format!("{name}: orders, {flag}: \"true\"")), [("fifo-name", 1)]);
        assert_eq!(with(&format!("{name}: orders.fifo")), [("fifo-name", 1)]);
        assert_eq!(with(&format!("{name}: orders.fifo, {flag}: !Ref P")), []);
        assert_eq!(with(&format!("{name}: or ders")), [("bad-name", 1)]);
        assert_eq!(with(&format!("{name}: {}", "x".repeat(257))), [("bad-name", 1)]);
        assert_eq!(with("ContentBasedDeduplication: true"), [("fifo-only", 1)]);
        assert_eq!(with(&format!("ContentBasedDeduplication: true, {flag}: true")), []);
    }
}

#[test]
fn a_queue_has_one_kind_of_encryption_and_high_throughput_takes_two_words() {
    let queue = |properties: &str| codes(&format!("X: [AWS::SQS::Queue, {{{properties}}}]"));
    assert_eq!(queue("KmsMasterKeyId: alias/a, SqsManagedSseEnabled: true"), [("two-encryptions", 1)]);
    assert_eq!(queue("KmsMasterKeyId: !Ref K, SqsManagedSseEnabled: false"), []);
    assert_eq!(queue("FifoQueue: true, FifoThroughputLimit: perMessageGroupId"), [("unsupported-together", 1)]);
    let both = "FifoQueue: true, FifoThroughputLimit: perMessageGroupId, DeduplicationScope: messageGroup";
    assert_eq!(queue(both), []);
    assert_eq!(queue("FifoQueue: true, DeduplicationScope: messagegroup"), [("bad-value", 1)]);
}

#[test]
fn dead_letters_go_to_their_own_kind_of_queue() {
    let pair = |ours: bool, theirs: bool| {
        codes(&format!(
            "Q: [AWS::SQS::Queue, {{FifoQueue: {ours}, RedrivePolicy: {{deadLetterTargetArn: !GetAtt D.Arn, maxReceiveCount: 5}}}}]\nD: [AWS::SQS::Queue, {{FifoQueue: {theirs}}}]"
        ))
    };
    assert_eq!(pair(true, true), []);
    assert_eq!(pair(false, false), []);
    assert_eq!(pair(true, false), [("fifo-mismatch", 1)]);
    assert_eq!(pair(false, true), [("fifo-mismatch", 1)]);
    let queue = |redrive: &str| {
        codes(&format!("Q: [AWS::SQS::Queue, {{RedrivePolicy: {redrive}}}]\nD: [AWS::SQS::Queue, {{}}]"))
    };
    assert_eq!(queue("{deadLetterTargetArn: !GetAtt D.Arn}"), [("missing-property", 1)]);
    assert_eq!(queue("{deadLetterTargetArn: !GetAtt D.Arn, maxReceiveCount: 1001}"), [("out-of-range", 1)]);
    assert_eq!(queue("{deadLetterTargetArn: !Ref D, maxReceiveCount: 3}"), [("not-an-arn", 1)]);
    let text = r#"'{"deadLetterTargetArn":"arn:aws:sqs:a:1:d.fifo","maxReceiveCount":"3"}'"#;
    assert_eq!(queue(text), [("fifo-mismatch", 1)]);
}

#[test]
fn ten_queues_at_most_are_named_for_redrive() {
    let allow = |policy: &str| codes(&format!("Q: [AWS::SQS::Queue, {{RedriveAllowPolicy: {policy}}}]"));
    let arns = |count: usize| vec!["a"; count].join(", ");
    assert_eq!(allow(&format!("{{redrivePermission: byQueue, sourceQueueArns: [{}]}}", arns(10))), []);
    assert_eq!(
        allow(&format!("{{redrivePermission: byQueue, sourceQueueArns: [{}]}}", arns(11))),
        [("wrong-count", 1)]
    );
    assert_eq!(allow("{redrivePermission: byQueue}"), [("missing-property", 1)]);
    assert_eq!(allow("{redrivePermission: denyAll, sourceQueueArns: [a]}"), [("unsupported-together", 1)]);
    assert_eq!(allow("{redrivePermission: byQueues}"), [("bad-value", 1)]);
}

#[test]
fn a_subscription_says_where_messages_go_in_the_form_that_the_topic_takes() {
    let with = |topic: &str, queue: &str, rest: &str| {
        codes(&format!(
            "T: [AWS::SNS::Topic, {{{topic}}}]\nQ: [AWS::SQS::Queue, {{{queue}}}]\nS: [AWS::SNS::Subscription, {{TopicArn: !Ref T, {rest}}}]"
        ))
    };
    assert_eq!(with("", "", "Protocol: sqs, Endpoint: !GetAtt Q.Arn"), []);
    assert_eq!(with("", "", "Protocol: sqs, Endpoint: !Ref Q"), [("not-an-arn", 3)]);
    assert_eq!(
        with("", "", "Protocol: sqs, Endpoint: \"https://sqs.eu-west-1.amazonaws.com/1/q\""),
        [("not-an-arn", 3)]
    );
    assert_eq!(with("", "", "Protocol: SQS, Endpoint: !GetAtt Q.Arn"), [("bad-value", 3)]);
    assert_eq!(with("", "", "Protocol: lambda"), [("missing-property", 3)]);
    assert_eq!(with("", "FifoQueue: true", "Protocol: sqs, Endpoint: !GetAtt Q.Arn"), [("fifo-mismatch", 3)]);
    assert_eq!(with("FifoTopic: true", "FifoQueue: true", "Protocol: sqs, Endpoint: !GetAtt Q.Arn"), []);
    assert_eq!(with("FifoTopic: true", "", "Protocol: lambda, Endpoint: !GetAtt F.Arn"), [("fifo-mismatch", 3)]);
    let filter = "Protocol: lambda, Endpoint: a, FilterPolicy: {a: [1], b: [1], c: [1], d: [1], e: [1], f: [1]}";
    assert_eq!(with("", "", filter), [("wrong-count", 3)]);
    assert_eq!(with("", "", &format!("{filter}, FilterPolicyScope: MessageBody")), []);
}

#[test]
fn raw_delivery_is_for_queues_http_and_firehose() {
    let raw = |protocol| {
        let given = format!("Protocol: {protocol}, Endpoint: a, RawMessageDelivery: true");
        codes(&format!("S: [AWS::SNS::Subscription, {{TopicArn: !Ref T, {given}}}]"))
    };
    assert_eq!(raw("lambda"), [("unsupported-together", 1)]);
    assert_eq!(raw("email"), [("unsupported-together", 1)]);
    assert_eq!(["sqs", "http", "https", "firehose"].map(raw), [vec![], vec![], vec![], vec![]]);
}

#[test]
fn a_filter_by_attributes_is_a_map_of_lists() {
    let filter = |text: &str| {
        let given = format!("Protocol: lambda, Endpoint: a, FilterPolicy: {text}");
        codes(&format!("S: [AWS::SNS::Subscription, {{TopicArn: !Ref T, {given}}}]"))
    };
    assert_eq!(filter("{a: [1], b: [{prefix: x}], $or: [{c: [1]}, {d: [1]}]}"), []);
    assert_eq!(filter("'{\"a\": [1]}'"), []);
    assert_eq!(filter("{a: x}"), [("wrong-type", 1)]);
    assert_eq!(filter("{a: {b: [1]}}"), [("wrong-type", 1)]);
    assert_eq!(filter("{a: {b: [1]}}, FilterPolicyScope: MessageBody"), []);
    assert_eq!(filter("{a: {b: [1]}}, FilterPolicyScope: !Ref Scope"), []);
}

#[test]
fn provisioned_concurrency_is_for_published_versions_and_within_what_is_reserved() {
    let alias = |version: &str, wanted: u32| {
        codes(&format!(
            "A: [AWS::Lambda::Alias, {{Name: live, FunctionName: !Ref F, FunctionVersion: {version}, ProvisionedConcurrencyConfig: {{ProvisionedConcurrentExecutions: {wanted}}}}}]\n{}",
            function("ReservedConcurrentExecutions: 5")
        ))
    };
    assert_eq!(alias("$LATEST", 1), [("unsupported-together", 1)]);
    assert_eq!(alias("!GetAtt V.Version", 6), [("out-of-range", 1)]);
    assert_eq!(alias("!GetAtt V.Version", 5), []);
}

#[test]
fn log_groups_and_layers_are_named_as_aws_takes_them() {
    let group = |name: &str| codes(&format!("L: [AWS::Logs::LogGroup, {{LogGroupName: {name}}}]"));
    assert_eq!(group("/aws/lambda/a.b_c-d#1"), []);
    assert_eq!(group("!Sub \"a b${C}\""), []);
    assert_eq!(group("a b"), [("bad-name", 1)]);
    assert_eq!(group(&"a".repeat(513)), [("bad-name", 1)]);
    let layer = |name: &str| codes(&format!("L: [AWS::Lambda::LayerVersion, {{LayerName: {name}}}]"));
    assert_eq!(layer("a-b_1"), []);
    assert_eq!(layer("a.b"), [("bad-name", 1)]);
    assert_eq!(layer(&"a".repeat(141)), [("bad-name", 1)]);
}

#[test]
fn lambda_hands_failures_to_standard_queues_only() {
    let queue = "\nQ: [AWS::SQS::Queue, {FifoQueue: true}]\nP: [AWS::SQS::Queue, {}]\n";
    let config = |target: &str| {
        codes(&format!(
            "E: [AWS::Lambda::EventInvokeConfig, {{DestinationConfig: {{OnFailure: {{Destination: {target}}}}}}}]{queue}"
        ))
    };
    assert_eq!(config("!GetAtt Q.Arn"), [("fifo-mismatch", 1)]);
    assert_eq!(config("!GetAtt P.Arn"), []);
    assert_eq!(config("!Ref P"), [("not-an-arn", 1)]);
    let dead = function("DeadLetterConfig: {TargetArn: !GetAtt Q.Arn}");
    assert_eq!(codes(&format!("{dead}{queue}")), [("fifo-mismatch", 4)]);
    assert_eq!(codes("E: [AWS::Lambda::EventInvokeConfig, {FunctionName: f}]"), [("missing-property", 1)]);
}

#[test]
fn parameters_are_named_and_sized_as_aws_takes_them() {
    let named = |name: &str| codes(&format!("P: [AWS::SSM::Parameter, {{Type: String, Value: v, Name: \"{name}\"}}]"));
    for good in ["plain", "/a/b.c-d_e", "/shop/prod/awsome-not-first"] {
        assert_eq!(named(good), [], "{good}");
    }
    for bad in ["a b", "/aws/x", "ssm-x", "/SSM/x", "a/b", "/a//b", "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16", ""] {
        assert_eq!(named(bad), [("bad-name", 1)], "{bad}");
    }
    assert_eq!(named(&format!("/{}", "x".repeat(1000))), [("bad-name", 1)]);
    let valued = |rest: &str, size: usize| {
        codes(&format!("P: [AWS::SSM::Parameter, {{Type: String, Value: \"{}\"{rest}}}]", "v".repeat(size)))
    };
    assert_eq!(valued("", 4096), []);
    assert_eq!(valued(", Tier: Standard", 4097), [("value-too-large", 1)]);
    assert_eq!(valued(", Tier: Advanced", 8192), []);
    assert_eq!(valued(", Tier: Advanced", 8193), [("value-too-large", 1)]);
    assert_eq!(valued("", 0), [("bad-value", 1)]);
    assert_eq!(valued(", Policies: \"[]\"", 1), [("unsupported-together", 1)]);
    // Which tier an account takes by default is its own affair.
    let text = format!("P: [AWS::SSM::Parameter, {{Type: String, Value: \"{}\"}}]", "v".repeat(4097));
    assert!(complaints(&text).iter().all(|it| it.severity == crate::model::Severity::Warning));
}

#[test]
fn policies_of_a_role_count_together_wherever_they_are_written() {
    let document = |size: usize| format!("{{Statement: [{{Resource: {}}}]}}", "x".repeat(size));
    let role = |own: usize, other: usize| {
        codes(&format!(
            "R: [AWS::IAM::Role, {{Policies: [{{PolicyName: a, PolicyDocument: {}}}]}}]\nP: [AWS::IAM::Policy, {{PolicyName: b, Roles: [!Ref R], PolicyDocument: {}}}]\nS: [AWS::IAM::RolePolicy, {{PolicyName: c, RoleName: !Ref R, PolicyDocument: {}}}]",
            document(own),
            document(other),
            document(10)
        ))
    };
    assert_eq!(role(5000, 5000), []);
    assert_eq!(role(5000, 5200), [("policy-too-large", 3)]);
    let managed = |size: usize| codes(&format!("M: [AWS::IAM::ManagedPolicy, {{PolicyDocument: {}}}]", document(size)));
    assert_eq!(managed(6000), []);
    assert_eq!(managed(6144), [("policy-too-large", 1)]);
    let spaces =
        codes(&format!("M: [AWS::IAM::ManagedPolicy, {{PolicyDocument: {{Statement: \"{}\"}}}}]", " ".repeat(7000)));
    assert_eq!(spaces, []);
    let twice =
        "R: [AWS::IAM::Role, {Policies: [{PolicyName: a, PolicyDocument: {}}, {PolicyName: a, PolicyDocument: {}}]}]";
    assert_eq!(codes(twice), [("duplicate-name", 1)]);
}

#[test]
fn a_policy_of_a_queue_has_its_own_limit_and_wants_urls() {
    let policy = |queue: &str, size: usize| {
        codes(&format!(
            "Q: [AWS::SQS::Queue, {{}}]\nP: [AWS::SQS::QueuePolicy, {{Queues: [{queue}], PolicyDocument: {{Id: {}}}}}]",
            "x".repeat(size)
        ))
    };
    assert_eq!(policy("!Ref Q", 8000), []);
    assert_eq!(policy("!Ref Q", 8192), [("policy-too-large", 2)]);
    assert_eq!(policy("!GetAtt Q.Arn", 10), [("not-a-url", 2)]);
}

#[test]
fn every_complaint_names_its_resource_and_says_what_would_be_right() {
    let text = "\
Q: [AWS::SQS::Queue, {QueueName: a.fifo, RedrivePolicy: {}, KmsMasterKeyId: k, SqsManagedSseEnabled: true}]
F: [AWS::Lambda::Function, {Timeout: 1000, Code: {}, Environment: {Variables: {AWS_REGION: x}}}]
P: [AWS::SSM::Parameter, {Name: aws, Value: \"\"}]
";
    let all = complaints(text);
    assert!(all.len() > 8, "{all:#?}");
    for it in all {
        assert!(["`Q`: ", "`F`: ", "`P`: "].iter().any(|id| it.message.starts_with(id)), "{it:?}");
        assert!(it.help.is_some(), "{it:?}");
        assert!(it.place.is_known(), "{it:?}");
    }
}

#[test]
fn a_secret_is_held_against_its_limits_and_never_repeated() {
    let mut desired = application(
        "P: [AWS::SSM::Parameter, {}]\nQ: [AWS::SQS::Queue, {}]\nA: [AWS::Lambda::Alias, {}]\nF: [AWS::Lambda::Function, {Code: {}}]",
    );
    let secret = || Node::str(format!("hunter 2{{{{{}", "x".repeat(9000)), Place::NOWHERE).into_secret();
    for (id, property) in [("P", "Name"), ("P", "Value"), ("Q", "QueueName"), ("A", "Name"), ("F", "Runtime")] {
        desired.resources.get_mut(id).unwrap().properties.set(property, secret());
    }
    let redrive = Node::str(r#"{"redrivePermission":"hunter"}"#, Place::NOWHERE).into_secret();
    desired.resources.get_mut("Q").unwrap().properties.set("RedriveAllowPolicy", redrive);
    let variables = Node::map([("TOKEN", secret())], Place::NOWHERE);
    desired
        .resources
        .get_mut("F")
        .unwrap()
        .properties
        .set("Environment", Node::map([("Variables", variables)], Place::NOWHERE));
    let mut out = Diagnostics::new();
    check_limits(&desired, &mut out);
    for code in ["value-too-large", "environment-too-large"] {
        assert!(out.iter().any(|it| it.code == code), "{code}: {out:?}");
    }
    assert!(!format!("{out:?}").contains("hunter"), "{out:?}");
}

fn any_node() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        ".{0,12}".prop_map(Into::into),
        Just("X.Arn".into()),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let key = proptest::sample::select(vec![
            "Ref",
            "Fn::GetAtt",
            "Fn::Join",
            "Layers",
            "Environment",
            "Variables",
            "Code",
            "ZipFile",
            "RedrivePolicy",
            "deadLetterTargetArn",
            "RedriveAllowPolicy",
            "redrivePermission",
            "QueueName",
            "FifoQueue",
            "FunctionName",
            "EventSourceArn",
            "BatchSize",
            "Name",
            "Value",
            "Policies",
            "PolicyDocument",
            "Protocol",
            "Endpoint",
            "TopicArn",
            "FilterPolicy",
            "DeadLetterConfig",
            "TargetArn",
            "LoggingConfig",
            "Timeout",
        ]);
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            proptest::collection::vec((key, inner), 0..8).prop_map(|pairs| serde_json::Value::Object(
                pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()
            )),
        ]
    })
}

proptest! {
    #[test]
    fn no_application_makes_the_checks_panic(values in proptest::collection::vec((any_node(), 0usize..12), 1..4)) {
        const TYPES: [&str; 12] = [
            "AWS::Lambda::Function", "AWS::Lambda::Alias", "AWS::Lambda::EventInvokeConfig",
            "AWS::Lambda::EventSourceMapping", "AWS::SQS::Queue", "AWS::SQS::QueuePolicy", "AWS::SNS::Topic",
            "AWS::SNS::TopicPolicy", "AWS::SNS::Subscription", "AWS::SSM::Parameter", "AWS::IAM::Role",
            "AWS::IAM::ManagedPolicy",
        ];
        let mut desired = application("{}");
        for (index, (json, which)) in values.into_iter().enumerate() {
            let id = if index == 0 { "X".to_owned() } else { format!("X{index}") };
            let properties = Node::from_json(&json, Place::NOWHERE);
            desired.resources.insert(id.clone(), Resource::new(id, TYPES[which], properties, Place::NOWHERE));
        }
        let mut out = Diagnostics::new();
        check_limits(&desired, &mut out);
    }
}
