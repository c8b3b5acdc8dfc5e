use super::*;

#[test]
fn a_function_gets_a_role_and_a_log_group_of_its_own() {
    let tried = documents(&[("Function charge", &function(""))]);
    assert_eq!(tried.properties("charge")["Code"], json!({"LocalPath": "./f"}));
    assert_eq!(tried.properties("charge")["Role"], json!({"Fn::GetAtt": ["charge-role", "Arn"]}));
    assert_eq!(tried.properties("charge")["LoggingConfig"], json!({"LogGroup": {"Ref": "charge-logs"}}));
    assert_eq!(
        tried.properties("charge-logs"),
        json!({"LogGroupName": "/aws/lambda/app-charge", "RetentionInDays": 30})
    );
    let logs = tried.statement("charge", "WriteLogs");
    assert_eq!(logs["Action"], json!(["logs:CreateLogStream", "logs:PutLogEvents"]));
    assert_eq!(logs["Resource"], json!([{"Fn::GetAtt": ["charge-logs", "Arn"]}]));
    assert!(
        matches!(&tried.resource("charge-role").origin, crate::model::Origin::Generated { parent } if parent == "charge")
    );
}

#[test]
fn a_log_group_stays_by_default_and_goes_where_the_spec_says_so() {
    let kept = documents(&[("Function f", &function(""))]);
    assert_eq!(kept.resource("f-logs").deletion_policy, Some(crate::model::DeletionPolicy::Retain));
    let gone = documents(&[("Function f", &function("logs: {retentionInDays: 7, deletionPolicy: Delete}"))]);
    assert_eq!(gone.resource("f-logs").deletion_policy, Some(crate::model::DeletionPolicy::Delete));
    assert_eq!(gone.properties("f-logs")["RetentionInDays"], json!(7));
}

#[test]
fn a_table_is_retained_and_a_queue_is_not() {
    let tried = documents(&[
        (
            "Resource t",
            "{type: 'AWS::DynamoDB::Table', properties: {KeySchema: [{AttributeName: id, KeyType: HASH}], AttributeDefinitions: [{AttributeName: id, AttributeType: S}], BillingMode: PAY_PER_REQUEST}}",
        ),
        ("Queue q", "{}"),
    ]);
    assert_eq!(tried.resource("t").deletion_policy, Some(crate::model::DeletionPolicy::Retain));
    assert_eq!(tried.resource("t").update_replace_policy, Some(crate::model::DeletionPolicy::Retain));
    assert_eq!(tried.resource("q").deletion_policy, None);
}

#[test]
fn code_is_a_path_or_text_or_an_object_or_an_image() {
    let tried = documents(&[
        ("Function a", &function("")),
        ("Function b", "{code: {inline: 'def h(e, c): pass'}, runtime: python3.13, handler: index.h}"),
        (
            "Function c",
            "{code: {s3Bucket: builds, s3Key: k, s3ObjectVersion: v}, runtime: python3.13, handler: index.h}",
        ),
        ("Function d", "{code: {image: '111122223333.dkr.ecr.eu-west-1.amazonaws.com/d:1'}}"),
    ]);
    assert_eq!(tried.properties("b")["Code"], json!({"ZipFile": "def h(e, c): pass"}));
    assert_eq!(tried.properties("c")["Code"], json!({"S3Bucket": "builds", "S3Key": "k", "S3ObjectVersion": "v"}));
    assert_eq!(tried.properties("d")["PackageType"], json!("Image"));
}

#[test]
fn the_environment_takes_text_numbers_references_and_parameters_of_the_application() {
    let tried = documents(&[
        ("Function f", &function("environment: {A: text, B: 12, C: true, D: !Ref q, E: {parameter: db-url}}")),
        ("Queue q", "{}"),
        ("Parameter db-url", "{value: postgres}"),
    ]);
    assert_eq!(
        tried.properties("f")["Environment"]["Variables"],
        json!({"A": "text", "B": "12", "C": "true", "D": {"Ref": "q"}, "E": {"Fn::GetAtt": ["db-url", "Value"]}})
    );
}

