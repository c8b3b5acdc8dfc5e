//! The functions and resolvers of a GraphQL API. Every resolver is a pipeline of functions.

use indexmap::IndexMap;

use super::super::made::Made;
use super::super::make::{Outcome, given, some};
use super::super::props::{Owner, nearest};
use super::Site;
use crate::model::{Node, Val};

const FUNCTION: [&str; 9] =
    ["DataSource", "Runtime", "InlineCode", "CodeUri", "Description", "MaxBatchSize", "Name", "Id", "Sync"];
const RESOLVER: [&str; 8] =
    ["FieldName", "Caching", "InlineCode", "CodeUri", "MaxBatchSize", "Pipeline", "Runtime", "Sync"];

/// What a resolver without code of its own does: nothing before its functions, and afterwards hand on the last result.
const PASS_ON: &str = "
export function request(ctx) {
    return {};
}

export function response(ctx) {
    return ctx.prev.result;
}
";

/// A file beside the template, or an S3 URL, as AppSync's `...S3Location` has it.
pub(super) fn location(uri: &Node) -> Node {
    match uri.as_str() {
        Some(text) if !text.starts_with("s3://") => Node::map([("LocalPath", Node::str(text, uri.place))], uri.place),
        _ => uri.clone(),
    }
}

/// Expands `Functions` and `Resolvers`.
///
/// # Errors
/// What SAM does not take, at its place.
pub(super) fn expand(site: &Site<'_>, sources: IndexMap<String, Node>, schema: &str) -> Outcome<Vec<Made>> {
    let mut code = Code { site, sources, none: None, ids: IndexMap::new() };
    let mut made = Vec::new();
    for (name, function) in site.entries("Functions", &FUNCTION)? {
        made.extend(code.function(&name, &function)?);
    }
    for (type_name, entry) in site.props.map("Resolvers").into_iter().flatten() {
        let path = format!("Resolvers.{type_name}");
        let resolvers = super::super::expect::map(site.props.owner(), &path, &entry.node)?;
        for (name, resolver) in site.checked(&path, resolvers, &RESOLVER)? {
            made.push(code.resolver(type_name, &name, &resolver, schema)?);
        }
    }
    made.extend(code.none);
    Ok(made)
}

struct Code<'a> {
    site: &'a Site<'a>,
    sources: IndexMap<String, Node>,
    /// The source of functions that need none, made for the first that says so.
    none: Option<Made>,
    /// Functions by name.
    ids: IndexMap<String, Node>,
}

