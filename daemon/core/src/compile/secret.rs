//! References to Secrets Manager: what stands after `{{resolve:secretsmanager:`.

/// Parts of an ARN of a secret, the secret's name with its suffix among them.
const ARN_PARTS: usize = 7;

/// `secret-id:SecretString:json-key:version-stage:version-id`, all but the first optional.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretReference {
    /// Name or ARN of the secret.
    pub id: String,
    /// The key whose value is meant, where the secret is a JSON object; else all of it.
    pub json_key: Option<String>,
    /// The version by its staging label; `AWSCURRENT` where neither is given.
    pub version_stage: Option<String>,
    /// The version by its id.
    pub version_id: Option<String>,
}

impl SecretReference {
    /// Reads the text between `secretsmanager:` and `}}`. Source: CloudFormation's user guide, "Get a secret or secret
    /// value from Secrets Manager".
    ///
    /// # Errors
    /// The rest of a sentence that begins with the reference.
    pub fn parse(text: &str) -> Result<SecretReference, &'static str> {
        let mut parts: Vec<&str> = text.split(':').map(str::trim).collect();
        let whole = if parts.first() == Some(&"arn") { ARN_PARTS } else { 1 };
        if parts.len() < whole {
            return Err("has an incomplete ARN");
        }
        let rest = parts.split_off(whole);
        let id = parts.join(":");
        if id.is_empty() {
            return Err("names no secret");
        }
        if rest.len() > 4 {
            return Err("has too many parts: SECRET:SecretString:KEY:STAGE:VERSION are all there can be");
        }
        let part = |index: usize| rest.get(index).filter(|part| !part.is_empty()).map(|part| (*part).to_owned());
        if part(0).is_some_and(|kind| kind != "SecretString") {
            return Err("can only give `SecretString`, which is its second part");
        }
        let reference = SecretReference { id, json_key: part(1), version_stage: part(2), version_id: part(3) };
        if reference.version_stage.is_some() && reference.version_id.is_some() {
            return Err("names both a stage and an id of a version: one says it all");
        }
        Ok(reference)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (String, [Option<String>; 3]) {
        let found = SecretReference::parse(text).unwrap();
        (found.id, [found.json_key, found.version_stage, found.version_id])
    }

    #[test]
    fn every_form_of_a_reference_is_understood() {
        let some = |text: &str| Some(text.to_owned());
        let arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop/db-a1b2c3";
        for (text, id, rest) in [
            ("db", "db", [None, None, None]),
            ("db:SecretString", "db", [None, None, None]),
            ("db:SecretString:password", "db", [some("password"), None, None]),
            ("db:SecretString::AWSPREVIOUS", "db", [None, some("AWSPREVIOUS"), None]),
            ("db:SecretString:password::v1", "db", [some("password"), None, some("v1")]),
            ("db::::", "db", [None, None, None]),
            (arn, arn, [None, None, None]),
            (&format!("{arn}:SecretString:user"), arn, [some("user"), None, None]),
        ] {
            assert_eq!(parts(text), (id.to_owned(), rest), "{text}");
        }
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        for text in
            ["", "db:SecretBinary", "db:SecretString:a:b:c", "db:SecretString:a:b:c:d", "arn:aws:secretsmanager"]
        {
            assert!(SecretReference::parse(text).is_err(), "{text}");
        }
    }
}
