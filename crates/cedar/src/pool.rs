//! The pool of threads on which Cedar runs.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

use rayon::{ThreadPool, ThreadPoolBuilder};
use tokio::sync::oneshot;
use tracing::Span;

/// The stack of each thread. Twice the depth that the guards let through ([`crate::MAX_TREE_DEPTH`]) fits, in debug
/// builds too; the memory is only reserved until it is used.
const STACK_BYTES: usize = 64 << 20;

/// Why a job on the pool gave no result.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// The threads could not be started.
    #[error("the Cedar threads could not be started: {0}")]
    Start(#[from] rayon::ThreadPoolBuildError),
    /// The job panicked; the pool lives on.
    #[error("a Cedar job panicked")]
    Panicked,
}

/// Threads with stacks deep enough for Cedar. Jobs wait in a queue; a job whose caller has gone away by the time its
/// turn comes is dropped, so a caller's deadline also clears the queue. A running job cannot be interrupted.
#[derive(Debug)]
pub struct CedarPool(ThreadPool);

impl CedarPool {
    /// Starts this many threads (0: one a core).
    pub fn new(threads: usize) -> Result<Self, PoolError> {
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .stack_size(STACK_BYTES)
            .thread_name(|index| format!("cedar-{index}"))
            .build()?;
        Ok(Self(pool))
    }

    /// Runs a job and waits for its result without blocking the thread.
    pub async fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Result<T, PoolError> {
        let (sender, receiver) = oneshot::channel();
        let queued = tracing::trace_span!(target: "cedarkeep::trace", "cedar queue");
        // Whose child the work is; nobody's, and so nothing, where no traces are collected.
        let asked = if queued.is_disabled() { Span::none() } else { Span::current() };
        self.0.spawn(move || {
            drop(queued);
            if !sender.is_closed() {
                let work = asked.in_scope(|| tracing::trace_span!(target: "cedarkeep::trace", "cedar work"));
                let done = work.in_scope(|| guarded(job));
                drop(work);
                // Whoever waited may have gone meanwhile; then nobody wants the result.
                let _gone = sender.send(done);
            }
        });
        receiver.await.unwrap_or(Err(PoolError::Panicked))
    }

    /// Runs a job and blocks until its result is there. Not for async workers.
    pub fn run_blocking<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Result<T, PoolError> {
        self.0.install(|| guarded(job))
    }
}

/// What a panicking job leaves behind is dropped with it, so nothing half done is ever seen.
fn guarded<T>(job: impl FnOnce() -> T) -> Result<T, PoolError> {
    catch_unwind(AssertUnwindSafe(job)).map_err(|payload: Box<dyn Any + Send>| {
        // The payload may quote a policy: it stays out of the log.
        drop(payload);
        tracing::error!("a Cedar job panicked");
        PoolError::Panicked
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panicking_job_is_an_error_and_the_pool_lives_on() {
        let pool = CedarPool::new(1).unwrap();
        assert!(matches!(pool.run(|| panic!("on purpose")).await, Err::<(), _>(PoolError::Panicked)));
        assert!(matches!(pool.run_blocking(|| panic!("on purpose")), Err::<(), _>(PoolError::Panicked)));
        assert_eq!(pool.run(|| 1 + 1).await.unwrap(), 2);
        assert_eq!(pool.run_blocking(|| 2 + 2).unwrap(), 4);
    }

    #[tokio::test]
    async fn a_job_whose_caller_has_gone_is_never_run() {
        use std::sync::{
            Arc,
            atomic::{AtomicBool, Ordering},
        };
        let pool = CedarPool::new(1).unwrap();
        let (release, held) = std::sync::mpsc::channel::<()>();
        let busy = pool.run(move || held.recv());
        tokio::pin!(busy);
        assert!(std::future::poll_fn(|cx| std::task::Poll::Ready(busy.as_mut().poll(cx).is_pending())).await);

        let ran = Arc::new(AtomicBool::new(false));
        {
            let ran = Arc::clone(&ran);
            let late = pool.run(move || ran.store(true, Ordering::SeqCst));
            tokio::pin!(late);
            assert!(std::future::poll_fn(|cx| std::task::Poll::Ready(late.as_mut().poll(cx).is_pending())).await);
        }
        release.send(()).unwrap();
        busy.await.unwrap().unwrap();
        pool.run(|| ()).await.unwrap();
        assert!(!ran.load(Ordering::SeqCst));
    }
}
