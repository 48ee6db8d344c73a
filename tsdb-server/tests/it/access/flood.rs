//! Passwords are dear to verify: who sends many wrong ones is told to wait, and who is known notices nothing.

use axum::body::Body;
use axum::http::{Request, StatusCode};

use super::{basic, guarded};

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_wrong_passwords_costs_who_is_known_nothing() {
    // Some milliseconds each, so that they wait for one another.
    let hash = bcrypt::hash("right", 8).unwrap();
    let server = guarded(&format!("basic_auth_users:\n  known: {hash}\n"), &[]);
    let ask = |name: &str, password: &str| {
        let (_, value) = basic(name, password)
            .split_once(": ")
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .unwrap();
        let request = Request::get("/api/v1/query?query=1").header("authorization", value);
        let server = server.server.clone();
        tokio::spawn(async move { server.send(request.body(Body::empty()).unwrap()).await })
    };
    assert_eq!(ask("known", "right").await.unwrap().status, StatusCode::OK);
    let flood: Vec<_> = (0..200)
        .map(|i| ask(["known", "nobody"][i % 2], &format!("wrong-{i}")))
        .collect();
    let known: Vec<_> = (0..50).map(|_| ask("known", "right")).collect();
    for answer in known {
        assert_eq!(answer.await.unwrap().status, StatusCode::OK);
    }
    let (mut refused, mut told_to_wait) = (0, 0);
    for answer in flood {
        let answer = answer.await.unwrap();
        match answer.status {
            StatusCode::UNAUTHORIZED => refused += 1,
            StatusCode::SERVICE_UNAVAILABLE => {
                assert!(!answer.header("retry-after").is_empty());
                told_to_wait += 1;
            }
            status => panic!("{status}"),
        }
    }
    assert!(refused > 0 && told_to_wait > 0, "{refused} {told_to_wait}");
    // Whoever comes afterwards is verified.
    let late = ask("known", "still wrong").await.unwrap();
    assert_eq!(late.status, StatusCode::UNAUTHORIZED);
}
