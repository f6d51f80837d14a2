//! The one place that reads the time.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sekisho_message::Time;
use tokio::sync::watch;

/// Longest single sleep. The system's time may be set while somebody sleeps; after a
/// step forward a sleeper wakes at most this much late.
const NAP: Duration = Duration::from_secs(300);

/// Says what time it is and wakes sleepers. Clones share the time.
#[derive(Clone, Debug)]
pub struct Clock {
    hands: Hands,
}

#[derive(Clone, Debug)]
enum Hands {
    System,
    Virtual(Arc<watch::Sender<Time>>),
}

impl Clock {
    /// The system's time.
    #[must_use]
    pub fn system() -> Self {
        Self { hands: Hands::System }
    }

    /// A clock that stands at `start` until somebody moves it, for tests and replays.
    #[must_use]
    pub fn stopped_at(start: Time) -> Self {
        Self { hands: Hands::Virtual(Arc::new(watch::Sender::new(start))) }
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Time {
        match &self.hands {
            Hands::System => system_now(),
            Hands::Virtual(time) => *time.borrow(),
        }
    }

    /// Moves a stopped clock forward and wakes who is due. The system's clock does not
    /// listen.
    pub fn advance(&self, by: Duration) {
        if let Hands::Virtual(time) = &self.hands {
            time.send_modify(|now| *now = *now + by);
        }
    }

    /// Returns once `now() >= until`, at once when that is already so. Cancel-safe.
    pub async fn sleep_until(&self, until: Time) {
        match &self.hands {
            Hands::System => loop {
                let left = until.since(system_now());
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(NAP)).await;
            },
            Hands::Virtual(time) => {
                // The sender lives in `self`, so waiting cannot fail.
                let _ = time.subscribe().wait_for(|now| *now >= until).await;
            }
        }
    }

    /// Returns after `span` of this clock's time. Cancel-safe.
    pub async fn sleep(&self, span: Duration) {
        self.sleep_until(self.now() + span).await;
    }

    /// Runs `work` for at most `span` of this clock's time; `None` when that was not enough.
    pub async fn timeout<F: Future>(&self, span: Duration, work: F) -> Option<F::Output> {
        tokio::select! {
            biased;
            done = work => Some(done),
            () = self.sleep(span) => None,
        }
    }
}

fn system_now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// A deadline that moves with nearly every poll.
///
/// A session's deadline moves later with each command. Registering a timer each time
/// costs more than the command's parsing, so the registered timer stays where it
/// is and is only set anew when it fires too early, or when the deadline moves forward.
pub(crate) struct Alarm {
    clock: Clock,
    armed: Time,
    sleep: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Alarm {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, armed: Time::EPOCH, sleep: None }
    }

    /// Ready once the clock has reached `deadline`; otherwise wakes the task then.
    pub(crate) fn poll_at(&mut self, deadline: Time, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.sleep.is_none() || deadline < self.armed {
                let clock = self.clock.clone();
                self.armed = deadline;
                self.sleep = Some(Box::pin(async move { clock.sleep_until(deadline).await }));
            }
            if let Some(sleep) = &mut self.sleep {
                match sleep.as_mut().poll(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(()) => self.sleep = None,
                }
            }
            if self.clock.now() >= deadline {
                return Poll::Ready(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::future::poll_fn;

    use super::*;

    #[tokio::test]
    async fn a_stopped_clock_moves_only_by_hand() {
        let clock = Clock::stopped_at(Time::from_seconds(100));
        let other = clock.clone();
        let sleeper = tokio::spawn(async move {
            other.sleep(Duration::from_secs(60)).await;
            other.now()
        });
        tokio::task::yield_now().await;
        clock.advance(Duration::from_secs(59));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        clock.advance(Duration::from_secs(1));
        assert_eq!(sleeper.await.unwrap(), Time::from_seconds(160));
    }

    #[tokio::test]
    async fn the_past_wakes_at_once() {
        Clock::system().sleep_until(Time::EPOCH).await;
        let clock = Clock::stopped_at(Time::from_seconds(5));
        clock.sleep_until(Time::from_seconds(5)).await;
    }

    #[tokio::test]
    async fn system_time_passes() {
        let clock = Clock::system();
        let start = clock.now();
        clock.sleep(Duration::from_millis(5)).await;
        assert!(clock.now().since(start) >= Duration::from_millis(5));
        assert!(start > Time::from_seconds(1_700_000_000));
    }

    #[tokio::test]
    async fn timeouts_are_of_the_clock() {
        let clock = Clock::stopped_at(Time::EPOCH);
        assert_eq!(clock.timeout(Duration::from_secs(1), async { 7 }).await, Some(7));
        let other = clock.clone();
        let late =
            tokio::spawn(async move { other.timeout(Duration::from_secs(1), std::future::pending::<()>()).await });
        tokio::task::yield_now().await;
        clock.advance(Duration::from_secs(1));
        assert_eq!(late.await.unwrap(), None);
    }

    #[tokio::test]
    async fn an_alarm_follows_its_deadline_both_ways() {
        let clock = Clock::stopped_at(Time::EPOCH);
        let mut alarm = Alarm::new(clock.clone());
        let at = Time::from_seconds;
        let pending = |alarm: &mut Alarm, seconds| {
            let mut cx = Context::from_waker(std::task::Waker::noop());
            alarm.poll_at(at(seconds), &mut cx).is_pending()
        };
        assert!(pending(&mut alarm, 300));
        assert!(pending(&mut alarm, 10));
        clock.advance(Duration::from_secs(10));
        assert!(pending(&mut alarm, 20), "the deadline moved later");
        clock.advance(Duration::from_secs(9));
        assert!(pending(&mut alarm, 20));
        clock.advance(Duration::from_secs(1));
        poll_fn(|cx| alarm.poll_at(at(20), cx)).await;
        assert!(!pending(&mut alarm, 0));
    }
}
