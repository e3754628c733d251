//! Lists of alternatives with preferences, as `Accept` and `Accept-Encoding` hold them (RFC 9110, 12.4.2).

/// One alternative.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Alternative<'a> {
    /// What is accepted, for instance `text/plain` or `gzip`.
    pub(super) name: &'a str,
    /// The value of its `version` parameter, if it has one.
    pub(super) version: Option<&'a str>,
    /// Its quality value in thousandths; 0 is a refusal.
    pub(super) quality: u16,
}

/// The alternatives of a header, in its order. Malformed ones are skipped.
pub(super) fn alternatives(header: &str) -> impl Iterator<Item = Alternative<'_>> {
    header.split(',').filter_map(|element| {
        let mut parts = element.split(';').map(str::trim);
        let name = parts.next().filter(|name| !name.is_empty())?;
        let mut alternative = Alternative { name, version: None, quality: 1000 };
        for (key, value) in parts.filter_map(|parameter| parameter.split_once('=')) {
            let value = value.trim().trim_matches('"');
            match key.trim() {
                key if key.eq_ignore_ascii_case("q") => alternative.quality = quality(value)?,
                key if key.eq_ignore_ascii_case("version") => alternative.version = Some(value),
                _ => {}
            }
        }
        Some(alternative)
    })
}

fn quality(text: &str) -> Option<u16> {
    let quality: f32 = text.parse().ok()?;
    (0.0..=1.0).contains(&quality).then_some((quality * 1000.0).round() as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_alternatives_are_skipped() {
        let read: Vec<_> =
            alternatives("text/plain;Version=\"0.0.4\" ; q=0.5,, gzip ; Q=2, br;q=nan, */*;x=y").collect();
        let text = Alternative { name: "text/plain", version: Some("0.0.4"), quality: 500 };
        assert_eq!(read, [text, Alternative { name: "*/*", version: None, quality: 1000 }]);
    }
}
