//! The city's logo for the pages: a file of the workspace that goes into the bucket as it is. So it must be small, and must neither run
//! anything nor load anything when somebody opens it by itself.

use std::path::{Component, Path};

use bytes::Bytes;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};
use quick_xml::{NsReader, XmlVersion};

use crate::portal::settings::Logo;
use crate::yaml::shown;
use crate::yaml::{Node, Problems};

/// Bytes of the file.
const MOST: u64 = 100_000;
/// The namespace in which browsers draw.
const SVG: &[u8] = b"http://www.w3.org/2000/svg";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
/// Elements that draw, or that hold such; all others are refused.
const ELEMENTS: &[&str] = &[
    "svg",
    "g",
    "defs",
    "symbol",
    "use",
    "title",
    "desc",
    "metadata",
    "path",
    "rect",
    "circle",
    "ellipse",
    "line",
    "polyline",
    "polygon",
    "text",
    "tspan",
    "linearGradient",
    "radialGradient",
    "stop",
    "clipPath",
    "mask",
    "pattern",
    "style",
    "switch",
];

/// Reads the file that `logo` names, whose folder is that of the workspace.
pub(super) fn read(root: &Path, node: &Node, problems: &mut Problems) -> Option<Logo> {
    let remedy = "Write the path of an SVG or PNG file of at most 100 kB in the workspace: 'logo: portal/logo.svg'.";
    let Some(name) = node.scalar().filter(|name| !name.trim().is_empty()) else {
        problems.add(node.line, format!("'logo' is {}, expected the path of a file", node.kind()), remedy);
        return None;
    };
    match file(root, &name) {
        Ok(logo) => Some(logo),
        Err(message) => {
            problems.add(node.line, format!("the logo '{}' cannot be used: {message}", shown(&name)), remedy);
            None
        }
    }
}

fn file(root: &Path, name: &str) -> Result<Logo, String> {
    if name.contains("://") || name.starts_with("data:") {
        return Err("it must be a file of the workspace, since the pages load nothing from elsewhere".to_owned());
    }
    let path = Path::new(name);
    if path.components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Err("it is not in the workspace".to_owned());
    }
    let path = root.join(path);
    let metadata = path.metadata().map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("it is no file".to_owned());
    }
    if metadata.len() > MOST {
        return Err(format!("it has {} bytes, {MOST} are allowed", metadata.len()));
    }
    let bytes = crate::durable::read(&path).map_err(|error| error.to_string())?;
    if bytes.starts_with(PNG) {
        png(&bytes).map_err(|what| format!("it is a PNG that is damaged: {what}"))?;
        return Ok(Logo { bytes: Bytes::from(bytes), is_svg: false });
    }
    harmless(&bytes)?;
    Ok(Logo { bytes: Bytes::from(bytes), is_svg: true })
}

/// Whether all of a PNG is there: its header with a size, its picture, its end, and nothing behind it.
fn png(bytes: &[u8]) -> Result<(), &'static str> {
    /// Pixels of a side; what unpacks to more is no logo.
    const LONGEST: u32 = 4096;
    let mut rest = bytes.get(PNG.len()..).unwrap_or_default();
    let (mut is_first, mut has_picture) = (true, false);
    loop {
        let cut = "it is cut off";
        let (length, after) = rest.split_first_chunk::<4>().ok_or(cut)?;
        let (kind, after) = after.split_first_chunk::<4>().ok_or(cut)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| cut)?;
        let (data, after) = after.split_at_checked(length).ok_or(cut)?;
        // The sum of the chunk.
        rest = after.get(4..).ok_or(cut)?;
        match kind {
            b"IHDR" if is_first => {
                let (width, header) = data.split_first_chunk::<4>().ok_or(cut)?;
                let (height, header) = header.split_first_chunk::<4>().ok_or(cut)?;
                let sides = [width, height].map(|side| u32::from_be_bytes(*side));
                if sides.iter().any(|side| !(1..=LONGEST).contains(side)) {
                    return Err("its sides have no length from 1 to 4096");
                }
                // Depth and kind of colour, as the standard lets them go together; then methods, of which there is one.
                let is_known = match header {
                    [depth, 0, 0, 0, 0 | 1] => [1, 2, 4, 8, 16].contains(depth),
                    [depth, 3, 0, 0, 0 | 1] => [1, 2, 4, 8].contains(depth),
                    [depth, 2 | 4 | 6, 0, 0, 0 | 1] => [8, 16].contains(depth),
                    _ => false,
                };
                if !is_known {
                    return Err("its header is none");
                }
            }
            _ if is_first => return Err("it has no header"),
            b"IDAT" => has_picture = true,
            b"IEND" if !has_picture => return Err("it has no picture"),
            b"IEND" if !rest.is_empty() => return Err("something is behind its end"),
            b"IEND" => return Ok(()),
            _ => {}
        }
        is_first = false;
    }
}

