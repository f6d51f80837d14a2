#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;
use sekisho_message::Time;

use super::command::{Command, StoreMode};
use super::fault::Fault;
use super::fetch::{Item, What};
use super::lex::Cursor;
use super::list::StatusItem;
use super::search::Key;
use super::set::{Range, SequenceSet};
use super::{acl, append, date, metadata, notify, parse, print, set, utf7};

fn command(text: &str) -> Result<Command, Fault> {
    parse::command(&mut Cursor::new(text.as_bytes()))
}

#[test]
fn commands_of_the_rfc_are_understood() {
    for text in [
        "CAPABILITY",
        "ID NIL",
        "ID (\"name\" \"mutt\" \"version\" NIL)",
        "ENABLE CONDSTORE X-GOOD-IDEA",
        "SELECT blurdybloop (CONDSTORE)",
        "SELECT INBOX (QRESYNC (67890007 20050715194045000 41,43:211,214:541))",
        "SELECT INBOX (QRESYNC (67890007 90060115194045000 41:211,214:541 (1,3:5 41,43:45)))",
        "EXAMINE blurdybloop",
        "CREATE MyDrafts (USE (\\Drafts))",
        "RENAME blurdybloop sarasoop",
        "LIST \"\" \"\"",
        "LIST (SUBSCRIBED RECURSIVEMATCH) \"\" \"*\" RETURN (CHILDREN SPECIAL-USE)",
        "LIST \"\" (\"INBOX\" \"Drafts\" \"Sent/%\") RETURN (STATUS (MESSAGES UNSEEN))",
        "LIST (SPECIAL-USE) \"\" *",
        "LSUB \"#news.\" \"comp.mail.*\"",
        "STATUS blurdybloop (UIDNEXT MESSAGES HIGHESTMODSEQ SIZE)",
        "NAMESPACE",
        "UID EXPUNGE 3000:3002",
        "SEARCH FLAGGED SINCE 1-Feb-1994 NOT FROM \"Smith\"",
        "SEARCH RETURN (MIN COUNT SAVE) DELETED",
        "UID SEARCH RETURN () CHARSET US-ASCII OR (TO a CC b) NOT BCC c $",
        "SEARCH MODSEQ \"/flags/\\\\draft\" all 620162338",
        "SEARCH YOUNGER 259200 LARGER 10000 KEYWORD $Forwarded UID 1:*,7 2,4:7",
        "FETCH 2:4 (FLAGS BODY[HEADER.FIELDS (DATE FROM)])",
        "FETCH 12 BODY.PEEK[4.2.2.1.TEXT]<0.1024>",
        "FETCH 1 (BINARY.PEEK[1.2] BINARY.SIZE[3] RFC822 RFC822.HEADER RFC822.TEXT)",
        "UID FETCH 300:500 (FLAGS) (CHANGEDSINCE 12345 VANISHED)",
        "STORE 2:4 +FLAGS (\\Deleted)",
        "UID STORE 6,4,8 (UNCHANGEDSINCE 12121230045) +FLAGS.SILENT (\\Deleted $MDNSent)",
        "STORE 1 -FLAGS \\Seen \\Answered",
        "COPY 2:4 MEETING",
        "UID MOVE 42:69 foo",
        "GETQUOTA \"\"",
        "GETQUOTAROOT INBOX",
    ] {
        assert!(command(text).is_ok(), "{text}: {:?}", command(text));
    }
}

