//! Numbers in the form that Prometheus reads.

use std::io::Write;

use super::ExpositionFormat;

/// Integers below this are exact in a double.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Writes a value: integers without a point, everything else in the shortest form that reads back the same.
pub(super) fn value(out: &mut Vec<u8>, value: f64) {
    if value == value.trunc() && value.abs() < EXACT {
        out.extend_from_slice(itoa::Buffer::new().format(value as i64).as_bytes());
    } else {
        float(out, value);
    }
}

/// Writes the bound of a bucket. OpenMetrics demands a float there even where it is whole.
pub(super) fn bound(out: &mut Vec<u8>, bound: f64, format: ExpositionFormat) {
    match format {
        ExpositionFormat::Text => value(out, bound),
        ExpositionFormat::OpenMetrics => float(out, bound),
    }
}

fn float(out: &mut Vec<u8>, value: f64) {
    if value.is_nan() {
        out.extend_from_slice(b"NaN");
    } else if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 { b"+Inf" } else { b"-Inf" });
    } else {
        // Writing to a vector cannot fail.
        let _ = write!(out, "{value:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::written;
    use super::*;

    #[test]
    fn values_are_short_and_exact() {
        for (number, text) in [
            (0.0, "0"),
            (-3.0, "-3"),
            (1_800_000_000.0, "1800000000"),
            (0.25, "0.25"),
            (1e21, "1e21"),
            (1e-9, "1e-9"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(written(|out| value(out, number)), text);
        }
    }

    #[test]
    fn bounds_are_floats_in_openmetrics() {
        assert_eq!(written(|out| bound(out, 10.0, ExpositionFormat::Text)), "10");
        assert_eq!(written(|out| bound(out, 10.0, ExpositionFormat::OpenMetrics)), "10.0");
        assert_eq!(written(|out| bound(out, f64::INFINITY, ExpositionFormat::OpenMetrics)), "+Inf");
    }
}
