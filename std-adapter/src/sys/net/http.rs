//! A small HTTP client, for questions that are asked now and then.

use std::time::Duration;

use picojaeger_core::adapter::percent_encode;
use ureq::Agent;
use ureq::http::Uri;

/// The status and the body of an answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// Asks for a URL, which takes at most `patience` in all; reads a body of at most `limit` bytes.
/// A redirect is an answer like any other.
///
/// Each call has a connection of its own, so that it may run before and after a fork.
pub(crate) fn get(url: &str, patience: Duration, limit: u64) -> Result<Answer, String> {
    let agent = agent(url, patience);
    let mut answer = agent.get(url).call().map_err(|error| error.to_string())?;
    let body = answer.body_mut().with_config().limit(limit).read_to_vec();
    Ok(Answer {
        status: answer.status().as_u16(),
        body: body.map_err(|error| format!("the answer cannot be read: {error}"))?,
    })
}

/// Returns the beginning of a question, to which `name=value` is appended: a server's URL with this
/// path, unless it has one.
pub(crate) fn question(server: &str, path: &str) -> String {
    let (before, query) = server.split_at(server.find('?').unwrap_or(server.len()));
    let path = match before.split('/').nth(3) {
        Some(_) => "",
        None => path,
    };
    let separator = if query.is_empty() { '?' } else { '&' };
    format!("{before}{path}{query}{separator}")
}

/// Appends `name=value` to a question, with the value encoded.
pub(crate) fn add_parameter(question: &mut String, name: &str, value: &str) {
    if !question.ends_with(['?', '&']) {
        question.push('&');
    }
    question.push_str(name);
    question.push('=');
    question.extend(percent_encode(value).map(char::from));
}

fn agent(url: &str, patience: Duration) -> Agent {
    let config = Agent::config_builder()
        .timeout_global(Some(patience))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("picojaeger/", env!("CARGO_PKG_VERSION")));
    // The variables of proxies do not apply to this machine.
    match is_loopback(url) {
        true => config.proxy(None).build().into(),
        false => config.build().into(),
    }
}

fn is_loopback(url: &str) -> bool {
    let Ok(url) = url.parse::<Uri>() else {
        return false;
    };
    let host = url.host().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// Answers one question with these bytes; returns the outcome and the question's first line.
    fn asked(answer: &str, limit: u64) -> (Result<Answer, String>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!(
            "http://{}/sampling?service=shop",
            listener.local_addr().unwrap()
        );
        std::thread::scope(|scope| {
            let server = scope.spawn(|| {
                let (mut stream, _) = listener.accept().unwrap();
                let mut question = [0; 1024];
                let length = stream.read(&mut question).unwrap();
                stream.write_all(answer.as_bytes()).unwrap();
                let text = String::from_utf8_lossy(&question[..length]);
                text.lines().next().unwrap_or_default().to_owned()
            });
            (get(&url, PATIENCE, limit), server.join().unwrap())
        })
    }

    #[test]
    fn an_answer_has_status_and_body() {
        let (answer, question) = asked("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 2);
        let answer = answer.unwrap();
        assert_eq!((answer.status, &*answer.body), (200, &b"{}"[..]));
        assert_eq!(question, "GET /sampling?service=shop HTTP/1.1");
        let elsewhere = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\
                         Content-Length: 0\r\n\r\n";
        assert_eq!(asked(elsewhere, 9).0.unwrap().status, 302);
        let error = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(asked(error, 9).0.unwrap().status, 500);
    }

    #[test]
    fn a_body_that_is_too_long_or_ends_early_is_an_error() {
        let long = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{ }";
        assert!(asked(long, 2).0.is_err());
        let endless = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{ }\r\n";
        assert!(asked(endless, 99).0.is_err());
        assert!(asked("no HTTP at all\r\n\r\n", 99).0.is_err());
    }

    #[test]
    fn a_question_has_the_path_of_the_server_or_the_usual_one() {
        for (server, expected) in [
            ("http://h:1", "http://h:1/credits?"),
            ("http://h:1/", "http://h:1/?"),
            ("http://h/a?b=c/d", "http://h/a?b=c/d&"),
            ("http://h?b=c/d", "http://h/credits?b=c/d&"),
        ] {
            assert_eq!(question(server, "/credits"), expected);
        }
    }

    #[test]
    fn proxies_do_not_serve_this_machine() {
        for (url, expected) in [
            ("http://localhost:5778/sampling", true),
            ("http://127.0.0.2:5778/sampling", true),
            ("http://[::1]:5778/sampling", true),
            ("http://jaeger:5778/localhost", false),
            ("http://10.0.0.1/", false),
        ] {
            assert_eq!(is_loopback(url), expected, "{url}");
        }
    }
}
