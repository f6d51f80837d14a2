//! Tokens of an issuer on loopback.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sekisho_testkit::issuer::{Algorithm, FakeIssuer};
use serde_json::{Value, json};

use super::*;

/// Seconds since 1970 at which the world of tests begins.
const START: i64 = 1_764_000_000;

struct Bench {
    world: World,
    issuer: Arc<FakeIssuer>,
    fetched: Arc<AtomicUsize>,
}

impl Bench {
    async fn new() -> Self {
        let issuer = Arc::new(FakeIssuer::start().unwrap());
        let fetched = Arc::new(AtomicUsize::new(0));
        let (hands, count) = (Arc::clone(&issuer), Arc::clone(&fetched));
        let fetch = Fetch(Arc::new(move |url: String, _: usize| -> Document {
            count.fetch_add(1, Ordering::Relaxed);
            let path = url.strip_prefix(&hands.url()).unwrap_or_default().to_owned();
            let answer = hands.document(&path).map(String::into_bytes).ok_or_else(|| "status 503".to_owned());
            Box::pin(std::future::ready(answer))
        }));
        let settings = IssuerSettings {
            issuer: issuer.url(),
            audiences: vec!["sekisho".into(), "mail".into()],
            claim: "email".into(),
            skew: Duration::from_secs(60),
            fetch,
        };
        let world = World::with(|options| options.credentials.issuer = Some(settings)).await.and_taro().await;
        Self { world, issuer, fetched }
    }

    fn claims(&self) -> Value {
        json!({ "iss": self.issuer.url(), "aud": "sekisho", "email": "taro@example.jp", "exp": START + 300, "iat": START })
    }

    fn token(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = self.claims();
        change(&mut claims);
        self.issuer.token(Algorithm::Es256, &claims).unwrap()
    }

    async fn show(&self, login: &str, token: &str) -> Result<Verified, Failure> {
        self.world.control.prove(Proof::Token { login, token }, Protocol::Imap4, HOME).await
    }
}

#[tokio::test]
async fn good_tokens_of_every_kind_open_the_account_that_they_name() {
    let bench = Bench::new().await;
    for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa] {
        let token = bench.issuer.token(algorithm, &bench.claims()).unwrap();
        for login in ["", "taro@example.jp", "TARO"] {
            let verified = bench.show(login, &token).await.unwrap();
            assert_eq!(verified.origin.key(), "account:taro@example.jp", "{algorithm:?} {login}");
        }
    }
    let several = bench.token(|claims| claims["aud"] = json!(["other", "mail"]));
    bench.show("", &several).await.unwrap();
    assert_eq!(bench.fetched.load(Ordering::Relaxed), 2, "one description and one set of keys for all of them");
    assert_eq!(bench.world.journal(Kind::Imap4).await.pop().unwrap().detail["how"], "token");
    assert!(bench.world.control.token_discovery().unwrap().ends_with("/.well-known/openid-configuration"));
}

#[tokio::test]
async fn bad_tokens_open_nothing_and_say_why_to_the_operator_alone() {
    let bench = Bench::new().await;
    let good = bench.token(|_| {});
    bench.show("", &good).await.unwrap();
    let mut cut = good.clone();
    cut.pop();
    let stranger = FakeIssuer::start().unwrap();
    for (token, reason) in [
        (bench.token(|claims| claims["iss"] = json!("https://evil.example")), "another issuer"),
        (bench.token(|claims| claims["iss"] = Value::Null), "another issuer"),
        (bench.token(|claims| claims["aud"] = json!("somebody-else")), "somebody else"),
        (bench.token(|claims| claims["aud"] = json!([])), "somebody else"),
        (bench.token(|claims| claims["nbf"] = json!(START + 61)), "not valid yet"),
        (bench.token(|claims| claims["nbf"] = json!("now")), "not valid yet"),
        (bench.token(|claims| claims["exp"] = Value::Null), "when it ends"),
        (bench.token(|claims| claims["email_verified"] = json!(false)), "not verified"),
        (stranger.token(Algorithm::Es256, &bench.claims()).unwrap(), "none of the issuer's keys"),
        (bench.issuer.token_with(Algorithm::Rs256, &json!({ "alg": "none" }), &bench.claims()).unwrap(), "algorithm"),
        (cut, "base64url"),
        ("nonsense".into(), "not a JWT"),
    ] {
        let failure = bench.show("taro@example.jp", &token).await.unwrap_err();
        assert_eq!((failure.peer_text(), failure.is_temporary()), ("Authentication failed", false));
        assert!(failure.to_string().contains(reason), "{failure} is not {reason}");
        // The counters of the lockouts are another matter.
        bench.world.advance(Duration::from_micros(1));
        bench
            .world
            .run(Command::Lockout(crate::command::LockoutCommand::Unlock { what: "taro@example.jp".into() }))
            .await
            .unwrap();
        bench.world.run(Command::Lockout(crate::command::LockoutCommand::Unlock { what: HOME.into() })).await.unwrap();
    }
}

