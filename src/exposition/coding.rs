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
    /// RFC 8878: half of gzip's bytes for the same time.
    Zstd,
}

impl Coding {
    /// Every coding.
    pub const ALL: [Coding; 3] = [Coding::Identity, Coding::Gzip, Coding::Zstd];

    /// The value of `Content-Encoding`; `None` where the header is left out.
    pub fn content_encoding(self) -> Option<&'static str> {
        match self {
            Coding::Identity => None,
            Coding::Gzip => Some("gzip"),
            Coding::Zstd => Some("zstd"),
        }
    }

    /// What a client with this `Accept-Encoding` wants most; of what it wants equally, the smallest. [`Coding::Identity`]
    /// where it names nothing known: even who refuses that is served better by a page than by an error.
    pub fn negotiate(accept_encoding: Option<&str>) -> Coding {
        let header = accept_encoding.unwrap_or_default();
        let wanted = |names: &[&str]| {
            alternatives(header)
                .find(|alternative| names.iter().any(|name| alternative.name.eq_ignore_ascii_case(name)))
                .map(|alternative| alternative.quality)
        };
        let others = wanted(&["*"]);
        // Zstandard is young: a wildcard is no sign of it.
        let zstd = wanted(&["zstd"]).unwrap_or(0);
        let gzip = wanted(&["gzip", "x-gzip"]).or(others).unwrap_or(0);
        let identity = wanted(&["identity"]).unwrap_or(0);
        match zstd.max(gzip) {
            0 => Coding::Identity,
            best if best < identity => Coding::Identity,
            best if best == zstd => Coding::Zstd,
            _ => Coding::Gzip,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_what_it_wants_most() {
        for (header, coding) in [
            (None, Coding::Identity),
            (Some(""), Coding::Identity),
            (Some("identity"), Coding::Identity),
            (Some("gzip"), Coding::Gzip),
            (Some("GZIP, deflate, br"), Coding::Gzip),
            (Some("gzip, deflate, br, zstd"), Coding::Zstd),
            (Some("zstd;q=0.5, gzip"), Coding::Gzip),
            (Some("gzip;q=0.5, ZSTD;q=0.5, identity;q=0.4"), Coding::Zstd),
            (Some("zstd;q=0, *"), Coding::Gzip),
            (Some("zstd;q=0.3, identity;q=0.7"), Coding::Identity),
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
