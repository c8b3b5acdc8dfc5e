//! Functions between JSON in AWS's API names and the SDK's types. No choices are made here.

use aws_sdk_lambda::error::BuildError;
use aws_sdk_lambda::operation::get_function::GetFunctionOutput;
use aws_sdk_lambda::types::{
    Architecture, CapacityProviderConfig, DeadLetterConfig, DirectS3Read, DurableConfig, Environment, EphemeralStorage,
    FileSystemConfig, FunctionConfiguration, ImageConfig, LambdaManagedInstancesCapacityProviderConfig, LoggingConfig,
    S3FilesConfig, SnapStart, TenancyConfig, TracingConfig, VpcConfig,
};
use aws_smithy_types::Blob;
use base64::Engine as _;
use evenkeel_core::plan::{ApplyError, Artifacts};
use serde_json::{Value as Json, json};

use crate::document::Input;

/// Sets the properties that `CreateFunction` and `UpdateFunctionConfiguration` share.
macro_rules! configure {
    ($call:expr, $input:expr) => {{
        let input: $crate::document::Input<'_> = $input;
        $call
            .set_role(input.text("Role"))
            .set_handler(input.text("Handler"))
            .set_runtime(input.text("Runtime").map(|word| word.as_str().into()))
            .set_description(input.text("Description"))
            .set_timeout(input.int("Timeout"))
            .set_memory_size(input.int("MemorySize"))
            .set_environment(input.map("Environment").map($crate::function::wire::environment))
            .set_vpc_config(input.map("VpcConfig").map($crate::function::wire::vpc))
            .set_dead_letter_config(input.map("DeadLetterConfig").map($crate::function::wire::dead_letter))
            .set_kms_key_arn(input.text("KMSKeyArn"))
            .set_tracing_config(input.map("TracingConfig").map($crate::function::wire::tracing))
            .set_layers(input.texts("Layers"))
            .set_file_system_configs($crate::function::wire::file_systems(input)?)
            .set_image_config(input.map("ImageConfig").map($crate::function::wire::image))
            .set_ephemeral_storage($crate::function::wire::ephemeral(input)?)
            .set_snap_start(input.map("SnapStart").map($crate::function::wire::snap_start))
            .set_logging_config(input.map("LoggingConfig").map($crate::function::wire::logging))
            .set_capacity_provider_config($crate::function::wire::capacity(input)?)
            .set_durable_config(input.map("DurableConfig").map($crate::function::wire::durable))
    }};
}
pub(crate) use configure;

pub(crate) fn environment(input: Input<'_>) -> Environment {
    Environment::builder().set_variables(input.text_map("Variables")).build()
}

pub(crate) fn vpc(input: Input<'_>) -> VpcConfig {
    VpcConfig::builder()
        .set_subnet_ids(input.texts("SubnetIds"))
        .set_security_group_ids(input.texts("SecurityGroupIds"))
        .set_ipv6_allowed_for_dual_stack(input.bool("Ipv6AllowedForDualStack"))
        .build()
}

pub(crate) fn dead_letter(input: Input<'_>) -> DeadLetterConfig {
    DeadLetterConfig::builder().set_target_arn(input.text("TargetArn")).build()
}

pub(crate) fn tracing(input: Input<'_>) -> TracingConfig {
    TracingConfig::builder().set_mode(input.text("Mode").map(|word| word.as_str().into())).build()
}

pub(crate) fn file_systems(input: Input<'_>) -> Result<Option<Vec<FileSystemConfig>>, ApplyError> {
    let Some(items) = input.items("FileSystemConfigs") else { return Ok(None) };
    let build = |item: Input<'_>| {
        let s3 = item.map("S3FilesConfig").map(|config| {
            let read = config.text("DirectS3Read").map(|word| DirectS3Read::from(word.as_str()));
            S3FilesConfig::builder().set_direct_s3_read(read).build()
        });
        FileSystemConfig::builder()
            .set_arn(item.text("Arn"))
            .set_local_mount_path(item.text("LocalMountPath"))
            .set_s3_files_config(s3)
            .build()
    };
    items.into_iter().map(build).collect::<Result<Vec<_>, _>>().map(Some).map_err(incomplete)
}

pub(crate) fn image(input: Input<'_>) -> ImageConfig {
    ImageConfig::builder()
        .set_command(input.texts("Command"))
        .set_entry_point(input.texts("EntryPoint"))
        .set_working_directory(input.text("WorkingDirectory"))
        .build()
}

