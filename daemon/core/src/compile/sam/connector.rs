//! `AWS::Serverless::Connector`, and the `Connectors` of a resource: what one resource may do with another, as policies.

mod end;
mod profiles;

use std::collections::BTreeSet;

use super::build::Build;
use super::expect;
use super::intrinsics::referenced_id;
use super::made::Made;
use super::make::{At, Outcome, some};
use super::props::{Kind, Owner, Property, Props, required};
use super::source::Source;
use crate::model::{Diagnostic, Entry, Node, Val};

use end::End;
use profiles::{Connection, Grant, Statement};

const ENDS: Kind = Kind::OneOf(&[Kind::Map, Kind::ListOf(&Kind::Map)]);

const PROPERTIES: [Property; 3] =
    [required("Source", Kind::Map), required("Destination", ENDS), required("Permissions", Kind::ListOf(&Kind::Str))];

const TYPE: &str = "AWS::Serverless::Connector";

/// The policies of a connector.
///
/// # Errors
/// The first thing that SAM does not take.
pub(super) fn expand(build: &mut Build<'_>, source: &Source) -> Outcome<Vec<Made>> {
    let props = Props::read(source.owner(), &source.type_name, &source.properties, &PROPERTIES)?;
    let at = At(source.place);
    let from = props.take("Source").unwrap_or_else(|| at.empty());
    let to = props.take("Destination").unwrap_or_else(|| at.empty());
    let words: Vec<String> = props
        .get("Permissions")
        .and_then(Node::as_list)
        .into_iter()
        .flatten()
        .filter_map(|word| word.as_str().map(str::to_owned))
        .collect();
    let mut made = Vec::new();
    match to.as_list() {
        None => made.extend(connect(build, source, &from, &to, &words, None)?),
        Some([]) => return Err(props.error("Destination", "'Destination' is an empty list")),
        Some(several) => {
            for (index, to) in several.iter().enumerate() {
                made.extend(connect(build, source, &from, to, &words, Some(index))?);
            }
        }
    }
    build.connected.insert(source.id.clone(), made.iter().map(|resource| resource.id.clone()).collect());
    Ok(made)
}

/// What `source`, a connector, generates for one pair of ends; `index` is the destination's place in a list.
///
/// # Errors
/// Ends that cannot be connected, and permissions that these ends do not know.
pub(super) fn connect(
    build: &mut Build<'_>,
    source: &Source,
    from: &Node,
    to: &Node,
    words: &[String],
    index: Option<usize>,
) -> Outcome<Vec<Made>> {
    let owner = source.owner();
    let (from, to) = (End::read(build, &owner, from, to)?, End::read(build, &owner, to, from)?);
    let profile = profiles::find(&from.type_name, &to.type_name).ok_or_else(|| {
        let message = format!(
            "Unable to create connector from {} to {}; it's not supported or the template is invalid",
            from.type_name, to.type_name
        );
        owner.error(source.place, message)
    })?;
    let words: BTreeSet<&str> = words.iter().map(String::as_str).collect();
    check_permissions(&owner, source, profile, &words)?;
    let site = Site { source, owner: &owner, from: &from, to: &to, index };
    match profile.grant {
        Grant::SourceRole | Grant::DestinationRole => {
            let policy = site.role_policy(profile, &words)?;
            let waits = match profile.before.as_deref() {
                Some("source") => from.id.clone(),
                Some(_) => only_mapping(build, &from, &to),
                None => None,
            };
            if let Some(id) = waits {
                add_depends_on(build, &id, &policy.id);
            }
            Ok(vec![policy])
        }
        Grant::QueuePolicy => {
            let url = site.needed(&to.queue_url, "SQS queue URL")?;
            site.resource_policy(profile, "QueuePolicy", "AWS::SQS::QueuePolicy", "Queues", url)
        }
        Grant::TopicPolicy => {
            let arn = site.needed(&to.arn, "SNS topic ARN")?;
            site.resource_policy(profile, "TopicPolicy", "AWS::SNS::TopicPolicy", "Topics", arn)
        }
        Grant::Invoke => site.invoke(profile),
    }
}

