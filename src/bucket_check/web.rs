//! What a reader without any key gets under the address of the bucket.

use std::time::Duration;

use reqwest::header::{self, HeaderMap};
use reqwest::{Client, Method, StatusCode};

use super::finding::{Finding, Probe};
use crate::capture::source::first_cause;
use crate::get::{Origin, client};
use crate::publish::bucket::headers;

const ANSWER: Duration = Duration::from_secs(30);
/// A page of another site, as a browser names it.
const PAGE: &str = "https://shell.duckdb.org";

const ANONYMOUS: &str = "Let everybody read the objects of the bucket, and see that 'bucket: base_url' leads to it; \
                         docs/operations.md has the policy";
const CORS: &str =
    "Pages such as shell.duckdb.org cannot read the bucket. Set its CORS rules; docs/operations.md has them";
const RANGE: &str =
    "Readers would fetch whole files for a few rows. Use a store or a web server that sends byte ranges";
const CACHING: &str = "Let the web server or the store before the readers send the object's own Cache-Control";
const TYPES: &str = "Let the web server or the store before the readers send the object's own Content-Type";
const CONDITIONS: &str = "Use a store or a web server that sends strong ETags and answers If-None-Match with 304";

/// Looks at probes that are in the bucket.
pub(super) fn check(base_url: &str, probes: &[Probe], findings: &mut Vec<Finding>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let origin = Origin::open(base_url);
    let is_web = base_url.starts_with("http://") || base_url.starts_with("https://");
    let (Ok(runtime), Ok(origin), Ok(client), true) = (runtime, origin, client(), is_web) else {
        let sentence = format!("'bucket: base_url' ({base_url}) is no address that can be read");
        findings.push(Finding::fails("base-url", sentence, "Write one like https://data.example.org"));
        return;
    };
    for (place, probe) in probes.iter().enumerate() {
        let reader = Reader { client: &client, url: origin.shown(&probe.key), probe };
        match runtime.block_on(reader.check(place == 0, findings)) {
            Ok(true) => {}
            // What comes after says the same.
            Ok(false) => return,
            Err(error) => {
                let sentence = format!("{} cannot be read: {}", reader.url, cause(error));
                findings.push(Finding::fails("anonymous", sentence, ANONYMOUS));
                return;
            }
        }
    }
}

/// Somebody who reads a probe.
struct Reader<'a> {
    client: &'a Client,
    url: String,
    probe: &'a Probe,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Whether a list of header names has one, or `*`.
    fn lists(&self, list: header::HeaderName, name: &str) -> bool {
        let values = self.headers.get_all(list).into_iter().filter_map(|value| value.to_str().ok());
        let mut names = values.flat_map(|value| value.split(',')).map(str::trim);
        names.any(|listed| listed == "*" || listed.eq_ignore_ascii_case(name))
    }

    fn is_for_pages(&self) -> bool {
        let allowed = self.header(header::ACCESS_CONTROL_ALLOW_ORIGIN);
        allowed == "*" || allowed == PAGE
    }
}