pub(crate) fn ephemeral(input: Input<'_>) -> Result<Option<EphemeralStorage>, ApplyError> {
    let Some(storage) = input.map("EphemeralStorage") else { return Ok(None) };
    EphemeralStorage::builder().set_size(storage.int("Size")).build().map(Some).map_err(incomplete)
}

pub(crate) fn snap_start(input: Input<'_>) -> SnapStart {
    SnapStart::builder().set_apply_on(input.text("ApplyOn").map(|word| word.as_str().into())).build()
}

pub(crate) fn logging(input: Input<'_>) -> LoggingConfig {
    LoggingConfig::builder()
        .set_log_format(input.text("LogFormat").map(|word| word.as_str().into()))
        .set_application_log_level(input.text("ApplicationLogLevel").map(|word| word.as_str().into()))
        .set_system_log_level(input.text("SystemLogLevel").map(|word| word.as_str().into()))
        .set_log_group(input.text("LogGroup"))
        .build()
}

pub(crate) fn capacity(input: Input<'_>) -> Result<Option<CapacityProviderConfig>, ApplyError> {
    let Some(config) = input.map("CapacityProviderConfig") else { return Ok(None) };
    let managed = match config.map("LambdaManagedInstancesCapacityProviderConfig") {
        None => None,
        Some(managed) => Some(
            LambdaManagedInstancesCapacityProviderConfig::builder()
                .set_capacity_provider_arn(managed.text("CapacityProviderArn"))
                .set_per_execution_environment_max_concurrency(managed.int("PerExecutionEnvironmentMaxConcurrency"))
                .set_execution_environment_memory_gib_per_v_cpu(managed.float("ExecutionEnvironmentMemoryGiBPerVCpu"))
                .build()
                .map_err(incomplete)?,
        ),
    };
    Ok(Some(CapacityProviderConfig::builder().set_lambda_managed_instances_capacity_provider_config(managed).build()))
}

pub(crate) fn durable(input: Input<'_>) -> DurableConfig {
    DurableConfig::builder()
        .set_execution_timeout(input.int("ExecutionTimeout"))
        .set_retention_period_in_days(input.int("RetentionPeriodInDays"))
        .set_kms_key_arn(input.text("KMSKeyArn"))
        .build()
}

pub(crate) fn tenancy(input: Input<'_>) -> Result<Option<TenancyConfig>, ApplyError> {
    let Some(config) = input.map("TenancyConfig") else { return Ok(None) };
    let mode = config.text("TenantIsolationMode").map(|word| word.as_str().into());
    TenancyConfig::builder().set_tenant_isolation_mode(mode).build().map(Some).map_err(incomplete)
}

pub(crate) fn architectures(input: Input<'_>, name: &str) -> Option<Vec<Architecture>> {
    Some(input.texts(name)?.iter().map(|word| Architecture::from(word.as_str())).collect())
}

/// A package's bytes: given in the input, or a local artifact's.
///
/// # Errors
/// Where the artifact is gone or has changed since the plan.
pub(crate) fn package(input: Input<'_>, artifacts: &dyn Artifacts) -> Result<Option<Blob>, ApplyError> {
    if let Some(text) = input.text("ZipFile") {
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(text)
            .map_err(|error| ApplyError::Refused(format!("the step's package is not base64: {error}")))?;
        return Ok(Some(Blob::new(bytes)));
    }
    let Some(path) = input.text("LocalPath") else { return Ok(None) };
    let bytes = artifacts.bytes(&path, &input.required("Sha256")?).map_err(ApplyError::Conflict)?;
    Ok(Some(Blob::new(bytes.to_vec())))
}

/// A step that lacks what the SDK insists on.
pub(crate) fn incomplete(error: BuildError) -> ApplyError {
    ApplyError::Refused(error.to_string())
}

/// `GetFunction`'s answer as JSON.
pub fn function(output: &GetFunctionOutput, extras: Json) -> Json {
    json!({
        "Configuration": output.configuration().map(configuration),
        "Code": output.code().map(|code| json!({
            "ImageUri": code.image_uri(),
            "SourceKMSKeyArn": code.source_kms_key_arn(),
        })),
        "Tags": output.tags(),
        "TagsError": output.tags_error().map(|error| json!({"Message": error.message()})),
        "Concurrency": output.concurrency().map(|concurrency| json!({
            "ReservedConcurrentExecutions": concurrency.reserved_concurrent_executions(),
        })),
        "Extras": extras,
    })
}

