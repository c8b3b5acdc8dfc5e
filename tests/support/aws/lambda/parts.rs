//! What hangs on functions: aliases, statements, URLs, settings.

use serde_json::{Map, Value as Json, json};

use super::{arn, conflict, invalid, missing, stale, target};
use crate::aws::wire::{Answer, fault, last, number, object, page, text};
use crate::aws::{ACCOUNT, Cloud, principals};

pub(super) fn answer(cloud: &mut Cloud, operation: &str, input: &Json) -> Answer {
    match operation {
        "GetPolicy" | "AddPermission" | "RemovePermission" => statements(cloud, operation, input),
        _ if operation.contains("Alias") => aliases(cloud, operation, input),
        _ if operation.contains("FunctionUrl") => urls(cloud, operation, input),
        _ if operation.contains("EventInvoke") => invoke(cloud, operation, input),
        _ if operation.contains("ProvisionedConcurrency") => provisioned(cloud, operation, input),
        _ => settings(cloud, operation, input),
    }
}

fn absent() -> crate::aws::Fault {
    fault("ResourceNotFoundException", 404, "The resource you requested does not exist.")
}

fn aliases(cloud: &mut Cloud, operation: &str, input: &Json) -> Answer {
    let (name, _) = target(input);
    let alias = text(input, "Name").to_owned();
    let revision = cloud.unique();
    let function = if operation == "CreateAlias" { cloud.active(&name)? } else { cloud.function(&name)? };
    let no_alias = || fault("ResourceNotFoundException", 404, format!("Cannot find alias arn: {}", arn(&name, &alias)));
    match operation {
        "ListAliases" => {
            let items = function.aliases.values().cloned().map(Json::Object).collect();
            let (items, next) = page(items, 50, text(input, "Marker"));
            return Ok(json!({"Aliases": items, "NextMarker": next}));
        }
        "GetAlias" => return function.aliases.get(&alias).cloned().map(Json::Object).ok_or_else(no_alias),
        "DeleteAlias" => {
            function.aliases.remove(&alias);
            function.statements.remove(&alias);
            function.provisioned.remove(&alias);
            return Ok(json!({}));
        }
        _ => {}
    }
    let mut it = match (function.aliases.get(&alias), operation) {
        (Some(_), "CreateAlias") => return Err(conflict(format!("Alias already exists: {}", arn(&name, &alias)))),
        (Some(it), _) => it.clone(),
        (None, "UpdateAlias") => return Err(no_alias()),
        (None, _) => Map::from_iter([
            ("AliasArn".to_owned(), json!(arn(&name, &alias))),
            ("Name".to_owned(), json!(alias)),
            ("Description".to_owned(), json!("")),
        ]),
    };
    if let Some(given) = input.get("RevisionId").filter(|given| given.is_string())
        && it.get("RevisionId") != Some(given)
    {
        return Err(stale("GetFunction/GetAlias"));
    }
    for key in ["FunctionVersion", "Description"] {
        if let Some(value) = input.get(key) {
            it.insert(key.to_owned(), value.clone());
        }
    }
    let version = it.get("FunctionVersion").and_then(Json::as_str).unwrap_or_default();
    if version != "$LATEST" && !version.parse().is_ok_and(|number: u64| function.versions.contains_key(&number)) {
        return Err(missing(&name, version));
    }
    // Left out it stays, empty it goes.
    if let Some(weights) = input.pointer("/RoutingConfig/AdditionalVersionWeights").and_then(Json::as_object) {
        match weights.len() {
            0 => _ = it.shift_remove("RoutingConfig"),
            1 => _ = it.insert("RoutingConfig".to_owned(), json!({"AdditionalVersionWeights": weights})),
            _ => return Err(invalid("Number of items in AdditionalVersionWeights cannot be greater than 1")),
        }
    }
    it.insert("RevisionId".to_owned(), json!(revision));
    function.aliases.insert(alias, it.clone());
    Ok(Json::Object(it))
}

