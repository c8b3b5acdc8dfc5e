//! `AWS::Serverless::GraphQLApi`: an AppSync API with its schema, data sources, functions and resolvers.

mod auth;
mod code;
mod data_source;

use super::build::Build;
use super::expect;
use super::made::Made;
use super::make::{At, Outcome, given, some, truthy};
use super::policy;
use super::props::{Kind, Property, Props, optional, required};
use super::source::Source;
use super::tags;
use crate::model::{Map, Node, Val};

const PROPERTIES: [Property; 18] = [
    optional("Name", Kind::Any),
    optional("Tags", Kind::Map),
    optional("XrayEnabled", Kind::Any),
    required("Auth", Kind::Map),
    optional("SchemaInline", Kind::Str),
    optional("SchemaUri", Kind::Str),
    optional("Logging", Kind::OneOf(&[Kind::Map, Kind::Bool])),
    optional("DataSources", Kind::Map),
    optional("Functions", Kind::Map),
    optional("Resolvers", Kind::Map),
    optional("ApiKeys", Kind::Map),
    optional("DomainName", Kind::Map),
    optional("Cache", Kind::Map),
    optional("Visibility", Kind::Any),
    optional("OwnerContact", Kind::Any),
    optional("IntrospectionConfig", Kind::Any),
    optional("QueryDepthLimit", Kind::Any),
    optional("ResolverCountLimit", Kind::Any),
];

/// What SAM itself must know.
const PLAIN: [&str; 11] = [
    "Tags",
    "Auth",
    "SchemaInline",
    "SchemaUri",
    "Logging",
    "DataSources",
    "Functions",
    "Resolvers",
    "ApiKeys",
    "DomainName",
    "Cache",
];

/// The tag that SAM puts on every GraphQL API.
const CREATED_BY: &str = "graphqlapi:createdBy";

/// The API and everything that it generates.
///
/// # Errors
/// The first thing that SAM does not take.
pub(super) fn expand(build: &mut Build<'_>, source: &Source) -> Outcome<Vec<Made>> {
    let props = Props::read(source.owner(), &source.type_name, &source.properties, &PROPERTIES)?;
    expect::plain(&props, &PROPERTIES, &PLAIN)?;
    let site = Site { source, props: &props, at: At(source.place) };
    if let Some(value) = props.get("XrayEnabled").filter(|value| truth(value).is_none()) {
        let message = "property `XrayEnabled` should be a boolean; intrinsics are not supported";
        return Err(source.owner().error_with("wrong-type", value.place, message));
    }
    let (api, role, connectors) = site.api(build)?;
    let schema = site.schema()?;
    let schema_id = schema.id.clone();
    let mut made = vec![api, schema];
    made.extend(connectors);
    made.extend(role);
    made.extend(site.api_keys()?);
    made.extend(site.cache()?);
    let sources = data_source::expand(build, &site)?;
    made.extend(sources.made);
    made.extend(site.domain()?);
    made.extend(code::expand(&site, sources.names, &schema_id)?);
    Ok(made)
}

/// A truth value, or the text of one.
fn truth(node: &Node) -> Option<bool> {
    node.as_bool().or_else(|| node.as_str()?.to_lowercase().parse().ok())
}

/// The API at work.
struct Site<'a> {
    source: &'a Source,
    props: &'a Props,
    at: At,
}

