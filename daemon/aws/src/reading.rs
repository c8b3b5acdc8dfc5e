//! Reads: retried where the failure passes, bounded in number, and never taken for absence when they fail.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::future::Future;
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use evenkeel_core::plan::observation::marker;
use evenkeel_core::plan::{Ask, Observed, Pace, Reading, Seen};
use futures::StreamExt as _;
use serde_json::Value as Json;

use crate::error::{Failure, What};

/// How many deep reads of one kind are under way at once.
pub const CONCURRENCY: usize = 16;
/// How often a read is tried.
const TRIES: u32 = 5;
/// How often where AWS only asks for fewer calls: others in the account may take its quota for a while.
const THROTTLED_TRIES: u32 = 12;
/// How often where nobody answers at all: each try takes a whole timeout, and a sweep makes many.
const SILENT_TRIES: u32 = 2;
/// The longest pause.
const LAST_PAUSE: Duration = Duration::from_secs(5);
/// The pause after the first failure; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// Reads one thing: `Ok(None)` where AWS says that it is not there.
///
/// # Errors
/// A sentence without secrets, where nobody could tell.
pub async fn read<T, E, F, Fut>(service: &'static str, call: F) -> Result<Option<T>, String>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    E: ProvideErrorMetadata + Error + 'static,
{
    tried(service, call, |_| false).await.map_err(|failure| failure.sentence())
}

/// Reads a setting that most specs leave alone and that not every endpoint knows: [`Unread::take`] makes of the failure
/// what it means.
///
/// # Errors
/// Why nobody could tell.
pub(crate) async fn setting<T, E, F, Fut>(service: &'static str, call: F) -> Result<Option<T>, Failure>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    E: ProvideErrorMetadata + Error + 'static,
{
    tried(service, call, Failure::is_unknown_call).await
}

/// Tries a read as often as that can help; never again after what is `hopeless`.
async fn tried<T, E, F, Fut>(
    service: &'static str,
    mut call: F,
    hopeless: fn(&Failure) -> bool,
) -> Result<Option<T>, Failure>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    E: ProvideErrorMetadata + Error + 'static,
{
    let mut pause = FIRST_PAUSE;
    let mut attempt = 1;
    loop {
        match call().await {
            Ok(value) => return Ok(Some(value)),
            Err(error) => {
                let failure = Failure::of(service, &error);
                if failure.is_absent() {
                    return Ok(None);
                }
                let tries = match failure.what {
                    _ if failure.is_throttled() => THROTTLED_TRIES,
                    What::Timeout => SILENT_TRIES,
                    _ => TRIES,
                };
                if hopeless(&failure) || !failure.is_passing() || attempt >= tries {
                    return Err(failure);
                }
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LAST_PAUSE);
        attempt += 1;
    }
}

/// All pages of a listing: `call` gets the token of the page, `page` takes its answer apart into items and the next
/// token. A token that is empty or the same as before ends the listing, as no token does.
///
/// # Errors
/// A sentence without secrets where one page could not be read: then nothing is known about what is missing.
pub async fn pages<O, T, E, F, Fut, P>(service: &'static str, call: F, page: P) -> Result<Vec<T>, String>
where
    F: FnMut(Option<String>) -> Fut,
    Fut: Future<Output = Result<O, SdkError<E, HttpResponse>>>,
    E: ProvideErrorMetadata + Error + 'static,
    P: FnMut(O) -> (Vec<T>, Option<String>),
{
    all_pages(service, call, page, |_| false).await.map_err(|failure| failure.sentence())
}

/// All pages of what [`setting`] reads one of.
///
/// # Errors
/// Why one page could not be read.
pub(crate) async fn setting_pages<O, T, E, F, Fut, P>(
    service: &'static str,
    call: F,
    page: P,
) -> Result<Vec<T>, Failure>
where
    F: FnMut(Option<String>) -> Fut,
    Fut: Future<Output = Result<O, SdkError<E, HttpResponse>>>,
    E: ProvideErrorMetadata + Error + 'static,
    P: FnMut(O) -> (Vec<T>, Option<String>),
{
    all_pages(service, call, page, Failure::is_unknown_call).await
}

async fn all_pages<O, T, E, F, Fut, P>(
    service: &'static str,
    mut call: F,
    mut page: P,
    hopeless: fn(&Failure) -> bool,
) -> Result<Vec<T>, Failure>
where
    F: FnMut(Option<String>) -> Fut,
    Fut: Future<Output = Result<O, SdkError<E, HttpResponse>>>,
    E: ProvideErrorMetadata + Error + 'static,
    P: FnMut(O) -> (Vec<T>, Option<String>),
{
    let mut items = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let answer = tried(service, || call(token.clone()), hopeless).await?;
        // A listing of something that is not there (the versions of a function that has gone) lists nothing.
        let Some(answer) = answer else { return Ok(items) };
        let (more, next) = page(answer);
        items.extend(more);
        match next {
            Some(next) if !next.is_empty() && Some(&next) != token.as_ref() => token = Some(next),
            _ => return Ok(items),
        }
    }
}

/// Settings that could not be read because the credentials may not, see [`Observed::unread`].
#[derive(Debug, Default)]
pub(crate) struct Unread(BTreeMap<&'static str, String>);

impl Unread {
    /// What a reading of some properties told, which takes the permission `action`. Where the credentials lack that it
    /// is as if nothing were set, and the properties are remembered as not read; where the endpoint has no such call,
    /// nothing can have been set.
    ///
    /// # Errors
    /// A sentence without secrets after every other failure.
    pub(crate) fn take<T: Default>(
        &mut self,
        properties: &[&'static str],
        action: &str,
        answer: Result<T, Failure>,
    ) -> Result<T, String> {
        match answer {
            Ok(answer) => Ok(answer),
            Err(failure) if failure.is_unknown_call() => Ok(T::default()),
            Err(failure) if failure.lacks_permission() => {
                let reason = format!("{} (allow {action})", failure.sentence());
                self.0.extend(properties.iter().map(|property| (*property, reason.clone())));
                Ok(T::default())
            }
            Err(failure) => Err(failure.sentence()),
        }
    }

    /// Remembers with a resource what could not be read of it.
    pub(crate) fn of(self, item: &mut Observed) {
        item.unread.extend(self.0);
    }
}

/// What a deep read of one key found.
pub type Deep = (String, Result<Option<Observed>, String>);

/// Reads keys in full, [`CONCURRENCY`] at a time, and sorts the answers into what is there, what is not, and what
/// nobody could tell.
pub async fn deep<F, Fut>(keys: impl IntoIterator<Item = String>, read: F) -> Seen
where
    F: Fn(String) -> Fut,
    Fut: Future<Output = Result<Option<Observed>, String>>,
{
    let mut seen = Seen::default();
    let mut answers = futures::stream::iter(keys)
        .map(|key| {
            let answer = read(key.clone());
            async move { (key, answer.await) }
        })
        .buffer_unordered(CONCURRENCY);
    while let Some((key, answer)) = answers.next().await {
        match answer {
            Ok(Some(item)) => seen.items.push(item),
            Ok(None) => seen.absent.push(key),
            Err(reason) => seen.failed.push((key, reason)),
        }
    }
    seen
}

/// Reads in full what a sweep has to read of the listed keys, each with its marker, and keeps the others.
pub async fn sweep<F, Fut>(
    ask: Ask<'_>,
    type_name: &str,
    listed: impl IntoIterator<Item = (String, u64)>,
    pace: Pace,
    read: F,
) -> Seen
where
    F: Fn(String) -> Fut,
    Fut: Future<Output = Result<Option<Observed>, String>>,
{
    let choice = ask.choose(type_name, listed, pace);
    let seen = deep(choice.read.clone(), read).await;
    choice.noted(seen)
}

/// The marker of a line in a listing: everything in it but what moves by itself, and whether a spec wants the thing (what
/// nobody wants is read less closely).
pub fn line_marker(line: &Json, but: &[&str], wanted: bool) -> u64 {
    let members = line.as_object().into_iter().flatten().filter(|(name, _)| !but.contains(&name.as_str()));
    let members: Vec<(&str, String)> = members.map(|(name, value)| (name.as_str(), value.to_string())).collect();
    marker((members, wanted))
}

/// A sweep that did not go through.
pub fn failed(reason: String) -> Seen {
    Seen { failure: Some(reason), ..Seen::default() }
}

/// The keys that are asked for, or `None` for a sweep.
pub fn only<'a>(reading: Reading<'a>) -> Option<&'a BTreeSet<String>> {
    match reading {
        Reading::Sweep => None,
        Reading::Only(keys) => Some(keys),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: &str, status: u16) -> Failure {
        let message = "not authorized to perform: logs:X".to_owned();
        Failure { service: "Logs", what: What::Service, code: code.to_owned(), message, status, foreign: false }
    }

    fn taken(failure: Failure) -> (Result<Option<u8>, String>, BTreeMap<&'static str, String>) {
        let mut unread = Unread::default();
        let answer = unread.take(&["Property"], "logs:X", Err(failure));
        let mut item = Observed::new("k", "k");
        unread.of(&mut item);
        (answer, item.unread)
    }

    #[test]
    fn a_setting_that_may_not_be_read_is_remembered_as_such_and_every_other_failure_is_one() {
        for (code, status) in [("AccessDeniedException", 400), ("AccessDenied", 403), ("AuthorizationError", 403)] {
            let (answer, unread) = taken(failure(code, status));
            assert_eq!(answer, Ok(None), "{code}");
            assert!(unread["Property"].contains("allow logs:X"), "{unread:?}");
        }
        let (answer, unread) = taken(failure("UnknownOperationException", 400));
        assert_eq!((answer, unread.len()), (Ok(None), 0), "there is no such call, so nothing can be set");
        for (code, status) in
            [("ExpiredTokenException", 403), ("InvalidClientTokenId", 403), ("", 403), ("InternalFailure", 500)]
        {
            let (answer, unread) = taken(failure(code, status));
            assert!(answer.is_err() && unread.is_empty(), "{code} says nothing of what may be read");
        }
    }
}
