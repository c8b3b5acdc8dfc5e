//! The policies in `deploy/iam`: what they allow is what evenkeel calls, and it suffices.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use evenkeel_tests::Rig;
use serde_json::Value as Json;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(1).unwrap().to_owned()
}

fn policy(name: &str) -> Json {
    let path = root().join("deploy/iam").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

fn actions(policy: &Json) -> BTreeSet<String> {
    let statements = policy["Statement"].as_array().unwrap().iter();
    statements
        .flat_map(|statement| statement["Action"].as_array().unwrap())
        .map(|action| action.as_str().unwrap().to_owned())
        .collect()
}

/// The service that the files of a folder (or a file) of `daemon/aws/src` talk to.
fn service(part: &str) -> Option<&'static str> {
    Some(match part {
        "queue" => "sqs",
        "topic" | "subscription" => "sns",
        "parameter" | "fetch" => "ssm",
        "role" | "managed_policy" => "iam",
        "log_group" => "logs",
        "lease" => "dynamodb",
        "alias"
        | "event_source_mapping"
        | "function"
        | "function_part"
        | "invoke_config"
        | "layer"
        | "layer_permission"
        | "permission"
        | "url"
        | "version"
        | "client" => "lambda",
        _ => return None,
    })
}

fn files(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, out);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            out.push(path);
        }
    }
}

/// Every operation that the source can send, as IAM names it: the SDK's calls are methods without arguments, named as
/// the operations are.
fn sent() -> BTreeMap<String, String> {
    const VERBS: [&str; 23] = [
        "get",
        "list",
        "describe",
        "create",
        "update",
        "put",
        "delete",
        "add",
        "remove",
        "publish",
        "tag",
        "untag",
        "set",
        "attach",
        "detach",
        "subscribe",
        "unsubscribe",
        "invoke",
        "associate",
        "disassociate",
        "query",
        "assume",
        "batch",
    ];
    let source = root().join("daemon/aws/src");
    let mut all = Vec::new();
    files(&source, &mut all);
    let mut out = BTreeMap::new();
    for path in all {
        let inner = path.strip_prefix(&source).unwrap().to_owned();
        let part = inner.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        for call in text.split('.').skip(1) {
            let name: String = call.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            let verb = name.split('_').next().unwrap_or_default();
            if !call[name.len()..].starts_with("()") || !VERBS.contains(&verb) || inner.ends_with("tests.rs") {
                continue;
            }
            // An accessor of the standard library, not an operation.
            if ["get", "list", "put", "set", "add", "remove", "query"].contains(&name.as_str()) && part != "lease" {
                continue;
            }
            let operation: String = name.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect();
            let action = match operation.as_str() {
                // Needs no permission.
                "GetCallerIdentity" => continue,
                "Invoke" => "InvokeFunction".to_owned(),
                _ => operation,
            };
            let service = match action.as_str() {
                "GetSecretValue" => "secretsmanager",
                _ => service(&part).unwrap_or_else(|| panic!("which service does {part} talk to ({name})?")),
            };
            out.insert(format!("{service}:{action}"), inner.display().to_string());
        }
    }
    out
}

#[test]
fn the_policies_allow_what_evenkeel_calls_and_nothing_else() {
    // What AWS asks of a caller beyond the operation itself.
    const ALONG: [(&str, &str); 4] = [
        ("ec2:DescribeAvailabilityZones", "Fn::GetAZs; asked without the SDK"),
        ("ec2:DescribeSubnets", "Fn::GetAZs; asked without the SDK"),
        ("iam:PassRole", "creating or changing a function hands it its role"),
        ("lambda:GetLayerVersion", "a function takes a layer only from one who may read it"),
    ];
    let sent = sent();
    assert!(sent.len() > 100, "the source was not understood: {sent:?}");
    let mut allowed = actions(&policy("reconcile.json"));
    allowed.extend(actions(&policy("lease.json")));
    let missing: Vec<_> = sent.iter().filter(|(action, _)| !allowed.contains(*action)).collect();
    assert!(missing.is_empty(), "called, and not allowed: {missing:?}");
    let unused: Vec<_> = allowed
        .iter()
        .filter(|action| !sent.contains_key(*action) && ALONG.iter().all(|(along, _)| along != action))
        .collect();
    assert!(unused.is_empty(), "allowed, and never called: {unused:?}");
}

#[test]
fn the_policy_for_plans_only_reads_and_reads_all() {
    let read = |action: &String| {
        ["Get", "List", "Describe"].iter().any(|verb| action.split(':').nth(1).unwrap().starts_with(verb))
    };
    let reads: BTreeSet<String> = actions(&policy("reconcile.json")).into_iter().filter(read).collect();
    assert_eq!(actions(&policy("plan.json")), reads);
}

