//! Ways to log in, with real clients against the whole server.

use sekisho_testkit::Authority;
use sekisho_testkit::issuer::{Algorithm, FakeIssuer};
use serde_json::{Value, json};

use crate::support::{PASSWORD, Server, Setup, client, client_any, text};

/// What every Python program here begins with: one login at each protocol, by a mechanism and its responses.
const PYTHON: &str = r#"
import base64, hashlib, hmac, imaplib, json, poplib, smtplib, socket, ssl, sys
b64 = lambda raw: base64.b64encode(raw).decode()
context = ssl._create_unverified_context()
class Wire:
    """A connection over TLS, line by line; `step` answers each challenge."""
    def __init__(self, port, protocol, cert=None):
        tls = ssl._create_unverified_context()
        if cert: tls.load_cert_chain(*cert)
        self.sock = tls.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost")
        self.file, self.protocol = self.sock.makefile("rwb"), protocol
        self.greeting = self.line()
        if protocol == "smtp": self.capabilities = self.many("EHLO client.example", "250-", "250 ")
        if protocol == "pop3": self.capabilities = self.until_dot("CAPA")
        if protocol == "imap": self.capabilities = [self.say("c CAPABILITY")]; self.line()
    def line(self):
        return self.file.readline().decode().rstrip("\r\n")
    def say(self, text):
        self.file.write(text.encode() + b"\r\n"); self.file.flush()
        return self.line()
    def many(self, text, more, last):
        lines = [self.say(text)]
        while lines[-1].startswith(more): lines.append(self.line())
        return lines
    def until_dot(self, text):
        lines = [self.say(text)]
        while lines[-1] != ".": lines.append(self.line())
        return lines
    def auth(self, mechanism, responses, initial=True):
        """The challenges, then the last word."""
        responses, said = list(responses), []
        verb = {"smtp": "AUTH", "pop3": "AUTH", "imap": "a AUTHENTICATE"}[self.protocol]
        first = " " + (b64(responses.pop(0)) or "=") if initial else ""
        answer = self.say(f"{verb} {mechanism}{first}")
        prompt = {"smtp": "334 ", "pop3": "+ ", "imap": "+ "}[self.protocol]
        while answer.startswith(prompt):
            challenge = base64.b64decode(answer[len(prompt):]); said.append(challenge)
            response = responses.pop(0)
            answer = self.say(b64(response(challenge) if callable(response) else response))
        return said, answer
    def bye(self):
        """A maildrop is free when the server has said so."""
        self.say({"smtp": "QUIT", "pop3": "QUIT", "imap": "z LOGOUT"}[self.protocol]); self.file.close(); self.sock.close()
def good(answer): return answer.startswith(("235", "+OK", "a OK"))
def refused(answer): return answer.startswith(("535 5.7.8", "-ERR [AUTH]", "a NO [AUTHENTICATIONFAILED]"))
"#;

fn python(server: &Server, program: &str, args: &[&str]) -> String {
    let program = format!("{PYTHON}{program}");
    let ports = [server.ports.submissions, server.ports.pop3s, server.ports.imaps].map(|port| port.to_string());
    let ports: Vec<&str> = ports.iter().map(String::as_str).collect();
    client("python3", &[&["-c", &program][..], &ports, args].concat(), &server.data)
}

