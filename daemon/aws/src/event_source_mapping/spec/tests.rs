use std::collections::{BTreeMap, BTreeSet};

use evenkeel_core::plan::{Cause, Change, Marks, Seen};
use serde_json::json;

use super::*;
use crate::planning::{scope, want};

const QUEUE: &str = "arn:aws:sqs:eu-west-1:111122223333:orders";
const STREAM: &str = "arn:aws:kinesis:eu-west-1:111122223333:stream/clicks";
const FUNCTION: &str = "arn:aws:lambda:eu-west-1:111122223333:function:charge";

fn marked(mut item: Observed, id: &str) -> Observed {
    let marks = Marks { source: "default".into(), app: "shop".into(), id: id.into(), ..Marks::default() };
    item = item.with_tags(marks.to_tags());
    item
}

fn queue_answer(uuid: &str) -> Json {
    json!({"UUID": uuid, "BatchSize": 10, "MaximumBatchingWindowInSeconds": 0, "EventSourceArn": QUEUE,
        "FunctionArn": FUNCTION, "LastModified": 1.0, "State": "Enabled", "StateTransitionReason": "USER_INITIATED",
        "FunctionResponseTypes": [], "EventSourceMappingArn": "arn"})
}

fn world(items: Vec<Observed>) -> Observation {
    let mut world = Observation::new();
    world.swept(TYPE, Seen { items, ..Seen::default() });
    world
}

fn differences(want: &Want, answer: &Json) -> Vec<(String, Json, Json)> {
    let scope = scope();
    let observed = observed(&scope, answer).unwrap();
    let mut desired = EventSourceMapping.desired(&scope, want, &observed.key);
    let mut seen = observed.properties.clone();
    EventSourceMapping.align(&scope, want, &mut desired, &mut seen, &observed);
    diff::diff(&desired, &seen)
}

fn update(asked: Json, answer: &Json) -> Json {
    let scope = scope();
    let want = want("map", TYPE, asked);
    let seen = observed(&scope, answer).unwrap();
    let desired = EventSourceMapping.desired(&scope, &want, &seen.key);
    let changes: Vec<Change> = differences(&want, answer)
        .into_iter()
        .map(|(path, from, to)| Change { path, from, to, to_unknown: None, cause: Cause::Drift })
        .collect();
    let tags = TagWork::default();
    let work = Work {
        scope: &scope,
        want: &want,
        key: &seen.key,
        desired: &desired,
        observed: Some(&seen),
        changes: &changes,
        tags: &tags,
    };
    EventSourceMapping.update(work)[0].input.clone()
}

#[test]
fn what_aws_answers_for_a_plain_queue_mapping_is_no_drift() {
    for function in ["charge", "111122223333:function:charge", FUNCTION, "charge:$LATEST"] {
        let want = want("map", TYPE, json!({"FunctionName": function, "EventSourceArn": QUEUE}));
        assert_eq!(differences(&want, &queue_answer("u")), vec![], "{function}");
    }
}

#[test]
fn what_aws_answers_for_a_plain_stream_mapping_is_no_drift() {
    let want = want(
        "map",
        TYPE,
        json!({"FunctionName": "charge:live", "EventSourceArn": STREAM, "StartingPosition": "LATEST", "BatchSize": "100"}),
    );
    let answer = json!({"UUID": "u", "BatchSize": 100, "BisectBatchOnFunctionError": false,
        "DestinationConfig": {"OnFailure": {}}, "EventSourceArn": STREAM, "FunctionArn": format!("{FUNCTION}:live"),
        "FunctionResponseTypes": [], "LastProcessingResult": "No records processed",
        "MaximumBatchingWindowInSeconds": 0, "MaximumRecordAgeInSeconds": -1, "MaximumRetryAttempts": -1,
        "ParallelizationFactor": 1, "StartingPosition": "LATEST", "State": "Enabled",
        "StateTransitionReason": "User action", "TumblingWindowInSeconds": 0});
    assert_eq!(differences(&want, &answer), vec![]);
}

#[test]
fn what_aws_answers_for_a_self_managed_kafka_is_no_drift() {
    let want = want(
        "map",
        TYPE,
        json!({"FunctionName": "charge", "Topics": ["t"], "BatchSize": 1, "StartingPosition": "TRIM_HORIZON",
            "SelfManagedEventSource": {"Endpoints": {"KafkaBootstrapServers": ["kafka:1000"]}},
            "SourceAccessConfigurations": [{"Type": "BASIC_AUTH", "URI": "arn:s"}]}),
    );
    let answer = json!({"UUID": "u", "BatchSize": 1, "FunctionArn": FUNCTION, "State": "Enabled", "Topics": ["t"],
        "SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["kafka:1000"]}},
        "SelfManagedKafkaEventSourceConfig": {"ConsumerGroupId": "random_id"}, "StartingPosition": "TRIM_HORIZON",
        "SourceAccessConfigurations": [{"Type": "BASIC_AUTH", "URI": "arn:s"}]});
    assert_eq!(differences(&want, &answer), vec![]);
}

