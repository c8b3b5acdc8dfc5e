//! Parameters and log groups against an emulator.

use crate::support::{Runner, endpoint};
use serde_json::{Value as Json, json};

const PARAMETER: &str = "AWS::SSM::Parameter";
const LOG_GROUP: &str = "AWS::Logs::LogGroup";

fn spec() -> Vec<(&'static str, &'static str, Json)> {
    vec![
        (
            "url",
            PARAMETER,
            json!({"Type": "String", "Value": "https://example.com", "Description": "where", "Tier": "Advanced",
                "AllowedPattern": "^https://.*", "Tags": {"team": "pay"}}),
        ),
        ("key", PARAMETER, json!({"Type": "SecureString", "Value": "s3cret", "KeyId": "alias/aws/ssm"})),
        ("list", PARAMETER, json!({"Name": "/shared/settings/list", "Type": "StringList", "Value": "a,b"})),
        ("plain", LOG_GROUP, json!({})),
        (
            "kept",
            LOG_GROUP,
            json!({"LogGroupName": "/shop/settings/kept", "RetentionInDays": "14",
            "Tags": [{"Key": "team", "Value": "pay"}]}),
        ),
    ]
}

#[tokio::test]
async fn parameters_and_log_groups_are_made_repaired_and_deleted() {
    let Some(endpoint) = endpoint() else { return };
    let mut runner = Runner::connect(&endpoint, "settings", &[PARAMETER, LOG_GROUP]).await;
    let spec = spec();
    let writes = runner.converge(&spec).await;
    assert_eq!(writes.iter().filter(|write| **write == "PutParameter").count(), 3, "{writes:?}");
    assert_eq!(writes.iter().filter(|write| **write == "CreateLogGroup").count(), 2, "{writes:?}");
    assert_eq!(writes.iter().filter(|write| **write == "PutRetentionPolicy").count(), 1, "{writes:?}");
    assert_eq!(runner.converge(&spec).await, Vec::<&str>::new());

    // Somebody's hands.
    let ssm = runner.account.ssm.clone();
    let put = |name: &str| ssm.put_parameter().name(name).overwrite(true);
    put("/settings/url").value("https://other.example").description("elsewhere").send().await.expect("written");
    put("/settings/key").value("changed").send().await.expect("written");
    let tag = aws_sdk_ssm::types::ResourceTypeForTagging::Parameter;
    let untag = ssm.remove_tags_from_resource().resource_type(tag).resource_id("/settings/url").tag_keys("team");
    untag.send().await.expect("untagged");
    let logs = runner.account.logs.clone();
    logs.put_retention_policy().log_group_name("settings-plain").retention_in_days(3).send().await.expect("written");
    logs.delete_retention_policy().log_group_name("/shop/settings/kept").send().await.expect("written");
    let mut repaired = runner.converge(&spec).await;
    repaired.sort_unstable();
    assert_eq!(
        repaired,
        ["AddTagsToResource", "DeleteRetentionPolicy", "PutParameter", "PutParameter", "PutRetentionPolicy"]
    );
    let read = ssm.get_parameter().name("/settings/key").with_decryption(true).send().await.expect("read");
    assert_eq!(read.parameter().and_then(|parameter| parameter.value()), Some("s3cret"));

    // The spec takes away what it said, and changes what cannot be changed in place.
    let mut other = spec.clone();
    other[0].2 = json!({"Type": "String", "Value": "https://example.com", "Tier": "Standard"});
    other[1].2 = json!({"Type": "String", "Value": "plain"});
    other[4].2 = json!({"LogGroupName": "/shop/settings/kept", "RetentionInDays": 30});
    let mut writes = runner.converge(&other).await;
    writes.sort_unstable();
    assert_eq!(
        writes,
        ["DeleteParameter", "DeleteParameter", "PutParameter", "PutParameter", "PutRetentionPolicy", "UntagResource"]
    );

    let mut gone = runner.converge(&[]).await;
    gone.sort_unstable();
    assert_eq!(gone, ["DeleteLogGroup", "DeleteLogGroup", "DeleteParameter", "DeleteParameter", "DeleteParameter"]);
}

#[tokio::test]
async fn what_is_not_ours_is_left_alone() {
    let Some(endpoint) = endpoint() else { return };
    let mut runner = Runner::connect(&endpoint, "foreign", &[PARAMETER, LOG_GROUP]).await;
    let ssm = runner.account.ssm.clone();
    let kind = aws_sdk_ssm::types::ParameterType::String;
    ssm.put_parameter().name("/foreign/theirs").value("x").r#type(kind).send().await.expect("written");
    runner.account.logs.create_log_group().log_group_name("foreign-logs").send().await.expect("written");
    let spec = vec![("theirs", PARAMETER, json!({"Type": "String", "Value": "y"})), ("logs", LOG_GROUP, json!({}))];
    let wanted = runner.plan(&spec).wanted;
    runner.sweep(&wanted).await;
    let plan = runner.plan(&spec);
    assert!(!plan.has_steps(), "{:#?}", plan.actions);
    assert!(
        plan.actions
            .iter()
            .all(|action| { action.reason.as_deref().is_some_and(|reason| reason.contains("is not evenkeel's")) })
    );
    ssm.delete_parameter().name("/foreign/theirs").send().await.expect("deleted");
    runner.account.logs.delete_log_group().log_group_name("foreign-logs").send().await.expect("deleted");
}
