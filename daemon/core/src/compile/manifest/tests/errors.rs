use super::*;

/// Every error at its place: what a person sees.
#[test]
fn every_error_is_said_at_once_with_its_place_and_its_remedy() {
    let text = "\
apiVersion: evenkeel.dev/v1
kind: App
metadata: {name: app}
spec:
  parametres: {}
  environments:
    dev: {regoin: eu-west-1, account: 42, overrides: {gone: {}}}
---
apiVersion: evenkeel.dev/v1
kind: Fonction
metadata: {name: f}
---
apiVersion: evenkeel.dev/v2
kind: Queue
metadata: {name: orders_queue}
spec: {deadLetter: {maxReceiveCont: 5}}
---
apiVersion: evenkeel.dev/v1
kind: Function
metadata: {name: charge, annotations: {evenkeel.dev/renamed: x}}
spec:
  code: ./charge
  runtime: python3.13
  handler: app.handler
  layers: [sharde]
  environment: {A: [1], B: {parameter: nope}, C: !Ref ordres}
  triggers: [{queue: order}, {schedule: rate(1 hour)}, {topic: orders, rawMessageDelivery: true}]
  connects: [{queue: orders}, {topic: paid, access: read}, {queue: orders, topic: paid, access: write}]
  rollout: {strategy: Canary10Percent5Minute}
---
apiVersion: evenkeel.dev/v1
kind: Topic
metadata: {name: paid}
---
apiVersion: evenkeel.dev/v1
kind: Queue
metadata: {name: orders}
---
apiVersion: evenkeel.dev/v1
kind: Queue
metadata: {name: paid}
---
apiVersion: evenkeel.dev/v1
kind: Layer
metadata: {name: shared}
spec: {code: ./layer}
";
    let tried = try_files(&[("app.yaml", text)], With::default());
    assert!(tried.compiled.desired.is_none());
    insta::assert_snapshot!("errors", tried.complaints());
}

#[test]
fn several_environments_need_a_choice_and_an_unknown_one_is_an_error() {
    let app = "{environments: {dev: {}, prod: {}}}";
    assert_eq!(with_app(app, &[], With::default()).only_error(), "no-environment");
    let unknown = with_app(app, &[], With { env: Some("prd"), ..With::default() });
    assert_eq!(unknown.only_error(), "unknown-environment");
    assert!(unknown.complaints().contains("did you mean `prod`?"));
    assert_eq!(with_app("{}", &[], With { env: Some("dev"), ..With::default() }).only_error(), "unknown-environment");
    assert_eq!(with_app("{environments: {dev: {}}}", &[], With::default()).desired().env.as_deref(), Some("dev"));
}

#[test]
fn a_parameter_needs_a_value_that_is_allowed_and_a_declaration() {
    assert_eq!(with_app("{parameters: {A: }}", &[], With::default()).only_error(), "missing-parameter");
    let given = |value| With { parameters: value, ..With::default() };
    let app = "{parameters: {Level: {default: INFO, allowedValues: [INFO, DEBUG]}}}";
    assert_eq!(with_app(app, &[], given(&[("Level", "LOUD")])).only_error(), "invalid-parameter");
    assert_eq!(with_app(app, &[], given(&[("Levle", "INFO")])).only_error(), "unknown-parameter");
}

#[test]
fn a_name_stands_for_one_thing_only() {
    assert_eq!(documents(&[("Queue a", "{}"), ("Topic a", "{}")]).only_error(), "duplicate-name");
    assert_eq!(with_app("{parameters: {a: 1}}", &[("Queue a", "{}")], With::default()).only_error(), "duplicate-name");
    assert_eq!(documents(&[("Function f", &function("")), ("Role f-role", "{}")]).only_error(), "duplicate-name");
    assert_eq!(
        documents(&[
            ("Function f", &function("triggers: [{topic: t}]")),
            ("Topic t", "{subscriptions: [{function: f}]}")
        ])
        .complaints()
        .matches("duplicate-name")
        .count(),
        2,
    );
}

#[test]
fn a_name_of_another_kind_is_told_apart() {
    assert_eq!(
        documents(&[("Function f", &function("triggers: [{queue: t}]")), ("Topic t", "{}")]).only_error(),
        "wrong-kind"
    );
}

#[test]
fn what_is_left_out_cannot_be_used() {
    let tried = with_app(
        "{conditions: {Never: !Equals [a, b]}}",
        &[("Queue q", "{condition: Never}"), ("Function f", &function("triggers: [{queue: q}]"))],
        With::default(),
    );
    assert_eq!(tried.only_error(), "unknown-name");
    assert!(tried.complaints().contains("condition `Never` is false"), "{}", tried.complaints());
}

