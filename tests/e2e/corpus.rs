//! Real SAM templates, each made, found converged and taken away again.
//!
//! The templates are `$EVENKEEL_CORPUS`, or `../shared/corpus` beside the workspace; where they are not there the test
//! says so and does nothing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use evenkeel_core::model::archive::{ArchiveEntry, zip};
use evenkeel_tests::Rig;
use serde_json::{Value as Json, json};

/// The code of every function.
const CODE: &str = "def handler(event, context):\n    return 1\n";

/// Values that a person would give where the made-up ones do not fit the template.
const PARAMETERS: [(&str, &str, &str); 3] = [
    ("0159", "TargetVolumeID", "fsvol-0123456789abcdef0"),
    ("0159", "SourceAWSAcctId", "111122223333"),
    ("0525", "CargoPkgVersion", "1.0.0"),
];

/// Templates that CloudFormation would not take, with a part of what is said of each.
const REFUSED: [(&str, &str); 7] = [
    ("0047", "there is no such resource"),
    ("0227", "has no attribute `Name`"),
    ("0263", "`Runtime` cannot be"),
    ("0265", "`Runtime` cannot be"),
    ("0267", "`Runtime` cannot be"),
    ("0359", "`Layers[0]` cannot be"),
    ("0361", "`RuntimeManagementConfig.UpdateRuntimeOn` is missing"),
];

/// One of so many templates is taken behind a hostile network: three seeds in a row take all of them.
const FEWER: usize = 3;

/// Templates that the emulator cannot hold: it knows one URL a function, AWS one for each alias as well.
const BEYOND_THE_EMULATOR: [&str; 1] = ["0253"];

fn corpus() -> Option<PathBuf> {
    let given = std::env::var_os("EVENKEEL_CORPUS").map(PathBuf::from);
    let root = given.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus"));
    if root.is_dir() {
        return Some(root);
    }
    println!("skipped: there is no corpus at {}; set EVENKEEL_CORPUS", root.display());
    None
}

/// Every value of `{key: value}` alone anywhere in a document.
fn gather(value: &Json, key: &str, out: &mut BTreeSet<String>) {
    match value {
        Json::Object(map) => {
            if let (1, Some(Json::String(text))) = (map.len(), map.get(key)) {
                out.insert(text.clone());
            }
            map.values().for_each(|inner| gather(inner, key, out));
        }
        Json::Array(items) => items.iter().for_each(|inner| gather(inner, key, out)),
        _ => {}
    }
}

/// Code where the template says that some is.
fn make_code(rig: &Rig, folder: &str, path: &str) {
    let whole = rig.specs().join(folder).join(path);
    if whole.is_file() {
        return;
    }
    let is_archive = [".jar", ".zip"].iter().any(|ending| path.ends_with(ending));
    let file = if is_archive { path.to_owned() } else { format!("{path}/app.py") };
    let mut plain = PathBuf::new();
    for part in Path::new(folder).join(file).components() {
        match part {
            std::path::Component::ParentDir => assert!(plain.pop(), "{path} is outside the specs"),
            std::path::Component::Normal(name) => plain.push(name),
            _ => {}
        }
    }
    if is_archive {
        let entry = ArchiveEntry { path: "app.py".to_owned(), mode: 0o644, bytes: CODE.into() };
        let whole = rig.specs().join(plain);
        std::fs::create_dir_all(whole.parent().unwrap()).unwrap();
        std::fs::write(whole, zip([entry]).unwrap()).unwrap();
    } else {
        rig.write(plain.to_str().unwrap(), CODE);
    }
}

/// What the account holds, by names.
async fn everything(rig: &Rig) -> BTreeSet<String> {
    let account = &rig.account;
    let mut out = BTreeSet::new();
    let functions = account.lambda.list_functions().send().await.unwrap();
    out.extend(functions.functions().iter().filter_map(|one| one.function_name().map(str::to_owned)));
    let mappings = account.lambda.list_event_source_mappings().send().await.unwrap();
    out.extend(mappings.event_source_mappings().iter().filter_map(|one| one.uuid().map(str::to_owned)));
    out.extend(account.sqs.list_queues().send().await.unwrap().queue_urls().iter().cloned());
    let topics = account.sns.list_topics().send().await.unwrap();
    out.extend(topics.topics().iter().filter_map(|one| one.topic_arn().map(str::to_owned)));
    let parameters = account.ssm.describe_parameters().max_results(50).send().await.unwrap();
    out.extend(parameters.parameters().iter().filter_map(|one| one.name().map(str::to_owned)));
    out.extend(account.iam.list_roles().send().await.unwrap().roles().iter().map(|one| one.role_name().to_owned()));
    let local = account.iam.list_policies().scope("Local".into()).send().await.unwrap();
    out.extend(local.policies().iter().filter_map(|one| one.policy_name().map(str::to_owned)));
    let groups = account.logs.describe_log_groups().send().await.unwrap();
    out.extend(groups.log_groups().iter().filter_map(|one| one.log_group_name().map(str::to_owned)));
    out
}

