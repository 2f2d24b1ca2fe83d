//! The master key and the administrator's token: where they come from and where they are kept. Neither is ever logged.

use std::{
    env,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow, bail};
use cedarkeep_attest::MasterKey;
use cedarkeep_service::Service;
use zeroize::Zeroizing;

use crate::place::{Place, private};

/// The variable that holds the master key.
const MASTER_KEY: &str = "CEDARKEEP_MASTER_KEY";
/// The variable that holds the administrator's token.
const ADMIN_TOKEN: &str = "CEDARKEEP_ADMIN_TOKEN";

/// The master key: from the environment, else from its file, else, for a store that is only beginning, made and written
/// to that file.
pub(crate) fn master_key(place: &Place, begun: bool) -> anyhow::Result<MasterKey> {
    if let Some(text) = from_environment(MASTER_KEY)? {
        return MasterKey::from_text(&text).context(MASTER_KEY);
    }
    let path = place.master_key_file();
    let at = || format!("the master key {}", path.display());
    match read(&path) {
        Ok(text) => MasterKey::from_text(&text).with_context(at),
        Err(error) if error.kind() == io::ErrorKind::NotFound => new_master_key(place, &path, begun).with_context(at),
        Err(error) => Err(error).with_context(at),
    }
}

fn new_master_key(place: &Place, path: &Path, begun: bool) -> anyhow::Result<MasterKey> {
    if place.master_key_file.is_some() {
        bail!("there is no such file");
    }
    if begun {
        bail!("it is missing, but there is a store that was begun with one; put it back, or give it with {MASTER_KEY}");
    }
    let key = MasterKey::generate()?;
    write(path, &key.to_text())?;
    let file = path.display().to_string();
    tracing::warn!(file, "made a master key; keep a copy apart from the data: without it no zone can sign");
    Ok(key)
}

/// How the administrator's token came to be.
pub(crate) enum AdminToken {
    /// From the environment.
    Given,
    /// Made just now and written to its file.
    Made(Zeroizing<String>),
    /// Set earlier.
    Known,
}

/// Sets the administrator's token: the one of the environment, else, when none was ever set, a new one.
pub(crate) async fn settle_admin_token(service: &Service, place: &Place) -> anyhow::Result<AdminToken> {
    let file = place.admin_token_file();
    if let Some(token) = from_environment(ADMIN_TOKEN)? {
        service.set_admin_token(&token).await.map_err(|error| anyhow!("{ADMIN_TOKEN}: {}", error.message()))?;
        remove_stale(&file)?;
        return Ok(AdminToken::Given);
    }
    if service.has_admin_token() {
        return Ok(AdminToken::Known);
    }
    new_admin_token(service, &file).await.map(AdminToken::Made)
}

/// Makes a new token, writes it to its file and sets it.
pub(crate) async fn new_admin_token(service: &Service, file: &Path) -> anyhow::Result<Zeroizing<String>> {
    // A token is made like a master key: 32 bytes of the system's randomness in base64url.
    let token = MasterKey::generate()?.to_text();
    write(file, &token).with_context(|| format!("the token file {}", file.display()))?;
    service.set_admin_token(&token).await?;
    Ok(token)
}

/// A token in the file that the environment has replaced would only mislead.
fn remove_stale(file: &Path) -> anyhow::Result<()> {
    match fs::remove_file(file) {
        Ok(()) => {
            let file = file.display().to_string();
            tracing::warn!(file, "removed the token file: the token of the environment has replaced the one in it");
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("the token file {}", file.display())),
    }
}

/// A secret of the environment; one that is set but empty counts as set.
pub(crate) fn from_environment(name: &str) -> anyhow::Result<Option<Zeroizing<String>>> {
    match env::var(name) {
        Ok(text) => Ok(Some(Zeroizing::new(text))),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => bail!("{name} is not text"),
    }
}

/// The content of a file that holds a secret.
pub(crate) fn read(path: &Path) -> io::Result<Zeroizing<String>> {
    fs::read_to_string(path).map(Zeroizing::new)
}

/// Writes a secret to a file that only its owner may read: whole and durable, or not at all.
pub(crate) fn write(path: &Path, secret: &str) -> anyhow::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut aside = path.to_owned().into_os_string();
    aside.push(".new");
    let aside = PathBuf::from(aside);
    // What an interrupted start left behind may have another mode.
    match fs::remove_file(&aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let mut file = private(OpenOptions::new().write(true).create_new(true), &aside)?;
    writeln!(file, "{secret}")?;
    file.sync_all()?;
    fs::rename(&aside, path)?;
    File::open(folder)?.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::place::Database;

    fn place(folder: &Path) -> Place {
        let (data_dir, database) = (folder.to_owned(), Database::File(folder.join("cedarkeep.db")));
        Place { data_dir, database, master_key_file: None }
    }

    #[test]
    fn a_master_key_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let place = place(folder.path());
        let key = master_key(&place, false).unwrap();
        let again = master_key(&place, true).unwrap();
        assert_eq!(key.to_text(), again.to_text());
        let mode = fs::metadata(place.master_key_file()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn no_master_key_is_made_for_a_store_that_was_begun_with_another() {
        let folder = tempfile::tempdir().unwrap();
        let place = place(folder.path());
        assert!(format!("{:#}", master_key(&place, true).unwrap_err()).contains("is missing"));
        assert!(!place.master_key_file().exists());
    }

    #[test]
    fn a_secret_replaces_an_earlier_one_whatever_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        fs::write(folder.path().join("secret.new"), "left behind").unwrap();
        fs::write(&path, "older").unwrap();
        write(&path, "newer").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "newer\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
