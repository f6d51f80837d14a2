#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::super::*;

/// Far more than any of these takes, and far less than a square would.
const PATIENCE: Duration = Duration::from_secs(20);

fn parts(message: &str) -> usize {
    Structure::of(message.as_bytes()).parts().len()
}

#[test]
fn boundaries_are_lines_of_their_own() {
    let head = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
    assert_eq!(
        parts(&format!(
            "{head}--b\r\n\r\nx\r\n--bb\r\n--b x\r\n --b\r\nx--b\r\n---b\r\n--b--y\r\n--b--\r\n--b\r\n\r\nno\r\n"
        )),
        2
    );
    assert_eq!(parts(&format!("{head}--b\n\nx\n--b\n\ny\n--b--")), 3);
    assert_eq!(parts(&format!("{head}--b")), 2);
    assert_eq!(parts(&format!("{head}--b\r\nContent-Type: text/html\r\n--b\r\n--b\r\n")), 4);
    // An outer boundary ends whatever is open within.
    let nested = format!(
        "{head}--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--b\r\n\r\ny\r\n--c\r\n--b--\r\n"
    );
    let structure = Structure::of(nested.as_bytes());
    assert_eq!(structure.parts().len(), 4);
    assert_eq!(structure.body(&structure.parts()[2]), b"x");
    assert_eq!(structure.body(&structure.parts()[3]), b"y\r\n--c");
}

#[test]
fn nesting_is_bounded() {
    let mut multiparts = String::new();
    for level in 0..2_000 {
        multiparts.push_str(&format!("Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n"));
    }
    let messages = "Content-Type: message/rfc822\r\n\r\n".repeat(30_000);
    for bomb in [multiparts, messages] {
        let start = Instant::now();
        let summary = summarize(bomb.as_bytes());
        assert!(summary.bodystructure.len() < 100_000);
        let depth = summary.bodystructure.iter().scan(0i32, |depth, b| {
            *depth += i32::from(*b == b'(') - i32::from(*b == b')');
            Some(*depth)
        });
        assert!(depth.max().unwrap() < 2 * MAX_DEPTH as i32);
        assert!(start.elapsed() < PATIENCE);
    }
}

#[test]
fn parts_are_bounded_and_nothing_is_lost() {
    let bomb = format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{}", "--b\r\n\r\nx\r\n".repeat(50_000));
    let structure = Structure::of(bomb.as_bytes());
    assert_eq!(structure.parts().len(), MAX_PARTS);
    assert_eq!(structure.parts().last().unwrap().body.end, bomb.len());
    assert!(summarize(bomb.as_bytes()).bodystructure.len() < 1_000_000);
}

#[test]
fn large_headers_of_parts_do_not_multiply() {
    let to = format!("To: {}\r\n", "a@b,".repeat(25_000));
    let part = format!(
        "--b\r\nContent-Type: message/rfc822\r\n\r\nContent-Description: {}\r\n{to}\r\nx\r\n",
        "d".repeat(50_000)
    );
    let bomb = format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{}", part.repeat(100));
    assert!(bomb.len() > 14_000_000);
    let start = Instant::now();
    let summary = summarize(bomb.as_bytes());
    assert!(summary.bodystructure.len() < bomb.len() * 2, "{}", summary.bodystructure.len());
    assert!(start.elapsed() < PATIENCE);
}

#[test]
fn the_walk_is_linear() {
    let long = "x".repeat(400);
    let deep: String =
        (0..49).map(|n| format!("Content-Type: multipart/mixed; boundary={long}{n}\r\n\r\n--{long}{n}\r\n")).collect();
    for bomb in [
        format!("{deep}\r\n{}", format!("--{long}").repeat(4_000)),
        format!("{deep}\r\n{}", format!("--{long}\r\n").repeat(4_000)),
        format!("{deep}\r\n{}", "--\n".repeat(100_000)),
        "-".repeat(1_000_000),
        "a:\n ".repeat(200_000),
        format!("Content-Type: text/plain{}\r\n\r\n", ";a=\"".repeat(100_000)),
        format!("From: {}\r\n\r\n", "(".repeat(200_000)),
        format!("From: {}\r\n\r\n", "[".repeat(200_000)),
        format!("From: {}\r\n\r\n", "<@".repeat(100_000)),
    ] {
        let start = Instant::now();
        let _ = summarize(bomb.as_bytes());
        assert!(start.elapsed() < PATIENCE, "{:?}", bomb.get(..60));
    }
}

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("\r\n".to_owned()),
        Just("\n".to_owned()),
        Just("--b".to_owned()),
        Just("--b--".to_owned()),
        Just("--c\r\n".to_owned()),
        Just("Content-Type: multipart/mixed; boundary=b\r\n".to_owned()),
        Just("Content-Type: multipart/digest; boundary=c\r\n\r\n".to_owned()),
        Just("Content-Type: message/rfc822\r\n\r\n".to_owned()),
        Just("From: a@b\r\n".to_owned()),
        "[ -~\u{3042}\t]{0,12}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn structures_hold_together(pieces in proptest::collection::vec(piece(), 0..40)) {
        let message = pieces.concat();
        let structure = Structure::of(message.as_bytes());
        for part in structure.parts() {
            prop_assert!(part.header.start <= part.header.end && part.header.end == part.body.start);
            prop_assert!(part.body.start <= part.body.end && part.body.end <= message.len());
            let children: &[usize] = match &part.kind {
                PartKind::Leaf => &[],
                PartKind::Multipart(children) => children,
                PartKind::Message(inner) => std::slice::from_ref(inner),
            };
            let mut last = part.body.start;
            for child in children {
                let child = &structure.parts()[*child];
                prop_assert!(last <= child.header.start && child.body.end <= part.body.end);
                last = child.body.end;
            }
        }
        let get = |part: &[u32], item| structure.section(SectionPath { part, item });
        let header = get(&[], SectionItem::Header).unwrap();
        let text = get(&[], SectionItem::Text).unwrap();
        prop_assert_eq!([&*header, &*text].concat(), message.as_bytes());
        for path in [&[1][..], &[2], &[1, 1], &[2, 1], &[1, 2, 1]] {
            if let Some(header) = get(path, SectionItem::Header) {
                let text = get(path, SectionItem::Text).unwrap();
                prop_assert_eq!([&*header, &*text].concat(), get(path, SectionItem::Whole).unwrap().into_owned());
            }
            prop_assert_eq!(get(path, SectionItem::Whole).is_some(), get(path, SectionItem::Mime).is_some());
        }
        let summary = summarize(message.as_bytes());
        prop_assert_eq!(summary.header_len as usize, header.len());
    }

    #[test]
    fn any_octets_have_a_structure(message in proptest::collection::vec(any::<u8>(), 0..300)) {
        let summary = summarize(&message);
        prop_assert!(summary.envelope.starts_with(b"(") && summary.body.ends_with(b")"));
    }
}
