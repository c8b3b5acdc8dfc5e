//! `AlexaSkill`: an Alexa skill invokes the function.

use crate::model::Diagnostic;

use super::super::made::Made;
use super::super::props::{Kind, Property, optional};
use super::{Event, Target};

const PROPERTIES: [Property; 1] = [optional("SkillId", Kind::Str)];

/// The permission, for one skill where its id is given.
pub(super) fn expand(event: &Event, target: &Target<'_>) -> Result<Vec<Made>, Diagnostic> {
    let props = event.props(&PROPERTIES)?;
    let permission = target.permission(&event.id, "alexa-appkit.amazon.com", event);
    Ok(vec![permission.maybe("EventSourceToken", props.take("SkillId"))])
}
