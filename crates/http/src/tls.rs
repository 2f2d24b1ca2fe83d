//! TLS 1.2 and 1.3 by rustls, with a certificate and a key from files that are read again when they change.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use cedarkeep_model::Digest;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{interval, timeout},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{
            CertificateDer, PrivateKeyDer,
            pem::{self, PemObject as _},
        },
        version::{TLS12, TLS13},
    },
    server::TlsStream,
};
use zeroize::Zeroizing;

/// Counts what went wrong with TLS: handshakes that came to nothing, new files that could not be used.
pub(crate) const FAILURES_METRIC: &str = "cedarkeep_tls_failures_total";

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// The one protocol that is spoken within (RFC 7301).
const HTTP_1_1: &[u8] = b"http/1.1";

/// Makes one cryptographic library the process's choice for TLS. Two are linked in, ours and that of the libraries for the
/// database and for requests, and who asks for no particular one must not have to guess.
pub fn choose_tls_library() {
    // Whoever has chosen before has chosen for good.
    let _chosen = aws_lc_rs::default_provider().install_default();
}

/// Where the certificate and its key are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and those of the authorities between it and a known one, in PEM form, the server's own first.
    pub certificate: PathBuf,
    /// Its private key in PEM form, not encrypted.
    pub key: PathBuf,
}

/// Why the files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("the TLS {what} file {} cannot be read: {source}", path.display())]
    Unreadable {
        /// Which of the two.
        what: &'static str,
        /// Where it should be.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The first file holds no certificate.
    #[error("the TLS certificate file {} must hold certificates in PEM form, the server's own first", .0.display())]
    NoCertificate(PathBuf),
    /// The second file holds no key.
    #[error("the TLS key file {} must hold one private key in PEM form (PKCS #8, PKCS #1 or SEC 1), not encrypted", .0.display())]
    NoKey(PathBuf),
    /// The two do not belong together, or are of a kind that is not spoken.
    #[error(
        "the TLS certificate of {} and the key of {} cannot be used together: {source}",
        files.certificate.display(), files.key.display()
    )]
    Unfit {
        /// Where the two are.
        files: TlsFiles,
        /// Why not.
        source: rustls::Error,
    },
}

/// What connections are secured with at the moment. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Tls(Arc<Inner>);

struct Inner {
    files: TlsFiles,
    current: Mutex<Current>,
}

struct Current {
    config: Arc<ServerConfig>,
    /// What was looked at last, whether it could be used or not; none when it could not be read.
    looked_at: Option<Digest>,
}

/// The bytes of both files.
struct Pair {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// When they cannot be used.
    pub fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let pair = Pair::read(&files)?;
        let current = Current { config: pair.config(&files)?, looked_at: Some(pair.digest()) };
        Ok(Self(Arc::new(Inner { files, current: Mutex::new(current) })))
    }

    /// Reads the files again every two seconds. Connections that are open go on as they began; new ones take what is in
    /// force when they come.
    pub(crate) async fn follow_files(self) {
        let mut turn = interval(LOOK);
        loop {
            turn.tick().await;
            let tls = self.clone();
            match tokio::task::spawn_blocking(move || tls.look()).await {
                Ok(Ok(false)) => {}
                Ok(Ok(true)) => tracing::info!("the TLS certificate and its key were read anew"),
                Ok(Err(error)) => {
                    metrics::counter!(FAILURES_METRIC, "what" => "reload").increment(1);
                    tracing::error!(%error, "the TLS files have changed and cannot be used: the certificate stays as it was");
                }
                Err(error) => tracing::error!(%error, "the TLS files could not be looked at"),
            }
        }
    }

    /// Looks whether the files have changed, and takes what they hold; whether that is something new. What cannot be used
    /// is an error once, and changes nothing.
    fn look(&self) -> Result<bool, TlsError> {
        let files = &self.0.files;
        let read = Pair::read(files);
        let found = read.as_ref().ok().map(Pair::digest);
        let mut current = self.0.current.lock().unwrap_or_else(PoisonError::into_inner);
        if found == current.looked_at {
            return Ok(false);
        }
        current.looked_at = found;
        current.config = read?.config(files)?;
        Ok(true)
    }

    /// Secures a connection, unless the other side takes longer than this.
    pub(crate) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        within: Duration,
    ) -> io::Result<TlsStream<S>> {
        let config = Arc::clone(&self.0.current.lock().unwrap_or_else(PoisonError::into_inner).config);
        let secured = timeout(within, TlsAcceptor::from(config).accept(stream)).await;
        let secured = secured.unwrap_or_else(|late| Err(late.into()));
        if secured.is_err() {
            metrics::counter!(FAILURES_METRIC, "what" => "handshake").increment(1);
        }
        secured
    }
}