fn check_permissions(
    owner: &Owner,
    source: &Source,
    profile: &Connection,
    words: &BTreeSet<&str>,
) -> Result<(), Diagnostic> {
    let place = source.properties.get("Permissions").map_or(source.place, |node| node.place);
    let known = profile.permissions();
    let listed = known.join(", ");
    let between =
        format!("Unsupported 'Permissions' provided for connector from {} to {}", profile.source, profile.destination);
    if words.is_empty() {
        return Err(owner.error(place, format!("'Permissions' cannot be empty; valid values are: {listed}")));
    }
    if words.iter().any(|word| !known.contains(word)) {
        return Err(owner.error(place, format!("{between}; valid values are: {listed}")));
    }
    let fits = |set: &Vec<String>| set.iter().map(String::as_str).collect::<BTreeSet<_>>() == *words;
    match &profile.together {
        Some(sets) if !sets.iter().any(fits) => {
            let sets: Vec<String> = sets.iter().map(|set| set.join(" + ")).collect();
            Err(owner.error(place, format!("{between}; valid combinations are: {}", sets.join(", "))))
        }
        _ => Ok(()),
    }
}

/// A connector at work on one pair of ends.
struct Site<'a> {
    source: &'a Source,
    owner: &'a Owner,
    from: &'a End,
    to: &'a End,
    index: Option<usize>,
}

