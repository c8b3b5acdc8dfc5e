//! Roles and their policies against an emulator.

use crate::support::{Runner, endpoint};
use serde_json::{Value as Json, json};

const ROLE: &str = "AWS::IAM::Role";
const MANAGED: &str = "AWS::IAM::ManagedPolicy";
const BASIC: &str = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole";

fn trust(service: &str) -> Json {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": service},
        "Action": "sts:AssumeRole"}]})
}

fn allow(action: &str) -> Json {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]})
}

fn spec() -> Vec<(&'static str, &'static str, Json)> {
    vec![
        (
            "worker",
            ROLE,
            json!({
                "AssumeRolePolicyDocument": trust("lambda.amazonaws.com"), "Description": "Works well",
                "MaxSessionDuration": 7200, "Path": "/app/",
                "Policies": [{"PolicyName": "own.one", "PolicyDocument": allow("s3:GetObject")}],
                "ManagedPolicyArns": [BASIC], "Tags": [{"Key": "team", "Value": "a"}],
            }),
        ),
        (
            "beside",
            "AWS::IAM::Policy",
            json!({"PolicyName": "beside", "Roles": [{"Ref": "worker"}], "PolicyDocument": allow("sqs:*")}),
        ),
        (
            "single",
            "AWS::IAM::RolePolicy",
            json!({"PolicyName": "single", "RoleName": {"Ref": "worker"}, "PolicyDocument": allow("sns:*")}),
        ),
        (
            "shared",
            MANAGED,
            json!({"Description": "Shared", "Path": "/app/", "Roles": [{"Ref": "worker"}], "PolicyDocument": allow("ssm:GetParameter")}),
        ),
    ]
}

#[tokio::test]
async fn a_role_is_made_repaired_changed_and_removed() {
    let Some(endpoint) = endpoint() else { return };
    let mut runner = Runner::connect(&endpoint, "iam", &[ROLE, MANAGED]).await;
    let made = runner.converge(&spec()).await;
    assert_eq!(made.iter().filter(|operation| **operation == "PutRolePolicy").count(), 3, "{made:?}");
    assert_eq!(runner.converge(&spec()).await, Vec::<&str>::new(), "a second run writes nothing");

    let iam = runner.account.iam.clone();
    let role = "iam-eu-west-1-worker";
    iam.update_assume_role_policy()
        .role_name(role)
        .policy_document(trust("ec2.amazonaws.com").to_string())
        .send()
        .await
        .expect("trust");
    iam.update_role().role_name(role).description("").max_session_duration(3600).send().await.expect("update");
    iam.put_role_policy()
        .role_name(role)
        .policy_name("extra")
        .policy_document(allow("*").to_string())
        .send()
        .await
        .expect("put");
    iam.delete_role_policy().role_name(role).policy_name("beside").send().await.expect("delete");
    iam.put_role_policy()
        .role_name(role)
        .policy_name("own.one")
        .policy_document(allow("s3:*").to_string())
        .send()
        .await
        .expect("put");
    iam.detach_role_policy().role_name(role).policy_arn(BASIC).send().await.expect("detach");
    let admin = "arn:aws:iam::aws:policy/AdministratorAccess";
    iam.attach_role_policy().role_name(role).policy_arn(admin).send().await.expect("attach");
    iam.untag_role().role_name(role).tag_keys("team").send().await.expect("untag");
    let shared = format!("arn:aws:iam::{}:policy/app/iam-eu-west-1-shared", runner.account.id());
    iam.detach_role_policy().role_name(role).policy_arn(&shared).send().await.expect("detach");
    for _ in 0..4 {
        let call = iam.create_policy_version().policy_arn(&shared).policy_document(allow("ssm:*").to_string());
        call.set_as_default(true).send().await.expect("version");
    }
    let repaired = runner.converge(&spec()).await;
    for operation in [
        "UpdateAssumeRolePolicy",
        "UpdateRole",
        "PutRolePolicy",
        "DeleteRolePolicy",
        "AttachRolePolicy",
        "DetachRolePolicy",
        "TagRole",
        "DeletePolicyVersion",
        "CreatePolicyVersion",
    ] {
        assert!(repaired.contains(&operation), "{operation} is not among {repaired:?}");
    }

    let mut changed = spec();
    changed.retain(|(id, ..)| *id == "worker");
    changed[0].2["Policies"] = json!([]);
    let writes = runner.converge(&changed).await;
    assert_eq!(writes.iter().filter(|operation| **operation == "DeleteRolePolicy").count(), 3, "{writes:?}");
    assert!(writes.contains(&"DeletePolicy"), "{writes:?}");

    // A role's path is given at creation.
    changed[0].2["Path"] = json!("/other/");
    let writes = runner.converge(&changed).await;
    assert!(writes.contains(&"DeleteRole") && writes.contains(&"CreateRole"), "{writes:?}");

    iam.create_role()
        .role_name("not-ours")
        .assume_role_policy_document(trust("ec2.amazonaws.com").to_string())
        .send()
        .await
        .expect("create");
    runner.converge(&[]).await;
    assert!(runner.world.table(ROLE).get(role).is_none());
    assert!(runner.world.table(ROLE).get("not-ours").is_some());
    iam.delete_role().role_name("not-ours").send().await.expect("delete");
}