fn statements(cloud: &mut Cloud, operation: &str, input: &Json) -> Answer {
    let (name, qualifier) = target(input);
    let sid = text(input, "StatementId").to_owned();
    if operation == "GetPolicy" {
        let (now, spread) = (cloud.now, cloud.rules.policy);
        let function = cloud.function(&name).map_err(|_| absent())?;
        let before = function.statements_before.iter().find(|(at, _)| now < *at + spread).map(|(_, before)| before);
        let statements = before.unwrap_or(&function.statements).get(&qualifier).cloned().unwrap_or_default();
        if statements.is_empty() {
            return Err(absent());
        }
        let policy = json!({"Version": "2012-10-17", "Id": "default", "Statement": statements});
        let policy = principals::shown(cloud, &policy);
        return Ok(json!({"Policy": policy.to_string(), "RevisionId": statements.len().to_string()}));
    }
    let (now, slow) = (cloud.now, cloud.rules.latency.0);
    let function = cloud.active(&name)?;
    let known = qualifier.is_empty()
        || function.aliases.contains_key(&qualifier)
        || qualifier.parse().is_ok_and(|n: u64| function.versions.contains_key(&n));
    if !known {
        return Err(missing(&name, &qualifier));
    }
    let before = function.statements.clone();
    let statements = function.statements.entry(qualifier.clone()).or_default();
    if operation == "RemovePermission" {
        if !statements.iter().any(|statement| statement["Sid"] == sid.as_str()) {
            return Err(fault(
                "ResourceNotFoundException",
                404,
                format!("Statement {sid} is not found in resource policy."),
            ));
        }
        statements.retain(|statement| statement["Sid"] != sid.as_str());
        function.statements_before.push((now, before));
        return Ok(json!({}));
    }
    if statements.iter().any(|statement| statement["Sid"] == sid.as_str()) {
        return Err(conflict(format!(
            "The statement id ({sid}) provided already exists. Please provide a new statement id, or remove the existing statement."
        )));
    }
    let statement = statement(input, &arn(&name, &qualifier));
    let whole = json!({"Statement": [statement]});
    let kept = principals::kept(cloud, &whole);
    let kept =
        kept.ok_or_else(|| invalid("The provided principal was invalid. Please check the principal and try again."))?;
    let function = cloud.function(&name)?;
    let all = function.statements.values().flatten().chain(std::iter::once(&kept["Statement"][0]));
    let size =
        json!({"Version": "2012-10-17", "Id": "default", "Statement": all.collect::<Vec<_>>()}).to_string().len();
    if size > 20_480 {
        let text = format!("The final policy size ({size}) is bigger than the limit (20480).");
        return Err(fault("PolicyLengthExceededException", 400, text));
    }
    function.statements_before.push((now, before.clone()));
    // Two at the same time read the same policy, and the second to write wins: no error, and a statement is lost.
    if let Some((old, until)) = &function.adding
        && now < *until
    {
        function.statements = old.clone();
    }
    function.statements.entry(qualifier).or_default().push(kept["Statement"][0].clone());
    function.adding = Some((before, now + slow));
    Ok(json!({"Statement": statement.to_string()}))
}

fn statement(input: &Json, resource: &str) -> Json {
    let principal = match text(input, "Principal") {
        "*" => json!("*"),
        service if service.contains(".amazonaws.com") => json!({"Service": service}),
        account if account.len() == 12 => json!({"AWS": format!("arn:aws:iam::{account}:root")}),
        arn => json!({"AWS": arn}),
    };
    let mut out = json!({
        "Sid": input["StatementId"], "Effect": "Allow", "Principal": principal, "Action": input["Action"], "Resource": resource,
    });
    let conditions = [
        ("SourceArn", "ArnLike", "AWS:SourceArn"),
        ("SourceAccount", "StringEquals", "AWS:SourceAccount"),
        ("PrincipalOrgID", "StringEquals", "aws:PrincipalOrgID"),
        ("FunctionUrlAuthType", "StringEquals", "lambda:FunctionUrlAuthType"),
        ("EventSourceToken", "StringEquals", "lambda:EventSourceToken"),
    ];
    for (member, operator, key) in conditions {
        if let Some(value) = input.get(member) {
            out["Condition"][operator][key] = value.clone();
        }
    }
    if input["InvokedViaFunctionUrl"] == true {
        out["Condition"]["Bool"]["lambda:InvokedViaFunctionUrl"] = json!("true");
    }
    out
}