/// Converges one template, converges it again, and deletes it. What was wrong.
async fn one(rig: &Rig, root: &Path, id: &str) -> Result<(), String> {
    let folder = format!("{id}/deep/app");
    let source = root.join("real/templates").join(id);
    rig.copy(&source, &folder);
    let specs = rig.specs().join(&folder);
    for name in ["samconfig.toml", "samconfig.yaml", "samconfig.yml"] {
        let _ = std::fs::remove_file(specs.join(name));
    }
    let text = std::fs::read_to_string(source.join("params.json")).unwrap_or_else(|_| "{}".to_owned());
    let mut values: Json = serde_json::from_str(&text).unwrap();
    for (_, name, value) in PARAMETERS.iter().filter(|(of, _, _)| *of == id) {
        values["Parameters"][name] = json!(value);
    }
    let file = rig.path("values.json");
    let app = format!("t{id}");
    let words = |verb: &str| format!("{verb} {} --app {app} --values {} -o json", specs.display(), file.display());
    std::fs::write(&file, values.to_string()).unwrap();
    let shown = rig.evenkeel(&words("render")).await.exits(0).json();
    let mut paths = BTreeSet::new();
    gather(&shown, "LocalPath", &mut paths);
    paths.iter().for_each(|path| make_code(rig, &folder, path));
    if shown.to_string().contains("/sam-local-artifact:") {
        // An image that nobody has named: samconfig says where it was pushed.
        let repository = "000000000000.dkr.ecr.eu-west-1.amazonaws.com/app";
        let text = format!("version = 0.1\n[default.deploy.parameters]\nimage_repository = \"{repository}\"\n");
        rig.write(&format!("{folder}/samconfig.toml"), &text);
    }
    let mut imports = BTreeSet::new();
    gather(&shown, "Fn::ImportValue", &mut imports);
    values["Exports"] = imports.iter().map(|name| (name.clone(), json!("imported"))).collect();
    std::fs::write(&file, values.to_string()).unwrap();

    let before = everything(rig).await;
    let first = rig.evenkeel(&words("reconcile --once --timeout 60")).await;
    if let Some((_, reason)) = REFUSED.iter().find(|(of, _)| *of == id) {
        let said = first.code == 1 && first.text().contains(reason) && everything(rig).await == before;
        return if said { Ok(()) } else { Err(format!("should be refused: {}", first.text())) };
    }
    if first.code != 0 {
        return Err(format!("does not converge: {}", first.text()));
    }
    rig.agrees();
    let second = rig.evenkeel(&words("reconcile --once --timeout 60")).await;
    if second.code != 0 || second.json()["writes"] != 0 {
        return Err(format!("a second run writes: {}", second.text()));
    }
    let resources = shown["apps"][0]["resources"].as_object().unwrap();
    let retained = |id: &str| resources.get(id).is_some_and(|one| one["DeletionPolicy"] == "Retain");
    let mut kept: BTreeSet<String> = before;
    for health in first.json()["apps"][0]["resources"].as_array().into_iter().flatten() {
        if retained(health["id"].as_str().unwrap_or_default())
            && let Some(name) = health["physicalId"].as_str()
        {
            kept.insert(name.to_owned());
        }
    }
    std::fs::create_dir_all(rig.path("empty")).unwrap();
    let delete = format!("delete {} --app {app} --yes", rig.path("empty").display());
    let mut gone = rig.evenkeel(&delete).await;
    let text = gone.text();
    if let Some(digest) = text.split("--allow-delete ").nth(1).and_then(|rest| rest.split([' ', ',', '\n']).next()) {
        gone = rig.evenkeel(&format!("{delete} --allow-delete {digest}")).await;
    }
    let after = everything(rig).await;
    let left: Vec<&String> = after.difference(&kept).collect();
    if gone.code == 0 && left.is_empty() { Ok(()) } else { Err(format!("{left:?} are left: {}", gone.text())) }
}

#[tokio::test]
async fn real_templates_converge_stay_converged_and_are_taken_away_again() {
    let Some(root) = corpus() else { return };
    let rig = Rig::start().await;
    let put = async |name: &str, value: &str| {
        let call = rig.account.ssm.put_parameter().name(name).value(value);
        call.r#type("String".into()).send().await.unwrap();
    };
    put("/myApp/DbVersion", "15").await;
    for (name, value) in [("/myApp/DbName", "shop"), ("/myApp/DbCreds", r#"{"Username": "ada", "Password": "x"}"#)] {
        rig.account.secrets.create_secret().name(name).secret_string(value).send().await.unwrap();
    }
    let index = std::fs::read_to_string(root.join("real/index.csv")).unwrap();
    let ids: Vec<&str> = index.lines().filter_map(|line| line.split_once(",tier0,").map(|(id, _)| id)).collect();
    assert!(ids.len() > 50, "{} templates", ids.len());
    // Behind a hostile network each takes longer: some of them, and others for each seed.
    let seed = std::env::var("EVENKEEL_HOSTILE").ok().and_then(|seed| seed.parse::<usize>().ok());
    let (first, step) = seed.map_or((0, 1), |seed| (seed % FEWER, FEWER));
    let mut wrong = Vec::new();
    let ids: Vec<&str> = ids.into_iter().filter(|id| !BEYOND_THE_EMULATOR.contains(id)).collect();
    for id in ids.iter().skip(first).step_by(step) {
        if let Err(reason) = one(&rig, &root, id).await {
            wrong.push(format!("{id} {reason}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), ids.len(), wrong.join("\n"));
}
