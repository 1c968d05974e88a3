//! TLS with certificates made here.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use super::server::{Answer, Server};
use super::*;

const NOT_TRUSTED: &str =
    "its certificate is not trusted: put the certificate of the authority that signed it into the key `ca.crt` of the Secret";

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: rcgen::Certificate,
}

struct Leaf {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        // Each has the same name: as when an authority was made anew.
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    fn pem(&self) -> Vec<u8> {
        self.certificate.pem().into_bytes()
    }

    fn sign(&self, name: &str) -> Leaf {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &self.issuer).unwrap();
        Leaf { certificate, key }
    }
}

fn self_signed(name: &str) -> Leaf {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().self_signed(&key).unwrap();
    Leaf { certificate, key }
}

/// A server with this certificate; with `clients`, one that asks for theirs.
async fn serving(leaf: &Leaf, clients: Option<&Authority>) -> Server {
    install();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf.key.serialize_der()));
    let config = match clients {
        None => ServerConfig::builder().with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.certificate.der().clone()).unwrap();
            ServerConfig::builder().with_client_cert_verifier(WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap())
        }
    };
    let config = config.with_single_cert(vec![leaf.certificate.der().clone()], key).unwrap();
    Server::start_at("127.0.0.1:0", [Answer::json("{}")], Some(TlsAcceptor::from(Arc::new(config)))).await
}

fn install() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn to(server: &Server, ca: Option<Vec<u8>>) -> (String, HttpSettings) {
    let base = format!("https://dir.example:{}", server.address.port());
    (base.clone(), HttpSettings { ca, ..settings(&base) })
}

fn connect(settings: &HttpSettings) -> Http {
    Http::with_names(settings, gate(), Names::new(&[&["127.0.0.1"]])).unwrap()
}

#[tokio::test]
async fn a_certificate_must_be_trusted_and_for_this_host() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let alone = self_signed("dir.example");
    let alone_pem = alone.certificate.pem().into_bytes();
    let bundle = [theirs.pem(), ours.pem()].concat();
    let other_host = "its certificate is not valid: certificate not valid for name \"dir.example\"";
    let rows = [
        ("of our authority", ours.sign("dir.example"), Some(ours.pem()), None),
        ("of one of several", ours.sign("dir.example"), Some(bundle), None),
        ("of another authority", ours.sign("dir.example"), Some(theirs.pem()), Some(NOT_TRUSTED)),
        ("of no authority that the machine knows", ours.sign("dir.example"), None, Some(NOT_TRUSTED)),
        ("signed by itself", self_signed("dir.example"), None, Some(NOT_TRUSTED)),
        ("signed by itself, and trusted", alone, Some(alone_pem), None),
        ("for another host", ours.sign("mail.example"), Some(ours.pem()), Some(other_host)),
    ];
    for (name, leaf, ca, refused) in rows {
        let server = serving(&leaf, None).await;
        let (base, settings) = to(&server, ca);
        let http = connect(&settings);
        match refused {
            None => assert_eq!(http.read(get()).await.unwrap().status, 200, "{name}"),
            Some(why) => {
                let failure = http.write(post()).await.unwrap_err();
                let Failure::Retry { after: None, why: said } = &failure else { panic!("{name}: {failure:?}") };
                assert!(said.starts_with(&format!("{base}: {why}")), "{name}: {said}");
                assert_eq!(server.seen().len(), 0, "{name}: nothing was sent");
            }
        }
    }
}

#[tokio::test]
async fn our_own_certificate_is_shown() {
    let (ours, clients) = (Authority::new(), Authority::new());
    let server = serving(&ours.sign("dir.example"), Some(&clients)).await;
    let me = clients.sign("provost");
    let identity = ClientIdentity { certificate: me.certificate.pem().into_bytes(), key: Secret::new(me.key.serialize_pem()) };
    let (_, settings) = to(&server, Some(ours.pem()));
    let failure = connect(&settings).read(get()).await.unwrap_err();
    assert!(matches!(failure, Failure::Retry { .. }), "without: {failure:?}");
    assert_eq!(server.seen().len(), 0, "without");
    let settings = HttpSettings { identity: Some(identity), ..settings };
    assert_eq!(connect(&settings).read(get()).await.unwrap().status, 200);
}

#[test]
fn files_that_are_no_certificates_are_named() {
    let garbage = |text: &str| text.as_bytes().to_vec();
    let ca = "`ca.crt` of the Secret holds no certificate in PEM form";
    let identity = "`tls.crt` and `tls.key` of the Secret are no certificate and key in PEM form";
    let bad = "https://chat.example: no TLS: `ca.crt`, `tls.crt` or `tls.key` of the Secret cannot be used; check them";
    let key = || Secret::new("no key".to_owned());
    let rows = [
        ("ca, text", Some(garbage("hello")), None, ca),
        ("ca, empty", Some(Vec::new()), None, ca),
        ("ca, torn", Some(garbage("-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----\n")), None, bad),
        ("identity", None, Some(ClientIdentity { certificate: garbage("hello"), key: key() }), identity),
    ];
    for (name, ca, identity, why) in rows {
        let settings = HttpSettings { ca, identity, ..settings("https://chat.example") };
        assert_eq!(Http::new(&settings, gate()).err(), Some(Failure::Config(why.to_owned())), "{name}");
    }
}
