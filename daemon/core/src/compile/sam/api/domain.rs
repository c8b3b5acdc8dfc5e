//! A REST API's custom domain: the domain's name, its base path mappings and its records in Route 53. A private domain is
//! one of API Gateway's second generation.

use super::super::build::Build;
use super::super::expect;
use super::super::logical_id;
use super::super::made::Made;
use super::super::make::{At, Outcome, given, some, truthy};
use super::super::props::{Owner, Props};
use super::super::source::Source;
use crate::model::{Node, Val};

const KEYS: [&str; 13] = [
    "AccessAssociation",
    "BasePath",
    "CertificateArn",
    "DomainName",
    "EndpointAccessMode",
    "EndpointConfiguration",
    "IpAddressType",
    "MutualTlsAuthentication",
    "NormalizeBasePath",
    "OwnershipVerificationCertificateArn",
    "Policy",
    "Route53",
    "SecurityPolicy",
];

/// The domain and all that belongs to it.
///
/// # Errors
/// What SAM does not take, at its place.
pub(super) fn rest(build: &mut Build<'_>, source: &Source, props: &Props, stage: &Made) -> Outcome<Vec<Made>> {
    let Some(domain) = props.get("Domain") else { return Ok(Vec::new()) };
    let owner = props.owner();
    let at = At(source.place);
    expect::map(owner, "Domain", domain)?;
    expect::warn_of_keys(owner, "Domain", domain, &KEYS, &mut build.diagnostics);
    let required = |key: &str| {
        some(domain, key).ok_or_else(|| owner.error(domain.place, format!("Property 'Domain.{key}' is required")))
    };
    let (name, certificate) = (required("DomainName")?, required("CertificateArn")?);
    let kind = match some(domain, "EndpointConfiguration") {
        None => "REGIONAL",
        Some(node) => match node.as_str() {
            Some(kind @ ("EDGE" | "REGIONAL" | "PRIVATE")) => kind,
            _ => {
                let message = "EndpointConfiguration for Custom Domains must be one of EDGE, REGIONAL, PRIVATE";
                return Err(owner.error(node.place, message));
            }
        },
    };
    let private = kind == "PRIVATE";
    let (prefix, type_name) = if private {
        ("ApiGatewayDomainNameV2", "AWS::ApiGateway::DomainNameV2")
    } else {
        ("ApiGatewayDomainName", "AWS::ApiGateway::DomainName")
    };
    let mut endpoint = at.map([("Types", at.list([at.text(kind)]))]);
    if let Some(family) = given(domain, "IpAddressType") {
        endpoint.set("IpAddressType", family.clone());
    }
    let certificate_key = if kind == "REGIONAL" { "RegionalCertificateArn" } else { "CertificateArn" };
    let mut made = Made::new(format!("{prefix}{}", logical_id::digest(name)), type_name, source.place)
        .attributes(source.handed_on())
        .with("DomainName", name.clone())
        .with(certificate_key, certificate.clone())
        .with("EndpointConfiguration", endpoint);
    if !private {
        made = made.maybe("MutualTlsAuthentication", mutual_tls(owner, domain, at)?);
    }
    let superfluous = if private { "OwnershipVerificationCertificateArn" } else { "Policy" };
    if let Some(value) = given(domain, superfluous) {
        let message = format!("property `Domain.{superfluous}` is not defined for {type_name}");
        return Err(owner.error_with("unknown-property", value.place, message));
    }
    for key in ["SecurityPolicy", "EndpointAccessMode", "Policy", "OwnershipVerificationCertificateArn"] {
        made = made.maybe(key, given(domain, key).cloned());
    }
    let mut all = mappings(source, owner, domain, &made, stage, private)?;
    if let Some(association) = some(domain, "AccessAssociation").filter(|_| private) {
        expect::map(owner, "Domain.AccessAssociation", association)?;
        let endpoint = some(association, "VpcEndpointId").cloned().unwrap_or_else(|| Node::new(Val::Null, at.0));
        let id = logical_id::digest(&at.list([endpoint.clone(), at.text(&made.id)]));
        let association = Made::new(
            format!("DomainNameAccessAssociation{id}"),
            "AWS::ApiGateway::DomainNameAccessAssociation",
            source.place,
        )
        .attributes(source.handed_on())
        .with("DomainNameArn", made.reference())
        .with("AccessAssociationSourceType", at.text("VPCE"))
        .with("AccessAssociationSource", endpoint);
        all.push(association);
    }
    all.extend(record_sets(build, source, owner, domain, kind, &made.id, true)?);
    all.insert(0, made);
    Ok(all)
}

