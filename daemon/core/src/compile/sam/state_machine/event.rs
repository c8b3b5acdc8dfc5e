//! Events of a state machine: what starts an execution. Each has a role of its own that may do so.

use super::super::api::link::{self, Link};
use super::super::build::Build;
use super::super::event::{Event, rule, schedule_v2};
use super::super::expect;
use super::super::made::Made;
use super::super::make::{At, Outcome, truthy};
use super::super::openapi;
use super::super::policy;
use super::super::props::{Kind, Property, Props, nearest, optional, required};
use super::super::source::Source;
use crate::model::Node;

const SCHEDULE: [Property; 10] = [
    required("Schedule", Kind::Str),
    optional("Input", Kind::Str),
    optional("Enabled", Kind::Bool),
    optional("State", Kind::Str),
    optional("Name", Kind::Str),
    optional("Description", Kind::Str),
    optional("DeadLetterConfig", Kind::Map),
    optional("RetryPolicy", Kind::Map),
    optional("Target", Kind::Map),
    optional("RoleArn", Kind::Str),
];

const RULE: [Property; 10] = [
    optional("EventBusName", Kind::Str),
    optional("RuleName", Kind::Str),
    optional("Pattern", Kind::Map),
    optional("Input", Kind::Str),
    optional("InputPath", Kind::Str),
    optional("DeadLetterConfig", Kind::Map),
    optional("RetryPolicy", Kind::Map),
    optional("State", Kind::Str),
    optional("Target", Kind::Map),
    optional("InputTransformer", Kind::Map),
];

const API: [Property; 6] = [
    required("Path", Kind::Str),
    required("Method", Kind::Str),
    required("RestApiId", Kind::Str),
    optional("Stage", Kind::Str),
    optional("Auth", Kind::Map),
    optional("UnescapeMappingTemplate", Kind::Bool),
];

const TYPES: [&str; 5] = ["Api", "CloudWatchEvent", "EventBridgeRule", "Schedule", "ScheduleV2"];

/// Expands one event of the state machine, or of its alias, that has the id `target`.
///
/// # Errors
/// Where the event is invalid; the first complaint.
pub(super) fn expand(
    build: &mut Build<'_>,
    source: &Source,
    machine: &Props,
    event: &Event,
    target: &str,
) -> Outcome<Vec<Made>> {
    let boundary = machine.take("PermissionsBoundary").filter(truthy);
    let site = Site { source, event, target, boundary, at: At(event.place) };
    match event.type_name.as_str() {
        "Schedule" => site.schedule(),
        "CloudWatchEvent" | "EventBridgeRule" => site.rule(),
        "ScheduleV2" => {
            let props = event.props(&schedule_v2::PROPERTIES)?;
            let start = site.start_policy(&event.id);
            schedule_v2::schedule(event, &props, &site.arn(), Some(start), &source.handed_on())
        }
        "Api" => site.api(build),
        other => {
            Err(event.error(event.place, format!("there is no event type `{other}`")).maybe_help(nearest(other, TYPES)))
        }
    }
}

/// An event and what it starts.
struct Site<'a> {
    source: &'a Source,
    event: &'a Event,
    target: &'a str,
    boundary: Option<Node>,
    at: At,
}

