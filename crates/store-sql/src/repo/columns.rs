//! Reading columns as the types of the model.

use std::str::FromStr;

use cedarkeep_model::{Archived, Timestamp};
use cedarkeep_store::StoreError;
use serde::de::DeserializeOwned;
use sqlx::Row as _;

use super::{Row, engine::store_error};

/// The columns of one row.
pub(super) struct Columns<'r>(pub(super) &'r Row);

impl Columns<'_> {
    pub(super) fn text(&self, name: &'static str) -> Result<String, StoreError> {
        self.0.try_get(name).map_err(store_error)
    }

    pub(super) fn text_or_null(&self, name: &'static str) -> Result<Option<String>, StoreError> {
        self.0.try_get(name).map_err(store_error)
    }

    pub(super) fn bytes(&self, name: &'static str) -> Result<Vec<u8>, StoreError> {
        self.0.try_get(name).map_err(store_error)
    }

    pub(super) fn signed(&self, name: &'static str) -> Result<i64, StoreError> {
        self.0.try_get(name).map_err(store_error)
    }

    fn signed_or_null(&self, name: &'static str) -> Result<Option<i64>, StoreError> {
        self.0.try_get(name).map_err(store_error)
    }

    pub(super) fn number(&self, name: &'static str) -> Result<u64, StoreError> {
        u64::try_from(self.signed(name)?).map_err(|_| damaged(name))
    }

    pub(super) fn number_or_null(&self, name: &'static str) -> Result<Option<u64>, StoreError> {
        self.signed_or_null(name)?.map(|value| u64::try_from(value).map_err(|_| damaged(name))).transpose()
    }

    pub(super) fn flag(&self, name: &'static str) -> Result<bool, StoreError> {
        self.signed(name).map(|value| value != 0)
    }

    pub(super) fn time(&self, name: &'static str) -> Result<Timestamp, StoreError> {
        self.signed(name).map(Timestamp::from_micros)
    }

    pub(super) fn time_or_null(&self, name: &'static str) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.signed_or_null(name)?.map(Timestamp::from_micros))
    }

    /// An id, a digest, a word.
    pub(super) fn parsed<T: FromStr>(&self, name: &'static str) -> Result<T, StoreError> {
        self.text(name)?.parse().map_err(|_| damaged(name))
    }

    pub(super) fn parsed_or_null<T: FromStr>(&self, name: &'static str) -> Result<Option<T>, StoreError> {
        self.text_or_null(name)?.map(|text| text.parse().map_err(|_| damaged(name))).transpose()
    }

    /// A name, a description: text with rules of its own.
    pub(super) fn checked<T: TryFrom<String>>(&self, name: &'static str) -> Result<T, StoreError> {
        T::try_from(self.text(name)?).map_err(|_| damaged(name))
    }

    pub(super) fn checked_or_null<T: TryFrom<String>>(&self, name: &'static str) -> Result<Option<T>, StoreError> {
        self.text_or_null(name)?.map(|text| T::try_from(text).map_err(|_| damaged(name))).transpose()
    }

    pub(super) fn json<T: DeserializeOwned>(&self, name: &'static str) -> Result<T, StoreError> {
        serde_json::from_str(&self.text(name)?).map_err(|_| damaged(name))
    }

    pub(super) fn archived(&self) -> Result<Option<Archived>, StoreError> {
        match (self.time_or_null("archived_at")?, self.text_or_null("archived_by")?) {
            (Some(at), Some(by)) => Ok(Some(Archived { at, by })),
            _ => Ok(None),
        }
    }
}

pub(super) fn damaged(column: &str) -> StoreError {
    StoreError::Damaged(format!("column {column} holds what it never should"))
}
