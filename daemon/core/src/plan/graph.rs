//! Who comes before whom.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;

use super::resolve::references;
use crate::model::resource::Resource;

/// The resources that each resource needs first: those it refers to and those it names in `DependsOn`.
pub fn dependencies(resources: &IndexMap<String, Resource>) -> BTreeMap<&str, BTreeSet<String>> {
    resources
        .values()
        .map(|resource| {
            let mut ids = BTreeSet::new();
            references(&resource.properties, &mut ids);
            ids.extend(resource.depends_on.iter().cloned());
            ids.retain(|id| id != &resource.id && resources.contains_key(id));
            (resource.id.as_str(), ids)
        })
        .collect()
}

/// The ids in an order in which each comes after all it needs, otherwise as written.
///
/// # Errors
/// The ids of a cycle, in its order, where there is one.
pub fn order<'a>(
    resources: &'a IndexMap<String, Resource>,
    needs: &BTreeMap<&'a str, BTreeSet<String>>,
) -> Result<Vec<&'a str>, Vec<String>> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        Open,
        Done,
    }
    let mut marks: BTreeMap<&str, Mark> = BTreeMap::new();
    let mut sorted = Vec::with_capacity(resources.len());
    for start in resources.keys() {
        // An explicit stack: a chain of thousands of resources must not become a chain of calls.
        let mut stack = vec![(start.as_str(), false)];
        while let Some((id, leaving)) = stack.pop() {
            if leaving {
                marks.insert(id, Mark::Done);
                sorted.push(id);
                continue;
            }
            match marks.get(id) {
                Some(Mark::Done) => continue,
                Some(Mark::Open) => continue,
                None => {}
            }
            marks.insert(id, Mark::Open);
            stack.push((id, true));
            for need in needs.get(id).into_iter().flatten().rev() {
                let Some((need, _)) = resources.get_key_value(need) else { continue };
                match marks.get(need.as_str()) {
                    Some(Mark::Done) => {}
                    Some(Mark::Open) => {
                        let open: Vec<&str> = stack.iter().filter(|(_, leaving)| *leaving).map(|(id, _)| *id).collect();
                        if let Some(from) = open.iter().position(|id| *id == need) {
                            return Err(open[from..].iter().map(|id| (*id).to_owned()).collect());
                        }
                    }
                    None => stack.push((need.as_str(), false)),
                }
            }
        }
    }
    Ok(sorted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Node, Place};
    use proptest::prelude::*;

    fn resources(edges: &[(&str, &[&str])]) -> IndexMap<String, Resource> {
        edges
            .iter()
            .map(|(id, needs)| {
                let refs = needs.iter().map(|need| Node::reference(need, Place::NOWHERE)).collect();
                let properties = Node::map([("Refs", Node::list(refs, Place::NOWHERE))], Place::NOWHERE);
                ((*id).to_owned(), Resource::new(*id, "T", properties, Place::NOWHERE))
            })
            .collect()
    }

    #[test]
    fn what_is_needed_comes_first() {
        let all = resources(&[("a", &["b", "c"]), ("b", &["c"]), ("c", &[])]);
        assert_eq!(order(&all, &dependencies(&all)), Ok(vec!["c", "b", "a"]));
    }

    #[test]
    fn a_cycle_is_named_in_its_order() {
        let all = resources(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"])]);
        assert_eq!(order(&all, &dependencies(&all)), Err(vec!["b".to_owned(), "c".to_owned()]));
    }

    proptest! {
        #[test]
        fn an_order_never_puts_a_need_after_its_dependent(edges in proptest::collection::vec((0usize..30, 0usize..30), 0..80)) {
            let mut all = IndexMap::new();
            for id in 0..30 {
                let refs = edges.iter().filter(|(from, _)| *from == id).map(|(_, to)| Node::reference(&format!("r{to}"), Place::NOWHERE)).collect();
                let properties = Node::map([("Refs", Node::list(refs, Place::NOWHERE))], Place::NOWHERE);
                all.insert(format!("r{id}"), Resource::new(format!("r{id}"), "T", properties, Place::NOWHERE));
            }
            let needs = dependencies(&all);
            match order(&all, &needs) {
                Ok(sorted) => {
                    prop_assert_eq!(sorted.len(), all.len());
                    for (index, id) in sorted.iter().enumerate() {
                        for need in &needs[id] {
                            prop_assert!(sorted[..index].contains(&need.as_str()));
                        }
                    }
                }
                Err(cycle) => {
                    for (index, id) in cycle.iter().enumerate() {
                        let next = &cycle[(index + 1) % cycle.len()];
                        prop_assert!(needs[id.as_str()].contains(next), "{id} does not need {next}");
                    }
                }
            }
        }
    }
}
