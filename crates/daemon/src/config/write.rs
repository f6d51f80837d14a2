//! The first configuration file.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::{FILE, HostName};

/// The text of a first configuration for `hostname`, every setting with its default.
#[must_use]
pub fn first_file(hostname: &HostName) -> String {
    format!(
        r#"# Sekisho: read at start. Unknown keys are errors. Paths are relative to this folder.
# 起動時に読み込まれます。知らないキーはエラーになります。パスはこのフォルダからの相対です。

hostname = "{hostname}"
# user = "sekisho"             # become this user after binding, when started as root

[listen]                       # lists of address:port; an empty list switches a service off
smtp = ["127.0.0.1:2525"]
submission = ["127.0.0.1:2587"]
submissions = ["127.0.0.1:2465"]
pop3 = ["127.0.0.1:2110"]
pop3s = ["127.0.0.1:2995"]
imap = ["127.0.0.1:2143"]
imaps = ["127.0.0.1:2993"]
console = ["127.0.0.1:2080"]

[store]
url = "sqlite:sekisho.db"      # or postgres://user:password@host/database
blobs = "file:blobs"

[tls]
certificate = "tls/cert.pem"   # made on first start when absent
key = "tls/key.pem"
require_for_auth = true        # false lets clients log in without TLS, loopback only

[auth]                         # ways to log in beside passwords: docs/operations
digests_without_tls = false    # APOP and CRAM-MD5 in the clear, for clients that are too old for TLS
# issuer = {{ url = "https://id.example.jp", audience = ["sekisho"] }}       # OAUTHBEARER, XOAUTH2
# certificates = {{ authorities = "tls/clients.pem", by = "address" }}       # EXTERNAL

[dns]
resolver = "system"            # or "127.0.0.1:5353"

[delivery]
routes = []                    # [{{ domain = "*", host = "smart.example.jp", port = 587, username = "u", password = "p" }}]

[lockout]                      # who may not try passwords any more; owners are spared where they logged in within 30 days
enabled = true
exempt = []                    # ["192.0.2.10", "10.0.0.0/8"]: never counted (a web mail program on another machine)
# pair = {{ tries = 8, window = "10m", lock = "30m" }}   # the other kinds: docs/operations

[logs]
days = 92
size = "4 GiB"
files = false                  # true writes plain daily files too

[guard]
mode = "hold"                  # "defer" answers 451 instead of keeping mail back, "observe" only tells
close_isolated = true          # a relaying network or listener that is held is closed too (421), but for those who log in

traps = []                     # ["old-sales@example.jp"]: nobody but an intruder writes to these
# filter.command = ["spamc", "-c"]   # a program that prints score/threshold of what goes out; it keeps nothing waiting

[guard.alert]                  # besides the system administrators' mailboxes
mail = []                      # ["night@example.com"]; empty: the system administrators
command = []                   # ["/usr/local/bin/page-me"], gets the incident as JSON on standard input
# webhook = "https://…"        # the same JSON is posted there, signed with webhook_secret; try: sekisho alert test

[check]                        # the daily look: sekisho check
every = "3m"
summary = "07:00"              # a letter once a day, local time; "off" for none
mail = []                      # ["night@example.com"]; empty: the system administrators
language = "en"                # "ja" or "en", for the addresses above

[audit]                        # the look for holes: sekisho audit
dkim_selectors = []            # ["2026a"]: names of DKIM keys that are not among the usual ones

[reputation]                   # block lists: sekisho reputation
every = "6h"
addresses = []                 # ["192.0.2.25"]: where our mail comes from; empty: this machine's public addresses
# zones = [{{ zone = "zen.spamhaus.org", reception = "reject" }}]   # or "mark", "score", "off"; lists = "domain" for domains

[console]                      # https on listen.console
idle = "2h"
longest = "12h"
owner_release = false          # true lets users send what is held of theirs while no incident is open

[log]
level = "info"
"#
    )
}

/// Writes the first configuration into `dir`, readable by its owner only, and never over an existing one.
///
/// # Errors
/// When the file exists or cannot be written.
pub fn write_first(dir: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(dir.join(FILE))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::File::open(dir)?.sync_all()
}
