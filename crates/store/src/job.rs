//! A write on its way to an engine and its answer on the way back.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::oneshot;

use crate::{Error, Result, Tx};

/// A closure that waits for its turn to write.
pub(crate) trait Job: Send {
    /// Runs the closure and keeps its result; whether that is a failure.
    fn run(&mut self, tx: &mut dyn Tx) -> Result<()>;

    /// Answers with the result that was kept if `outcome`, that of the commit, is well.
    fn answer(self: Box<Self>, outcome: Result<()>);
}

/// A job for `f` and where its answer will come.
pub(crate) fn job<T, F>(f: F) -> (Box<dyn Job>, oneshot::Receiver<Result<T>>)
where
    T: Send + 'static,
    F: Fn(&mut dyn Tx) -> Result<T> + Send + 'static,
{
    let (answer, receiver) = oneshot::channel();
    (Box::new(Write { f, kept: None, answer }), receiver)
}

/// Runs `f`; a panic in it is an error like any other, so that it takes nobody else's write along.
pub(crate) fn guarded<T>(f: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|panic| {
        let words = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_default();
        Err(Error::Engine(format!("a store operation panicked: {words}")))
    })
}

struct Write<T, F> {
    f: F,
    kept: Option<Result<T>>,
    answer: oneshot::Sender<Result<T>>,
}

impl<T, F> Job for Write<T, F>
where
    T: Send + 'static,
    F: Fn(&mut dyn Tx) -> Result<T> + Send + 'static,
{
    fn run(&mut self, tx: &mut dyn Tx) -> Result<()> {
        let result = guarded(|| (self.f)(tx));
        let brief = result.as_ref().map(|_| ()).map_err(Clone::clone);
        self.kept = Some(result);
        brief
    }

    fn answer(self: Box<Self>, outcome: Result<()>) {
        let this = *self;
        let result = match (this.kept, outcome) {
            (Some(Err(error)), _) | (_, Err(error)) => Err(error),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => Err(Error::Engine("a write was never run".into())),
        };
        // Whoever asked may have gone away; what was written stays written.
        let _ = this.answer.send(result);
    }
}
