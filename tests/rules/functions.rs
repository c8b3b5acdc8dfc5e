//! Functions: section 1, and versions and aliases: section 2.

use std::time::Duration;

use evenkeel_core::plan::Standing;
use evenkeel_tests::aws::{Fault, Rules, Trouble};
use evenkeel_tests::{Trial, left};
use serde_json::json;

use super::{FUNCTION, function};

#[tokio::test(start_paused = true)]
async fn a_new_function_is_waited_for_and_nothing_is_made_twice() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge(FUNCTION).await;
    assert_eq!(trial.times("CreateRole", "").len(), 1);
    assert_eq!(trial.count("CreateRole"), 1, "a role that is not found yet is not made again:\n{}", trial.story());
    assert_eq!(trial.count("CreateLogGroup"), 1);
    trial.quiet(FUNCTION).await;
}

#[tokio::test(start_paused = true)]
async fn a_function_is_not_published_while_it_is_pending() {
    let trial = Trial::start(Rules { creation: Duration::from_secs(90), ..Rules::default() }).await;
    let spec = function("rollout: {strategy: AllAtOnce}");
    trial.converge(&spec).await;
    let (made, published) = (trial.time("CreateFunction", ""), trial.time("PublishVersion", ""));
    assert!(published - made >= 90.0, "{}", trial.story());
    assert_eq!(trial.count("PublishVersion"), 1);
    trial.quiet(&spec).await;
}

#[tokio::test(start_paused = true)]
async fn a_function_is_not_configured_while_its_code_settles() {
    let trial = Trial::start(Rules { update: Duration::from_secs(15), ..Rules::default() }).await;
    trial.converge(FUNCTION).await;
    trial.aws.forget();
    trial.file("src/app.py", "def handler(event, context):\n    return 2\n");
    let spec = function("environment: {AA: b}, memorySize: 512");
    trial.converge(&spec).await;
    let (code, rest) = (trial.time("UpdateFunctionCode", ""), trial.time("UpdateFunctionConfiguration", ""));
    assert!((code - rest).abs() >= 15.0, "{}", trial.story());
    assert_eq!(trial.aws.refusals(), [""; 0], "nothing is tried while the other settles");
    trial.quiet(&spec).await;
}

#[tokio::test(start_paused = true)]
async fn a_new_variable_comes_before_the_code_that_needs_it() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge(FUNCTION).await;
    trial.file("src/app.py", "def handler(event, context):\n    return 2\n");
    trial.converge(&function("environment: {AA: b}")).await;
    assert!(trial.time("UpdateFunctionConfiguration", "") < trial.time("UpdateFunctionCode", ""));
}

#[tokio::test(start_paused = true)]
async fn new_code_comes_before_the_handler_that_is_only_in_it() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge(FUNCTION).await;
    trial.file("src/app.py", "def other(event, context):\n    return 2\n");
    trial.converge(&FUNCTION.replace("app.handler", "app.other")).await;
    assert!(trial.time("UpdateFunctionCode", "") < trial.time("UpdateFunctionConfiguration", ""));
}

#[tokio::test(start_paused = true)]
async fn an_update_by_somebody_else_is_waited_for() {
    let trial = Trial::start(Rules { update: Duration::from_secs(40), ..Rules::default() }).await;
    trial.converge(FUNCTION).await;
    let touched = json!({"FunctionName": "t-f", "Description": "by hand"});
    trial.aws.ask("lambda", "UpdateFunctionConfiguration", touched).unwrap();
    trial.aws.forget();
    trial.converge(FUNCTION).await;
    assert_eq!(trial.count("UpdateFunctionConfiguration"), 1, "{}", trial.story());
    trial.aws.with(|cloud| assert_eq!(cloud.lambda.functions["t-f"].configuration["Description"], ""));
}

#[tokio::test(start_paused = true)]
async fn settling_is_looked_at_through_get_function_alone() {
    let trial = Trial::start(Rules { creation: Duration::from_secs(120), ..Rules::default() }).await;
    trial.converge(FUNCTION).await;
    let small: Vec<String> =
        trial.aws.calls().into_iter().filter(|c| c.service == "lambda").map(|c| c.operation).collect();
    for call in &small {
        assert!(
            ["GetFunction", "ListFunctions", "CreateFunction", "ListLayers", "ListEventSourceMappings"]
                .contains(&call.as_str()),
            "{call}"
        );
    }
    assert!(trial.count("GetFunction") < 40, "two minutes of looking: {}", trial.count("GetFunction"));
}