#[test]
fn what_is_wrong_is_refused() {
    for text in [
        "",
        " ",
        "SELECT",
        "SELECT  INBOX",
        "SELECT INBOX x",
        "FETCH",
        "FETCH 0 FLAGS",
        "FETCH 1 ()",
        "FETCH 1 BODY[",
        "FETCH 1 BODY[1.]",
        "FETCH 1 BODY[MIME]",
        "FETCH 1 BODY[]<0.0>",
        "FETCH 1 BODY[]<5>",
        "FETCH 1,,2 FLAGS",
        "FETCH 1: FLAGS",
        "FETCH 4294967296 FLAGS",
        "FETCH 1 (FLAGS) (VANISHED)",
        "STORE 1 FLAGS",
        "STORE 1 FLAGS (\\Seen",
        "SEARCH",
        "SEARCH (",
        "SEARCH FROM",
        "SEARCH BEFORE 31-Feb-2024",
        "SEARCH RETURN (X) ALL",
        "LIST \"\"",
        "LIST (RECURSIVEMATCH) \"\" *",
        "STATUS x ()",
        "LOGIN a",
        "LOGIN \"a\rb\" c",
        "ENABLE",
        "COPY 1",
        "UID NOOP",
        "CREATE x (USE",
        "SEARCH CHARSET",
        "FETCH 1 BODY[HEADER.FIELDS ()]",
        "FETCH 1 (FAST)",
        "FETCH 1 (UID ALL)",
        "LOGIN \"a\\b\" c",
    ] {
        assert!(matches!(command(text), Err(Fault::Syntax(_) | Fault::Unknown)), "{text}: {:?}", command(text));
    }
    assert_eq!(command("SEARCH CHARSET X-KLINGON ALL"), Err(Fault::Charset));
    assert_eq!(command("SELECT {10}\r\nINBOX"), Err(Fault::Incomplete));
    let deep = format!("SEARCH {}ALL{}", "(".repeat(60), ")".repeat(60));
    assert!(matches!(command(&deep), Err(Fault::Syntax(_))));
    let texts = format!("SEARCH {}", "BODY a ".repeat(101));
    assert_eq!(command(texts.trim_end()), Err(Fault::Syntax("too many texts in one search")));
    let nots = format!("SEARCH {}ALL", "NOT ".repeat(10_000));
    assert!(matches!(command(&nots), Err(Fault::Syntax(_))));
}

#[test]
fn fetch_items_keep_their_names() {
    let Ok(Command::Fetch(fetch)) = command(
        "FETCH 1 (body.peek[2.header.fields (From \"x y\")]<10.20> RFC822.TEXT body flags internaldate rfc822.size)",
    ) else {
        panic!("not a FETCH")
    };
    let labels: Vec<&str> =
        fetch.items.iter().filter_map(|i| if let Item::Part(p) = i { Some(&*p.label) } else { None }).collect();
    assert_eq!(labels, ["BODY[2.HEADER.FIELDS (From \"x y\")]<10>", "RFC822.TEXT"]);
    let Some(Item::Part(part)) = fetch.items.first() else { panic!("no part") };
    assert_eq!((part.sets_seen, part.partial, &part.path), (false, Some((10, 20)), &vec![2]));
    assert_eq!(part.what, What::HeaderFields(vec!["From".into(), "x y".into()]));
    assert_eq!(fetch.items.iter().filter(|i| **i == Item::Flags).count(), 1);
}

#[test]
fn search_texts_are_unicode_in_any_charset() {
    let tokyo = |c: Result<Command, Fault>| match c {
        Ok(Command::Search(s)) => s.key,
        other => panic!("{other:?}"),
    };
    let expected = Key::Header("subject".into(), "東京".into());
    assert_eq!(tokyo(command("SEARCH CHARSET UTF-8 SUBJECT \"東京\"")), expected);
    assert_eq!(tokyo(command("SEARCH SUBJECT {6}\r\n東京")), expected);
    let mut sjis = b"SEARCH CHARSET Shift_JIS SUBJECT {4}\r\n".to_vec();
    sjis.extend_from_slice(&[0x93, 0x8c, 0x8b, 0x9e]);
    assert_eq!(tokyo(parse::command(&mut Cursor::new(&sjis))), expected);
    let key = tokyo(command("SEARCH NEW 1:3"));
    let Key::And(keys) = key else { panic!("{key:?}") };
    assert_eq!(keys.len(), 2);
}

