//! What does not start.

use std::process::Command;

use crate::common::process::Process;

/// Exit code and words of a start with this web configuration.
fn start(text: &str) -> (Option<i32>, String) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("empty"), "").unwrap();
    std::fs::write(dir.path().join("blank"), " \n").unwrap();
    std::fs::write(dir.path().join("short"), "x").unwrap();
    std::fs::write(dir.path().join("two"), "one-token two-tokens").unwrap();
    std::fs::write(dir.path().join("good"), "long-enough").unwrap();
    for name in ["ca.crt", "server.crt", "server.key", "server2.key"] {
        let from = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls/");
        std::fs::copy(format!("{from}{name}"), dir.path().join(name)).unwrap();
    }
    std::fs::write(dir.path().join("web.yml"), text).unwrap();
    let output = Command::new(Process::path())
        .args([
            "--listen=192.0.2.1:1",
            "--data-dir=/proc/nowhere",
            "--web.config.file",
        ])
        .arg(dir.path().join("web.yml"))
        .output()
        .unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn an_empty_or_wrong_secret_ends_the_program_and_names_its_place() {
    let tls = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";
    let tls = |more: &str| format!("{tls}{more}");
    for (text, says) in [
        (
            "basic_auth_users:\n  a: ''\n".to_owned(),
            "web.yml:2:6: basic_auth_users: \"a\"",
        ),
        (
            "basic_auth_users:\n  a: password\n".to_owned(),
            "not a bcrypt hash",
        ),
        (
            "basic_auth_users:\n  '': $2b$04$x\n".to_owned(),
            "must not be empty",
        ),
        ("basic_auth_users:\n  a:\n".to_owned(), "web.yml:2"),
        (
            format!("basic_auth_users:\n  a: $2b$31${}\n", ".".repeat(53)),
            "cost 31",
        ),
        (
            "basic_auth_scopes:\n  a: [read]\n".to_owned(),
            "there is no user \"a\"",
        ),
        (
            "bearer_tokens:\n  - token_file: empty\n    scopes: [read]\n".to_owned(),
            "web.yml:2:5: bearer_tokens:",
        ),
        (
            "bearer_tokens:\n  - token_file: blank\n    scopes: [read]\n".to_owned(),
            "8 bytes at least",
        ),
        (
            "bearer_tokens:\n  - token_file: short\n    scopes: [read]\n".to_owned(),
            "8 bytes at least",
        ),
        (
            "bearer_tokens:\n  - token_file: two\n    scopes: [read]\n".to_owned(),
            "one word",
        ),
        (
            "bearer_tokens:\n  - token_file: nowhere\n    scopes: [read]\n".to_owned(),
            "No such file",
        ),
        (
            "bearer_tokens:\n  - token_file: good\n    scopes: []\n".to_owned(),
            "without scopes",
        ),
        (
            "bearer_tokens:\n  - token_file: good\n    scopes: [root]\n".to_owned(),
            "web.yml:3",
        ),
        (
            "bearer_tokens:\n  - token: x\n    scopes: [read]\n".to_owned(),
            "unknown key \"token\", perhaps \"token_file\"",
        ),
        (
            "\nbasic_auth_user:\n  a: b\n".to_owned(),
            "web.yml:2:1: unknown key \"basic_auth_user\"",
        ),
        (
            tls("  client_auth_type: RequireAnyClientCert\n"),
            "web.yml:1:1: tls_server_config: client_auth_type: \"RequireAnyClientCert\" is not supported",
        ),
        (
            tls("  client_auth_type: RequireAndVerifyClientCert\n"),
            "needs client_ca_file",
        ),
        (
            tls("  client_ca_file: ca.crt\n"),
            "without a client_auth_type",
        ),
        (
            tls("  client_allowed_sans: [a]\n"),
            "client_allowed_sans needs",
        ),
        (
            tls("  min_version: TLS10\n"),
            "the oldest version that is supported is TLS12",
        ),
        (
            tls("  min_version: TLS13\n  max_version: TLS12\n"),
            "max_version is lower",
        ),
        (tls("  min_version: SSL3\n"), "web.yml:4"),
        (
            tls("  cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]\n"),
            "\"TLS_RSA_WITH_RC4_128_SHA\" is not supported",
        ),
        (
            tls("  curve_preferences: [CurveP521]\n"),
            "\"CurveP521\" is not supported",
        ),
        (tls("  cert: x\n"), "both cert and cert_file"),
        (
            "tls_server_config:\n  cert_file: server.crt\n".to_owned(),
            "neither key nor key_file",
        ),
        (
            "tls_server_config:\n  cert_file: server.crt\n  key_file: server2.key\n".to_owned(),
            "cert_file and key_file",
        ),
        (
            "tls_server_config:\n  cert_file: empty\n  key_file: server.key\n".to_owned(),
            "no certificate",
        ),
        (
            "http_server_config:\n  headers:\n    Content-Length: 1\n".to_owned(),
            "web.yml:3:21: headers: \"Content-Length\" cannot be set",
        ),
    ] {
        let (code, said) = start(&text);
        assert_eq!(code, Some(2), "{text}: {said}");
        assert!(said.contains(says), "{text}: {said}");
    }
    let (code, said) = start(&tls(
        "  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]\n  curve_preferences: [X25519, CurveP256]\n",
    ));
    assert_eq!(code, Some(1), "only the address is wrong: {said}");
}
