#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use sekisho_message::Language;
use sekisho_testkit::TempDir;
use serde_json::Value;

use crate::cli;
use crate::shell::Shell;
use crate::trouble::{Exit, Trouble};

#[derive(Clone, Default)]
struct Screen(Arc<Mutex<Vec<u8>>>);

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Runs one line of the command line on `dir`; what it printed and how it ended.
pub(super) fn sekisho(dir: &Path, language: Language, args: &[&str]) -> (String, Result<Exit, Trouble>) {
    let matches = cli::command(language).try_get_matches_from(std::iter::once(&"sekisho").chain(args)).unwrap();
    let screen = Screen::default();
    let mut shell =
        Shell::new(language, matches.get_flag("json"), dir.to_owned()).printing_to(Box::new(screen.clone()));
    let (name, matches) = matches.subcommand().unwrap();
    let outcome = super::run(name, matches, &mut shell);
    drop(shell);
    let printed = screen.0.lock().unwrap().clone();
    (String::from_utf8(printed).unwrap(), outcome)
}

fn en(dir: &Path, line: &str) -> (String, Result<Exit, Trouble>) {
    sekisho(dir, Language::En, &line.split_whitespace().collect::<Vec<_>>())
}

fn well(dir: &Path, line: &str) -> String {
    let (printed, outcome) = en(dir, line);
    assert_eq!(outcome, Ok(Exit::Well), "{line}");
    printed
}

fn json(dir: &Path, line: &str) -> Value {
    serde_json::from_str(&well(dir, line)).unwrap()
}

pub(super) fn initialised() -> TempDir {
    let dir = TempDir::new("verbs").unwrap();
    let said = well(dir.path(), "init --hostname mx.example.jp --domain example.jp");
    assert!(said.contains("admin@example.jp") && said.contains("One-time password: "), "{said}");
    dir
}

#[test]
fn init_makes_a_domain_and_an_administrator_once() {
    let dir = initialised();
    let accounts = json(dir.path(), "account list --json");
    assert_eq!(accounts[0]["address"], "admin@example.jp");
    assert_eq!((&accounts[0]["role"], &accounts[0]["must_change"]), (&"system_admin".into(), &true.into()));
    let (_, again) = en(dir.path(), "init --hostname mx.example.jp --domain example.jp");
    assert_eq!(again.unwrap_err().exit, Exit::CouldNot);
    let (_, bad) = en(dir.path(), "init --hostname mx --domain example.jp");
    assert!(bad.unwrap_err().text.en.contains("fully qualified"));
}

#[test]
fn people_are_added_shown_and_removed() {
    let dir = initialised();
    let dir = dir.path();
    well(dir, "domain add example.net");
    assert_eq!(json(dir, "domain list --json").as_array().unwrap().len(), 2);
    let made = well(dir, "account add taro@example.net --generate --quota 1GiB --role domain_admin");
    assert!(made.contains("One-time password: "), "{made}");
    assert_eq!(json(dir, "account show taro@example.net --json")["quota"], 1_u64 << 30);
    well(dir, "alias add info@example.net taro@example.net");
    well(dir, "list add team@example.net --owner taro@example.net --posting anyone");
    assert!(well(dir, "list member add team@example.net a@x.example b@x.example").contains("Added 2 members"));
    assert_eq!(json(dir, "list show team@example.net --json")["members"].as_array().unwrap().len(), 2);
    assert!(well(dir, "alias list").contains("info@example.net"));
    assert!(well(dir, "account suspend taro@example.net").contains("account resume taro@example.net"));
    let (_, asked) = en(dir, "account remove taro@example.net");
    let asked = asked.unwrap_err();
    assert!(asked.question && asked.exit == Exit::Found);
    well(dir, "account remove taro@example.net --yes");
    assert_eq!(json(dir, "account show taro@example.net --json")["state"], "removed");
}

#[test]
fn tables_speak_japanese_when_asked() {
    let dir = initialised();
    let (printed, outcome) = sekisho(dir.path(), Language::Ja, &["queue", "status"]);
    assert_eq!(outcome, Ok(Exit::Well));
    assert!(printed.starts_with("段階"), "{printed}");
    let (_, refused) = sekisho(dir.path(), Language::Ja, &["account", "show", "x@example.jp"]);
    assert!(refused.unwrap_err().text.ja.contains("ありません"));
}

#[test]
fn queue_status_has_exactly_the_documented_shape() {
    let dir = initialised();
    let zero = r#"{"messages":0,"recipients":0,"bytes":0}"#;
    assert_eq!(
        well(dir.path(), "queue status --json"),
        format!(
            "{{\"stages\":{{\"incoming\":{zero},\"lists\":{zero},\"domains\":{zero},\"holding\":{zero}}},\"oldest_seconds\":0}}\n"
        )
    );
}

