//! What SAM applications bring beyond their templates: samconfig, the tree's settings, secrets.

use std::path::Path;

use evenkeel_tests::Rig;

const TEMPLATE: &str = "\
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Runtime: python3.13, Handler: app.handler, CodeUri: src}}
Resources:
  Named: {Type: AWS::Serverless::Function, Properties: {FunctionName: named}}
  Unnamed: {Type: AWS::Serverless::Function}
";

const CODE: &str = "def handler(event, context):\n    return 1\n";

async fn retention(rig: &Rig, name: &str) -> Option<i32> {
    let answer = rig.account.logs.describe_log_groups().log_group_name_prefix(name).send().await.unwrap();
    let group = answer.log_groups().first()?;
    Some(group.retention_in_days().unwrap_or(0))
}

#[tokio::test]
async fn functions_of_templates_get_log_groups_where_the_tree_asks_for_retention() {
    let rig = Rig::start().await;
    rig.write("shop/template.yaml", TEMPLATE);
    rig.write("shop/src/app.py", CODE);
    rig.evenkeel("plan SPECS").await.exits(2).says("logs never expire");
    rig.evenkeel("reconcile --once SPECS -o json").await.exits(0);
    // Lambda makes the group when the function first runs.
    rig.account.logs.create_log_group().log_group_name("/aws/lambda/named").send().await.unwrap();
    rig.agrees();
    assert_eq!(rig.evenkeel("reconcile --once SPECS -o json").await.exits(0).json()["writes"], 0);

    rig.write("evenkeel.yaml", "logRetentionDays: 14\n");
    let shown = rig.evenkeel("render SPECS").await.exits(0);
    assert!(!shown.text().contains("LogGroup") && !shown.text().contains("never expire"), "{}", shown.text());
    rig.evenkeel("reconcile --once SPECS -o json").await.exits(0);
    assert_eq!(retention(&rig, "/aws/lambda/named").await, Some(14));
    assert_eq!(retention(&rig, "/aws/lambda/shop-Unnamed").await, Some(14));
    rig.agrees();
    assert_eq!(rig.evenkeel("reconcile --once SPECS -o json").await.exits(0).json()["writes"], 0);

    // Without it they stay as they are: only the marks go.
    rig.write("evenkeel.yaml", "sourceId: default\n");
    rig.evenkeel("reconcile --once SPECS -o json").await.exits(0);
    assert_eq!(retention(&rig, "/aws/lambda/named").await, Some(14));
    rig.agrees();
    assert_eq!(rig.evenkeel("reconcile --once SPECS -o json").await.exits(0).json()["writes"], 0);
}

#[tokio::test]
async fn an_image_without_a_repository_is_blocked_and_one_with_samconfigs_is_not() {
    let rig = Rig::start().await;
    let template = TEMPLATE.to_owned()
        + "  Boxed:\n    Type: AWS::Serverless::Function\n    Metadata: {DockerTag: v1, DockerContext: ., Dockerfile: Dockerfile}\n    Properties: {PackageType: Image}\n";
    let template = template
        .replace("Globals: {Function: {Runtime: python3.13, Handler: app.handler, CodeUri: src}}\n", "")
        .replace(
            "{FunctionName: named}",
            "{FunctionName: named, Runtime: python3.13, Handler: app.handler, CodeUri: src}",
        )
        .replace("  Unnamed: {Type: AWS::Serverless::Function}\n", "");
    rig.write("shop/template.yaml", &template);
    rig.write("shop/src/app.py", CODE);
    rig.write("shop/samconfig.toml", "version = 0.1\n[default.deploy.parameters]\nstack_name = \"shop\"\n");
    let ran = rig.evenkeel("reconcile --once SPECS -o json").await.exits(3).says("its image has no repository");
    assert!(ran.text().contains("image_repositories in samconfig"), "{}", ran.text());
    assert!(rig.account.lambda.get_function().function_name("named").send().await.is_ok());
    assert!(rig.account.lambda.get_function().function_name("shop-Boxed").send().await.is_err());

    let repository = "000000000000.dkr.ecr.eu-west-1.amazonaws.com/shop";
    rig.edit("shop/samconfig.toml", "\"shop\"", &format!("\"shop\"\nimage_repositories = [\"Boxed={repository}\"]"));
    rig.evenkeel("render SPECS").await.exits(0).says(&format!("{repository}:v1"));
    let plan = rig.evenkeel("plan SPECS -o json").await.exits(2);
    assert_eq!(plan.action("Boxed")["action"], "create");
}

