//! The algorithms as the RFC tells them, over trees that own their children; slow and recursive.

use std::collections::BTreeMap;

use super::Sample;
use crate::search::casemap;
use crate::subject::BaseSubject;

#[derive(Clone, Debug, PartialEq)]
struct Tree {
    message: Option<usize>,
    children: Vec<Tree>,
}

pub(super) fn ordered(samples: &[Sample]) -> String {
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, sample) in samples.iter().enumerate() {
        groups.entry(subject(sample).0).or_default().push(at);
    }
    let mut threads: Vec<Tree> = Vec::new();
    for mut group in groups.into_values() {
        group.sort_by_key(|&at| (samples[at].sent, at));
        let children = group[1..].iter().map(|&at| Tree { message: Some(at), children: Vec::new() }).collect();
        threads.push(Tree { message: Some(group[0]), children });
    }
    threads.sort_by_key(|thread| date(samples, thread));
    threads.iter().map(thread_list).collect()
}

pub(super) fn references(samples: &[Sample]) -> String {
    let mut roots = linked(samples);
    roots = roots.into_iter().flat_map(|tree| pruned(tree, true)).collect();
    for root in &mut roots {
        if root.message.is_none() {
            root.children.sort_by_key(|child| date(samples, child));
        }
    }
    roots.sort_by_key(|tree| date(samples, tree));
    roots = gathered(samples, roots);
    for root in &mut roots {
        sort(samples, root);
    }
    roots.sort_by_key(|tree| date(samples, tree));
    roots.iter().map(thread_list).collect()
}

/// Steps 1 and 2.
fn linked(samples: &[Sample]) -> Vec<Tree> {
    // Identifier of each node; messages without one of their own get a new one.
    let mut names: Vec<String> = Vec::new();
    let mut messages: BTreeMap<String, usize> = BTreeMap::new();
    let mut parents: BTreeMap<String, String> = BTreeMap::new();
    for (at, sample) in samples.iter().enumerate() {
        let mut list: Vec<String> = sample.references.split_whitespace().map(str::to_owned).collect();
        if list.is_empty() && !sample.reply.is_empty() {
            list.push(sample.reply.clone());
        }
        names.extend(list.iter().cloned());
        for pair in list.windows(2) {
            if !parents.contains_key(&pair[1]) && !loops(&parents, &pair[0], &pair[1]) {
                parents.insert(pair[1].clone(), pair[0].clone());
            }
        }
        let own = match sample.id.as_str() {
            id if id.is_empty() || messages.contains_key(id) => format!("new {at}"),
            id => id.to_owned(),
        };
        names.push(own.clone());
        messages.insert(own.clone(), at);
        parents.remove(&own);
        if let Some(last) = list.last().filter(|last| !loops(&parents, last, &own)) {
            parents.insert(own, last.clone());
        }
    }
    let mut unique: Vec<String> = Vec::new();
    for name in names {
        if !unique.contains(&name) {
            unique.push(name);
        }
    }
    let tops = unique.iter().filter(|name| !parents.contains_key(*name));
    tops.map(|name| tree(name, &unique, &messages, &parents)).collect()
}

fn loops(parents: &BTreeMap<String, String>, parent: &str, child: &str) -> bool {
    let mut at = Some(parent);
    while let Some(name) = at {
        if name == child {
            return true;
        }
        at = parents.get(name).map(String::as_str);
    }
    false
}

fn tree(name: &str, all: &[String], messages: &BTreeMap<String, usize>, parents: &BTreeMap<String, String>) -> Tree {
    let below = all.iter().filter(|child| parents.get(*child).is_some_and(|parent| parent == name));
    let children = below.map(|child| tree(child, all, messages, parents)).collect();
    Tree { message: messages.get(name).copied(), children }
}

/// Step 3.
fn pruned(mut tree: Tree, top: bool) -> Vec<Tree> {
    tree.children = std::mem::take(&mut tree.children).into_iter().flat_map(|child| pruned(child, false)).collect();
    let keep = tree.message.is_some() || (top && tree.children.len() > 1);
    if keep { vec![tree] } else { tree.children }
}

/// Step 5.
fn gathered(samples: &[Sample], roots: Vec<Tree>) -> Vec<Tree> {
    // A thread is known by where it stood; one that joined another has left its place.
    let mut places: Vec<Option<Tree>> = roots.into_iter().map(Some).collect();
    let mut table: BTreeMap<String, usize> = BTreeMap::new();
    for at in 0..places.len() {
        let root = places[at].clone().unwrap();
        let (base, reply) = thread_subject(samples, &root);
        let replaces = table.get(&base).is_none_or(|&known| {
            let known = places[known].as_ref().unwrap();
            let known_reply = thread_subject(samples, known).1;
            known.message.is_some() && (root.message.is_none() || (known_reply && !reply))
        });
        if replaces && !base.is_empty() {
            table.insert(base, at);
        }
    }
    for at in 0..places.len() {
        let root = places[at].clone().unwrap();
        let (base, reply) = thread_subject(samples, &root);
        let Some(&place) = table.get(&base).filter(|&&place| place != at) else { continue };
        let known = places[place].clone().unwrap();
        let mut merged = known.clone();
        match (known.message.is_none(), root.message.is_none()) {
            (true, true) => merged.children.extend(root.children.iter().cloned()),
            (true, false) => merged.children.push(root.clone()),
            _ if reply && !thread_subject(samples, &known).1 => merged.children.push(root.clone()),
            _ => merged = Tree { message: None, children: vec![known, root] },
        }
        places[place] = Some(merged);
        places[at] = None;
    }
    places.into_iter().flatten().collect()
}

/// Step 6.
fn sort(samples: &[Sample], tree: &mut Tree) {
    for child in &mut tree.children {
        sort(samples, child);
    }
    tree.children.sort_by_key(|child| date(samples, child));
}

fn date(samples: &[Sample], tree: &Tree) -> (i64, usize) {
    match tree.message {
        Some(at) => (samples[at].sent, at),
        None => tree.children.first().map_or((i64::MIN, 0), |child| date(samples, child)),
    }
}

fn thread_subject(samples: &[Sample], tree: &Tree) -> (String, bool) {
    match tree.message {
        Some(at) => subject(&samples[at]),
        None => thread_subject(samples, &tree.children[0]),
    }
}

fn subject(sample: &Sample) -> (String, bool) {
    let base = BaseSubject::of(&sample.subject);
    (casemap(&base.text), base.is_reply)
}

fn thread_list(tree: &Tree) -> String {
    format!("({})", members(tree))
}

fn members(tree: &Tree) -> String {
    let mut out = tree.message.map(|at| (at + 1).to_string()).unwrap_or_default();
    if tree.message.is_some() && !tree.children.is_empty() {
        out.push(' ');
    }
    match tree.children.as_slice() {
        [only] => out.push_str(&members(only)),
        several => several.iter().for_each(|child| out.push_str(&thread_list(child))),
    }
    out
}
