//! What happens in a rehearsal: the acts of the model's run of the same seed, without what its guard did to them.

use std::collections::{BTreeMap, BTreeSet};

use sekisho_guard::drill::world::{Act, Recorded, What, World};
use sekisho_guard::drill::{Attack, From, play};
use sekisho_guard::place::Place;
use sekisho_guard::policy::Policy;

/// The script.
pub(super) struct Script {
    /// In the order of time.
    pub(super) acts: Vec<Act>,
    /// Which act is the first that is measured.
    pub(super) counting: usize,
    /// How many accounts and other origins take part.
    pub(super) origins: usize,
    /// Which of them has nothing to do with it.
    pub(super) neighbour: Option<usize>,
    /// Whom each knows at the beginning.
    pub(super) contacts: BTreeMap<usize, Vec<u64>>,
    /// Who sends without a login, and from where.
    pub(super) open: BTreeSet<Place>,
    /// Who has an account.
    pub(super) accounts: BTreeSet<usize>,
}

impl Script {
    pub(super) fn of(policy: &Policy, attack: Attack, from: From, seed: u64) -> Self {
        let mut world = World::new(policy.clone(), seed);
        world.record = Some(Vec::new());
        play(&mut world, attack, from, seed);
        let (mut born, mut contacts) = (0, BTreeMap::new());
        let (mut acts, mut begun) = (Vec::new(), false);
        for one in world.record.take().unwrap_or_default() {
            match one {
                Recorded::Born(known) => {
                    contacts.insert(born, known);
                    born += 1;
                }
                // The pasts of several people are told one after the other.
                Recorded::Act(act, _) => acts.push((act, begun)),
                Recorded::Counting => {
                    acts.iter_mut().for_each(|(_, counts)| *counts = false);
                    begun = true;
                }
                Recorded::Outcome { .. } => {}
            }
        }
        acts.sort_by_key(|(act, _)| act.at);
        let counting = acts.iter().position(|(_, counts)| *counts).unwrap_or(0);
        let acts: Vec<Act> = acts.into_iter().map(|(act, _)| act).collect();
        let (mut open, mut accounts) = (BTreeSet::new(), BTreeSet::new());
        for act in &acts {
            match &act.what {
                What::Mail(mail) if !mail.authenticated => {
                    open.insert(mail.place);
                }
                _ => {
                    accounts.insert(act.origin);
                }
            }
        }
        Self { acts, counting, origins: born, neighbour: world.neighbour, contacts, open, accounts }
    }
}
