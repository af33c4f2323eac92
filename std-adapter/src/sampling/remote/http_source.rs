//! Answers of a sampling server over HTTP.

use std::time::Duration;

use crate::sampling::remote::StrategySource;
use crate::sys::net::http;

/// Asks one server for the strategy of one service.
#[derive(Debug)]
pub(super) struct HttpSource {
    /// The forms of the question, first the one to begin with.
    urls: Vec<String>,
}

/// Largest answer in bytes that is read.
const MAX_ANSWER: u64 = 1 << 20;
const OK: u16 = 200;
const NOT_FOUND: u16 = 404;

impl HttpSource {
    /// Makes the questions to a server's URL, which has a scheme. Without a path they are those of
    /// the clients: `/sampling`, and Java's and old agents' `/`.
    pub(super) fn new(server: &str, service: &str) -> Self {
        let mut urls = vec![
            http::question(server, "/sampling"),
            http::question(server, "/"),
        ];
        // Equal where the server's URL has a path.
        urls.dedup();
        urls.iter_mut()
            .for_each(|url| http::add_parameter(url, "service", service));
        HttpSource { urls }
    }
}

impl StrategySource for HttpSource {
    fn fetch(&mut self, patience: Duration) -> Result<Vec<u8>, String> {
        let mut status = NOT_FOUND;
        for at in 0..self.urls.len() {
            let Some(url) = self.urls.get(at) else { break };
            let answer = http::get(url, patience, MAX_ANSWER)?;
            status = answer.status;
            if status == OK {
                self.urls.swap(0, at);
                return Ok(answer.body);
            }
            if status != NOT_FOUND {
                break;
            }
        }
        Err(format!("status {status}"))
    }

    fn url(&self) -> &str {
        self.urls.first().map_or("", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_server_without_a_path_is_asked_in_both_forms() {
        for (server, expected) in [
            (
                "http://h:5778",
                &[
                    "http://h:5778/sampling?service=s",
                    "http://h:5778/?service=s",
                ][..],
            ),
            ("http://h:5778/", &["http://h:5778/?service=s"][..]),
            (
                "http://h/api/sampling",
                &["http://h/api/sampling?service=s"][..],
            ),
            ("http://h/a?b=c", &["http://h/a?b=c&service=s"][..]),
        ] {
            assert_eq!(HttpSource::new(server, "s").urls, expected);
        }
        let odd = HttpSource::new("http://h/", "a b/é&c-._~");
        assert_eq!(odd.url(), "http://h/?service=a%20b%2F%C3%A9%26c-._~");
    }

    #[test]
    fn the_form_that_is_answered_is_kept() {
        const PATIENCE: Duration = Duration::from_secs(20);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = format!("http://{}", listener.local_addr().unwrap());
        let old_agent = std::thread::spawn(move || {
            let answers = [
                ("404 No", ""),
                ("200 OK", "{}"),
                ("200 OK", "[]"),
                ("500 No", ""),
            ];
            answers.map(|(status, body)| {
                let (mut stream, _) = listener.accept().unwrap();
                let mut question = [0; 1024];
                let length = stream.read(&mut question).unwrap();
                let length_of_body = body.len();
                write!(
                    stream,
                    "HTTP/1.1 {status}\r\nContent-Length: {length_of_body}\r\n\r\n{body}"
                )
                .unwrap();
                let text = String::from_utf8_lossy(&question[..length]);
                text.split(' ').nth(1).unwrap_or_default().to_owned()
            })
        });
        let mut source = HttpSource::new(&server, "s");
        assert_eq!(source.fetch(PATIENCE).unwrap(), b"{}");
        assert_eq!(source.fetch(PATIENCE).unwrap(), b"[]");
        assert_eq!(source.fetch(PATIENCE).unwrap_err(), "status 500");
        let asked = old_agent.join().unwrap();
        let (new, old) = ("/sampling?service=s", "/?service=s");
        assert_eq!(asked, [new, old, old, old]);
        assert!(source.fetch(PATIENCE).is_err(), "nobody listens");
    }
}