impl Site<'_> {
    /// The ARN of the state machine or its alias.
    fn arn(&self) -> Node {
        self.at.reference(self.target)
    }

    fn make(&self, id: &str, type_name: &str) -> Made {
        Made::new(id, type_name, self.event.place).attributes(self.source.handed_on())
    }

    fn start_policy(&self, stem: &str) -> Node {
        let statement = policy::allow("states:StartExecution", self.arn());
        policy::inline(format!("{stem}StartExecutionPolicy"), vec![statement], self.event.place)
    }

    /// The role by which a service may start an execution.
    fn role(&self, service: &str) -> Made {
        let id = format!("{}Role", self.event.id);
        let start = self.start_policy(&id);
        self.make(&id, "AWS::IAM::Role")
            .with("AssumeRolePolicyDocument", policy::assume_role(service, self.event.place))
            .with("Policies", self.at.list([start]))
            .maybe("PermissionsBoundary", self.boundary.clone())
    }

    fn schedule(&self) -> Outcome<Vec<Made>> {
        let props = self.event.props(&SCHEDULE)?;
        let rule = self
            .make(&self.event.id, "AWS::Events::Rule")
            .maybe("ScheduleExpression", props.take("Schedule"))
            .maybe("State", rule::state(&props)?)
            .maybe("Name", props.take("Name"))
            .maybe("Description", props.take("Description"));
        self.with_target(&props, rule, &["Input", "RetryPolicy"])
    }

    fn rule(&self) -> Outcome<Vec<Made>> {
        let props = self.event.props(&RULE)?;
        let rule = self
            .make(&self.event.id, "AWS::Events::Rule")
            .maybe("EventBusName", props.take("EventBusName"))
            .maybe("EventPattern", props.take("Pattern"))
            .maybe("Name", props.take("RuleName"))
            .maybe("State", props.take("State").filter(truthy));
        self.with_target(&props, rule, &["Input", "InputPath", "RetryPolicy", "InputTransformer"])
    }

    /// The rule with its target, its role and its dead letter queue.
    fn with_target(&self, props: &Props, mut rule: Made, names: &[&str]) -> Outcome<Vec<Made>> {
        let id = props.get("Target").and_then(|target| target.get("Id")).cloned();
        let id = id.unwrap_or_else(|| self.at.text(rule::target_id(&self.event.id, "StepFunctionsTarget")));
        let letters = rule::dead_letters(props, &self.event.id, &self.source.handed_on(), self.event.place)?;
        let role = props.get("RoleArn").is_none().then(|| self.role("events.amazonaws.com"));
        let role_arn = props.take("RoleArn").or_else(|| role.as_ref().map(|role| role.att("Arn")));
        let mut target = rule::target(props, self.arn(), letters.as_ref(), names);
        target.set("Id", id);
        if let Some(arn) = role_arn {
            target.set("RoleArn", arn);
        }
        let arn = rule.att("Arn");
        rule.set("Targets", self.at.list([target]));
        let mut made: Vec<Made> = [Some(rule), role].into_iter().flatten().collect();
        if let Some(queue) = letters.and_then(|letters| letters.queue) {
            let policy = rule::queue_policy(&self.event.id, &arn, &queue, &self.source.handed_on());
            made.extend([queue, policy]);
        }
        Ok(made)
    }

    /// The role; the method itself goes into its API's document.
    fn api(&self, build: &mut Build<'_>) -> Outcome<Vec<Made>> {
        let props = self.event.props(&API)?;
        expect::plain(&props, &API, &["UnescapeMappingTemplate"])?;
        let Some(link) = Link::find(build, &props, "RestApiId")? else { return Ok(Vec::new()) };
        let role = self.role("apigateway.amazonaws.com");
        let auth = link::auth_of(build, &props)?;
        let stage = props.take("Stage").unwrap_or_else(|| self.at.text(""));
        if link.managed && link.inline {
            link.edit(build, |document| {
                self.integrate(&link, &props, &role, document)?;
                match auth {
                    Some(auth) => link.apply_auth(props.owner(), auth, stage, document, self.at),
                    None => Ok(()),
                }
            })?;
        }
        Ok(vec![role])
    }

    fn integrate(&self, link: &Link, props: &Props, role: &Made, document: &mut Node) -> Outcome<()> {
        let (path, method, at) = (link.path.as_str(), link.method.as_str(), self.at);
        if openapi::has_integration(document, path, method)? {
            let message = format!("API method \"{method}\" defined multiple times for path \"{path}\"");
            return Err(props.error("Path", message));
        }
        let condition = self.source.condition();
        let template = at.map([("application/json", at.sub(self.request(props)))]);
        openapi::add_integration(document, path, method, condition, at, &|| {
            let uri = at.sub("arn:${AWS::Partition}:apigateway:${AWS::Region}:states:action/StartExecution");
            let uri = match condition {
                Some(condition) => at.when(condition, uri),
                None => uri,
            };
            let codes = |key: &str, words: [&str; 2]| {
                let [success, failure] = words;
                at.map([("200", at.map([(key, at.text(success))])), ("400", at.map([(key, at.text(failure))]))])
            };
            let integration = at.map([
                ("type", at.text("aws")),
                ("httpMethod", at.text("POST")),
                ("uri", uri),
                ("responses", codes("statusCode", ["200", "400"])),
                ("credentials", role.att("Arn")),
                ("requestTemplates", template.clone()),
            ]);
            (integration, codes("description", ["OK", "Bad Request"]), Vec::new())
        })
    }

    /// The template by which a request's body becomes the execution's input.
    fn request(&self, props: &Props) -> String {
        // API Gateway escapes single quotes, which is no JSON.
        let unescape =
            if props.get("UnescapeMappingTemplate").is_some_and(truthy) { ".replaceAll(\"\\\\'\",\"'\")" } else { "" };
        format!(
            "{{\"input\": \"$util.escapeJavaScript($input.json('$')){unescape}\", \"stateMachineArn\": \"${{{}}}\"}}",
            self.target
        )
    }
}