#[tokio::test]
async fn a_boundary_is_set_and_taken_off() {
    let Some(endpoint) = endpoint() else { return };
    let mut runner = Runner::connect(&endpoint, "bound", &[ROLE]).await;
    let mut spec =
        [("r", ROLE, json!({"AssumeRolePolicyDocument": trust("lambda.amazonaws.com"), "RoleName": "bound-r"}))];
    runner.converge(&spec).await;
    spec[0].2["PermissionsBoundary"] = json!("arn:aws:iam::aws:policy/ReadOnlyAccess");
    let plan = runner.plan(&spec);
    let steps: Vec<_> = plan.actions.iter().flat_map(|action| action.steps.clone()).collect();
    assert_eq!(steps.len(), 1);
    runner.apply(&steps[0]).await;
    assert!(runner.plan(&spec).is_converged());
    spec[0].2.as_object_mut().expect("a map").remove("PermissionsBoundary");
    let plan = runner.plan(&spec);
    let steps: Vec<_> = plan.actions.iter().flat_map(|action| action.steps.clone()).collect();
    assert_eq!(steps.len(), 1);
    runner.apply(&steps[0]).await;
    assert!(runner.plan(&spec).is_converged());
    assert_eq!(runner.converge(&[]).await, ["DeleteRole"]);
}

#[tokio::test]
async fn people_get_policies_lose_them_and_keep_what_others_gave_them() {
    let Some(endpoint) = endpoint() else { return };
    let types = [ROLE, MANAGED, "AWS::IAM::Policy"];
    let mut runner = Runner::connect(&endpoint, "people", &types).await;
    let iam = runner.account.iam.clone();
    iam.create_user().user_name("people-ann").send().await.expect("a user");
    iam.create_group().group_name("people-staff").send().await.expect("a group");
    let theirs = iam.put_user_policy().user_name("people-ann").policy_name("theirs");
    theirs.policy_document(allow("s3:*").to_string()).send().await.expect("put");
    let people = |action: &str| {
        let holders = json!({"Users": ["people-ann"], "Groups": ["people-staff"], "PolicyDocument": allow(action)});
        let mut inline = holders.clone();
        inline["PolicyName"] = json!("audit");
        vec![("audit", "AWS::IAM::Policy", inline), ("shared", MANAGED, holders)]
    };
    let mut made = runner.converge(&people("s3:GetObject")).await;
    made.sort_unstable();
    assert_eq!(made, ["AttachGroupPolicy", "AttachUserPolicy", "CreatePolicy", "PutGroupPolicy", "PutUserPolicy"]);
    assert_eq!(runner.converge(&people("s3:GetObject")).await, Vec::<&str>::new(), "a second run writes nothing");

    let arn = format!("arn:aws:iam::{}:policy/people-eu-west-1-shared", runner.account.id());
    iam.detach_group_policy().group_name("people-staff").policy_arn(&arn).send().await.expect("detach");
    iam.delete_user_policy().user_name("people-ann").policy_name("audit").send().await.expect("delete");
    let mut repaired = runner.converge(&people("s3:GetObject")).await;
    repaired.sort_unstable();
    assert_eq!(repaired, ["AttachGroupPolicy", "PutUserPolicy"]);

    let mut gone = runner.converge(&[]).await;
    gone.sort_unstable();
    assert_eq!(
        gone,
        ["DeleteGroupPolicy", "DeletePolicy", "DeleteUserPolicy", "DetachGroupPolicy", "DetachUserPolicy"]
    );
    let left = iam.list_user_policies().user_name("people-ann").send().await.expect("listed");
    assert_eq!(left.policy_names(), ["theirs"]);
    iam.delete_user_policy().user_name("people-ann").policy_name("theirs").send().await.expect("delete");
    iam.delete_user().user_name("people-ann").send().await.expect("delete");
    iam.delete_group().group_name("people-staff").send().await.expect("delete");
}
