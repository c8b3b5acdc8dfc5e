//! The custom domain of an HTTP or WebSocket API: the domain's name, its mappings and its records in Route 53.

use super::super::api::domain as rest;
use super::super::build::Build;
use super::super::expect;
use super::super::logical_id;
use super::super::made::Made;
use super::super::make::{At, Outcome, given, some, truthy};
use super::super::props::Props;
use super::super::source::Source;
use crate::model::Node;

const KEYS: [&str; 8] = [
    "BasePath",
    "CertificateArn",
    "DomainName",
    "EndpointConfiguration",
    "MutualTlsAuthentication",
    "OwnershipVerificationCertificateArn",
    "Route53",
    "SecurityPolicy",
];

/// The domain, first, and all that belongs to it. `tags` stand on the domain where the API has none to propagate.
///
/// # Errors
/// What SAM does not take, at its place.
pub(in crate::compile::sam) fn expand(
    build: &mut Build<'_>,
    source: &Source,
    props: &Props,
    stage: &Made,
    tags: Option<Node>,
) -> Outcome<Vec<Made>> {
    let Some(domain) = props.get("Domain") else { return Ok(Vec::new()) };
    let (owner, at) = (props.owner(), At(source.place));
    expect::map(owner, "Domain", domain)?;
    expect::warn_of_keys(owner, "Domain", domain, &KEYS, &mut build.diagnostics);
    let (Some(name), Some(certificate)) = (some(domain, "DomainName"), some(domain, "CertificateArn")) else {
        let message = "Custom Domains only works if both DomainName and CertificateArn are provided";
        return Err(owner.error(domain.place, message));
    };
    if let Some(endpoint) = some(domain, "EndpointConfiguration").filter(|kind| kind.as_str() != Some("REGIONAL")) {
        return Err(owner.error(endpoint.place, "EndpointConfiguration for Custom Domains must be one of ['REGIONAL']"));
    }
    let mut configuration = at.map([("CertificateArn", certificate.clone()), ("EndpointType", at.text("REGIONAL"))]);
    for key in ["OwnershipVerificationCertificateArn", "SecurityPolicy"] {
        if let Some(value) = given(domain, key) {
            configuration.set(key, value.clone());
        }
    }
    let id = format!("ApiGatewayDomainNameV2{}", logical_id::digest(name));
    // SAM forgets the groups of other APIs where it expands a WebSocket API.
    let shares_zones = tags.is_none();
    let made = Made::new(id, "AWS::ApiGatewayV2::DomainName", source.place)
        .attributes(source.handed_on())
        .with("DomainName", name.clone())
        .with("DomainNameConfigurations", at.list([configuration]))
        .maybe("MutualTlsAuthentication", rest::mutual_tls(owner, domain, at)?)
        .maybe("Tags", tags.or_else(|| props.take("Tags").filter(truthy)));
    let mut all = mappings(source, props, domain, &made, stage)?;
    all.extend(rest::record_sets(build, source, owner, domain, "REGIONAL", &made.id, shares_zones)?);
    all.insert(0, made);
    Ok(all)
}

fn mappings(source: &Source, props: &Props, domain: &Node, name: &Made, stage: &Made) -> Outcome<Vec<Made>> {
    let at = At(source.place);
    let mapping = |word: &str| {
        Made::new(format!("{}{word}ApiMapping", source.id), "AWS::ApiGatewayV2::ApiMapping", source.place)
            .attributes(source.handed_on())
            .with("DomainName", name.reference())
            .with("ApiId", at.reference(&source.id))
            .with("Stage", stage.reference())
    };
    let Some(paths) = rest::base_paths(props.owner(), domain)? else { return Ok(vec![mapping("")]) };
    paths
        .into_iter()
        .map(|path| {
            if path.chars().any(|c| !c.is_ascii_alphanumeric() && !"/-_".contains(c)) {
                return Err(props.error("Domain", format!("Invalid Basepath name provided: '{path}'")));
            }
            let word: String = path.chars().filter(char::is_ascii_alphanumeric).collect();
            Ok(mapping(&word).with("ApiMappingKey", at.text(path.trim_matches('/'))))
        })
        .collect()
}
