//! Requests over TLS, with the certificates of the tests (`tls/make.sh`).

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Where the certificates are.
pub(crate) const FILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls/");

/// What a client has.
#[derive(Clone, Copy, Default)]
pub(crate) struct Client {
    pub(crate) certificate: Option<&'static str>,
    pub(crate) protocols: &'static [&'static [u8]],
    pub(crate) versions: Option<&'static [&'static SupportedProtocolVersion]>,
}

/// The certificates of a file.
pub(crate) fn certificates(name: &str) -> Vec<CertificateDer<'static>> {
    let pem = CertificateDer::pem_file_iter(Path::new(FILES).join(name)).unwrap();
    pem.map(|certificate| certificate.unwrap()).collect()
}

impl Client {
    fn config(self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(certificates("ca.crt").remove(0)).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(self.versions.unwrap_or(rustls::DEFAULT_VERSIONS))
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match self.certificate {
            None => builder.with_no_client_auth(),
            Some(name) => {
                let key = PrivateKeyDer::from_pem_file(format!("{FILES}{name}.key")).unwrap();
                let chain = certificates(&format!("{name}.crt"));
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        };
        config.alpn_protocols = self.protocols.iter().map(|p| p.to_vec()).collect();
        Arc::new(config)
    }

    pub(crate) async fn connect(self, address: &str) -> io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(self.config())
            .connect(name, stream)
            .await
    }

    /// The same for who writes and reads by turns on a thread.
    pub(crate) fn connect_blocking(
        self,
        address: &str,
    ) -> io::Result<StreamOwned<ClientConnection, std::net::TcpStream>> {
        let stream = std::net::TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        stream.set_write_timeout(Some(Duration::from_secs(20)))?;
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(self.config(), name).unwrap();
        Ok(StreamOwned::new(connection, stream))
    }

    /// The whole answer to a request, or why there is none; `headers` are lines.
    pub(crate) async fn send(
        self,
        address: &str,
        line: &str,
        headers: &str,
        body: &str,
    ) -> io::Result<String> {
        let mut stream = self.connect(address).await?;
        let request = format!(
            "{line} HTTP/1.0\r\nhost: a\r\n{headers}content-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        match answer.is_empty() {
            true => Err(io::ErrorKind::UnexpectedEof.into()),
            false => Ok(answer),
        }
    }

    pub(crate) async fn is_served(self, address: &str) -> bool {
        let answer = self.send(address, "GET /-/healthy", "", "").await;
        answer.is_ok_and(|answer| answer.starts_with("HTTP/1.0 200"))
    }
}
