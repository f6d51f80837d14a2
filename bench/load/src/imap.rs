//! Plain IMAP4rev1 client: standard commands only.
use crate::corpus;
use crate::smtp::Smtp;
use crate::client::*;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub struct Imap {
    pub c: Conn,
    l: Vec<u8>,
    tag: u32,
    pub caps: String,
    pub exists: u64,
    pub untagged: u64,
    pub lit_bytes: u64,
    pub last_untagged: Vec<u8>,
    pub keep: Option<Vec<Vec<u8>>>,
}
fn literal_of(l: &[u8]) -> Option<usize> {
    if l.last() != Some(&b'}') {
        return None;
    }
    let p = l.iter().rposition(|&c| c == b'{')?;
    std::str::from_utf8(&l[p + 1..l.len() - 1]).ok()?.parse().ok()
}
impl Imap {
    pub fn open(addr: &str, cap: usize) -> R<Imap> {
        let mut i = Imap { c: Conn::connect(addr, cap)?, l: vec![], tag: 0, caps: String::new(), exists: 0, untagged: 0, lit_bytes: 0, last_untagged: vec![], keep: None };
        let mut l = vec![];
        i.c.line(&mut l)?;
        if !l.starts_with(b"* OK") {
            return err(format!("greeting {}", String::from_utf8_lossy(&l)));
        }
        i.caps = String::from_utf8_lossy(&l).to_string();
        Ok(i)
    }
    pub fn login(addr: &str, cap: usize, user: &str, pass: &str) -> R<Imap> {
        let mut i = Imap::open(addr, cap)?;
        i.cmd(&format!("LOGIN {user} {pass}"))?;
        Ok(i)
    }
    /// one untagged logical line (with its literals skipped); Ok(true) when it is the tagged line
    fn one(&mut self, tag: &[u8]) -> R<bool> {
        let mut l = std::mem::take(&mut self.l);
        self.c.line(&mut l)?;
        let mut first = true;
        let mut done = false;
        let mut whole: Option<Vec<u8>> = self.keep.as_ref().map(|_| vec![]);
        loop {
            if first {
                if l.starts_with(tag) {
                    done = true;
                } else if l.starts_with(b"* ") {
                    self.untagged += 1;
                    if l.ends_with(b" EXISTS") {
                        self.exists = std::str::from_utf8(&l[2..l.len() - 7]).unwrap_or("0").parse().unwrap_or(0);
                    }
                    self.last_untagged.clear();
                    self.last_untagged.extend_from_slice(&l);
                }
                first = false;
            }
            if let Some(w) = whole.as_mut() {
                w.extend_from_slice(&l);
            }
            if let Some(n) = literal_of(&l) {
                self.lit_bytes += n as u64;
                self.c.skip(n)?;
                self.c.line(&mut l)?;
                continue;
            }
            break;
        }
        if let (Some(k), Some(w)) = (self.keep.as_mut(), whole) {
            k.push(w);
        }
        self.l = l;
        Ok(done)
    }
    /// UIDVALIDITY and HIGHESTMODSEQ of a mailbox, for coming back to it with QRESYNC, which is enabled; it is closed.
    pub fn known(&mut self, mbox: &str) -> R<(u64, u64)> {
        self.cmd("UNSELECT")?;
        self.cmd("ENABLE QRESYNC")?;
        self.keep = Some(vec![]);
        self.cmd(&format!("SELECT {mbox}"))?;
        let lines = self.keep.take().unwrap_or_default();
        self.cmd("UNSELECT")?;
        let number = |name: &str| {
            let word = format!("[{name} ");
            lines.iter().find_map(|l| String::from_utf8_lossy(l).split_once(&word)?.1.split(']').next()?.parse().ok())
        };
        let found = number("UIDVALIDITY").zip(number("HIGHESTMODSEQ"));
        found.map_or_else(|| err("no UIDVALIDITY or HIGHESTMODSEQ"), Ok)
    }
    pub fn tagstr(&mut self) -> String {
        self.tag += 1;
        format!("A{} ", self.tag)
    }
    fn finish(&mut self, tag: &str) -> R<()> {
        while !self.one(tag.as_bytes())? {
            if self.l.starts_with(b"+") {
                return err("unexpected continuation");
            }
        }
        let r = &self.l[tag.len()..];
        if r.starts_with(b"OK") {
            let s = String::from_utf8_lossy(r);
            if s.contains("[CAPABILITY") {
                self.caps = s.to_string();
            }
            Ok(())
        } else {
            err(String::from_utf8_lossy(&self.l).to_string())
        }
    }
    pub fn cmd(&mut self, s: &str) -> R<()> {
        let t = self.tagstr();
        self.c.send(format!("{t}{s}\r\n").as_bytes())?;
        self.finish(&t)
    }
    pub fn append(&mut self, mbox: &str, m: &[u8], flags: &str) -> R<()> {
        let t = self.tagstr();
        let plus = self.caps.contains("LITERAL+");
        let mut b = format!("{t}APPEND {mbox} {flags}{{{}{}}}\r\n", m.len(), if plus { "+" } else { "" }).into_bytes();
        if plus {
            b.extend_from_slice(m);
            b.extend_from_slice(b"\r\n");
            self.c.send(&b)?;
        } else {
            self.c.send(&b)?;
            loop {
                if self.one(t.as_bytes())? {
                    return err(String::from_utf8_lossy(&self.l).to_string());
                }
                if self.l.starts_with(b"+") {
                    break;
                }
            }
            self.c.send(m)?;
            self.c.send(b"\r\n")?;
        }
        self.finish(&t)
    }
}

