//! What clients do.

use proptest::prelude::*;

/// One command, before it is known what it means.
#[derive(Clone, Debug)]
pub(super) enum Act {
    Select {
        name: usize,
        examine: bool,
    },
    Close,
    Unselect,
    Create(usize),
    Delete(usize),
    Rename(usize, usize),
    Subscribe(usize, bool),
    List,
    Lsub,
    Status(usize),
    Append {
        name: usize,
        flags: u8,
    },
    Store {
        set: Set,
        uid: bool,
        mode: usize,
        flags: u8,
    },
    Fetch {
        set: Set,
        uid: bool,
    },
    /// With QRESYNC: what changed since some mod-sequences ago.
    Since {
        set: Set,
        back: u64,
    },
    /// With QRESYNC: flags of messages that have not changed since then.
    Unchanged {
        set: Set,
        uid: bool,
        back: u64,
        flags: u8,
    },
    Search {
        uid: bool,
        flag: usize,
        not: bool,
    },
    Copy {
        set: Set,
        uid: bool,
        name: usize,
        remove: bool,
    },
    Expunge(Option<Set>),
    Noop,
}

/// Messages: from one number to another; 0 is `*`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Set(pub(super) u32, pub(super) u32);

/// Names that clients use.
pub(super) const NAMES: [&str; 7] = ["INBOX", "A", "A/b", "A/b/c", "D/e", "Sent", "D"];

fn set() -> impl Strategy<Value = Set> {
    prop_oneof![
        4 => (1..6u32).prop_map(|n| Set(n, n)),
        3 => (1..6u32, 0..6u32).prop_map(|(a, b)| Set(a, b)),
        1 => Just(Set(0, 0)),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    let name = || 0..NAMES.len();
    // Most happens in a few mailboxes, so that sessions meet.
    let busy = || prop_oneof![5 => 0..2usize, 1 => 0..NAMES.len()];
    prop_oneof![
        4 => (busy(), prop::bool::weighted(0.2)).prop_map(|(name, examine)| Act::Select { name, examine }),
        1 => Just(Act::Close),
        1 => Just(Act::Unselect),
        3 => name().prop_map(Act::Create),
        1 => name().prop_map(Act::Delete),
        1 => (name(), name()).prop_map(|(from, to)| Act::Rename(from, to)),
        1 => (name(), any::<bool>()).prop_map(|(name, on)| Act::Subscribe(name, on)),
        1 => Just(Act::List),
        1 => Just(Act::Lsub),
        1 => name().prop_map(Act::Status),
        6 => (busy(), 0..32u8).prop_map(|(name, flags)| Act::Append { name, flags }),
        8 => (set(), any::<bool>(), 0..3usize, 0..32u8)
            .prop_map(|(set, uid, mode, flags)| Act::Store { set, uid, mode, flags }),
        4 => (set(), any::<bool>()).prop_map(|(set, uid)| Act::Fetch { set, uid }),
        3 => (set(), 0..6u64).prop_map(|(set, back)| Act::Since { set, back }),
        3 => (set(), any::<bool>(), 0..4u64, 0..32u8)
            .prop_map(|(set, uid, back, flags)| Act::Unchanged { set, uid, back, flags }),
        2 => (any::<bool>(), 0..5usize, any::<bool>()).prop_map(|(uid, flag, not)| Act::Search { uid, flag, not }),
        3 => (set(), any::<bool>(), busy(), any::<bool>())
            .prop_map(|(set, uid, name, remove)| Act::Copy { set, uid, name, remove }),
        4 => prop::option::of(set()).prop_map(Act::Expunge),
        4 => Just(Act::Noop),
    ]
}

/// Who does what.
pub(super) fn acts() -> impl Strategy<Value = Vec<(usize, Act)>> {
    // Everybody begins in the same mailbox.
    let begin = (0..3).map(|who| (who, Act::Select { name: 0, examine: false }));
    let begin: Vec<(usize, Act)> = begin.collect();
    prop::collection::vec((0..3usize, act()), 10..90).prop_map(move |rest| [begin.clone(), rest].concat())
}