impl Site<'_> {
    fn at(&self) -> At {
        At(self.source.place)
    }

    fn make(&self, suffix: &str, type_name: &str) -> Made {
        let index = self.index.map(|index| format!("Destination{index}")).unwrap_or_default();
        Made::new(format!("{}{suffix}{index}", self.source.id), type_name, self.source.place)
            .attributes(self.source.own_attributes())
            .depends_on(self.source.depends_on.clone())
    }

    fn needed(&self, value: &Option<Node>, what: &str) -> Outcome<Node> {
        value.clone().ok_or_else(|| {
            self.owner.error(self.source.place, format!("Unable to get {what} from 'Destination' resource"))
        })
    }

    /// A text of the table with the ends' values in it.
    fn fill(&self, text: &str) -> Outcome<Node> {
        let values = [
            ("{source}", "Source.Arn", &self.from.arn),
            ("{destination}", "Destination.Arn", &self.to.arn),
            ("{source.id}", "Source.ResourceId", &self.from.resource_id),
            ("{destination.id}", "Destination.ResourceId", &self.to.resource_id),
            ("{source.name}", "Source.Name", &self.from.name),
            ("{destination.name}", "Destination.Name", &self.to.name),
            ("{source.qualifier}", "Source.Qualifier", &self.from.qualifier),
        ];
        let mut text = text.to_owned();
        let mut variables = Vec::new();
        for (pattern, name, value) in values {
            if !text.contains(pattern) {
                continue;
            }
            let Some(value) = value else {
                return Err(self.owner.error(self.source.place, format!("{name} is missing")));
            };
            if text == pattern {
                return Ok(value.clone());
            }
            let variable = name.replace('.', "");
            text = text.replace(pattern, &format!("${{{variable}}}"));
            variables.push((variable, value.clone()));
        }
        let at = self.at();
        Ok(match (variables.is_empty(), text.contains("${")) {
            (false, _) => at.sub_with(text, variables),
            (true, true) => at.sub(text),
            (true, false) => at.text(text),
        })
    }

    fn document(&self, statements: Vec<Node>) -> Node {
        self.at().map([("Version", self.at().text("2012-10-17")), ("Statement", self.at().list(statements))])
    }

    fn statement(&self, statement: &Statement) -> Outcome<Node> {
        let at = self.at();
        let on = statement.on.iter().map(|text| self.fill(text)).collect::<Outcome<Vec<Node>>>()?;
        let actions = profiles::actions(&statement.actions).iter().map(|action| at.text(action));
        Ok(at.map([("Effect", at.text("Allow")), ("Action", at.list(actions)), ("Resource", at.list(on))]))
    }

    /// A managed policy on the role of one end.
    fn role_policy(&self, profile: &Connection, words: &BTreeSet<&str>) -> Outcome<Made> {
        let (end, which) = match profile.grant {
            Grant::SourceRole => (self.from, "Source"),
            _ => (self.to, "Destination"),
        };
        let Some(role) = end.role.clone() else {
            let message = format!("Unable to get IAM role name from '{which}' resource");
            return Err(self.owner.error(self.source.place, message));
        };
        let mut statements = Vec::new();
        for (word, of_word) in [("Read", &profile.read), ("Write", &profile.write)] {
            // A value that is missing is an error for either permission.
            let filled = of_word.iter().map(|statement| self.statement(statement)).collect::<Outcome<Vec<Node>>>()?;
            if words.contains(word) {
                statements.extend(filled);
            }
        }
        Ok(self
            .make("Policy", "AWS::IAM::ManagedPolicy")
            .with("PolicyDocument", self.document(statements))
            .with("Roles", self.at().list([role])))
    }

    /// A policy on the destination by which the source's service may act on it.
    fn resource_policy(
        &self,
        profile: &Connection,
        suffix: &str,
        type_name: &str,
        key: &str,
        target: Node,
    ) -> Outcome<Vec<Made>> {
        let at = self.at();
        let text = |text: &Option<String>| at.text(text.clone().unwrap_or_default());
        let condition = at.map([("ArnEquals", at.map([("aws:SourceArn", self.fill("{source}")?)]))]);
        let statement = at.map([
            ("Effect", at.text("Allow")),
            ("Principal", at.map([("Service", text(&profile.service))])),
            ("Resource", self.fill("{destination}")?),
            ("Action", text(&profile.action)),
            ("Condition", condition),
        ]);
        let policy = self
            .make(suffix, type_name)
            .with("PolicyDocument", self.document(vec![statement]))
            .with(key, at.list([target]));
        Ok(vec![policy])
    }

    /// A permission on the destination function.
    fn invoke(&self, profile: &Connection) -> Outcome<Vec<Made>> {
        let at = self.at();
        let function = self.needed(&self.to.arn, "Lambda function ARN")?;
        let permission = self
            .make("WriteLambdaPermission", "AWS::Lambda::Permission")
            .with("Action", at.text("lambda:InvokeFunction"))
            .with("FunctionName", function)
            .with("Principal", at.text(profile.service.clone().unwrap_or_default()))
            .with("SourceArn", self.fill(profile.from.as_deref().unwrap_or_default())?)
            .maybe("SourceAccount", profile.account.then(|| at.sub("${AWS::AccountId}")));
        Ok(vec![permission])
    }
}

/// The one event source mapping between the ends, where there is just one.
fn only_mapping(build: &Build<'_>, from: &End, to: &End) -> Option<String> {
    let (from, to) = (from.id.as_deref()?, to.id.as_deref()?);
    let mut found = build.resources.iter().filter(|(_, entry)| {
        let property = |name: &str| entry.node.get("Properties").and_then(|all| all.get(name)).and_then(referenced_id);
        entry.node.get("Type").and_then(Node::as_str) == Some("AWS::Lambda::EventSourceMapping")
            && property("FunctionName") == Some(to)
            && property("EventSourceArn") == Some(from)
    });
    match (found.next(), found.next()) {
        (Some((id, _)), None) => Some(id.clone()),
        _ => None,
    }
}

fn names_of(depends_on: Option<&Node>) -> Vec<Node> {
    match depends_on {
        None => Vec::new(),
        Some(Node { value: Val::List(items), .. }) => items.clone(),
        Some(single) => vec![single.clone()],
    }
}

