//! A console over a fresh store, asked without a network: requests go straight to its router.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use sekisho_console::{Console, Settings};
use sekisho_control::command::{AccountCommand, Command, DomainCommand, NewPerson, Secret};
use sekisho_control::{Actor, Control, Done};
use sekisho_daemon::config::{self, Config};
use sekisho_daemon::desk::{Desk, open};
use sekisho_message::{Language, Time};
use sekisho_net::Clock;
use sekisho_store::account::Role;
use sekisho_store::queue::{self, Body as StoredBody, NewMessage, NewRecipient, Stage};
use sekisho_testkit::TempDir;
use tokio_util::sync::CancellationToken;
use tower_service::Service as _;

/// A password that nobody guesses.
pub const PASSWORD: &str = "copper lantern violet sawmill";
/// Another one.
pub const OTHER: &str = "walnut ferry cobalt thimble";

pub struct World {
    pub console: Console,
    pub control: Control,
    pub clock: Clock,
    dir: TempDir,
}

/// An answer, read to its end.
pub struct Page {
    pub status: StatusCode,
    pub place: String,
    pub cookies: Vec<String>,
    pub kind: String,
    pub csp: String,
    pub body: String,
}

impl World {
    /// `example.jp` with an administrator of everything, one of the domain, and two people; `other.example` with one.
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(set: impl FnOnce(&mut Settings)) -> Self {
        let dir = TempDir::new("console").unwrap();
        let config = Config::parse("hostname = 'mx.example.jp'\n").unwrap();
        let settings = Arc::new(config::Settings { dir: dir.path().to_owned(), config });
        let clock = Clock::stopped_at(Time::from_seconds(1_764_000_000));
        let desk: Desk = open(settings, clock.clone()).await.unwrap().desk;
        let control = desk.control.clone();
        let mut settings = Settings {
            hostname: "mx.example.jp".into(),
            ports: BTreeMap::from([("imaps", 993), ("submissions", 465), ("submission", 587)]),
            version: "test",
            ..Settings::default()
        };
        set(&mut settings);
        let console = Console::new(control.clone(), Arc::new(desk), settings);
        let world = Self { console, control, clock, dir };
        for domain in ["example.jp", "other.example"] {
            world.run(Command::Domain(DomainCommand::Add { name: domain.into() })).await;
        }
        for (address, role) in [
            ("admin@example.jp", Role::SystemAdmin),
            ("chief@example.jp", Role::DomainAdmin),
            ("taro@example.jp", Role::User),
            ("hana@example.jp", Role::User),
            ("jiro@other.example", Role::User),
        ] {
            world.add(address, role, false).await;
        }
        world
    }

    /// Where its files are.
    pub fn folder(&self) -> &std::path::Path {
        self.dir.path()
    }

    pub async fn add(&self, address: &str, role: Role, must_change: bool) {
        self.run(Command::Account(AccountCommand::Add(NewPerson {
            address: address.into(),
            full_name: "山田 太郎".into(),
            password: Secret(PASSWORD.into()),
            role,
            quota: Some(1 << 30),
            language: Language::Ja,
            must_change,
        })))
        .await;
    }

    pub async fn run(&self, command: Command) -> Done {
        self.control.run(command, &Actor::server("test")).await.unwrap()
    }

    pub async fn contain(&self, account: &str) {
        use sekisho_control::command::IncidentCommand;
        self.run(Command::Incident(IncidentCommand::Contain { which: account.into(), reason: "test".into() })).await;
    }

    /// Puts a message of an account into the queue; its id.
    pub async fn queue(&self, account: &str, subject: &str, fingerprint: i64, stage: Stage) -> String {
        let store = self.control.store();
        let id = store.next_message_id();
        let body = format!(
            "From: {account}\r\nTo: a@far.example\r\nSubject: {subject}\r\n\r\n<b>hello</b> https://evil.example/\r\n"
        );
        let mut staging = store.stage();
        staging.write(body.as_bytes()).unwrap();
        let content = StoredBody::New(staging.finish().await.unwrap());
        let new = NewMessage {
            id,
            content,
            relay_offset: 0,
            reverse_path: Some(account.into()),
            origin: format!("account:{account}"),
            account: Some(account.into()),
            network: "192.0.2.7".into(),
            helo: "pc.example".into(),
            header_from: account.into(),
            message_id_header: "<1@pc.example>".into(),
            subject: subject.into(),
            fingerprint,
            smtputf8: false,
            eightbit: false,
            dsn_ret: None,
            dsn_envid: None,
            received: self.clock.now(),
            recipients: vec![NewRecipient {
                address: "a@far.example".into(),
                destination: "far.example".into(),
                stage,
                notify: 0,
                orcpt: None,
                due: self.clock.now(),
            }],
        };
        let now = self.clock.now();
        store.write(move |tx| queue::accept(tx, &new, now).map(drop)).await.unwrap();
        id.to_string()
    }