#[test]
fn the_value_of_a_secure_string_is_secret_wherever_it_goes() {
    let tried = with_app(
        "{parameters: {Password: {noEcho: true}}}",
        &[
            ("Function f", &function("environment: {PASSWORD: {parameter: password}}")),
            ("Parameter password", "{type: SecureString, value: !Ref Password, keyId: alias/shop}"),
        ],
        With { parameters: &[("Password", "hunter2")], ..With::default() },
    );
    let parameter = tried.resource("password");
    assert_eq!(parameter.properties.to_json()["Value"], json!("hunter2"));
    assert_eq!(parameter.properties.to_json()["KeyId"], json!("alias/shop"));
    assert!(!format!("{:?}", parameter.properties).contains("hunter2"));
    let variables = tried.resource("f").properties.get("Environment").unwrap().get("Variables").unwrap();
    assert!(variables.get("PASSWORD").unwrap().secret);
}

#[test]
fn a_secret_that_stands_in_the_spec_is_warned_of() {
    let tried = documents(&[("Parameter p", "{type: SecureString, value: hunter2}")]);
    assert!(tried.complaints().contains("warning[secret-in-spec]"), "{}", tried.complaints());
}

#[test]
fn a_list_is_a_string_list() {
    let tried = documents(&[("Parameter p", "{value: [a, b, 3]}")]);
    assert_eq!(tried.properties("p"), json!({"Type": "StringList", "Value": "a,b,3"}));
}

#[test]
fn layers_are_named_or_given_by_their_arn() {
    let arn = "arn:aws:lambda:eu-west-1:111122223333:layer:other:3";
    let tried = documents(&[
        ("Function f", &function(&format!("layers: [shared, '{arn}']"))),
        ("Layer shared", "{code: ./layer}"),
    ]);
    assert_eq!(tried.properties("f")["Layers"], json!([{"Ref": "shared"}, arn]));
    assert_eq!(tried.properties("shared")["Content"], json!({"LocalPath": "./layer"}));
}

#[test]
fn a_queue_triggers_a_function_that_may_then_receive_from_it() {
    let tried = documents(&[
        (
            "Function f",
            &function(
                "triggers: [{queue: q, batchSize: 5, filters: [{body: {kind: [order]}}], scalingConfig: {maximumConcurrency: 2}}]",
            ),
        ),
        ("Queue q", "{}"),
    ]);
    assert_eq!(
        tried.properties("f-from-q"),
        json!({"BatchSize": 5, "ScalingConfig": {"MaximumConcurrency": 2}, "EventSourceArn": {"Fn::GetAtt": ["q", "Arn"]},
            "FunctionName": {"Ref": "f"}, "FilterCriteria": {"Filters": [{"Pattern": "{\"body\":{\"kind\":[\"order\"]}}"}]}})
    );
    let receive = tried.statement("f", "ReceiveQ");
    assert_eq!(receive["Action"], json!(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]));
    assert_eq!(receive["Resource"], json!([{"Fn::GetAtt": ["q", "Arn"]}]));
}

#[test]
fn an_encrypted_queue_is_decrypted_by_who_receives_from_it() {
    let tried = documents(&[
        ("Function f", &function("triggers: [{queue: q}]")),
        ("Function g", &function("connects: [{queue: q, access: write}]")),
        ("Queue q", "{kmsMasterKeyId: alias/shop}"),
    ]);
    let decrypt = tried.statement("f", "ReceiveKeyOfQ");
    assert_eq!(decrypt["Action"], json!(["kms:Decrypt"]));
    assert_eq!(decrypt["Resource"], json!(["arn:aws:kms:eu-west-1:111122223333:key/*"]));
    assert_eq!(decrypt["Condition"]["ForAnyValue:StringEquals"], json!({"kms:ResourceAliases": "alias/shop"}));
    assert_eq!(decrypt["Condition"]["StringEquals"], json!({"kms:ViaService": "sqs.eu-west-1.amazonaws.com"}));
    assert_eq!(tried.statement("g", "WriteKeyOfQ")["Action"], json!(["kms:GenerateDataKey", "kms:Decrypt"]));
}

