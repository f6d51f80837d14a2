"""IMAP and POP3 rows: Sekisho beside Dovecot with Maildir and with mdbox.

    MAIL_COUNTS=10000,100000   messages of the mailbox; above 20,000 they are small ones
    MAIL_PEERS=maildir,mdbox   formats of Dovecot
    MAIL_RUN=name              mailboxes of an earlier run by this name are used again (their first rows are then missing)
    MAIL_IDLE=5000             connections of the last row: what they cost Sekisho while they idle
"""
import json, os, sqlite3, statistics, subprocess, time

REPEATS = int(os.environ.get("REPEATS", "3"))
COUNTS = [int(n) for n in os.environ.get("MAIL_COUNTS", "10000").split(",")]
RUN = os.environ.get("MAIL_RUN", str(os.getpid()))
IDLE = int(os.environ.get("MAIL_IDLE", "5000"))
PEERS = [p for p in os.environ.get("MAIL_PEERS", "maildir,mdbox").split(",") if p]
# What reads is repeated; what changes the mailbox for good comes once, at the end.
READS = ["open", "resync", "flags", "envelope", "bodystructure", "all", "headers", "body", "search-subject", "search-body", "search-short", "store-add", "store-del", "store-same", "status200"]
ONCE = ["move", "expunge"]
NAMES = {
    "open": "SELECT", "resync": "SELECT with QRESYNC, nothing new", "flags": "FETCH FLAGS", "envelope": "FETCH ENVELOPE", "bodystructure": "FETCH BODYSTRUCTURE",
    "all": "FETCH FLAGS, dates, sizes, BODYSTRUCTURE", "headers": "FETCH header fields", "body": "FETCH BODY[]", "search-subject": "SEARCH SUBJECT",
    "search-body": "SEARCH BODY, with index", "search-short": "SEARCH BODY, without", "store-add": "STORE 1:* +FLAGS", "store-del": "STORE 1:* -FLAGS", "store-same": "STORE 1:*, flags set already",
    "status200": "STATUS of 200 folders", "move": "MOVE 1:*", "expunge": "EXPUNGE of all", "load": "APPEND, 16 connections, one mailbox",
    "append1": "APPEND, 1 connection", "append16": "APPEND, 16 connections and mailboxes", "idle": "IDLE, news after the OK", "login": "login, 16 connections",
    "pop3 uidl": "POP3 UIDL", "pop3 retr": "POP3 RETR all", "pop3 stat": "POP3 login and STAT",
}