impl Code<'_> {
    fn function(&mut self, name: &str, spec: &Node) -> Outcome<Option<Made>> {
        let owner = Owner::resource(name, spec.place);
        if let Some(id) = given(spec, "Id") {
            if spec.as_map().is_some_and(|map| map.values().filter(|entry| !entry.node.is_null()).count() != 1) {
                return Err(owner.error(id.place, "'Id' cannot be defined with other properties in Function"));
            }
            self.ids.insert(name.to_owned(), id.clone());
            return Ok(None);
        }
        let at = self.site.at;
        let mut made = self
            .site
            .make(name, "AWS::AppSync::FunctionConfiguration")
            .with("ApiId", self.site.api_id())
            .with("Name", given(spec, "Name").cloned().unwrap_or_else(|| at.text(name)));
        if !self.set_code(&owner, spec, &mut made)? {
            return Err(owner.error(spec.place, "One of 'InlineCode' or 'CodeUri' must be set"));
        }
        made.set("DataSourceName", self.source_name(&owner, spec)?);
        for key in ["MaxBatchSize", "Description"] {
            made = made.maybe(key, some(spec, key).cloned());
        }
        made.set("Runtime", self.runtime(&owner, name, spec)?);
        if let Some(sync) = given(spec, "Sync") {
            let keys = ["ConflictDetection!", "ConflictHandler", "LambdaConflictHandlerConfig"];
            self.site.check(&format!("Functions.{name}.Sync"), sync, &keys)?;
            made.set("SyncConfig", sync.clone());
        }
        self.ids.insert(name.to_owned(), made.att("FunctionId"));
        Ok(Some(made))
    }

    /// Sets `Code` or `CodeS3Location`; says whether there was any.
    fn set_code(&self, owner: &Owner, spec: &Node, made: &mut Made) -> Outcome<bool> {
        match (given(spec, "InlineCode"), given(spec, "CodeUri")) {
            (Some(_), Some(uri)) => {
                Err(owner.error(uri.place, "Both 'InlineCode' and 'CodeUri' cannot be defined at the same time"))
            }
            (Some(code), None) => {
                made.set("Code", code.clone());
                Ok(true)
            }
            (None, Some(uri)) => {
                made.set("CodeS3Location", location(uri));
                Ok(true)
            }
            (None, None) => Ok(false),
        }
    }

    fn source_name(&mut self, owner: &Owner, spec: &Node) -> Outcome<Node> {
        let Some(source) = given(spec, "DataSource") else {
            return Err(owner.error(spec.place, "'DataSource' must be set"));
        };
        let Some(name) = source.as_str() else { return Ok(source.clone()) };
        if name.eq_ignore_ascii_case("none") {
            let site = self.site;
            let none = self.none.get_or_insert_with(|| {
                let made = site.make("NoneDataSource", "AWS::AppSync::DataSource");
                let id = made.id.clone();
                made.with("ApiId", site.api_id()).with("Name", site.at.text(id)).with("Type", site.at.text("NONE"))
            });
            return Ok(none.att("Name"));
        }
        self.sources.get(name).cloned().ok_or_else(|| {
            let message = format!(
                "Either define DataSource '{name}' in 'DataSources' or use an intrinsic function to reference a \
                 DataSource defined outside of this GraphQLApi resource"
            );
            owner.error(source.place, message).maybe_help(nearest(name, self.sources.keys().map(String::as_str)))
        })
    }

    fn runtime(&self, owner: &Owner, name: &str, spec: &Node) -> Outcome<Node> {
        let Some(runtime) = given(spec, "Runtime") else {
            return Err(owner.error(spec.place, format!("'Runtime' must be defined as a property in {name}")));
        };
        self.site.check("Runtime", runtime, &["Name!", "Version!"])?;
        let part = |key: &str| some(runtime, key).cloned().unwrap_or_else(|| self.site.at.text(""));
        Ok(self.site.at.map([("Name", part("Name")), ("RuntimeVersion", part("Version"))]))
    }

    fn resolver(&self, type_name: &str, name: &str, spec: &Node, schema: &str) -> Outcome<Made> {
        let (site, at) = (self.site, self.site.at);
        let owner = Owner::resource(name, spec.place);
        let mut made = site
            .make(&format!("{type_name}{name}"), "AWS::AppSync::Resolver")
            .depends_on(Some(at.list([at.text(schema)])))
            .with("ApiId", site.api_id())
            .with("FieldName", given(spec, "FieldName").cloned().unwrap_or_else(|| at.text(name)))
            .with("TypeName", at.text(type_name))
            .with("Kind", at.text("PIPELINE"));
        if self.set_code(&owner, spec, &mut made)? {
            made.set("Runtime", self.runtime(&owner, name, spec)?);
        } else {
            made.set("Code", at.text(PASS_ON));
            made.set("Runtime", at.map([("Name", at.text("APPSYNC_JS")), ("RuntimeVersion", at.text("1.0.0"))]));
        }
        let pipeline = match given(spec, "Pipeline").map(|pipeline| (&pipeline.value, pipeline.place)) {
            Some((Val::List(names), _)) => names,
            Some((_, place)) => return Err(owner.error(place, "'Pipeline' should be a list of functions")),
            None => {
                let message = format!(
                    "Resolver '{name}' must have Pipeline defined. Unit resolvers are not supported. If you need a Unit \
                     resolver you can use AppSync resource"
                );
                return Err(owner.error(spec.place, message));
            }
        };
        let ids = pipeline
            .iter()
            .map(|function| {
                let word = function.as_str().unwrap_or_default();
                self.ids.get(word).cloned().ok_or_else(|| {
                    owner
                        .error(function.place, format!("Function '{word}' does not exist"))
                        .maybe_help(nearest(word, self.ids.keys().map(String::as_str)))
                })
            })
            .collect::<Outcome<Vec<Node>>>()?;
        made.set("PipelineConfig", at.map([("Functions", at.list(ids))]));
        if let Some(caching) = given(spec, "Caching") {
            site.check(&format!("Resolvers.{type_name}.{name}.Caching"), caching, &["Ttl!", "CachingKeys"])?;
            made.set("CachingConfig", caching.clone());
        }
        Ok(made.maybe("MaxBatchSize", given(spec, "MaxBatchSize").cloned()))
    }
}
