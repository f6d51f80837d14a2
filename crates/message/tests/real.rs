//! The crate over real mail: a public corpus of ham and spam, and real bounces and feedback reports.
//!
//! The data lies beside the repository in `shared/data`. A clone without any `shared` reports these tests as ignored, in
//! words; where `shared` is there, missing data is a failure.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};

use imap_codec::ResponseCodec;
use imap_codec::decode::Decoder;
use sekisho_message::header::{Headers, originators};
use sekisho_message::structure::{PartKind, SectionItem, SectionPath, Structure, summarize};
use sekisho_message::trace::parse_received;
use sekisho_message::{arf, date, dsn, fingerprint, search};

/// The messages of a folder with their names; `None` when there is no `shared` folder at all.
fn messages(folder: &str) -> Option<Vec<(String, Vec<u8>)>> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    if !shared.exists() {
        println!("ignored: no real data, there is no {}", shared.display());
        return None;
    }
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(shared.join("data").join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.retain(|path| path.extension().is_some_and(|e| e == "eml"));
    assert!(paths.len() > 100, "too few messages in {folder}: {}", paths.len());
    let read =
        |path: PathBuf| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap());
    Some(paths.into_iter().map(read).collect())
}

fn everything() -> Option<Vec<(String, Vec<u8>)>> {
    let mut all = messages("corpus")?;
    all.extend(messages("bounces")?);
    Some(all)
}

/// The same message as SMTP would bring it.
fn with_crlf(message: &[u8]) -> Vec<u8> {
    let text: Vec<u8> = message.iter().copied().filter(|b| *b != b'\r').collect();
    text.split_inclusive(|b| *b == b'\n')
        .flat_map(|line| match line.strip_suffix(b"\n") {
            Some(line) => [line, b"\r\n"].concat(),
            None => line.to_vec(),
        })
        .collect()
}

#[test]
fn an_independent_imap_parser_reads_all_summaries() {
    let Some(all) = everything() else { return };
    for (name, message) in all {
        for message in [with_crlf(&message), message] {
            let summary = summarize(&message);
            let mut line = b"* 1 FETCH (ENVELOPE ".to_vec();
            line.extend_from_slice(&summary.envelope);
            line.extend_from_slice(b" BODY ");
            line.extend_from_slice(&summary.body);
            line.extend_from_slice(b" BODYSTRUCTURE ");
            line.extend_from_slice(&summary.bodystructure);
            line.extend_from_slice(b")\r\n");
            let (rest, _) = ResponseCodec::default()
                .decode(&line)
                .unwrap_or_else(|e| panic!("{name}: {e:?}\n{}", String::from_utf8_lossy(&line)));
            assert!(rest.is_empty(), "{name}");
        }
    }
}

#[test]
fn all_sections_of_all_parts_agree() {
    let Some(all) = everything() else { return };
    let mut parts = 0;
    for (name, message) in all {
        let structure = Structure::of(&message);
        let mut paths: Vec<Vec<u32>> = vec![vec![]];
        while let Some(path) = paths.pop() {
            let get = |item| structure.section(SectionPath { part: &path, item });
            let whole = get(SectionItem::Whole).unwrap_or_else(|| panic!("{name} {path:?}"));
            if let (Some(header), Some(text)) = (get(SectionItem::Header), get(SectionItem::Text)) {
                assert_eq!([&*header, &*text].concat(), *whole, "{name} {path:?}");
            }
            assert_eq!(get(SectionItem::Mime).is_none(), path.is_empty());
            for number in 1.. {
                let child: Vec<u32> = path.iter().copied().chain([number]).collect();
                if structure.section(SectionPath { part: &child, item: SectionItem::Whole }).is_none() {
                    break;
                }
                paths.push(child);
                parts += 1;
            }
        }
        let leaves = structure.parts().iter().filter(|p| p.kind == PartKind::Leaf).count();
        assert!(leaves >= 1, "{name}");
    }
    assert!(parts > 1_500, "{parts}");
}