#[test]
fn a_topic_triggers_a_function_with_a_subscription_and_its_permission() {
    let tried = documents(&[
        ("Function f", &function("triggers: [{topic: t, filterPolicy: {kind: [a]}, deadLetter: letters}]")),
        ("Topic t", "{}"),
        ("Queue letters", "{}"),
    ]);
    assert_eq!(
        tried.properties("f-from-t-permission"),
        json!({"Action": "lambda:InvokeFunction", "FunctionName": {"Ref": "f"}, "Principal": "sns.amazonaws.com", "SourceArn": {"Ref": "t"}})
    );
    assert_eq!(
        tried.properties("f-from-t"),
        json!({"FilterPolicy": {"kind": ["a"]}, "RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["letters", "Arn"]}},
            "TopicArn": {"Ref": "t"}, "Protocol": "lambda", "Endpoint": {"Fn::GetAtt": ["f", "Arn"]}})
    );
    assert_eq!(tried.resource("f-from-t").depends_on, ["f-from-t-permission", "letters-policy"]);
}

#[test]
fn statements_for_one_queue_are_merged_into_one_policy() {
    let tried = documents(&[
        ("Topic a", "{subscriptions: [{queue: q}]}"),
        ("Topic b", "{subscriptions: [{queue: q, rawMessageDelivery: true}, {email: me@example.com}]}"),
        ("Queue q", "{}"),
    ]);
    let policy = tried.properties("q-policy");
    assert_eq!(policy["Queues"], json!([{"Ref": "q"}]));
    let statements = policy["PolicyDocument"]["Statement"].as_array().unwrap();
    let sids: Vec<&str> = statements.iter().map(|statement| statement["Sid"].as_str().unwrap()).collect();
    assert_eq!(sids, ["EvenkeelFromA", "EvenkeelFromB"]);
    assert_eq!(statements[0]["Condition"], json!({"ArnEquals": {"aws:SourceArn": {"Ref": "a"}}}));
    assert_eq!(tried.properties("q-from-b")["RawMessageDelivery"], json!(true));
    let email = tried.desired().resources.keys().find(|id| id.starts_with("b-to-email-")).unwrap();
    assert_eq!(tried.properties(email)["Endpoint"], json!("me@example.com"));
}

#[test]
fn a_policy_that_a_person_wrote_for_a_queue_takes_the_generated_statements_in() {
    let tried = documents(&[
        ("Topic a", "{subscriptions: [{queue: q}]}"),
        ("Queue q", "{}"),
        (
            "Resource mine",
            "{type: 'AWS::SQS::QueuePolicy', properties: {Queues: [!Ref q], PolicyDocument: {Version: '2012-10-17', Statement: [{Sid: Mine, Effect: Allow, Principal: {AWS: '111122223333'}, Action: 'sqs:SendMessage', Resource: !GetAtt q.Arn}]}}}",
        ),
    ]);
    let statements = tried.properties("mine")["PolicyDocument"]["Statement"].clone();
    assert_eq!(statements.as_array().unwrap().len(), 2);
    assert_eq!(statements[1]["Sid"], json!("EvenkeelFromA"));
    assert!(!tried.desired().resources.contains_key("q-policy"));
    assert_eq!(tried.resource("q-from-a").depends_on, ["mine"]);
}

#[test]
fn connects_gives_each_access_its_actions_and_no_more() {
    let tried = documents(&[
        ("Function f", &function("connects: [{queue: q, access: readwrite}, {topic: t}, {parameter: p}]")),
        ("Queue q", "{}"),
        ("Topic t", "{}"),
        ("Parameter p", "{value: x}"),
    ]);
    let queue = tried.statement("f", "ReadwriteQueueQ");
    assert!(queue["Action"].as_array().unwrap().contains(&json!("sqs:SendMessage")));
    assert!(queue["Action"].as_array().unwrap().contains(&json!("sqs:ReceiveMessage")));
    assert_eq!(tried.statement("f", "WriteTopicT")["Action"], json!(["sns:Publish"]));
    let parameter = tried.statement("f", "ReadParameterP");
    assert_eq!(parameter["Action"], json!(["ssm:GetParameter", "ssm:GetParameters"]));
    assert_eq!(parameter["Resource"], json!([{"Fn::GetAtt": ["p", "Arn"]}]));
}

#[test]
fn a_connection_said_twice_stands_once_and_sids_are_told_apart() {
    let tried = documents(&[
        (
            "Function f",
            &function("connects: [{queue: a-b, access: read}, {queue: a-b, access: read}, {queue: aB, access: read}]"),
        ),
        ("Queue a-b", "{}"),
        ("Queue aB", "{}"),
    ]);
    let role = tried.properties("f-role");
    let statements = role["Policies"][0]["PolicyDocument"]["Statement"].as_array().unwrap().clone();
    let sids: Vec<&str> = statements.iter().map(|statement| statement["Sid"].as_str().unwrap()).collect();
    assert_eq!(sids, ["WriteLogs", "ReadQueueAB", "ReadQueueAB2"]);
}

