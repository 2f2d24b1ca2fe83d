//! What `login` keeps: a credential for each server, in a file that only its owner may read.

use std::{
    collections::BTreeMap,
    env, fmt,
    fs::{self, DirBuilder},
    io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow, bail};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::secrets;

/// The file within the folder of the configuration.
const FILE: &str = "cedarkeep/credentials.toml";

/// The credentials by the URLs of their servers.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Logins {
    #[serde(default)]
    servers: BTreeMap<String, Login>,
}

/// A credential.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(crate) enum Login {
    /// A bearer token.
    Token {
        /// The token.
        token: Secret,
    },
    /// A client that gets access tokens.
    Client {
        /// Its id.
        client_id: String,
        /// Its secret.
        client_secret: Secret,
    },
}

/// A text that is wiped when it is no longer used, and never printed.
#[derive(Clone)]
pub(crate) struct Secret(Zeroizing<String>);

impl Secret {
    /// A secret.
    pub(crate) fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// What it says.
    pub(crate) fn text(&self) -> Zeroizing<String> {
        self.0.clone()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

/// Where the file is: in the folder that the XDG Base Directory Specification names. None where there is no home.
pub(crate) fn file() -> Option<PathBuf> {
    let folder = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let config = folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")));
    Some(config?.join(FILE))
}

impl Logins {
    /// Those of the file; none where there is no file.
    pub(crate) fn read() -> anyhow::Result<Self> {
        file().map_or_else(|| Ok(Self::default()), |file| Self::read_from(&file))
    }

    fn read_from(file: &Path) -> anyhow::Result<Self> {
        let at = || format!("the credentials of cedarkeep login, {}", file.display());
        let text = match secrets::read(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            text => text.with_context(at)?,
        };
        let mode = fs::metadata(file).with_context(at)?.permissions().mode();
        if mode & 0o077 != 0 {
            bail!(
                "others than its owner may read {0}: chmod 600 {0}, and log in again if they might have",
                file.display()
            );
        }
        // What is wrong with it may quote what stands in it.
        toml::from_str(&text).map_err(|_| anyhow!("{} cannot be read: remove the file and log in again", at()))
    }

    /// Writes them; where none is left the file goes.
    pub(crate) fn write(&self) -> anyhow::Result<PathBuf> {
        let file = file().context("where to? set HOME, or XDG_CONFIG_HOME, to an absolute path")?;
        self.write_to(&file).with_context(|| format!("the file {}", file.display()))?;
        Ok(file)
    }

    fn write_to(&self, file: &Path) -> anyhow::Result<()> {
        if self.servers.is_empty() {
            return match fs::remove_file(file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
                _ => Ok(()),
            };
        }
        if let Some(folder) = file.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        secrets::write(file, &Zeroizing::new(toml::to_string(self)?))
    }

    /// Keeps a credential in place of an earlier one.
    pub(crate) fn keep(&mut self, server: &str, login: Login) {
        self.servers.insert(server.to_owned(), login);
    }

    /// Forgets one; whether it was there.
    pub(crate) fn forget(&mut self, server: &str) -> bool {
        self.servers.remove(server).is_some()
    }

    /// The server and the credential that a request to this URL is for.
    pub(crate) fn of(&self, url: &str) -> Option<(&str, &Login)> {
        let below =
            |server: &str| url.strip_prefix(server).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let known = self.servers.iter().filter(|(server, _)| below(server));
        known.max_by_key(|(server, _)| server.len()).map(|(server, login)| (server.as_str(), login))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(text: &str) -> Login {
        Login::Token { token: Secret::new(text) }
    }

    #[test]
    fn a_credential_goes_to_its_own_server_alone() {
        let mut logins = Logins::default();
        logins.keep("https://a.example", token("a"));
        logins.keep("https://a.example/cedar", token("b"));
        for (url, server) in [
            ("https://a.example", Some("https://a.example")),
            ("https://a.example/zones", Some("https://a.example")),
            ("https://a.example/cedar/zones", Some("https://a.example/cedar")),
            ("https://a.example/cedars/zones", Some("https://a.example")),
            ("https://a.example.evil/zones", None),
            ("https://a.example@evil/zones", None),
            ("https://a.example:8443/zones", None),
            ("http://a.example/zones", None),
        ] {
            assert_eq!(logins.of(url).map(|(server, _)| server), server, "{url}");
        }
    }

    #[test]
    fn the_file_is_for_its_owner_alone_and_goes_with_the_last_credential() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config/cedarkeep/credentials.toml");
        assert!(Logins::read_from(&file).unwrap().of("https://a.example").is_none());
        let mut logins = Logins::default();
        logins.keep("https://a.example", token("hush"));
        let client = Login::Client { client_id: "c".into(), client_secret: Secret::new("hush") };
        logins.keep("https://b.example", client);
        assert!(!format!("{logins:?}").contains("hush"));
        logins.write_to(&file).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));

        let mut read = Logins::read_from(&file).unwrap();
        assert!(
            matches!(read.of("https://a.example/zones"), Some((_, Login::Token { token })) if *token.text() == "hush")
        );
        assert!(matches!(read.of("https://b.example"), Some((_, Login::Client { client_id, .. })) if client_id == "c"));
        assert!(
            read.forget("https://a.example") && !read.forget("https://a.example") && read.forget("https://b.example")
        );
        read.write_to(&file).unwrap();
        assert!(!file.exists());
        read.write_to(&file).unwrap();
    }

    #[test]
    fn a_file_that_others_may_read_is_refused_and_a_broken_one_is_not_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("credentials.toml");
        secrets::write(&file, "servers = hush").unwrap();
        let broken = format!("{:#}", Logins::read_from(&file).unwrap_err());
        assert!(broken.contains("log in again") && !broken.contains("hush"), "{broken}");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(format!("{:#}", Logins::read_from(&file).unwrap_err()).contains("chmod 600"));
    }
}
