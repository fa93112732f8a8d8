//! TLS to both servers: peers are always verified, client certificates are supported.
//!
//! Invariant: one crypto provider (ring) for the whole process, chosen explicitly.

use std::path::Path;
use std::sync::Arc;

use lapin::tcp::{OwnedIdentity, OwnedTLSConfig};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::config::TlsFiles;
use crate::error::{Error, Result};

/// Makes ring the provider of every TLS connection of this process.
pub(crate) fn install_provider() {
    // Fails only when one is installed already, which then is the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// TLS for PostgreSQL.
pub(crate) fn for_database(files: &TlsFiles) -> Result<MakeRustlsConnect> {
    let builder =
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| setup("TLS", &error))?
            .with_root_certificates(roots(files.authorities.as_deref())?);
    let config = match (&files.certificate, &files.key) {
        (Some(certificate), Some(key)) => {
            let chain = certificates(certificate)?;
            let key_der =
                PrivateKeyDer::from_pem_file(key).map_err(|error| setup(key.display(), &error))?;
            builder
                .with_client_auth_cert(chain, key_der)
                .map_err(|error| setup(certificate.display(), &error))?
        }
        _ => builder.with_no_client_auth(),
    };
    Ok(MakeRustlsConnect::new(config))
}

/// TLS for RabbitMQ.
pub(crate) fn for_broker(files: &TlsFiles) -> Result<OwnedTLSConfig> {
    let read = |path: &Path| std::fs::read(path).map_err(|error| setup(path.display(), &error));
    let cert_chain = match &files.authorities {
        Some(path) => {
            Some(std::fs::read_to_string(path).map_err(|error| setup(path.display(), &error))?)
        }
        None => None,
    };
    let identity = match (&files.certificate, &files.key) {
        (Some(certificate), Some(key)) => Some(OwnedIdentity::PKCS8 {
            pem: read(certificate)?,
            key: read(key)?,
        }),
        _ => None,
    };
    Ok(OwnedTLSConfig {
        identity,
        cert_chain,
    })
}

fn roots(authorities: Option<&Path>) -> Result<RootCertStore> {
    let mut store = RootCertStore::empty();
    match authorities {
        Some(path) => {
            for certificate in certificates(path)? {
                store
                    .add(certificate)
                    .map_err(|error| setup(path.display(), &error))?;
            }
        }
        None => {
            // Some entries of a system store may be unusable; none at all shows at the handshake.
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    Ok(store)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let all = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<std::result::Result<Vec<_>, _>>)
        .map_err(|error| setup(path.display(), &error))?;
    if all.is_empty() {
        return Err(setup(path.display(), &"holds no certificate"));
    }
    Ok(all)
}

fn setup(what: impl std::fmt::Display, problem: &dyn std::fmt::Display) -> Error {
    Error::Setup {
        what: what.to_string(),
        problem: problem.to_string(),
    }
}
