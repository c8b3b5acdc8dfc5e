//! The state of one transform: the template as written, the resources made so far, the complaints.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::model::{Diagnostic, Diagnostics, Entry, Map, Node, Place, Val};

use super::SamContext;
use super::expect;
use super::intrinsics::{self, Renames};
use super::made::Made;
use super::props::{Owner, nearest};
use super::source::Source;
use super::{
    api, capacity_provider, connector, function, globals, graphql_api, http_api, layer, network_connector,
    simple_table, state_machine, websocket_api,
};

/// One transform under way.
pub(super) struct Build<'a> {
    /// Where the application will live.
    pub context: &'a SamContext,
    /// Parameters with the pseudo parameters that SAM knows.
    parameters: indexmap::IndexMap<String, Node>,
    /// The template as written, after Globals; functions and state machines add their API events to it before the APIs
    /// are expanded.
    pub source: Node,
    /// The resulting `Resources` so far: written ones that are no SAM resources, and what was made.
    pub resources: Map,
    /// Where each resource stands in the end: the position of the written one that it came from, and when it was made.
    ranks: HashMap<String, (usize, usize)>,
    /// The resulting `Conditions`.
    pub conditions: Map,
    /// Destinations generated for a function, by the place of the `OnSuccess` or `OnFailure` that asked for them.
    pub shared_destinations: HashMap<Place, Entry>,
    /// References to rewrite when all is made.
    pub renames: Renames,
    /// Ids of written resources that events changed, to be put into the result in the end.
    changed: std::collections::BTreeSet<String>,
    /// What the APIs share.
    pub apis: api::Apis,
    /// What each connector became.
    pub connected: indexmap::IndexMap<String, Vec<String>>,
    /// Warnings from where nothing else changes.
    notes: RefCell<Diagnostics>,
    /// Complaints so far.
    pub diagnostics: Diagnostics,
}

/// The order of expansion: API events of functions and state machines change the API they belong to, and connectors
/// look at what everything else became.
const ORDER: [&[&str]; 5] = [
    &["AWS::Serverless::Function"],
    &["AWS::Serverless::StateMachine"],
    &["AWS::Serverless::Api", "AWS::Serverless::HttpApi", "AWS::Serverless::WebSocketApi"],
    &[],
    &["AWS::Serverless::Connector"],
];

/// The types of SAM resources that can be expanded.
const TYPES: [&str; 12] = [
    "AWS::Serverless::Api",
    "AWS::Serverless::Application",
    "AWS::Serverless::CapacityProvider",
    "AWS::Serverless::Connector",
    "AWS::Serverless::Function",
    "AWS::Serverless::GraphQLApi",
    "AWS::Serverless::HttpApi",
    "AWS::Serverless::LayerVersion",
    "AWS::Serverless::NetworkConnector",
    "AWS::Serverless::SimpleTable",
    "AWS::Serverless::StateMachine",
    "AWS::Serverless::WebSocketApi",
];

/// Whether CloudFormation takes it for the id of a resource.
fn is_logical_id(id: &str) -> bool {
    id.chars().all(|c| c.is_ascii_alphanumeric())
}

/// Types of written resources that events and APIs change: a bucket gets notifications, a user pool triggers.
const CHANGED: [&str; 7] = [
    "AWS::S3::Bucket",
    "AWS::SNS::Topic",
    "AWS::Cognito::UserPool",
    "AWS::ApiGateway::DomainName",
    "AWS::ApiGateway::BasePathMapping",
    "AWS::ApiGateway::DomainNameV2",
    "AWS::ApiGateway::BasePathMappingV2",
];