#[test]
fn fifo_and_standard_do_not_mix() {
    assert_eq!(
        documents(&[("Queue q", "{fifoQueue: true, deadLetter: {queue: d}}"), ("Queue d", "{}")]).only_error(),
        "fifo-mismatch"
    );
    assert_eq!(
        documents(&[("Queue q", "{fifoQueue: true}"), ("Topic t", "{subscriptions: [{queue: q}]}")]).only_error(),
        "fifo-mismatch"
    );
    assert_eq!(
        documents(&[("Function f", &function("triggers: [{topic: t}]")), ("Topic t", "{fifoTopic: true}")])
            .only_error(),
        "fifo-mismatch"
    );
}

#[test]
fn a_written_role_and_connections_exclude_each_other() {
    let tried =
        documents(&[("Function f", &function("role: r, connects: [{topic: t}]")), ("Role r", "{}"), ("Topic t", "{}")]);
    assert_eq!(tried.only_error(), "role-and-permissions");
}

#[test]
fn a_queue_encrypted_with_the_key_of_aws_cannot_hear_a_topic() {
    let tried =
        documents(&[("Queue q", "{kmsMasterKeyId: alias/aws/sqs}"), ("Topic t", "{subscriptions: [{queue: q}]}")]);
    assert_eq!(tried.only_error(), "sns-cannot-use-key");
}

#[test]
fn labels_that_would_be_marks_are_refused() {
    assert_eq!(documents(&[("Queue name: q, labels: {evenkeel:app: x}", "{}")]).only_error(), "bad-label");
}

#[test]
fn code_that_is_missing_or_no_code_is_an_error() {
    assert_eq!(documents(&[("Function f", "{runtime: python3.13, handler: a.b}")]).only_error(), "missing-code");
    assert_eq!(documents(&[("Function f", "{code: ./f, runtime: python3.13}")]).only_error(), "missing-property");
    assert_eq!(
        documents(&[("Function f", "{code: 's3://b/k', runtime: python3.13, handler: a.b}")]).only_error(),
        "bad-code"
    );
    assert_eq!(documents(&[("Layer l", "{code: {inline: x}}")]).only_error(), "bad-code");
}

#[test]
fn references_that_go_in_a_circle_are_an_error() {
    let tried = documents(&[
        ("Function a", &function("environment: {OTHER: !Ref b}")),
        ("Function b", &function("environment: {OTHER: !Ref a}")),
    ]);
    assert_eq!(tried.only_error(), "dependency-cycle");
}

#[test]
fn a_misspelt_property_or_word_is_answered_with_the_right_one() {
    let property = documents(&[("Function f", &function("memorySice: 256"))]);
    assert_eq!(property.only_error(), "unknown-property");
    assert!(property.complaints().contains("did you mean `memorySize`?"), "{}", property.complaints());
    let word = documents(&[("Function f", &function("trigers: []"))]);
    assert!(word.complaints().contains("function `f` has no `trigers`"), "{}", word.complaints());
    assert!(word.complaints().contains("did you mean `triggers`?"));
    let deep = documents(&[("Queue q", "{}"), ("Function f", &function("triggers: [{queue: q, bachSize: 1}]"))]);
    assert!(deep.complaints().contains("did you mean `batchSize`?"), "{}", deep.complaints());
}

#[test]
fn what_aws_would_refuse_is_an_error_at_the_value() {
    let tried = documents(&[
        ("Queue q", "{visibilityTimeout: 99999}"),
        ("Function f", &function("tracingConfig: {mode: Always}")),
    ]);
    let places: Vec<(u32, u32)> =
        tried.compiled.diagnostics.sorted().iter().map(|one| (one.place.line, one.place.column)).collect();
    assert_eq!(places, [(9, 27), (14, 84)], "{}", tried.complaints());
}

#[test]
fn a_resource_of_an_unknown_type_or_with_an_unknown_property_is_an_error() {
    let unknown = documents(&[("Resource t", "{type: 'AWS::DynamoDb::Table', properties: {}}")]);
    assert_eq!(unknown.only_error(), "unknown-type");
    assert!(unknown.complaints().contains("did you mean `AWS::DynamoDB::Table`?"), "{}", unknown.complaints());
    let property = documents(&[("Resource q", "{type: 'AWS::SQS::Queue', properties: {DelaySecond: 1}}")]);
    assert_eq!(property.only_error(), "unknown-property");
}

#[test]
fn two_apps_are_one_too_many() {
    let app = "apiVersion: evenkeel.dev/v1\nkind: App\nmetadata: {name: a}\n";
    let tried = try_files(&[("a.yaml", app), ("b.yaml", app)], With::default());
    assert_eq!(tried.only_error(), "two-apps");
}
