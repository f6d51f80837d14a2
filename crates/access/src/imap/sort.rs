//! SORT and UID SORT (RFC 5256 §3, SORT=DISPLAY RFC 5957, ESORT RFC 5267 §3).

mod keys;

use std::sync::Arc;

use sekisho_proto::imap::Done;
use sekisho_proto::imap::sort::{Criterion, Sort};
use sekisho_store::{Error, Result};

pub(super) use self::keys::sent;
use self::keys::{SortKey, needs_header, of_hit};
use super::agent::{ImapAgent, Outcome};
use super::search::{Found, Hit, hits_line, save};

/// Messages whose headers are read in one look at the store.
const STEP: usize = 2_000;

impl ImapAgent {
    pub(super) async fn sort_answer(&mut self, tag: &str, sort: Sort, hits: Vec<Hit>) -> Outcome {
        let hits = self.sorted(hits, sort.criteria).await?;
        let found = Found { hits: &hits, uid: sort.uid, with_mod_seq: sort.key.has_mod_seq() };
        let mut data = Vec::new();
        match sort.returns {
            None => hits_line(&mut data, "SORT", &found),
            Some(returns) => {
                if returns.save {
                    save(self.open_view()?, &hits, returns);
                }
                found.answer(&mut data, tag, returns, None);
            }
        }
        Ok(Done::ok("SORT completed").data(data))
    }

    async fn sorted(&self, hits: Vec<Hit>, criteria: Vec<Criterion>) -> std::result::Result<Vec<Hit>, Done> {
        let mut keyed: Vec<(Vec<SortKey>, Hit)> = Vec::with_capacity(hits.len());
        let criteria = Arc::new(criteria);
        if needs_header(&criteria) {
            let bodies = self.store().bodies();
            for step in hits.chunks(STEP) {
                let (step, criteria, bodies) = (step.to_vec(), Arc::clone(&criteria), bodies.clone());
                let read = self.store().read(move |tx| -> Result<Vec<(Vec<SortKey>, Hit)>> {
                    let mut keyed = Vec::with_capacity(step.len());
                    for hit in step {
                        let mut keys = Vec::new();
                        match bodies.header(tx, hit.mail.content, &mut |header| {
                            keys = of_hit(&hit, header, &criteria);
                            Ok(())
                        }) {
                            Ok(()) => {}
                            // Expunged since it was found.
                            Err(Error::NotFound(_)) => keys = of_hit(&hit, b"", &criteria),
                            Err(error) => return Err(error),
                        }
                        keyed.push((keys, hit));
                    }
                    Ok(keyed)
                });
                keyed.extend(read.await.map_err(|error| self.refused(&error))?);
            }
        } else {
            keyed.extend(hits.iter().map(|hit| (of_hit(hit, b"", &criteria), *hit)));
        }
        // Found by number and sorted so that equals stay as they are: the last criterion is the number (RFC 5256 §3).
        keyed.sort_by(|(a, _), (b, _)| keys::compare(a, b, &criteria));
        Ok(keyed.into_iter().map(|(_, hit)| hit).collect())
    }
}
