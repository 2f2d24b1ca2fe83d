//! Whether what is sealed in a backup can be opened with the master key at hand.

use cedarkeep_attest::{DataKey, MasterKey, Signer};
use cedarkeep_model::ZoneId;
use cedarkeep_store::{Row, RowKind};

use crate::{
    keys::PURPOSE,
    service::{MASTER_CHECK, master_seal},
};

/// Opens what comes by, the data key of the zone that stands open at hand.
pub(super) struct Seals<'m> {
    master: &'m MasterKey,
    checked: bool,
    data_key: Option<(ZoneId, DataKey)>,
}

impl<'m> Seals<'m> {
    pub(super) const fn new(master: &'m MasterKey) -> Self {
        Self { master, checked: false, data_key: None }
    }

    /// What is wrong with the seals of a row.
    pub(super) fn check(&mut self, row: &Row) -> Result<(), String> {
        match row.kind {
            RowKind::Meta if row.text("key") == Some(MASTER_CHECK) => self.check_master(row),
            RowKind::Meta => Ok(()),
            _ if !self.checked => {
                Err("nothing before it says which master key the store was begun with; it is no whole backup"
                    .to_owned())
            }
            RowKind::Zone => self.check_zone(row),
            RowKind::SigningKey => self.check_key(row),
            _ => Ok(()),
        }
    }

    fn check_master(&mut self, row: &Row) -> Result<(), String> {
        let sealed = row.bytes("value").unwrap_or_default();
        let key = master_seal(self.master).map_err(|error| error.to_string())?;
        key.open(b"", sealed).map_err(|_| {
            "the master key is not the one of the store that this is a backup of; give that key, by CEDARKEEP_MASTER_KEY \
             or --master-key-file"
        })?;
        self.checked = true;
        Ok(())
    }

    fn check_zone(&mut self, row: &Row) -> Result<(), String> {
        let wrong = |_| "the zone's data key is not one that the master key has wrapped for it".to_owned();
        let id = row.zone().ok_or("the zone has no id")?;
        let data_key = self.master.unwrap(id, row.bytes("data_key").unwrap_or_default()).map_err(wrong)?;
        self.data_key = Some((id, data_key));
        Ok(())
    }

    fn check_key(&self, row: &Row) -> Result<(), String> {
        let (kid, sealed) = (row.text("kid").unwrap_or_default(), row.bytes("sealed_private").unwrap_or_default());
        // Of a revoked key, and of one that came from elsewhere, there is no private half.
        if sealed.is_empty() && row.text("state") != Some("signing") && row.text("state") != Some("pending") {
            return Ok(());
        }
        let (zone, data_key) = self.data_key.as_ref().ok_or("there is no zone before it")?;
        let private = data_key.open(*zone, kid, PURPOSE, sealed);
        let opened = private.and_then(|private| Signer::from_der(kid, &private));
        opened.map(drop).map_err(|_| format!("the private half of key {kid} is not what was sealed for it"))
    }
}
