//! "Did you mean": the nearest of the words that would have been right.

/// Longest word, in characters, that anything is near to: AWS's names are shorter, and comparing long text costs.
const LONGEST: usize = 200;

/// The candidate that a person most likely meant by `word`, or `None` where nothing is near.
///
/// A difference in case alone counts as nearest of all; beyond that about one slip in three characters is forgiven.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    if length > LONGEST {
        return None;
    }
    let lower = word.to_lowercase();
    let allowed = (length / 3).max(1);
    candidates
        .into_iter()
        .filter(|candidate| !candidate.is_empty() && *candidate != word)
        // Each character more or less is a slip.
        .filter(|candidate| candidate.chars().count().abs_diff(length) <= allowed + 1)
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, candidate)| (*distance, candidate.len()))
        .map(|(_, candidate)| candidate)
}

/// [`nearest`] as the help of a diagnostic: "did you mean `MemorySize`?".
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(word, candidates).map(|candidate| format!("did you mean `{candidate}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_suggested_and_a_far_one_is_not() {
        let words = ["MemorySize", "Timeout", "Handler"];
        assert_eq!(nearest("memorysize", words), Some("MemorySize"));
        assert_eq!(nearest("MemorySice", words), Some("MemorySize"));
        assert_eq!(nearest("Tiemout", words), Some("Timeout"));
        assert_eq!(nearest("Layers", words), None);
        assert_eq!(nearest(&"M".repeat(1 << 20), words), None);
        assert_eq!(did_you_mean("Handlr", words).as_deref(), Some("did you mean `Handler`?"));
    }
}