/// fill one mailbox with the corpus: --conns N --count M --seed S --mailbox INBOX
pub fn load(a: &Args) {
    append_impl(a, "imap-load")
}
pub fn append(a: &Args) {
    append_impl(a, "imap-append")
}
fn append_impl(a: &Args, op: &str) {
    let addr = a.addr();
    let (conns, count, seed) = (a.n("conns", 1), a.n("count", 1000), a.n("seed", 1));
    let mbox = a.s("mailbox", "INBOX");
    let pass = a.s("pass", "pass");
    let fixed = if a.has("size") { Some(Arc::new(crate::smtp::payload(a.n("size", 4096) as usize))) } else { None };
    let next = Arc::new(AtomicU64::new(0));
    let bytes = Arc::new(AtomicU64::new(0));
    let lats = Arc::new(Mutex::new(vec![]));
    // log in first: the time is for APPEND alone
    let mut cs = vec![];
    for k in 0..conns {
        let u = user_of(a, k);
        let mut i = Imap::login(&addr, 16384, &u, &pass).unwrap_or_else(|e| {
            eprintln!("login {u}: {e}");
            std::process::exit(1)
        });
        if mbox != "INBOX" {
            let _ = i.cmd(&format!("CREATE {mbox}"));
        }
        cs.push(i);
    }
    let w = Watch::start(a);
    let mut hs = vec![];
    for mut i in cs {
        let (next, bytes, lats, mbox, fixed) = (next.clone(), bytes.clone(), lats.clone(), mbox.clone(), fixed.clone());
        hs.push(std::thread::spawn(move || {
            let mut lat = vec![];
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= count {
                    break;
                }
                let m = match &fixed {
                    Some(b) => {
                        let mut m = format!("From: <a@b.test>\r\nSubject: append {n}\r\nMessage-ID: <{n}@bench.test>\r\n\r\n").into_bytes();
                        m.extend_from_slice(b);
                        m
                    }
                    None => corpus::message(seed, n),
                };
                bytes.fetch_add(m.len() as u64, Ordering::Relaxed);
                let t = Instant::now();
                i.append(&mbox, &m, "").unwrap();
                lat.push(t.elapsed().as_micros() as u32);
            }
            lats.lock().unwrap().extend(lat);
            let _ = i.cmd("LOGOUT");
        }));
    }
    for h in hs {
        h.join().unwrap();
    }
    let s = w.t0.elapsed().as_secs_f64();
    let mut j = Json::new(op, a);
    j.n("conns", conns).n("users", a.n("users", 1)).n("count", count).f("append_per_s", count as f64 / s);
    j.f("mb_per_s", bytes.load(Ordering::Relaxed) as f64 / s / 1e6);
    w.finish(&mut j, count as f64);
    j.lat("lat", &mut lats.lock().unwrap());
    j.print();
}