fn urls(cloud: &mut Cloud, operation: &str, input: &Json) -> Answer {
    let (name, qualifier) = target(input);
    let id = cloud.unique();
    let function = cloud.active(&name)?;
    match operation {
        "ListFunctionUrlConfigs" => {
            let items = function.urls.values().cloned().map(Json::Object).collect();
            let (items, next) = page(items, 50, text(input, "Marker"));
            return Ok(json!({"FunctionUrlConfigs": items, "NextMarker": next}));
        }
        "DeleteFunctionUrlConfig" => return function.urls.remove(&qualifier).map(|_| json!({})).ok_or_else(absent),
        "CreateFunctionUrlConfig" if function.urls.contains_key(&qualifier) => {
            return Err(conflict("Failed to create function url config: it exists already."));
        }
        _ => {}
    }
    let made = json!({
        "FunctionUrl": format!("https://{id}.lambda-url.eu-west-1.on.aws/"), "FunctionArn": arn(&name, &qualifier),
        "CreationTime": "2026-01-01T00:00:00.000Z", "LastModifiedTime": "2026-01-01T00:00:00.000Z", "InvokeMode": "BUFFERED",
    });
    let mut it = function.urls.get(&qualifier).cloned().or_else(|| made.as_object().cloned()).unwrap_or_default();
    for key in ["AuthType", "Cors", "InvokeMode"] {
        if let Some(value) = input.get(key) {
            it.insert(key.to_owned(), value.clone());
        }
    }
    function.urls.insert(qualifier, it.clone());
    Ok(Json::Object(it))
}

/// A destination must be there, the role must be allowed to send to it, and it is not the function itself.
fn check_destination(cloud: &mut Cloud, name: &str, destination: &str) -> Result<(), crate::aws::Fault> {
    if destination.starts_with(&arn(name, "")) {
        return Err(invalid("You can't specify the function as a destination for itself."));
    }
    if !destination.contains(":sqs:") {
        return Ok(());
    }
    let role = cloud.active(name)?.configuration.get("Role").and_then(Json::as_str).unwrap_or_default().to_owned();
    let role = cloud.iam.roles.get(last(&role));
    if !cloud.sqs.queues.contains_key(last(destination)) {
        return Err(invalid(format!("The destination ARN {destination} is invalid.")));
    }
    if !role.is_some_and(|role| role.may("sqs:SendMessage", &cloud.iam.policies, cloud.now, cloud.rules.role)) {
        let text =
            format!("The function's execution role does not have permissions to call SendMessage on {destination}");
        return Err(invalid(text));
    }
    Ok(())
}

fn invoke(cloud: &mut Cloud, operation: &str, input: &Json) -> Answer {
    let (name, qualifier) = target(input);
    for end in ["OnFailure", "OnSuccess"] {
        if let Some(destination) =
            input.pointer(&format!("/DestinationConfig/{end}/Destination")).and_then(Json::as_str)
        {
            check_destination(cloud, &name, destination)?;
        }
    }
    let function = cloud.active(&name)?;
    match operation {
        "ListFunctionEventInvokeConfigs" => {
            let items = function.invoke.values().cloned().map(Json::Object).collect();
            let (items, next) = page(items, 50, text(input, "Marker"));
            Ok(json!({"FunctionEventInvokeConfigs": items, "NextMarker": next}))
        }
        "DeleteFunctionEventInvokeConfig" => function.invoke.remove(&qualifier).map(|_| json!({})).ok_or_else(|| {
            let text = format!("The function {} doesn't have an EventInvokeConfig", arn(&name, &qualifier));
            fault("ResourceNotFoundException", 404, text)
        }),
        _ => {
            let mut it = Map::new();
            for key in ["MaximumRetryAttempts", "MaximumEventAgeInSeconds"] {
                if let Some(value) = input.get(key) {
                    it.insert(key.to_owned(), value.clone());
                }
            }
            let mut destinations = json!({"OnFailure": {}, "OnSuccess": {}});
            for (key, value) in object(input, "DestinationConfig") {
                destinations[key] = value;
            }
            if it.is_empty() && object(input, "DestinationConfig").is_empty() {
                return Err(invalid("You must specify at least one of error handling or destination setting."));
            }
            let shown = if qualifier.is_empty() { "$LATEST" } else { &qualifier };
            it.insert("DestinationConfig".to_owned(), destinations);
            it.insert("FunctionArn".to_owned(), json!(arn(&name, shown)));
            it.insert("LastModified".to_owned(), json!(1_700_000_000));
            function.invoke.insert(qualifier, it.clone());
            Ok(Json::Object(it))
        }
    }
}

