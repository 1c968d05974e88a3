//! TLS in front of the service: whose certificate is trusted.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::server::tenant;
use super::*;

/// An authority of our own.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }
}

/// Ends TLS, with a certificate for that name, in front of a local port.
async fn front(authority: &Authority, name: &str, port: u16) -> (u16, JoinSet<()>) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &authority.issuer).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    client();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = listener.local_addr().unwrap().port();
    let mut server = JoinSet::new();
    server.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            connections.spawn(async move {
                // A client that does not trust us hangs up.
                let Ok(mut inside) = acceptor.accept(stream).await else { return };
                let mut outside = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                tokio::io::copy_bidirectional(&mut inside, &mut outside).await.ok();
            });
        }
    });
    (own, server)
}

#[tokio::test]
async fn only_the_named_authority_is_trusted() {
    let service = tenant();
    let (ours, other) = (Authority::new("ours"), Authority::new("other"));
    let path = url::Url::parse(&service.base).unwrap().path().to_owned();
    let (right, _right) = front(&ours, "127.0.0.1", service.port()).await;
    let (wrong, _wrong) = front(&ours, "chat.example", service.port()).await;
    type Row<'a> = (&'a str, u16, &'a [(&'a str, &'a str)], Option<&'a str>);
    let rows: [Row<'_>; 4] = [
        ("our authority", right, &[("ca.crt", &ours.pem)], None),
        ("none named", right, &[], Some("put the certificate of the authority that signed it into the key `ca.crt`")),
        ("another authority", right, &[("ca.crt", &other.pem)], Some("is not trusted")),
        ("another name", wrong, &[("ca.crt", &ours.pem)], Some("certificate is not valid")),
    ];
    for (row, port, keys, expected) in rows {
        let keys = [&[("token", TOKEN)], keys].concat();
        let trial = Trial::with(&spec(&format!("https://127.0.0.1:{port}{path}")), &secret(&keys)).unwrap();
        let probe = trial.reader.probe().await;
        match expected {
            None => assert!(probe.is_ok(), "{row}: {probe:?}"),
            Some(says) => assert!(probe.as_ref().is_err_and(|failure| failure.to_string().contains(says)), "{row}: {probe:?}"),
        }
    }
}
