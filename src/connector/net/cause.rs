//! What an error of the HTTP client means: whether the request was sent, what a person can do about it. Of its texts nothing is copied
//! but the words of TLS and of the operating system; they hold neither path nor query, header or body.

use std::error::Error;
use std::io;

use rustls::CertificateError;

use super::address::{AddressRefused, NoAddress};
use crate::connector::gate::Trouble;
use crate::model::failure::Failure;

/// Cuts an error by what is to be done about it. `origin` is named in the text.
pub(super) fn trouble(error: &reqwest::Error, origin: &str) -> Trouble {
    if let Some(refused) = find::<AddressRefused>(error) {
        return Trouble::Unsent(Failure::Config(format!("{origin}: {refused}")));
    }
    if error.is_builder() {
        return Trouble::Unsent(Failure::Bug(format!("{origin}: the request could not be built")));
    }
    if !error.is_connect() {
        let what = if error.is_timeout() { "no answer in time" } else { "the connection broke before the answer was whole" };
        return Trouble::Lost(format!("{origin}: {what}"));
    }
    if let Some(tls) = find::<rustls::Error>(error) {
        // The same answer would come again: a person has to act.
        return Trouble::Unsent(Failure::Retry { after: None, why: format!("{origin}: {}", of_tls(tls)) });
    }
    let why = if find::<NoAddress>(error).is_some() {
        "its name has no address".to_owned()
    } else if error.is_dns() {
        "its name cannot be resolved".to_owned()
    } else if error.is_timeout() {
        "no connection in time".to_owned()
    } else {
        match find::<io::Error>(error).map(io::Error::kind) {
            Some(io::ErrorKind::ConnectionRefused) => "connection refused: nothing listens there".to_owned(),
            Some(kind) => format!("no connection: {kind}"),
            None => "no connection".to_owned(),
        }
    };
    Trouble::Down { why: format!("{origin}: {why}"), after: None }
}

fn of_tls(error: &rustls::Error) -> String {
    let rustls::Error::InvalidCertificate(problem) = error else { return format!("no TLS connection: {error}") };
    // The second: an authority of that name is known, but it is not the one that signed.
    if matches!(problem, CertificateError::UnknownIssuer | CertificateError::BadSignature) {
        return "its certificate is not trusted: put the certificate of the authority that signed it into the key `ca.crt` of the Secret"
            .to_owned();
    }
    format!("its certificate is not valid: {problem}")
}

/// The first error of this type on the way down, also inside `io::Error`, whose `source` passes over what it wraps.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(found) = wrapped.and_then(|inner| find::<E>(inner)) {
            return Some(found);
        }
        next = error.source();
    }
    None
}
