//! Pages of other origins (openscouter 2.9).

use harness::{Bench, openscouter::send};

#[tokio::test]
async fn cors() {
    let bench = Bench::start().await.unwrap();
    let allowed = "https://app.openscouter.com";
    for (method, path) in
        [("OPTIONS", "/api/jobs"), ("GET", "/api/auth/me"), ("GET", "/api/none"), ("PUT", "/api/tokens")]
    {
        let answer = send(&bench, method, path, &[("origin", allowed)], "").await;
        assert_eq!(answer.header("access-control-allow-origin"), allowed, "{method} {path}");
        assert_eq!((answer.header("vary"), answer.header("access-control-allow-credentials")), ("Origin", "true"));
        let exposed = "X-Request-Id, Retry-After, RateLimit, RateLimit-Policy";
        assert_eq!(answer.header("access-control-expose-headers"), exposed);
        let preflight = method == "OPTIONS";
        assert_eq!(answer.header("access-control-max-age"), if preflight { "86400" } else { "" });
        assert_eq!(answer.status == 200, preflight);
    }
    for foreign in ["null", "https://evil.example", "https://evilopenscouter.com"] {
        for method in ["OPTIONS", "GET"] {
            let answer = send(&bench, method, "/api/auth/me", &[("origin", foreign)], "").await;
            assert_eq!((answer.header("vary"), answer.header("access-control-allow-origin")), ("Origin", ""));
            assert_eq!(answer.header("access-control-allow-methods"), "");
            assert_eq!(answer.status, if method == "OPTIONS" { 200 } else { 401 });
        }
    }
    let none = send(&bench, "OPTIONS", "/api/auth/me", &[], "").await;
    assert_eq!((none.status, none.header("vary")), (200, ""));
    let local = [("origin", "http://localhost:5173")];
    assert_ne!(send(&bench, "OPTIONS", "/api/x", &local, "").await.header("access-control-allow-origin"), "");
    let production = Bench::with(&[("OUTSCOUT_STAGE", "production")]).await.unwrap();
    let answer = send(&production, "OPTIONS", "/api/x", &local, "").await;
    assert_eq!(answer.header("access-control-allow-origin"), "");
    assert_eq!(answer.header("strict-transport-security"), "max-age=31536000");
}
