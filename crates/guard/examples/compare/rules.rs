//! Default rules of other servers, from their makers' words or code (`docs/guard.md` names them).

use std::collections::{BTreeSet, HashSet, VecDeque};

use sekisho_message::Time;

const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// Until an administrator looks; nobody does within a run.
const FOR_GOOD: i64 = i64::MAX / 4;

/// A server with its rules.
#[derive(Clone, Debug)]
pub(crate) struct System {
    pub(crate) name: &'static str,
    limits: Vec<Limit>,
}

/// So many of something within a time.
#[derive(Clone, Copy, Debug)]
struct Limit {
    what: Counted,
    most: u32,
    within: i64,
    then: Then,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counted {
    Messages,
    Recipients,
    /// Recipients whom the account never wrote to.
    First,
    /// Recipients who do not exist.
    Dead,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// It goes slower; nobody calls that a hold.
    Throttle,
    /// What is over the limit is refused.
    Refuse,
    /// The account cannot send for so long.
    Block(i64),
}

impl System {
    pub(crate) fn all() -> Vec<Self> {
        let limit = |what, most, within, then| Limit { what, most, within, then };
        vec![
            Self { name: "Postfix, rspamd, hMailServer", limits: Vec::new() },
            Self {
                name: "Exchange Online",
                limits: vec![
                    limit(Counted::Messages, 30, MINUTE, Then::Throttle),
                    limit(Counted::Recipients, 10_000, DAY, Then::Block(DAY)),
                ],
            },
            Self {
                name: "Exchange, 500 external an hour",
                limits: vec![
                    limit(Counted::Messages, 30, MINUTE, Then::Throttle),
                    limit(Counted::Recipients, 500, HOUR, Then::Block(DAY)),
                ],
            },
            Self {
                name: "mox",
                limits: vec![
                    limit(Counted::First, 200, DAY, Then::Refuse),
                    limit(Counted::Recipients, 1_000, DAY, Then::Refuse),
                ],
            },
            Self { name: "Mailu", limits: vec![limit(Counted::Recipients, 200, DAY, Then::Refuse)] },
            Self {
                name: "MDaemon-style, 50 in 5 min",
                limits: vec![limit(Counted::Messages, 50, 5 * MINUTE, Then::Block(FOR_GOOD))],
            },
            Self { name: "Exim BlockCracking", limits: vec![limit(Counted::Dead, 100, HOUR, Then::Block(FOR_GOOD))] },
            Self {
                name: "UwUMail",
                limits: vec![
                    limit(Counted::Recipients, 500, HOUR, Then::Refuse),
                    limit(Counted::Dead, 25, HOUR, Then::Block(HOUR)),
                ],
            },
        ]
    }
}

/// What a system remembers of an account.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    system: System,
    /// Times of what each limit counts.
    counts: Vec<VecDeque<Time>>,
    known: HashSet<u64>,
    blocked: Option<i64>,
    /// Days on which it was held or refused.
    pub(crate) days: BTreeSet<i64>,
}

impl Account {
    pub(crate) fn new(system: &System, known: impl IntoIterator<Item = u64>) -> Self {
        let counts = vec![VecDeque::new(); system.limits.len()];
        Self {
            system: system.clone(),
            counts,
            known: known.into_iter().collect(),
            blocked: None,
            days: BTreeSet::new(),
        }
    }

    /// A message; how many of its recipients are reached.
    pub(crate) fn send(&mut self, recipients: &[u64], dead: impl Fn(u64) -> bool, now: Time) -> u32 {
        if self.blocked.is_some_and(|until| now.0 < until) {
            return 0;
        }
        if self.is_over(Counted::Messages, now) {
            return 0;
        }
        self.count(Counted::Messages, now);
        let mut reached = 0;
        for &to in recipients {
            let first = !self.known.contains(&to);
            let over = self.is_over(Counted::Recipients, now)
                || (first && self.is_over(Counted::First, now))
                || self.is_over(Counted::Dead, now);
            if over || self.blocked.is_some_and(|until| now.0 < until) {
                continue;
            }
            self.count(Counted::Recipients, now);
            if first {
                self.count(Counted::First, now);
            }
            self.known.insert(to);
            reached += 1;
            if first && dead(to) {
                self.count(Counted::Dead, now);
            }
        }
        reached
    }

    fn is_over(&mut self, what: Counted, now: Time) -> bool {
        let mut over = false;
        for (limit, times) in self.system.limits.iter().zip(&mut self.counts).filter(|(limit, _)| limit.what == what) {
            while times.front().is_some_and(|at| now.0 - at.0 >= limit.within) {
                times.pop_front();
            }
            if times.len() < limit.most as usize {
                continue;
            }
            over = true;
            if limit.then != Then::Throttle {
                self.days.insert(now.0.div_euclid(DAY));
            }
            if let Then::Block(time) = limit.then {
                self.blocked = Some(now.0.saturating_add(time));
            }
        }
        over
    }

    fn count(&mut self, what: Counted, now: Time) {
        for (limit, times) in self.system.limits.iter().zip(&mut self.counts) {
            if limit.what == what {
                times.push_back(now);
            }
        }
    }

    /// Somebody looks at an honest sender's trouble at once, and lets him go on.
    pub(crate) fn release(&mut self) {
        self.blocked = None;
    }
}
