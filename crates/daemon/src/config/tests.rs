#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use std::time::Duration;

const ISSUE: &str = r#"hostname = "mx.example.jp"
[listen]                       # lists of address:port; an empty list switches a service off
smtp = ["127.0.0.1:2525"]
submission = ["127.0.0.1:2587"]
submissions = ["127.0.0.1:2465"]
pop3 = ["127.0.0.1:2110"]
pop3s = ["127.0.0.1:2995"]
imap = ["127.0.0.1:2143"]
imaps = ["127.0.0.1:2993"]
console = ["127.0.0.1:2080"]   # for later
[store]
url = "sqlite:sekisho.db"      # or postgres://user:password@host/database
blobs = "file:blobs"
[tls]
certificate = "tls/cert.pem"   # made on first start when absent
key = "tls/key.pem"
require_for_auth = true        # false lets clients log in without TLS, loopback only
[dns]
resolver = "system"            # or "127.0.0.1:5353"
[delivery]
routes = [{ domain = "*", host = "127.0.0.1", port = 2526 }]   # empty: MX
"#;

fn fault(text: &str) -> String {
    Config::parse(text).expect_err(text).to_string()
}

#[test]
fn the_documented_file_is_read() {
    let config = Config::parse(ISSUE).unwrap();
    assert_eq!(config.hostname.as_str(), "mx.example.jp");
    assert_eq!(config.listen, Listen::default());
    assert_eq!(config.delivery.routes[0].port, 2526);
    assert_eq!(config.limits.password_cache.0, Duration::from_secs(300));
    let short = Config::parse("hostname = 'mx.example.jp'").unwrap();
    assert_eq!(short.store, config.store);
    assert_eq!(short.tls, config.tls);
}

#[test]
fn the_first_file_says_the_defaults() {
    let name = HostName::parse("mx.example.jp").unwrap();
    let written = Config::parse(&first_file(&name)).unwrap();
    assert_eq!(written, Config::parse("hostname = 'mx.example.jp'").unwrap());
}

#[test]
fn an_empty_list_switches_a_service_off() {
    let config = Config::parse("hostname = 'mx.example.jp'\n[listen]\nsmtp = []\n").unwrap();
    assert!(config.listen.smtp.is_empty());
    assert!(!config.listen.imap.is_empty());
}

#[test]
fn errors_say_line_and_column() {
    let case = |text: &str, start: &str, what: &str| {
        let said = fault(text);
        assert!(said.starts_with(start) && said.contains(what), "{said}");
    };
    case("hostname = 'mx.example.jp'\n[listen]\nstmp = []\n", "3:1:", "unknown field `stmp`");
    case("hostname = 'mx.example.jp'\nhostnam = 1\n", "2:1:", "unknown field `hostnam`");
    case("hostname = 'mx'\n", "1:12:", "not a fully qualified");
    case("hostname = 'mx.example.jp'\n[listen]\nsmtp = ['127.0.0.1']\n", "3:9:", "socket address");
    case("hostname = 'mx.example.jp'\n[limits]\nmessage_size = '5 apples'\n", "3:16:", "not a size");
    case("hostname = 'mx.example.jp'\n[store]\nurl = 'mysql:x'\n", "3:1:", "sqlite:");
    case(
        "hostname = 'mx.example.jp'\n[delivery]\nroutes = [{ domain = '*', host = 'h', prot = 1 }]\n",
        "3:39:",
        "prot",
    );
    case("hostname = 'mx.example.jp\n", "1:", "");
    case("[listen]\n", "1:", "hostname");
    case(
        "hostname = 'mx.example.jp'\n[listen]\nimap = ['0.0.0.0:143']\n[tls]\nrequire_for_auth = false\n",
        "5:1:",
        "loopback only",
    );
    case("hostname = 'mx.example.jp'\n[lockout]\nexempt = ['here']\n", "3:10:", "not an address");
    case("hostname = 'mx.example.jp'\n[lockout]\npair = { trys = 1 }\n", "3:10:", "trys");
    case("hostname = 'mx.example.jp'\n[lockout]\nauth_networks = ['x']\n", "3:1:", "cannot be read");
    case("hostname = 'mx.example.jp'\n[lockout]\nauth_countries = ['JP']\n", "3:1:", "needs `countries`");
    case("hostname = 'mx.example.jp'\n[guard.alert]\nmail = ['night']\n", "3:1:", "not a mail address");
    case("hostname = 'mx.example.jp'\n[guard.alert]\nwebhook = 'ftp://h/'\n", "3:1:", "http://");
    case("hostname = 'mx.example.jp'\n[dns]\nresolver = 'ns1'\n", "3:1:", "address with port");
}

#[test]
fn passwords_of_routes_are_not_printed() {
    let text = "hostname = 'mx.example.jp'\n[delivery]\n\
                routes = [{ domain = '*', host = 'h', username = 'u', password = 'geheim' }]\n";
    let config = Config::parse(text).unwrap();
    assert!(!format!("{config:?}").contains("geheim"));
    let text = "hostname = 'mx.example.jp'\n[guard.alert]\nwebhook = 'http://h/'\nwebhook_secret = 'geheim'\n";
    assert!(!format!("{:?}", Config::parse(text).unwrap()).contains("geheim"));
}

#[test]
fn paths_are_relative_to_the_folder() {
    let settings = Settings { dir: "/srv/mail".into(), config: Config::parse(ISSUE).unwrap() };
    assert_eq!(settings.store_url(), "sqlite:/srv/mail/sekisho.db");
    assert_eq!(settings.blobs(), Path::new("/srv/mail/blobs"));
    assert_eq!(settings.path(&settings.config.tls.key), Path::new("/srv/mail/tls/key.pem"));
    assert_eq!(settings.node(), "mx.example.jp");
}

#[test]
fn lockouts_have_safe_defaults_and_say_only_what_differs() {
    use sekisho_guard::lockout::{Limit, LockoutPolicy};
    let of = |text: &str| Config::parse(&format!("hostname = 'mx.example.jp'\n{text}")).unwrap().lockout;
    assert_eq!(of("").policy(), LockoutPolicy::default());
    assert!(of("").enabled && !of("").drop_sessions);
    let changed = of("[lockout]\nexempt = ['192.0.2.7', '2001:db8::/32']\npair = { tries = 3 }\n\
                      smtp = { tries = 0 }\nspraying = { window = '2h', lock = '1d' }\nmost_delay = '2s'\n");
    let policy = changed.policy();
    assert_eq!(policy.pair, Limit { tries: 3, window_seconds: 600, lock_seconds: 1_800 });
    assert_eq!(policy.spraying, Limit { tries: 5, window_seconds: 7_200, lock_seconds: 86_400 });
    assert_eq!((policy.smtp.tries, policy.most_delay_millis), (0, 2_000));
    assert_eq!(changed.exempt[0].0.to_string(), "192.0.2.7/32");
}
