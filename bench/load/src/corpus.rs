//! Deterministic realistic messages. Same seed + index => same bytes on every machine.
use crate::client::*;
use std::io::Write;

pub struct Rng(u64);
impl Rng {
    pub fn new(seed: u64) -> Rng {
        Rng(seed.wrapping_mul(0x9E3779B97F4A7C15) ^ 0xD1B54A32D192ED03)
    }
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E3779B97F4A7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58476D1CE4E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D049BB133111EB);
        z ^ (z >> 31)
    }
    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }
    pub fn range(&mut self, a: u64, b: u64) -> u64 {
        a + self.below(b - a + 1)
    }
}
const W: &[&str] = &[
    "the", "of", "and", "to", "in", "a", "is", "that", "for", "it", "as", "was", "with", "be", "by", "on", "not", "he", "this", "are",
    "report", "invoice", "meeting", "server", "please", "attached", "regards", "schedule", "project", "update", "deadline", "review",
    "customer", "contract", "shipment", "delivery", "question", "answer", "budget", "travel", "booking", "release", "version", "error",
    "network", "domain", "account", "password", "relay", "queue", "message", "mailbox", "folder", "archive", "backup", "restore",
    "tokyo", "osaka", "berlin", "paris", "london", "monday", "tuesday", "friday", "january", "march", "october", "quarter", "annual",
    "summary", "proposal", "minutes", "agenda", "policy", "security", "incident", "support", "ticket", "billing", "payment", "receipt",
];
fn word(r: &mut Rng) -> &'static str {
    // squared uniform: the early words come up more often
    let u = r.below(1 << 16) as f64 / 65536.0;
    W[((u * u) * W.len() as f64) as usize]
}
fn text(r: &mut Rng, bytes: usize, out: &mut Vec<u8>) {
    let end = out.len() + bytes;
    let mut col = 0;
    while out.len() < end {
        let w = word(r);
        if col + w.len() + 1 > 74 {
            out.extend_from_slice(b"\r\n");
            col = 0;
            if r.below(9) == 0 {
                out.extend_from_slice(b"\r\n");
            }
        } else if col > 0 {
            out.push(b' ');
            col += 1;
        }
        out.extend_from_slice(w.as_bytes());
        col += w.len();
    }
    out.extend_from_slice(b".\r\n");
}
fn blob(r: &mut Rng, bytes: usize, out: &mut Vec<u8>) {
    const T: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let end = out.len() + bytes;
    while out.len() < end {
        for _ in 0..8 {
            let mut v = r.next();
            for _ in 0..9 {
                out.push(T[(v & 63) as usize]);
                v >>= 6;
            }
            out.push(T[(v & 63) as usize]);
            if false {
                break;
            }
        }
        out.truncate(out.len() - 4);
        out.extend_from_slice(b"\r\n");
    }
}
/// body words: "zyxneedle" in 1% of bodies, "zyxsubject" in 1% of subjects
pub fn message(seed: u64, i: u64) -> Vec<u8> {
    let mut r = Rng::new(seed.wrapping_mul(1_000_003).wrapping_add(i));
    let mut m = Vec::with_capacity(8192);
    let kind = r.below(100);
    let mut subj = String::new();
    for _ in 0..r.range(3, 9) {
        subj.push_str(word(&mut r));
        subj.push(' ');
    }
    if i % 100 == 17 {
        subj.push_str("zyxsubject");
    }
    let day = 1 + i % 28;
    let from = r.below(400);
    let _ = write!(
        m,
        "Return-Path: <sender{from}@example.org>\r\nReceived: from mx{}.example.org (mx{}.example.org [192.0.2.{}])\r\n\tby mail.example.com (Bench) with ESMTPS id {:016X}\r\n\tfor <user@example.com>; {:02} Oct 2026 {:02}:{:02}:{:02} +0900\r\nReceived: from [10.{}.{}.{}] (helo=desk)\r\n\tby mx.example.org with esmtpsa; {:02} Oct 2026 08:00:00 +0900\r\nDKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=s1;\r\n\th=from:to:subject:date:message-id; bh=",
        r.below(9), r.below(9), r.below(254), r.next(), day, r.below(24), r.below(60), r.below(60), r.below(254), r.below(254), r.below(254), day
    );
    blob(&mut r, 40, &mut m);
    let _ = write!(
        m,
        "From: \"Sender Number {from}\" <sender{from}@example.org>\r\nTo: \"User\" <user@example.com>, \"Other, Person\" <other{}@example.net>\r\nCc: team{}@example.com\r\nSubject: {}\r\nDate: {:02} Oct 2026 {:02}:{:02}:00 +0900\r\nMessage-ID: <{:016x}.{}@example.org>\r\nMIME-Version: 1.0\r\n",
        r.below(50), r.below(20), subj.trim(), day, r.below(24), r.below(60), r.next(), i
    );
    if r.below(3) == 0 {
        let _ = write!(m, "In-Reply-To: <{:016x}@example.org>\r\nReferences: <{:016x}@example.org>\r\n\t<{:016x}@example.org>\r\n", r.next(), r.next(), r.next());
    }
    let needle: &[u8] = if i % 100 == 42 { b"here is the zyxneedle you asked for\r\n" } else { b"" };
    if kind < 70 {
        m.extend_from_slice(b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n");
        let n = r.range(800, 6000) as usize;
        text(&mut r, n, &mut m);
        m.extend_from_slice(needle);
    } else if kind < 90 {
        m.extend_from_slice(b"Content-Type: multipart/alternative; boundary=\"=_alt\"\r\n\r\n--=_alt\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n");
        let n = r.range(2000, 9000) as usize;
        text(&mut r, n, &mut m);
        m.extend_from_slice(needle);
        m.extend_from_slice(b"--=_alt\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><body><p>");
        let n = r.range(4000, 20000) as usize;
        text(&mut r, n, &mut m);
        m.extend_from_slice(b"</p></body></html>\r\n--=_alt--\r\n");
    } else {
        m.extend_from_slice(b"Content-Type: multipart/mixed; boundary=\"=_mix\"\r\n\r\n--=_mix\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n");
        let n = r.range(500, 3000) as usize;
        text(&mut r, n, &mut m);
        m.extend_from_slice(needle);
        m.extend_from_slice(b"--=_mix\r\nContent-Type: application/pdf; name=\"a.pdf\"\r\nContent-Disposition: attachment; filename=\"a.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\n");
        let n = if kind < 98 { r.range(30_000, 120_000) } else { r.range(120_000, 400_000) } as usize;
        blob(&mut r, n, &mut m);
        m.extend_from_slice(b"--=_mix--\r\n");
    }
    m
}
/// mailbench corpus --count N --seed S --dir D   : writes D/%06d.eml (or only prints totals without --dir)
pub fn dump(a: &Args) {
    let (n, seed) = (a.n("count", 10000), a.n("seed", 1));
    let mut tot = 0u64;
    let mut sizes = vec![];
    for i in 0..n {
        let m = message(seed, i);
        tot += m.len() as u64;
        sizes.push(m.len() as u64);
        if a.has("dir") {
            std::fs::write(format!("{}/{:06}.eml", a.s("dir", "."), i), &m).unwrap();
        }
    }
    sizes.sort();
    let mut j = Json::new("corpus", a);
    j.n("count", n).n("bytes", tot).n("median", sizes[sizes.len() / 2]).n("max", sizes[sizes.len() - 1]);
    j.print();
}