/// `MutualTlsAuthentication`, held against its two fields.
///
/// # Errors
/// Anything else in it.
pub(in crate::compile::sam) fn mutual_tls(owner: &Owner, domain: &Node, at: At) -> Outcome<Option<Node>> {
    const FIELDS: [&str; 2] = ["TruststoreUri", "TruststoreVersion"];
    let Some(tls) = given(domain, "MutualTlsAuthentication") else { return Ok(None) };
    let message = "Available Domain.MutualTlsAuthentication fields are TruststoreUri, TruststoreVersion";
    let map = tls.as_map().ok_or_else(|| owner.error(tls.place, message))?;
    let mut wrong: Vec<_> = map.iter().filter(|(key, _)| !FIELDS.contains(&key.as_str())).collect();
    wrong.sort_by_key(|(key, _)| *key);
    if let Some((_, first)) = wrong.first() {
        let keys: Vec<&str> = wrong.iter().map(|(key, _)| key.as_str()).collect();
        return Err(owner.error(first.key_place, format!("{message}, not {}", keys.join(","))));
    }
    let fields = FIELDS.into_iter().filter_map(|key| Some((key, given(tls, key)?.clone())));
    Ok(Some(at.map(fields)))
}

/// The paths of `BasePath`: one, several or none.
///
/// # Errors
/// A list with something else than text in it.
pub(in crate::compile::sam) fn base_paths(owner: &Owner, domain: &Node) -> Outcome<Option<Vec<String>>> {
    match given(domain, "BasePath").map(|node| &node.value) {
        Some(Val::Str(path)) => Ok(Some(vec![path.clone()])),
        Some(Val::List(items)) => items
            .iter()
            .map(|item| {
                let message = "Property 'Domain.BasePath' should be a list of strings; a base path must be a string";
                item.as_str().map(str::to_owned).ok_or_else(|| owner.error(item.place, message))
            })
            .collect::<Outcome<Vec<String>>>()
            .map(Some),
        _ => Ok(None),
    }
}

fn mappings(
    source: &Source,
    owner: &Owner,
    domain: &Node,
    name: &Made,
    stage: &Made,
    private: bool,
) -> Outcome<Vec<Made>> {
    let (type_name, key) = if private {
        ("AWS::ApiGateway::BasePathMappingV2", "DomainNameArn")
    } else {
        ("AWS::ApiGateway::BasePathMapping", "DomainName")
    };
    let at = At(source.place);
    let mapping = |path: &str| {
        Made::new(format!("{}{path}BasePathMapping", source.id), type_name, source.place)
            .attributes(source.handed_on())
            .with(key, name.reference())
            .with("RestApiId", at.reference(&source.id))
            .with("Stage", stage.reference())
    };
    let Some(paths) = base_paths(owner, domain)? else { return Ok(vec![mapping("")]) };
    let normal = domain.get("NormalizeBasePath").is_none_or(truthy);
    Ok(paths
        .into_iter()
        .map(|path| {
            let letters: String = path.chars().filter(|c| c.is_alphanumeric()).collect();
            let written = if normal { letters.clone() } else { path };
            mapping(&letters).with("BasePath", at.text(written))
        })
        .collect())
}