/// the read side on one mailbox; one JSON line per step. --steps a,b,c picks
pub fn ops(a: &Args) {
    let addr = a.addr();
    let user = user_of(a, 0);
    let pass = a.s("pass", "pass");
    let mbox = a.s("mailbox", "INBOX");
    let steps = a.s("steps", "select,flags,envelope,all,headers,body,search-subject,search-body,search-text,search-header-miss,store-add,store-del,status,noop");
    let mut exists = 0u64;
    for st in steps.split(',') {
        let w = Watch::start(a);
        let mut i = Imap::login(&addr, 512 * 1024, &user, &pass).unwrap();
        i.cmd(&format!("SELECT {mbox}")).unwrap();
        exists = exists.max(i.exists);
        let login_select = w.t0.elapsed().as_secs_f64();
        let mut known = (0, 0);
        match st {
            "move" => drop(i.cmd("CREATE Archive")),
            "expunge" => i.cmd("STORE 1:* +FLAGS.SILENT (\\Deleted)").unwrap(),
            // so that every message is changed, each time
            "store-add" => i.cmd("STORE 1:* -FLAGS.SILENT (\\Flagged)").unwrap(),
            "store-del" | "store-same" => i.cmd("STORE 1:* +FLAGS.SILENT (\\Flagged)").unwrap(),
            "resync" => known = i.known(&mbox).unwrap(),
            "status200" => (0..200).for_each(|n| drop(i.cmd(&format!("CREATE folder{n}")))),
            _ => {}
        }
        i.untagged = 0;
        i.lit_bytes = 0;
        i.c.bytes_in = 0;
        let t = Instant::now();
        let mut hits = None;
        if st == "status200" {
            for n in 1..200 {
                i.cmd(&format!("STATUS folder{n} (MESSAGES UNSEEN UIDNEXT)")).unwrap();
            }
        }
        let c = match st {
            "status200" => "STATUS folder0 (MESSAGES UNSEEN UIDNEXT)".into(),
            "open" => {
                // SELECT alone, on a connection that is logged in
                i.cmd("UNSELECT").unwrap();
                format!("SELECT {mbox}")
            }
            "resync" => format!("SELECT {mbox} (QRESYNC ({} {}))", known.0, known.1),
            "move" => "MOVE 1:* Archive".into(),
            "expunge" => "EXPUNGE".into(),
            "bodystructure" => "FETCH 1:* (BODYSTRUCTURE)".into(),
            "search-short" => "SEARCH BODY zq".into(),
            "select" => "NOOP".to_string(),
            "flags" => "FETCH 1:* (UID FLAGS)".into(),
            "envelope" => "FETCH 1:* (FLAGS ENVELOPE)".into(),
            "all" => "FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE BODYSTRUCTURE)".into(),
            "headers" => "FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (FROM TO SUBJECT DATE MESSAGE-ID)])".into(),
            "body" => "FETCH 1:* BODY.PEEK[]".into(),
            "search-subject" => "SEARCH SUBJECT zyxsubject".into(),
            "search-body" => "SEARCH BODY zyxneedle".into(),
            "search-text" => "SEARCH TEXT zyxneedle".into(),
            "search-header-miss" => "SEARCH HEADER X-Not-There none".into(),
            "store-add" | "store-same" => "STORE 1:* +FLAGS.SILENT (\\Flagged)".into(),
            "store-del" => "STORE 1:* -FLAGS.SILENT (\\Flagged)".into(),
            "status" => "STATUS INBOX (MESSAGES UNSEEN UIDNEXT)".into(),
            "noop" => "NOOP".into(),
            x => x.replace('_', " "),
        };
        i.cmd(&c).unwrap_or_else(|e| eprintln!("{c}: {e}"));
        let el = t.elapsed().as_secs_f64();
        if st.starts_with("search") {
            hits = Some(String::from_utf8_lossy(&i.last_untagged).split_whitespace().skip(2).count() as u64);
        }
        if st == "move" {
            i.cmd("SELECT Archive").unwrap();
            i.cmd(&format!("MOVE 1:* {mbox}")).unwrap();
        }
        let mut j = Json::new("imap-ops", a);
        j.s("step", st).n("exists", exists).f("login_select_s", login_select).f("cmd_s", el);
        j.n("untagged", i.untagged).f("msgs_per_s", exists as f64 / el).f("mb_per_s", i.c.bytes_in as f64 / el / 1e6).n("bytes_in", i.c.bytes_in);
        if let Some(h) = hits {
            j.n("hits", h);
        }
        let _ = i.cmd("LOGOUT");
        std::thread::sleep(Duration::from_millis(30)); // let the server's process end: its CPU time is then the parent's
        w.finish(&mut j, exists as f64);
        j.print();
    }
}

