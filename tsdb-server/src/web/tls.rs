//! TLS of connections, by Prometheus's keys.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, IpAddr, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, SupportedProtocolVersion, version};
use webpki::EndEntityCert;

use super::file::{TlsServer, TlsVersion};

/// What connections speak.
#[derive(Debug)]
pub(crate) struct Tls {
    pub(crate) config: Arc<ServerConfig>,
    /// Names of which a client certificate has one; any if there are none.
    allowed_names: Vec<String>,
}

/// Contents of the files that the keys name.
#[derive(Debug)]
pub(super) struct Pem {
    pub(super) certificate: Vec<u8>,
    pub(super) key: Vec<u8>,
    pub(super) client_ca: Option<Vec<u8>>,
}

impl Tls {
    /// # Errors
    /// What does not fit together or is not supported.
    pub(super) fn new(file: &TlsServer, pem: &Pem, http2: bool) -> Result<Self, String> {
        let provider = Arc::new(provider(file)?);
        let clients = clients(file, pem, &provider)?;
        let certificates = certificates(&pem.certificate, "cert_file")?;
        let key = PrivateKeyDer::from_pem_slice(&pem.key).map_err(|e| format!("key_file: {e}"))?;
        let builder = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions(file)?)
            .map_err(|e| e.to_string())?;
        let builder = match clients {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder
            .with_single_cert(certificates, key)
            .map_err(|e| format!("cert_file and key_file: {e}"))?;
        config.ignore_client_order = file.prefer_server_cipher_suites.unwrap_or(true);
        let protocols: &[&[u8]] = match http2 {
            true => &[b"h2", b"http/1.1"],
            false => &[b"http/1.1"],
        };
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        Ok(Self {
            config: Arc::new(config),
            allowed_names: file.client_allowed_sans.clone(),
        })
    }

    /// Whether the client's certificate has a name that is allowed.
    pub(crate) fn admits(&self, connection: &ServerConnection) -> bool {
        if self.allowed_names.is_empty() {
            return true;
        }
        let certificates = connection.peer_certificates().unwrap_or_default();
        let first = certificates.first().map(EndEntityCert::try_from);
        let Some(Ok(certificate)) = first else {
            return false;
        };
        let has = |name: &String| match IpAddr::try_from(name.as_str()) {
            Ok(address) => certificate
                .verify_is_valid_for_subject_name(&ServerName::IpAddress(address))
                .is_ok(),
            Err(_) => {
                let mut names = certificate.valid_dns_names();
                names.any(|n| n == name) || certificate.valid_uri_names().any(|n| n == name)
            }
        };
        self.allowed_names.iter().any(has)
    }
}

fn certificates(pem: &[u8], key: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(format!("{key}: there is no certificate in it")),
        Err(e) => Err(format!("{key}: {e}")),
    }
}

/// How certificates of clients are verified, by Go's names.
fn clients(
    file: &TlsServer,
    pem: &Pem,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, String> {
    let is_optional = match file.client_auth_type.as_str() {
        "" | "NoClientCert" if pem.client_ca.is_some() => {
            return Err("client CA's have been configured without a client_auth_type".to_owned());
        }
        "" | "NoClientCert" if !file.client_allowed_sans.is_empty() => {
            return Err("client_allowed_sans needs RequireAndVerifyClientCert".to_owned());
        }
        "" | "NoClientCert" => return Ok(None),
        "VerifyClientCertIfGiven" => true,
        "RequireAndVerifyClientCert" => false,
        other => {
            return Err(format!(
                "client_auth_type: {other:?} is not supported; NoClientCert, VerifyClientCertIfGiven and RequireAndVerifyClientCert are"
            ));
        }
    };
    let Some(ca) = &pem.client_ca else {
        return Err(format!(
            "client_auth_type {} needs client_ca_file",
            file.client_auth_type
        ));
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(ca, "client_ca_file")? {
        roots
            .add(certificate)
            .map_err(|e| format!("client_ca_file: {e}"))?;
    }
    let builder =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    let builder = match is_optional {
        true => builder.allow_unauthenticated(),
        false => builder,
    };
    builder
        .build()
        .map(Some)
        .map_err(|e| format!("client_ca_file: {e}"))
}

fn versions(file: &TlsServer) -> Result<Vec<&'static SupportedProtocolVersion>, String> {
    let (min, max) = (file.min_version, file.max_version);
    for (key, version) in [("min_version", min), ("max_version", max)] {
        if version.is_some_and(|version| version < TlsVersion::Tls12) {
            return Err(format!(
                "{key}: the oldest version that is supported is TLS12"
            ));
        }
    }
    let known = [
        (TlsVersion::Tls13, &version::TLS13),
        (TlsVersion::Tls12, &version::TLS12),
    ];
    let within = known.iter().filter(|(version, _)| {
        min.is_none_or(|min| *version >= min) && max.is_none_or(|max| *version <= max)
    });
    let versions: Vec<_> = within.map(|(_, version)| *version).collect();
    if versions.is_empty() {
        return Err("max_version is lower than min_version".to_owned());
    }
    Ok(versions)
}

/// The cipher suites and curves that are named; all if none are. Go's names are those of the RFCs; suites of TLS 1.3 cannot
/// be chosen, as in Go.
fn provider(file: &TlsServer) -> Result<CryptoProvider, String> {
    let mut provider = ring::default_provider();
    if !file.cipher_suites.is_empty() {
        let all = std::mem::take(&mut provider.cipher_suites);
        for suite in &all {
            if suite.tls13().is_some() {
                provider.cipher_suites.push(*suite);
            }
        }
        for name in &file.cipher_suites {
            let is_named = |suite: &&rustls::SupportedCipherSuite| {
                let known = format!("{:?}", suite.suite());
                known.strip_prefix("TLS13_").map_or(known == *name, |rest| {
                    name.strip_prefix("TLS_") == Some(rest)
                })
            };
            let suite = all.iter().find(is_named);
            let suite = suite.ok_or_else(|| format!("cipher_suites: {name:?} is not supported"))?;
            if suite.tls13().is_none() {
                provider.cipher_suites.push(*suite);
            }
        }
    }
    if !file.curve_preferences.is_empty() {
        let all = std::mem::take(&mut provider.kx_groups);
        for name in &file.curve_preferences {
            let known = match name.as_str() {
                "CurveP256" => "secp256r1",
                "CurveP384" => "secp384r1",
                "X25519" => "X25519",
                _ => "",
            };
            let group = all
                .iter()
                .find(|group| format!("{:?}", group.name()) == known);
            let group =
                group.ok_or_else(|| format!("curve_preferences: {name:?} is not supported"))?;
            provider.kx_groups.push(*group);
        }
    }
    Ok(provider)
}
