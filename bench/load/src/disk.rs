//! Durable-write microbenchmarks: what one message costs when it must survive a power cut.
use crate::client::*;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

extern "C" {
    fn syncfs(fd: i32) -> i32;
    fn fallocate(fd: i32, mode: i32, off: i64, len: i64) -> i32;
}
/// mailbench disk --dir D --mode append|prealloc|file|file-dir|syncfs|group --threads T --size B --batch K --seconds S
pub fn bench(a: &Args) {
    let dir = a.s("dir", "/tmp");
    let mode = a.s("mode", "append");
    let (threads, size, batch) = (a.n("threads", 1), a.n("size", 4096) as usize, a.n("batch", 1));
    let dur = Duration::from_secs_f64(a.s("seconds", "5").parse().unwrap());
    let d = std::path::PathBuf::from(format!("{dir}/mbdisk.{}", std::process::id()));
    std::fs::create_dir_all(&d).unwrap();
    let n = Arc::new(AtomicU64::new(0));
    let syncs = Arc::new(AtomicU64::new(0));
    let lats = Arc::new(Mutex::new(Vec::<u32>::new()));
    let data = Arc::new(vec![b'x'; size]);
    let t0 = Instant::now();
    // group commit: T producers hand records to one committer; a producer waits until its record is on disk
    let g = if mode == "group" { Some(crate::grouplog::GroupLog::start(d.join("group.log"), 256)) } else { None };
    let t0 = if mode == "group" { Instant::now() } else { t0 };
    let mut ws = vec![];
    for t in 0..threads {
        let (n, syncs, lats, data, d, mode, g) = (n.clone(), syncs.clone(), lats.clone(), data.clone(), d.clone(), mode.clone(), g.clone());
        ws.push(std::thread::spawn(move || {
            let mut lat = vec![];
            let mut i = 0u64;
            let sub = d.join(format!("t{t}"));
            std::fs::create_dir_all(&sub).unwrap();
            let dirf = File::open(&sub).unwrap();
            let mut f = OpenOptions::new().create(true).write(true).open(sub.join("log")).unwrap();
            if mode == "prealloc" {
                unsafe { fallocate(f.as_raw_fd(), 0, 0, 64 << 20) };
                let z = vec![0u8; 1 << 20];
                for _ in 0..64 {
                    f.write_all(&z).unwrap();
                }
                f.sync_all().unwrap();
                use std::io::Seek;
                f.seek(std::io::SeekFrom::Start(0)).unwrap();
            }
            let mut off = 0usize;
            let t0 = if mode == "prealloc" { Instant::now() } else { t0 };
            while t0.elapsed() < dur {
                let s = Instant::now();
                match mode.as_str() {
                    "append" | "prealloc" => {
                        for _ in 0..batch {
                            f.write_all(&data).unwrap();
                            off += data.len();
                        }
                        f.sync_data().unwrap();
                        if mode == "prealloc" && off + data.len() * batch as usize > (64 << 20) {
                            use std::io::Seek;
                            f.seek(std::io::SeekFrom::Start(0)).unwrap();
                            off = 0;
                        }
                        n.fetch_add(batch, Ordering::Relaxed);
                        syncs.fetch_add(1, Ordering::Relaxed);
                    }
                    "file" | "file-dir" => {
                        let tmp = sub.join(format!("tmp{i}"));
                        let mut x = File::create(&tmp).unwrap();
                        x.write_all(&data).unwrap();
                        x.sync_all().unwrap();
                        syncs.fetch_add(1, Ordering::Relaxed);
                        std::fs::rename(&tmp, sub.join(format!("m{i}"))).unwrap();
                        if mode == "file-dir" {
                            dirf.sync_all().unwrap();
                            syncs.fetch_add(1, Ordering::Relaxed);
                        }
                        n.fetch_add(1, Ordering::Relaxed);
                    }
                    "syncfs" => {
                        for k in 0..batch {
                            let mut x = File::create(sub.join(format!("s{i}.{k}"))).unwrap();
                            x.write_all(&data).unwrap();
                        }
                        unsafe { syncfs(dirf.as_raw_fd()) };
                        syncs.fetch_add(1, Ordering::Relaxed);
                        n.fetch_add(batch, Ordering::Relaxed);
                    }
                    "group" => {
                        g.as_ref().unwrap().put(&[&data]);
                        n.fetch_add(1, Ordering::Relaxed);
                    }
                    m => panic!("mode {m}"),
                }
                lat.push(s.elapsed().as_micros() as u32);
                i += 1;
            }
            lats.lock().unwrap().extend(lat);
            t0.elapsed().as_secs_f64()
        }));
    }
    let mut el: f64 = 0.0;
    for w in ws {
        el = el.max(w.join().unwrap());
    }
    if let Some(g) = &g {
        syncs.store(g.syncs.load(Ordering::Relaxed), Ordering::Relaxed);
        g.stop();
    }
    let mut j = Json::new("disk", a);
    let (nn, ss) = (n.load(Ordering::Relaxed), syncs.load(Ordering::Relaxed));
    j.s("mode", &mode).n("threads", threads).n("size", size as u64).n("batch", batch);
    j.f("records_per_s", nn as f64 / el).f("syncs_per_s", ss as f64 / el).f("mib_per_s", nn as f64 * size as f64 / el / 1048576.0);
    j.f("records_per_sync", nn as f64 / ss.max(1) as f64);
    j.lat("lat", &mut lats.lock().unwrap());
    let _ = std::fs::remove_dir_all(&d);
    j.print();
}
