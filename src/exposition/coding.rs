//! Content codings and their negotiation.

use super::quality::alternatives;

/// The coding of a page, as in `Content-Encoding`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ContentCoding {
    /// No compression.
    #[default]
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 8878: half the size of gzip in the same time.
    Zstd,
}

impl ContentCoding {
    /// Every coding.
    pub const ALL: [ContentCoding; 3] = [ContentCoding::Identity, ContentCoding::Gzip, ContentCoding::Zstd];

    /// The value of `Content-Encoding`; `None` where the header is left out.
    pub fn content_encoding(self) -> Option<&'static str> {
        match self {
            ContentCoding::Identity => None,
            ContentCoding::Gzip => Some("gzip"),
            ContentCoding::Zstd => Some("zstd"),
        }
    }

    /// The coding that a client with this `Accept-Encoding` prefers; of those it prefers equally,
    /// the smallest. [`ContentCoding::Identity`] where it accepts no other, even if it refuses
    /// that: a page is better than an error.
    pub fn negotiate(accept_encoding: Option<&str>) -> ContentCoding {
        let header = accept_encoding.unwrap_or_default();
        let wanted = |names: &[&str]| {
            alternatives(header)
                .find(|alternative| names.iter().any(|name| alternative.name.eq_ignore_ascii_case(name)))
                .map(|alternative| alternative.quality)
        };
        let others = wanted(&["*"]);
        // A wildcard does not mean that the client knows Zstandard.
        let zstd = wanted(&["zstd"]).unwrap_or(0);
        let gzip = wanted(&["gzip", "x-gzip"]).or(others).unwrap_or(0);
        let identity = wanted(&["identity"]).unwrap_or(0);
        match zstd.max(gzip) {
            0 => ContentCoding::Identity,
            best if best < identity => ContentCoding::Identity,
            best if best == zstd => ContentCoding::Zstd,
            _ => ContentCoding::Gzip,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_the_coding_it_prefers() {
        for (header, coding) in [
            (None, ContentCoding::Identity),
            (Some(""), ContentCoding::Identity),
            (Some("identity"), ContentCoding::Identity),
            (Some("gzip"), ContentCoding::Gzip),
            (Some("GZIP, deflate, br"), ContentCoding::Gzip),
            (Some("gzip, deflate, br, zstd"), ContentCoding::Zstd),
            (Some("zstd;q=0.5, gzip"), ContentCoding::Gzip),
            (Some("gzip;q=0.5, ZSTD;q=0.5, identity;q=0.4"), ContentCoding::Zstd),
            (Some("zstd;q=0, *"), ContentCoding::Gzip),
            (Some("zstd;q=0.3, identity;q=0.7"), ContentCoding::Identity),
            (Some("x-gzip"), ContentCoding::Gzip),
            (Some("gzip;q=0"), ContentCoding::Identity),
            (Some("gzip;q=0, *"), ContentCoding::Identity),
            (Some("gzip;q=0.3, identity;q=0.7"), ContentCoding::Identity),
            (Some("identity;q=0.3, gzip;q=0.7"), ContentCoding::Gzip),
            (Some("*"), ContentCoding::Gzip),
            (Some("*;q=0"), ContentCoding::Identity),
            (Some("br"), ContentCoding::Identity),
        ] {
            assert_eq!(ContentCoding::negotiate(header), coding, "{header:?}");
        }
    }
}
