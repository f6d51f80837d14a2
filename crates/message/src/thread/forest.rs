//! Trees of messages, without recursion: a conversation may be as deep as a mailbox is long.

/// A message with its answers, or a place that only holds answers together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// The message, by the order in which it was added; none for one that is not there but was named.
    pub message: Option<usize>,
    /// Indexes of its answers in [`Forest::nodes`], in order.
    pub children: Vec<usize>,
}

/// Threads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forest {
    /// Nodes in no order; some may be in no thread.
    pub nodes: Vec<Node>,
    /// The first node of each thread, in order.
    pub roots: Vec<usize>,
}

/// What [`Forest::walk`] meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Node(usize),
    Open,
    Close,
}

impl Forest {
    pub(super) fn push(&mut self, message: Option<usize>) -> usize {
        self.nodes.push(Node { message, children: Vec::new() });
        self.nodes.len() - 1
    }

    pub(super) fn adopt(&mut self, parent: usize, child: usize) {
        if let Some(node) = self.nodes.get_mut(parent) {
            node.children.push(child);
        }
    }

    pub(super) fn children(&self, node: usize) -> &[usize] {
        self.nodes.get(node).map(|node| node.children.as_slice()).unwrap_or_default()
    }

    pub(super) fn message(&self, node: usize) -> Option<usize> {
        self.nodes.get(node).and_then(|node| node.message)
    }

    /// Prints the threads as `thread-list`s (RFC 5256 §4): `(2)(3 6 (4 23)(44 7 96))`; `number` says what a message is called.
    pub fn print(&self, out: &mut Vec<u8>, number: impl Fn(usize) -> u32) {
        let mut stack: Vec<Step> = Vec::new();
        for &root in self.roots.iter().rev() {
            stack.extend([Step::Close, Step::Node(root), Step::Open]);
        }
        while let Some(step) = stack.pop() {
            match step {
                Step::Open => out.push(b'('),
                Step::Close => out.push(b')'),
                Step::Node(at) => {
                    let children = self.children(at);
                    if let Some(message) = self.message(at) {
                        out.extend_from_slice(number(message).to_string().as_bytes());
                        if !children.is_empty() {
                            out.push(b' ');
                        }
                    }
                    match children {
                        [only] => stack.push(Step::Node(*only)),
                        several => {
                            for &child in several.iter().rev() {
                                stack.extend([Step::Close, Step::Node(child), Step::Open]);
                            }
                        }
                    }
                }
            }
        }
    }
}
