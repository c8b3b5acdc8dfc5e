use serde_json::{Value, json};

use super::super::tests::resources;

/// A function `Fn` with an event `On`, and these resources beside it.
fn with_event(event: Value, others: Value) -> Value {
    let mut all = json!({"Fn": {"Type": "AWS::Serverless::Function", "Properties": {
        "Runtime": "python3.13", "Handler": "app.run", "InlineCode": "x", "Events": {"On": event},
    }}});
    all.as_object_mut().unwrap().extend(others.as_object().unwrap().clone());
    json!({"Resources": all})
}

fn expand(event: Value, others: Value) -> Value {
    resources(with_event(event, others)).unwrap()
}

fn refuse(event: Value) -> String {
    resources(with_event(event, json!({}))).unwrap_err().join("; ")
}

#[test]
fn a_queue_gets_a_mapping_and_the_role_may_read_it() {
    let arn = json!({"Fn::GetAtt": ["Q", "Arn"]});
    let got = expand(json!({"Type": "SQS", "Properties": {"Queue": arn, "BatchSize": 5}}), json!({}));
    assert_eq!(
        got["FnOn"],
        json!({
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {"FunctionName": {"Ref": "Fn"}, "EventSourceArn": arn, "BatchSize": 5},
            "GeneratedFor": "Fn",
        })
    );
    let managed = got["FnRole"]["Properties"]["ManagedPolicyArns"].as_array().unwrap();
    assert!(managed.contains(&json!("arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole")));
}

#[test]
fn a_bucket_of_the_template_gets_the_notification_and_waits_for_the_permission() {
    let event = json!({"Type": "S3", "Properties": {"Bucket": {"Ref": "B"}, "Events": ["s3:ObjectCreated:*"]}});
    let got = expand(event, json!({"B": {"Type": "AWS::S3::Bucket", "DependsOn": "Q"}}));
    assert_eq!(got["B"]["DependsOn"], json!(["Q", "FnOnPermission"]));
    assert_eq!(
        got["B"]["Properties"]["NotificationConfiguration"]["LambdaConfigurations"],
        json!([{"Function": {"Fn::GetAtt": ["Fn", "Arn"]}, "Event": "s3:ObjectCreated:*"}])
    );
    assert_eq!(got["B"].get("GeneratedFor"), None);
    assert_eq!(got["FnOnPermission"]["Properties"]["SourceAccount"], json!({"Ref": "AWS::AccountId"}));
    let said = refuse(json!({"Type": "S3", "Properties": {"Bucket": "b", "Events": "x"}}));
    assert!(said.contains("`On`") && said.contains("same template"), "{said}");
}

#[test]
fn a_topic_reaches_the_function_through_a_queue_where_asked() {
    let event = json!({"Type": "SNS", "Properties": {"Topic": {"Ref": "T"}, "SqsSubscription": true}});
    let got = expand(event, json!({"T": {"Type": "AWS::SNS::Topic", "Properties": {"FifoTopic": true}}}));
    assert_eq!(got["FnOnQueue"]["Properties"], json!({"FifoQueue": true}));
    assert_eq!(got["FnOn"]["Properties"]["Protocol"], "sqs");
    assert_eq!(got["FnOn"]["Properties"]["Endpoint"], json!({"Fn::GetAtt": ["FnOnQueue", "Arn"]}));
    assert_eq!(got["FnOnEventSourceMapping"]["Properties"]["BatchSize"], 10);
    assert_eq!(got["FnOnQueuePolicy"]["Properties"]["Queues"], json!([{"Ref": "FnOnQueue"}]));
}

#[test]
fn a_schedule_becomes_a_rule_with_a_dead_letter_queue() {
    let event = json!({"Type": "Schedule", "Properties": {
        "Schedule": "rate(1 hour)", "Enabled": false, "DeadLetterConfig": {"Type": "SQS"},
    }});
    let got = expand(event, json!({}));
    let rule = &got["FnOn"]["Properties"];
    assert_eq!(rule["State"], "DISABLED");
    assert_eq!(
        rule["Targets"],
        json!([{
            "Arn": {"Fn::GetAtt": ["Fn", "Arn"]},
            "DeadLetterConfig": {"Arn": {"Fn::GetAtt": ["FnOnQueue", "Arn"]}},
            "Id": "FnOnLambdaTarget",
        }])
    );
    assert_eq!(got["FnOnPermission"]["Properties"]["SourceArn"], json!({"Fn::GetAtt": ["FnOn", "Arn"]}));
    let both = json!({"Schedule": "x", "DeadLetterConfig": {"Type": "SQS", "Arn": "a"}});
    assert!(refuse(json!({"Type": "Schedule", "Properties": both})).contains("not both"));
}

#[test]
fn a_scheduler_schedule_has_a_role_that_may_invoke() {
    let got = expand(json!({"Type": "ScheduleV2", "Properties": {"ScheduleExpression": "rate(1 hour)"}}), json!({}));
    assert_eq!(got["FnOn"]["Properties"]["Name"], "FnOn");
    assert_eq!(got["FnOn"]["Properties"]["Target"]["RoleArn"], json!({"Fn::GetAtt": ["FnOnRole", "Arn"]}));
    assert_eq!(got["FnOnRole"]["Properties"]["Policies"][0]["PolicyName"], "FnOnLambdaPolicy");
}

