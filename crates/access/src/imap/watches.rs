//! Listening to what happens to the mailboxes of several accounts at once.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use sekisho_control::BusEvent;
use sekisho_control::bus::{Bus, Watch};
use sekisho_store::AccountId;

type Waiting = Pin<Box<dyn Future<Output = (Watch, BusEvent)> + Send + Sync>>;

/// Watches of other accounts than the one that is logged in.
#[derive(Default)]
pub(super) struct Watches(Vec<(AccountId, Waiting)>);

impl Watches {
    /// Watches exactly `accounts` from now on; what is watched already is watched without a gap.
    pub(super) fn set(&mut self, bus: &Bus, accounts: &[AccountId]) {
        self.0.retain(|(account, _)| accounts.contains(account));
        for account in accounts {
            if !self.0.iter().any(|(known, _)| known == account) {
                self.0.push((*account, waiting(bus.watch(*account))));
            }
        }
    }

    /// The next event. Never comes when nothing is watched. Cancel-safe.
    pub(super) async fn next(&mut self) -> BusEvent {
        poll_fn(|cx| self.poll(cx)).await
    }

    /// The next event that is already there.
    pub(super) fn try_next(&mut self) -> Option<BusEvent> {
        match self.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(event) => Some(event),
            Poll::Pending => None,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<BusEvent> {
        for (_, waiting_for) in &mut self.0 {
            if let Poll::Ready((watch, event)) = waiting_for.as_mut().poll(cx) {
                *waiting_for = waiting(watch);
                return Poll::Ready(event);
            }
        }
        Poll::Pending
    }
}

fn waiting(mut watch: Watch) -> Waiting {
    Box::pin(async move {
        let event = watch.next().await;
        (watch, event)
    })
}

#[cfg(test)]
mod tests {
    use sekisho_store::MailboxId;

    use super::*;

    #[tokio::test]
    async fn several_accounts_are_heard() {
        let bus = Bus::new();
        let change = |account| BusEvent::MailboxChanged { mailbox: MailboxId(account), account: AccountId(account) };
        let mut watches = Watches::default();
        watches.set(&bus, &[AccountId(1), AccountId(2)]);
        bus.publish(change(2));
        bus.publish(change(3));
        assert_eq!(watches.try_next(), Some(change(2)));
        assert_eq!(watches.try_next(), None);
        watches.set(&bus, &[AccountId(2), AccountId(3)]);
        bus.publish(change(1));
        bus.publish(change(3));
        assert_eq!(watches.next().await, change(3));
        assert_eq!(watches.try_next(), None);
    }
}
