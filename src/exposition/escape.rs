//! Escaping of label values and help texts in the two formats.

use super::ExpositionFormat;

/// Writes the value of a label; the same in both formats.
pub(super) fn label_value(out: &mut Vec<u8>, text: &str) {
    escape(out, text, true);
}

/// Writes a help text. OpenMetrics escapes quotes here too.
pub(super) fn help(out: &mut Vec<u8>, text: &str, format: ExpositionFormat) {
    escape(out, text, format == ExpositionFormat::OpenMetrics);
}

/// Copies whole runs: hardly any value holds a character to escape.
fn escape(out: &mut Vec<u8>, text: &str, quotes: bool) {
    let mut rest = text.as_bytes();
    let special = |byte: &u8| matches!(byte, b'\\' | b'\n') || (quotes && *byte == b'"');
    while let Some(at) = rest.iter().position(special) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(match rest[at] {
            b'\n' => b"\\n",
            b'"' => b"\\\"",
            _ => b"\\\\",
        });
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::super::testing::written;
    use super::*;

    #[test]
    fn label_values_cannot_leave_their_quotes() {
        let hostile = "a\"} 1\nb{c=\"\\";
        assert_eq!(written(|out| label_value(out, hostile)), r#"a\"} 1\nb{c=\"\\"#);
    }

    #[test]
    fn only_openmetrics_escapes_quotes_in_help_texts() {
        let text = "say \"hi\"\n\\";
        assert_eq!(written(|out| help(out, text, ExpositionFormat::Text)), r#"say "hi"\n\\"#);
        assert_eq!(written(|out| help(out, text, ExpositionFormat::OpenMetrics)), r#"say \"hi\"\n\\"#);
    }
}