def run(load, *args):
    out = subprocess.run([load, *map(str, args)], stdout=subprocess.PIPE, check=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def cpu(row):
    return row.get("srv_user_s", 0) + row.get("srv_sys_s", 0)


def measure(load, name, port, pop3, pid, password, domain, count, settle):
    """Seconds, server CPU seconds and a note for each row."""
    base = ["--pid", pid, "--pass", password, "--label", name]
    user = f"big{count}{domain}"
    small = ["--size", 1024] if count > 20000 else []
    found = {}

    def once(key, rows, seconds=None, note=""):
        row = rows[-1]
        found[key] = (row[seconds or "wall_s"], cpu(row), note)

    there = run(load, "imap-ops", "--port", port, "--user", user, "--steps", "select", *base)[0]["exists"]
    if there < count:
        # One message first: Dovecot's mdbox breaks when many connections make a mailbox at once.
        run(load, "imap-load", "--port", port, "--user", user, "--conns", 1, "--count", 1, *small, *base)
        once("load", run(load, "imap-load", "--port", port, "--user", user, "--conns", 16, "--count", count, *small, *base))
    once("append1", run(load, "imap-append", "--port", port, "--user", f"a0{domain}", "--conns", 1, "--count", 1000, "--size", 4096, *base))
    once("append16", run(load, "imap-append", "--port", port, "--user", f"a%d{domain}", "--users", 16, "--conns", 16, "--count", 4000, "--size", 4096, *base))
    note = settle()
    for step in READS:
        rows = [run(load, "imap-ops", "--port", port, "--user", user, "--steps", step, *base)[0] for _ in range(REPEATS)]
        mb = f"{statistics.median(r['mb_per_s'] for r in rows):,.0f} MB/s" if step == "body" else ""
        found[step] = (statistics.median(r["cmd_s"] for r in rows), statistics.median(map(cpu, rows)), mb or f"{rows[-1].get('hits', '')}")
    row = run(load, "imap-idle", "--port", port, "--user", user, "--count", 15, *base)[-1]
    found["idle"] = (row["after_ok_p50_ms"] / 1000, cpu(row), "")
    once("login", run(load, "login", "--port", port, "--user", f"a%d{domain}", "--users", 16, "--conns", 16, "--count", 600, *base))
    for row in run(load, "pop3", "--port", pop3, "--user", user, "--window", 32, "--steps", "stat,uidl,retr", *base):
        found["pop3 " + row["step"]] = (row["login_stat_s"] if row["step"] == "stat" else row["cmd_s"], cpu(row), "")
    for step in ONCE:
        row = run(load, "imap-ops", "--port", port, "--user", user, "--steps", step, *base)[0]
        found[step] = (row["cmd_s"], cpu(row), "")
    return found, note


def indexed(data, count):
    """Waits until every message has its signature; how long that took, and how large they are."""
    begin = time.time()
    path = os.path.join(data, "sekisho.db")
    for _ in range(6000):
        db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        left = db.execute("SELECT COUNT(*) FROM mailbox WHERE indexed < uidnext").fetchone()[0]
        octets, rows = db.execute("SELECT COALESCE(SUM(LENGTH(bits)), 0), COUNT(*) FROM signature").fetchone()
        bodies = db.execute("SELECT SUM(size) FROM content").fetchone()[0]
        db.close()
        if not left:
            return f"index of {rows:,} messages ({bodies / 1e6:,.0f} MB): {octets / 1e6:,.1f} MB, ready {time.time() - begin:.1f} s after the last APPEND"
        time.sleep(0.1)
    return "the index was not ready in time"


def idle(load, server, password):
    """What connections cost that are logged in, have the INBOX open and wait."""
    args = ["--port", server.imap, "--user", "a%d@bench.test", "--users", 16, "--pass", password, "--label", "sekisho"]
    row = run(load, "hold", *args, "--pid", server.pid, "--conns", IDLE, "--seconds", 5)[-1]
    return (f"{row['held']:,} idle IMAP connections, {row['alive_at_end']:,} alive at the end: {row['rss_mib']:.0f} MiB resident, "
            f"{row['rss_before_mib']:.0f} MiB before, {row['pss_kib_per_conn']:.1f} KiB each")


def table(count, results, notes):
    peers = [name for name in results if name != "sekisho"]
    print(f"\n### IMAP and POP3, {count:,} messages\n")
    head = ["row", *(f"Dovecot {p}, s" for p in peers), "Sekisho, s", "to the faster", "CPU to the leaner", "note"]
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for key, (seconds, used, note) in results["sekisho"].items():
        theirs = [results[p][key] for p in peers if key in results[p]]
        best = min((t[0] for t in theirs), default=None)
        lean = min((t[1] for t in theirs), default=None)
        cells = [NAMES.get(key, key), *(f"{t[0]:.4g}" for t in theirs), f"{seconds:.4g}"]
        cells.append(f"{best / seconds:.2f} x" if best and seconds else "")
        cells.append(f"{lean / used:.2f} x" if lean and used else "")
        cells.append(note)
        print("| " + " | ".join(cells) + " |", flush=True)
    for note in notes:
        print(f"\n{note}")


def mail(make_server, start_peer, stop_peer, load, password):
    for count in COUNTS:
        results, notes = {}, []
        for form in PEERS:
            pid = start_peer(form)
            domain = f"-{form}-{count}-{RUN}"
            results[form], _ = measure(load, form, 18143, 18110, pid, "pass", domain, count, lambda: "")
            stop_peer()
        server = make_server([f"big{count}@bench.test"] + [f"a{i}@bench.test" for i in range(16)])
        results["sekisho"], note = measure(load, "sekisho", server.imap, server.pop3, server.pid, password, "@bench.test", count, lambda: indexed(server.data, count))
        notes.append(note)
        notes.append(idle(load, server, password))
        server.stop()
        notes.append("Load average of the machine at the end: " + ", ".join(f"{n:.1f}" for n in os.getloadavg()))
        table(count, results, notes)