impl<'a> Build<'a> {
    /// Takes a template.
    ///
    /// # Errors
    /// Where its `Resources` are no map of maps.
    pub fn new(template: Node, context: &'a SamContext) -> Result<Self, Diagnostics> {
        let Some(resources) = template.get("Resources").and_then(Node::as_map).filter(|map| !map.is_empty()) else {
            let place = template.get("Resources").map_or(template.place, |node| node.place);
            return Err(Diagnostic::error("invalid-template", place, "the `Resources` section is required").into());
        };
        let odd = resources.iter().find(|(_, entry)| entry.node.as_map().is_none());
        if let Some((id, entry)) = odd {
            let message = format!("all `Resources` must be maps; `{id}` is {}", entry.node.type_word());
            return Err(Diagnostic::error("invalid-template", entry.key_place, message)
                .help("in YAML this may be an indentation issue")
                .into());
        }
        let odd = resources.iter().find_map(|(id, entry)| {
            let condition = entry.node.get("Condition").filter(|node| !node.is_null() && node.as_str().is_none())?;
            Some((id, condition))
        });
        if let Some((id, condition)) = odd {
            let message = format!("`Condition` of resource `{id}` must be a string, not {}", condition.type_word());
            return Err(Diagnostic::error("wrong-type", condition.place, message).into());
        }
        let conditions = template.get("Conditions").and_then(Node::as_map).cloned().unwrap_or_default();
        let mut parameters = context.parameters.clone();
        for (name, value) in [
            ("AWS::Region", &context.region),
            ("AWS::Partition", &context.partition),
            ("AWS::AccountId", &context.account),
            ("AWS::StackName", &context.stack),
        ] {
            parameters.insert(name.to_owned(), Node::str(value, Place::NOWHERE));
        }
        Ok(Build {
            context,
            parameters,
            ranks: resources.keys().enumerate().map(|(at, id)| (id.clone(), (at, 0))).collect(),
            resources: resources.clone(),
            conditions,
            source: template,
            shared_destinations: HashMap::new(),
            renames: Renames::default(),
            changed: Default::default(),
            apis: api::Apis::default(),
            connected: indexmap::IndexMap::new(),
            notes: RefCell::default(),
            diagnostics: Diagnostics::new(),
        })
    }

    /// Expands everything.
    pub fn run(&mut self) {
        api::implicit::prepare(self);
        if let Err(diagnostic) = globals::apply(&mut self.source) {
            self.diagnostics.push(diagnostic);
            return;
        }
        api::implicit::apply_version(self);
        connector::take_embedded(self);
        for types in ORDER {
            let ids: Vec<String> = self.ids_of(types);
            for id in ids {
                self.expand(&id);
            }
        }
        for id in std::mem::take(&mut self.changed) {
            let now = self.rewritten(&id);
            if let (Some(now), Some(entry)) = (now, self.resources.get_mut(&id)) {
                entry.node = now.into_node(None);
            }
        }
        self.sort();
        connector::settle(self);
    }

    /// Puts generated resources where the resource stood that asked for them.
    fn sort(&mut self) {
        let ranks = &self.ranks;
        self.resources.sort_by_cached_key(|id, _| ranks.get(id).copied().unwrap_or((usize::MAX, usize::MAX)));
    }

    fn ids_of(&self, types: &[&str]) -> Vec<String> {
        let named = |name: &str| ORDER.iter().any(|types| types.contains(&name));
        self.written()
            .filter(|(_, entry)| match entry.node.get("Type").and_then(Node::as_str) {
                Some(name) if types.is_empty() => name.starts_with("AWS::Serverless::") && !named(name),
                Some(name) => types.contains(&name),
                None => false,
            })
            .map(|(id, _)| id.clone())
            .collect()
    }

    fn expand(&mut self, id: &str) {
        let Some(source) = self.source_of(id) else { return };
        // YAML reads a bare number as one, and it is no id then.
        if !is_logical_id(id) || id.chars().all(|c| c.is_ascii_digit()) {
            let error =
                source.owner().error_with("invalid-id", source.place, "a logical id is made of letters and digits");
            self.diagnostics.push(error);
            return;
        }
        let result = match source.type_name.as_str() {
            "AWS::Serverless::Api" => api::expand(self, &source),
            "AWS::Serverless::Connector" => connector::expand(self, &source),
            "AWS::Serverless::Function" => function::expand(self, &source),
            "AWS::Serverless::GraphQLApi" => graphql_api::expand(self, &source),
            "AWS::Serverless::HttpApi" => http_api::expand(self, &source),
            "AWS::Serverless::StateMachine" => state_machine::expand(self, &source),
            "AWS::Serverless::WebSocketApi" => websocket_api::expand(self, &source),
            "AWS::Serverless::CapacityProvider" => capacity_provider::expand(self, &source),
            "AWS::Serverless::NetworkConnector" => network_connector::expand(self, &source),
            "AWS::Serverless::LayerVersion" => layer::expand(self, &source),
            "AWS::Serverless::SimpleTable" => simple_table::expand(&source),
            // One from a local path has joined the template before.
            "AWS::Serverless::Application" => Err(source
                .error(source.place, "an application from a repository or a bucket is made by CloudFormation only")
                .help("copy its template beside this one and give the path as `Location`")),
            other @ ("AWS::Serverless::MicrovmImage" | "AWS::Serverless::WebFunction") => {
                Err(source.error(source.place, format!("resources of type `{other}` are not supported")))
            }
            other => Err(source
                .error(source.place, format!("there is no SAM resource type `{other}`"))
                .maybe_help(nearest(other, TYPES))),
        };
        match result {
            Ok(made) => self.replace(&source, made),
            Err(diagnostic) => self.diagnostics.push(diagnostic),
        }
    }