impl Pair {
    fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        let read = |what: &'static str, path: &Path| {
            fs::read(path).map_err(|source| TlsError::Unreadable { what, path: path.to_owned(), source })
        };
        Ok(Self {
            certificate: read("certificate", &files.certificate)?,
            key: Zeroizing::new(read("key", &files.key)?),
        })
    }

    fn digest(&self) -> Digest {
        Digest::of(&[Digest::of(&self.certificate), Digest::of(&self.key)].map(|digest| *digest.bytes()).concat())
    }

    fn config(&self, files: &TlsFiles) -> Result<Arc<ServerConfig>, TlsError> {
        let chain: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(&self.certificate).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty());
        let chain = chain.ok_or_else(|| TlsError::NoCertificate(files.certificate.clone()))?;
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| TlsError::NoKey(files.key.clone()))?;
        let unfit = |source| TlsError::Unfit { files: files.clone(), source };
        // Two libraries of this process bring another provider for what they call: none is the default of all.
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(unfit)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(unfit)?;
        config.alpn_protocols = vec![HTTP_1_1.to_vec()];
        Ok(Arc::new(config))
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertifiedKey, generate_simple_self_signed};
    use tempfile::TempDir;

    use super::*;

    fn made() -> (String, String) {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        (cert.pem(), signing_key.serialize_pem())
    }

    fn files(folder: &TempDir, certificate: &str, key: &str) -> TlsFiles {
        let files = TlsFiles { certificate: folder.path().join("cert.pem"), key: folder.path().join("key.pem") };
        fs::write(&files.certificate, certificate).unwrap();
        fs::write(&files.key, key).unwrap();
        files
    }

    #[test]
    fn files_that_cannot_be_used_are_refused_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let ((certificate, key), (_, other_key)) = (made(), made());
        let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
        for (certificate, key, why) in [
            (certificate.as_str(), "", "must hold one private key in PEM form"),
            (&certificate, &encrypted, "not encrypted"),
            (&certificate, &other_key, "cannot be used together"),
            ("", &key, "must hold certificates in PEM form"),
            ("-----BEGIN CERTIFICATE-----\nnot base64!\n-----END CERTIFICATE-----\n", &key, "must hold certificates"),
        ] {
            let refused = Tls::load(files(&folder, certificate, key)).err().unwrap().to_string();
            assert!(refused.contains(why), "{refused}");
        }
        let mut missing = files(&folder, &certificate, &key);
        missing.key = folder.path().join("missing.pem");
        assert!(Tls::load(missing).err().unwrap().to_string().contains("missing.pem cannot be read"));
    }

    #[test]
    fn what_is_new_is_taken_and_what_is_broken_is_said_once_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let ((first, key), (second, second_key)) = (made(), made());
        let tls = Tls::load(files(&folder, &first, &key)).unwrap();
        let config = || Arc::as_ptr(&tls.0.current.lock().unwrap().config);
        let at_first = config();
        assert!(!tls.look().unwrap(), "nothing has changed");
        // The two are replaced one after the other: for a while they do not belong together.
        fs::write(folder.path().join("cert.pem"), &second).unwrap();
        assert!(tls.look().unwrap_err().to_string().contains("cannot be used together"));
        assert_eq!((tls.look().unwrap(), config()), (false, at_first), "it is said once");
        fs::write(folder.path().join("key.pem"), &second_key).unwrap();
        assert!(tls.look().unwrap());
        assert_ne!(config(), at_first);
        fs::remove_file(folder.path().join("key.pem")).unwrap();
        assert!(tls.look().unwrap_err().to_string().contains("key.pem cannot be read"));
        assert!(!tls.look().unwrap(), "it is said once");
    }
}