#[test]
fn app_passwords_work_where_they_may_and_can_be_taken_away() {
    let server = Server::start(&Setup { accounts: &["alice"], ..Setup::default() });
    let alice = server.address("alice");
    let made = server.json(&["account", "app-password", "add", &alice, "phone", "--protocols", "smtp,imap"]);
    let secret = made["password"].as_str().unwrap().to_owned();
    let at = format!("127.0.0.1:{}", server.ports.submission);
    let swaks = |password: &str| {
        let args = ["--server", &at, "--tls", "-a", "PLAIN", "-au", &alice, "-ap", password];
        let more = ["--from", &alice, "--to", &alice];
        client_any("swaks", &[&args[..], &more].concat(), &server.data).status.success()
    };
    assert!(swaks(&secret) && swaks(PASSWORD) && !swaks("aaaa-aaaa-aaaa-aaaa-aaaa-aaaa"));
    let curl = |url: String, password: &str| {
        let login = format!("{alice}:{password}");
        client_any("curl", &["-sSk", "--url", &url, "-u", &login], &server.data).status.success()
    };
    assert!(curl(format!("imaps://127.0.0.1:{}/", server.ports.imaps), &secret));
    assert!(!curl(format!("pop3s://127.0.0.1:{}/", server.ports.pop3s), &secret), "not for POP3");
    let listed = server.json(&["account", "app-password", "list", &alice]);
    assert_eq!((&listed[0]["name"], &listed[0]["state"]), (&json!("phone"), &json!("active")));
    assert_eq!((&listed[0]["used_network"], &listed[0]["used_protocol"]), (&json!("127.0.0.1"), &json!("imap4")));
    assert!(!listed.to_string().contains(&secret));
    server.run(&["account", "app-password", "remove", &alice, "phone"]);
    assert!(!swaks(&secret));
    assert!(
        server.run(&["logs", "receivelog"]).contains("app password phone"),
        "{}",
        server.run(&["logs", "receivelog"])
    );
}

#[test]
fn scram_is_bound_to_its_connection_on_all_three_protocols() {
    let server = Server::start(&Setup { accounts: &["alice"], ..Setup::default() });
    server.run(&["domain", "scram", &server.domain, "on"]);
    let alice = server.address("alice");
    let done = server.cli_with(&["account", "password", &alice, "--password-stdin"], PASSWORD);
    assert!(done.status.success(), "{}", text(&done));
    let program = r#"
smtp, pop3, imap, user, password = sys.argv[1:]
H = lambda key, text: hmac.new(key, text, hashlib.sha256).digest()
def scram(wire, mechanism, flag, data):
    header = flag + ",,"
    bare = f"n={user},r=clientnonce"
    state = {}
    def final(challenge):
        first = challenge.decode()
        fields = dict(part.split("=", 1) for part in first.split(","))
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
        key = H(salted, b"Client Key")
        without = f"c={b64(header.encode() + data)},r={fields['r']}"
        message = f"{bare},{first},{without}".encode()
        proof = bytes(a ^ b for a, b in zip(key, H(hashlib.sha256(key).digest(), message)))
        state["server"] = b"v=" + b64(H(H(salted, b"Server Key"), message)).encode()
        return f"{without},p={b64(proof)}".encode()
    said, answer = wire.auth(mechanism, [(header + bare).encode(), final, b""])
    assert not good(answer) or said[-1] == state["server"], (said, state)
    wire.bye()
    return answer
for port, protocol in [(int(smtp), "smtp"), (int(pop3), "pop3"), (int(imap), "imap")]:
    connect = lambda: Wire(port, protocol)
    end_point = lambda wire: hashlib.sha256(wire.sock.getpeercert(binary_form=True)).digest()
    wire = connect()
    assert "SCRAM-SHA-256-PLUS" in " ".join(wire.capabilities), wire.capabilities
    assert "AUTH=CRAM" not in " ".join(wire.capabilities) and "XOAUTH2" not in " ".join(wire.capabilities)
    answer = scram(wire, "SCRAM-SHA-256-PLUS", "p=tls-server-end-point", end_point(wire)); assert good(answer), answer
    answer = scram(connect(), "SCRAM-SHA-256", "n", b""); assert good(answer), answer
    # a man in the middle: another certificate, another connection, and the PLUS taken out of the list
    answer = scram(connect(), "SCRAM-SHA-256-PLUS", "p=tls-server-end-point", b"x" * 32); assert refused(answer), answer
    answer = scram(connect(), "SCRAM-SHA-256-PLUS", "p=tls-exporter", b"x" * 32); assert refused(answer), answer
    answer = scram(connect(), "SCRAM-SHA-256", "y", b""); assert refused(answer), answer
    # a proof that was seen once is worth nothing on the next connection
    first, seen = connect(), []
    original = first.say
    first.say = lambda line: (seen.append(line), original(line))[1]
    assert good(scram(first, "SCRAM-SHA-256", "n", b""))
    replay = connect()
    answers = [replay.say(line) for line in seen[:-1]]  # the last one is the farewell
    assert not any(good(answer) for answer in answers), answers
"#;
    python(&server, program, &[&alice, PASSWORD]);
    let log = server.run(&["logs", "imap4log"]);
    assert!(log.contains("channel binding does not fit") && log.contains("somebody may sit between"), "{log}");
}

