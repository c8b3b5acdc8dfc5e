//! `kind: Function`: our words as AWS properties, and what a function brings with it.

use super::code::{self, Code};
use super::connect::{self, Connections};
use super::document::{Kind, aws};
use super::fields::Fields;
use super::policy::{self, ENCRYPT, POLL, allow, document, sid, use_key_of};
use super::properties;
use super::rollout;
use super::trigger;
use super::world::{Build, Declared, Target, World, join};
use crate::model::{Diagnostic, Entry, Map, Node, Place, Val};

/// A function's role: whoever writes it also writes its permissions.
enum Role {
    /// The function's own, made of what its words ask for.
    Own { statements: Vec<Node>, managed: Vec<Node> },
    /// One that a person wrote; holds its ARN.
    Written(Node),
}

/// Expands a function into itself, its role, its log group, and what its triggers and rollout ask for.
pub(super) fn expand(world: &World, function: &Declared, build: &mut Build) {
    let place = function.place();
    let mut fields = Fields::new(&function.document.spec, function.what(), &mut build.out);
    let code = fields.take_entry("code");
    let environment = fields.take("environment");
    let layers = fields.list("layers", &mut build.out);
    let role = fields.take("role");
    let triggers = fields.list("triggers", &mut build.out);
    let connects = fields.take_entry("connects");
    let permissions = fields.take_entry("permissions");
    let dead_letter = fields.take_entry("deadLetter");
    let logs = fields.take("logs");
    let rollout = fields.take("rollout");
    let mut own = properties::translate(aws::FUNCTION, fields, &mut build.out);
    add_code(function, code, &mut own, build);
    if let Some(environment) = environment {
        let variables = read_environment(world, function, &environment, build);
        own.set("Environment", Node::map([("Variables", variables)], environment.place));
    }
    if !layers.is_empty() {
        let place = layers.first().map_or(place, |layer| layer.place);
        let layers = layers
            .iter()
            .filter_map(|layer| {
                Some(world.target("layer", aws::LAYER_VERSION, layer, &mut build.out)?.arn(layer.place))
            })
            .collect();
        own.set("Layers", Node::list(layers, place));
    }
    let mut role = read_role(world, role, &connects, &permissions, build);
    let group = add_logs(world, function, logs, &mut own, build);
    if let Role::Own { statements, managed } = &mut role {
        statements.push(allow("WriteLogs", &["logs:CreateLogStream", "logs:PutLogEvents"], vec![group], place));
        statements.extend(needs_of(&own, place));
        if let Some(permissions) = &permissions {
            read_permissions(&permissions.node, function, statements, managed, build);
        }
    }
    let mut wants = Vec::new();
    if let Some(entry) = dead_letter {
        add_dead_letter(world, function, &entry, &mut own, &mut wants, build);
    }
    wants.extend(trigger::expand(world, function, &triggers, build));
    let entries = connects.as_ref().and_then(|entry| entry.node.as_list()).unwrap_or_default();
    let Connections { statements: uses, invokes } = connect::read(world, function, entries, &mut build.out);
    wants.extend(uses);

    let role_arn = match role {
        Role::Written(arn) => arn,
        Role::Own { mut statements, managed } => {
            statements.extend(wants);
            add_role(function, statements, managed, invokes, build)
        }
    };
    own.set("Role", role_arn);
    properties::add_labels(function, aws::FUNCTION, &mut own, build);
    build.add(properties::resource(function, own));
    if let Some(rollout) = rollout {
        rollout::expand(world, function, &rollout, build);
    }
}

fn add_code(function: &Declared, code: Option<Entry>, own: &mut Node, build: &mut Build) {
    let what = function.what();
    let Some(code) = code else {
        build.out.push(
            Diagnostic::error("missing-code", function.place(), format!("{what} needs `code`"))
                .help("write `code: ./folder`, `{inline: TEXT}`, `{s3Bucket: BUCKET, s3Key: KEY}` or `{image: URI}`"),
        );
        return;
    };
    match code::read(&code.node, &what, &mut build.out) {
        Some(Code::Zip(node)) => {
            own.set("Code", node);
            for (property, word) in [("Runtime", "runtime"), ("Handler", "handler")] {
                if own.get(property).is_none() {
                    build.out.push(
                        Diagnostic::error("missing-property", function.place(), format!("{what} needs `{word}`")).help(
                            format!("it can stand in the function or in `defaults.function` of the App; an image needs no {word}"),
                        ),
                    );
                }
            }
        }
        Some(Code::Image(node)) => {
            own.set("Code", node);
            if own.get("PackageType").is_none() {
                own.set("PackageType", Node::str("Image", code.key_place));
            }
        }
        None => {}
    }
}