#[tokio::test]
async fn tokens_end_and_clocks_may_differ_a_little() {
    let bench = Bench::new().await;
    let token = bench.token(|claims| claims["nbf"] = json!(START + 59));
    bench.show("", &token).await.unwrap();
    bench.world.advance(Duration::from_secs(359));
    bench.show("", &token).await.unwrap();
    bench.world.advance(Duration::from_secs(1));
    // A program that renews its token late guesses nothing, however often it tries.
    for _ in 0..20 {
        assert_eq!(bench.show("", &token).await.unwrap_err(), Failure::Expired);
    }
    let fresh = bench.token(|claims| claims["exp"] = json!(START + 1_000));
    bench.show("", &fresh).await.unwrap();
}

#[tokio::test]
async fn a_token_is_for_its_own_account() {
    let bench = Bench::new().await;
    bench.world.add("hanako@example.jp").await.unwrap();
    let token = bench.token(|_| {});
    assert_eq!(bench.show("hanako@example.jp", &token).await.unwrap_err(), Failure::ActsForOther);
    let nobody = bench.token(|claims| claims["email"] = json!("nobody@example.jp"));
    assert_eq!(bench.show("", &nobody).await.unwrap_err(), Failure::UnknownUser);
    let unnamed = bench.token(|claims| claims["email"] = Value::Null);
    assert!(bench.show("", &unnamed).await.is_err());
    assert_eq!(bench.show("", "").await.unwrap_err(), Failure::Token("the client asks what is wanted"));
    let act = AccountCommand::Suspend { address: "taro@example.jp".into(), reason: "test".into() };
    bench.world.run(account(act)).await.unwrap();
    let proof = Proof::Token { login: "", token: &token };
    assert_eq!(bench.world.control.prove(proof, Protocol::Smtp, HOME).await.unwrap_err(), Failure::Suspended);
    let plain = World::with_taro().await;
    let nowhere = plain.control.prove(proof, Protocol::Imap4, HOME).await.unwrap_err();
    assert_eq!(nowhere, Failure::Token("tokens are not taken"));
}

#[tokio::test]
async fn keys_rotate_and_strangers_do_not_make_us_ask() {
    let bench = Bench::new().await;
    bench.show("", &bench.token(|_| {})).await.unwrap();
    let old = bench.token(|_| {});
    bench.issuer.rotate().unwrap();
    let new = bench.token(|claims| claims["exp"] = json!(START + 100_000));
    assert!(bench.show("", &new).await.is_err(), "asked a moment ago");
    assert_eq!(bench.fetched.load(Ordering::Relaxed), 2);
    bench.world.advance(Duration::from_secs(31));
    bench.show("", &new).await.unwrap();
    assert_eq!(bench.fetched.load(Ordering::Relaxed), 4);
    assert!(bench.show("", &old).await.is_err(), "the old keys are gone");
    for n in 0..20 {
        let header = json!({ "alg": "ES256", "kid": format!("invented-{n}") });
        let invented = bench.issuer.token_with(Algorithm::Es256, &header, &bench.claims()).unwrap();
        assert!(bench.show("", &invented).await.is_err());
    }
    assert_eq!(bench.fetched.load(Ordering::Relaxed), 4);
}

#[tokio::test]
async fn a_silent_issuer_is_our_trouble_and_known_keys_last_a_day() {
    let bench = Bench::new().await;
    bench.issuer.silence(true);
    let token = bench.token(|claims| claims["exp"] = json!(START + 1_000_000));
    let failure = bench.show("", &token).await.unwrap_err();
    assert!(failure.is_temporary(), "{failure}");
    assert_eq!(failure.peer_text(), "Temporary authentication failure");
    bench.issuer.silence(false);
    bench.world.advance(Duration::from_secs(31));
    bench.show("", &token).await.unwrap();
    bench.issuer.silence(true);
    bench.world.advance(Duration::from_secs(3_601));
    bench.show("", &token).await.unwrap();
    bench.world.advance(Duration::from_secs(86_400));
    assert!(bench.show("", &token).await.unwrap_err().is_temporary());
}

#[tokio::test]
async fn forged_tokens_are_guesses() {
    let bench = Bench::new().await;
    let stranger = FakeIssuer::start().unwrap();
    bench.show("", &bench.token(|_| {})).await.unwrap();
    let thief = async |token: &str| {
        bench.world.control.prove(Proof::Token { login: "", token }, Protocol::Imap4, "198.51.100.7").await
    };
    for n in 0..8 {
        let mut claims = bench.claims();
        claims["jti"] = json!(n);
        assert!(matches!(thief(&stranger.token(Algorithm::Es256, &claims).unwrap()).await, Err(Failure::Token(_))));
    }
    assert!(matches!(thief(&bench.token(|_| {})).await.unwrap_err(), Failure::Locked(_)));
    bench.show("", &bench.token(|_| {})).await.unwrap();
}