#[test]
fn store_and_status_values() {
    let Ok(Command::Store(store)) = command("STORE 1:* -FLAGS.SILENT (\\Seen \\Recent $Label)") else { panic!() };
    assert!(store.silent && store.mode == StoreMode::Remove && store.flags.len() == 2, "\\Recent is dropped");
    let Ok(Command::Status { items, .. }) = command("STATUS x (MESSAGES messages SIZE)") else { panic!() };
    assert_eq!(items, [StatusItem::Messages, StatusItem::Size]);
    let Ok(Command::Select(select)) = command("SELECT inbox/a (QRESYNC (1 2 3:4))") else { panic!() };
    assert_eq!(select.mailbox, "INBOX/a");
    assert_eq!(select.qresync.unwrap().mod_seq, 2);
}

#[test]
fn append_is_read_up_to_its_literal() {
    let first = |text: &str| {
        append::first(&mut Cursor::new(text.as_bytes())).map(|(_, steps)| match &steps[..] {
            [append::Step::Message(append), append::Step::Literal(_)] => append.clone(),
            other => panic!("{other:?}"),
        })
    };
    let plain = first("APPEND saved-messages (\\Seen) {310}").unwrap();
    assert_eq!((plain.mailbox.as_str(), plain.size, plain.date), ("saved-messages", Some(310), None));
    assert_eq!(first("APPEND {5+}"), Err(Fault::Incomplete));
    assert_eq!(first("APPEND {5+}\r\nINBOX {7+}").unwrap().mailbox, "INBOX");
    assert_eq!(first("APPEND x \" 1-Jan-1970 00:00:01 +0000\" ~{7}").unwrap().date, Some(Time::from_seconds(1)));
    assert_eq!(first("APPEND x UTF8 (~{9}").unwrap().size, Some(9));
    assert!(matches!(first("APPEND x (\\Seen {7}"), Err(Fault::Syntax(_))));
    assert!(matches!(first("APPEND x"), Err(Fault::Syntax(_))));
    let replaced = |text: &str| first(text).unwrap().replaces.map(|r| (r.uid, r.number));
    assert_eq!(replaced("REPLACE 4 Drafts {7}"), Some((false, 4)));
    assert_eq!(replaced("UID REPLACE * Drafts {7}"), Some((true, 0)));
}

#[test]
fn messages_are_put_together_from_parts() {
    use append::Step;
    let text = "APPEND Drafts (\\Draft) CATENATE (URL \"/INBOX/;UID=1\" TEXT {5}";
    let (mut line, steps) = append::first(&mut Cursor::new(text.as_bytes())).unwrap();
    let [Step::Message(append), Step::Url(url), Step::Literal(5)] = &steps[..] else { panic!("{steps:?}") };
    assert_eq!((append.size, url.as_str()), (None, "/INBOX/;UID=1"));
    assert!(!line.may_end());
    let rest = line.rest(&mut Cursor::new(b" TEXT {0}")).unwrap();
    assert_eq!(rest, [Step::Literal(0)]);
    // The message ends, another one is whole.
    let rest = line.rest(&mut Cursor::new(b") (\\Seen) {9}")).unwrap();
    assert!(matches!(&rest[..], [Step::Message(append), Step::Literal(9)] if append.size == Some(9)));
    assert!(line.may_end());
    for bad in
        ["CATENATE (", "CATENATE ()", "CATENATE (TEXT x)", "CATENATE (URL a TEXT {1} URL b)", "CATENATE (URL a) x"]
    {
        let text = format!("APPEND Drafts {bad}");
        assert!(append::first(&mut Cursor::new(text.as_bytes())).is_err(), "{bad}");
    }
}