/// how long after the acceptance of a new message an idling client hears of it
/// default: second IMAP connection APPENDs; --smtp-port P [--lmtp] --to ADDR: delivery through SMTP/LMTP
pub fn idle_latency(a: &Args) {
    let addr = a.addr();
    let user = user_of(a, 0);
    let pass = a.s("pass", "pass");
    let n = a.n("count", 30);
    let mut w = Imap::login(&addr, 65536, &user, &pass).unwrap();
    w.cmd("SELECT INBOX").unwrap();
    let mut snd = if a.has("smtp-port") { None } else { Some(Imap::login(&addr, 65536, &user, &pass).unwrap()) };
    let mut smtp = if a.has("smtp-port") { Some(Smtp::open(&format!("127.0.0.1:{}", a.n("smtp-port", 0)), a.has("lmtp"), "", "").unwrap()) } else { None };
    let body = crate::smtp::payload(2000);
    let mut after_ok = vec![];
    let mut total = vec![];
    let watch = Watch::start(a);
    for k in 0..n {
        let t = w.tagstr();
        w.c.send(format!("{t}IDLE\r\n").as_bytes()).unwrap();
        let mut l = vec![];
        loop {
            w.c.line(&mut l).unwrap();
            if l.starts_with(b"+") {
                break;
            }
        }
        std::thread::sleep(Duration::from_millis(a.n("gap-ms", 700)));
        let mut m = format!("From: <a@b.test>\r\nSubject: idle {k}\r\n\r\n").into_bytes();
        m.extend_from_slice(&body);
        let th = std::thread::spawn(move || {
            // reader: wait for EXISTS
            loop {
                w.c.line(&mut l).unwrap();
                if l.ends_with(b" EXISTS") {
                    return (w, Instant::now());
                }
            }
        });
        let t1 = Instant::now();
        if let Some(s) = snd.as_mut() {
            s.append("INBOX", &m, "").unwrap();
        } else if let Some(s) = smtp.as_mut() {
            s.cmd("MAIL FROM:<a@b.test>", 2).unwrap();
            s.cmd(&format!("RCPT TO:<{}>", a.s("to", &user)), 2).unwrap();
            s.cmd("DATA", 3).unwrap();
            m.extend_from_slice(b".\r\n");
            s.c.send(&m).unwrap();
            s.want(2).unwrap();
        }
        let t2 = Instant::now();
        let (w2, t3) = th.join().unwrap();
        w = w2;
        after_ok.push(t3.saturating_duration_since(t2).as_micros() as u32);
        total.push((t3 - t1).as_micros() as u32);
        w.c.send(b"DONE\r\n").unwrap();
        w.finish(&t).unwrap();
    }
    let mut j = Json::new("imap-idle", a);
    j.n("count", n).lat("after_ok", &mut after_ok).lat("total", &mut total);
    watch.finish(&mut j, n as f64);
    j.print();
}