    /// Puts what was made where the resource stood that asked for it.
    fn replace(&mut self, source: &Source, made: Vec<Made>) {
        // Also where its condition does not hold: SAM knows no conditions yet.
        if let Some(odd) = made.iter().find(|resource| !is_logical_id(&resource.id)) {
            let message = format!("it generates `{}`, and a logical id is made of letters and digits", odd.id);
            self.diagnostics.push(source.owner().error_with("invalid-id", odd.place, message));
            return;
        }
        // Order is made in the end: keeping it here would move all that follows for each that is put in.
        let stood = self.ranks.get(&source.id).map_or(usize::MAX, |(at, _)| *at);
        self.resources.swap_remove(&source.id);
        for resource in made {
            if let Some(diagnostic) = self.clash(source, &resource) {
                self.diagnostics.push(diagnostic);
                continue;
            }
            let parent = self.written_node(&resource.id).is_none().then_some(source.id.as_str());
            let (id, key_place) = (resource.id.clone(), resource.place);
            let entry = Entry { key_place, node: resource.into_node(parent) };
            match self.resources.get_mut(&id) {
                Some(existing) => existing.node = entry.node,
                None => {
                    self.ranks.insert(id.clone(), (stood, self.ranks.len()));
                    self.resources.insert(id, entry);
                }
            }
        }
    }

    /// A complaint where a generated resource would overwrite one that a person wrote and that it does not belong to.
    fn clash(&self, source: &Source, made: &Made) -> Option<Diagnostic> {
        let (id, entry) = self.source.get("Resources")?.as_map()?.get_key_value(&made.id)?;
        let same_type = entry.node.get("Type").and_then(Node::as_str) == Some(made.type_name.as_str());
        if *id == source.id || (same_type && CHANGED.contains(&made.type_name.as_str())) {
            return None;
        }
        let message = format!(
            "transforming resource `{}` generates `{id}` of type {}, which would overwrite a resource of that id",
            source.id, made.type_name
        );
        let error = Diagnostic::error("duplicate-id", entry.key_place, message);
        Some(error.related(source.place, "generated for this"))
    }

    /// Says what works, but probably not as meant.
    pub fn warn(&self, diagnostic: Diagnostic) {
        self.notes.borrow_mut().push(expect::as_warning(diagnostic));
    }

    /// The written resources, after Globals.
    pub fn written(&self) -> impl Iterator<Item = (&String, &Entry)> {
        self.source.get("Resources").and_then(Node::as_map).into_iter().flatten()
    }

    /// A written resource as a node.
    pub fn written_node(&self, id: &str) -> Option<&Node> {
        self.source.get("Resources")?.get(id)
    }

    /// A written resource as a node, to change it before it is expanded.
    pub fn written_node_mut(&mut self, id: &str) -> Option<&mut Node> {
        self.source.get_mut("Resources")?.get_mut(id)
    }

    /// A map inside of a written resource, to change it; missing ones on the way are made.
    ///
    /// # Errors
    /// Where something on the way is no map.
    pub fn written_map(&mut self, id: &str, path: &[&str]) -> Result<&mut Node, Diagnostic> {
        let place = self.written_node(id).map_or(Place::NOWHERE, |node| node.place);
        let wrong = |name: &str, place: Place| {
            Owner::resource(id, place).error_with("wrong-type", place, format!("property `{name}` should be a map"))
        };
        let mut node = match self.source.get_mut("Resources").and_then(|resources| resources.get_mut(id)) {
            Some(node) => node,
            None => return Err(wrong("Resources", place)),
        };
        for name in path {
            if node.get(name).is_none_or(|inner| inner.value == Val::Null) {
                node.set(name, Node::map::<String>([], place));
            }
            match node.get_mut(name) {
                Some(inner) if inner.as_map().is_some() => node = inner,
                _ => return Err(wrong(name, place)),
            }
        }
        Ok(node)
    }

