//! The algorithm REFERENCES (RFC 5256 §3), step by step as the RFC numbers them.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::forest::Forest;
use super::{Facts, Message, ids};
use crate::Time;

/// How far up a thread is looked for a loop; a link that would need more is not made.
const DEPTH_MAX: usize = 5_000;

/// Messages and the parents that they have so far (step 1). An identifier is a node, whether its message is there or not.
#[derive(Default)]
pub(super) struct Links {
    nodes: HashMap<Vec<u8>, usize>,
    /// Message of each node.
    message: Vec<Option<usize>>,
    parent: Vec<Option<usize>>,
    /// Disjoint sets that contain the trees: nodes of different sets are in different trees.
    set: Vec<usize>,
}

impl Links {
    pub(super) fn add(&mut self, message: usize, facts: &Facts<'_>) {
        let mut named = ids::all(facts.references);
        if named.is_empty() {
            named.extend(ids::first(facts.in_reply_to));
        }
        // 1 (A): each identifier answers the one before it, unless that is known otherwise.
        let mut last = None;
        for id in named {
            let node = self.node(id);
            if let Some(before) = last
                && self.parent.get(node).is_some_and(Option::is_none)
                && !self.would_loop(before, node)
            {
                self.link(before, node);
            }
            last = Some(node);
        }
        // 1 (B): the message itself answers the last one, whatever others say.
        let own = self.own_node(message, facts.message_id);
        if let Some(place) = self.parent.get_mut(own) {
            *place = None;
        }
        if let Some(last) = last.filter(|&last| !self.would_loop(last, own)) {
            self.link(last, own);
        }
    }

    /// The node of a message; one of its own when its identifier is missing or somebody else's already.
    fn own_node(&mut self, message: usize, field: &[u8]) -> usize {
        let node = match ids::first(field) {
            Some(id) => self.node(id),
            None => self.fresh(),
        };
        let node = if self.message.get(node).is_some_and(Option::is_some) { self.fresh() } else { node };
        if let Some(place) = self.message.get_mut(node) {
            *place = Some(message);
        }
        node
    }

    fn node(&mut self, id: Vec<u8>) -> usize {
        let next = self.message.len();
        let node = *self.nodes.entry(id).or_insert(next);
        if node == next {
            self.fresh();
        }
        node
    }

    fn fresh(&mut self) -> usize {
        self.message.push(None);
        self.parent.push(None);
        self.set.push(self.set.len());
        self.set.len() - 1
    }

    fn link(&mut self, parent: usize, child: usize) {
        let (over, under) = (self.root_of(parent), self.root_of(child));
        if let Some(place) = self.set.get_mut(under) {
            *place = over;
        }
        if let Some(place) = self.parent.get_mut(child) {
            *place = Some(parent);
        }
    }

    /// `child` is `parent` or above it.
    fn would_loop(&mut self, parent: usize, child: usize) -> bool {
        if parent == child {
            return true;
        }
        if self.root_of(parent) != self.root_of(child) {
            return false;
        }
        let mut at = parent;
        for _ in 0..DEPTH_MAX {
            match self.parent.get(at).copied().flatten() {
                Some(up) if up == child => return true,
                Some(up) => at = up,
                None => return false,
            }
        }
        true
    }

    /// The set of a node, with the paths to it halved on the way.
    fn root_of(&mut self, mut node: usize) -> usize {
        loop {
            let up = self.set.get(node).copied().unwrap_or(node);
            if up == node {
                return node;
            }
            let above = self.set.get(up).copied().unwrap_or(up);
            if let Some(place) = self.set.get_mut(node) {
                *place = above;
            }
            node = above;
        }
    }

    /// Step 2: the nodes as trees, with those without parents as roots.
    fn into_forest(self) -> Forest {
        let mut forest = Forest::default();
        for message in self.message {
            forest.push(message);
        }
        for (node, parent) in self.parent.iter().enumerate() {
            match parent {
                Some(parent) => forest.adopt(*parent, node),
                None => forest.roots.push(node),
            }
        }
        forest
    }
}

pub(super) fn finish(messages: &[Message], links: Links) -> Forest {
    let mut threads = Threads { forest: links.into_forest(), messages };
    threads.prune();
    threads.sort_roots();
    threads.gather_subjects();
    threads.sort_all();
    threads.forest
}

struct Threads<'a> {
    forest: Forest,
    messages: &'a [Message],
}