#[test]
fn tokens_of_the_issuer_open_mailboxes() {
    let issuer = FakeIssuer::start().unwrap();
    let more =
        format!("[auth.issuer]\nurl = \"{}\"\naudience = [\"sekisho\"]\nauthorities = \"issuer.pem\"\n", issuer.url());
    let setup = Setup { accounts: &[], more: &more, ..Setup::default() };
    let data = crate::support::scratch();
    std::fs::create_dir_all(&data).unwrap();
    std::fs::write(data.join("issuer.pem"), issuer.certificate()).unwrap();
    let server = Server::start(&Setup { data: Some(data.clone()), accounts: &["alice"], ..setup });
    let alice = server.address("alice");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let claims = json!({ "iss": issuer.url(), "aud": "sekisho", "email": alice, "exp": now + 600 });
    let changed = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        issuer.token(Algorithm::Rs256, &claims).unwrap()
    };
    let right = issuer.token(Algorithm::Es256, &claims).unwrap();
    let ports = server.ports;
    for mechanism in ["OAUTHBEARER", "XOAUTH2"] {
        for url in [format!("imaps://127.0.0.1:{}/", ports.imaps), format!("pop3s://127.0.0.1:{}/", ports.pop3s)] {
            let options = format!("AUTH={mechanism}");
            for sasl_ir in [&[][..], &["--sasl-ir"]] {
                let args = ["-sSk", "--url", &url, "-u", &format!("{alice}:"), "--oauth2-bearer", &right];
                client("curl", &[&args[..], &["--login-options", &options], sasl_ir].concat(), &server.data);
            }
        }
    }
    let unsigned = issuer.token_with(Algorithm::Rs256, &json!({ "alg": "none" }), &claims).unwrap();
    let strange = FakeIssuer::start().unwrap().token(Algorithm::EdDsa, &claims).unwrap();
    let wrong = [
        changed("exp", json!(now - 3_600)),
        changed("aud", json!("another-program")),
        changed("iss", json!("https://evil.example")),
        unsigned,
        strange,
    ];
    let program = r#"
smtp, pop3, imap, user, discovery, right, *wrong = sys.argv[1:]
bearer = lambda token: f"n,a={user},\x01host=localhost\x01auth=Bearer {token}\x01\x01".encode()
old = lambda token: f"user={user}\x01auth=Bearer {token}\x01\x01".encode()
for port, protocol in [(int(smtp), "smtp"), (int(pop3), "pop3"), (int(imap), "imap")]:
    for mechanism, message in [("OAUTHBEARER", bearer), ("XOAUTH2", old)]:
        wire = Wire(port, protocol)
        assert mechanism in " ".join(wire.capabilities), wire.capabilities
        for token in wrong[:2] if protocol == "imap" else wrong[2:4]:
            said, answer = wire.auth(mechanism, [message(token), b"\x01"])
            why = json.loads(said[-1])
            assert refused(answer), answer
            assert why["status"] in ("invalid_token", "401"), why
            assert mechanism != "OAUTHBEARER" or why["openid-configuration"] == discovery, why
        said, answer = wire.auth(mechanism, [message(right)])
        assert good(answer), answer
        wire.bye()