#[test]
fn functions_may_invoke_each_other_without_waiting_for_each_other() {
    let tried = documents(&[
        ("Function a", &function("connects: [{function: b}, {function: a}]")),
        ("Function b", &function("connects: [{function: a}], rollout: {strategy: AllAtOnce}")),
    ]);
    let invokes = tried.properties("a-invokes");
    assert_eq!(invokes["RoleName"], json!({"Ref": "a-role"}));
    assert_eq!(
        invokes["PolicyDocument"]["Statement"][0]["Resource"],
        json!([{"Fn::GetAtt": ["b", "Arn"]}, {"Ref": "b-alias"}])
    );
    assert!(!format!("{:?}", tried.resource("a").properties).contains("invokes"));
}

#[test]
fn a_rollout_serves_a_function_from_an_alias_and_triggers_call_the_alias() {
    let tried = documents(&[
        (
            "Function f",
            &function(
                "rollout: {strategy: Canary10Percent5Minutes, hooks: {before: check}}, triggers: [{queue: q}, {topic: t}]",
            ),
        ),
        ("Function check", &function("")),
        ("Queue q", "{}"),
        ("Topic t", "{}"),
    ]);
    assert_eq!(
        tried.properties("f-alias"),
        json!({"FunctionName": {"Ref": "f"}, "FunctionVersion": {"Fn::GetAtt": ["f-version", "Version"]}, "Name": "live"})
    );
    let rollout = tried.resource("f-alias").rollout.as_ref().unwrap().to_json();
    assert_eq!(rollout, json!({"Type": "Canary10Percent5Minutes", "Hooks": {"PreTraffic": {"Ref": "check"}}}));
    assert_eq!(tried.properties("f-from-q")["FunctionName"], json!({"Ref": "f-alias"}));
    assert_eq!(tried.properties("f-from-t")["Endpoint"], json!({"Ref": "f-alias"}));
    assert_eq!(tried.properties("f-from-t-permission")["FunctionName"], json!({"Ref": "f-alias"}));
    assert!(!tried.desired().resources.contains_key("check-alias"));
}

#[test]
fn dead_letters_of_a_queue_take_one_line() {
    let tried = documents(&[("Queue q", "{fifoQueue: true, deadLetter: {maxReceiveCount: 3}}")]);
    assert_eq!(
        tried.properties("q")["RedrivePolicy"],
        json!({"deadLetterTargetArn": {"Fn::GetAtt": ["q-dead-letters", "Arn"]}, "maxReceiveCount": 3})
    );
    assert_eq!(tried.properties("q-dead-letters"), json!({"MessageRetentionPeriod": 1_209_600, "FifoQueue": true}));
    assert!(
        matches!(&tried.resource("q-dead-letters").origin, crate::model::Origin::Generated { parent } if parent == "q")
    );
}

#[test]
fn generated_dead_letters_can_be_referred_to_and_trigger_a_function() {
    let tried = documents(&[
        ("Queue q", "{deadLetter: {}}"),
        ("Function f", &function("triggers: [{queue: q-dead-letters}], environment: {URL: !Ref q-dead-letters}")),
    ]);
    assert_eq!(tried.properties("q")["RedrivePolicy"]["maxReceiveCount"], json!(5));
    assert_eq!(
        tried.properties("f-from-q-dead-letters")["EventSourceArn"],
        json!({"Fn::GetAtt": ["q-dead-letters", "Arn"]})
    );
}

#[test]
fn dead_letters_of_a_function_go_to_a_queue_or_a_topic() {
    let tried = documents(&[
        ("Function f", &function("deadLetter: q")),
        ("Function g", &function("deadLetter: {topic: t}")),
        ("Queue q", "{}"),
        ("Topic t", "{}"),
    ]);
    assert_eq!(tried.properties("f")["DeadLetterConfig"], json!({"TargetArn": {"Fn::GetAtt": ["q", "Arn"]}}));
    assert_eq!(tried.statement("f", "SendDeadLetters")["Action"], json!(["sqs:SendMessage"]));
    assert_eq!(tried.properties("g")["DeadLetterConfig"], json!({"TargetArn": {"Ref": "t"}}));
    assert_eq!(tried.statement("g", "SendDeadLetters")["Action"], json!(["sns:Publish"]));
}