#[test]
fn acts_on_the_whole_queue_must_say_so() {
    let dir = initialised();
    for act in ["hold", "release", "retry", "purge"] {
        let (_, refused) = en(dir.path(), &format!("queue {act}"));
        assert!(refused.unwrap_err().text.en.contains("--all"), "{act}");
    }
    well(dir.path(), "queue retry --all");
    let (_, bad) = en(dir.path(), "queue list --message X");
    assert_eq!(bad.unwrap_err().exit, Exit::CouldNot);
}

#[test]
fn services_pause_and_say_so_in_the_status() {
    let dir = initialised();
    well(dir.path(), "pause delivery --reason spam");
    let status = well(dir.path(), "queue status");
    assert!(status.contains("Paused: delivery (since 20") && status.contains("spam"), "{status}");
    well(dir.path(), "resume delivery");
    assert!(!well(dir.path(), "queue status").contains("Paused"));
}

#[test]
fn rules_are_checked_with_line_numbers_and_tested() {
    let dir = initialised();
    let dir = dir.path();
    assert!(well(dir, "rules check").contains("Nothing to report"));
    std::fs::write(dir.join("effect.dat"), "#<> default\nexample.jp true\n300.0.0.1 default\n").unwrap();
    let (printed, outcome) = en(dir, "rules check");
    assert_eq!(outcome, Ok(Exit::Found));
    assert!(printed.contains("effect.dat:2: warning:") && printed.contains("effect.dat:3: error:"), "{printed}");
    std::fs::write(dir.join("other.dat"), "192.168.0.* default\n").unwrap();
    let path = dir.join("other.dat").display().to_string();
    assert_eq!(en(dir, &format!("rules check {path}")).1, Ok(Exit::Well));
    std::fs::write(dir.join("effect.dat"), "192.168.0.* true\n*.*.*.* norelay,2\n").unwrap();
    let test = |rest: &str| en(dir, &format!("rules test --from admin@example.jp --to x@elsewhere.example {rest}"));
    let (printed, outcome) = test("--ip 203.0.113.5");
    assert_eq!(outcome, Ok(Exit::Found));
    assert!(printed.contains("effect.dat:2: *.*.*.* norelay,2"), "{printed}");
    assert_eq!(test("--ip 203.0.113.5 --auth").1, Ok(Exit::Well));
    assert_eq!(test("--ip 192.168.0.7").1, Ok(Exit::Well));
}

#[test]
fn logs_print_the_acceptable_shapes_and_an_unknown_folder_is_an_error() {
    let dir = initialised();
    assert_eq!(well(dir.path(), "logs acceptlog"), "");
    let (_, bad) = en(dir.path(), "logs inlog --since tomorrowish");
    assert_eq!(bad.unwrap_err().exit, Exit::CouldNot);
    let (_, missing) = en(Path::new("/nonexistent/sekisho"), "domain list");
    let missing = missing.unwrap_err();
    assert_eq!(missing.exit, Exit::CouldNot);
    assert!(missing.text.en.contains("--data"), "{missing:?}");
}

#[test]
fn a_wrong_configuration_names_line_and_column() {
    let dir = initialised();
    let path = dir.path().join("sekisho.toml");
    std::fs::write(&path, "hostname = 'mx.example.jp'\n[listen]\nimpa = []\n").unwrap();
    let (_, wrong) = en(dir.path(), "domain list");
    assert!(wrong.unwrap_err().text.en.contains("sekisho.toml:3:1: unknown field `impa`"));
}

#[test]
fn the_store_is_checked_backed_up_restored_and_copied() {
    let dir = initialised();
    let dir = dir.path();
    assert!(well(dir, "store check").starts_with("All is well"));
    let folder = dir.join("backup");
    let backup = folder.display().to_string();
    assert!(json(dir, &format!("store backup {backup} --json"))["bytes"].as_u64().unwrap() > 0);
    assert_eq!(
        en(dir, &format!("store backup {backup}")).1.unwrap_err().exit,
        Exit::CouldNot,
        "never over another one"
    );
    well(dir, "domain add later.example");
    let refused = en(dir, &format!("store restore {backup}")).1.unwrap_err();
    assert!(refused.text.en.contains("move it away"), "{refused:?}");
    for file in ["sekisho.db", "sekisho.db-wal", "sekisho.db-shm"] {
        let _ = std::fs::remove_file(dir.join(file));
    }
    assert!(well(dir, &format!("store restore {backup}")).starts_with("Restored"));
    let domains = json(dir, "domain list --json");
    assert_eq!(domains.as_array().unwrap().len(), 1, "{domains}");
    assert!(well(dir, "store copy --to sqlite:other.db").contains("Put the new url"));
    let text = std::fs::read_to_string(dir.join("sekisho.toml")).unwrap();
    std::fs::write(dir.join("sekisho.toml"), text.replace("sqlite:sekisho.db", "sqlite:other.db")).unwrap();
    assert_eq!(json(dir, "domain list --json"), domains);
    assert!(well(dir, "store check").starts_with("All is well"));
}