/// Whether it is an SVG that draws and does nothing else.
fn harmless(bytes: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is neither a PNG nor an SVG in UTF-8".to_owned())?;
    let mut reader = NsReader::from_str(text);
    let (mut depth, mut is_svg, mut style) = (0_usize, false, None::<String>);
    loop {
        let event = reader.read_resolved_event().map_err(|error| format!("it is neither a PNG nor an SVG: {error}"))?;
        let is_drawn = matches!(event.0, ResolveResult::Bound(Namespace(SVG)));
        match event.1 {
            Event::Start(element) => {
                element_is_harmless(&element, depth == 0, is_drawn)?;
                if style.is_some() {
                    return Err("a style of it has elements inside".to_owned());
                }
                style = (element.local_name().as_ref() == b"style").then(String::new);
                (is_svg, depth) = (true, depth + 1);
            }
            Event::Empty(element) => {
                element_is_harmless(&element, depth == 0, is_drawn)?;
                is_svg = true;
            }
            Event::End(_) => {
                // All of it at once: a browser puts together what comments set apart.
                style_is_harmless(&style.take().unwrap_or_default())?;
                depth = depth.saturating_sub(1);
            }
            // It would name entities, or other files.
            Event::DocType(_) => return Err("it has a document type; take the line '<!DOCTYPE' out".to_owned()),
            Event::PI(_) => return Err("it has an instruction for programs, '<?...?>'".to_owned()),
            Event::GeneralRef(_) if style.is_some() => return Err("a style of it hides characters, '&...;'".to_owned()),
            Event::Text(text) => style.iter_mut().for_each(|style| style.push_str(&String::from_utf8_lossy(&text))),
            Event::CData(text) => style.iter_mut().for_each(|style| style.push_str(&String::from_utf8_lossy(&text))),
            Event::Eof => break,
            _ => {}
        }
    }
    if is_svg && depth == 0 { Ok(()) } else { Err("it is neither a PNG nor an SVG".to_owned()) }
}

fn element_is_harmless(element: &BytesStart, is_root: bool, is_drawn: bool) -> Result<(), String> {
    let name = String::from_utf8_lossy(element.local_name().as_ref()).into_owned();
    if is_root && name != "svg" {
        return Err("it is neither a PNG nor an SVG".to_owned());
    }
    if is_root && !is_drawn {
        return Err("no browser draws it: write '<svg xmlns=\"http://www.w3.org/2000/svg\" ...>'".to_owned());
    }
    // Editors leave what they want to know for themselves in namespaces of their own; no browser draws it.
    if !is_drawn || !ELEMENTS.contains(&name.as_str()) {
        return Err(format!("it has the element '{name}', which no logo needs; save it as plain SVG"));
    }
    for attribute in element.attributes() {
        let attribute = attribute.map_err(|error| format!("it is no SVG: {error}"))?;
        let name = String::from_utf8_lossy(attribute.key.as_ref()).to_ascii_lowercase();
        let value =
            attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| format!("it is no SVG: {error}"))?;
        let local = name.rsplit(':').next().unwrap_or_default();
        if name.starts_with("xmlns") {
            continue;
        }
        if local.starts_with("on") {
            return Err(format!("it runs something: '{name}'"));
        }
        if matches!(local, "href" | "src" | "base") && !value.trim_start().starts_with('#') {
            return Err(format!("it leads out of itself: '{name}'"));
        }
        style_is_harmless(&value)?;
    }
    Ok(())
}