/// The variables: plain values as text, `{parameter: name}` as the value of that parameter, intrinsics as they are.
fn read_environment(world: &World, function: &Declared, node: &Node, build: &mut Build) -> Node {
    // AWS's own form `{variables: {...}}` means the same: no variable can hold a map, so nothing is ambiguous.
    let node = match (node.as_map(), node.get("variables")) {
        (Some(map), Some(variables))
            if map.len() == 1 && variables.as_map().is_some() && variables.as_call().is_none() =>
        {
            variables
        }
        _ => node,
    };
    let Some(map) = node.as_map().filter(|_| node.as_call().is_none()) else {
        let message = format!("`environment` of {} must be a map, not {}", function.what(), node.type_word());
        build.out.error("wrong-type", node.place, message);
        return Node::map::<String>([], node.place);
    };
    let mut variables = Map::new();
    for (name, entry) in map {
        if let Some(node) = read_variable(world, name, &entry.node, build) {
            variables.insert(name.clone(), Entry { key_place: entry.key_place, node });
        }
    }
    Node::new(Val::Map(variables), node.place)
}

fn read_variable(world: &World, name: &str, node: &Node, build: &mut Build) -> Option<Node> {
    if node.as_call().is_some() {
        return Some(node.clone());
    }
    if let Some(text) = node.scalar_text() {
        return Some(Node { value: Val::Str(text), ..node.clone() });
    }
    if node.is_null() {
        return None;
    }
    if node.as_map().is_none_or(|map| !map.contains_key("parameter")) {
        build.out.push(
            Diagnostic::error(
                "wrong-type",
                node.place,
                format!("variable `{name}` must be text, not {}", node.type_word()),
            )
            .help("a value may be text, an intrinsic, or `{parameter: NAME}` for the value of a parameter"),
        );
        return None;
    }
    let mut fields = Fields::new(node, format!("variable `{name}`"), &mut build.out);
    let parameter = fields.text("parameter", &mut build.out);
    fields.finish(&mut build.out);
    let parameter = parameter?;
    let found = world.own("parameter", aws::PARAMETER, &parameter.text, parameter.place, &mut build.out)?;
    let value = Node::get_att(found.id(), "Value", parameter.place);
    let secret = found.property("Type").and_then(Node::as_str) == Some("SecureString")
        || found.property("Value").is_some_and(Node::has_secret);
    Some(if secret { value.into_secret() } else { value })
}

fn read_role(
    world: &World,
    role: Option<Node>,
    connects: &Option<Entry>,
    permissions: &Option<Entry>,
    build: &mut Build,
) -> Role {
    let Some(node) = role else { return Role::Own { statements: Vec::new(), managed: Vec::new() } };
    for (word, entry) in [("connects", connects), ("permissions", permissions)] {
        if let Some(entry) = entry {
            build.out.push(
                Diagnostic::error(
                    "role-and-permissions",
                    entry.key_place,
                    format!("`{word}` does nothing beside `role`"),
                )
                .related(node.place, "this role's permissions are its own")
                .help(format!("leave `role` out, then the function gets a role of its own; or take `{word}` out")),
            );
        }
    }
    let arn = world.target("role", aws::ROLE, &node, &mut build.out).map(|role| role.arn(node.place));
    Role::Written(arn.unwrap_or_else(|| Node::new(Val::Null, node.place)))
}

