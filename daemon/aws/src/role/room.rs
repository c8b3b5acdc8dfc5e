//! In which order a role's policies come and go.
//!
//! What is new comes before what goes, so that at no time the role may do less than it should. IAM counts the policies
//! that are attached and the characters of those that are inline, though, and refuses what is too much: where there is
//! no room for old and new together, just as much of the old goes before as makes room.

use evenkeel_core::plan::Step;
use serde_json::Value as Json;

/// Managed policies on a role, unless AWS granted more.
pub(super) const MANAGED: i64 = 10;
/// Characters of all inline policies of a role together, blanks not counted.
pub(super) const INLINE: i64 = 10_240;

/// What a write adds to what IAM counts (less than nothing where it takes away), and the write.
pub(super) type Change = (i64, Step);

/// The characters of a document that IAM counts.
pub(super) fn size(document: &Json) -> i64 {
    let text = document.as_str().map_or_else(|| document.to_string(), str::to_owned);
    i64::try_from(text.chars().filter(|sign| !sign.is_whitespace()).count()).unwrap_or(i64::MAX)
}

/// What is new, with just as much of the old before it as makes room, and then the rest of the old: `have` is counted now,
/// `limit` at most, or `have` where that is more.
pub(super) fn in_order(mut new: Vec<Change>, mut old: Vec<Change>, have: i64, limit: i64) -> (Vec<Step>, Vec<Step>) {
    let limit = limit.max(have);
    let mut level = have;
    new.sort_by_key(|(more, _)| *more);
    // The greatest last, to be taken first.
    old.sort_by_key(|(more, _)| std::cmp::Reverse(*more));
    let mut steps = Vec::with_capacity(new.len() + old.len());
    for (more, step) in new {
        while level + more > limit
            && let Some((less, gone)) = old.pop()
        {
            level += less;
            steps.push(gone);
        }
        level += more;
        steps.push(step);
    }
    (steps, old.into_iter().map(|(_, step)| step).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(new: &[i64], old: &[i64], have: i64, limit: i64) -> Vec<i64> {
        let change = |more: &i64| {
            (*more, Step { type_name: "T", operation: "O", input: Json::from(*more), refresh: ("T", String::new()) })
        };
        let (first, rest) = in_order(new.iter().map(change).collect(), old.iter().map(change).collect(), have, limit);
        first.into_iter().chain(rest).filter_map(|step| step.input.as_i64()).collect()
    }

    #[test]
    fn just_as_much_of_the_old_goes_first_as_makes_room_for_the_new() {
        assert_eq!(order(&[1, 1], &[-1, -1], 8, 10), [1, 1, -1, -1], "there is room");
        assert_eq!(order(&[1, 1], &[-1, -1], 9, 10), [1, -1, 1, -1]);
        assert_eq!(order(&[1], &[-1], 12, 10), [-1, 1], "AWS granted more than ten: so many, and no more");
        assert_eq!(order(&[8_000, -8_000], &[-100], 10_000, 10_240), [-8_000, 8_000, -100], "what shrinks goes first");
        assert_eq!(order(&[500], &[-100, -900], 10_000, 10_240), [-900, 500, -100]);
        assert_eq!(order(&[5], &[], 10, 10), [5], "AWS says that it is too much");
    }

    #[test]
    fn blanks_are_not_counted() {
        assert_eq!(size(&serde_json::json!({"A": "b c"})), size(&Json::from("{ \"A\" :\n \"b c\" }")));
    }
}