    /// Says that a written resource was changed where it is written: its final form will be in the result.
    pub fn changed(&mut self, id: &str) {
        self.changed.insert(id.to_owned());
    }

    /// A written resource as it is now, to be put into the result.
    fn rewritten(&self, id: &str) -> Option<Made> {
        let source = self.source_of(id)?;
        Some(Made {
            id: source.id.clone(),
            type_name: source.type_name.clone(),
            attributes: source.own_attributes(),
            place: source.place,
            properties: source.properties,
            depends_on: source.depends_on,
        })
    }

    /// The `Type` of a written resource.
    pub fn type_of(&self, id: &str) -> Option<&str> {
        self.written_node(id)?.get("Type")?.as_str()
    }

    /// A written resource taken apart.
    pub fn source_of(&self, id: &str) -> Option<Source> {
        let entry = self.source.get("Resources")?.as_map()?.get(id)?;
        Source::read(id, entry.key_place, &entry.node)
    }

    /// The node with references to parameters replaced by their values, at every depth. For looking at, not for the
    /// result: a secret would lose its name.
    pub fn resolve(&self, node: &Node) -> Node {
        intrinsics::resolve(node, &self.parameters)
    }

    /// As [`Self::resolve`]; a `Sub` without any name left becomes its text.
    pub fn resolve_text(&self, node: &Node) -> Node {
        let node = self.resolve(node);
        match intrinsics::call(&node, "Fn::Sub").and_then(Node::as_str) {
            Some(text) if !text.contains("${") => Node::str(text, node.place),
            _ => node,
        }
    }

    /// The value of `Fn::FindInMap` with literal keys; anything else as it is.
    pub fn find_in_map(&self, node: &Node) -> Node {
        let find = || {
            let [map, first, second] = intrinsics::call(node, "Fn::FindInMap")?.as_list()? else { return None };
            self.source.get("Mappings")?.get(map.as_str()?)?.get(&first.scalar_text()?)?.get(&second.scalar_text()?)
        };
        find().cloned().unwrap_or_else(|| node.clone())
    }

    /// `AWS::URLSuffix` of the partition.
    pub fn url_suffix(&self) -> &'static str {
        match self.context.partition.as_str() {
            "aws-cn" => "amazonaws.com.cn",
            "aws-iso" => "c2s.ic.gov",
            "aws-iso-b" => "sc2s.sgov.gov",
            "aws-eusc" => "amazonaws.eu",
            _ => "amazonaws.com",
        }
    }

    /// Whether the template declares the SAM transform.
    pub fn declares_transform(&self) -> bool {
        let is_sam = |node: &Node| node.as_str().is_some_and(|name| name.starts_with("AWS::Serverless-"));
        match self.source.get("Transform") {
            Some(Node { value: Val::List(names), .. }) => names.iter().any(is_sam),
            Some(name) => is_sam(name),
            None => false,
        }
    }

    /// Adds a condition that the transform needs.
    pub fn add_condition(&mut self, name: &str, condition: Node) {
        self.conditions.insert(name.to_owned(), Entry { key_place: condition.place, node: condition });
    }

    /// `Ref`, `GetAtt` and `Sub` to `id.property` will stand for `target`.
    pub fn refer(&mut self, id: &str, property: &str, target: &str) {
        self.renames.properties.insert((id.to_owned(), property.to_owned()), target.to_owned());
    }

    /// The resulting template with its warnings, or everything that was wrong.
    pub fn finish(mut self) -> Result<(Node, Diagnostics), Diagnostics> {
        let mut said = std::mem::take(&mut self.diagnostics);
        said.extend(self.notes.take());
        if said.has_errors() {
            return Err(said);
        }
        self.sort();
        let mut template = self.source;
        template.remove("Transform");
        template.remove("Globals");
        let place = template.get("Resources").map_or(template.place, |node| node.place);
        template.set("Resources", Node::new(Val::Map(self.resources), place));
        if !self.conditions.is_empty() {
            let place = template.get("Conditions").map_or(template.place, |node| node.place);
            template.set("Conditions", Node::new(Val::Map(self.conditions), place));
        }
        if !self.renames.is_empty() {
            self.renames.apply(&mut template);
        }
        Ok((template, said))
    }
}