/// The function's log group: its own, or the one that `loggingConfig.logGroup` names. Gives what a statement names.
fn add_logs(world: &World, function: &Declared, logs: Option<Node>, own: &mut Node, build: &mut Build) -> Node {
    let place = logs.as_ref().map_or(function.place(), |logs| logs.place);
    let written = own.get("LoggingConfig").and_then(|config| config.get("LogGroup")).cloned();
    if let Some(written) = written {
        if let Some(logs) = logs {
            build.out.push(
                Diagnostic::error("two-log-groups", logs.place, format!("{} names two log groups", function.what()))
                    .related(written.place, "the other one")
                    .help("`logs` is about the function's own log group; take it out, or take `loggingConfig.logGroup` out"),
            );
        }
        let named = written.as_str().or_else(|| written.as_call().filter(|(f, _)| *f == "Ref")?.1.as_str());
        let group = named.and_then(|name| world.declared.get(name)).filter(|d| d.type_name == aws::LOG_GROUP);
        return match group {
            Some(group) => {
                if let Some(config) = own.get_mut("LoggingConfig") {
                    config.set("LogGroup", Node::reference(group.id(), written.place));
                }
                group.arn(written.place)
            }
            None => log_group_arn(world, &written),
        };
    }
    let id = format!("{}-logs", function.id());
    let spec = logs.unwrap_or_else(|| Node::map::<String>([], place));
    let mut fields = Fields::new(&spec, format!("`logs` of {}", function.what()), &mut build.out);
    let policy = properties::read_policy(&mut fields, "deletionPolicy", &mut build.out);
    let mut group = properties::translate(aws::LOG_GROUP, fields, &mut build.out);
    if group.get("LogGroupName").is_none() {
        group.set("LogGroupName", log_group_name(world, function));
    }
    if group.get("RetentionInDays").is_none() {
        group.set("RetentionInDays", Node::new(Val::Int(world.log_retention_days), place));
    }
    properties::add_labels(function, aws::LOG_GROUP, &mut group, build);
    if let Some(resource) = build.generate(function, id.clone(), aws::LOG_GROUP, group, place) {
        properties::retain_by_default(resource, policy);
    }
    match own.get_mut("LoggingConfig") {
        Some(config) => config.set("LogGroup", Node::reference(&id, place)),
        None => own.set("LoggingConfig", Node::map([("LogGroup", Node::reference(&id, place))], place)),
    }
    Node::get_att(&id, "Arn", place)
}

/// `/aws/lambda/<function's name>`. It is spelt out, not referred to: the group comes before the function. A function
/// that is being renamed keeps its physical name, and so does its log group.
fn log_group_name(world: &World, function: &Declared) -> Node {
    let place = function.place();
    let prefix = Node::str("/aws/lambda/", place);
    match function.property("FunctionName") {
        Some(name) => join(vec![prefix, name.clone()], place),
        None => {
            let id = function.document.annotations.renamed_from.as_deref().unwrap_or(function.id());
            join(vec![prefix, Node::str(format!("{}-{id}", world.stack), place)], place)
        }
    }
}

fn log_group_arn(world: &World, name: &Node) -> Node {
    let place = name.place;
    let text = |text: &str| Node::str(text, place);
    let parts = vec![
        text("arn:"),
        world.partition.clone(),
        text(":logs:"),
        world.region.clone(),
        text(":"),
        world.account.clone(),
        text(":log-group:"),
        name.clone(),
        text(":*"),
    ];
    join(parts, place)
}

/// What Lambda itself does in the role's name: interfaces in a VPC, traces, file systems.
fn needs_of(own: &Node, place: Place) -> Vec<Node> {
    let mut statements = Vec::new();
    let everything = || vec![Node::str("*", place)];
    let subnets = own.get("VpcConfig").and_then(|config| config.get("SubnetIds"));
    if subnets.is_some_and(|subnets| subnets.as_list().is_none_or(|list| !list.is_empty())) {
        let actions = [
            "ec2:CreateNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSubnets",
            "ec2:DeleteNetworkInterface",
            "ec2:AssignPrivateIpAddresses",
            "ec2:UnassignPrivateIpAddresses",
        ];
        statements.push(allow("UseVpc", &actions, everything(), place));
    }
    let tracing = own.get("TracingConfig").and_then(|config| config.get("Mode"));
    if tracing.is_some_and(|mode| mode.as_str() != Some("PassThrough")) {
        let actions = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"];
        statements.push(allow("WriteTraces", &actions, everything(), place));
    }
    let file_systems = own.get("FileSystemConfigs").and_then(Node::as_list).unwrap_or_default();
    let points: Vec<Node> = file_systems.iter().filter_map(|config| config.get("Arn").cloned()).collect();
    if !points.is_empty() {
        let actions = ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"];
        statements.push(allow("UseFileSystems", &actions, points, place));
    }
    statements
}

/// `permissions`: statements as IAM has them, and ARNs of managed policies, for the function's own role.
fn read_permissions(
    node: &Node,
    function: &Declared,
    statements: &mut Vec<Node>,
    managed: &mut Vec<Node>,
    build: &mut Build,
) {
    let Some(entries) = node.as_list() else {
        let message = format!("`permissions` of {} must be a list, not {}", function.what(), node.type_word());
        build.out.error("wrong-type", node.place, message);
        return;
    };
    for entry in entries {
        let statement = entry.as_map().filter(|_| entry.as_call().is_none());
        if statement.is_some_and(|statement| statement.contains_key("Effect")) {
            statements.push(entry.clone());
        } else if entry.as_call().is_some() || entry.as_str().is_some_and(|arn| arn.starts_with("arn:")) {
            managed.push(entry.clone());
        } else {
            build.out.push(
                Diagnostic::error("bad-permission", entry.place, "each of `permissions` is an IAM statement or the ARN of a managed policy")
                    .help("write statements as IAM has them: `{Effect: Allow, Action: [dynamodb:GetItem], Resource: !GetAtt table.Arn}`"),
            );
        }
    }
}