impl Site<'_> {
    fn make(&self, suffix: &str, type_name: &str) -> Made {
        Made::new(format!("{}{suffix}", self.source.id), type_name, self.source.place)
            .attributes(self.source.own_attributes())
            .depends_on(self.source.depends_on.clone())
    }

    fn api_id(&self) -> Node {
        self.at.get_att(&self.source.id, "ApiId")
    }

    /// The entries of a map of maps under a property, each held against its keys; those with `!` at the end must be
    /// there.
    fn entries(&self, name: &str, keys: &[&'static str]) -> Outcome<Vec<(String, Node)>> {
        match self.props.map(name) {
            Some(map) => self.checked(name, map, keys),
            None => Ok(Vec::new()),
        }
    }

    fn checked(&self, path: &str, map: &Map, keys: &[&'static str]) -> Outcome<Vec<(String, Node)>> {
        map.iter()
            .map(|(key, entry)| {
                self.check(&format!("{path}.{key}"), &entry.node, keys)?;
                Ok((key.clone(), entry.node.clone()))
            })
            .collect()
    }

    /// Holds a map against its keys; those with `!` at the end must be there.
    fn check(&self, path: &str, node: &Node, keys: &[&'static str]) -> Outcome<()> {
        let owner = self.props.owner();
        expect::map(owner, path, node)?;
        let plain: Vec<&'static str> = keys.iter().map(|key| key.trim_end_matches('!')).collect();
        expect::keys(owner, path, node, &plain)?;
        match keys.iter().filter_map(|key| key.strip_suffix('!')).find(|key| some(node, key).is_none()) {
            Some(missing) => Err(owner.error_with(
                "missing-property",
                node.place,
                format!("Property '{path}.{missing}' is required"),
            )),
            None => Ok(()),
        }
    }

    fn api(&self, build: &mut Build<'_>) -> Outcome<(Made, Option<Made>, Vec<Made>)> {
        let (props, at) = (self.props, self.at);
        let mut api = self.make("", "AWS::AppSync::GraphQLApi");
        api.set("Name", props.take("Name").filter(truthy).unwrap_or_else(|| at.text(&self.source.id)));
        for name in ["Visibility", "OwnerContact", "IntrospectionConfig", "QueryDepthLimit", "ResolverCountLimit"] {
            api = api.maybe(name, props.take(name).filter(truthy));
        }
        api = api.maybe("XrayEnabled", props.get("XrayEnabled").and_then(truth).map(|enabled| at.bool(enabled)));
        let mut connectors = Vec::new();
        for (index, function) in auth::set(self, &mut api)?.into_iter().enumerate() {
            connectors.extend(auth::connector(build, self, function, index + 1)?);
        }
        let mut all = props.take("Tags").unwrap_or_else(|| at.empty());
        all.set(CREATED_BY, at.text("SAM"));
        api.set("Tags", tags::list(&all));
        let logging = props.get("Logging");
        if logging.is_some_and(|logging| logging.value == Val::Bool(false)) {
            return Ok((api, None, connectors));
        }
        let logging = logging.filter(|logging| logging.as_map().is_some());
        if let Some(logging) = logging {
            let keys = ["CloudWatchLogsRoleArn", "ExcludeVerboseContent", "FieldLogLevel"];
            self.check("Logging", logging, &keys)?;
        }
        let value = |key: &str| logging.and_then(|logging| given(logging, key)).cloned();
        let mut config = at.map([("FieldLogLevel", value("FieldLogLevel").unwrap_or_else(|| at.text("ALL")))]);
        if let Some(exclude) = value("ExcludeVerboseContent") {
            config.set("ExcludeVerboseContent", exclude);
        }
        let role = value("CloudWatchLogsRoleArn").is_none().then(|| {
            let managed = at.sub("arn:${AWS::Partition}:iam::aws:policy/service-role/AWSAppSyncPushToCloudWatchLogs");
            self.make("CloudWatchRole", "AWS::IAM::Role")
                .with("AssumeRolePolicyDocument", policy::assume_role("appsync.amazonaws.com", self.source.place))
                .with("ManagedPolicyArns", at.list([managed]))
        });
        let arn = value("CloudWatchLogsRoleArn").or_else(|| role.as_ref().map(|role| role.att("Arn")));
        if let Some(arn) = arn {
            config.set("CloudWatchLogsRoleArn", arn);
        }
        api.set("LogConfig", config);
        Ok((api, role, connectors))
    }

    fn schema(&self) -> Outcome<Made> {
        let set = |name: &str| self.props.take(name).filter(truthy);
        let schema = self.make("Schema", "AWS::AppSync::GraphQLSchema").with("ApiId", self.api_id());
        match (set("SchemaInline"), set("SchemaUri")) {
            (Some(_), Some(_)) => {
                let message = "Both 'SchemaInline' and 'SchemaUri' cannot be defined at the same time";
                Err(self.props.error("SchemaUri", message))
            }
            (None, None) => {
                Err(self.source.error(self.source.place, "One of 'SchemaInline' or 'SchemaUri' must be set"))
            }
            (Some(text), None) => Ok(schema.with("Definition", text)),
            (None, Some(uri)) => Ok(schema.with("DefinitionS3Location", code::location(&uri))),
        }
    }

    fn api_keys(&self) -> Outcome<Vec<Made>> {
        let keys = self.entries("ApiKeys", &["ApiKeyId", "Description", "ExpiresOn"])?;
        Ok(keys
            .into_iter()
            .map(|(name, key)| {
                self.make(&name, "AWS::AppSync::ApiKey")
                    .with("ApiId", self.api_id())
                    .maybe("ApiKeyId", some(&key, "ApiKeyId").cloned())
                    .maybe("Description", some(&key, "Description").cloned())
                    .maybe("Expires", some(&key, "ExpiresOn").cloned())
            })
            .collect())
    }

    fn cache(&self) -> Outcome<Option<Made>> {
        let Some(cache) = self.props.get("Cache").filter(|cache| truthy(cache)) else { return Ok(None) };
        let keys = ["ApiCachingBehavior!", "Ttl!", "Type!", "AtRestEncryptionEnabled", "TransitEncryptionEnabled"];
        self.check("Cache", cache, &keys)?;
        let mut made = self.make("ApiCache", "AWS::AppSync::ApiCache").with("ApiId", self.api_id());
        for key in keys {
            let key = key.trim_end_matches('!');
            made = made.maybe(key, some(cache, key).cloned());
        }
        Ok(Some(made))
    }

    fn domain(&self) -> Outcome<Vec<Made>> {
        let Some(domain) = self.props.get("DomainName").filter(|domain| truthy(domain)) else { return Ok(Vec::new()) };
        self.check("DomainName", domain, &["CertificateArn!", "DomainName!", "Description"])?;
        let mut name = self.make("DomainName", "AWS::AppSync::DomainName");
        for key in ["CertificateArn", "DomainName", "Description"] {
            name = name.maybe(key, some(domain, key).cloned());
        }
        let association = self
            .make("DomainNameApiAssociation", "AWS::AppSync::DomainNameApiAssociation")
            .with("ApiId", self.api_id())
            .with("DomainName", name.reference());
        Ok(vec![name, association])
    }
}

#[cfg(test)]
mod tests;
