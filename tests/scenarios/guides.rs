//! The operations guides: every command in them is understood, and those in their blocks run against a server in use.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use clap::error::ErrorKind;
use sekisho_daemon::cli;
use sekisho_message::Language;
use sekisho_testkit::FakeDns;

use crate::support::wire::Wire;
use crate::support::{Server, Setup, scratch, text, until};

const GUIDES: [(&str, &str); 2] =
    [("en", include_str!("../../docs/operations.en.md")), ("ja", include_str!("../../docs/operations.ja.md"))];

/// What a command reads from standard input: a password that is hard to guess, the text of a reply, rules.
const INPUT: &str = "*,0";
const NEW_PASSWORD: &str = "calm-Glacier-58-orchard";

/// The words of a line, without its comment.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted, mut begun) = (Vec::new(), String::new(), false, false);
    for c in line.chars() {
        match c {
            '"' => (quoted, begun) = (!quoted, true),
            '#' if !quoted && !begun => break,
            c if c.is_whitespace() && !quoted => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            c => {
                word.push(c);
                begun = true;
            }
        }
    }
    if begun {
        words.push(word);
    }
    words
}

/// The commands of the blocks, in order.
fn blocks(guide: &str) -> Vec<Vec<String>> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in guide.lines() {
        if line.starts_with("```") {
            inside = line == "```sh";
        } else if inside && !line.trim().is_empty() {
            let words = words(line);
            assert_eq!(words.first().map(String::as_str), Some("sekisho"), "{line}");
            found.push(words);
        }
    }
    found
}

/// The commands in running text.
fn spans(guide: &str) -> Vec<Vec<String>> {
    let lines: Vec<&str> = guide.lines().filter(|line| !line.starts_with("```")).collect();
    let spans = lines.iter().flat_map(|line| line.split('`').skip(1).step_by(2));
    // The one that says what `sekisho` stands for is no command.
    spans.filter(|span| span.starts_with("sekisho ") && *span != "sekisho --data DIR").map(words).collect()
}

#[test]
fn every_command_of_the_guides_is_understood() {
    let mut all = Vec::new();
    for (language, guide) in GUIDES {
        let (blocks, spans) = (blocks(guide), spans(guide));
        assert!(blocks.len() > 50 && spans.len() >= 3, "{language}: {} and {} commands", blocks.len(), spans.len());
        for words in &blocks {
            understood(language, words, &[]);
        }
        // Running text may name a verb without its arguments.
        for words in &spans {
            understood(
                language,
                words,
                &[ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand, ErrorKind::MissingRequiredArgument],
            );
        }
        all.push(blocks);
    }
    assert_eq!(all[0], all[1], "both guides have the same commands in the same order");
    assert_eq!(words("sekisho a \"b c\" --d=#1 # e"), ["sekisho", "a", "b c", "--d=#1"]);
}

fn understood(language: &str, words: &[String], allowed: &[ErrorKind]) {
    if let Err(error) = cli::command(Language::En).try_get_matches_from(words) {
        assert!(allowed.contains(&error.kind()), "operations.{language}.md: {}: {error}", words.join(" "));
    }
}

#[test]
fn the_commands_of_the_guides_run() {
    std::thread::scope(|scope| {
        for (language, guide) in GUIDES {
            scope.spawn(move || run(language, guide));
        }
    });
}

fn run(language: &str, guide: &str) {
    // Names are asked of a server of our own, which knows none.
    let dns = FakeDns::start().unwrap();
    let more = &format!("[dns]\nresolver = \"{}\"\n", dns.setting());
    let routes = "[{ domain = \"*\", host = \"127.0.0.1\", port = 9 }]";
    let setup = Setup { domain: "example.jp", accounts: &["taro"], routes, more, ..Setup::default() };
    let server = Server::start(&setup);
    let taro = server.address("taro");
    let mut wire = Wire::smtp(server.ports.smtp);
    let reply = wire.message("a@outside.example", &taro, "Subject: x\r\n\r\nx");
    assert!(reply.starts_with("250"), "{reply}");
    until("it is there", Duration::from_secs(30), || server.queued() == 0);
    let folder = surroundings();
    for words in blocks(guide) {
        let line = words.join(" ");
        let done = call(&server, &folder, language, &words[1..]);
        let code = done.status.code().unwrap_or(-1);
        // check and audit say 2 for what is grave, and reputation for lists that do not answer.
        let allowed = match words[1].as_str() {
            "check" | "reputation" | "audit" => 0..=2,
            _ => 0..=1,
        };
        let said = text(&done);
        assert!(allowed.contains(&code), "{line}: {said}");
        assert!(!said.contains("panicked") && !said.contains("error: "), "{line}: {said}");
        assert!(!done.stdout.is_empty() || !done.stderr.is_empty() || words[1] == "logs", "{line} says nothing");
    }
    fs::remove_dir_all(folder).unwrap();
}

/// A folder with the files that the guides name.
fn surroundings() -> PathBuf {
    let folder = scratch();
    let message = "From: <x@outside.example>\nTo: <taro@example.jp>\nSubject: spam\n\nbuy\n";
    fs::write(folder.join("complaint.eml"), message).unwrap();
    fs::write(folder.join("old.mbox"), format!("From x@outside.example Mon Jan  5 09:00:00 2026\n{message}\n"))
        .unwrap();
    fs::write(folder.join("accounts.tsv"), "hana\tOld-kettle-4711\tHana\texample.jp\t\t1\t0\t0\t1\t1\n").unwrap();
    fs::write(folder.join("mail.log"), "Jan  5 09:00:00 mx postfix/smtpd[1]: connect from unknown[192.0.2.1]\n")
        .unwrap();
    for path in ["bin", "spool/inbox/example.jp/hana", "Maildir/cur", "Maildir/new"] {
        fs::create_dir_all(folder.join(path)).unwrap();
    }
    fs::write(folder.join("spool/inbox/example.jp/hana/B0000000001.MSG"), message).unwrap();
    fs::write(folder.join("Maildir/cur/1767571200.M1.host:2,S"), message).unwrap();
    folder
}

fn call(server: &Server, folder: &Path, language: &str, args: &[String]) -> Output {
    let filter = args.iter().any(|arg| arg == "filter");
    let input = match args.iter().any(|arg| arg == "--password-stdin") {
        true => NEW_PASSWORD,
        false if filter => "Virus:a\nFrom:pills\nLevel:110\nVirusEnd:\n",
        false => INPUT,
    };
    let mut child = Command::new(env!("CARGO_BIN_EXE_sekisho"))
        .arg("--data")
        .arg(&server.data)
        .args(["--lang", language])
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}