fn add_depends_on(build: &mut Build<'_>, id: &str, first: &str) {
    let Some(entry) = build.resources.get_mut(id) else { return };
    let mut all = names_of(entry.node.get("DependsOn"));
    if !all.iter().any(|other| other.as_str() == Some(first)) {
        all.push(Node::str(first, entry.key_place));
    }
    entry.node.set("DependsOn", Node::list(all, entry.key_place));
}

/// Once all is expanded: who waits for a connector waits for what it generated.
pub(super) fn settle(build: &mut Build<'_>) {
    let connected = std::mem::take(&mut build.connected);
    if connected.is_empty() {
        return;
    }
    for entry in build.resources.values_mut() {
        let before = names_of(entry.node.get("DependsOn"));
        let is_connector = |name: &Node| name.as_str().and_then(|id| connected.get(id));
        if !before.iter().any(|name| is_connector(name).is_some()) {
            continue;
        }
        let after = before.iter().flat_map(|name| match is_connector(name) {
            Some(ids) => ids.iter().map(|id| Node::str(id, name.place)).collect(),
            None => vec![name.clone()],
        });
        let after = Node::list(after.collect(), entry.key_place);
        entry.node.set("DependsOn", after);
    }
}

/// Makes connectors of the `Connectors` of every resource.
pub(super) fn take_embedded(build: &mut Build<'_>) {
    let holders: Vec<String> =
        build.written().filter(|(_, entry)| entry.node.get("Connectors").is_some()).map(|(id, _)| id.clone()).collect();
    for id in holders {
        let connectors = build.written_node_mut(&id).and_then(|resource| resource.remove("Connectors"));
        if let Some(entry) = build.resources.get_mut(&id) {
            entry.node.remove("Connectors");
        }
        let Some(connectors) = connectors else { continue };
        let owner = Owner::resource(&id, connectors.place);
        let Some(map) = connectors.as_map() else {
            build.diagnostics.push(owner.error(connectors.place, "attribute `Connectors` should be a map"));
            continue;
        };
        for (name, entry) in map {
            match embedded(build, &id, name, entry) {
                Ok(connector) => {
                    if let Some(all) = build.source.get_mut("Resources").and_then(Node::as_map_mut) {
                        all.insert(format!("{id}{name}"), Entry { key_place: entry.key_place, node: connector });
                    }
                }
                Err(diagnostic) => build.diagnostics.push(diagnostic),
            }
        }
    }
}

fn embedded(build: &Build<'_>, id: &str, name: &str, entry: &Entry) -> Outcome<Node> {
    let full = format!("{id}{name}");
    let owner = Owner::resource(&full, entry.key_place);
    let mut connector = entry.node.clone();
    expect::map(&owner, &format!("{id}.{full}"), &connector)?;
    if let Some(other) = build.written_node(&full) {
        let message = format!("connector `{name}` of resource `{id}` would take the id of a resource that is there");
        return Err(owner.error(entry.key_place, message).related(other.place, "this one"));
    }
    let path = format!("Connectors.{name}.Properties");
    let properties = connector
        .remove("Properties")
        .ok_or_else(|| owner.error(entry.key_place, format!("attribute `{path}` of resource `{id}` is required")))?;
    let mut properties = properties;
    expect::map(&owner, &path, &properties)?;
    let mut from = Node::map([("Id", Node::str(id, entry.key_place))], entry.key_place);
    if let Some(more) = properties.remove("SourceReference").filter(|more| !more.is_null()) {
        for (key, inner) in expect::map(&owner, &format!("{path}.SourceReference"), &more)? {
            if key == "Id" {
                return Err(owner.error(inner.key_place, "'Id' shouldn't be defined in 'SourceReference'"));
            }
            from.set(key, inner.node.clone());
        }
    }
    if let Some(written) = some(&properties, "Source") {
        return Err(owner.error(written.place, "an embedded connector's 'Source' is the resource itself"));
    }
    properties.set("Source", from);
    connector.set("Properties", properties);
    connector.set("Type", Node::str(TYPE, entry.key_place));
    Ok(connector)
}

#[cfg(test)]
mod tests;
