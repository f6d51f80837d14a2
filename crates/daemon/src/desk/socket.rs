//! The control socket: `DIR/control.sock`, JSON lines, for the server's own user and root alone.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::unistd::{Uid, User};
use sekisho_control::Actor;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::line::{LONGEST, decode, encode};
use super::{Desk, Reply, Request};

/// Name of the socket in the data folder.
pub const FILE: &str = "control.sock";
/// Most calls at once.
const MOST: usize = 64;

/// Makes `dir/control.sock`.
///
/// # Errors
/// When it cannot be made.
pub fn bind(dir: &Path) -> io::Result<UnixListener> {
    let path = dir.join(FILE);
    // The lock says that no other server has this folder, so a socket that is there was left behind.
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Answers calls on the socket of `dir` until `stop`. Calls in flight are finished.
pub async fn serve(desk: Desk, listener: UnixListener, dir: &Path, stop: CancellationToken) {
    let calls = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "control socket");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                continue;
            }
        };
        if calls.len() >= MOST {
            continue;
        }
        let (desk, stop) = (desk.clone(), stop.clone());
        calls.spawn(async move {
            if let Err(error) = attend(desk, stream, stop).await {
                tracing::debug!(%error, "control call");
            }
        });
    }
    calls.close();
    calls.wait().await;
    let _ = std::fs::remove_file(dir.join(FILE));
}

/// Answers the requests of one caller, one after the other.
async fn attend(desk: Desk, stream: UnixStream, stop: CancellationToken) -> io::Result<()> {
    let actor = permitted(stream.peer_cred()?.uid()).ok_or(io::ErrorKind::PermissionDenied)?;
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    loop {
        let line = tokio::select! {
            line = next_line(&mut read) => line?,
            () = stop.cancelled() => return Ok(()),
        };
        let Some(line) = line else { return Ok(()) };
        let request: Request = decode(&line)?;
        let (progress, mut heard) = mpsc::channel(16);
        let work = async {
            let mut tell = |n| {
                // A caller that reads slowly hears less often.
                let _ = progress.try_send(n);
            };
            let reply = desk.answer(request, &actor, &mut tell).await;
            drop(progress);
            reply
        };
        let say = async {
            while let Some(n) = heard.recv().await {
                write.write_all(&encode(&Reply::Progress(n))?).await?;
            }
            io::Result::Ok(())
        };
        // A caller that goes away does not stop what it began.
        let (reply, said) = tokio::join!(work, say);
        said?;
        write.write_all(&encode(&reply)?).await?;
    }
}

async fn next_line(read: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let taken = read.take(LONGEST as u64 + 1).read_until(b'\n', &mut line).await?;
    match line.pop() {
        None => Ok(None),
        Some(b'\n') => Ok(Some(line)),
        Some(_) if taken > LONGEST => Err(io::Error::new(io::ErrorKind::InvalidData, "request too long")),
        Some(_) => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Who the caller is, when it may call: root, or the user that the server runs as.
fn permitted(uid: u32) -> Option<Actor> {
    (uid == 0 || uid == Uid::effective().as_raw()).then(|| shell(uid))
}

/// Somebody at a shell, named as the system knows them.
pub(super) fn shell(uid: u32) -> Actor {
    let user = User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.name).unwrap_or_default();
    Actor::Shell { uid, user }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_root_and_the_servers_user_may_call() {
        let me = Uid::effective().as_raw();
        assert!(permitted(0).is_some());
        assert!(permitted(me).is_some());
        assert!(permitted(me.wrapping_add(4_242)).is_none());
    }
}
