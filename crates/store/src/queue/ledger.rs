//! What a transaction changed, kept until its end and then entered: into messages (which vanish with
//! their last recipient), the counters of epochs, and the due times of lanes and epochs.

use std::collections::{BTreeMap, BTreeSet};

use super::{Stage, lane};
use crate::{ContentId, Error, MessageId, NEVER, RecipientId, Result, Tx, TxExt, content};

/// Changes of one epoch's counters.
#[derive(Clone, Copy, Default)]
pub(super) struct Delta {
    pub(super) recipients: [i64; 4],
    pub(super) messages: [i64; 4],
    pub(super) bytes: [i64; 4],
    pub(super) all_messages: i64,
    pub(super) all_bytes: i64,
}

impl Delta {
    /// Counts a message of `size` octets that had `before` recipients by stage and has `after` now.
    pub(super) fn count(&mut self, before: [i64; 4], after: [i64; 4], size: i64) {
        for stage in 0..4 {
            self.recipients[stage] += after[stage] - before[stage];
            let change = i64::from(after[stage] > 0) - i64::from(before[stage] > 0);
            self.messages[stage] += change;
            self.bytes[stage] += change * size;
        }
        let any = |left: [i64; 4]| i64::from(left.iter().any(|n| *n > 0));
        let change = any(after) - any(before);
        self.all_messages += change;
        self.all_bytes += change * size;
    }

    /// Adds the changes to the counters of `epoch`.
    pub(super) fn enter(&self, tx: &mut dyn Tx, epoch: i64) -> Result<()> {
        let [r, m, b] = [self.recipients, self.messages, self.bytes];
        tx.execute(
            "UPDATE epoch SET r0 = r0 + ?2, r1 = r1 + ?3, r2 = r2 + ?4, r3 = r3 + ?5,
                 m0 = m0 + ?6, m1 = m1 + ?7, m2 = m2 + ?8, m3 = m3 + ?9,
                 b0 = b0 + ?10, b1 = b1 + ?11, b2 = b2 + ?12, b3 = b3 + ?13,
                 messages = messages + ?14, bytes = bytes + ?15
             WHERE id = ?1",
            &[
                epoch.into(),
                r[0].into(),
                r[1].into(),
                r[2].into(),
                r[3].into(),
                m[0].into(),
                m[1].into(),
                m[2].into(),
                m[3].into(),
                b[0].into(),
                b[1].into(),
                b[2].into(),
                b[3].into(),
                self.all_messages.into(),
                self.all_bytes.into(),
            ],
        )?;
        Ok(())
    }
}

/// The changes of one transaction.
#[derive(Default)]
pub(super) struct Ledger {
    messages: BTreeMap<i64, [i64; 4]>,
    epochs: BTreeMap<i64, Delta>,
    lanes: BTreeSet<i64>,
}

/// What entering the changes showed.
#[derive(Default)]
pub(super) struct Entered {
    /// Messages that have no recipient left, and are gone.
    pub(super) finished: Vec<MessageId>,
    /// Octets of all messages that were changed.
    pub(super) bytes: u64,
    /// Messages that were changed.
    pub(super) messages: u64,
}

impl Ledger {
    /// Notes that a recipient came to (1) or left (-1) `stage`.
    pub(super) fn note(&mut self, recipient: RecipientId, stage: Stage, change: i64) {
        self.messages.entry(recipient.message().0).or_default()[stage as usize] += change;
    }

    /// Notes that entries of `lane` changed.
    pub(super) fn touch(&mut self, epoch: i64, lane: i64) {
        self.epochs.entry(epoch).or_default();
        self.lanes.insert(lane);
    }

    /// The changes of one epoch, for what is counted outside.
    pub(super) fn epoch(&mut self, epoch: i64) -> &mut Delta {
        self.epochs.entry(epoch).or_default()
    }

    /// Enters everything.
    pub(super) fn enter(mut self, tx: &mut dyn Tx) -> Result<Entered> {
        let mut entered = Entered::default();
        for (id, change) in std::mem::take(&mut self.messages) {
            self.enter_message(tx, id, change, &mut entered)?;
        }
        for lane in &self.lanes {
            lane::refresh(tx, *lane)?;
        }
        for (epoch, delta) in &self.epochs {
            delta.enter(tx, *epoch)?;
            lane::refresh_epoch(tx, *epoch)?;
            forget_if_done(tx, *epoch)?;
        }
        Ok(entered)
    }

    fn enter_message(&mut self, tx: &mut dyn Tx, id: i64, change: [i64; 4], entered: &mut Entered) -> Result<()> {
        let none = [0; 4];
        // Mostly these were its last recipients.
        let last = tx.one(
            "DELETE FROM message WHERE id = ?1 AND p0 = ?2 AND p1 = ?3 AND p2 = ?4 AND p3 = ?5
             RETURNING epoch, size, content",
            &[id.into(), (-change[0]).into(), (-change[1]).into(), (-change[2]).into(), (-change[3]).into()],
            |row| Ok((row.int(0)?, row.int(1)?, row.int(2)?)),
        )?;
        if let Some((epoch, size, content)) = last {
            content::release(tx, ContentId(content), 1)?;
            self.epoch(epoch).count(change.map(|n| -n), none, size);
            entered.finished.push(MessageId(id));
            entered.count(size);
            return Ok(());
        }
        let left = tx.one(
            "UPDATE message SET p0 = p0 + ?2, p1 = p1 + ?3, p2 = p2 + ?4, p3 = p3 + ?5 WHERE id = ?1
             RETURNING epoch, size, p0, p1, p2, p3",
            &[id.into(), change[0].into(), change[1].into(), change[2].into(), change[3].into()],
            |row| Ok((row.int(0)?, row.int(1)?, [row.int(2)?, row.int(3)?, row.int(4)?, row.int(5)?])),
        )?;
        let Some((epoch, size, after)) = left else {
            return Err(Error::Corrupt(format!("recipients without their message {}", MessageId(id))));
        };
        let before = std::array::from_fn(|stage| after[stage] - change[stage]);
        self.epoch(epoch).count(before, after, size);
        entered.count(size);
        Ok(())
    }
}

impl Entered {
    fn count(&mut self, size: i64) {
        self.messages += 1;
        self.bytes += u64::try_from(size).unwrap_or(0);
    }
}

/// An empty epoch that is not the current one of its origin has served its time.
fn forget_if_done(tx: &mut dyn Tx, epoch: i64) -> Result<()> {
    let gone = tx.execute(
        "DELETE FROM epoch WHERE id = ?1 AND next_due = ?2 AND messages = 0
             AND NOT EXISTS (SELECT 1 FROM origin WHERE origin.id = epoch.origin AND origin.epoch = ?1)",
        &[epoch.into(), NEVER.into()],
    )?;
    if gone > 0 {
        tx.execute("DELETE FROM lane WHERE epoch = ?1", &[epoch.into()])?;
    }
    Ok(())
}