#[test]
fn dates_authors_and_trace_of_honest_mail_are_read() {
    let Some(all) = messages("corpus") else { return };
    let (mut ham, mut dated, mut authored, mut hops, mut read_hops, mut with_ip) = (0, 0, 0, 0, 0, 0);
    for (_, message) in all.iter().filter(|(name, _)| name.contains("ham")) {
        ham += 1;
        let headers = Headers::of(message);
        dated += usize::from(headers.text("Date").is_some_and(|d| date::parse(&d).is_some()));
        let from = originators(message).from;
        authored += usize::from(from.fields == 1 && from.addresses.len() == 1 && from.unreadable.is_empty());
        for field in headers.all("Received") {
            let received = parse_received(field.value());
            hops += 1;
            read_hops += usize::from((received.by.is_some() || received.from.is_none()) && received.at.is_some());
            with_ip += usize::from(received.ip.is_some());
        }
    }
    println!("{ham} ham, {dated} dated, {authored} authored; {hops} hops, {read_hops} read, {with_ip} with address");
    assert!(ham > 300 && dated * 100 >= ham * 99 && authored * 100 >= ham * 98);
    assert!(read_hops * 100 >= hops * 99 && with_ip * 100 >= hops * 60);
}

#[test]
fn bounces_are_read() {
    let Some(all) = messages("bounces") else { return };
    let (mut reports, mut read, mut complete, mut identified) = (0, 0, 0, 0);
    for (name, message) in &all {
        let has_status = Structure::of(message).find("message", "delivery-status").is_some();
        let Some(report) = dsn::parse(message) else {
            if has_status {
                println!("not read: {name}");
            }
            reports += usize::from(has_status);
            continue;
        };
        reports += 1;
        read += 1;
        let good =
            report.recipients.iter().all(|r| r.recipient.contains('@') && r.action.is_some() && r.status.is_some());
        complete += usize::from(good);
        if !good {
            println!("incomplete: {name} {:?}", report.recipients);
        }
        identified += usize::from(report.original_message_id.is_some());
    }
    println!("{reports} reports, {read} read, {complete} complete, {identified} with the original's id");
    assert!(
        reports > 100 && read * 100 >= reports * 95 && complete * 100 >= read * 90 && identified * 100 >= read * 70
    );
}

#[test]
fn complaints_are_read() {
    let Some(all) = messages("bounces") else { return };
    for (name, message) in all.iter().filter(|(name, _)| name.starts_with("arf-")) {
        let Some(report) = arf::parse(message) else {
            println!("not a feedback report: {name}");
            assert!(Structure::of(message).find("message", "feedback-report").is_none(), "{name}");
            continue;
        };
        println!("{name}: {} {:?} {:?} {:?}", report.kind, report.source, report.mail_from, report.original_message_id);
        assert!(!report.kind.is_empty() && !report.original_header.is_empty(), "{name}");
    }
}

#[test]
fn text_is_found_in_all_messages() {
    let Some(all) = everything() else { return };
    let mut silent = 0;
    for (name, message) in &all {
        let text = search::extract(message, 256 * 1024);
        assert!(!text.header.is_empty(), "{name}");
        silent += usize::from(text.body.trim().is_empty());
    }
    println!("{silent} of {} without text", all.len());
    assert!(silent * 20 < all.len());
}

#[test]
fn fingerprints_find_campaigns_and_spare_honest_mail() {
    let Some(all) = messages("corpus") else { return };
    let prints: Vec<_> = all
        .iter()
        .map(|(name, message)| {
            (name, fingerprint::of_message(message), search::fold(&search::extract(message, 65_536).body))
        })
        .filter(|(_, _, text)| text.len() > 500)
        .collect();
    let mut campaigns = 0;
    for (index, (name, print, text)) in prints.iter().enumerate() {
        for (other, other_print, other_text) in &prints[index + 1..] {
            if text != other_text && fingerprint::distance(*print, *other_print) <= 6 {
                assert!(name.starts_with("spam") && other.starts_with("spam"), "{name} {other}");
                campaigns += 1;
            }
        }
    }
    println!("{} messages, {campaigns} pairs of one campaign in different words", prints.len());
    assert!(campaigns >= 8);
}
