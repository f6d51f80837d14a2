//! What this crate prints for IMAP, read by an independent parser.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use imap_codec::ResponseCodec;
use imap_codec::decode::Decoder;
use proptest::prelude::*;
use sekisho_message::structure::summarize;

/// Pieces of headers and bodies that are likely to make a structure.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("\r\n".to_owned()),
        Just("--b\r\n".to_owned()),
        Just("--b--\r\n".to_owned()),
        Just("--c\r\n".to_owned()),
        Just("Content-Type: multipart/mixed; boundary=b\r\n\r\n".to_owned()),
        Just("Content-Type: multipart/alternative; boundary=c\r\n\r\n".to_owned()),
        Just("Content-Type: message/rfc822\r\n\r\n".to_owned()),
        "Content-Type: [a-z]{1,4}/[a-z]{1,4}(; ?[a-z*0]{0,3}=\"?[ -~]{0,6}\"?){0,3}\r\n",
        "Content-Disposition: [ -~]{0,12}\r\n",
        "Content-Language: [a-z, ()]{0,12}\r\n",
        "Content-(ID|Description|MD5|Location|Transfer-Encoding): [ -~\u{e9}\0\u{3042}]{0,12}\r\n",
        "(From|To|Cc|Bcc|Sender|Reply-To): [-a-c<>@,:;.()\\[\\]\" \\\\\u{3042}]{0,24}\r\n",
        "(Subject|Date|Message-ID|In-Reply-To): [ -~\t\0\u{e9}]{0,16}\r\n",
        "[ -~]{0,12}\r\n",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn any_summary_is_read(pieces in proptest::collection::vec(piece(), 0..16)) {
        let summary = summarize(pieces.concat().as_bytes());
        let mut line = b"* 1 FETCH (ENVELOPE ".to_vec();
        line.extend_from_slice(&summary.envelope);
        line.extend_from_slice(b" BODY ");
        line.extend_from_slice(&summary.body);
        line.extend_from_slice(b" BODYSTRUCTURE ");
        line.extend_from_slice(&summary.bodystructure);
        line.extend_from_slice(b")\r\n");
        // The parser gives up beyond some levels, which is not what is asked here.
        let depth = summary.body.iter().scan(0, |depth, b| {
            *depth += i32::from(*b == b'(') - i32::from(*b == b')');
            Some(*depth)
        });
        prop_assume!(depth.max().unwrap_or(0) <= 8);
        match ResponseCodec::default().decode(&line) {
            Ok((rest, _)) => prop_assert!(rest.is_empty()),
            Err(e) => prop_assert!(false, "{:?} {}", e, String::from_utf8_lossy(&line)),
        }
    }
}