said, answer = Wire(int(imap), "imap").auth("XOAUTH2", [old(wrong[4]), b""])
assert refused(answer), answer
"#;
    let discovery = format!("{}/.well-known/openid-configuration", issuer.url());
    let mut args = vec![alice.as_str(), &discovery, &right];
    args.extend(wrong.iter().map(String::as_str));
    python(&server, program, &args);
    assert!(issuer.requests() <= 4, "the keys are kept: {}", issuer.requests());
    let log = server.run(&["logs", "imap4log"]);
    assert!(log.contains("the token has expired") && log.contains("the token is for somebody else"), "{log}");
    drop(server);
    let _ = std::fs::remove_dir_all(data);
}

#[test]
fn a_certificate_lets_its_holder_in() {
    let (ours, strange) = (Authority::new().unwrap(), Authority::new().unwrap());
    let data = crate::support::scratch();
    std::fs::create_dir_all(&data).unwrap();
    std::fs::write(data.join("clients.pem"), ours.certificate()).unwrap();
    let setup = Setup {
        accounts: &["alice", "bob"],
        more: "[auth.certificates]\nauthorities = \"clients.pem\"\n",
        data: Some(data.clone()),
        ..Setup::default()
    };
    let server = Server::start(&setup);
    let alice = server.address("alice");
    for (name, authority) in [("alice", &ours), ("strange", &strange)] {
        let made = authority.issue(&alice).unwrap();
        std::fs::write(data.join(format!("{name}.crt")), made.certificate).unwrap();
        std::fs::write(data.join(format!("{name}.key")), made.key).unwrap();
    }
    let file = |name: &str| data.join(name).display().to_string();
    let url = format!("imaps://127.0.0.1:{}/", server.ports.imaps);
    let args = ["-sSk", "--url", &url, "-u", &format!("{alice}:"), "--login-options", "AUTH=EXTERNAL"];
    let shows =
        |name: &str| ["--cert".to_owned(), file(&format!("{name}.crt")), "--key".into(), file(&format!("{name}.key"))];
    let curl = |more: &[String]| {
        let more: Vec<&str> = more.iter().map(String::as_str).collect();
        client_any("curl", &[&args[..], &more].concat(), &data).status.success()
    };
    assert!(curl(&shows("alice")) && !curl(&shows("strange")) && !curl(&[]));
    let program = r#"
smtp, pop3, imap, user, other, cert, key = sys.argv[1:]
for port, protocol in [(int(smtp), "smtp"), (int(pop3), "pop3"), (int(imap), "imap")]:
    without = Wire(port, protocol)
    assert "EXTERNAL" not in " ".join(without.capabilities), without.capabilities
    said, answer = without.auth("EXTERNAL", [b""]); assert not good(answer), answer
    for authzid in [b"", user.encode()]:
        wire = Wire(port, protocol, (cert, key))
        assert "EXTERNAL" in " ".join(wire.capabilities), wire.capabilities
        said, answer = wire.auth("EXTERNAL", [authzid]); assert good(answer), answer
        wire.bye()
    wire = Wire(port, protocol, (cert, key))
    said, answer = wire.auth("EXTERNAL", [other.encode()]); assert not good(answer), answer
"#;
    python(&server, program, &[&alice, &server.address("bob"), &file("alice.crt"), &file("alice.key")]);
    drop(server);
    let _ = std::fs::remove_dir_all(data);
}