#[test]
fn tracing_and_a_vpc_bring_their_permissions() {
    let tried = documents(&[(
        "Function f",
        &function("tracingConfig: {mode: Active}, vpcConfig: {subnetIds: [subnet-1], securityGroupIds: [sg-1]}"),
    )]);
    assert_eq!(tried.statement("f", "WriteTraces")["Action"][0], json!("xray:PutTraceSegments"));
    assert_eq!(tried.statement("f", "UseVpc")["Action"][0], json!("ec2:CreateNetworkInterface"));
}

#[test]
fn a_role_that_a_person_wrote_stands_in_place_of_the_own_one() {
    let tried = documents(&[
        ("Function f", &function("role: mine")),
        ("Function g", &function("role: 'arn:aws:iam::111122223333:role/x'")),
        ("Role mine", "{managedPolicyArns: ['arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole']}"),
    ]);
    assert_eq!(tried.properties("f")["Role"], json!({"Fn::GetAtt": ["mine", "Arn"]}));
    assert_eq!(tried.properties("g")["Role"], json!("arn:aws:iam::111122223333:role/x"));
    let trust = tried.properties("mine")["AssumeRolePolicyDocument"]["Statement"][0]["Principal"].clone();
    assert_eq!(trust, json!({"Service": "lambda.amazonaws.com"}));
    assert!(!tried.desired().resources.contains_key("f-role"));
}

#[test]
fn permissions_are_statements_and_managed_policies_of_the_own_role() {
    let policy = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess";
    let tried = documents(&[(
        "Function f",
        &function(&format!(
            "permissions: [{{Sid: Mail, Effect: Allow, Action: 'ses:SendEmail', Resource: '*'}}, '{policy}']"
        )),
    )]);
    assert_eq!(tried.statement("f", "Mail")["Action"], json!("ses:SendEmail"));
    assert_eq!(tried.properties("f-role")["ManagedPolicyArns"], json!([policy]));
}

#[test]
fn labels_become_tags_of_the_resource_and_of_what_is_generated_for_it() {
    let tried = documents(&[
        ("Function name: f, labels: {team: payments}", &function("")),
        ("Parameter name: p, labels: {team: payments}", "{value: x}"),
    ]);
    let tags = json!([{"Key": "team", "Value": "payments"}]);
    assert_eq!(tried.properties("f")["Tags"], tags);
    assert_eq!(tried.properties("f-role")["Tags"], tags);
    assert_eq!(tried.properties("f-logs")["Tags"], tags);
    assert_eq!(tried.properties("p")["Tags"], json!({"team": "payments"}));
}

#[test]
fn an_environment_sets_parameters_and_patches_specs() {
    let app = "{parameters: {Level: INFO, Size: 128}, environments: {dev: {}, prod: {region: eu-central-1, account: '111122223333', \
               parameters: {Level: WARN}, overrides: {f: {timeout: 30, environment: {A: null}}}}}}";
    let spec = function(
        "memorySize: !Ref Size, timeout: 3, environment: {LEVEL: !Ref Level, A: a, STAGE: !Ref 'evenkeel::Env'}",
    );
    let files = [("Function f", spec.as_str())];
    let dev = with_app(app, &files, With { env: Some("dev"), parameters: &[("Size", "512")] });
    let prod = with_app(app, &files, With { env: Some("prod"), ..With::default() });
    assert_eq!(dev.properties("f")["Environment"]["Variables"], json!({"LEVEL": "INFO", "A": "a", "STAGE": "dev"}));
    assert_eq!(dev.properties("f")["MemorySize"], json!(512));
    assert_eq!(prod.properties("f")["Environment"]["Variables"], json!({"LEVEL": "WARN", "STAGE": "prod"}));
    assert_eq!(prod.properties("f")["Timeout"], json!(30));
    assert_eq!(prod.desired().stack, "app-prod");
    assert_eq!(prod.desired().region.as_deref(), Some("eu-central-1"));
    assert_eq!(prod.desired().account.as_deref(), Some("111122223333"));
}