#[tokio::test]
async fn a_secret_is_read_from_secrets_manager_and_shown_nowhere() {
    let rig = Rig::start().await;
    let secret = r#"{"user": "ada", "password": "hunter2-hunter2"}"#;
    rig.account.secrets.create_secret().name("shop/db").secret_string(secret).send().await.unwrap();
    let variables = "{Environment: {Variables: {USER: '{{resolve:secretsmanager:shop/db:SecretString:user}}', URL: 'db://{{resolve:secretsmanager:shop/db:SecretString:password::}}@host'}}}";
    rig.write(
        "shop/template.yaml",
        &TEMPLATE
            .replace("{FunctionName: named}", "{FunctionName: named, VARIABLES}")
            .replace("VARIABLES", &variables[1..variables.len() - 1]),
    );
    rig.write("shop/src/app.py", CODE);
    let plan = rig.evenkeel("plan SPECS").await.exits(2);
    assert!(!plan.text().contains("hunter2"), "{}", plan.text());
    let ran = rig.evenkeel("reconcile --once SPECS -o json").await.exits(0);
    assert!(!ran.text().contains("hunter2"), "{}", ran.text());
    let function = rig.account.lambda.get_function_configuration().function_name("named").send().await.unwrap();
    let values = function.environment().unwrap().variables().unwrap().clone();
    assert_eq!((values["USER"].as_str(), values["URL"].as_str()), ("ada", "db://hunter2-hunter2@host"));
    rig.agrees();
    assert_eq!(rig.evenkeel("reconcile --once SPECS -o json").await.exits(0).json()["writes"], 0);

    rig.edit("shop/template.yaml", "SecretString:user", "SecretString:nobody");
    let refused = rig.evenkeel("plan SPECS").await.exits(1).says("the secret `shop/db` has no key `nobody`");
    assert!(!refused.text().contains("hunter2"));
    rig.edit("shop/template.yaml", "shop/db:SecretString:nobody", "shop/none");
    rig.evenkeel("plan SPECS").await.exits(1).says("the secret `shop/none` cannot be read");
}

