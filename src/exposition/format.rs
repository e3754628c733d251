//! The two text formats, and which one a scraper gets.

use super::quality::alternatives;

/// A text format for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// The Prometheus text format 0.0.4.
    #[default]
    Text,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 2] = [Format::Text, Format::OpenMetrics];

    /// The value of `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Text => "text/plain; version=0.0.4; charset=utf-8",
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// The format a scraper with this `Accept` wants most; [`Format::Text`] if it does not say, or wants neither:
    /// a page it may be able to read serves it better than an error.
    pub fn negotiate(accept: Option<&str>) -> Format {
        let accept = accept.unwrap_or_default();
        let mut best: Option<(u16, u8, usize, Format)> = None;
        for format in Self::ALL {
            let Some((specificity, quality, position)) = format.wanted(accept) else { continue };
            let better = best.is_none_or(|(best_quality, best_specificity, best_position, _)| {
                (quality, specificity, best_position) > (best_quality, best_specificity, position)
            });
            if quality > 0 && better {
                best = Some((quality, specificity, position, format));
            }
        }
        best.map_or(Format::Text, |(.., format)| format)
    }

    /// How specifically, how much and where `accept` names this format; the most specific mention counts.
    fn wanted(self, accept: &str) -> Option<(u8, u16, usize)> {
        let (kind, name, version) = match self {
            Format::Text => ("text/*", "text/plain", "0.0.4"),
            Format::OpenMetrics => ("application/*", "application/openmetrics-text", "1.0.0"),
        };
        let mut best: Option<(u8, u16, usize)> = None;
        for (position, alternative) in alternatives(accept).enumerate() {
            let specificity = match (alternative.name, alternative.version) {
                (given, None) if given.eq_ignore_ascii_case(name) => 2,
                (given, Some(wanted)) if given.eq_ignore_ascii_case(name) && wanted == version => 3,
                (given, _) if given.eq_ignore_ascii_case(kind) => 1,
                ("*/*", _) => 0,
                _ => continue,
            };
            if best.is_none_or(|(known, ..)| specificity > known) {
                best = Some((specificity, alternative.quality, position));
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scraper_gets_what_it_wants_most() {
        let prometheus_2 = "application/openmetrics-text;version=1.0.0;q=0.8,\
            application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let prometheus_3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
            application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
            text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        for (accept, format) in [
            (None, Format::Text),
            (Some(""), Format::Text),
            (Some("*/*"), Format::Text),
            (Some("text/plain"), Format::Text),
            (Some("text/*"), Format::Text),
            (Some(browser), Format::Text),
            (Some("application/json"), Format::Text),
            (Some("application/openmetrics-text"), Format::OpenMetrics),
            (Some("Application/OpenMetrics-Text; version=\"1.0.0\""), Format::OpenMetrics),
            (Some("application/openmetrics-text; version=1.0.0, */*"), Format::OpenMetrics),
            (Some("application/openmetrics-text; version=2.0.0"), Format::Text),
            (Some("application/*"), Format::OpenMetrics),
            (Some("application/openmetrics-text;q=0.1, text/plain;q=0.9"), Format::Text),
            (Some("application/openmetrics-text;q=0, */*"), Format::Text),
            (Some("text/plain;q=0, */*;q=0.1"), Format::OpenMetrics),
            (Some("text/plain, application/openmetrics-text"), Format::Text),
            (Some("application/openmetrics-text, text/plain"), Format::OpenMetrics),
            (Some(prometheus_2), Format::OpenMetrics),
            (Some(prometheus_3), Format::OpenMetrics),
            (Some(";;;,q=,=,text/plain;q=nonsense"), Format::Text),
        ] {
            assert_eq!(Format::negotiate(accept), format, "{accept:?}");
        }
    }
}