#[test]
fn filters_are_compared_by_meaning() {
    let want = want(
        "map",
        TYPE,
        json!({"FunctionName": "charge", "EventSourceArn": QUEUE,
            "FilterCriteria": {"Filters": [{"Pattern": "{\"a\": [1], \"b\": [2]}"}, {"Pattern": "{\"c\":[3]}"}]}}),
    );
    let mut answer = queue_answer("u");
    answer["FilterCriteria"] = json!({"Filters": [{"Pattern": "{\"c\": [3]}"}, {"Pattern": "{\"b\":[2],\"a\":[1]}"}]});
    assert_eq!(differences(&want, &answer), vec![]);
}

#[test]
fn what_leaves_the_spec_is_sent_as_empty_or_as_the_default() {
    let mut answer = queue_answer("u");
    answer["FilterCriteria"] = json!({"Filters": [{"Pattern": "{}"}]});
    answer["ScalingConfig"] = json!({"MaximumConcurrency": 5});
    answer["BatchSize"] = json!(100);
    answer["FunctionResponseTypes"] = json!(["ReportBatchItemFailures"]);
    answer["KMSKeyArn"] = json!("arn:k");
    answer["MetricsConfig"] = json!({"Metrics": ["EventCount"]});
    answer["State"] = json!("Disabled");
    let input = update(json!({"FunctionName": "charge:live", "EventSourceArn": QUEUE}), &answer);
    assert_eq!(
        input,
        json!({"UUID": "u", "FunctionName": format!("{FUNCTION}:live"), "KMSKeyArn": "", "BatchSize": 10,
            "Enabled": true, "FilterCriteria": {}, "FunctionResponseTypes": [], "MetricsConfig": {"Metrics": []},
            "ScalingConfig": {}})
    );
}

#[test]
fn only_what_differs_is_sent_and_patterns_keep_their_text() {
    let asked = json!({"FunctionName": "charge", "EventSourceArn": QUEUE,
        "FilterCriteria": {"Filters": [{"Pattern": "{\"b\": [1], \"a\": [2]}"}]}});
    let input = update(asked.clone(), &queue_answer("u"));
    assert_eq!(input, json!({"UUID": "u", "FilterCriteria": asked["FilterCriteria"]}));
}

#[test]
fn a_mapping_is_found_by_its_mark_and_the_one_that_fits_is_current() {
    let scope = scope();
    let old = json!({"UUID": "a", "EventSourceArn": "arn:aws:sqs:eu-west-1:111122223333:old", "FunctionArn": FUNCTION,
        "BatchSize": 10, "State": "Enabled"});
    let items = vec![
        marked(observed(&scope, &old).unwrap(), "map"),
        marked(observed(&scope, &queue_answer("b")).unwrap(), "map"),
    ];
    let want = want("map", TYPE, json!({"FunctionName": "charge:live", "EventSourceArn": QUEUE}));
    let located = EventSourceMapping.locate(&scope, &want, &world(items));
    assert_eq!(located.instances[0].key, "b");
}

#[test]
fn another_source_is_another_mapping_and_another_start_replaces_this_one() {
    let scope = scope();
    let item = marked(observed(&scope, &queue_answer("a")).unwrap(), "map");
    let other = "arn:aws:sqs:eu-west-1:111122223333:other";
    let moved = want("map", TYPE, json!({"FunctionName": "charge", "EventSourceArn": other}));
    let located = EventSourceMapping.locate(&scope, &moved, &world(vec![item]));
    assert!(matches!(located.instances[0].found, Found::Absent));
    assert_eq!(parse_new(&located.instances[0].key), Some(("charge", Some(other))));

    let stream = json!({"UUID": "a", "EventSourceArn": STREAM, "FunctionArn": FUNCTION, "StartingPosition": "LATEST",
        "State": "Enabled"});
    let item = marked(observed(&scope, &stream).unwrap(), "map");
    let asked = json!({"FunctionName": "charge", "EventSourceArn": STREAM, "StartingPosition": "TRIM_HORIZON"});
    let located = EventSourceMapping.locate(&scope, &want("map", TYPE, asked), &world(vec![item]));
    assert!(matches!(located.instances[0].found, Found::Present(_)));
    assert!(EventSourceMapping.replaces("StartingPosition", &json!("LATEST"), &json!("TRIM_HORIZON")));
}

#[test]
fn an_unmarked_mapping_of_the_same_pair_stands_in_the_way() {
    let scope = scope();
    let item = observed(&scope, &queue_answer("a")).unwrap();
    let want = want("map", TYPE, json!({"FunctionName": "charge", "EventSourceArn": QUEUE}));
    let located = EventSourceMapping.locate(&scope, &want, &world(vec![item]));
    assert_eq!(located.instances[0].key, "a");
}

