//! Kept answers to requests with an idempotency key.

use std::sync::Arc;

use super::{
    samples::{answer, at},
    support::{commit, read, taken},
};
use crate::{IdempotentAnswer, Store, Unique};

/// To the byte.
pub async fn answers_are_kept_under_their_scope(store: &Arc<dyn Store>) {
    let (first, second) = (answer(1, 0), answer(2, 0));
    commit(store, async |to| {
        to.keep_answer(&first, at(-100)).await.unwrap();
        to.keep_answer(&second, at(-100)).await.unwrap();
    })
    .await;
    let mut from = read(store).await;
    assert_eq!(from.answer(first.scope).await.unwrap(), Some(first));
    assert_eq!(from.answer(second.scope).await.unwrap(), Some(second));
    assert_eq!(from.answer(answer(3, 0).scope).await.unwrap(), None);
}

/// Nor one made at the very moment from which on answers are fresh.
pub async fn a_fresh_answer_is_not_replaced(store: &Arc<dyn Store>) {
    let first = answer(1, 0);
    commit(store, async |to| to.keep_answer(&first, at(-100)).await.unwrap()).await;
    for stale_before in [at(-100), at(0)] {
        let other = IdempotentAnswer { answer: "other".to_owned(), ..answer(1, 50) };
        let mut transaction = store.write().await.unwrap();
        assert_eq!(taken(transaction.keep_answer(&other, stale_before).await), Unique::IdempotencyKey);
    }
    assert_eq!(read(store).await.answer(first.scope).await.unwrap(), Some(first));
}

/// And only that one.
pub async fn a_stale_answer_is_replaced(store: &Arc<dyn Store>) {
    let other = IdempotentAnswer { answer: "other".to_owned(), ..answer(1, 50) };
    commit(store, async |to| {
        to.keep_answer(&answer(1, 0), at(-100)).await.unwrap();
        to.keep_answer(&answer(2, 0), at(-100)).await.unwrap();
        to.keep_answer(&other, at(1)).await.unwrap();
    })
    .await;
    assert_eq!(read(store).await.answer(other.scope).await.unwrap(), Some(other));
    assert_eq!(read(store).await.answer(answer(2, 0).scope).await.unwrap(), Some(answer(2, 0)));
}

/// Oldest first, no more than asked for, answering how many.
pub async fn answers_are_forgotten_by_age_and_number(store: &Arc<dyn Store>) {
    commit(store, async |to| {
        for number in [5, 3, 1, 2, 4] {
            to.keep_answer(&answer(number, i64::try_from(number).unwrap()), at(-100)).await.unwrap();
        }
    })
    .await;
    let left = async || {
        let mut from = read(store).await;
        let mut left = Vec::new();
        for number in 1..=5 {
            if from.answer(answer(number, 0).scope).await.unwrap().is_some() {
                left.push(number);
            }
        }
        left
    };
    assert_eq!(commit(store, async |to| to.forget_answers(at(1), 10).await.unwrap()).await, 0);
    assert_eq!(commit(store, async |to| to.forget_answers(at(5), 2).await.unwrap()).await, 2);
    assert_eq!(left().await, [3, 4, 5]);
    assert_eq!(commit(store, async |to| to.forget_answers(at(5), 10).await.unwrap()).await, 2);
    assert_eq!(left().await, [5]);
}