/// `deadLetter` of a function: where events go that it failed to handle when called asynchronously.
fn add_dead_letter(
    world: &World,
    function: &Declared,
    entry: &Entry,
    own: &mut Node,
    wants: &mut Vec<Node>,
    build: &mut Build,
) {
    if let Some(other) = own.get("DeadLetterConfig") {
        build.out.push(
            Diagnostic::error(
                "two-dead-letters",
                entry.key_place,
                format!("{} says twice where failed events go", function.what()),
            )
            .related(other.place, "here too"),
        );
        return;
    }
    let Some(target) = dead_letter_target(world, function, &entry.node, build) else { return };
    let place = entry.node.place;
    let arn = target.arn(place);
    let topic = match &target {
        Target::Own(declared) => declared.type_name == aws::TOPIC,
        Target::Arn(arn) => arn.as_str().is_some_and(|arn| arn.split(':').nth(2) == Some("sns")),
    };
    let action = if topic { "sns:Publish" } else { "sqs:SendMessage" };
    wants.push(allow("SendDeadLetters", &[action], vec![arn.clone()], place));
    if let Target::Own(declared) = target {
        wants.extend(use_key_of(world, declared, "dead letters", ENCRYPT, place));
    }
    own.set("DeadLetterConfig", Node::map([("TargetArn", arn)], place));
}

fn dead_letter_target<'w>(world: &'w World, function: &Declared, node: &Node, build: &mut Build) -> Option<Target<'w>> {
    if node.as_map().is_none() || node.as_call().is_some() {
        // A bare name may be a queue's or a topic's.
        let topic = node.as_str().and_then(|name| world.declared.get(name)).is_some_and(|d| d.type_name == aws::TOPIC);
        let (word, type_name) = if topic { ("topic", aws::TOPIC) } else { ("queue", aws::QUEUE) };
        return world.target(word, type_name, node, &mut build.out);
    }
    let mut fields = Fields::new(node, format!("`deadLetter` of {}", function.what()), &mut build.out);
    let queue = fields.take("queue");
    let topic = fields.take("topic");
    fields.finish(&mut build.out);
    match (queue, topic) {
        (Some(queue), None) => world.target("queue", aws::QUEUE, &queue, &mut build.out),
        (None, Some(topic)) => world.target("topic", aws::TOPIC, &topic, &mut build.out),
        _ => {
            build.out.push(
                Diagnostic::error(
                    "bad-dead-letter",
                    node.place,
                    "`deadLetter` of a function names one queue or one topic",
                )
                .help("write `deadLetter: {queue: NAME}`"),
            );
            None
        }
    }
}

/// The function's own role, and beside it what it may invoke.
fn add_role(
    function: &Declared,
    statements: Vec<Node>,
    managed: Vec<Node>,
    invokes: Vec<Node>,
    build: &mut Build,
) -> Node {
    let place = function.place();
    let id = format!("{}-role", function.id());
    let inline =
        Node::map([("PolicyName", Node::str("own", place)), ("PolicyDocument", document(statements, place))], place);
    let mut role = Node::map(
        [
            ("AssumeRolePolicyDocument", policy::trust("lambda.amazonaws.com", place)),
            ("Policies", Node::list(vec![inline], place)),
        ],
        place,
    );
    if !managed.is_empty() {
        role.set("ManagedPolicyArns", Node::list(managed, place));
    }
    properties::add_labels(function, aws::ROLE, &mut role, build);
    build.generate(function, id.clone(), aws::ROLE, role, place);
    if !invokes.is_empty() {
        let policy = Node::map(
            [
                ("RoleName", Node::reference(&id, place)),
                ("PolicyName", Node::str("invokes", place)),
                ("PolicyDocument", document(invokes, place)),
            ],
            place,
        );
        build.generate(function, format!("{}-invokes", function.id()), aws::ROLE_POLICY, policy, place);
    }
    Node::get_att(&id, "Arn", place)
}

/// What receiving from a queue takes.
pub(super) fn poll(world: &World, target: &Target<'_>, place: Place) -> Vec<Node> {
    let mut statements = vec![allow(&sid(&["receive", &target.slug()]), POLL, vec![target.arn(place)], place)];
    if let Target::Own(queue) = target
        && matches!(queue.document.kind, Kind::Queue | Kind::Resource)
    {
        statements.extend(use_key_of(world, queue, "receive", policy::DECRYPT, place));
    }
    statements
}
