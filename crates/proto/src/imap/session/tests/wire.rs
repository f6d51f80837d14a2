//! Messages in parts, and compression.

use super::*;

#[test]
fn parts_of_a_message_come_one_by_one() {
    let mut talk = Talk::logged_in();
    let said = talk.say("a APPEND Drafts CATENATE (URL /INBOX/;UID=1 TEXT {5}\r\n");
    assert!(said.ends_with("* URL /INBOX/;UID=1\r\n+ Ready for the message\r\n"), "{said}");
    assert_eq!(talk.say("hello"), "hello");
    // A URL may be a literal too.
    assert_eq!(talk.say(" URL {3}\r\n"), "+ Ready for the literal\r\n");
    assert_eq!(talk.say("/a/ TEXT {0+}\r\n"), "* URL /a/\r\n");
    assert_eq!(talk.say(")\r\n"), "a OK [APPENDUID 1 2] APPEND completed\r\n");
    let said = talk.say("b APPEND Drafts CATENATE (URL /x)\r\nc NOOP\r\n");
    assert!(said.contains("* URL /x\r\nb OK") && said.ends_with("c OK done\r\n"), "{said}");
    let said = talk.say("d APPEND Drafts UTF8 (~{2+}\r\nab)\r\n");
    assert!(said.ends_with("abd OK [APPENDUID 1 2] APPEND completed\r\n"), "{said}");
    let said = talk.say("e APPEND Drafts UTF8 (~{2+}\r\nab\r\nf NOOP\r\n");
    assert!(said.contains("e BAD ") && said.ends_with("f OK done\r\n"), "{said}");
    assert_eq!(talk.say("g REPLACE 1 Drafts {3}\r\n"), "g BAD Select a mailbox first\r\n");
    talk.say("h SELECT x\r\n");
    assert!(talk.say("i UID REPLACE 7 Drafts {3+}\r\nabc\r\n").contains("Replaced { uid: true, number: 7 }"));
    assert!(talk.say("j REPLACE 1 Drafts {3+}\r\nabc {3+}\r\nabc\r\n").contains("j BAD "));
}

#[test]
fn strangers_send_short_literals_only() {
    let mut talk = Talk::open();
    let said = talk.say(format!("a LOGIN {{4097+}}\r\n{} secret\r\nb NOOP\r\n", "x".repeat(4097)));
    assert_eq!(said, "a BAD [TOOBIG] The literal is too long\r\nb OK NOOP completed\r\n");
}

/// Unpacks what a compressed session sends and packs what it is sent.
struct Packed {
    session: ImapSession,
    inflate: flate2::Decompress,
    deflate: flate2::Compress,
}

impl Packed {
    fn say(&mut self, text: &[u8]) -> String {
        let mut wire = Vec::with_capacity(text.len() + 1024);
        self.deflate.compress_vec(text, &mut wire, flate2::FlushCompress::Sync).unwrap();
        self.session.receive(Time::from_seconds(0), &wire);
        let mut said = Vec::new();
        loop {
            match self.session.next(Time::from_seconds(0)) {
                Step::Send(bytes) => {
                    let mut piece = Vec::with_capacity(1 << 20);
                    self.inflate.decompress_vec(&bytes, &mut piece, flate2::FlushDecompress::Sync).unwrap();
                    said.extend(piece);
                }
                Step::Event(_) => self.session.answer(Time::from_seconds(0), Reply::Done(Done::ok("done"))),
                Step::Close => said.extend_from_slice(b"CLOSED"),
                _ => {}
            }
            if matches!(self.session.end, End::Close) && self.session.out.is_empty() || self.session.idle_now() {
                return String::from_utf8(said).unwrap();
            }
        }
    }
}

impl ImapSession {
    /// Nothing is left to be done.
    fn idle_now(&self) -> bool {
        self.out.is_empty() && self.pending.is_none() && self.awaiting.is_none() && self.input.is_empty()
    }
}

#[test]
fn compression_packs_both_ways() {
    let mut talk = Talk::logged_in();
    assert!(talk.say("a CAPABILITY\r\n").contains(" COMPRESS=DEFLATE"));
    assert_eq!(talk.say("b COMPRESS ZSTD\r\n"), "b NO [CANNOT] Unknown mechanism\r\n");
    assert_eq!(talk.say("c COMPRESS DEFLATE\r\n"), "c OK DEFLATE active\r\n");
    let mut packed = Packed {
        session: talk.session,
        inflate: flate2::Decompress::new(false),
        deflate: flate2::Compress::new(flate2::Compression::default(), false),
    };
    assert_eq!(packed.say(b"d COMPRESS DEFLATE\r\n"), "d NO [COMPRESSIONACTIVE] DEFLATE is active already\r\n");
    assert!(!packed.say(b"e CAPABILITY\r\n").contains("COMPRESS"));
    let many: String = (0..500).map(|n| format!("n{n} NOOP\r\n")).collect();
    let said = packed.say(many.as_bytes());
    assert_eq!(said.matches(" OK done\r\n").count(), 500, "{said}");
    packed.session.receive(Time::from_seconds(0), b"\xff\xff not deflate");
    assert!(packed.say(b"").contains("* BYE What was sent is not DEFLATE"));
}

#[test]
fn a_bomb_is_unpacked_in_small_pieces() {
    let mut deflate = compress::Deflate::new();
    let mut bomb = Vec::with_capacity(64 << 10);
    flate2::Compress::new(flate2::Compression::best(), false)
        .compress_vec(&vec![b'x'; 20 << 20], &mut bomb, flate2::FlushCompress::Sync)
        .unwrap();
    assert!(bomb.len() < 32 << 10);
    deflate.receive(&bomb);
    let mut all = 0;
    while let Ok(Some(piece)) = deflate.unpack() {
        assert!(piece.len() <= 16 << 10);
        all += piece.len();
    }
    assert_eq!(all, 20 << 20);
}