#[tokio::test]
async fn the_meetup_runs_in_both_environments_and_carries_samconfigs_tags() {
    let rig = Rig::start().await;
    rig.copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../specs/meetup"), "meetup");
    rig.evenkeel("plan SPECS").await.exits(1).says("there is no SSM parameter `/meetup/db-url`");
    let url = rig.account.ssm.put_parameter().name("/meetup/db-url").value("postgres://db/meetup");
    url.r#type("String".into()).send().await.unwrap();
    rig.agrees();
    for words in ["", "--env prod"] {
        rig.evenkeel(&format!("reconcile --once SPECS {words} -o json")).await.exits(0);
        rig.agrees();
        let again = rig.evenkeel(&format!("reconcile --once SPECS {words} -o json")).await.exits(0);
        assert_eq!(again.json()["writes"], 0);
    }
    let function = rig.account.lambda.get_function().function_name("prod-meetup-attend").send().await.unwrap();
    assert_eq!(function.tags().unwrap().get("team").map(String::as_str), Some("community"));
    let variables = function.configuration().unwrap().environment().unwrap().variables().unwrap();
    assert_eq!(variables["DB_URL"], "postgres://db/meetup");
    let role = function.configuration().unwrap().role().unwrap().rsplit('/').next().unwrap().to_owned();
    let tags = rig.account.iam.list_role_tags().role_name(role).send().await.unwrap();
    assert!(tags.tags().iter().any(|tag| tag.key() == "team" && tag.value() == "community"));
    let url = super::desk::queue_url(&rig, "prod-meetup-sign-ups").await;
    let tags = rig.account.sqs.list_queue_tags().queue_url(url).send().await.unwrap();
    assert_eq!(tags.tags().unwrap().get("team").map(String::as_str), Some("community"));
    let tags = rig.account.ssm.list_tags_for_resource().resource_type("Parameter".into());
    let tags = tags.resource_id("/meetup/prod/welcome").send().await.unwrap();
    assert!(tags.tag_list().iter().any(|tag| tag.key() == "team"));
    let mappings = rig.account.lambda.list_event_source_mappings().send().await.unwrap();
    let mapping = mappings.event_source_mappings()[0].event_source_mapping_arn().unwrap().to_owned();
    let tags = rig.account.lambda.list_tags().resource(mapping).send().await.unwrap();
    assert_eq!(tags.tags().unwrap().get("team").map(String::as_str), Some("community"));
    let arn = super::desk::topic_arn(&rig, "prod-meetup-reminders").await;
    let tags = rig.account.sns.list_tags_for_resource().resource_arn(arn).send().await.unwrap();
    assert!(tags.tags().iter().any(|tag| tag.key() == "team"));
}

#[tokio::test]
async fn samconfigs_profile_says_whose_account_it_is_before_keys_in_the_environment() {
    let rig = Rig::start().await;
    rig.write("shop/template.yaml", "Resources:\n  News: {Type: AWS::SNS::Topic}\n");
    rig.write("shop/samconfig.toml", "version = 0.1\n[default.deploy.parameters]\nprofile = \"shop\"\n");
    let topic = async || {
        let ran = rig.evenkeel("reconcile --once SPECS -o json").await.exits(0);
        ran.json()["apps"][0]["resources"][0]["physicalId"].as_str().unwrap().to_owned()
    };
    // A profile that only somebody's own machine has: keys of the environment stand in.
    assert!(topic().await.contains(":000000000000:"));
    let keys = "[shop]\naws_access_key_id = 111122223333\naws_secret_access_key = test\n";
    std::fs::create_dir_all(rig.path(".aws")).unwrap();
    std::fs::write(rig.path(".aws/credentials"), keys).unwrap();
    assert!(topic().await.contains(":111122223333:"));
}

#[tokio::test]
async fn zones_are_asked_of_ec2_and_values_come_before_them() {
    let rig = Rig::start().await;
    let template = "Resources:\n  Zones:\n    Type: AWS::SSM::Parameter\n    Properties:\n      Name: /shop/zones\n      Type: String\n      Value: !Join [',', !GetAZs '']\n";
    rig.write("shop/template.yaml", template);
    rig.evenkeel("render SPECS -o json").await.exits(0).says("Fn::GetAZs");
    let report = rig.evenkeel("reconcile --once SPECS -o json").await.exits(0).json();
    let asked = &report["calls"]["EC2"];
    assert!(asked["DescribeSubnets"].as_u64() >= Some(1), "{report:#}");
    let value = || async {
        let answer = rig.account.ssm.get_parameter().name("/shop/zones").send().await.unwrap();
        answer.parameter().unwrap().value().unwrap().to_owned()
    };
    let region = rig.account.region();
    assert!(value().await.starts_with(&format!("{region}a,{region}b")), "{}", value().await);

    let values = rig.specs().with_file_name("values.json");
    std::fs::write(&values, format!(r#"{{"Zones": {{"{region}": ["{region}z"]}}}}"#)).unwrap();
    rig.evenkeel(&format!("reconcile --once SPECS --values {}", values.display())).await.exits(0);
    assert_eq!(value().await, format!("{region}z"));
}
