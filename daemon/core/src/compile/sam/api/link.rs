//! An event of a function or a state machine that belongs to an API: which API it is, and how the event's `Auth` bears on
//! the API's document.

use super::super::build::Build;
use super::super::expect;
use super::super::make::{At, Outcome, given, shown, some, truthy};
use super::super::openapi::{policy, security};
use super::super::props::{Owner, Props};
use super::implicit;
use crate::model::Node;

const AUTH: [&str; 6] =
    ["ApiKeyRequired", "AuthorizationScopes", "Authorizer", "InvokeRole", "OverrideApiAuth", "ResourcePolicy"];

/// The API that an event belongs to, and the event's place in it.
pub(in crate::compile::sam) struct Link {
    /// The API's logical id.
    pub api: String,
    /// The event's path.
    pub path: String,
    /// The event's method in lower case.
    pub method: String,
    /// The API's properties, with parameters looked up in `Auth`.
    pub auth: Option<Node>,
    /// `Models` of the API.
    pub models: Option<Node>,
    /// Whether SAM writes the document.
    pub managed: bool,
    /// Whether the event is merged into a document that a person wrote.
    pub merged: bool,
    /// Whether there is a document in the template.
    pub inline: bool,
    /// What the id of a permission ends in: the stage's name, or `Stage` where that is not text.
    pub stage: String,
}

impl Link {
    /// Finds the event's API. `None` where the reference is wrong, of which the event was told before.
    ///
    /// # Errors
    /// An API whose stage's name is empty.
    pub fn find(build: &Build<'_>, props: &Props, id_property: &str) -> Outcome<Option<Link>> {
        let (Some(path), Some(method)) = (props.text("Path"), props.text("Method")) else { return Ok(None) };
        let Some(api) = props.get(id_property).and_then(implicit::api_id) else { return Ok(None) };
        let Some(resource) = build.written_node(api) else { return Ok(None) };
        let properties = resource.get("Properties");
        let property = |name: &str| properties.and_then(|properties| some(properties, name));
        if let Some(auth) = property("Auth").filter(|auth| truthy(auth)) {
            expect::map(&Owner::resource(api, resource.place), "Auth", auth)?;
        }
        let stage = match property("StageName").and_then(Node::as_str) {
            Some("") if id_property == "RestApiId" => {
                let place = property("StageName").unwrap_or(resource).place;
                return Err(Owner::resource(api, resource.place).error(place, "StageName cannot be empty"));
            }
            Some(name) => name.to_owned(),
            None => "Stage".to_owned(),
        };
        Ok(Some(Link {
            api: api.to_owned(),
            path: path.to_owned(),
            method: method.to_lowercase(),
            auth: property("Auth").filter(|auth| truthy(auth)).map(|auth| build.resolve(auth)),
            models: property("Models").cloned(),
            managed: build.apis.managed.contains(api),
            merged: property("MergeDefinitions").is_some_and(truthy),
            inline: property("DefinitionBody").is_some_and(truthy),
            stage,
        }))
    }

    /// Runs `edit` on the API's document.
    ///
    /// # Errors
    /// What `edit` complains of.
    pub fn edit(&self, build: &mut Build<'_>, edit: impl FnOnce(&mut Node) -> Outcome<()>) -> Outcome<()> {
        match implicit::document_mut(build, &self.api) {
            Some(document) => edit(document),
            None => Ok(()),
        }
    }

    /// How messages name the method.
    pub fn method_words(&self) -> String {
        format!("on API method [{}] for path [{}] of `{}`", self.method, self.path, self.api)
    }

    /// The authorizer that the event names: it must be one of the API's.
    ///
    /// # Errors
    /// One that is not, or `NONE` where there is no default to turn off.
    fn check_authorizer(&self, owner: &Owner, named: &Node) -> Outcome<()> {
        let on = self.method_words();
        let word = shown(named);
        let authorizers = self.auth.as_ref().and_then(|auth| given(auth, "Authorizers"));
        if let Some(authorizers) = authorizers {
            let api = Owner::resource(&self.api, authorizers.place);
            expect::map(&api, "Auth.Authorizers", authorizers)?;
        }
        let wrong = |message: String| Err(owner.error(named.place, message));
        match named.as_str() {
            Some("AWS_IAM") => Ok(()),
            Some("NONE") => match self.auth.as_ref().and_then(|auth| given(auth, "DefaultAuthorizer")) {
                Some(_) => Ok(()),
                None => wrong(format!(
                    "Unable to set Authorizer {on} because 'NONE' is only a valid value when a DefaultAuthorizer on the \
                     API is specified"
                )),
            },
            name => {
                let Some(authorizers) = authorizers else {
                    return wrong(format!(
                        "Unable to set Authorizer [{word}] {on} because the related API does not define any Authorizers"
                    ));
                };
                match name {
                    None => wrong(format!(
                        "Unable to set Authorizer [{word}] {on}. The method authorizer must be a string with a \
                         corresponding dict entry in the api authorizer"
                    )),
                    Some(name) if given(authorizers, name).is_none() => wrong(format!(
                        "Unable to set Authorizer [{word}] {on} because it wasn't defined in the API's Authorizers"
                    )),
                    Some(_) => Ok(()),
                }
            }
        }
    }

    /// Applies the event's `Auth` to its method in a REST API's document; `stage` is the one in a resource policy.
    ///
    /// # Errors
    /// What SAM does not take, at its place.
    pub fn apply_auth(&self, owner: &Owner, auth: &Node, stage: Node, document: &mut Node, at: At) -> Outcome<()> {
        let authorizer = given(auth, "Authorizer");
        if let Some(named) = authorizer {
            self.check_authorizer(owner, named)?;
        }
        if let Some(scopes) = given(auth, "AuthorizationScopes") {
            expect::list(owner, "Auth.AuthorizationScopes", scopes)?;
            if authorizer.is_none() {
                return Err(owner.error(scopes.place, "AuthorizationScopes works only when Authorizer is set"));
            }
        }
        let key = some(auth, "ApiKeyRequired");
        let by_default = self.auth.as_ref().is_some_and(|auth| given(auth, "ApiKeyRequired").is_some());
        if let Some(key) = key.filter(|key| !truthy(key) && !by_default) {
            let message = format!(
                "Unable to set ApiKeyRequired [False] {} because the related API does not specify any ApiKeyRequired",
                self.method_words()
            );
            return Err(owner.error(key.place, message));
        }
        let authorizers = self.auth.as_ref().and_then(|auth| given(auth, "Authorizers"));
        security::set_method_auth(document, &self.path, &self.method, auth, authorizers, at)?;
        if let Some(wanted) = given(auth, "ResourcePolicy") {
            expect::map(owner, "Auth.ResourcePolicy", wanted)?;
            policy::add_for_path(document, wanted, &self.path, &stage, at)?;
            if let Some(statements) = given(wanted, "CustomStatements") {
                policy::add_custom(document, statements, at);
            }
        }
        Ok(())
    }
}

/// The event's `Auth`, where it is given; unknown keys are warned of.
///
/// # Errors
/// Where it is no map.
pub(in crate::compile::sam) fn auth_of<'p>(build: &mut Build<'_>, props: &'p Props) -> Outcome<Option<&'p Node>> {
    let Some(auth) = props.get("Auth").filter(|auth| truthy(auth)) else { return Ok(None) };
    expect::map(props.owner(), "Auth", auth)?;
    expect::warn_of_keys(props.owner(), "Auth", auth, &AUTH, &mut build.diagnostics);
    Ok(Some(auth))
}
