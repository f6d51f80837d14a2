//! A full disk: a clear temporary refusal, nothing lost, and on it goes when space returns.

use crate::support;

use crate::support::wire::Wire;
use crate::support::{PASSWORD, Server, Setup, client, until};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A small file system of its own. Unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(mebibytes: u32) -> Self {
        let folder = support::scratch();
        let done = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "tmpfs"])
            .arg(&folder)
            .output()
            .unwrap();
        assert!(
            done.status.success(),
            "this test mounts a small file system, which needs root: {}",
            support::text(&done)
        );
        Self(folder)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
        let _ = std::fs::remove_dir(&self.0);
    }
}

fn free_bytes(folder: &Path) -> u64 {
    let out = Command::new("df").args(["--output=avail", "-B1"]).arg(folder).output().unwrap();
    String::from_utf8_lossy(&out.stdout).lines().nth(1).unwrap().trim().parse().unwrap()
}

#[test]
fn a_full_disk_refuses_for_now_and_loses_nothing() {
    let disk = SmallDisk::mount(48);
    let data = disk.0.join("data");
    let mut server = Server::start(&Setup { accounts: &["user"], data: Some(data), ..Setup::default() });
    let user = server.address("user");
    let body = format!("Subject: filler\r\n\r\n{}", "0123456789abcdef0123456789abcdef0123456789abcdef\r\n".repeat(800));
    let mut wire = Wire::smtp(server.ports.smtp);
    let mut accepted = 0;
    for _ in 0..10 {
        assert!(wire.message("a@outside.example", &user, &body).starts_with("250"));
        accepted += 1;
    }
    until("delivered", Duration::from_secs(20), || server.queued() == 0);
    let ballast = disk.0.join("ballast");
    std::fs::write(&ballast, vec![0_u8; usize::try_from(free_bytes(&disk.0)).unwrap().saturating_sub(512 * 1024)])
        .unwrap();
    let mut refused = 0;
    for _ in 0..60 {
        let reply = wire.message("a@outside.example", &user, &body);
        if reply.starts_with("250") {
            accepted += 1;
            continue;
        }
        assert!(reply.starts_with("452"), "{reply}");
        refused += 1;
        if refused == 3 {
            break;
        }
    }
    assert_eq!(refused, 3, "the disk never filled");
    let append = r#"
import imaplib, ssl, sys
m = imaplib.IMAP4_SSL("127.0.0.1", int(sys.argv[1]), ssl_context=ssl._create_unverified_context())
m.login(sys.argv[2], sys.argv[3])
kind, text = m.append("INBOX", None, None, b"Subject: too much\r\n\r\n" + b"x" * 2_000_000)
assert kind == "NO", (kind, text)
assert m.noop()[0] == "OK"
m.select("INBOX"); print(len(m.search(None, "ALL")[1][0].split()))
"#;
    let imaps = server.ports.imaps.to_string();
    client("python3", &["-c", append, &imaps, &user, PASSWORD], &server.data.clone());
    std::fs::remove_file(&ballast).unwrap();
    until("accepts again", Duration::from_secs(20), || {
        let mut wire = Wire::smtp(server.ports.smtp);
        wire.message("a@outside.example", &user, &body).starts_with("250")
    });
    accepted += 1;
    until("delivered", Duration::from_secs(20), || server.queued() == 0);
    let count = r#"
import imaplib, ssl, sys
m = imaplib.IMAP4_SSL("127.0.0.1", int(sys.argv[1]), ssl_context=ssl._create_unverified_context())
m.login(sys.argv[2], sys.argv[3]); m.select("INBOX"); print(len(m.search(None, "ALL")[1][0].split()))
"#;
    let found: u32 =
        client("python3", &["-c", count, &imaps, &user, PASSWORD], &server.data.clone()).trim().parse().unwrap();
    assert!(found >= accepted, "{accepted} were accepted, {found} are there");
    server.stop();
    assert!(server.cli(&["store", "check"]).status.success());
}
