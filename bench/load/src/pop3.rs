//! Plain POP3 client.
use crate::client::*;
use std::time::Instant;

pub struct Pop3 {
    pub c: Conn,
    pub l: Vec<u8>,
}
impl Pop3 {
    pub fn login(addr: &str, user: &str, pass: &str) -> R<Pop3> {
        let mut p = Pop3 { c: Conn::connect(addr, 256 * 1024)?, l: vec![] };
        p.ok()?;
        p.cmd(&format!("USER {user}"))?;
        p.cmd(&format!("PASS {pass}"))?;
        Ok(p)
    }
    pub fn ok(&mut self) -> R<()> {
        let mut l = std::mem::take(&mut self.l);
        self.c.line(&mut l)?;
        self.l = l;
        if self.l.starts_with(b"+OK") {
            Ok(())
        } else {
            err(String::from_utf8_lossy(&self.l).to_string())
        }
    }
    pub fn cmd(&mut self, s: &str) -> R<()> {
        self.c.send(format!("{s}\r\n").as_bytes())?;
        self.ok()
    }
    /// skips a multi-line answer; returns the number of lines
    pub fn multi(&mut self) -> R<u64> {
        let mut n = 0;
        let mut at_bol = true; // at the beginning of a line
        loop {
            if self.c.avail().len() < 3 {
                if !(at_bol && self.c.avail() == b".\n") {
                    self.c.fill()?;
                    continue;
                }
            }
            let a = self.c.avail();
            if at_bol && (a.starts_with(b".\r\n") || a.starts_with(b".\n")) {
                let k = if a[1] == b'\r' { 3 } else { 2 };
                self.c.consume(k);
                return Ok(n);
            }
            match find_nl(a) {
                Some(i) => {
                    self.c.consume(i + 1);
                    at_bol = true;
                    n += 1;
                }
                None => {
                    let k = a.len();
                    self.c.consume(k);
                    at_bol = false;
                }
            }
        }
    }
}
/// mailbench pop3 --port P --user U --window W : login+STAT, UIDL, LIST, RETR all
pub fn bench(a: &Args) {
    let addr = a.addr();
    let user = user_of(a, 0);
    let pass = a.s("pass", "pass");
    let window = a.n("window", 32);
    for st in a.s("steps", "stat,uidl,list,retr").split(',') {
        let w = Watch::start(a);
        let t = Instant::now();
        let mut p = Pop3::login(&addr, &user, &pass).unwrap();
        p.cmd("STAT").unwrap();
        let msgs: u64 = String::from_utf8_lossy(&p.l).split_whitespace().nth(1).and_then(|x| x.parse().ok()).unwrap_or(0);
        let login_stat = t.elapsed().as_secs_f64();
        p.c.bytes_in = 0;
        let t = Instant::now();
        let mut lines = 0;
        match st {
            "uidl" | "list" => {
                p.cmd(&st.to_uppercase()).unwrap();
                lines = p.multi().unwrap();
            }
            "retr" => {
                let mut sent = 0;
                for k in 1..=msgs {
                    let mut b = String::new();
                    while sent < msgs && sent < k - 1 + window {
                        sent += 1;
                        b.push_str(&format!("RETR {sent}\r\n"));
                    }
                    if !b.is_empty() {
                        p.c.send(b.as_bytes()).unwrap();
                    }
                    p.ok().unwrap();
                    lines += p.multi().unwrap();
                }
            }
            _ => {}
        }
        let el = t.elapsed().as_secs_f64();
        let bytes = p.c.bytes_in;
        let _ = p.cmd("QUIT");
        std::thread::sleep(std::time::Duration::from_millis(30));
        let mut j = Json::new("pop3", a);
        j.s("step", st).n("msgs", msgs).n("window", window).f("login_stat_s", login_stat).f("cmd_s", el).n("lines", lines);
        j.f("msgs_per_s", msgs as f64 / el).f("mb_per_s", bytes as f64 / el / 1e6);
        w.finish(&mut j, msgs as f64);
        j.print();
    }
}
