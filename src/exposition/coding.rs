//! Compression, and who gets it.

use super::quality::alternatives;

/// How a page is coded on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Coding {
    /// As it is.
    #[default]
    Identity,
    /// RFC 1952.
    Gzip,
}

impl Coding {
    /// Every coding.
    pub const ALL: [Coding; 2] = [Coding::Identity, Coding::Gzip];

    /// The value of `Content-Encoding`; `None` where the header is left out.
    pub fn content_encoding(self) -> Option<&'static str> {
        match self {
            Coding::Identity => None,
            Coding::Gzip => Some("gzip"),
        }
    }

    /// Gzip wherever a client with this `Accept-Encoding` takes it and does not want plain text more.
    pub fn negotiate(accept_encoding: Option<&str>) -> Coding {
        let header = accept_encoding.unwrap_or_default();
        let wanted = |names: &[&str]| {
            alternatives(header)
                .find(|alternative| names.iter().any(|name| alternative.name.eq_ignore_ascii_case(name)))
                .map(|alternative| alternative.quality)
        };
        let gzip = wanted(&["gzip", "x-gzip"]).or_else(|| wanted(&["*"])).unwrap_or(0);
        if gzip > 0 && gzip >= wanted(&["identity"]).unwrap_or(0) { Coding::Gzip } else { Coding::Identity }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_for_those_who_take_it() {
        for (header, coding) in [
            (None, Coding::Identity),
            (Some(""), Coding::Identity),
            (Some("identity"), Coding::Identity),
            (Some("gzip"), Coding::Gzip),
            (Some("GZIP, deflate, br, zstd"), Coding::Gzip),
            (Some("x-gzip"), Coding::Gzip),
            (Some("gzip;q=0"), Coding::Identity),
            (Some("gzip;q=0, *"), Coding::Identity),
            (Some("gzip;q=0.3, identity;q=0.7"), Coding::Identity),
            (Some("identity;q=0.3, gzip;q=0.7"), Coding::Gzip),
            (Some("*"), Coding::Gzip),
            (Some("*;q=0"), Coding::Identity),
            (Some("br"), Coding::Identity),
        ] {
            assert_eq!(Coding::negotiate(header), coding, "{header:?}");
        }
    }
}
