use super::*;

const FILES: &[(&str, &str)] = &[
    ("specs/shop/app.yaml", include_str!("../../../../../../specs/shop/app.yaml")),
    ("specs/shop/functions.yaml", include_str!("../../../../../../specs/shop/functions.yaml")),
    ("specs/shop/messaging.yaml", include_str!("../../../../../../specs/shop/messaging.yaml")),
];

/// Everything of the compiled application that decides what happens in AWS.
fn shown(tried: &Tried) -> Json {
    let desired = tried.desired();
    let resources: serde_json::Map<String, Json> = desired
        .resources
        .values()
        .map(|resource| {
            let mut shown = json!({"Type": resource.type_name, "Properties": resource.properties.to_masked_json()});
            if !resource.depends_on.is_empty() {
                shown["DependsOn"] = json!(resource.depends_on);
            }
            if let Some(policy) = resource.deletion_policy {
                shown["DeletionPolicy"] = json!(policy.as_str());
            }
            if let crate::model::Origin::Generated { parent } = &resource.origin {
                shown["GeneratedFor"] = json!(parent);
            }
            if let Some(rollout) = &resource.rollout {
                shown["Rollout"] = rollout.to_json();
            }
            (resource.id.clone(), shown)
        })
        .collect();
    let outputs: serde_json::Map<String, Json> =
        desired.outputs.iter().map(|(name, output)| (name.clone(), output.value.to_json())).collect();
    json!({"app": desired.app, "env": desired.env, "stack": desired.stack, "region": desired.region, "tags": desired.tags,
        "resources": resources, "outputs": outputs})
}

#[test]
fn the_shop_compiles_for_dev_as_it_did() {
    let tried = try_files(FILES, With { env: Some("dev"), ..With::default() });
    assert!(tried.compiled.diagnostics.is_empty(), "{}", tried.complaints());
    insta::assert_yaml_snapshot!("shop-dev", shown(&tried));
}

#[test]
fn the_shop_compiles_for_prod_as_it_did() {
    let tried = try_files(FILES, With { env: Some("prod"), ..With::default() });
    assert!(tried.compiled.diagnostics.is_empty(), "{}", tried.complaints());
    insta::assert_yaml_snapshot!("shop-prod", shown(&tried));
}