/// A configuration as JSON.
pub fn configuration(c: &FunctionConfiguration) -> Json {
    json!({
        "FunctionName": c.function_name(),
        "FunctionArn": c.function_arn(),
        "Runtime": c.runtime().map(|word| word.as_str()),
        "Role": c.role(),
        "Handler": c.handler(),
        "Description": c.description(),
        "Timeout": c.timeout(),
        "MemorySize": c.memory_size(),
        "LastModified": c.last_modified(),
        "CodeSha256": c.code_sha256(),
        "Version": c.version(),
        "VpcConfig": c.vpc_config().map(|vpc| json!({
            "SubnetIds": vpc.subnet_ids(),
            "SecurityGroupIds": vpc.security_group_ids(),
            "Ipv6AllowedForDualStack": vpc.ipv6_allowed_for_dual_stack(),
        })),
        "DeadLetterConfig": c.dead_letter_config().map(|config| json!({"TargetArn": config.target_arn()})),
        "Environment": c.environment().map(|environment| json!({
            "Variables": environment.variables(),
            "Error": environment.error().map(|error| json!({
                "ErrorCode": error.error_code(),
                "Message": error.message(),
            })),
        })),
        "KMSKeyArn": c.kms_key_arn(),
        "TracingConfig": c.tracing_config().map(|config| json!({"Mode": config.mode().map(|word| word.as_str())})),
        "RevisionId": c.revision_id(),
        "Layers": c.layers().iter().map(|layer| json!({"Arn": layer.arn()})).collect::<Vec<_>>(),
        "State": c.state().map(|word| word.as_str()),
        "StateReason": c.state_reason(),
        "StateReasonCode": c.state_reason_code().map(|word| word.as_str()),
        "LastUpdateStatus": c.last_update_status().map(|word| word.as_str()),
        "LastUpdateStatusReason": c.last_update_status_reason(),
        "LastUpdateStatusReasonCode": c.last_update_status_reason_code().map(|word| word.as_str()),
        "FileSystemConfigs": c.file_system_configs().iter().map(|config| json!({
            "Arn": config.arn(),
            "LocalMountPath": config.local_mount_path(),
            "S3FilesConfig": config.s3_files_config().map(|s3| json!({
                "DirectS3Read": s3.direct_s3_read().map(|word| word.as_str()),
            })),
        })).collect::<Vec<_>>(),
        "PackageType": c.package_type().map(|word| word.as_str()),
        "ImageConfigResponse": c.image_config_response().and_then(|response| response.image_config()).map(|image| {
            json!({"ImageConfig": {
                "Command": image.command(),
                "EntryPoint": image.entry_point(),
                "WorkingDirectory": image.working_directory(),
            }})
        }),
        "Architectures": c.architectures().iter().map(|word| word.as_str()).collect::<Vec<_>>(),
        "EphemeralStorage": c.ephemeral_storage().map(|storage| json!({"Size": storage.size()})),
        "SnapStart": c.snap_start().map(|snap| json!({
            "ApplyOn": snap.apply_on().map(|word| word.as_str()),
            "OptimizationStatus": snap.optimization_status().map(|word| word.as_str()),
        })),
        "LoggingConfig": c.logging_config().map(|logging| json!({
            "LogFormat": logging.log_format().map(|word| word.as_str()),
            "ApplicationLogLevel": logging.application_log_level().map(|word| word.as_str()),
            "SystemLogLevel": logging.system_log_level().map(|word| word.as_str()),
            "LogGroup": logging.log_group(),
        })),
        "TenancyConfig": c.tenancy_config().map(|config| json!({
            "TenantIsolationMode": config.tenant_isolation_mode().as_str(),
        })),
        "CapacityProviderConfig": c
            .capacity_provider_config()
            .and_then(|config| config.lambda_managed_instances_capacity_provider_config())
            .map(|managed| json!({"LambdaManagedInstancesCapacityProviderConfig": {
                "CapacityProviderArn": managed.capacity_provider_arn(),
                "PerExecutionEnvironmentMaxConcurrency": managed.per_execution_environment_max_concurrency(),
                "ExecutionEnvironmentMemoryGiBPerVCpu": managed.execution_environment_memory_gib_per_v_cpu(),
            }})),
        "DurableConfig": c.durable_config().map(|config| json!({
            "ExecutionTimeout": config.execution_timeout(),
            "RetentionPeriodInDays": config.retention_period_in_days(),
            "KMSKeyArn": config.kms_key_arn(),
        })),
    })
}
