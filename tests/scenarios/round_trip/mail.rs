//! Mail that is hard to take apart.

/// Messages with their names.
pub fn odd_messages() -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<(String, Vec<u8>)> = fixed().into_iter().map(|(n, text)| (n.to_owned(), text.into())).collect();
    all.push(("nested deeply".into(), nested(80)));
    all.push(("messages in messages".into(), messages(40)));
    all.push(("many parts".into(), many_parts(300)));
    all.push((
        "every octet but NUL".into(),
        [b"Subject: x\r\n\r\n".as_slice(), &(1..=255).collect::<Vec<u8>>()].concat(),
    ));
    all.push(("NUL".into(), b"Subject: x\r\n\r\na\0b\r\n".to_vec()));
    all.push(("a large line".into(), [b"Subject: x\r\n\r\n".as_slice(), &vec![b'a'; 990], b"\r\n"].concat()));
    all.push(("a long header".into(), long_header()));
    all.push((
        "a megabyte".into(),
        [b"Subject: x\r\n\r\n".as_slice(), &b"0123456789abcdef\r\n".repeat(60_000)].concat(),
    ));
    all
}

fn fixed() -> Vec<(&'static str, &'static [u8])> {
    vec![
        ("no body", b"Subject: only a header\r\n"),
        ("no empty line", b"Subject: x\r\nFrom: a@b.example"),
        ("no header", b"\r\nonly a body\r\n"),
        ("no header, no fields", b"this is no field\r\nand this is none\r\n\r\nbody\r\n"),
        ("one octet", b"x"),
        ("an empty line", b"\r\n"),
        ("dots", b"Subject: dots\r\n\r\n.\r\n..\r\n.a\r\n...\r\nend\r\n.\r\n"),
        ("bare line feeds", b"Subject: unix\nFrom: a@b.example\n\nbody\nof lines\n"),
        ("bare carriage returns", b"Subject: mac\rX\r\n\r\na\rb\r\n"),
        ("mbox line", b"From someone Mon Jan  1 00:00:00 2001\r\nSubject: x\r\n\r\nFrom here on\r\n"),
        ("eight bit header", b"Subject: \xe6\x9d\xb1\xe4\xba\xac\r\nFrom: \xff\xfe@b.example\r\n\r\nbody\r\n"),
        (
            "japanese",
            b"Subject: =?ISO-2022-JP?B?GyRCRWw1fhsoQg==?=\r\nContent-Type: text/plain; charset=ISO-2022-JP\r\n\r\n\x1b$BEl5~\x1b(B\r\n",
        ),
        ("no end boundary", b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\n\r\ntwo"),
        ("no boundary at all", b"Content-Type: multipart/mixed; boundary=b\r\n\r\nnothing here\r\n"),
        ("no boundary parameter", b"Content-Type: multipart/mixed\r\n\r\n--b\r\n\r\none\r\n--b--\r\n"),
        ("empty boundary", b"Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n\r\none\r\n----\r\n"),
        (
            "a boundary that begins with another",
            b"Content-Type: multipart/mixed; boundary=aa\r\n\r\n--aa\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n--a\r\n\r\none\r\n--a--\r\n--aa\r\n\r\ntwo\r\n--aa--\r\nend\r\n",
        ),
        (
            "the same boundary inside",
            b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b--\r\n--b--\r\n",
        ),
        ("empty parts", b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n--b\r\n\r\n--b--\r\n"),
        ("a prologue and an epilogue", b"Content-Type: multipart/mixed; boundary=b\r\n\r\nbefore\r\n--b\r\n\r\none\r\n--b--\r\nafter\r\n--b\r\n\r\nnot a part\r\n"),
        ("spaces after a boundary", b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b  \t\r\n\r\none\r\n--b-- \r\n"),
        ("garbage for a type", b"Content-Type: ;;=\"\r\nContent-Disposition: (((\r\n\r\nbody\r\n"),
        ("two types", b"Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\n<p>\r\n"),
        ("broken base64", b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!=QUJD=\r\n"),
        ("an unknown encoding", b"Content-Type: image/png\r\nContent-Transfer-Encoding: x-magic\r\n\r\nabc\r\n"),
        ("an empty message inside", b"Content-Type: message/rfc822\r\n\r\n"),
        ("a message inside", b"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ninner body\r\n"),
        ("a message inside in base64", b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogeA0KDQo=\r\n"),
        (
            "a digest",
            b"Content-Type: multipart/digest; boundary=d\r\n\r\n--d\r\n\r\nSubject: one\r\n\r\nfirst\r\n--d\r\n\r\nSubject: two\r\n\r\nsecond\r\n--d--\r\n",
        ),
        (
            "parameters in pieces",
            b"Content-Type: application/x-stuff; name*0*=utf-8''%E6%9D; name*1*=%B1; name=\"plain \\\" quoted\"\r\nContent-Language: ja, en\r\nContent-Location: http://a.example/\r\nContent-MD5: Q2hlY2s=\r\n\r\nx\r\n",
        ),
        ("quoted addresses", b"From: \"a \\\" b\" <\"odd one\"@[127.0.0.1]>\r\nTo: group: a@b.example, ;, <>\r\nCc: (((\r\n\r\nx\r\n"),
    ]
}

fn nested(depth: usize) -> Vec<u8> {
    let mut text = String::new();
    for n in 0..depth {
        text.push_str(&format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n"));
    }
    text.push_str("\r\ninnermost\r\n");
    for n in (0..depth).rev() {
        text.push_str(&format!("--b{n}--\r\n"));
    }
    text.into_bytes()
}

fn messages(depth: usize) -> Vec<u8> {
    let mut text: String =
        (0..depth).map(|n| format!("Subject: {n}\r\nContent-Type: message/rfc822\r\n\r\n")).collect();
    text.push_str("Subject: innermost\r\n\r\nend\r\n");
    text.into_bytes()
}

fn many_parts(count: usize) -> Vec<u8> {
    let mut text = "Content-Type: multipart/mixed; boundary=b\r\n\r\n".to_owned();
    for n in 0..count {
        text.push_str(&format!("--b\r\nContent-Type: text/plain; name=\"{n}\"\r\n\r\npart {n}\r\n"));
    }
    text.push_str("--b--\r\n");
    text.into_bytes()
}

fn long_header() -> Vec<u8> {
    let mut text: String = (0..400).map(|n| format!("X-Field-{n}: value of it\r\n folded\r\n")).collect();
    text.push_str("Subject: at the end\r\n\r\nbody\r\n");
    text.into_bytes()
}