/// The zone's record set group with this domain's records in it; or, where it is not to be shared, a group of its own.
///
/// # Errors
/// What SAM does not take, at its place.
pub(in crate::compile::sam) fn record_sets(
    build: &mut Build<'_>,
    source: &Source,
    owner: &Owner,
    domain: &Node,
    kind: &str,
    domain_id: &str,
    shared: bool,
) -> Outcome<Option<Made>> {
    let Some(route) = some(domain, "Route53") else { return Ok(None) };
    expect::map(owner, "Domain.Route53", route)?;
    let Some(zone) = some(route, "HostedZoneId").or_else(|| some(route, "HostedZoneName")) else {
        let message = "HostedZoneId or HostedZoneName is required to enable Route53 support on Custom Domains";
        return Err(owner.error(route.place, message));
    };
    // Of HTTP and WebSocket APIs the id alone counts where both are given.
    let by_name = source.type_name == "AWS::Serverless::Api" || some(route, "HostedZoneId").is_none();
    let zone_name = some(route, "HostedZoneName").filter(|_| by_name);
    let at = At(source.place);
    let records = records(domain, route, kind, domain_id, at);
    let group = |id: String| {
        Made::new(id, "AWS::Route53::RecordSetGroup", source.place)
            .attributes(source.handed_on())
            .maybe("HostedZoneId", some(route, "HostedZoneId").cloned())
            .maybe("HostedZoneName", zone_name.cloned())
    };
    if let Some(separate) = some(route, "SeparateRecordSetGroup")
        && expect::bool(owner, "Domain.Route53.SeparateRecordSetGroup", separate)?
    {
        let name = some(domain, "DomainName").cloned().unwrap_or_else(|| at.text(""));
        let id = format!("RecordSetGroup{}", logical_id::digest(&at.list([zone.clone(), name])));
        return Ok(Some(group(id).with("RecordSets", at.list(records))));
    }
    let id = format!("RecordSetGroup{}", logical_id::digest(zone));
    if !shared {
        return Ok(Some(group(id).with("RecordSets", at.list(records))));
    }
    let shared = build.apis.record_sets.entry(id.clone()).or_insert_with(|| group(id));
    let mut all = shared.properties.get("RecordSets").and_then(Node::as_list).unwrap_or_default().to_vec();
    all.extend(records);
    shared.set("RecordSets", at.list(all));
    Ok(Some(shared.clone()))
}

fn records(domain: &Node, route: &Node, kind: &str, domain_id: &str, at: At) -> Vec<Node> {
    /// The hosted zone of every CloudFront distribution.
    const CLOUDFRONT: &str = "Z2FDTNDATAQYW2";
    let mut target = at.empty();
    if let Some(evaluate) = some(route, "EvaluateTargetHealth") {
        target.set("EvaluateTargetHealth", evaluate.clone());
    }
    let (zone, name) = match kind {
        "REGIONAL" => {
            (Some(at.get_att(domain_id, "RegionalHostedZoneId")), Some(at.get_att(domain_id, "RegionalDomainName")))
        }
        "EDGE" => (
            Some(at.text(CLOUDFRONT)),
            Some(
                some(route, "DistributionDomainName")
                    .cloned()
                    .unwrap_or_else(|| at.get_att(domain_id, "DistributionDomainName")),
            ),
        ),
        _ => (some(route, "VpcEndpointHostedZoneId").cloned(), some(route, "VpcEndpointDomainName").cloned()),
    };
    for (key, value) in [("HostedZoneId", zone), ("DNSName", name)] {
        if let Some(value) = value {
            target.set(key, value);
        }
    }
    let record = |kind: &str| {
        let name = some(domain, "DomainName").cloned().unwrap_or_else(|| at.text(""));
        let mut record = at.map([("Name", name), ("Type", at.text(kind)), ("AliasTarget", target.clone())]);
        for key in ["Region", "SetIdentifier"] {
            if let Some(value) = some(route, key) {
                record.set(key, value.clone());
            }
        }
        record
    };
    let ipv6 = route.get("IpV6").and_then(Node::as_bool) == Some(true);
    std::iter::once(record("A")).chain(ipv6.then(|| record("AAAA"))).collect()
}