#[test]
fn names_are_utf8_where_that_is_enabled() {
    let name = |text: &str, utf8| match parse::command(&mut Cursor::new(text.as_bytes()).utf8(utf8)) {
        Ok(Command::Delete(name)) => name,
        other => panic!("{other:?}"),
    };
    assert_eq!(name("DELETE \"a &- b\"", true), "a &- b");
    assert_eq!(name("DELETE \"a &- b\"", false), "a & b");
    assert_eq!(name("DELETE \"下書き\"", true), "下書き");
}

#[test]
fn rights_annotations_and_notifications() {
    let Ok(Command::SetAcl(set)) = command("SETACL Plans taro@example.jp +lr") else { panic!() };
    assert_eq!((set.change, set.rights.as_str()), (acl::Change::Add, "lr"));
    assert!(matches!(command("SETACL Plans taro L"), Err(Fault::Syntax(_))));
    assert!(matches!(command("LISTRIGHTS Plans -anyone"), Ok(Command::ListRights { .. })));
    for text in [
        "GETMETADATA (MAXSIZE 9 DEPTH 1) \"\" (/shared/comment /private/Comment)",
        "GETMETADATA \"\" (MAXSIZE 9 DEPTH 1) (/shared/comment /private/Comment)",
    ] {
        let Ok(Command::GetMetadata(get)) = command(text) else { panic!("{text}") };
        assert_eq!((get.max_size, get.depth), (Some(9), metadata::Depth::One));
        assert_eq!(get.entries, ["/shared/comment", "/private/comment"]);
    }
    let Ok(Command::SetMetadata { entries, .. }) = command("SETMETADATA a (/shared/x NIL /private/y ~{2+}\r\n\0\n)")
    else {
        panic!()
    };
    assert_eq!(entries, [("/shared/x".to_owned(), None), ("/private/y".into(), Some(b"\0\n".to_vec()))]);
    for bad in ["shared/x", "/shared/", "/shared//x", "/shared/*"] {
        assert!(matches!(command(&format!("GETMETADATA a {bad}")), Err(Fault::Syntax(_))), "{bad}");
    }
    let text = "NOTIFY SET STATUS (selected-delayed (MessageNew (UID FLAGS) MessageExpunge)) \
                (subtree (Lists Work) (MailboxName)) (personal NONE)";
    let Ok(Command::Notify(notify::Notify::Set { status: true, groups })) = command(text) else { panic!() };
    assert_eq!(groups.len(), 3);
    assert_eq!(groups[0].events.items.len(), 2);
    for bad in [
        "(selected (MessageNew))",
        "(selected (FlagChange))",
        "(personal (MessageNew (UID) MessageExpunge))",
        "(selected (MailboxName))",
        "(nobody (MailboxName))",
    ] {
        assert!(matches!(command(&format!("NOTIFY SET {bad}")), Err(Fault::Syntax(_))), "{bad}");
    }
}

#[test]
fn sets_resolve_against_the_largest_number() {
    let resolve = |text: &str, largest| set::sequence_set(&mut Cursor::new(text.as_bytes())).unwrap().resolve(largest);
    assert_eq!(resolve("2,4:7,9,12:*", 15), [(2, 2), (4, 7), (9, 9), (12, 15)]);
    assert_eq!(resolve("*:4,5:7", 10), [(4, 10)]);
    assert_eq!(resolve("3:1,2,5,4", 10), [(1, 5)]);
    assert_eq!(resolve("20:*", 10), [(10, 20)], "* is never beyond the last message");
    assert_eq!(resolve("*", 0), []);
    assert_eq!(resolve("1:4294967295", 3), [(1, u32::MAX)]);
    assert!(set::contains(&[(2, 4), (9, 9)], 4) && !set::contains(&[(2, 4), (9, 9)], 5));
}

