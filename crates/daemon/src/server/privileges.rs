//! From root to the server's own user, before anything else runs.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::unistd::{Gid, Group, Uid, User, setgid, setgroups, setuid};
use sekisho_message::say;

use crate::config::Config;
use crate::trouble::Trouble;

/// The user and group to become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    uid: Uid,
    gid: Gid,
}

/// The identity that the configuration asks for, if it does.
///
/// # Errors
/// When the system knows no such user or group.
pub(crate) fn wanted(config: &Config) -> Result<Option<Identity>, Trouble> {
    let Some(name) = &config.user else { return Ok(None) };
    let user = User::from_name(name)
        .ok()
        .flatten()
        .ok_or_else(|| Trouble::could_not(say!(ja: "ユーザ {name} がいません。", en: "There is no user {name}.")))?;
    let gid = match &config.group {
        None => user.gid,
        Some(name) => {
            let group = Group::from_name(name).ok().flatten().ok_or_else(|| {
                Trouble::could_not(say!(ja: "グループ {name} がありません。", en: "There is no group {name}."))
            })?;
            group.gid
        }
    };
    if user.uid.is_root() {
        return Err(Trouble::could_not(say!(
            ja: "user に root は指定できません。",
            en: "user must not be root."
        )));
    }
    Ok(Some(Identity { uid: user.uid, gid }))
}

/// The owner of the data folder, when we are root and it is somebody else: verbs act as that user, so that they leave no
/// files that the server cannot open.
pub(crate) fn owner(dir: &Path) -> Option<Identity> {
    if !Uid::effective().is_root() {
        return None;
    }
    let metadata = std::fs::metadata(dir).ok()?;
    (metadata.uid() != 0).then(|| Identity { uid: Uid::from_raw(metadata.uid()), gid: Gid::from_raw(metadata.gid()) })
}

/// Who the server runs as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Not root: as whoever started it.
    Stay,
    /// Root, and nothing says who else.
    StayRoot,
    /// Root first, then this.
    Become(Identity),
}

/// Who to run as, from what the configuration wants and who owns the data folder.
///
/// The owner of the folder can write the configuration in it, so the configuration alone must not decide that a
/// folder of somebody else's is served as root, or as a third user.
///
/// # Errors
/// When the folder belongs to another user than the configuration names.
pub(crate) fn choose(wanted: Option<Identity>, owner: Option<Identity>, root: bool) -> Result<Choice, Trouble> {
    match (root, wanted, owner) {
        (false, _, _) => Ok(Choice::Stay),
        (true, None, None) => Ok(Choice::StayRoot),
        (true, Some(identity), None) | (true, None, Some(identity)) => Ok(Choice::Become(identity)),
        (true, Some(wanted), Some(owner)) if wanted.uid == owner.uid => Ok(Choice::Become(wanted)),
        (true, Some(wanted), Some(owner)) => {
            let (wanted, owner) = (wanted.uid, owner.uid);
            Err(Trouble::could_not(say!(
                ja: "データフォルダの所有者（uid {owner}）と設定の user（uid {wanted}）が違います。chown で揃えてください。",
                en: "The data folder belongs to uid {owner}, but `user` is uid {wanted}. Make them the same with chown."
            )))
        }
    }
}

/// Whether this process is root.
pub(crate) fn is_root() -> bool {
    Uid::effective().is_root()
}

/// Gives the data folder to `identity`: all of it when its owner changes, else what stands at its top, where a verb of
/// root's may have left a file.
///
/// # Errors
/// When the system refuses.
pub(crate) fn give(dir: &Path, identity: Identity) -> std::io::Result<()> {
    let dir = std::fs::canonicalize(dir)?;
    let whole = std::fs::metadata(&dir)?.uid() != identity.uid.as_raw();
    give_tree(&dir, identity, if whole { usize::MAX } else { 1 })
}

/// Symbolic links are not followed, and given away themselves. A file of root's that has another name somewhere is
/// left alone: it may be a trap of whoever could write here.
fn give_tree(path: &Path, identity: Identity, depth: usize) -> std::io::Result<()> {
    let metadata = std::fs::symlink_metadata(path)?;
    let elsewhere = metadata.is_file() && metadata.nlink() > 1;
    if metadata.uid() != identity.uid.as_raw() && !elsewhere {
        std::os::unix::fs::lchown(path, Some(identity.uid.as_raw()), Some(identity.gid.as_raw()))?;
    }
    if metadata.is_dir() && depth > 0 {
        for entry in std::fs::read_dir(path)? {
            give_tree(&entry?.path(), identity, depth - 1)?;
        }
    }
    Ok(())
}

/// Becomes `identity`, for good and in all threads, without supplementary groups.
///
/// # Errors
/// When the system refuses; nothing may run then.
pub(crate) fn become_identity(identity: Identity) -> Result<(), Trouble> {
    let refused = |error: nix::errno::Errno| {
        Trouble::could_not(say!(ja: "権限を落とせません: {error}", en: "Privileges could not be dropped: {error}"))
    };
    setgroups(&[identity.gid]).map_err(refused)?;
    setgid(identity.gid).map_err(refused)?;
    setuid(identity.uid).map_err(refused)?;
    if setuid(Uid::from_raw(0)).is_ok() {
        return Err(Trouble::could_not(say!(
            ja: "権限を落としたはずが root に戻れました。中止します。",
            en: "Privileges were dropped and could be taken back. Stopping."
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    const fn id(n: u32) -> Identity {
        Identity { uid: Uid::from_raw(n), gid: Gid::from_raw(n) }
    }

    #[test]
    fn a_configuration_cannot_talk_root_into_serving_somebody_elses_folder() {
        assert_eq!(choose(None, None, false).unwrap(), Choice::Stay);
        assert_eq!(choose(None, None, true).unwrap(), Choice::StayRoot);
        assert_eq!(choose(Some(id(7)), None, true).unwrap(), Choice::Become(id(7)));
        assert_eq!(choose(None, Some(id(7)), true).unwrap(), Choice::Become(id(7)));
        assert_eq!(choose(Some(id(7)), Some(id(7)), true).unwrap(), Choice::Become(id(7)));
        assert!(choose(Some(id(8)), Some(id(7)), true).is_err());
    }
}