#[test]
fn triggers_of_a_user_pool_are_set_once() {
    let event = json!({"Type": "Cognito", "Properties": {"UserPool": {"Ref": "P"}, "Trigger": ["PreSignUp"]}});
    let got = expand(event.clone(), json!({"P": {"Type": "AWS::Cognito::UserPool"}}));
    assert_eq!(got["P"]["Properties"]["LambdaConfig"], json!({"PreSignUp": {"Fn::GetAtt": ["Fn", "Arn"]}}));
    assert_eq!(got["FnCognitoPermission"]["Properties"]["SourceArn"], json!({"Fn::GetAtt": ["P", "Arn"]}));
    let taken = json!({"Type": "AWS::Cognito::UserPool", "Properties": {"LambdaConfig": {"PreSignUp": "arn:x"}}});
    let said = resources(with_event(event, json!({"P": taken}))).unwrap_err().join("; ");
    assert!(said.contains("defined multiple times"), "{said}");
}

#[test]
fn a_broker_needs_exactly_one_secret() {
    let mq = |configurations: Value| {
        json!({"Type": "MQ", "Properties": {
            "Broker": "arn:b", "Queues": ["q"], "SourceAccessConfigurations": configurations,
        }})
    };
    let got = expand(mq(json!([{"Type": "BASIC_AUTH", "URI": "arn:s"}])), json!({}));
    let policy = &got["FnRole"]["Properties"]["Policies"][0];
    assert_eq!(policy["PolicyName"], "SamAutoGeneratedAMQPolicy");
    assert_eq!(policy["PolicyDocument"]["Statement"][0]["Resource"], "arn:s");
    assert!(refuse(mq(json!([]))).contains("is required"));
    assert!(refuse(mq(json!([{"Type": "BASIC_AUTH"}]))).contains("no `URI`"));
    let twice = json!([{"Type": "BASIC_AUTH", "URI": "a"}, {"Type": "BASIC_AUTH", "URI": "b"}]);
    assert!(refuse(mq(twice)).contains("more than one"));
}

#[test]
fn events_go_to_the_alias_where_there_is_one() {
    let mut template = with_event(
        json!({"Type": "Kinesis", "Properties": {"Stream": "arn:s", "StartingPosition": "LATEST"}}),
        json!({}),
    );
    template["Resources"]["Fn"]["Properties"]["AutoPublishAlias"] = json!("live");
    let got = resources(template).unwrap();
    assert_eq!(got["FnOn"]["Properties"]["FunctionName"], json!({"Ref": "FnAliaslive"}));
}

#[test]
fn an_unknown_event_type_or_property_is_an_error_that_names_the_event() {
    assert!(refuse(json!({"Type": "SQZ"})).contains("event `On` (`FnOn`) of resource `Fn`"));
    let said = refuse(json!({"Type": "SQS", "Properties": {"Queue": "q", "BatchSise": 1}}));
    assert!(said.contains("`BatchSise` is not defined for events of type SQS"), "{said}");
}

#[test]
fn a_targets_id_is_cut_to_what_event_bridge_takes() {
    assert_eq!(super::rule::target_id("Short", "LambdaTarget"), "ShortLambdaTarget");
    let long = super::rule::target_id(&"x".repeat(80), "LambdaTarget");
    assert_eq!((long.len(), long.ends_with("xLambdaTarget")), (64, true));
}

#[test]
fn an_http_events_properties_are_a_map_where_they_are_given() {
    for odd in [json!(null), json!([]), json!("x")] {
        let said = refuse(json!({"Type": "HttpApi", "Properties": odd}));
        assert!(said.contains("event `On`") && said.contains("Properties should be a map"), "{said}");
    }
    assert!(expand(json!({"Type": "HttpApi", "Properties": {}}), json!({})).get("ServerlessHttpApi").is_some());
}

#[test]
fn a_request_parameter_with_two_names_is_refused() {
    let names = json!({"method.request.path.a": {"Required": true}, "method.request.path.b": {"Required": true}});
    let said = refuse(json!({"Type": "Api", "Properties": {
        "Path": "/x", "Method": "get", "RequestParameters": [names],
    }}));
    assert!(said.contains("event `On`") && said.contains("An object must have one key"), "{said}");
}

#[test]
fn an_event_whose_name_makes_no_logical_id_is_refused_whatever_its_condition() {
    let mut template = with_event(
        json!({"Type": "SQS", "Properties": {"Queue": "arn:aws:sqs:eu-central-1:123456789012:q"}}),
        json!({}),
    );
    let events = &mut template["Resources"]["Fn"]["Properties"]["Events"];
    *events = json!({"on.it": events["On"]});
    template["Conditions"] = json!({"Never": {"Fn::Equals": ["a", "b"]}});
    template["Resources"]["Fn"]["Condition"] = json!("Never");
    let said = resources(template).unwrap_err().join("; ");
    assert!(said.contains("resource `Fn` is invalid: it generates `Fnon.it`"), "{said}");
}