#[test]
fn defaults_lie_below_every_resource_of_their_kind() {
    let tried = with_app(
        "{defaults: {function: {timeout: 10, environment: {A: a}, layers: [base]}, queue: {visibilityTimeout: 90}}}",
        &[
            ("Function f", &function("environment: {B: b}, layers: [own]")),
            ("Queue q", "{}"),
            ("Layer base", "{code: ./b}"),
            ("Layer own", "{code: ./o}"),
        ],
        With::default(),
    );
    assert_eq!(tried.properties("f")["Environment"]["Variables"], json!({"A": "a", "B": "b"}));
    assert_eq!(tried.properties("f")["Layers"], json!([{"Ref": "base"}, {"Ref": "own"}]));
    assert_eq!(tried.properties("q")["VisibilityTimeout"], json!(90));
}

#[test]
fn conditions_leave_resources_out_and_choose_values() {
    let tried = with_app(
        "{parameters: {Stage: dev}, conditions: {Prod: !Equals [!Ref Stage, prod]}}",
        &[
            ("Queue extra", "{condition: Prod}"),
            (
                "Queue q",
                "{delaySeconds: !If [Prod, 5, 1], visibilityTimeout: !If [Prod, 60, !Ref 'AWS::NoValue'], dependsOn: extra}",
            ),
        ],
        With::default(),
    );
    assert_eq!(tried.properties("q"), json!({"DelaySeconds": 1}));
    assert!(!tried.desired().resources.contains_key("extra"));
    assert!(tried.resource("q").depends_on.is_empty());
}

#[test]
fn annotations_and_common_words_reach_the_resource() {
    let tried = documents(&[
        (
            "Queue name: q, annotations: {evenkeel.dev/renamed-from: old, evenkeel.dev/ignore-drift: 'Tags.x, DelaySeconds', evenkeel.dev/allow-delete: abc}",
            "{deadLetter: {maxReceiveCount: 4}, deletionPolicy: Retain, dependsOn: [t]}",
        ),
        ("Topic t", "{}"),
    ]);
    let queue = tried.resource("q");
    assert_eq!(queue.renamed_from.as_deref(), Some("old"));
    assert_eq!(queue.ignore_drift, ["Tags.x", "DelaySeconds"]);
    assert_eq!(queue.allow_delete.as_deref(), Some("abc"));
    assert_eq!(queue.depends_on, ["t"]);
    assert_eq!(queue.deletion_policy, Some(crate::model::DeletionPolicy::Retain));
    let letters = tried.resource("q-dead-letters");
    assert_eq!(letters.renamed_from.as_deref(), Some("old-dead-letters"));
    assert_eq!(letters.deletion_policy, Some(crate::model::DeletionPolicy::Retain));
}

#[test]
fn a_renamed_function_keeps_the_name_of_its_log_group() {
    let tried = documents(&[("Function name: new, annotations: {evenkeel.dev/renamed-from: old}", &function(""))]);
    assert_eq!(tried.properties("new-logs")["LogGroupName"], json!("/aws/lambda/app-old"));
    assert_eq!(tried.resource("new-role").renamed_from.as_deref(), Some("old-role"));
}

#[test]
fn a_tombstone_marks_the_application_deleted() {
    assert!(with_app("{deleted: true}", &[], With::default()).desired().deleted);
}

#[test]
fn the_app_says_what_its_outputs_and_tags_are() {
    let text = "apiVersion: evenkeel.dev/v1\nkind: App\nmetadata: {name: shop, labels: {owner: me}}\nspec: {outputs: {Url: !Ref q, Arn: {value: !GetAtt q.Arn, description: d, export: shop-q}}}\n---\n\
                apiVersion: evenkeel.dev/v1\nkind: Queue\nmetadata: {name: q}\n";
    let tried = try_files(&[("a.yaml", text)], With::default());
    let desired = tried.desired();
    assert_eq!(desired.tags.get("owner").map(String::as_str), Some("me"));
    assert_eq!(desired.outputs["Url"].value.to_json(), json!({"Ref": "q"}));
    assert_eq!(desired.outputs["Arn"].export.as_ref().unwrap().to_json(), json!("shop-q"));
}

#[test]
fn without_an_app_the_folder_names_the_application() {
    let tried =
        try_files(&[("q.yaml", "apiVersion: evenkeel.dev/v1\nkind: Queue\nmetadata: {name: q}\n")], With::default());
    assert_eq!((tried.desired().app.as_str(), tried.desired().env.as_deref()), ("app", None));
}
