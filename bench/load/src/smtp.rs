//! SMTP/LMTP sender and sink.
use crate::client::*;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

#[derive(Default)]
pub struct SinkStat {
    pub msgs: AtomicU64,
    pub rcpts: AtomicU64,
    pub bytes: AtomicU64,
    pub conns: AtomicU64,
    pub last_us: AtomicU64,
    pub stop: AtomicBool,
}
/// what the sink does with a message before it answers 250
#[derive(Clone)]
pub enum Keep {
    No,
    Group(Arc<crate::grouplog::GroupLog>),
    File(std::path::PathBuf),
}
static FILE_NO: AtomicU64 = AtomicU64::new(0);
fn sink_conn(s: TcpStream, st: &SinkStat, t0: Instant, rcpt_reply: &str, delay: u64, keep: &Keep) -> R<()> {
    let mut body: Vec<u8> = vec![];
    let keeping = !matches!(keep, Keep::No);
    let mut c = Conn::new(s, 128 * 1024);
    let mut l = vec![];
    let mut nr = 0u64;
    let mut env: Vec<u8> = vec![];
    c.send(b"220 sink ESMTP\r\n")?;
    let mut out: Vec<u8> = vec![];
    loop {
        // answer pipelined commands together
        if find_nl(c.avail()).is_none() && !out.is_empty() {
            c.send(&out)?;
            out.clear();
        }
        c.line(&mut l)?;
        let v: String = l.iter().take(4).map(|b| b.to_ascii_uppercase() as char).collect();
        match v.as_str() {
            "EHLO" | "LHLO" => out.extend_from_slice(b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250 SIZE 104857600\r\n"),
            "HELO" => out.extend_from_slice(b"250 sink\r\n"),
            "MAIL" => {
                env.clear();
                if keeping {
                    env.extend_from_slice(&l);
                }
                out.extend_from_slice(b"250 2.1.0 ok\r\n")
            }
            "RCPT" => {
                if keeping {
                    env.extend_from_slice(&l);
                }
                if rcpt_reply.starts_with('2') {
                    nr += 1;
                }
                out.extend_from_slice(rcpt_reply.as_bytes());
                out.extend_from_slice(b"\r\n");
            }
            "DATA" => {
                if nr == 0 {
                    out.extend_from_slice(b"554 5.5.1 no valid recipients\r\n");
                    continue;
                }
                out.extend_from_slice(b"354 go\r\n");
                c.send(&out)?;
                out.clear();
                let mut tail: [u8; 5] = *b"\0\0\0\r\n";
                loop {
                    if c.avail().is_empty() {
                        c.fill()?;
                    }
                    let a = c.avail();
                    // search CRLF.CRLF across the boundary
                    let mut hit = None;
                    let mut j = Vec::with_capacity(12);
                    j.extend_from_slice(&tail);
                    j.extend_from_slice(&a[..a.len().min(4)]);
                    for i in 0..j.len().saturating_sub(4) {
                        if &j[i..i + 5] == b"\r\n.\r\n" {
                            hit = Some(i as isize); // end = i+5-5 bytes of a
                            break;
                        }
                    }
                    let mut end = hit.map(|i| i as usize);
                    if end.is_none() {
                        let mut from = 0;
                        while let Some(p) = find_nl(&a[from..]) {
                            let p = from + p;
                            if p >= 4 && &a[p - 4..=p] == b"\r\n.\r\n" {
                                end = Some(p + 1);
                                break;
                            }
                            from = p + 1;
                        }
                    }
                    if let Some(e) = end {
                        st.bytes.fetch_add(e as u64, Ordering::Relaxed);
                        if keeping {
                            body.extend_from_slice(&a[..e]);
                        }
                        c.consume(e);
                        break;
                    }
                    let n = a.len();
                    st.bytes.fetch_add(n as u64, Ordering::Relaxed);
                    let mut t = tail.to_vec();
                    t.extend_from_slice(&a[n.saturating_sub(5)..]);
                    tail.copy_from_slice(&t[t.len() - 5..]);
                    if keeping {
                        body.extend_from_slice(a);
                    }
                    c.consume(n);
                }
                match keep {
                    Keep::No => {}
                    Keep::Group(g) => g.put(&[&env, &body]),
                    Keep::File(d) => {
                        let k = FILE_NO.fetch_add(1, Ordering::Relaxed);
                        let p = d.join(format!("t{k}"));
                        let mut f = std::fs::File::create(&p)?;
                        std::io::Write::write_all(&mut f, &env)?;
                        std::io::Write::write_all(&mut f, &body)?;
                        f.sync_all()?;
                        std::fs::rename(&p, d.join(format!("q{k}")))?;
                        std::fs::remove_file(d.join(format!("q{k}")))?;
                    }
                }
                body.clear();
                env.clear();
                if delay > 0 {
                    std::thread::sleep(Duration::from_millis(delay));
                }
                st.rcpts.fetch_add(nr, Ordering::Relaxed);
                st.last_us.fetch_max(t0.elapsed().as_micros() as u64, Ordering::Relaxed);
                st.msgs.fetch_add(1, Ordering::Release);
                nr = 0;
                out.extend_from_slice(b"250 2.0.0 ok\r\n");
            }
            "RSET" => {
                nr = 0;
                out.extend_from_slice(b"250 ok\r\n")
            }
            "QUIT" => {
                out.extend_from_slice(b"221 bye\r\n");
                c.send(&out)?;
                return Ok(());
            }
            _ => out.extend_from_slice(b"250 ok\r\n"),
        }
    }
}
pub fn start_sink(addr: &str, t0: Instant, rcpt_reply: String, delay: u64, keep: Keep) -> Arc<SinkStat> {
    let st = Arc::new(SinkStat::default());
    let l = TcpListener::bind(addr).unwrap_or_else(|e| {
        eprintln!("sink bind {addr}: {e}");
        std::process::exit(1)
    });
    let s2 = st.clone();
    std::thread::spawn(move || {
        for c in l.incoming().flatten() {
            if s2.stop.load(Ordering::Relaxed) {
                return;
            }
            s2.conns.fetch_add(1, Ordering::Relaxed);
            let (s3, rr, kp) = (s2.clone(), rcpt_reply.clone(), keep.clone());
            let _ = std::thread::Builder::new().stack_size(192 * 1024).spawn(move || {
                let _ = sink_conn(c, &s3, t0, &rr, delay, &kp);
            });
        }
    });
    st
}
/// mailbench sink --port P [--expect N] [--seconds S] [--rcpt-reply "451 4.2.0 later"] [--delay ms]
pub fn sink_cmd(a: &Args) {
    let t0 = Instant::now();
    // --durable DIR [--durable-mode group|file]: a prototype of durable acceptance, to see the limit of this machine
    let keep = if a.has("durable") {
        let d = std::path::PathBuf::from(a.s("durable", "/tmp"));
        std::fs::create_dir_all(&d).unwrap();
        if a.s("durable-mode", "group") == "file" {
            Keep::File(d)
        } else {
            Keep::Group(crate::grouplog::GroupLog::start(d.join("group.log"), 512))
        }
    } else {
        Keep::No
    };
    let keep2 = keep.clone();
    let st = start_sink(&a.addr(), t0, a.s("rcpt-reply", "250 2.1.5 ok"), a.n("delay", 0), keep);
    let (exp, sec) = (a.n("expect", u64::MAX), a.n("seconds", 600));
    while t0.elapsed() < Duration::from_secs(sec) && st.rcpts.load(Ordering::Relaxed) < exp {
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut j = Json::new("sink", a);
    j.n("msgs", st.msgs.load(Ordering::Relaxed)).n("rcpts", st.rcpts.load(Ordering::Relaxed));
    j.n("bytes", st.bytes.load(Ordering::Relaxed)).n("conns", st.conns.load(Ordering::Relaxed));
    if let Keep::Group(g) = &keep2 {
        j.n("syncs", g.syncs.load(Ordering::Relaxed));
        g.stop();
    }
    j.f("last_at_s", st.last_us.load(Ordering::Relaxed) as f64 / 1e6);
    j.print();
}

pub struct Smtp {
    pub c: Conn,
    pub l: Vec<u8>,
    pub pipelining: bool,
}
impl Smtp {
    pub fn reply(&mut self) -> R<u16> {
        loop {
            let mut l = std::mem::take(&mut self.l);
            self.c.line(&mut l)?;
            self.l = l;
            if self.l.len() >= 4 && self.l[3] == b'-' {
                if self.l.ends_with(b"PIPELINING") {
                    self.pipelining = true;
                }
                continue;
            }
            if self.l.ends_with(b"PIPELINING") {
                self.pipelining = true;
            }
            return std::str::from_utf8(&self.l[..3.min(self.l.len())]).ok().and_then(|s| s.parse().ok()).map_or_else(|| err("bad reply"), Ok);
        }
    }
    pub fn want(&mut self, class: u16) -> R<()> {
        let c = self.reply()?;
        if c / 100 != class {
            return err(format!("got {}", String::from_utf8_lossy(&self.l)));
        }
        Ok(())
    }
    pub fn cmd(&mut self, s: &str, class: u16) -> R<()> {
        self.c.send(format!("{s}\r\n").as_bytes())?;
        self.want(class)
    }
    pub fn open(addr: &str, lmtp: bool, user: &str, pass: &str) -> R<Smtp> {
        let mut s = Smtp { c: Conn::connect(addr, 8192)?, l: vec![], pipelining: false };
        s.want(2)?;
        s.cmd(if lmtp { "LHLO bench.test" } else { "EHLO bench.test" }, 2)?;
        if !user.is_empty() {
            s.cmd(&format!("AUTH PLAIN {}", b64(format!("\0{user}\0{pass}").as_bytes())), 2)?;
        }
        Ok(s)
    }
}
pub fn payload(size: usize) -> Vec<u8> {
    let mut v = Vec::with_capacity(size + 80);
    let mut i = 0u32;
    while v.len() < size {
        let k = 76.min(size - v.len());
        for x in 0..k {
            v.push(b"abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789,"[((x as u32 * 7 + i) % 65) as usize]);
        }
        v.extend_from_slice(b"\r\n");
        i = i.wrapping_add(13);
    }
    v
}
fn count_files(d: &std::path::Path, cap: usize) -> usize {
    let mut n = 0;
    if let Ok(r) = std::fs::read_dir(d) {
        for e in r.flatten() {
            if let Ok(t) = e.file_type() {
                if t.is_dir() {
                    n += count_files(&e.path(), cap);
                } else if t.is_file() {
                    n += 1;
                }
            }
            if n >= cap {
                return n;
            }
        }
    }
    n
}
/// mailbench smtp --port P --sessions S --messages M --size B --per-conn K --from F --to T ...
pub fn bench(a: &Args) {
    let addr = a.addr();
    let (sess, total, size) = (a.n("sessions", 16), a.n("messages", 1000), a.n("size", 4096));
    let per_conn = a.n("per-conn", 1);
    let rcpts = a.n("rcpts", 1);
    let from = a.s("from", "sender@bench.test");
    let to = a.s("to", "rcpt%d@sink.test");
    let lmtp = a.has("lmtp");
    let pipe = a.has("pipeline");
    let user = a.s("auth-user", "");
    let pass = a.s("pass", "pass");
    let body = Arc::new(payload(size as usize));
    let t0 = Instant::now();
    let sink = if a.has("sink-port") { Some(start_sink(&format!("127.0.0.1:{}", a.n("sink-port", 0)), t0, "250 2.1.5 ok".into(), a.n("sink-delay", 0), Keep::No)) } else { None };
    let next = Arc::new(AtomicU64::new(0));
    let ok = Arc::new(AtomicU64::new(0));
    let fail = Arc::new(AtomicU64::new(0));
    let lats = Arc::new(Mutex::new(Vec::<u32>::new()));
    let last_err = Arc::new(Mutex::new(String::new()));
    let w = Watch::start(a);
    let t1 = Instant::now();
    let mut hs = vec![];
    for sid in 0..sess {
        let (addr, next, ok, fail, lats, body, from, to, user, pass, last_err) =
            (addr.clone(), next.clone(), ok.clone(), fail.clone(), lats.clone(), body.clone(), from.clone(), to.clone(), user.clone(), pass.clone(), last_err.clone());
        let nto = a.n("to-mod", 1000);
        hs.push(std::thread::Builder::new().stack_size(256 * 1024).spawn(move || {
            let mut conn: Option<Smtp> = None;
            let mut on = 0u64;
            let mut lat = vec![];
            let mut msg: Vec<u8> = Vec::with_capacity(body.len() + 1024);
            let mut fails_here = 0;
            loop {
                let i = next.fetch_add(1, Ordering::Relaxed);
                if i >= total || fails_here > 20 {
                    break;
                }
                let r = (|| -> R<()> {
                    if conn.is_none() {
                        conn = Some(Smtp::open(&addr, lmtp, &user, &pass)?);
                        on = 0;
                    }
                    let c = conn.as_mut().unwrap();
                    let t = Instant::now();
                    msg.clear();
                    let f = from.replace("%d", &format!("{}", i % nto));
                    let mut cmds = format!("MAIL FROM:<{f}>\r\n");
                    for k in 0..rcpts {
                        cmds.push_str(&format!("RCPT TO:<{}>\r\n", to.replace("%d", &format!("{}", (i * rcpts + k) % nto))));
                    }
                    if pipe && c.pipelining {
                        cmds.push_str("DATA\r\n");
                        c.c.send(cmds.as_bytes())?;
                        for _ in 0..rcpts + 1 {
                            c.want(2)?;
                        }
                        c.want(3)?;
                    } else {
                        for l in cmds.split_inclusive("\r\n") {
                            c.c.send(l.as_bytes())?;
                            c.want(2)?;
                        }
                        c.c.send(b"DATA\r\n")?;
                        c.want(3)?;
                    }
                    msg.extend_from_slice(
                        format!("From: <{f}>\r\nTo: <{}>\r\nSubject: bench {i}\r\nDate: Tue, 24 Nov 2026 10:00:00 +0900\r\nMessage-ID: <{i}.{sid}.{}@bench.test>\r\n\r\n", to.replace("%d", "0"), std::process::id()).as_bytes(),
                    );
                    msg.extend_from_slice(&body);
                    msg.extend_from_slice(b".\r\n");
                    c.c.send(&msg)?;
                    for _ in 0..if lmtp { rcpts } else { 1 } {
                        c.want(2)?;
                    }
                    lat.push(t.elapsed().as_micros().min(u32::MAX as u128) as u32);
                    ok.fetch_add(1, Ordering::Relaxed);
                    on += 1;
                    if per_conn > 0 && on >= per_conn {
                        let _ = c.cmd("QUIT", 2);
                        conn = None;
                    }
                    Ok(())
                })();
                if let Err(e) = r {
                    fail.fetch_add(1, Ordering::Relaxed);
                    fails_here += 1;
                    *last_err.lock().unwrap() = e.to_string();
                    conn = None;
                }
            }
            if let Some(mut c) = conn {
                let _ = c.cmd("QUIT", 2);
            }
            lats.lock().unwrap().extend(lat);
        }).unwrap());
    }
    for h in hs {
        h.join().unwrap();
    }
    let acc = t1.elapsed().as_secs_f64();
    let n = ok.load(Ordering::Relaxed);
    let mut j = Json::new("smtp", a);
    j.n("sessions", sess).n("size", size).n("per_conn", per_conn).n("rcpts", rcpts).n("ok", n).n("fail", fail.load(Ordering::Relaxed));
    j.f("accept_s", acc).f("accept_per_s", n as f64 / acc);
    let limit = Duration::from_secs(a.n("drain-limit", 60));
    if let Some(st) = &sink {
        let t = Instant::now();
        while st.rcpts.load(Ordering::Acquire) < n * rcpts && t.elapsed() < limit {
            std::thread::sleep(Duration::from_millis(5));
        }
        let last = st.last_us.load(Ordering::Relaxed) as f64 / 1e6 - (t1 - t0).as_secs_f64();
        j.n("sink_rcpts", st.rcpts.load(Ordering::Relaxed)).n("sink_msgs", st.msgs.load(Ordering::Relaxed)).n("sink_conns", st.conns.load(Ordering::Relaxed));
        j.f("delivered_s", last).f("delivered_per_s", st.rcpts.load(Ordering::Relaxed) as f64 / last);
    }
    if a.has("queue-dirs") {
        let dirs = a.s("queue-dirs", "");
        let t = Instant::now();
        let mut left;
        loop {
            left = dirs.split(',').map(|d| count_files(std::path::Path::new(d), 1)).sum::<usize>();
            if left == 0 || t.elapsed() > limit {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let d = t1.elapsed().as_secs_f64();
        j.f("queue_empty_s", d).f("drained_per_s", n as f64 / d).n("queue_left", left as u64);
    }
    if fail.load(Ordering::Relaxed) > 0 {
        j.s("last_error", &last_err.lock().unwrap());
    }
    w.finish(&mut j, n as f64);
    j.lat("lat", &mut lats.lock().unwrap());
    j.print();
}