#[test]
fn old_clients_use_apop_and_cram_md5_where_an_administrator_allows_it() {
    let server = Server::start(&Setup { accounts: &["alice", "bob"], ..Setup::default() });
    let (alice, bob) = (server.address("alice"), server.address("bob"));
    let program = r#"
smtp, pop3, imap, user, other, password, allowed = sys.argv[1:]
def pop(name, secret):
    p = poplib.POP3_SSL("127.0.0.1", int(pop3), context=context)
    try: p.apop(name, secret); p.quit(); return True
    except poplib.error_proto as error: return False
def mail(name, secret):
    i = imaplib.IMAP4_SSL("127.0.0.1", int(imap), ssl_context=context)
    if "AUTH=CRAM-MD5" not in i.capabilities: return False
    try: i.login_cram_md5(name, secret); return True
    except imaplib.IMAP4.error: return False
def submit(name, secret):
    s = smtplib.SMTP_SSL("127.0.0.1", int(smtp), context=context); s.ehlo()
    if "CRAM-MD5" not in s.esmtp_features["auth"]: return False
    s.user, s.password = name, secret
    try: s.auth("CRAM-MD5", s.auth_cram_md5); return True
    except smtplib.SMTPAuthenticationError: return False
for way in (pop, mail, submit):
    assert way(user, password) == (allowed == "yes"), way
    assert not way(user, "wrong") and not way(other, password)
"#;
    python(&server, program, &[&alice, &bob, PASSWORD, "no"]);
    server.run(&["account", "recoverable", &alice, "on"]);
    let done = server.cli_with(&["account", "password", &alice, "--password-stdin"], PASSWORD);
    assert!(done.status.success(), "{}", text(&done));
    python(&server, program, &[&alice, &bob, PASSWORD, "yes"]);
    let at = format!("127.0.0.1:{}", server.ports.submission);
    let args =
        ["--server", &at, "--tls", "-a", "CRAM-MD5", "-au", &alice, "-ap", PASSWORD, "--from", &alice, "--to", &bob];
    client("swaks", &args, &server.data);
    let listed = server.json(&["account", "recoverable"]);
    assert_eq!((&listed[0]["account"], &listed[0]["kept"]), (&json!(alice), &json!(true)));
    let key = std::fs::metadata(server.data.join("recoverable.key")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&key.permissions()) & 0o777, 0o600);
    server.run(&["account", "recoverable", &alice, "off"]);
    python(&server, program, &[&alice, &bob, PASSWORD, "no"]);
}

/// An administrator sees how each account logs in, and its owner with which program.
#[test]
fn how_an_account_logs_in_is_listed() {
    let server = Server::start(&Setup { accounts: &["alice"], ..Setup::default() });
    let alice = server.address("alice");
    let program = r#"
submissions, pop3s, imaps = [int(p) for p in sys.argv[1:4]]
name, password = sys.argv[4:6]
imap = Wire(imaps, "imap")
print(imap.say('b ID ("name" "Thunderbird" "version" "140.3")')); print(imap.line())
print(imap.auth("PLAIN", [b"\0" + name.encode() + b"\0" + password.encode()])[1]); imap.bye()
smtp = Wire(submissions, "smtp")
print(smtp.auth("PLAIN", [b"\0" + name.encode() + b"\0" + password.encode()])[1]); smtp.bye()
"#;
    let said = python(&server, program, &[&alice, PASSWORD]);
    assert!(said.contains("b OK ID completed") && said.contains("a OK") && said.contains("235"), "{said}");
    let shown = server.json(&["account", "show", &alice]);
    let logins: Vec<&str> =
        shown["logins"].as_array().unwrap().iter().map(|one| one["door"].as_str().unwrap()).collect();
    assert_eq!(logins, ["imap4", "smtp"], "{shown}");
    assert!(shown["logins"].as_array().unwrap().iter().all(|one| one["wire"] == "tls" && one["proof"] == "password"));
    let said = server.run(&["account", "show", &alice]);
    assert_eq!(said.matches("password over TLS").count(), 2, "{said}");
    let programs = |log: &str| -> Vec<Value> {
        let entries = server.entries(&[log]);
        entries.iter().filter(|one| one["detail"]["ok"] == true).map(|one| one["detail"]["program"].clone()).collect()
    };
    assert_eq!(programs("imap4log"), [json!("Thunderbird 140.3")]);
    assert_eq!(programs("receivelog"), [json!("client.example")]);
}