#[test]
fn mailbox_names_of_the_rfc() {
    for (wire, name) in [
        ("~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語"),
        ("&AOk-t&AOk-", "été"),
        ("a &- b", "a & b"),
        ("&2D3eAA-", "😀"),
    ] {
        assert_eq!(utf7::decode(wire.as_bytes()).unwrap(), name);
        assert_eq!(utf7::encode(name), wire);
    }
    assert_eq!(utf7::decode("受信".as_bytes()).unwrap(), "受信", "names in UTF-8 are taken as they are");
    for bad in ["&", "&U", "R&D", "&AGE-", "&2D0-", "a\x01", "&AAA-", "&A-"] {
        assert_eq!(utf7::decode(bad.as_bytes()), Err(Fault::Name), "{bad}");
    }
    assert_eq!(parse::canonical("inbox".into()), "INBOX");
    assert_eq!(parse::canonical("Inboxes".into()), "Inboxes");
}

#[test]
fn dates() {
    let at = |text: &str| date::date_time(&mut Cursor::new(text.as_bytes()));
    assert_eq!(at("\"17-Jul-1996 02:44:25 -0700\""), Ok(Time::from_seconds(837_596_665)));
    assert!(at("\"17-Jul-1996 02:44:25\"").is_err());
    assert!(at("\"30-Feb-1996 02:44:25 +0000\"").is_err());
    let mut out = Vec::new();
    print::date_time(&mut out, Time::from_seconds(837_596_665));
    assert_eq!(out, b"\"17-Jul-1996 09:44:25 +0000\"");
    for days in (-800_000..800_000).step_by(97) {
        let (year, month, day) = date::civil(days);
        assert_eq!(date::days_of(year, i64::from(month), i64::from(day)), days);
    }
}

proptest! {
    #[test]
    fn names_survive_the_wire(name in "[^\u{0}-\u{1f}\u{7f}-\u{9f}]{0,40}") {
        let wire = utf7::encode(&name);
        prop_assert!(wire.is_ascii());
        prop_assert_eq!(utf7::decode(wire.as_bytes()).unwrap(), name);
    }

    #[test]
    fn strings_survive_the_wire(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        let mut out = Vec::new();
        print::astring(&mut out, &bytes);
        let mut cursor = Cursor::new(&out);
        let read = cursor.astring().unwrap();
        prop_assert_eq!(&*read, &bytes[..]);
        prop_assert!(cursor.is_empty());
    }

    #[test]
    fn sets_survive_the_wire(numbers in proptest::collection::btree_set(1u32..500, 1..60)) {
        let ranges = set::ranges_of(numbers.iter().copied());
        let mut out = Vec::new();
        set::print_ranges(&mut out, &ranges);
        let read = set::sequence_set(&mut Cursor::new(&out)).unwrap();
        prop_assert_eq!(read.resolve(1000), ranges.clone());
        for n in 1..500 {
            prop_assert_eq!(set::contains(&ranges, n), numbers.contains(&n));
        }
    }

    #[test]
    fn resolved_sets_are_sorted_and_apart(ranges in proptest::collection::vec((0u32..50, 0u32..50), 1..20), largest in 0u32..60) {
        let written = ranges.iter().map(|&(first, last)| Range { first, last }).collect();
        let resolved = SequenceSet::Ranges(written).resolve(largest);
        prop_assert!(resolved.windows(2).all(|w| w[0].1 + 1 < w[1].0));
        prop_assert!(resolved.iter().all(|&(low, high)| 1 <= low && low <= high));
    }

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse::command(&mut Cursor::new(&bytes));
        let _ = append::first(&mut Cursor::new(&bytes));
    }

    #[test]
    fn nearly_right_commands_do_not_panic(
        verb in prop::sample::select(vec!["FETCH 1 ", "SEARCH ", "UID SEARCH RETURN ", "STORE 1 ", "LIST ", "SELECT a ", "STATUS x ", "APPEND "]),
        rest in "[ ()\\[\\]<>.,:*$\"{}+0-9A-Zx\\\\-]{0,60}",
    ) {
        let text = format!("{verb}{rest}");
        let _ = command(&text);
        let _ = append::first(&mut Cursor::new(text.as_bytes()));
    }
}
