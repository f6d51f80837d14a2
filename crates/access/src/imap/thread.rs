//! THREAD and UID THREAD (RFC 5256 §3).

use sekisho_message::header::Headers;
use sekisho_message::thread::{Facts, Forest, OrderedSubject, References};
use sekisho_proto::imap::Done;
use sekisho_proto::imap::thread::{Algorithm, Thread};
use sekisho_store::content::Bodies;
use sekisho_store::{Error, Result, Tx};

use super::agent::{ImapAgent, Outcome};
use super::search::Hit;
use super::sort::sent;

/// Messages whose headers are read in one look at the store.
const STEP: usize = 2_000;

/// Messages on their way into threads.
enum Threads {
    Ordered(OrderedSubject),
    References(References),
}

impl ImapAgent {
    pub(super) async fn thread_answer(&self, thread: &Thread, hits: &[Hit]) -> Outcome {
        let mut threads = match thread.algorithm {
            Algorithm::OrderedSubject => Threads::Ordered(OrderedSubject::default()),
            Algorithm::References => Threads::References(References::default()),
        };
        for step in hits.chunks(STEP) {
            let (step, bodies) = (step.to_vec(), self.store().bodies());
            let read = self.store().read(move |tx| {
                threads.read(tx, &step, &bodies)?;
                Ok(threads)
            });
            threads = read.await.map_err(|error| self.refused(&error))?;
        }
        let mut data = b"* THREAD".to_vec();
        if !hits.is_empty() {
            data.push(b' ');
        }
        threads.finish().print(&mut data, |at| hits.get(at).map_or(0, |hit| hit.name(thread.uid)));
        data.extend_from_slice(b"\r\n");
        Ok(Done::ok("THREAD completed").data(data))
    }
}

impl Threads {
    fn read(&mut self, tx: &mut dyn Tx, hits: &[Hit], bodies: &Bodies) -> Result<()> {
        for hit in hits {
            let read = bodies.header(tx, hit.mail.content, &mut |header| {
                self.add(hit, header);
                Ok(())
            });
            match read {
                Ok(()) => {}
                // Expunged since it was found.
                Err(Error::NotFound(_)) => self.add(hit, b""),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn add(&mut self, hit: &Hit, header: &[u8]) {
        let header = Headers::of(header);
        let field = |name: &str| header.first(name).map(|field| field.unfolded()).unwrap_or_default();
        let (message_id, in_reply_to, references) = (field("Message-ID"), field("In-Reply-To"), field("References"));
        let facts = Facts {
            message_id: &message_id,
            in_reply_to: &in_reply_to,
            references: &references,
            subject: &header.text("Subject").unwrap_or_default(),
            sent: sent(header, hit.mail.date),
        };
        match self {
            Self::Ordered(threads) => threads.add(&facts),
            Self::References(threads) => threads.add(&facts),
        }
    }

    fn finish(self) -> Forest {
        match self {
            Self::Ordered(threads) => threads.finish(),
            Self::References(threads) => threads.finish(),
        }
    }
}
