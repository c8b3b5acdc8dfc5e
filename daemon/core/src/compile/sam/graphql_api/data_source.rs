//! The data sources of a GraphQL API: tables and functions, each with a role that may reach it.

use indexmap::IndexMap;

use super::super::build::Build;
use super::super::connector;
use super::super::expect;
use super::super::made::Made;
use super::super::make::{Outcome, given, some};
use super::super::policy;
use super::Site;
use crate::model::Node;

/// The data sources, and their names by the name that the API knows them by.
pub(super) struct DataSources {
    pub(super) made: Vec<Made>,
    pub(super) names: IndexMap<String, Node>,
}

const TABLE: [&str; 10] = [
    "TableName!",
    "ServiceRoleArn",
    "TableArn",
    "Permissions",
    "Name",
    "Description",
    "Region",
    "DeltaSync",
    "UseCallerCredentials",
    "Versioned",
];
const FUNCTION: [&str; 4] = ["FunctionArn!", "ServiceRoleArn", "Name", "Description"];

/// Expands `DataSources`.
///
/// # Errors
/// What SAM does not take, at its place.
pub(super) fn expand(build: &mut Build<'_>, site: &Site<'_>) -> Outcome<DataSources> {
    let mut all = DataSources { made: Vec::new(), names: IndexMap::new() };
    let Some(sources) = site.props.get("DataSources") else { return Ok(all) };
    site.check("DataSources", sources, &["DynamoDb", "Lambda"])?;
    let owner = site.props.owner();
    let entries = |kind: &str, keys: &[&'static str]| match some(sources, kind) {
        Some(node) => {
            let path = format!("DataSources.{kind}");
            site.checked(&path, expect::map(owner, &path, node)?, keys)
        }
        None => Ok(Vec::new()),
    };
    for (name, table) in entries("DynamoDb", &TABLE)? {
        let (config, arn) = table_config(site, &table)?;
        let mut made = start(site, &name, "DynamoDB", "AMAZON_DYNAMODB", &table);
        made.set("DynamoDBConfig", config);
        let words = match some(&table, "Permissions") {
            Some(list) => expect::list(owner, &format!("DataSources.DynamoDb.{name}.Permissions"), list)?
                .iter()
                .map(|word| expect::text(owner, "Permissions", word).map(str::to_owned))
                .collect::<Outcome<Vec<String>>>()?,
            None => vec!["Read".to_owned(), "Write".to_owned()],
        };
        finish(build, site, made, &table, "ToTableConnector", ("AWS::DynamoDB::Table", arn), &words, name, &mut all)?;
    }
    for (name, function) in entries("Lambda", &FUNCTION)? {
        let arn = some(&function, "FunctionArn").cloned().unwrap_or_else(|| site.at.text(""));
        let mut made = start(site, &name, "Lambda", "AWS_LAMBDA", &function);
        made.set("LambdaConfig", site.at.map([("LambdaFunctionArn", arn.clone())]));
        let words = ["Write".to_owned()];
        let to = ("AWS::Lambda::Function", arn);
        finish(build, site, made, &function, "ToLambdaConnector", to, &words, name, &mut all)?;
    }
    Ok(all)
}

fn start(site: &Site<'_>, name: &str, kind: &str, type_word: &str, spec: &Node) -> Made {
    site.make(&format!("{name}{kind}DataSource"), "AWS::AppSync::DataSource")
        .with("ApiId", site.api_id())
        .with("Name", given(spec, "Name").cloned().unwrap_or_else(|| site.at.text(name)))
        .with("Type", site.at.text(type_word))
        .maybe("Description", some(spec, "Description").cloned())
}

#[expect(clippy::too_many_arguments, reason = "the two kinds of source differ in just these")]
fn finish(
    build: &mut Build<'_>,
    site: &Site<'_>,
    mut made: Made,
    spec: &Node,
    connector_suffix: &str,
    to: (&str, Node),
    words: &[String],
    name: String,
    all: &mut DataSources,
) -> Outcome<()> {
    let at = site.at;
    let mut more = Vec::new();
    match given(spec, "ServiceRoleArn") {
        Some(role) => made.set("ServiceRoleArn", role.clone()),
        None => {
            let role = Made::new(format!("{}Role", made.id), "AWS::IAM::Role", site.source.place)
                .attributes(site.source.own_attributes())
                .depends_on(site.source.depends_on.clone())
                .with("AssumeRolePolicyDocument", policy::assume_role("appsync.amazonaws.com", site.source.place));
            made.set("ServiceRoleArn", role.att("Arn"));
            let from = at.map([
                ("Type", at.text("AWS::AppSync::DataSource")),
                ("Arn", made.att("DataSourceArn")),
                ("RoleName", role.reference()),
            ]);
            let to = at.map([("Type", at.text(to.0)), ("Arn", to.1)]);
            let holder = site.source.generated(&format!("{}{connector_suffix}", made.id));
            more.push(role);
            more.extend(connector::connect(build, &holder, &from, &to, words, None)?);
        }
    }
    all.names.insert(name, made.att("Name"));
    all.made.push(made);
    all.made.extend(more);
    Ok(())
}

/// A table's configuration, and its ARN.
fn table_config(site: &Site<'_>, table: &Node) -> Outcome<(Node, Node)> {
    let at = site.at;
    let region = given(table, "Region").cloned().unwrap_or_else(|| at.reference("AWS::Region"));
    let name = some(table, "TableName").cloned().unwrap_or_else(|| at.text(""));
    let mut config = at.map([("AwsRegion", region.clone()), ("TableName", name.clone())]);
    for key in ["UseCallerCredentials", "Versioned"] {
        if let Some(value) = given(table, key) {
            config.set(key, value.clone());
        }
    }
    if let Some(sync) = some(table, "DeltaSync") {
        let keys = ["BaseTableTTL!", "DeltaSyncTableName!", "DeltaSyncTableTTL!"];
        site.check("DeltaSync", sync, &keys)?;
        config.set("DeltaSyncConfig", sync.clone());
    }
    let arn = given(table, "TableArn").cloned().unwrap_or_else(|| {
        at.sub_with(
            "arn:${AWS::Partition}:dynamodb:${__Region__}:${AWS::AccountId}:table/${__TableName__}",
            [("__TableName__", name), ("__Region__", region)],
        )
    });
    Ok((config, arn))
}