#[test]
fn moving_the_store_wants_the_server_stopped() {
    let dir = initialised();
    let lock = crate::lock::Lock::take(dir.path()).unwrap();
    assert!(lock.is_some());
    for line in ["store copy --to sqlite:other.db", "store restore backup"] {
        assert!(en(dir.path(), line).1.unwrap_err().text.en.contains("Stop it first"));
    }
}

#[test]
fn lockout_rows_and_login_rules_are_written_while_the_server_is_stopped() {
    let dir = initialised();
    let at = dir.path();
    assert_eq!(well(at, "lockout list"), "Nothing is locked.\n");
    well(at, "lockout allow 192.0.2.0/24");
    well(at, "lockout deny 203.0.113.* --protocol pop3");
    let table = |name: &str| std::fs::read_to_string(at.join(name)).unwrap_or_default();
    assert_eq!(table("rejectpopip.dat"), "192.0.2.0/24\ttrue\r\n203.0.113.0/24\t\r\n");
    assert_eq!(table("rejectimapip.dat"), "192.0.2.0/24\ttrue\r\n");
    let listed = json(at, "lockout list --json");
    assert_eq!(listed["rows"].as_array().unwrap().len(), 4);
    assert_eq!((&listed["rows"][2]["kind"], &listed["rows"][2]["line"]), (&"permanent".into(), &2.into()));
    assert!(well(at, "lockout list").contains("203.0.113.0/24"));
    assert!(well(at, "lockout unlock 198.51.100.1").contains("was not locked"));
    assert!(well(at, "lockout unlock nobody@example.jp").contains("was not locked"));
    well(at, "lockout forget 192.0.2.0/24");
    assert_eq!(table("rejectimapip.dat"), "");
    assert_eq!(en(at, "lockout deny nowhere").1.unwrap_err().exit, Exit::Found);
    std::fs::write(at.join("rejectsmtpip.dat"), "192.0.2.1\twhen?\r\n").unwrap();
    let (said, outcome) = en(at, "rules check");
    assert_eq!(outcome, Ok(Exit::Found));
    assert!(said.contains("rejectsmtpip.dat:1: error"), "{said}");

    well(at, "account set admin@example.jp --auth-networks 192.0.2.0/24,2001:db8::/32");
    well(at, "domain set example.jp --auth-networks 10.0.0.0/8");
    let account = json(at, "account show admin@example.jp --json");
    assert_eq!(account["auth_networks"], serde_json::json!(["192.0.2.0/24", "2001:db8::/32"]));
    assert_eq!(json(at, "domain list --json")[0]["auth_networks"], serde_json::json!(["10.0.0.0/8"]));
    assert!(en(at, "account set admin@example.jp --auth-countries JP").1.unwrap_err().text.en.contains("no database"));
    well(at, "account set admin@example.jp --auth-networks none");
    assert_eq!(json(at, "account show admin@example.jp --json")["auth_networks"], serde_json::json!([]));
    assert_eq!(en(at, "domain set example.jp").1.unwrap_err().exit, Exit::CouldNot);
}

#[test]
fn check_shows_ten_signs_and_says_that_the_server_is_stopped() {
    let dir = initialised();
    let (printed, outcome) = en(dir.path(), "check --json");
    assert_eq!(outcome, Ok(Exit::CouldNot), "an alarm");
    let check: Value = serde_json::from_str(&printed).unwrap();
    let signs = check["signs"].as_array().unwrap();
    assert_eq!(signs.iter().map(|s| s["id"].as_str().unwrap()).collect::<Vec<_>>(), sekisho_control::check::IDS);
    assert_eq!((&signs[2]["state"], &signs[2]["advice"]), (&"alarm".into(), &"Start it with sekisho serve.".into()));
    assert!(signs.iter().enumerate().all(|(n, sign)| n == 2 || sign["state"] == "ok"), "{printed}");
    let (printed, _) = sekisho(dir.path(), Language::Ja, &["check"]);
    assert!(printed.contains("[正常] slow-line: 回線が急に重い"), "{printed}");
    assert!(printed.contains("[警報] strange-server"), "{printed}");
}