#[test]
fn a_managed_policy_holds_each_of_them() {
    for name in ["reconcile.json", "plan.json", "lease.json"] {
        let size = serde_json::to_string(&policy(name)).unwrap().len();
        assert!(size <= 6144, "{name} has {size} characters; IAM takes 6,144 in a managed policy");
    }
}

/// The policy as the emulator can hold it: it does not see which resource these calls are for, so they are allowed on
/// all. That their resources are the right ones is thus not tried here.
fn within_sight(mut policy: Json) -> Json {
    const UNSEEN: [&str; 6] = [
        "iam:CreatePolicy",
        "lambda:CreateFunction",
        "sns:SetSubscriptionAttributes",
        "sns:TagResource",
        "sns:Unsubscribe",
        "sns:UntagResource",
    ];
    let allowed = actions(&policy);
    let unseen: Vec<&str> = UNSEEN.into_iter().filter(|action| allowed.contains(*action)).collect();
    if !unseen.is_empty() {
        let further = serde_json::json!({"Effect": "Allow", "Action": unseen, "Resource": "*"});
        policy["Statement"].as_array_mut().unwrap().push(further);
    }
    policy
}

/// Makes a user with a policy and gives its key.
async fn user(rig: &Rig, name: &str, policy: &Json) -> (String, String) {
    let iam = &rig.account.iam;
    iam.create_user().user_name(name).send().await.unwrap();
    iam.put_user_policy()
        .user_name(name)
        .policy_name("evenkeel")
        .policy_document(within_sight(policy.clone()).to_string())
        .send()
        .await
        .unwrap();
    let key = iam.create_access_key().user_name(name).send().await.unwrap();
    let key = key.access_key().unwrap();
    (key.access_key_id().to_owned(), key.secret_access_key().to_owned())
}

#[tokio::test]
async fn with_these_policies_alone_everything_converges_and_is_deleted_again() {
    let mut rig = Rig::guarded().await;
    for (from, name) in [("specs/shop", "shop"), ("specs/meetup", "meetup")] {
        rig.copy(&root().join(from), name);
    }
    let url = rig.account.ssm.put_parameter().name("/meetup/db-url").value("postgres://db/meetup");
    url.r#type("String".into()).send().await.unwrap();
    let reader = user(&rig, "reader", &policy("plan.json")).await;
    let writer = user(&rig, "writer", &policy("reconcile.json")).await;

    for (app, env) in [("shop", "dev"), ("meetup", "default")] {
        let selected = format!("SPECS --app {app} --env {env} -o json");
        let (plan, once) = (format!("plan {selected}"), format!("reconcile --once {selected}"));
        rig.signs_with(&reader);
        rig.evenkeel(&plan).await.exits(2);
        let refused = rig.evenkeel(&once).await.exits(3);
        assert!(refused.text().contains("AccessDenied"), "{}", refused.text());

        rig.signs_with(&writer);
        rig.evenkeel(&once).await.exits(0);
        assert_eq!(rig.evenkeel(&once).await.exits(0).json()["writes"], 0);
        rig.signs_with(&reader);
        rig.evenkeel(&plan).await.exits(0);

        rig.signs_with(&writer);
        std::fs::remove_dir_all(rig.specs().join(app)).unwrap();
        let words = format!("delete SPECS --app {app} --env {env} --yes");
        let ran = rig.evenkeel(&words).await;
        // What holds data needs its digest.
        if ran.code != 0 {
            let digest = ran.text().split("--allow-delete ").nth(1).map(|rest| rest[..12].to_owned());
            let digest = digest.unwrap_or_else(|| panic!("no digest: {}", ran.text()));
            rig.evenkeel(&format!("{words} --allow-delete {digest}")).await.exits(0);
        }
    }
}

#[tokio::test]
async fn a_denied_action_stalls_its_resource_and_names_the_action() {
    let mut rig = Rig::guarded().await;
    rig.copy(&root().join("specs/shop"), "shop");
    let mut less = policy("reconcile.json");
    for statement in less["Statement"].as_array_mut().unwrap() {
        statement["Action"].as_array_mut().unwrap().retain(|action| action != "sqs:CreateQueue");
    }
    let writer = user(&rig, "writer", &less).await;
    rig.signs_with(&writer);
    let ran = rig.once().await.exits(3);
    let json = ran.json();
    let resources = json["apps"][0]["resources"].as_array().unwrap();
    let word = |id: &str| {
        let found = resources.iter().find(|resource| resource["id"] == id).unwrap_or_else(|| panic!("{id}: {json:#}"));
        serde_json::to_string(&found["conditions"]).unwrap()
    };
    let denied = word("orders-dead-letters");
    assert!(denied.contains("AccessDenied") && denied.contains("CreateQueue"), "{denied}");
    // What does not need the queue goes on.
    assert!(word("paid").contains(r#""type":"Ready","status":"True""#), "{json:#}");
}