fn provisioned(cloud: &mut Cloud, operation: &str, input: &Json) -> Answer {
    let (name, qualifier) = target(input);
    let (now, until) = (cloud.now, cloud.now + cloud.rules.mapping * 3);
    let room = unreserved(cloud, &name);
    let (_, least) = cloud.rules.concurrency;
    let function = cloud.active(&name)?;
    let none = || {
        fault(
            "ProvisionedConcurrencyConfigNotFoundException",
            404,
            format!("No Provisioned Concurrency Config found for this function ({ACCOUNT})"),
        )
    };
    match operation {
        "PutProvisionedConcurrencyConfig" => {
            if qualifier.is_empty() {
                return Err(invalid(
                    "Provisioned Concurrency Configs cannot be applied to unpublished function versions.",
                ));
            }
            let points_to = |alias: &str| {
                function.aliases.get(alias).and_then(|it| it.get("FunctionVersion")?.as_str()).unwrap_or_default()
            };
            if function.provisioned.contains_key(points_to(&qualifier)) {
                return Err(conflict(
                    "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version",
                ));
            }
            if function.provisioned.keys().any(|other| points_to(other) == qualifier) {
                return Err(conflict("Version is pointed by a Provisioned Concurrency alias"));
            }
            if function.aliases.get(&qualifier).is_some_and(|alias| alias.contains_key("RoutingConfig")) {
                return Err(invalid("Provisioned Concurrency cannot be set while the alias has routing weights."));
            }
            let count = number(input, "ProvisionedConcurrentExecutions").unwrap_or_default();
            if function.reserved.is_none() && room - count < least {
                return Err(invalid(format!(
                    "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [{least}]."
                )));
            }
            function.provisioned.insert(qualifier.clone(), (count, until));
        }
        "DeleteProvisionedConcurrencyConfig" => {
            return function.provisioned.remove(&qualifier).map(|_| json!({})).ok_or_else(none);
        }
        _ => {}
    }
    let (count, until) = function.provisioned.get(&qualifier).copied().ok_or_else(none)?;
    let mut out = json!({"RequestedProvisionedConcurrentExecutions": count, "Status": "IN_PROGRESS"});
    if let Some(reason) = function.provision_fails.as_ref().filter(|_| now >= until) {
        out["Status"] = json!("FAILED");
        out["StatusReason"] = json!(reason);
    } else if now >= until {
        out["Status"] = json!("READY");
        out["AllocatedProvisionedConcurrentExecutions"] = json!(count);
    }
    Ok(out)
}

/// What the other functions leave of the account's concurrency.
fn unreserved(cloud: &Cloud, but: &str) -> i64 {
    let others = cloud.lambda.functions.iter().filter(|(name, _)| *name != but);
    cloud.rules.concurrency.0 - others.filter_map(|(_, function)| function.reserved).sum::<i64>()
}

fn settings(cloud: &mut Cloud, operation: &str, input: &Json) -> Answer {
    let (name, _) = target(input);
    let (room, revision) = (unreserved(cloud, &name), cloud.unique());
    let ((_, least), moves) = (cloud.rules.concurrency, cloud.rules.beside_moves_revision);
    let function = cloud.active(&name)?;
    let word = operation.trim_start_matches("Get").trim_start_matches("Put").trim_start_matches("Delete").to_owned();
    if word == "FunctionConcurrency" {
        let count = number(input, "ReservedConcurrentExecutions");
        if operation.starts_with("Put") && room - count.unwrap_or_default() < least {
            return Err(invalid(format!(
                "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [{least}]."
            )));
        }
        let provisioned: i64 = function.provisioned.values().map(|(count, _)| count).sum();
        if operation.starts_with("Put") && count.unwrap_or_default() < provisioned {
            return Err(invalid(format!(
                "Specified ReservedConcurrentExecutions for function should not be lower than function's total provisioned concurrency [{provisioned}]."
            )));
        }
        if moves {
            function.revision = revision;
        }
        function.reserved = count.filter(|_| operation.starts_with("Put"));
        return Ok(json!({"ReservedConcurrentExecutions": function.reserved}));
    }
    if operation.starts_with("Put") {
        function.settings.insert(word.clone(), input.clone());
    } else if operation.starts_with("Delete") {
        function.settings.remove(&word);
        return Ok(json!({}));
    }
    let default = match word.as_str() {
        "FunctionRecursionConfig" => json!({"RecursiveLoop": "Terminate"}),
        "RuntimeManagementConfig" => json!({"UpdateRuntimeOn": "Auto", "FunctionArn": arn(&name, "")}),
        "FunctionCodeSigningConfig" => return function.settings.get(&word).cloned().ok_or_else(absent),
        other => panic!("nobody simulates lambda {other}"),
    };
    Ok(function.settings.get(&word).cloned().unwrap_or(default))
}
