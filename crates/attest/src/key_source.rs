//! Where fresh zone keys come from.

use std::{
    fmt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, sync_channel},
    },
    thread,
};

use crate::{AttestError, KeyPair};

/// The length of a fresh zone key in bits.
pub const DEFAULT_BITS: u32 = 3072;

/// A source of key pairs.
pub trait KeySource: Send + Sync + 'static {
    /// The next key pair. May block for as long as the generation of a key takes (seconds): call it where blocking is
    /// allowed.
    ///
    /// # Errors
    /// When no key can be made.
    fn next(&self) -> Result<KeyPair, AttestError>;
}

/// The real source: fresh RSA keys of [`DEFAULT_BITS`]. One spare pair is always ready or under way on a thread of its
/// own, so that who asks does not wait for the primes. The thread ends with the source.
pub struct RsaKeys(Spare<Result<KeyPair, AttestError>>);

impl RsaKeys {
    /// Starts the thread that makes the spare pair.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start() -> Result<Self, AttestError> {
        Spare::start(|| KeyPair::generate(DEFAULT_BITS)).map(Self)
    }
}

impl fmt::Debug for RsaKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RsaKeys")
    }
}

impl KeySource for RsaKeys {
    fn next(&self) -> Result<KeyPair, AttestError> {
        self.0.take()?
    }
}

/// One thing made ahead of need by a thread of its own.
struct Spare<T>(Mutex<Receiver<T>>);

impl<T: Send + 'static> Spare<T> {
    fn start(make: impl Fn() -> T + Send + 'static) -> Result<Self, AttestError> {
        // A channel without room: the thread holds what it has made until somebody takes it, then makes the next.
        let (spare, taken) = sync_channel(0);
        thread::Builder::new()
            .name("zone-keys".to_owned())
            .spawn(move || while spare.send(make()).is_ok() {})
            .map_err(|_| AttestError::GeneratorGone)?;
        Ok(Self(Mutex::new(taken)))
    }

    fn take(&self) -> Result<T, AttestError> {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.recv().map_err(|_| AttestError::GeneratorGone)
    }
}

/// A source for tests and benches: given keys in their order, again from the first after the last.
#[derive(Debug)]
pub struct KeyPool {
    pairs: Vec<KeyPair>,
    taken: AtomicUsize,
}

impl KeyPool {
    /// A pool of these private keys in PEM form.
    ///
    /// # Errors
    /// As [`KeyPair::from_pem`], and for no key at all.
    pub fn from_pems(pems: impl IntoIterator<Item = String>) -> Result<Self, AttestError> {
        Self::new(pems.into_iter().map(|pem| KeyPair::from_pem(pem.as_bytes())).collect::<Result<_, _>>()?)
    }

    /// A pool of these private keys in DER form.
    ///
    /// # Errors
    /// As [`KeyPair::from_der`], and for no key at all.
    pub fn from_ders<D: AsRef<[u8]>>(ders: &[D]) -> Result<Self, AttestError> {
        Self::new(ders.iter().map(|der| KeyPair::from_der(der.as_ref())).collect::<Result<_, _>>()?)
    }

    fn new(pairs: Vec<KeyPair>) -> Result<Self, AttestError> {
        if pairs.is_empty() {
            return Err(AttestError::EmptyPool);
        }
        Ok(Self { pairs, taken: AtomicUsize::new(0) })
    }
}

impl KeySource for KeyPool {
    fn next(&self) -> Result<KeyPair, AttestError> {
        let turn = self.taken.fetch_add(1, Ordering::Relaxed) % self.pairs.len();
        self.pairs.get(turn).cloned().ok_or(AttestError::EmptyPool)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::fixtures;

    #[test]
    fn the_spare_is_made_before_anybody_asks_and_on_another_thread() {
        let (made, seen) = mpsc::channel();
        let spare = Spare::start(move || {
            made.send(thread::current().id()).unwrap();
            "a spare"
        })
        .unwrap();
        // Would wait for ever if the making began with the asking.
        let maker = seen.recv().unwrap();
        assert_ne!(maker, thread::current().id());
        assert_eq!(spare.take().unwrap(), "a spare");
        assert_eq!(seen.recv().unwrap(), maker, "the next spare is under way without being asked for");
        drop(spare);
        assert!(seen.recv().is_err(), "the thread ends with its source");
    }

    #[test]
    fn fresh_keys_have_the_length_that_is_promised() {
        let pair = RsaKeys::start().unwrap().next().unwrap();
        assert_eq!(crate::base64url::decode_strict(&pair.public.n).unwrap().len() * 8, 3072);
    }

    #[test]
    fn a_pool_wraps_round() {
        let pool = KeyPool::from_pems(fixtures::RSA.iter().take(2).map(|pem| (*pem).to_owned())).unwrap();
        let kids: Vec<_> = (0..3).map(|_| pool.next().unwrap().kid).collect();
        assert_eq!(kids, [fixtures::pair(0).kid, fixtures::pair(1).kid, fixtures::pair(0).kid]);
        assert!(matches!(KeyPool::from_pems(vec![]), Err(AttestError::EmptyPool)));
        let ders = KeyPool::from_ders(&[fixtures::pair(1).private_der]).unwrap();
        assert_eq!(ders.next().unwrap().kid, fixtures::pair(1).kid);
    }
}
