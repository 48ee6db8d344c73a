//! No secret is shown, wherever one looks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::hash;
use crate::common::http;
use crate::common::process::Process;

/// Each stands where a secret stands.
const PASSWORD: &str = "canary-password";
const TOKEN: &str = "canary-token";
const WRONG: [&str; 4] = [
    "canary-wrong-1",
    "canary-wrong-2",
    "canary-wrong-3",
    "canary-wrong-4",
];

#[test]
fn no_answer_and_no_log_line_has_a_secret() {
    let dir = tempfile::tempdir().unwrap();
    let hash = hash(PASSWORD);
    let web = dir.path().join("web.yml");
    let config = format!(
        "basic_auth_users:\n  user: {hash}\nbearer_tokens:\n  - token_file: token\n    scopes: [read, write, admin]\n"
    );
    std::fs::write(&web, &config).unwrap();
    std::fs::write(dir.path().join("token"), TOKEN).unwrap();
    let flag = format!("--web.config.file={}", web.display());
    let flags = [
        flag.as_str(),
        "--log.level=debug",
        "--web.enable-admin-api",
        "--web.enable-lifecycle",
        "--query.log-slower-than=1ms",
        "--influx.create-databases",
    ];
    let process = Process::start_at("127.0.0.1:0", &dir.path().join("data"), &flags);
    let basic = |password: &str| format!("Basic {}", STANDARD.encode(format!("user:{password}")));
    let right = basic(PASSWORD);
    let wrong = basic(WRONG[0]);
    let bearer = format!("Bearer {TOKEN}");
    let mut seen = String::new();
    let mut ask = |line: &str, authorization: &str| {
        let headers = [("authorization", authorization)];
        let answer = http::request(&process.address, line, &headers, b"").unwrap();
        seen.push_str(&String::from_utf8_lossy(&answer.body));
        answer.status
    };
    // What is wrong is sent to every route by every method, what is right to those that do not end the program.
    for path in tsdb_server::paths() {
        let path = path.replace("{name}", "job").replace("{id}", "1");
        for method in ["GET", "POST", "PUT", "DELETE"] {
            let line = format!("{method} {path}");
            ask(&line, &wrong);
            ask(&line, &format!("Bearer {}", WRONG[1]));
            ask(
                &format!("{line}?u=user&p={}&api_key={}", WRONG[2], WRONG[3]),
                "",
            );
            if !path.ends_with("/-/quit") {
                ask(&line, &right);
                ask(&line, &bearer);
            }
        }
    }
    let targets = [
        "GET /",
        "GET /metrics",
        "GET /-/healthy",
        "GET /-/ready",
        "GET /api/v1/query?query=1",
        "GET /api/v1/query_range?query=1&start=0&end=1&step=1",
        "GET /api/v1/series?match[]=up",
        "GET /api/v1/labels",
        "GET /api/v1/label/job/values",
        "GET /api/v1/metadata",
        "GET /api/v1/rules",
        "GET /api/v1/alerts",
        "GET /api/v1/targets",
        "GET /api/v1/status/buildinfo",
        "GET /api/v1/status/runtimeinfo",
        "GET /api/v1/status/tsdb",
        "GET /api/v1/status/flags",
        "GET /api/v1/status/config",
        "GET /api/v1/status/queries",
        "GET /api/v1/status/walreplay",
        "GET /federate?match[]=up",
        "GET /api/v1/export?match[]=up",
        "GET /ping",
        "GET /health",
        "GET /query?q=SHOW%20USERS",
        "GET /datadog/api/v1/validate",
        "GET /nosuch",
        "POST /api/v1/admin/tsdb/flush",
        "POST /api/v1/write",
        "POST /write?db=a",
        "POST /-/reload",
    ];
    for target in targets {
        for authorization in [&right, &bearer] {
            let status = ask(target, authorization);
            assert!(status != 401 && status != 403, "{target}: {status}");
        }
        ask(target, &wrong);
        ask(target, &format!("Bearer {}", WRONG[1]));
        ask(target, &format!("Token user:{}", WRONG[1]));
    }
    ask(
        &format!("GET /query?q=SHOW%20DATABASES&u=user&p={}", WRONG[2]),
        "",
    );
    ask(
        &format!("GET /query?q=SHOW%20DATABASES&u=user&p={PASSWORD}"),
        "x",
    );
    ask(
        &format!("GET /datadog/api/v1/validate?api_key={}", WRONG[3]),
        "",
    );
    ask(
        &format!(
            "POST /query?q=CREATE%20USER%20u%20WITH%20PASSWORD%20'{}'",
            WRONG[2]
        ),
        &right,
    );
    // What is wrong with a secret is told without it.
    for (text, token) in [
        (
            config.replace(&hash, &format!("{PASSWORD}-no-hash")),
            TOKEN.to_owned(),
        ),
        (
            config.replace(&hash, &format!("[{PASSWORD}]")),
            TOKEN.to_owned(),
        ),
        (
            config.replace("user:", &format!("user: {{ {PASSWORD}: ")),
            TOKEN.to_owned(),
        ),
        (config.clone(), format!("{TOKEN} {TOKEN}")),
    ] {
        std::fs::write(&web, text).unwrap();
        std::fs::write(dir.path().join("token"), token).unwrap();
        assert_eq!(ask("POST /-/reload", &bearer), 500);
    }
    ask("GET /metrics", &bearer);
    let said = process.program.said();
    assert!(said.contains("the configuration is not reloaded"), "{said}");
    for (where_, text) in [("answers", &seen), ("log", &said)] {
        for secret in [
            PASSWORD,
            TOKEN,
            &hash,
            "canary",
            &STANDARD.encode(format!("user:{PASSWORD}")),
        ] {
            assert!(!text.contains(secret), "{secret} in {where_}: {text}");
        }
    }
}
