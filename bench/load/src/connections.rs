//! Many connections: how fast people log in, and what connections cost that only wait.
use crate::client::*;
use crate::imap::Imap;
use crate::pop3::Pop3;
use crate::smtp::Smtp;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// --proto imap|pop3|smtp : connect, log in, log out, again; --conns in parallel
pub fn login_rate(a: &Args) {
    let addr = a.addr();
    let (conns, count) = (a.n("conns", 1), a.n("count", 500));
    let proto = a.s("proto", "imap");
    let next = Arc::new(AtomicU64::new(0));
    let lats = Arc::new(Mutex::new(vec![]));
    let w = Watch::start(a);
    let mut hs = vec![];
    for _ in 0..conns {
        let users: Vec<String> = (0..a.n("users", 1)).map(|i| user_of(a, i)).collect();
        let (next, lats, addr, proto, pass) = (next.clone(), lats.clone(), addr.clone(), proto.clone(), a.s("pass", "pass"));
        hs.push(std::thread::spawn(move || {
            let mut lat = vec![];
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= count {
                    break;
                }
                let u = &users[n as usize % users.len()];
                let t = Instant::now();
                match proto.as_str() {
                    "imap" => {
                        let mut i = Imap::login(&addr, 4096, u, &pass).unwrap();
                        lat.push(t.elapsed().as_micros() as u32);
                        let _ = i.cmd("LOGOUT");
                    }
                    "pop3" => {
                        let mut p = Pop3::login(&addr, u, &pass).unwrap();
                        lat.push(t.elapsed().as_micros() as u32);
                        let _ = p.cmd("QUIT");
                    }
                    _ => {
                        let mut s = Smtp::open(&addr, false, u, &pass).unwrap();
                        lat.push(t.elapsed().as_micros() as u32);
                        let _ = s.cmd("QUIT", 2);
                    }
                }
            }
            lats.lock().unwrap().extend(lat);
        }));
    }
    for h in hs {
        h.join().unwrap();
    }
    let s = w.t0.elapsed().as_secs_f64();
    let mut j = Json::new("login", a);
    j.s("proto", &proto).n("conns", conns).n("count", count).f("logins_per_s", count as f64 / s);
    w.finish(&mut j, count as f64);
    j.lat("lat", &mut lats.lock().unwrap());
    j.print();
}

/// open --conns idle connections and hold them --seconds. --proto imap (LOGIN, SELECT, IDLE) | imap-auth (LOGIN only) | pop3 | smtp (EHLO) | tcp
pub fn hold(a: &Args) {
    let addr = a.addr();
    let n = a.n("conns", 1000);
    let proto = a.s("proto", "imap");
    let roots = roots_of(a);
    let u0 = tree_usage(&roots);
    let p0 = tree_pss(&roots);
    let t0 = Instant::now();
    let next = Arc::new(AtomicU64::new(0));
    let kept = Arc::new(Mutex::new(Vec::<Conn>::new()));
    let fails = Arc::new(AtomicU64::new(0));
    let mut hs = vec![];
    for _ in 0..a.n("openers", 8) {
        let (next, kept, fails, addr, proto, pass) = (next.clone(), kept.clone(), fails.clone(), addr.clone(), proto.clone(), a.s("pass", "pass"));
        let users: Vec<String> = (0..a.n("users", 1)).map(|i| user_of(a, i)).collect();
        hs.push(std::thread::spawn(move || loop {
            let k = next.fetch_add(1, Ordering::Relaxed);
            if k >= n {
                break;
            }
            let u = &users[k as usize % users.len()];
            let r = (|| -> R<Conn> {
                Ok(match proto.as_str() {
                    "imap" | "imap-auth" => {
                        let mut i = Imap::login(&addr, 2048, u, &pass)?;
                        if proto == "imap" {
                            i.cmd("SELECT INBOX")?;
                            let t = i.tagstr();
                            i.c.send(format!("{t}IDLE\r\n").as_bytes())?;
                            let mut l = vec![];
                            i.c.line(&mut l)?;
                        }
                        i.c
                    }
                    "pop3" => Pop3::login(&addr, u, &pass)?.c,
                    "smtp" => Smtp::open(&addr, false, "", "")?.c,
                    _ => Conn::connect(&addr, 512)?,
                })
            })();
            match r {
                Ok(c) => kept.lock().unwrap().push(c),
                Err(e) => {
                    if fails.fetch_add(1, Ordering::Relaxed) < 3 {
                        eprintln!("hold: {e}");
                    }
                }
            }
        }));
    }
    for h in hs {
        h.join().unwrap();
    }
    let open_s = t0.elapsed().as_secs_f64();
    std::thread::sleep(Duration::from_secs(a.n("settle", 5)));
    let u1 = tree_usage(&roots);
    let t1 = Instant::now();
    std::thread::sleep(Duration::from_secs(a.n("seconds", 20)));
    let u2 = tree_usage(&roots);
    let el = t1.elapsed().as_secs_f64();
    let p2 = tree_pss(&roots);
    let held = kept.lock().unwrap().len();
    // are they still alive?
    let mut alive = 0;
    for c in kept.lock().unwrap().iter_mut() {
        let _ = c.s.set_nonblocking(true);
        let mut b = [0u8; 256];
        match std::io::Read::read(&mut c.s, &mut b) {
            Ok(0) => {}
            Ok(_) => alive += 1,
            Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => alive += 1,
            Err(_) => {}
        }
    }
    let mut j = Json::new("hold", a);
    j.s("proto", &proto).n("conns", n).n("held", held as u64).n("alive_at_end", alive).n("failed", fails.load(Ordering::Relaxed)).f("open_s", open_s);
    j.f("open_cpu_ms_per_conn", (u1.user + u1.sys - u0.user - u0.sys) * 1000.0 / n as f64);
    j.f("idle_cpu_pct", (u2.user + u2.sys - u1.user - u1.sys) * 100.0 / el);
    j.f("rss_before_mib", u0.rss as f64 / 1048576.0).f("rss_mib", u2.rss as f64 / 1048576.0);
    j.f("pss_before_mib", p0 as f64 / 1048576.0).f("pss_mib", p2 as f64 / 1048576.0).n("procs", u2.procs as u64);
    j.f("pss_kib_per_conn", (p2 as f64 - p0 as f64) / 1024.0 / held.max(1) as f64);
    j.print();
}
