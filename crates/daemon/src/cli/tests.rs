#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

fn parse(args: &str) -> Result<ArgMatches, clap::Error> {
    command(Language::En).try_get_matches_from(std::iter::once("sekisho").chain(args.split_whitespace()))
}

#[test]
fn the_tree_of_verbs_is_sound_in_both_languages() {
    for language in [Language::Ja, Language::En] {
        command(language).debug_assert();
    }
}

#[test]
fn every_documented_line_parses() {
    for line in [
        "serve",
        "--data /srv/mail serve",
        "init --data /srv/mail --hostname mx.example.jp --domain example.jp",
        "domain add example.jp",
        "domain list --json",
        "domain remove example.jp",
        "account add a@example.jp --password-stdin --name Taro",
        "account list",
        "account show a@example.jp",
        "account password a@example.jp --password-stdin",
        "account suspend a@example.jp",
        "account resume a@example.jp",
        "account rename a@example.jp b@example.jp",
        "account remove a@example.jp --yes",
        "account quota a@example.jp 2GiB",
        "alias add *@example.jp a@example.jp",
        "alias list",
        "alias remove *@example.jp",
        "list add l@example.jp --owner a@example.jp --posting anyone --tag [l]",
        "list list",
        "list show l@example.jp",
        "list remove l@example.jp",
        "list member add l@example.jp a@example.jp b@example.jp",
        "list member remove l@example.jp a@example.jp",
        "list set l@example.jp --posting owner",
        "queue status --json",
        "queue list --account a@b.c --address x@y.z --network 192.0.2.0/24 --domain d.e --stage holding --older-than 4h",
        "queue show B0000000123",
        "queue hold --account a@b.c --reason x",
        "queue release --origin account:a@b.c",
        "queue retry --domain d.e",
        "queue purge --account a@b.c --yes",
        "queue export B0000000123",
        "queue export --account a@b.c --to /tmp/x",
        "pause receive",
        "pause delivery --reason spam",
        "resume pop3",
        "resume imap4",
        "logs acceptlog --account a --address b --network c --message-id d --since 2h --until 1h --follow --json --limit 5",
        "logs inlog",
        "logs receivelog",
        "logs outlog",
        "logs faillog",
        "logs pop3log",
        "logs imap4log",
        "rules check",
        "rules check effect.dat",
        "rules test --from a@b.c --to d@e.f --ip 192.0.2.1 --auth",
        "store check",
        "store backup /srv/backup",
        "store restore /srv/backup",
        "store copy --to postgres://u@h/d",
        "version",
    ] {
        assert!(parse(line).is_ok(), "{line}: {}", parse(line).unwrap_err());
    }
}

#[test]
fn what_is_not_a_verb_is_an_error() {
    for line in
        ["", "sevre", "queue", "queue explode", "pause smtp", "logs senderlog", "account add", "rules test --from a"]
    {
        let error = parse(line).unwrap_err();
        assert!(error.use_stderr(), "{line}");
    }
}

#[test]
fn help_speaks_the_language_of_the_person() {
    let help = |language| command(language).render_long_help().to_string();
    assert!(help(Language::Ja).contains("メールサーバ") && help(Language::Ja).contains("キュー"));
    assert!(help(Language::En).contains("mail server"));
    let mut ja = command(Language::Ja);
    let queue = ja.find_subcommand_mut("queue").unwrap().render_help().to_string();
    assert!(queue.contains("使い方:") && queue.contains("コマンド"), "{queue}");
}