/// CSS may lead to files by `url()`, `image()`, `image-set()` and `@import`, and hide that behind a backslash.
fn style_is_harmless(text: &str) -> Result<(), String> {
    let text: String = text.to_ascii_lowercase().split_whitespace().collect();
    let is_inside = text.split("url(").skip(1).all(|rest| rest.trim_start_matches(['"', '\'']).starts_with('#'));
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if !is_inside || has(&["@", "\\", "image(", "image-set(", "src(", "expression(", "javascript:"]) {
        return Err("a style of it leads out of itself".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(name: &str, bytes: &[u8]) -> Result<Logo, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("logo"), bytes).unwrap();
        file(folder.path(), name)
    }

    #[test]
    fn a_logo_that_draws_is_taken_as_it_is() {
        let svg = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- by hand -->\n<svg xmlns=\"http://www.w3.org/2000/svg\" \
                   xmlns:xlink=\"http://www.w3.org/1999/xlink\" viewBox=\"0 0 9 9\"><title>Stadt &amp; Bus</title><defs>\
                   <linearGradient id=\"a\"><stop offset=\"0\" stop-color=\"#fff\"/></linearGradient></defs><style>.b{fill:url(#a)}\
                   </style><path class=\"b\" style=\"fill: url('#a')\" d=\"M0 0h9v9z\"/><use xlink:href=\"#a\"/></svg>\n";
        assert_eq!(told("logo", svg.as_bytes()), Ok(Logo { bytes: Bytes::from_static(svg.as_bytes()), is_svg: true }));
        assert!(!told("./logo", &picture(9, 8)).unwrap().is_svg);
        let prefixed = b"<s:svg xmlns:s='http://www.w3.org/2000/svg'><s:path d='M0 0'/></s:svg>";
        assert!(told("logo", prefixed).unwrap().is_svg);
    }

    /// A PNG with this side and depth.
    fn picture(side: u32, depth: u8) -> Vec<u8> {
        let mut bytes = PNG.to_vec();
        let header = [&side.to_be_bytes()[..], &side.to_be_bytes(), &[depth, 6, 0, 0, 0]].concat();
        for (kind, data) in [(b"IHDR", header), (b"IDAT", vec![1, 2, 3]), (b"IEND", Vec::new())] {
            bytes.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
            bytes.extend_from_slice(kind);
            bytes.extend(data);
            bytes.extend([0; 4]);
        }
        bytes
    }

    #[test]
    fn a_picture_that_is_none_is_refused() {
        let whole = picture(9, 8);
        for (bytes, expected) in [
            (PNG.to_vec(), "cut off"),
            (whole[..40].to_vec(), "cut off"),
            (whole[..whole.len() - 1].to_vec(), "cut off"),
            ([whole.clone(), b"<script>".to_vec()].concat(), "behind its end"),
            (picture(0, 8), "no length"),
            (picture(100_000, 8), "no length"),
            (picture(9, 3), "its header is none"),
            ([PNG, &whole[33..]].concat(), "no header"),
            ([&whole[..33], &whole[48..]].concat(), "no picture"),
        ] {
            let error = told("logo", &bytes).unwrap_err();
            assert!(error.contains("a PNG that is damaged") && error.contains(expected), "{expected}: {error}");
        }
        for (svg, expected) in [
            ("<svg/>", "no browser draws it"),
            ("<svg xmlns='http://www.w3.org/1999/xhtml'/>", "no browser draws it"),
            ("<s:svg/>", "no browser draws it"),
            ("<g xmlns='http://www.w3.org/2000/svg'/>", "neither a PNG nor an SVG"),
        ] {
            let error = told("logo", svg.as_bytes()).unwrap_err();
            assert!(error.contains(expected), "{svg}: {error}");
        }
        let error = told("https://example.de/logo.svg", &whole).unwrap_err();
        assert!(error.contains("must be a file of the workspace"), "{error}");
    }

    #[test]
    fn what_runs_loads_or_is_no_logo_is_refused() {
        for (inside, expected) in [
            ("<script>alert(1)</script>", "'script'"),
            ("<path onload='alert(1)'/>", "runs something"),
            ("<g ONCLICK='alert(1)'/>", "runs something"),
            ("<image href='https://example.de/a.png'/>", "'image'"),
            ("<use href='https://example.de/a.svg#b'/>", "leads out"),
            ("<use xlink:href='data:image/svg+xml,x'/>", "leads out"),
            ("<a href='#'/>", "'a'"),
            ("<foreignObject/>", "'foreignObject'"),
            ("<set attributeName='href'/>", "'set'"),
            ("<h:script xmlns:h='http://www.w3.org/1999/xhtml'/>", "'script'"),
            ("<path style='fill:url(https://example.de)'/>", "a style"),
            ("<path fill=' URL( \"//example.de\" )'/>", "a style"),
            ("<style>@import 'https://example.de/a.css';</style>", "a style"),
            ("<style><![CDATA[a{b:u\\72l(//example.de)}]]></style>", "a style"),
            ("<style>a{b:&#117;rl(//example.de)}</style>", "hides"),
            ("<style>a{b:ur<!-- -->l(//example.de)}</style>", "a style"),
            ("<?xml-stylesheet href='https://example.de/a.css'?>", "instruction"),
        ] {
            let error = told(
                "logo",
                format!("<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='x'>{inside}</svg>").as_bytes(),
            )
            .unwrap_err();
            assert!(error.contains(expected), "{inside}: {error}");
        }
        for (bytes, expected) in [
            (&b"<!DOCTYPE svg [<!ENTITY a SYSTEM '/etc/passwd'>]><svg>&a;</svg>"[..], "document type"),
            (b"<html></html>", "neither"),
            (b"", "neither"),
            (b"<svg xmlns='http://www.w3.org/2000/svg'>", "neither"),
            (b"\xff\xd8\xff\xe0", "neither"),
            (&[b' '; 100_001], "100001 bytes, 100000 are allowed"),
        ] {
            let error = told("logo", bytes).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        assert!(told("../logo", b"").unwrap_err().contains("not in the workspace"));
        assert!(told("/etc/passwd", b"").unwrap_err().contains("not in the workspace"));
        assert!(told(".", b"").unwrap_err().contains("no file"));
    }
}
