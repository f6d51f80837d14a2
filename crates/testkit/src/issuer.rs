//! An OpenID Connect issuer on loopback: it describes itself, shows its keys over HTTPS, and signs whatever a test wants.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

/// How a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA.
    Rs256,
    /// ECDSA on P-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// The name in a token's header.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }
}

/// An issuer that runs until it is dropped.
pub struct FakeIssuer {
    shared: Arc<Shared>,
    address: SocketAddr,
    certificate: String,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    keys: Mutex<Keys>,
    requests: AtomicUsize,
    silent: AtomicBool,
    stop: AtomicBool,
}

struct Keys {
    /// Goes into the ids of the keys.
    generation: u32,
    rsa: RsaKeyPair,
    ecdsa: EcdsaKeyPair,
    ed25519: Ed25519KeyPair,
}

impl FakeIssuer {
    /// Starts one.
    ///
    /// # Errors
    /// When there is no port, no key or no certificate.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".into(), "localhost".into()])
            .map_err(io::Error::other)?;
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).map_err(io::Error::other)?;
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .map_err(io::Error::other)?;
        let shared = Arc::new(Shared {
            keys: Mutex::new(Keys::new(1)?),
            requests: AtomicUsize::new(0),
            silent: AtomicBool::new(false),
            stop: AtomicBool::new(false),
        });
        let (ours, config) = (Arc::clone(&shared), Arc::new(config));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if ours.stop.load(Ordering::Relaxed) {
                    return;
                }
                // A client that does not trust us ends the handshake; that is its business.
                let _ = ours.serve(stream, Arc::clone(&config), address);
            }
        });
        Ok(Self { shared, address, certificate: made.cert.pem(), thread: Some(thread) })
    }

    /// Its identifier.
    #[must_use]
    pub fn url(&self) -> String {
        url(self.address)
    }

    /// The certificate that clients must trust, as PEM.
    #[must_use]
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// What it answers to a path, without the network.
    #[must_use]
    pub fn document(&self, path: &str) -> Option<String> {
        self.shared.document(path, self.address)
    }

    /// New keys; the old ones are gone.
    ///
    /// # Errors
    /// When no keys can be made.
    pub fn rotate(&self) -> io::Result<()> {
        let mut keys = self.shared.lock();
        *keys = Keys::new(keys.generation + 1)?;
        Ok(())
    }

    /// Answers nothing from now on, or does again.
    pub fn silence(&self, silent: bool) {
        self.shared.silent.store(silent, Ordering::Relaxed);
    }

    /// Documents given so far.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// A token that says `claims`.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn token(&self, algorithm: Algorithm, claims: &Value) -> io::Result<String> {
        let id = self.shared.lock().id(algorithm);
        self.token_with(algorithm, &json!({ "alg": algorithm.name(), "kid": id, "typ": "JWT" }), claims)
    }

    /// The same with a header of the test's own; `algorithm` is what it is really signed with.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn token_with(&self, algorithm: Algorithm, header: &Value, claims: &Value) -> io::Result<String> {
        let code = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", code(header), code(claims));
        let signature = self.shared.lock().sign(algorithm, signed.as_bytes())?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

impl Drop for FakeIssuer {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        // Wakes the thread.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn document(&self, path: &str, address: SocketAddr) -> Option<String> {
        if self.silent.load(Ordering::Relaxed) {
            return None;
        }
        let base = url(address);
        let document = match path {
            "/.well-known/openid-configuration" => json!({ "issuer": base, "jwks_uri": format!("{base}/keys") }),
            "/keys" => self.lock().set(),
            _ => return None,
        };
        self.requests.fetch_add(1, Ordering::Relaxed);
        Some(document.to_string())
    }

    fn serve(&self, stream: TcpStream, config: Arc<ServerConfig>, address: SocketAddr) -> io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let connection = ServerConnection::new(config).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(connection, stream);
        let mut request = Vec::new();
        let mut piece = [0; 1024];
        while !request.windows(4).any(|four| four == b"\r\n\r\n") && request.len() < 16_384 {
            match stream.read(&mut piece)? {
                0 => break,
                count => request.extend_from_slice(piece.get(..count).unwrap_or_default()),
            }
        }
        let request = String::from_utf8_lossy(&request);
        let path = request.split(' ').nth(1).unwrap_or_default();
        let (status, body) = match self.document(path, address) {
            Some(body) => ("200 OK", body),
            None => ("503 Service Unavailable", String::new()),
        };
        let head =
            format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes())?;
        stream.write_all(body.as_bytes())?;
        stream.conn.send_close_notify();
        stream.flush()
    }
}

impl Keys {
    fn new(generation: u32) -> io::Result<Self> {
        Ok(Self {
            generation,
            rsa: RsaKeyPair::generate(KeySize::Rsa2048).map_err(io::Error::other)?,
            ecdsa: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(io::Error::other)?,
            ed25519: Ed25519KeyPair::generate().map_err(io::Error::other)?,
        })
    }

    fn id(&self, algorithm: Algorithm) -> String {
        format!("{}-{}", algorithm.name(), self.generation)
    }

    fn set(&self) -> Value {
        let code = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let (n, e) = numbers(self.rsa.public_key().as_ref());
        let point = self.ecdsa.public_key().as_ref();
        let half = |from: usize| code(point.get(from..from + 32).unwrap_or_default());
        json!({ "keys": [
            { "kty": "RSA", "kid": self.id(Algorithm::Rs256), "use": "sig", "alg": "RS256", "n": code(&n), "e": code(&e) },
            { "kty": "EC", "crv": "P-256", "kid": self.id(Algorithm::Es256), "x": half(1), "y": half(33) },
            { "kty": "OKP", "crv": "Ed25519", "kid": self.id(Algorithm::EdDsa), "x": code(self.ed25519.public_key().as_ref()) },
            { "kty": "oct", "kid": "secret", "k": "c2VjcmV0" },
        ] })
    }

    fn sign(&self, algorithm: Algorithm, message: &[u8]) -> io::Result<Vec<u8>> {
        let random = SystemRandom::new();
        Ok(match algorithm {
            Algorithm::Rs256 => {
                let mut signature = vec![0; self.rsa.public_modulus_len()];
                self.rsa.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).map_err(io::Error::other)?;
                signature
            }
            Algorithm::Es256 => self.ecdsa.sign(&random, message).map_err(io::Error::other)?.as_ref().to_vec(),
            Algorithm::EdDsa => self.ed25519.sign(message).as_ref().to_vec(),
        })
    }
}

/// Modulus and exponent of an `RSAPublicKey` (RFC 8017 App. A.1.1) of 2048 bits: a SEQUENCE of two INTEGERs.
fn numbers(der: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let part = |from: usize, length: usize| der.get(from..from + length).unwrap_or_default().to_vec();
    // 30 82 .. .. 02 82 01 01 00 N 02 03 01 00 01
    (part(9, 256), part(der.len() - 3, 3))
}

fn url(address: SocketAddr) -> String {
    format!("https://{address}")
}