    pub async fn ask(&self, request: Request<Body>) -> Page {
        let mut router = self.console.router().layer(axum::Extension(CancellationToken::new()));
        let response: Response<Body> = router.call(request).await.unwrap();
        let status = response.status();
        let text = |name: header::HeaderName| {
            response.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned()
        };
        let (place, kind) = (text(header::LOCATION), text(header::CONTENT_TYPE));
        let csp = text(header::CONTENT_SECURITY_POLICY);
        let cookies = response.headers().get_all(header::SET_COOKIE).iter();
        let cookies = cookies.map(|v| v.to_str().unwrap().to_owned()).collect();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Page { status, place, cookies, kind, csp, body: String::from_utf8_lossy(&bytes).into_owned() }
    }

    /// A browser that is logged in.
    pub async fn login(&self, address: &str) -> Browser<'_> {
        let mut browser = self.browser();
        let page = browser.enter(address, PASSWORD).await;
        assert_eq!((page.status, page.place.as_str()), (StatusCode::SEE_OTHER, "/"), "{}", page.body);
        browser
    }

    pub fn browser(&self) -> Browser<'_> {
        Browser { world: self, jar: BTreeMap::new(), language: "ja" }
    }

    /// A token with these scopes.
    pub async fn token(&self, address: &str, scopes: &[&str]) -> String {
        let browser = self.login(address).await;
        let mut fields = vec![("name".to_owned(), "test".to_owned()), ("days".into(), "30".into())];
        fields.extend(scopes.iter().map(|scope| (format!("scope:{scope}"), "1".to_owned())));
        let fields: Vec<(&str, &str)> = fields.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        let page = browser.post("/me/tokens", &fields).await;
        between(&page.body, "id=\"token\">", "<").to_owned()
    }

    pub async fn api(&self, method: &str, path: &str, token: &str, body: &str) -> Page {
        let request =
            Request::builder().method(method).uri(path).header(header::AUTHORIZATION, format!("Bearer {token}"));
        self.ask(request.body(Body::from(body.to_owned())).unwrap()).await
    }
}

/// What stands between two texts.
pub fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let start = text.find(before).unwrap_or_else(|| panic!("no {before} in {text}")) + before.len();
    let end = text[start..].find(after).unwrap() + start;
    &text[start..end]
}

/// Keeps cookies and sends forms as a browser does.
#[derive(Clone)]
pub struct Browser<'a> {
    pub world: &'a World,
    pub jar: BTreeMap<String, String>,
    pub language: &'static str,
}

impl Browser<'_> {
    pub async fn get(&self, path: &str) -> Page {
        self.world.ask(self.request("GET", path).body(Body::empty()).unwrap()).await
    }

    /// What comes of an address, as it comes.
    pub async fn stream(&self, path: &str) -> Body {
        let mut router = self.world.console.router().layer(axum::Extension(CancellationToken::new()));
        let response = router.call(self.request("GET", path).body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        response.into_body()
    }

    /// Sends a form with the token of this session.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let csrf = self.csrf().await;
        let mut all = vec![("csrf", csrf.as_str())];
        all.extend_from_slice(fields);
        self.raw_post(path, &all).await
    }

    /// Sends a form as it is.
    pub async fn raw_post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let body: Vec<String> =
            fields.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
        let request = self
            .request("POST", path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin");
        self.world.ask(request.body(Body::from(body.join("&"))).unwrap()).await
    }

    /// Name and password; keeps what cookies it gets.
    pub async fn enter(&mut self, address: &str, password: &str) -> Page {
        let page = self.raw_post("/login", &[("name", address), ("password", password), ("to", "")]).await;
        self.keep(&page);
        page
    }

    pub fn keep(&mut self, page: &Page) {
        for cookie in &page.cookies {
            let (name, rest) = cookie.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if cookie.contains("Max-Age=0") {
                self.jar.remove(name);
            } else {
                self.jar.insert(name.into(), value.into());
            }
        }
    }

    pub async fn csrf(&self) -> String {
        let path = ["/me", "/login/code", "/login/password"];
        for path in path {
            let page = self.get(path).await;
            if page.status == StatusCode::OK {
                return between(&page.body, "name=\"csrf\" value=\"", "\"").to_owned();
            }
        }
        String::new()
    }

    fn request(&self, method: &str, path: &str) -> axum::http::request::Builder {
        let jar: Vec<String> = self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        Request::builder()
            .method(method)
            .uri(path)
            .header(header::COOKIE, jar.join("; "))
            .header(header::ACCEPT_LANGUAGE, self.language)
            .header(header::USER_AGENT, "test")
            .header(header::HOST, "mx.example.jp")
    }
}

fn escaped(text: &str) -> String {
    sekisho_console::words::escaped(text)
}
