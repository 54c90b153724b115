//! The response to a request.

use std::io;

use hyper::header::{self, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::http::response::Builder;
use hyper::{Method, Response, StatusCode};

use super::body::Content;
use super::conditions::{self, Outcome};
use super::folder::{Folder, Found, Object};
use super::key::{BadPath, Key};
use super::range::{Selection, selection};
use crate::capture::http_date;
use crate::publish::bucket::headers::{cache_control, content_type};

/// What pages of other sites may read of a response.
const EXPOSED: &str = "Accept-Ranges, Content-Length, Content-Range, Content-Type, ETag, Last-Modified";
/// What they may ask with; `*` is not known to every browser.
const ASKED_WITH: &str =
    "Range, If-Range, If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since, Cache-Control, Content-Type, *";
const METHODS: &str = "GET, HEAD, OPTIONS";
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Answers a request; opens and reads files, which may block.
pub(super) fn answer(folder: &Folder, request: &Parts) -> Response<Content> {
    let answer = match request.method {
        Method::OPTIONS => built(preflight()),
        Method::GET | Method::HEAD => read(folder, request),
        _ => text(StatusCode::METHOD_NOT_ALLOWED, "this bucket can be read only: GET, HEAD and OPTIONS are answered\n"),
    };
    answer.unwrap_or_else(|error| {
        tracing::error!("{} could not be served: {error}", request.uri.path());
        // A response of these parts can always be built.
        let mut response = Response::new(Content::text("the file could not be read\n"));
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}

fn read(folder: &Folder, request: &Parts) -> io::Result<Response<Content>> {
    let key = match Key::read(request.uri.path()) {
        Ok(key) => key,
        Err(BadPath::Malformed) => return text(StatusCode::BAD_REQUEST, "this is no path of an object\n"),
        Err(BadPath::TooLong) => return text(StatusCode::URI_TOO_LONG, "the path is longer than that of any object\n"),
        Err(BadPath::NoObject) => return not_found(),
    };
    match folder.find(&key)? {
        Found::Object(object) => send(object, request),
        Found::Folder => built(
            common(StatusCode::MOVED_PERMANENTLY)
                .header(header::LOCATION, key.folder_path())
                .header(header::CACHE_CONTROL, "no-cache"),
        ),
        Found::Nothing => not_found(),
    }
}

fn send(object: Object, request: &Parts) -> io::Result<Response<Content>> {
    let is_head = request.method == Method::HEAD;
    match conditions::outcome(&request.headers, &object) {
        Outcome::Failed => return text(StatusCode::PRECONDITION_FAILED, "the object is another one\n"),
        Outcome::NotModified => return built(described(StatusCode::NOT_MODIFIED, &object)),
        Outcome::Send => {}
    }
    let range = request.headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    // Of a HEAD a range says nothing (RFC 9110, 14.2).
    let range = range.filter(|_| !is_head && conditions::range_applies(&request.headers, &object));
    let size = object.bytes;
    let (status, first, length) = match range.map_or(Selection::Whole, |range| selection(range, size)) {
        Selection::Whole => (StatusCode::OK, 0, size),
        Selection::Part { first, last } => (StatusCode::PARTIAL_CONTENT, first, last - first + 1),
        Selection::Unsatisfiable => {
            let status = StatusCode::RANGE_NOT_SATISFIABLE;
            let response = common(status).header(header::CONTENT_RANGE, format!("bytes */{size}"));
            return built(response.header(header::CACHE_CONTROL, "no-store"));
        }
    };
    let mut response = described(status, &object)
        .header(header::CONTENT_TYPE, content_type(&object.key))
        .header(header::CONTENT_LENGTH, length);
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {first}-{}/{size}", first + length - 1);
        response = response.header(header::CONTENT_RANGE, range);
    }
    let content = if is_head { Content::default() } else { Content::of_file(object.file, first, length)? };
    response.body(content).map_err(io::Error::other)
}

/// What each response to a request for an object says of it.
fn described(status: StatusCode, object: &Object) -> Builder {
    common(status)
        .header(header::ETAG, &object.tag)
        .header(header::LAST_MODIFIED, http_date::format(object.modified))
        .header(header::CACHE_CONTROL, cache_control(&object.key))
}

/// What each response says: who may read it, and how.
fn common(status: StatusCode) -> Builder {
    Response::builder()
        .status(status)
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")
        .header(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED)
        .header(CROSS_ORIGIN_RESOURCE_POLICY, "cross-origin")
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
}

/// What a browser asks before it lets a page of another site ask.
fn preflight() -> Builder {
    common(StatusCode::NO_CONTENT)
        .header(header::ALLOW, METHODS)
        .header(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS)
        .header(header::ACCESS_CONTROL_ALLOW_HEADERS, ASKED_WITH)
        .header(header::ACCESS_CONTROL_MAX_AGE, "86400")
}

fn not_found() -> io::Result<Response<Content>> {
    text(StatusCode::NOT_FOUND, "there is no such object\n")
}

/// An answer that is no object. What is not there may be there a moment later, so no cache keeps it.
fn text(status: StatusCode, text: &str) -> io::Result<Response<Content>> {
    let mut response = common(status)
        .header(header::CONTENT_TYPE, "text/plain; charset=utf-8")
        .header(header::CACHE_CONTROL, "no-store");
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response = response.header(header::ALLOW, HeaderValue::from_static(METHODS));
    }
    response.body(Content::text(text)).map_err(io::Error::other)
}

fn built(builder: Builder) -> io::Result<Response<Content>> {
    builder.body(Content::default()).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    /// The status, a header and the announced length of the answer to a request.
    fn ask(folder: &Folder, method: &str, path: &str, headers: &[(&str, &str)]) -> Response<Content> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(folder, &request.body(()).unwrap().into_parts().0)
    }

    fn header<'a>(response: &'a Response<Content>, name: &str) -> &'a str {
        response.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[test]
    fn conditions_ranges_and_errors_have_their_status() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder(root.path().to_owned());
        std::fs::write(root.path().join("a.json"), "0123456789").unwrap();
        let name = "data/bus/t/part-0123456789ab.parquet";
        std::fs::create_dir_all(root.path().join("data/bus/t")).unwrap();
        std::fs::write(root.path().join(name), "rows").unwrap();
        let whole = ask(&folder, "GET", "/a.json", &[]);
        let (tag, modified) = (header(&whole, "etag").to_owned(), header(&whole, "last-modified").to_owned());
        let (tag, modified) = (tag.as_str(), modified.as_str());
        let weak = format!("\"x\", W/{tag}");
        let old = "Sun, 06 Nov 1994 08:49:37 GMT";
        for (headers, status) in [
            (vec![], 200),
            (vec![("if-none-match", tag)], 304),
            (vec![("if-none-match", weak.as_str())], 304),
            (vec![("if-none-match", "*")], 304),
            (vec![("if-none-match", "\"x\""), ("if-modified-since", modified)], 200),
            (vec![("if-modified-since", modified)], 304),
            (vec![("if-modified-since", old)], 200),
            (vec![("if-modified-since", "yesterday")], 200),
            (vec![("if-match", tag)], 200),
            (vec![("if-match", weak.as_str())], 412),
            (vec![("if-unmodified-since", old)], 412),
            (vec![("range", "bytes=1-2")], 206),
            (vec![("range", "bytes=10-")], 416),
            (vec![("range", "bytes=1-2"), ("if-range", tag)], 206),
            (vec![("range", "bytes=1-2"), ("if-range", "\"x\"")], 200),
            (vec![("range", "bytes=20-"), ("if-range", "\"x\"")], 200),
            // This one may have changed twice in that second.
            (vec![("range", "bytes=1-2"), ("if-range", modified)], 200),
            (vec![("range", "bytes=1-2"), ("if-none-match", tag)], 304),
        ] {
            let response = ask(&folder, "GET", "/a.json", &headers);
            assert_eq!(response.status().as_u16(), status, "{headers:?}");
            assert_eq!(header(&response, "access-control-allow-origin"), "*", "{headers:?}");
            assert_eq!(header(&response, "etag").is_empty(), status > 400, "{headers:?}");
        }
        let part = ask(&folder, "GET", "/a.json", &[("range", "bytes=-3")]);
        assert_eq!((header(&part, "content-range"), header(&part, "content-length")), ("bytes 7-9/10", "3"));
        let over = ask(&folder, "GET", "/a.json", &[("range", "bytes=10-")]);
        assert_eq!(header(&over, "content-range"), "bytes */10");
        let head = ask(&folder, "HEAD", "/a.json", &[("range", "bytes=0-0")]);
        assert_eq!((head.status().as_u16(), header(&head, "content-length")), (200, "10"));
        // The file is named by its digest: a date is as good as its tag.
        let path = format!("/{name}");
        let first = ask(&folder, "GET", &path, &[]);
        let dated = [("range", "bytes=1-"), ("if-range", header(&first, "last-modified"))];
        assert_eq!(ask(&folder, "GET", &path, &dated).status().as_u16(), 206);
        for (method, path, status) in [
            ("GET", "/none", 404),
            ("GET", "/%", 400),
            ("PUT", "/a.json", 405),
            ("DELETE", "/a.json", 405),
            ("OPTIONS", "/x", 204),
        ] {
            assert_eq!(ask(&folder, method, path, &[]).status().as_u16(), status, "{method} {path}");
        }
        assert_eq!(header(&ask(&folder, "GET", "/none", &[]), "cache-control"), "no-store");
    }

    #[test]
    fn a_folder_with_a_page_leads_to_it_and_nowhere_else() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder(root.path().to_owned());
        std::fs::create_dir(root.path().join("a b")).unwrap();
        std::fs::write(root.path().join("a b/index.html"), "<p>").unwrap();
        let response = ask(&folder, "GET", "/a%20b", &[]);
        assert_eq!((response.status().as_u16(), header(&response, "location")), (301, "/a%20b/"));
        let page = ask(&folder, "GET", "/a%20b/", &[]);
        assert_eq!(header(&page, "content-type"), "text/html; charset=utf-8");
        assert_eq!(ask(&folder, "GET", "//example.org", &[]).status().as_u16(), 404);
    }
}
