//! The threads on which policies run: plain ones, with stacks that a deep expression does not use up.

use std::any::Any;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Stack of each thread. The interpreter takes some of it for every rule and function in a row.
const STACK: usize = 64 << 20;

/// The work on one item came to a stop that nobody expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a bug in Provost: {0}")]
pub struct Panicked(pub String);

/// Runs `work` over `items` on as many threads as there are processors; results in order. A panic of one item is that item's error.
///
/// # Errors
/// [`Panicked`], for each item by itself.
pub fn on_threads<I: Send, O: Send>(items: Vec<I>, work: &(dyn Fn(I) -> O + Sync)) -> Vec<Result<O, Panicked>> {
    let count = items.len();
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get).min(count);
    let items: Vec<Mutex<Option<I>>> = items.into_iter().map(|item| Mutex::new(Some(item))).collect();
    let results: Vec<Mutex<Option<Result<O, Panicked>>>> = (0..count).map(|_| Mutex::new(None)).collect();
    let next = AtomicUsize::new(0);
    let run = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let (Some(item), Some(result)) = (items.get(index), results.get(index)) else { return };
            let Some(item) = lock(item).take() else { continue };
            let done = catch_unwind(AssertUnwindSafe(|| work(item))).map_err(|panic| Panicked(said(panic.as_ref())));
            *lock(result) = Some(done);
        }
    };
    std::thread::scope(|scope| {
        let mut started = 0;
        for _ in 0..threads {
            let builder = std::thread::Builder::new().name("policy".to_owned()).stack_size(STACK);
            started += usize::from(builder.spawn_scoped(scope, run).is_ok());
        }
        if started == 0 {
            // No thread could be started: slower, and on a smaller stack, but nobody is left out.
            run();
        }
    });
    let lost = || Err(Panicked("a thread ended without a result".to_owned()));
    results.into_iter().map(|result| result.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).unwrap_or_else(lost)).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// What a panic said.
pub(crate) fn said(panic: &(dyn Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text.clone()
    } else {
        "a panic".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_and_a_panic_stays_with_its_item() {
        let results = on_threads((0..100).collect(), &|n: i32| {
            assert!(n != 13, "unlucky");
            n * 2
        });
        for (n, result) in (0..100).zip(results) {
            match n {
                13 => assert!(result.unwrap_err().0.contains("unlucky")),
                n => assert_eq!(result.unwrap(), n * 2),
            }
        }
        assert!(on_threads(Vec::<i32>::new(), &|n| n).is_empty());
    }

    #[test]
    fn the_stack_is_deep() {
        fn down(n: u32) -> u64 {
            let filler = std::hint::black_box([u64::from(n); 256]);
            if n == 0 { filler.iter().sum() } else { down(n - 1) + filler[0] }
        }
        let results = on_threads(vec![10_000], &down);
        assert!(results[0].is_ok());
    }
}
