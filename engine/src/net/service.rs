//! One request to a service that the configuration names (outsend 18.3): within its time and its size.

use reqwest::{
    StatusCode,
    header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE},
};
use tokio::time::timeout;

use super::{
    outside::Outside,
    page::{Cause, plain, unpacked},
};
use crate::{
    services::Call,
    web::{Answer, Missed},
};

/// Asks once.
pub(super) async fn call(outside: &Outside, call: Call<'_>) -> Result<Answer, Missed> {
    timeout(call.within, request(outside, call)).await.unwrap_or(Err(Missed::Timeout))
}

async fn request(outside: &Outside, call: Call<'_>) -> Result<Answer, Missed> {
    let request = match call.form {
        None => outside.services.get(call.url.clone()),
        Some(form) => outside
            .services
            .post(call.url.clone())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form.to_owned()),
    };
    let request =
        request.header(ACCEPT, "application/json, application/rdap+json").header(ACCEPT_ENCODING, "gzip, br, zstd");
    let response = request.send().await.map_err(|error| Cause::of(&error).missed())?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = match status {
        StatusCode::OK => unpacked(response, &headers, call.most).await?,
        _ => Vec::new(),
    };
    Ok(Answer { status: status.as_u16(), headers: plain(&headers), body })
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, time::Duration};

    use url::Url;

    use super::*;
    use crate::net::testing::{name_server, outside, web_server};

    #[tokio::test]
    async fn a_service_may_be_an_inner_one_and_is_told_who_asks() {
        let answer = |head: &str, body: &str| {
            format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len()).into_bytes()
        };
        let server = web_server(vec![
            ("/search?q=a", answer("200 OK", "{\"results\":[]}")),
            ("/busy", answer("429 Too Many Requests\r\nRetry-After: 3", "slow down")),
            ("/form", answer("200 OK", "{}")),
        ])
        .await;
        let outside = outside(name_server(&[]).await.address, &[]);
        let within = Duration::from_secs(5);
        let url = |path: &str| Url::parse(&format!("http://{}{path}", server.address)).unwrap();
        let found = call(&outside, Call::get(&url("/search?q=a"), within)).await.unwrap();
        assert_eq!((found.status, found.body.as_slice()), (200, &b"{\"results\":[]}"[..]));
        let busy = call(&outside, Call::get(&url("/busy"), within)).await.unwrap();
        assert_eq!((busy.status, busy.header("retry-after"), busy.body.len()), (429, Some("3"), 0));
        let posted = url("/form");
        let form = Call { form: Some("data=x"), ..Call::get(&posted, within) };
        assert_eq!(call(&outside, form).await.unwrap().status, 200);
        let asked = server.requests();
        assert!(asked.iter().all(|request| request.contains("user-agent: outscout/1.0 (+https://outscout.test/bot)")));
        assert!(asked[2].starts_with("post /form") && asked[2].contains("application/x-www-form-urlencoded"));
        let closed = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let nobody = Url::parse(&format!("http://{closed}/")).unwrap();
        assert_eq!(call(&outside, Call::get(&nobody, within)).await, Err(Missed::Unreachable));
    }
}
