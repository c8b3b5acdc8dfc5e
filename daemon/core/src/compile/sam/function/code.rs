//! `Code` of a function.

use crate::model::{Diagnostic, Node};

use super::super::LOCAL_IMAGE_REPOSITORY;
use super::super::artifact::{self, is_truthy};
use super::super::build::Build;
use super::super::props::Props;
use super::super::source::Source;

/// `InlineCode`, `CodeUri` or `ImageUri` as `Code`.
///
/// SAM's command line gives a function without any the template's folder, and builds an image that has no URI where
/// `Metadata` says how; the translator alone would refuse both.
pub(super) fn code(build: &Build<'_>, source: &Source, props: &Props) -> Result<Node, Diagnostic> {
    let place = source.place;
    let kind = props.get("PackageType").map(|node| build.resolve(node));
    let has = |name: &str| props.get(name).is_some_and(is_truthy);
    match kind.as_ref().map_or(Some("Zip"), Node::as_str) {
        Some("Zip") => {
            if has("ImageConfig") || (has("ImageUri") && !has("CodeUri") && props.get("InlineCode").is_none()) {
                let name = if has("ImageConfig") { "ImageConfig" } else { "ImageUri" };
                return Err(props.error(name, "`ImageUri` and `ImageConfig` need a `PackageType` of `Image`"));
            }
            if !has("Runtime") || !has("Handler") {
                return Err(
                    props.error("PackageType", "`Runtime` and `Handler` are required where `PackageType` is `Zip`")
                );
            }
            let mut code = match (props.get("InlineCode"), props.get("CodeUri").filter(|node| is_truthy(node))) {
                (Some(text), _) => Node::map([("ZipFile", text.clone())], text.place),
                (None, Some(uri)) => artifact::location(props, "CodeUri", &build.resolve_text(uri), &artifact::LAMBDA)?,
                (None, None) if build.declares_transform() => Node::map([("LocalPath", Node::str(".", place))], place),
                (None, None) => {
                    return Err(source.error(place, "one of `InlineCode` and `CodeUri` must be set")
                        .help("a template that declares `Transform: AWS::Serverless-2016-10-31` may leave `CodeUri` out: the code is then in the template's folder"));
                }
            };
            if let Some(key) = props.take("SourceKMSKeyArn").filter(is_truthy) {
                code.set("SourceKMSKeyArn", key);
            }
            Ok(code)
        }
        Some("Image") => {
            if let Some(name) = ["Handler", "Runtime", "Layers"].into_iter().find(|name| has(name)) {
                return Err(props.error(
                    name,
                    "`Runtime`, `Handler` and `Layers` cannot be present where `PackageType` is `Image`",
                ));
            }
            let image = match props.take("ImageUri").filter(is_truthy) {
                Some(image) => image,
                None if source.attribute("Metadata").is_some() => {
                    let (account, region) = (&build.context.account, &build.context.region);
                    let host = format!("{account}.dkr.ecr.{region}.{}", build.url_suffix());
                    Node::str(format!("{host}/{LOCAL_IMAGE_REPOSITORY}:{}", source.id), place)
                }
                None => {
                    return Err(props.error(
                        "PackageType",
                        "`ImageUri` must be set, or `Metadata` must say how the image is built",
                    ));
                }
            };
            Ok(Node::map([("ImageUri", image)], place))
        }
        _ => Err(props.error("PackageType", "`PackageType` must be `Zip` or `Image`")),
    }
}
