//! Taking one zone in from another installation.
//!
//! Its keys come in to verify with, and never to sign: whoever has their private halves is not here. The zone gets a key
//! of its own, with which the ordinary work for keys then signs every living version again. What was published, numbered
//! and recorded stays as it is, byte for byte; the events go on with the import.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::BufRead,
};

use cedarkeep_attest::KeyPair;
use cedarkeep_model::{EventKind, KeyState, NewEvent, SigningKey, Timestamp, ZoneId};
use cedarkeep_store::{Cell, Row, RowKind, Rows, Write};
use serde_json::{Value, json};

use super::{
    Contents, Progress, TransferError,
    file::{FileReader, Header},
    load::Loader,
    restore::at,
};
use crate::{Principal, Service, fsck, keys};

/// The keys that whoever imports trusts, by their ids: those are thumbprints.
pub type Trusted = BTreeSet<String>;

/// What was taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The zone.
    pub zone: ZoneId,
    /// The key that signs for it from now on.
    pub kid: String,
    /// How many rows of each kind.
    pub rows: BTreeMap<String, u64>,
    /// What was checked.
    pub checked: fsck::Report,
}

/// What came by on the way in.
#[derive(Default)]
struct Seen {
    zone: Option<ZoneId>,
    /// The keys of the file as they came.
    keys: BTreeMap<String, KeyState>,
    /// Those that attestations name.
    signed: BTreeSet<String>,
}

impl Service {
    /// Takes a zone in: all of it, once everything in it was found to be right and every attestation to be by a key that
    /// is trusted, or nothing. Reading may block.
    ///
    /// # Errors
    /// When the zone is there already, a key is not trusted, or something in the file is not as it must be.
    pub async fn import_zone(
        &self,
        from: &mut (dyn BufRead + Send),
        trusted: &Trusted,
        progress: Progress<'_>,
    ) -> Result<Imported, TransferError> {
        let (mut file, header) = FileReader::begin(from, Contents::Zone)?;
        let pair = self.new_key_pair().await?;
        let (mut load, mut seen) = (Loader::new(self.0.store.write().await?, progress), Seen::default());
        let mut data_key = None;
        while let Some(mut row) = file.next_row()? {
            match row.kind {
                RowKind::Zone => data_key = Some(self.take_zone(&file, &mut row, &mut seen, &mut *load.tx).await?),
                RowKind::SigningKey => take_key(&file, &mut row, &mut seen)?,
                RowKind::Attestation => seen.signed.extend(row.text("kid").map(str::to_owned)),
                kind if kind.is_of_the_installation() => return Err(file.wrong("a zone has no such row")),
                _ => {}
            }
            load.take(row).await.map_err(|error| at(&file, error))?;
        }
        load.flush().await.map_err(|error| at(&file, error))?;
        seen.check_trust(trusted)?;
        let (Some(zone), Some(data_key)) = (seen.zone, data_key) else {
            return Err(file.wrong("there is no zone in the file"));
        };
        let mut tx = load.tx;
        let sealed = data_key.seal(zone, &pair.kid, keys::PURPOSE, &pair.private_der).map_err(crate::Error::from)?;
        let kid = pair.kid.clone();
        self.record(&mut *tx, zone, (pair, sealed), (&header, &seen, trusted)).await?;
        let living = tx.zone(zone).await?.ok_or_else(|| file.wrong("the zone was deleted"))?;
        let checked = fsck::check_one(&mut *tx, &self.0.cedar, &living).await?;
        if !checked.clean() {
            return Err(TransferError::Found(checked.problems));
        }
        tx.commit().await?;
        Ok(Imported { zone, kid, rows: file.rows().clone(), checked })
    }

