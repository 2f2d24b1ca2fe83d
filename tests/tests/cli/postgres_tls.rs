//! TLS to PostgreSQL: who answers is verified when the URL asks for it.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
};

use cedarkeep_postgres_harness::Server as Postgres;
use cedarkeep_tests::server::{FIXTURE_TOKEN, Said, Server, cedarkeep, run, serve};
use openssl::{
    asn1::Asn1Time,
    bn::BigNum,
    hash::MessageDigest,
    pkey::{PKey, Private},
    rsa::Rsa,
    x509::{
        X509, X509Builder, X509NameBuilder,
        extension::{BasicConstraints, SubjectAlternativeName},
    },
};
use tempfile::TempDir;

/// A key, and a certificate of it that lasts a day: of an authority, or by one for an address.
struct Identity {
    key: PKey<Private>,
    certificate: X509,
}

impl Identity {
    fn new(name: &str, by: Option<&Self>, extend: impl FnOnce(&mut X509Builder)) -> Self {
        let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        let mut subject = X509NameBuilder::new().unwrap();
        subject.append_entry_by_text("CN", name).unwrap();
        let subject = subject.build();
        let mut builder = X509::builder().unwrap();
        builder.set_version(2).unwrap();
        builder.set_serial_number(&BigNum::from_u32(1).unwrap().to_asn1_integer().unwrap()).unwrap();
        builder.set_subject_name(&subject).unwrap();
        builder.set_issuer_name(by.map_or(&subject, |by| by.certificate.subject_name())).unwrap();
        builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
        builder.set_pubkey(&key).unwrap();
        extend(&mut builder);
        builder.sign(by.map_or(&key, |by| &by.key), MessageDigest::sha256()).unwrap();
        Self { certificate: builder.build(), key }
    }

    fn authority(name: &str) -> Self {
        Self::new(name, None, |builder| {
            builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
        })
    }

    fn issue(&self, alternative: &SubjectAlternativeName) -> Self {
        Self::new("server", Some(self), |builder| {
            let alternative = alternative.build(&builder.x509v3_context(Some(&self.certificate), None)).unwrap();
            builder.append_extension(alternative).unwrap();
        })
    }
}

/// Writes a file that PostgreSQL may read as its own, also when the tests run as root and it does not.
fn give(path: &Path, content: &[u8], owner: &Path) {
    fs::write(path, content).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    let owner = fs::metadata(owner).unwrap();
    chown(path, Some(owner.uid()), Some(owner.gid())).unwrap();
}

struct Field {
    postgres: &'static Postgres,
    database: String,
    folder: TempDir,
}

impl Field {
    /// A server that shows a certificate for this address.
    fn new(authority: &Identity, alternative: &SubjectAlternativeName) -> Self {
        let postgres: &'static Postgres = Box::leak(Box::new(Postgres::start(&[])));
        let identity = authority.issue(alternative);
        let data = postgres.data();
        give(&data.join("server.crt"), &identity.certificate.to_pem().unwrap(), &data);
        give(&data.join("server.key"), &identity.key.private_key_to_pem_pkcs8().unwrap(), &data);
        postgres.psql("postgres", "ALTER SYSTEM SET ssl = on");
        postgres.kill();
        postgres.restart();
        Self { postgres, database: postgres.make_database(), folder: tempfile::tempdir().unwrap() }
    }

    fn root(&self, authority: &Identity) -> PathBuf {
        let path = self.folder.path().join("root.pem");
        fs::write(&path, authority.certificate.to_pem().unwrap()).unwrap();
        path
    }

    fn url(&self, mode: &str, root: Option<&Path>) -> String {
        let root = root.map(|root| format!("&sslrootcert={}", root.display())).unwrap_or_default();
        self.postgres.url(&self.database).replace("sslmode=disable", &format!("sslmode={mode}{root}"))
    }

    fn migrate(&self, mode: &str, root: Option<&Path>) -> Said {
        let mut command = cedarkeep(["migrate", "--data-dir"]);
        run(command.arg(self.folder.path()).env("CEDARKEEP_DATABASE_URL", self.url(mode, root)))
    }
}

#[test]
fn a_server_is_known_by_its_authority_and_its_address() {
    let (authority, other) = (Identity::authority("authority"), Identity::authority("other"));
    let field = Field::new(&authority, SubjectAlternativeName::new().ip("127.0.0.1"));
    let refused = |said: &Said| said.code == Some(1) && said.err.contains("certificate");
    let unknown = field.migrate("verify-full", None);
    assert!(refused(&unknown), "the authorities of the web know nothing of it: {unknown:?}");
    let root = field.root(&other);
    for mode in ["verify-full", "verify-ca"] {
        let foreign = field.migrate(mode, Some(&root));
        assert!(refused(&foreign), "{mode}: {foreign:?}");
    }
    let root = field.root(&authority);
    let known = field.migrate("verify-full", Some(&root));
    assert_eq!(known.code, Some(0), "{known:?}");

    let mut command = serve(field.folder.path());
    command.env("CEDARKEEP_DATABASE_URL", field.url("verify-full", Some(&root)));
    let server = Server::start(command.env("CEDARKEEP_ADMIN_TOKEN", FIXTURE_TOKEN));
    assert_eq!(server.get("/zones", FIXTURE_TOKEN).0, 200);
    let encrypted = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
         WHERE application_name = 'cedarkeep'";
    assert_eq!(field.postgres.psql(&field.database, encrypted), "t");
}

#[test]
fn a_certificate_for_another_host_is_good_enough_only_when_the_url_says_so() {
    let authority = Identity::authority("authority");
    let field = Field::new(&authority, SubjectAlternativeName::new().dns("db.example"));
    let root = field.root(&authority);
    assert_eq!(field.migrate("verify-full", Some(&root)).code, Some(1));
    let said = field.migrate("verify-ca", Some(&root));
    assert_eq!(said.code, Some(0), "{said:?}");
}