impl Reader<'_> {
    async fn ask(&self, method: Method, with: &[(header::HeaderName, &str)]) -> reqwest::Result<Answer> {
        let mut request = self.client.request(method, &self.url).timeout(ANSWER).header(header::ORIGIN, PAGE);
        for (name, value) in with {
            request = request.header(name, *value);
        }
        let mut response = request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        // A page of an error may be long.
        while let Some(chunk) = response.chunk().await? {
            body.extend_from_slice(&chunk);
            if body.len() > 2 * self.probe.bytes.len() {
                break;
            }
        }
        Ok(Answer { status, headers, body })
    }

    /// Whether it can be read at all. Of the second probe only what may differ is looked at.
    async fn check(&self, is_first: bool, findings: &mut Vec<Finding>) -> reqwest::Result<bool> {
        let whole = self.ask(Method::GET, &[]).await?;
        if whole.status != StatusCode::OK || whole.body != self.probe.bytes {
            let problem = match whole.status {
                StatusCode::OK => "other bytes come than were written".to_owned(),
                status => format!("the answer is {status}"),
            };
            let sentence = format!("nobody can read {}: {problem}", self.url);
            findings.push(Finding::fails("anonymous", sentence, ANONYMOUS));
            return Ok(false);
        }
        if is_first {
            findings.push(Finding::works("anonymous", "everybody can read objects"));
            self.parts(&whole, findings).await?;
            self.pages(&whole, findings).await?;
        }
        for (id, name, remedy, expected) in [
            ("type", header::CONTENT_TYPE, TYPES, headers::content_type(&self.probe.key)),
            ("caching", header::CACHE_CONTROL, CACHING, headers::cache_control(&self.probe.key)),
        ] {
            let told = whole.header(name.clone());
            findings.push(match told.eq_ignore_ascii_case(expected) {
                true => Finding::works(id, format!("readers are told {name}: {expected}")),
                false => {
                    let told = if told.is_empty() { "nothing" } else { told };
                    Finding::lacks(id, format!("readers are told {name}: {told} instead of {expected}"), remedy)
                }
            });
        }
        Ok(true)
    }

    /// HEAD, ranges and conditions.
    async fn parts(&self, whole: &Answer, findings: &mut Vec<Finding>) -> reqwest::Result<()> {
        let head = self.ask(Method::HEAD, &[]).await?;
        let length = self.probe.bytes.len().to_string();
        findings.push(match head.status == StatusCode::OK && head.header(header::CONTENT_LENGTH) == length {
            true => Finding::works("head", "HEAD tells the size"),
            false => {
                let sentence = format!("HEAD does not tell the size of an object (the answer is {})", head.status);
                Finding::fails("head", sentence, RANGE)
            }
        });
        let part = self.ask(Method::GET, &[(header::RANGE, "bytes=100-109")]).await?;
        let range = format!("bytes 100-109/{length}");
        let is_part = part.status == StatusCode::PARTIAL_CONTENT && part.body == self.probe.bytes[100..110];
        findings.push(match is_part && part.header(header::CONTENT_RANGE) == range {
            true => Finding::works("range", "byte ranges are sent"),
            false => {
                let sentence = format!("byte ranges are not sent (the answer is {})", part.status);
                Finding::fails("range", sentence, RANGE)
            }
        });
        let tag = whole.header(header::ETAG);
        let is_strong = tag.starts_with('"') && tag.len() > 2;
        let same = self.ask(Method::GET, &[(header::IF_NONE_MATCH, tag)]).await?;
        findings.push(match is_strong && same.status == StatusCode::NOT_MODIFIED {
            true => Finding::works("conditions", "strong ETags are sent, and If-None-Match is answered with 304"),
            false => {
                let told = if tag.is_empty() { "no ETag" } else { tag };
                let sentence = format!("{told} is sent, and If-None-Match is answered with {}", same.status);
                Finding::lacks("conditions", sentence, CONDITIONS)
            }
        });
        Ok(())
    }

    /// What a browser lets a page of another site read.
    async fn pages(&self, whole: &Answer, findings: &mut Vec<Finding>) -> reqwest::Result<()> {
        let allow = header::ACCESS_CONTROL_EXPOSE_HEADERS;
        let lacking: Vec<&str> =
            ["Content-Range", "ETag"].into_iter().filter(|name| !whole.lists(allow.clone(), name)).collect();
        findings.push(match (whole.is_for_pages(), lacking.as_slice()) {
            (true, []) => Finding::works("cors", "pages of other sites may read objects, with Content-Range and ETag"),
            (true, lacking) => {
                let sentence =
                    format!("pages of other sites may read objects, but not their {}", lacking.join(" and "));
                Finding::lacks("cors", sentence, CORS)
            }
            (false, _) => {
                Finding::lacks("cors", "pages of other sites may read nothing (no Access-Control-Allow-Origin)", CORS)
            }
        });
        let asks = [(header::ACCESS_CONTROL_REQUEST_METHOD, "GET"), (header::ACCESS_CONTROL_REQUEST_HEADERS, "range")];
        let preflight = self.ask(Method::OPTIONS, &asks).await?;
        let may_ask = preflight.lists(header::ACCESS_CONTROL_ALLOW_HEADERS, "Range");
        findings.push(match preflight.status.is_success() && preflight.is_for_pages() && may_ask {
            true => Finding::works("preflight", "pages of other sites may ask for byte ranges"),
            false => {
                let sentence =
                    format!("pages of other sites may not ask for byte ranges (OPTIONS: {})", preflight.status);
                Finding::lacks("preflight", sentence, CORS)
            }
        });
        Ok(())
    }
}

/// The first cause of an error of the network, without the address.
fn cause(error: reqwest::Error) -> String {
    first_cause(&error.without_url()).to_string()
}
