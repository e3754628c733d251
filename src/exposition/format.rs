//! The two text formats and their negotiation.

use super::quality::alternatives;

/// A text format for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ExpositionFormat {
    /// The Prometheus text format 0.0.4.
    #[default]
    Text,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl ExpositionFormat {
    /// Every format.
    pub const ALL: [ExpositionFormat; 2] = [ExpositionFormat::Text, ExpositionFormat::OpenMetrics];

    /// The value of `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            ExpositionFormat::Text => "text/plain; version=0.0.4; charset=utf-8",
            ExpositionFormat::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// The format that a scraper with this `Accept` prefers; [`ExpositionFormat::Text`] without
    /// that header, or where it accepts neither: a page is better than an error.
    pub fn negotiate(accept: Option<&str>) -> ExpositionFormat {
        let accept = accept.unwrap_or_default();
        let mut best: Option<(u16, u8, usize, ExpositionFormat)> = None;
        for format in Self::ALL {
            let Some((specificity, quality, position)) = format.wanted(accept) else { continue };
            let better = best.is_none_or(|(best_quality, best_specificity, best_position, _)| {
                (quality, specificity, best_position) > (best_quality, best_specificity, position)
            });
            if quality > 0 && better {
                best = Some((quality, specificity, position, format));
            }
        }
        best.map_or(ExpositionFormat::Text, |(.., format)| format)
    }

    /// How specifically, how much and where `accept` names this format; the most specific mention counts.
    fn wanted(self, accept: &str) -> Option<(u8, u16, usize)> {
        let (kind, name, version) = match self {
            ExpositionFormat::Text => ("text/*", "text/plain", "0.0.4"),
            ExpositionFormat::OpenMetrics => ("application/*", "application/openmetrics-text", "1.0.0"),
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
    fn a_scraper_gets_the_format_it_prefers() {
        let prometheus_2 = "application/openmetrics-text;version=1.0.0;q=0.8,\
            application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let prometheus_3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
            application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
            text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        for (accept, format) in [
            (None, ExpositionFormat::Text),
            (Some(""), ExpositionFormat::Text),
            (Some("*/*"), ExpositionFormat::Text),
            (Some("text/plain"), ExpositionFormat::Text),
            (Some("text/*"), ExpositionFormat::Text),
            (Some(browser), ExpositionFormat::Text),
            (Some("application/json"), ExpositionFormat::Text),
            (Some("application/openmetrics-text"), ExpositionFormat::OpenMetrics),
            (Some("Application/OpenMetrics-Text; version=\"1.0.0\""), ExpositionFormat::OpenMetrics),
            (Some("application/openmetrics-text; version=1.0.0, */*"), ExpositionFormat::OpenMetrics),
            (Some("application/openmetrics-text; version=2.0.0"), ExpositionFormat::Text),
            (Some("application/*"), ExpositionFormat::OpenMetrics),
            (Some("application/openmetrics-text;q=0.1, text/plain;q=0.9"), ExpositionFormat::Text),
            (Some("application/openmetrics-text;q=0, */*"), ExpositionFormat::Text),
            (Some("text/plain;q=0, */*;q=0.1"), ExpositionFormat::OpenMetrics),
            (Some("text/plain, application/openmetrics-text"), ExpositionFormat::Text),
            (Some("application/openmetrics-text, text/plain"), ExpositionFormat::OpenMetrics),
            (Some(prometheus_2), ExpositionFormat::OpenMetrics),
            (Some(prometheus_3), ExpositionFormat::OpenMetrics),
            (Some(";;;,q=,=,text/plain;q=nonsense"), ExpositionFormat::Text),
        ] {
            assert_eq!(ExpositionFormat::negotiate(accept), format, "{accept:?}");
        }
    }
}