#[tokio::test(start_paused = true)]
async fn the_revision_is_read_again_after_the_function_has_settled() {
    let trial = Trial::start(Rules::default()).await;
    trial.converge(FUNCTION).await;
    for round in 1..5 {
        trial.file("src/app.py", &format!("def handler(event, context):\n    return {round}\n"));
        trial.converge(&function(&format!("environment: {{AA: \"{round}\"}}"))).await;
    }
    assert!(!trial.aws.refusals().iter().any(|it| it.contains("Precondition")), "{}", trial.story());
}

#[tokio::test(start_paused = true)]
async fn a_change_by_somebody_else_in_between_is_looked_at_before_it_is_written_over() {
    let trial = Trial::start(Rules::kind()).await;
    trial.converge(FUNCTION).await;
    // The revision that was read is not the one that is there any more.
    let stale = Fault { code: "PreconditionFailedException".into(), status: 412, message: "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id".into() };
    trial.aws.trouble("UpdateFunctionConfiguration", Trouble::Refused(stale));
    trial.aws.forget();
    trial.converge(&function("timeout: 10")).await;
    let calls: Vec<String> = trial.aws.calls().into_iter().map(|call| call.operation).collect();
    let updates: Vec<usize> = (0..calls.len()).filter(|at| calls[*at] == "UpdateFunctionConfiguration").collect();
    assert_eq!(updates.len(), 2);
    assert!(calls[updates[0]..updates[1]].iter().any(|call| call == "GetFunction"), "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn an_unchanged_function_is_never_updated() {
    let trial = Trial::start(Rules::default()).await;
    let spec = function("environment: {AA: b}, description: text, timeout: 20, tracingConfig: {mode: Active}");
    trial.converge(&spec).await;
    let revision = trial.aws.with(|cloud| cloud.lambda.functions["t-f"].revision.clone());
    for _ in 0..3 {
        trial.quiet(&spec).await;
    }
    trial.aws.with(|cloud| assert_eq!(cloud.lambda.functions["t-f"].revision, revision));
}

#[tokio::test(start_paused = true)]
async fn what_the_spec_no_longer_says_is_cleared_by_an_explicit_empty() {
    let trial = Trial::start(Rules::default()).await;
    let full = "Queue dead: {}\nLayer shared: {code: ./src}\n".to_owned()
        + &function(
            "environment: {AA: b}, description: text, layers: [shared], deadLetter: {queue: dead}, \
             vpcConfig: {subnetIds: [subnet-0123456789abcdef0], securityGroupIds: [sg-0123456789abcdef0]}, \
             kmsKeyArn: \"arn:aws:kms:eu-west-1:111122223333:key/1\"",
        );
    trial.converge(&full).await;
    trial.aws.with(|cloud| {
        let configuration = &cloud.lambda.functions["t-f"].configuration;
        for key in ["Environment", "Layers", "DeadLetterConfig", "VpcConfig", "KMSKeyArn"] {
            assert!(configuration.contains_key(key), "{key}");
        }
    });
    let bare = format!("Queue dead: {{}}\nLayer shared: {{code: ./src}}\n{FUNCTION}");
    trial.converge(&bare).await;
    trial.aws.with(|cloud| {
        let configuration = &cloud.lambda.functions["t-f"].configuration;
        for key in ["Layers", "DeadLetterConfig", "KMSKeyArn"] {
            assert!(!configuration.contains_key(key), "{key}");
        }
        assert_eq!(configuration["Environment"], json!({"Variables": {}}));
        assert_eq!(configuration["VpcConfig"]["VpcId"], "");
        assert_eq!(configuration["Description"], "");
    });
    // An empty environment and the shell of a VPC are what none at all is.
    trial.quiet(&bare).await;
}

#[tokio::test(start_paused = true)]
async fn what_aws_fills_in_is_no_drift() {
    let trial = Trial::start(Rules::default()).await;
    let spec = "Queue q: {visibilityTimeout: 60}\nTopic n: {}\nParameter p: {value: x}\nLayer l: {code: ./src}\n"
        .to_owned()
        + "Role r: {}\n"
        + &function("layers: [l], loggingConfig: {logFormat: JSON}, triggers: [{queue: q}, {topic: n}]");
    trial.converge(&spec).await;
    trial.quiet(&spec).await;
    // Levels exist with JSON alone.
    let text = spec.replace("JSON", "Text");
    trial.converge(&text).await;
    trial.quiet(&text).await;
}

#[tokio::test(start_paused = true)]
async fn an_environment_that_is_too_large_is_refused_without_its_values() {
    let trial = Trial::start(Rules::kind()).await;
    let said = "Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit. String measured: {\"KEY\":\"hunter2\"}";
    let fault = Fault { code: "InvalidParameterValueException".into(), status: 400, message: said.into() };
    trial.aws.trouble("CreateFunction", Trouble::Refused(fault));
    let plan = trial.run(&function("environment: {KEY: hunter2}")).await.plan;
    let text = left(&plan);
    assert!(text.contains("4KB") && !text.contains("hunter2"), "{text}");
    assert_eq!(trial.count("CreateFunction"), 1, "what AWS refuses for good is not tried again");
}

#[tokio::test(start_paused = true)]
async fn a_mapping_goes_before_its_function_and_the_role_after_it() {
    let trial = Trial::start(Rules::default()).await;
    let spec = "Queue q: {visibilityTimeout: 60}\n".to_owned() + &function("triggers: [{queue: q}]");
    trial.converge(&spec).await;
    trial.aws.forget();
    trial.converge("Queue q: {visibilityTimeout: 60}").await;
    let mapping = trial.time("DeleteEventSourceMapping", "");
    let function = trial.time("DeleteFunction", "");
    assert!(function - mapping >= 20.0, "the mapping is gone before:\n{}", trial.story());
    // The log group of a native function is retained: evenkeel lets go of it, last.
    let role = trial.time("DeleteRole", "");
    assert!(function < role && role < trial.time("UntagResource", ""), "{}", trial.story());
    assert_eq!(trial.aws.refusals(), [""; 0]);
    trial.aws.with(|cloud| assert!(cloud.lambda.mappings.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn a_function_of_another_package_type_is_made_again_under_its_name_with_all_that_hung_on_it() {
    let trial = Trial::start(Rules { deletion: Duration::from_secs(20), ..Rules::default() }).await;
    let more = "rollout: {strategy: AllAtOnce}, reservedConcurrentExecutions: 5";
    trial.converge(&function(more)).await;
    trial.aws.forget();
    let image = format!(
        "Function f: {{code: {{image: \"111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop:1\"}}, packageType: Image, {more}}}"
    );
    trial.converge(&image).await;
    let (gone, made) = (trial.time("DeleteFunction", ""), trial.time("CreateFunction", ""));
    assert!(made - gone >= 20.0, "{}", trial.story());
    trial.aws.with(|cloud| {
        let function = &cloud.lambda.functions["t-f"];
        assert_eq!((function.reserved, function.versions.len(), function.aliases.len()), (Some(5), 1, 1));
    });
    trial.quiet(&image).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_already_counts_as_deleted() {
    let trial = Trial::start(Rules::kind()).await;
    trial.converge(FUNCTION).await;
    let gone = Fault { code: "ResourceNotFoundException".into(), status: 404, message: "Function not found".into() };
    trial.aws.trouble("DeleteFunction", Trouble::Refused(gone));
    trial.aws.with(|cloud| cloud.logs.groups.clear());
    // The answer says that it is gone; what is read afterwards decides.
    trial.converge("Queue q: {}").await;
    trial.aws.with(|cloud| assert!(cloud.lambda.functions.is_empty() && cloud.iam.roles.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn a_creation_whose_answer_is_lost_is_looked_for_before_it_is_made_again() {
    let trial = Trial::start(Rules::kind()).await;
    for operation in ["CreateFunction", "CreateRole", "CreateQueue", "CreateLogGroup", "PutParameter", "CreateTopic"] {
        trial.aws.trouble(operation, Trouble::LostReply);
    }
    let spec = format!("Queue q: {{}}\nTopic n: {{}}\nParameter p: {{value: x}}\n{FUNCTION}");
    trial.converge(&spec).await;
    for operation in ["CreateFunction", "CreateRole", "CreateQueue", "CreateLogGroup", "PutParameter", "CreateTopic"] {
        assert_eq!(trial.count(operation), 1, "{operation}:\n{}", trial.story());
    }
    trial.quiet(&spec).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_error_is_tried_again_after_a_look() {
    let trial = Trial::start(Rules::kind()).await;
    trial.aws.trouble("CreateFunction", Trouble::ServerError);
    trial.converge(FUNCTION).await;
    assert_eq!(trial.count("CreateFunction"), 2);
}

#[tokio::test(start_paused = true)]
async fn an_unchanged_function_publishes_no_new_version_and_a_changed_configuration_does() {
    let trial = Trial::start(Rules::default()).await;
    let spec = function("rollout: {strategy: AllAtOnce}");
    trial.converge(&spec).await;
    trial.quiet(&spec).await;
    trial.converge(&function("rollout: {strategy: AllAtOnce}, environment: {AA: b}")).await;
    trial.aws.with(|cloud| {
        let function = &cloud.lambda.functions["t-f"];
        assert_eq!(function.versions.len(), 2);
        assert!(function.aliases.values().all(|alias| alias["FunctionVersion"] == "2"));
    });
    assert!(!trial.aws.refusals().iter().any(|it| it.contains("Version") || it.contains("Alias")));
}

#[tokio::test(start_paused = true)]
async fn weights_that_nobody_asked_for_are_cleared_with_an_empty_map() {
    let trial = Trial::start(Rules::kind()).await;
    let spec = function("rollout: {strategy: AllAtOnce}");
    trial.converge(&spec).await;
    trial.converge(&function("rollout: {strategy: AllAtOnce}, timeout: 9")).await;
    let name = trial.aws.with(|cloud| cloud.lambda.functions["t-f"].aliases.keys().next().unwrap().clone());
    let shifted =
        json!({"FunctionName": "t-f", "Name": name, "RoutingConfig": {"AdditionalVersionWeights": {"1": 0.5}}});
    trial.aws.ask("lambda", "UpdateAlias", shifted).unwrap();
    trial.converge(&function("rollout: {strategy: AllAtOnce}, timeout: 9")).await;
    trial.aws.with(|cloud| assert!(!cloud.lambda.functions["t-f"].aliases[&name].contains_key("RoutingConfig")));
}

#[tokio::test(start_paused = true)]
async fn a_function_that_never_settles_is_said_to_settle_and_nothing_is_written() {
    let trial = Trial::start(Rules { creation: Duration::from_secs(100_000), ..Rules::default() }).await;
    let spec = function("rollout: {strategy: AllAtOnce}");
    let plan = trial.run(&spec).await.plan;
    assert!(
        plan.actions
            .iter()
            .any(|action| matches!(&action.standing, Standing::Waiting(why) if why.contains("settling"))),
        "{}",
        left(&plan)
    );
    assert_eq!(trial.count("PublishVersion"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_listing_is_read_to_its_last_page() {
    let trial = Trial::start(Rules { quotas: false, ..Rules::kind() }).await;
    let all: String = (0..120)
        .map(|n| {
            format!(
                "{}\n",
                FUNCTION.replace("Function f", &format!("Function f{n}")).replace("{code", "{role: r, code")
            )
        })
        .collect();
    let spec = format!("Role r: {{}}\n{all}");
    trial.converge(&spec).await;
    trial.aws.forget();
    trial.quiet(&spec).await;
    // Fifty a page whatever is asked for, and the same for log groups.
    assert_eq!(trial.count("ListFunctions"), 3);
    assert_eq!(trial.count("DescribeLogGroups"), 3);
}

#[tokio::test(start_paused = true)]
async fn a_layer_is_published_once_for_the_same_content() {
    let trial = Trial::start(Rules::default()).await;
    let spec = "Layer l: {code: ./src}\n".to_owned() + &function("layers: [l]");
    trial.converge(&spec).await;
    trial.quiet(&spec).await;
    trial.file("src/app.py", "def handler(event, context):\n    return 2\n");
    trial.converge(&spec).await;
    assert_eq!(trial.count("PublishLayerVersion"), 2);
    trial.aws.with(|cloud| {
        let used = cloud.lambda.functions["t-f"].configuration["Layers"][0]["Arn"].as_str().unwrap().to_owned();
        assert!(used.ends_with(":2"), "{used}");
    });
    trial.quiet(&spec).await;
}
