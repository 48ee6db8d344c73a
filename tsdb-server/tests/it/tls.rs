//! The program with TLS: versions, certificates of servers and of clients, and new ones without a restart.

use std::process::Command;
use std::time::Duration;

use rustls::SupportedProtocolVersion;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::common::https::{Client, FILES, certificates};
use crate::common::process::{Process, Program, until};

/// A server with TLS; its files are in a directory of its own.
pub(crate) struct Secured {
    pub(crate) process: Process,
    dir: tempfile::TempDir,
}

static TLS12: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS12];
static TLS13: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS13];

pub(crate) fn start(more: &str, flags: &[&str]) -> Secured {
    let dir = tempfile::tempdir().unwrap();
    for name in ["ca.crt", "server.crt", "server.key"] {
        std::fs::copy(format!("{FILES}{name}"), dir.path().join(name)).unwrap();
    }
    let text =
        format!("tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n{more}");
    std::fs::write(dir.path().join("web.yml"), text).unwrap();
    let mut command = Command::new(Process::path());
    command
        .args(["--listen=127.0.0.1:0", "--data-dir"])
        .arg(dir.path().join("data"))
        .arg("--web.config.file")
        .arg(dir.path().join("web.yml"))
        .args(flags);
    let process = Process::of(Program::start(command));
    Secured { process, dir }
}

#[tokio::test]
async fn clients_of_both_versions_are_served_and_plain_text_is_not() {
    let server = start("", &[]);
    for versions in [&TLS12, &TLS13] {
        let client = Client {
            versions: Some(versions),
            ..Client::default()
        };
        assert!(
            client.is_served(&server.process.address).await,
            "{versions:?}"
        );
    }
    let plain = crate::common::http::request(&server.process.address, "GET /-/healthy", &[], &[]);
    assert!(plain.is_err(), "{plain:?}");
    let newest = start("  min_version: TLS13\n", &[]);
    let old = Client {
        versions: Some(&TLS12),
        ..Client::default()
    };
    assert!(!old.is_served(&newest.process.address).await);
    assert!(Client::default().is_served(&newest.process.address).await);
}

#[tokio::test]
async fn http2_is_agreed_on_unless_it_is_off() {
    let both = Client {
        protocols: &[b"h2", b"http/1.1"],
        ..Client::default()
    };
    for (config, agreed) in [
        ("", &b"h2"[..]),
        ("http_server_config:\n  http2: false\n", b"http/1.1"),
    ] {
        let server = start(config, &[]);
        let stream = both.connect(&server.process.address).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(agreed));
    }
}

#[tokio::test]
async fn clients_need_a_certificate_of_the_authority_with_an_allowed_name() {
    let with = |certificate| Client {
        certificate: Some(certificate),
        ..Client::default()
    };
    let (nobody, client, stranger) = (Client::default(), with("client"), with("stranger"));
    let verified = "  client_ca_file: ca.crt\n  client_auth_type: RequireAndVerifyClientCert\n";
    let server = start(verified, &[]);
    assert!(!nobody.is_served(&server.process.address).await);
    assert!(
        client.is_served(&server.process.address).await
            && stranger.is_served(&server.process.address).await
    );

    for name in ["client.example", "spiffe://example/client"] {
        let server = start(
            &format!("{verified}  client_allowed_sans: [{name}, other]\n"),
            &[],
        );
        assert!(client.is_served(&server.process.address).await, "{name}");
        assert!(
            !stranger.is_served(&server.process.address).await
                && !nobody.is_served(&server.process.address).await,
            "{name}"
        );
    }
    let optional = "  client_ca_file: ca.crt\n  client_auth_type: VerifyClientCertIfGiven\n";
    let server = start(optional, &[]);
    assert!(
        nobody.is_served(&server.process.address).await
            && client.is_served(&server.process.address).await
    );
}

#[test]
fn a_new_certificate_is_taken_without_a_restart_and_a_wrong_one_is_not() {
    let server = start("", &[]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let shown = || {
        let stream = runtime.block_on(Client::default().connect(&server.process.address));
        stream.unwrap().get_ref().1.peer_certificates().unwrap()[0].clone()
    };
    let (first, second) = (
        certificates("server.crt").remove(0),
        certificates("server2.crt").remove(0),
    );
    assert_eq!(shown(), first);
    let replace = |name: &str, with: &str| {
        std::fs::copy(format!("{FILES}{with}"), server.dir.path().join(name)).unwrap();
    };
    replace("server.key", "server2.key");
    until("it is refused", || {
        let said = server.process.program.said();
        said.contains("the web configuration is not reloaded")
            .then_some(())
    });
    assert_eq!(shown(), first, "a key without its certificate");
    replace("server.crt", "server2.crt");
    until("it is taken", || (shown() == second).then_some(()));
}

#[tokio::test]
async fn a_handshake_that_does_not_end_is_closed() {
    let server = start("", &["--web.header-timeout=300ms"]);
    let mut slow = TcpStream::connect(&server.process.address).await.unwrap();
    slow.write_all(&[0x16, 0x03, 0x01]).await.unwrap();
    let mut rest = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(10), slow.read_to_end(&mut rest));
    assert!(read.await.is_ok(), "it is open for ever");
    assert!(Client::default().is_served(&server.process.address).await);
}