    /// The row of the zone, with a fresh data key.
    async fn take_zone(
        &self,
        file: &FileReader<'_>,
        row: &mut Row,
        seen: &mut Seen,
        tx: &mut dyn Write,
    ) -> Result<cedarkeep_attest::DataKey, TransferError> {
        let id = row.zone().filter(|_| seen.zone.is_none()).ok_or_else(|| file.wrong("the file holds one zone"))?;
        if row.bytes("data_key") != Some(&[]) || row.cell("deleted_at") != Some(&Cell::Null) {
            return Err(file.wrong("a zone is moved while it lives, and without its data key"));
        }
        let same = Rows { kind: RowKind::Zone, zone: Some(id), after: None, limit: 1 };
        if !tx.rows(&same).await?.is_empty() {
            let message = format!("zone {id} is here already (a deleted one counts); nothing was changed");
            return Err(TransferError::Refused(message));
        }
        let (data_key, wrapped) = self.0.master.new_data_key(id).map_err(crate::Error::from)?;
        row.replace("data_key", Cell::Bytes(wrapped));
        seen.zone = Some(id);
        Ok(data_key)
    }

    /// What the import itself does: the former keys are retired, a key of its own signs, and events say so.
    async fn record(
        &self,
        tx: &mut dyn Write,
        zone: ZoneId,
        (pair, sealed_private): (KeyPair, Vec<u8>),
        (header, seen, trusted): (&Header, &Seen, &Trusted),
    ) -> Result<(), TransferError> {
        let now = self.now();
        let kids: Vec<_> = seen.keys.keys().collect();
        let trusted: Vec<_> = seen.signed.intersection(trusted).collect();
        let body =
            json!({"written_at": header.written_at, "program": header.program, "kids": kids, "trusted": trusted});
        event(tx, zone, now, EventKind::ZoneImported, body).await?;
        let active = |state: KeyState| [KeyState::Signing, KeyState::Pending].contains(&state);
        for (kid, _) in seen.keys.iter().filter(|(_, state)| active(**state)) {
            event(tx, zone, now, EventKind::KeyRetired, json!({"kid": kid})).await?;
        }
        let key = SigningKey {
            zone_id: zone,
            kid: pair.kid,
            state: KeyState::Signing,
            public: pair.public,
            sealed_private,
            created_at: now,
            created_by: Principal::administrator().id,
            signs_from: now,
            re_signed_at: None,
            revoke_requested: None,
            revoked_seq: None,
        };
        let body = json!({"kid": key.kid, "state": key.state, "public": key.public});
        event(tx, zone, now, EventKind::KeyCreated, body).await?;
        Ok(tx.insert_key(&key).await?)
    }
}

async fn event(
    tx: &mut dyn Write,
    zone: ZoneId,
    at: Timestamp,
    kind: EventKind,
    body: Value,
) -> Result<(), TransferError> {
    let actor = Principal::administrator().id;
    tx.append_event(zone, NewEvent { kind, actor, at, body }).await?;
    Ok(())
}

/// The row of a key, which verifies from now on and never signs.
fn take_key(file: &FileReader<'_>, row: &mut Row, seen: &mut Seen) -> Result<(), TransferError> {
    if row.bytes("sealed_private") != Some(&[]) {
        return Err(file.wrong("a key is moved without its private half"));
    }
    let state = row.text("state").and_then(|state| state.parse::<KeyState>().ok());
    let state = state.ok_or_else(|| file.wrong("the key has no state that there is"))?;
    if state != KeyState::Revoked {
        row.replace("state", Cell::Text(KeyState::Retired.to_string()));
    }
    seen.keys.insert(row.text("kid").unwrap_or_default().to_owned(), state);
    Ok(())
}

impl Seen {
    /// Every key that signed and was not revoked must be one that is trusted: what a revoked one signed counts nothing.
    fn check_trust(&self, trusted: &Trusted) -> Result<(), TransferError> {
        let advice = "compare them with those that you noted when the zone was made, and name them with --trust-kid, or a \
                      key set that you trust with --jwks";
        if trusted.is_empty() {
            let held: Vec<_> = self.keys.keys().map(String::as_str).collect();
            let message = format!("no key is named as trusted; the file holds\n  {}\n{advice}", held.join("\n  "));
            return Err(TransferError::Refused(message));
        }
        let counts = |kid: &&String| self.keys.get(*kid) != Some(&KeyState::Revoked) && !trusted.contains(*kid);
        let unknown: Vec<_> = self.signed.iter().filter(counts).map(String::as_str).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let message = format!("the file is signed by keys that are not trusted:\n  {}\n{advice}", unknown.join("\n  "));
        Err(TransferError::Refused(message))
    }
}
