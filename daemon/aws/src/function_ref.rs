//! One parser for the ways in which AWS lets a function be named: a name, `name:alias`, a partial ARN, an ARN, the ARN
//! of a version or an alias.

use evenkeel_core::plan::kind::Scope;

/// A function, or one of its versions or aliases.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FunctionRef {
    /// The region, where the text names one.
    pub(crate) region: Option<String>,
    /// The account (12 digits), where the text names one.
    pub(crate) account: Option<String>,
    /// The function's name.
    pub(crate) name: String,
    /// A version or an alias; `$LATEST` only where it was written.
    pub(crate) qualifier: Option<String>,
}

impl FunctionRef {
    /// Reads any of the forms; `None` where the text is none of them.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split(':').collect();
        let rest = match parts.as_slice() {
            ["arn", _, "lambda", rest @ ..] => rest,
            ["arn", ..] => return None,
            rest => rest,
        };
        let (place, names) = match rest.iter().rposition(|part| *part == "function") {
            Some(at) if at + 1 < rest.len() => (&rest[..at], &rest[at + 1..]),
            _ => (&rest[..0], rest),
        };
        let (name, qualifier) = match names {
            [name] => (*name, None),
            [name, qualifier] => (*name, Some((*qualifier).to_owned())),
            _ => return None,
        };
        let word = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        if name.is_empty() || !word(name) {
            return None;
        }
        let (region, account) = match place {
            [] => (None, None),
            [account] => (None, Some(*account)),
            [region, account] => (Some((*region).to_owned()), Some(*account)),
            _ => return None,
        };
        let account = account.filter(|account| !account.is_empty()).map(str::to_owned);
        Some(FunctionRef { region, account, name: name.to_owned(), qualifier })
    }

    /// The same with a qualifier that was given apart from the name; one in the name wins.
    #[must_use]
    pub(crate) fn with_qualifier(mut self, qualifier: Option<&str>) -> Self {
        if self.qualifier.is_none() {
            self.qualifier = qualifier.filter(|qualifier| !qualifier.is_empty()).map(str::to_owned);
        }
        self
    }

    /// Whether it lies in the account and region of the plan.
    pub(crate) fn is_here(&self, scope: &Scope) -> bool {
        self.region.as_ref().is_none_or(|region| *region == scope.region)
            && self.account.as_ref().is_none_or(|account| *account == scope.account)
    }

    /// The qualifier, save `$LATEST`, which means the same as none.
    pub(crate) fn alias_or_version(&self) -> Option<&str> {
        self.qualifier.as_deref().filter(|qualifier| *qualifier != "$LATEST")
    }

    /// The ARN of the function itself.
    pub(crate) fn function_arn(&self, scope: &Scope) -> String {
        let region = self.region.as_deref().unwrap_or(&scope.region);
        let account = self.account.as_deref().unwrap_or(&scope.account);
        format!("arn:{}:lambda:{region}:{account}:function:{}", scope.partition, self.name)
    }

    /// The ARN, with the qualifier unless that is `$LATEST`.
    pub(crate) fn arn(&self, scope: &Scope) -> String {
        match self.alias_or_version() {
            Some(qualifier) => format!("{}:{qualifier}", self.function_arn(scope)),
            None => self.function_arn(scope),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planning::scope;

    fn read(text: &str) -> (Option<String>, Option<String>, String, Option<String>) {
        let FunctionRef { region, account, name, qualifier } = FunctionRef::parse(text).unwrap();
        (region, account, name, qualifier)
    }

    #[test]
    fn every_form_of_a_function_is_understood() {
        let some = |text: &str| Some(text.to_owned());
        let name = || "charge".to_owned();
        assert_eq!(read("charge"), (None, None, name(), None));
        assert_eq!(read("charge:live"), (None, None, name(), some("live")));
        assert_eq!(read("function:charge"), (None, None, name(), None));
        assert_eq!(read("111122223333:function:charge:7"), (None, some("111122223333"), name(), some("7")));
        assert_eq!(
            read("arn:aws-cn:lambda:cn-north-1:111122223333:function:charge:$LATEST"),
            (some("cn-north-1"), some("111122223333"), name(), some("$LATEST"))
        );
        assert_eq!(
            read("arn:aws:lambda:eu-west-1:111122223333:function:charge"),
            (some("eu-west-1"), some("111122223333"), name(), None)
        );
    }

    #[test]
    fn what_is_no_function_is_refused() {
        for text in ["", "arn:aws:sqs:eu-west-1:111122223333:orders", "a:b:c:d", "has space"] {
            assert_eq!(FunctionRef::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_latest_version_has_the_arn_of_the_function() {
        let scope = scope();
        let latest = FunctionRef::parse("charge:$LATEST").unwrap();
        assert_eq!(latest.arn(&scope), "arn:aws:lambda:eu-west-1:111122223333:function:charge");
        let alias = FunctionRef::parse("charge").unwrap().with_qualifier(Some("live"));
        assert_eq!(alias.arn(&scope), "arn:aws:lambda:eu-west-1:111122223333:function:charge:live");
        assert!(!FunctionRef::parse("999999999999:function:charge").unwrap().is_here(&scope));
    }
}