#[test]
fn nothing_is_created_before_a_whole_list_was_seen() {
    let want = want("map", TYPE, json!({"FunctionName": "charge", "EventSourceArn": QUEUE}));
    let located = EventSourceMapping.locate(&scope(), &want, &Observation::new());
    assert!(matches!(located.instances[0].found, Found::Unknown(_)));
}

#[test]
fn a_creation_sends_what_the_spec_says_with_the_marks_and_leaves_defaults_to_aws() {
    let scope = scope();
    let want = want(
        "map",
        TYPE,
        json!({"FunctionName": "charge", "Topics": ["t"], "BatchSize": "5", "Enabled": "false",
            "SelfManagedEventSource": {"Endpoints": {"KafkaBootstrapServers": ["b:1", "a:1"]}},
            "ProvisionedPollerConfig": {"MinimumPollers": "1"}}),
    );
    let key = "new|charge||map";
    let desired = EventSourceMapping.desired(&scope, &want, key);
    let tags = TagWork { all: BTreeMap::from([("evenkeel:id".into(), "map".into())]), ..TagWork::default() };
    let work = Work { scope: &scope, want: &want, key, desired: &desired, observed: None, changes: &[], tags: &tags };
    assert_eq!(
        EventSourceMapping.create(work)[0].input,
        json!({"FunctionName": FUNCTION, "Topics": ["t"], "BatchSize": 5, "Enabled": false,
            "SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["b:1", "a:1"]}},
            "ProvisionedPollerConfig": {"MinimumPollers": 1}, "Tags": {"evenkeel:id": "map"}})
    );
}

#[test]
fn a_mapping_that_changes_is_pending_and_says_nothing_of_being_enabled() {
    let mut answer = queue_answer("u");
    answer["State"] = json!("Creating");
    let scope = scope();
    assert!(matches!(observed(&scope, &answer).unwrap().state, State::Pending { .. }));
    let want = want("map", TYPE, json!({"FunctionName": "charge", "EventSourceArn": QUEUE, "Enabled": false}));
    assert_eq!(differences(&want, &answer), vec![]);
}

#[test]
fn tags_are_read_only_of_mappings_that_may_be_ours() {
    let scope = scope();
    let item = observed(&scope, &queue_answer("u")).unwrap();
    let none = BTreeSet::new();
    let mut known = Observation::new();
    known.swept(function_part::FUNCTION, Seen { items: vec![Observed::new("charge", "charge")], ..Seen::default() });
    assert!(!may_be_ours(&item, &known, &none));
    assert!(may_be_ours(&item, &known, &BTreeSet::from(["new|charge||map".to_owned()])));
    // The function is gone: the mapping may be what is left of us.
    let mut gone = Observation::new();
    gone.swept(function_part::FUNCTION, Seen::default());
    assert!(may_be_ours(&item, &gone, &none));
}

#[test]
fn every_property_of_awss_schema_is_managed() {
    let all = json!({"FunctionName": "charge", "EventSourceArn": STREAM, "StartingPosition": "AT_TIMESTAMP",
        "StartingPositionTimestamp": 1, "BatchSize": 1, "BisectBatchOnFunctionError": true, "Enabled": true,
        "MaximumBatchingWindowInSeconds": 1, "MaximumRecordAgeInSeconds": 60, "MaximumRetryAttempts": 1,
        "ParallelizationFactor": 2, "TumblingWindowInSeconds": 1, "KmsKeyArn": "arn:k",
        "FunctionResponseTypes": ["ReportBatchItemFailures"], "Topics": ["t"], "Queues": ["q"],
        "DestinationConfig": {"OnFailure": {"Destination": "arn:q"}}, "FilterCriteria": {"Filters": [{"Pattern": "{}"}]},
        "LoggingConfig": {"SystemLogLevel": "INFO"}, "MetricsConfig": {"Metrics": ["EventCount"]},
        "ProvisionedPollerConfig": {"MinimumPollers": 1}, "ScalingConfig": {"MaximumConcurrency": 2},
        "AmazonManagedKafkaEventSourceConfig": {"ConsumerGroupId": "g"},
        "SelfManagedKafkaEventSourceConfig": {"ConsumerGroupId": "g"},
        "DocumentDBEventSourceConfig": {"DatabaseName": "d"},
        "SelfManagedEventSource": {"Endpoints": {"KafkaBootstrapServers": ["a:1"]}},
        "SourceAccessConfigurations": [{"Type": "VPC_SUBNET", "URI": "subnet:1"}]});
    let want = want("map", TYPE, all);
    assert_eq!(crate::planning::unmanaged(&EventSourceMapping, &want, "u"), Vec::<String>::new());
}