impl Threads<'_> {
    /// Step 3: places without a message go, and their answers take their place; at the top only where there is one answer.
    fn prune(&mut self) {
        // Children come after their parents in this order, so backwards every child is done before its parent.
        let order = self.parents_first();
        let mut kept: Vec<Vec<usize>> = vec![Vec::new(); self.forest.nodes.len()];
        for &node in order.iter().rev() {
            let mut children = Vec::new();
            for child in self.forest.children(node).to_vec() {
                let below = kept.get_mut(child).map(std::mem::take).unwrap_or_default();
                if self.forest.message(child).is_some() {
                    set_children(&mut self.forest, child, below);
                    children.push(child);
                } else {
                    children.extend(below);
                }
            }
            if let Some(place) = kept.get_mut(node) {
                *place = children;
            }
        }
        let mut roots = Vec::with_capacity(self.forest.roots.len());
        for root in std::mem::take(&mut self.forest.roots) {
            let below = kept.get_mut(root).map(std::mem::take).unwrap_or_default();
            match (self.forest.message(root), below.as_slice()) {
                (None, []) => {}
                (None, [only]) => roots.push(*only),
                _ => {
                    set_children(&mut self.forest, root, below);
                    roots.push(root);
                }
            }
        }
        self.forest.roots = roots;
    }

    fn parents_first(&self) -> Vec<usize> {
        let mut order = self.forest.roots.clone();
        let mut at = 0;
        while let Some(&node) = order.get(at) {
            order.extend_from_slice(self.forest.children(node));
            at += 1;
        }
        order
    }

    /// Step 4.
    fn sort_roots(&mut self) {
        for root in self.forest.roots.clone() {
            if self.forest.message(root).is_none() {
                self.sort_children(root);
            }
        }
        let mut roots = std::mem::take(&mut self.forest.roots);
        roots.sort_by(|a, b| self.by_date(*a, *b));
        self.forest.roots = roots;
    }

    /// Step 5: threads of the same base subject become one.
    fn gather_subjects(&mut self) {
        let mut table: HashMap<&str, usize> = HashMap::new();
        let messages = self.messages;
        for &root in &self.forest.roots {
            let Some((subject, is_reply)) = subject_in(&self.forest, messages, root) else { continue };
            match table.get_mut(subject) {
                None => {
                    table.insert(subject, root);
                }
                Some(known) => {
                    let known_reply = subject_in(&self.forest, messages, *known).is_some_and(|(_, is_reply)| is_reply);
                    let known_dummy = self.forest.message(*known).is_none();
                    let dummy = self.forest.message(root).is_none();
                    if !known_dummy && (dummy || (known_reply && !is_reply)) {
                        *known = root;
                    }
                }
            }
        }
        // Where each root stands, so that a thread that joins another can leave its place.
        let mut roots: Vec<Option<usize>> = self.forest.roots.iter().copied().map(Some).collect();
        let mut place: HashMap<usize, usize> = self.forest.roots.iter().copied().zip(0..).collect();
        for root in self.forest.roots.clone() {
            let Some((subject, is_reply)) = subject_in(&self.forest, messages, root) else { continue };
            let Some(&known) = table.get(subject).filter(|&&known| known != root) else { continue };
            let (dummy, known_dummy) = (self.forest.message(root).is_none(), self.forest.message(known).is_none());
            let known_reply = subject_in(&self.forest, messages, known).is_some_and(|(_, is_reply)| is_reply);
            if known_dummy && dummy {
                let moved = self.forest.children(root).to_vec();
                for child in moved {
                    self.forest.adopt(known, child);
                }
                set_children(&mut self.forest, root, Vec::new());
            } else if known_dummy || (is_reply && !known_reply) {
                self.forest.adopt(known, root);
            } else {
                let both = self.forest.push(None);
                self.forest.adopt(both, known);
                self.forest.adopt(both, root);
                table.insert(subject, both);
                if let Some(at) = place.remove(&known) {
                    put(&mut roots, at, Some(both));
                    place.insert(both, at);
                }
            }
            if let Some(at) = place.remove(&root) {
                put(&mut roots, at, None);
            }
        }
        self.forest.roots = roots.into_iter().flatten().collect();
    }

    /// Step 6.
    fn sort_all(&mut self) {
        for node in self.parents_first().into_iter().rev() {
            self.sort_children(node);
        }
        let mut roots = std::mem::take(&mut self.forest.roots);
        roots.sort_by(|a, b| self.by_date(*a, *b));
        self.forest.roots = roots;
    }

    fn sort_children(&mut self, node: usize) {
        let mut children = self.forest.children(node).to_vec();
        if children.len() > 1 {
            children.sort_by(|a, b| self.by_date(*a, *b));
            set_children(&mut self.forest, node, children);
        }
    }

    fn by_date(&self, a: usize, b: usize) -> Ordering {
        self.date(a).cmp(&self.date(b))
    }

    /// When the message, or the first answer of a place without one, was sent; then its number.
    fn date(&self, mut node: usize) -> (Option<Time>, Option<usize>) {
        while self.forest.message(node).is_none() {
            match self.forest.children(node).first() {
                Some(&child) => node = child,
                None => break,
            }
        }
        let message = self.forest.message(node);
        (message.and_then(|at| self.messages.get(at)).map(|message| message.sent), message)
    }
}

/// The base subject of a thread: that of its first message; none when it is empty.
fn subject_in<'a>(forest: &Forest, messages: &'a [Message], root: usize) -> Option<(&'a str, bool)> {
    let mut node = root;
    while forest.message(node).is_none() {
        node = *forest.children(node).first()?;
    }
    let message = messages.get(forest.message(node)?)?;
    (!message.subject.is_empty()).then_some((message.subject.as_str(), message.is_reply))
}

fn set_children(forest: &mut Forest, node: usize, children: Vec<usize>) {
    if let Some(node) = forest.nodes.get_mut(node) {
        node.children = children;
    }
}

fn put(roots: &mut [Option<usize>], at: usize, root: Option<usize>) {
    if let Some(place) = roots.get_mut(at) {
        *place = root;
    }
}
