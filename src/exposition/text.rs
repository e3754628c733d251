//! Families in the text formats.

use super::{
    ExpositionFormat, Histogram, MetricFamily, MetricKind, MetricSample, MetricValue, escape, number,
};

/// The families as text, in their order; without the `# EOF` that ends a page of OpenMetrics.
pub fn encode(families: &[MetricFamily], format: ExpositionFormat) -> Vec<u8> {
    let mut out = Vec::new();
    for family in families.iter().filter(|family| !family.samples.is_empty()) {
        header(&mut out, family.kind, &family.name, &family.help, family.unit.as_deref(), format);
        family.samples.iter().for_each(|sample| Line { family, sample, format }.write(&mut out));
    }
    out
}

/// The end of a page.
pub(super) fn end(format: ExpositionFormat) -> &'static [u8] {
    match format {
        ExpositionFormat::Text => b"",
        ExpositionFormat::OpenMetrics => b"# EOF\n",
    }
}

/// Writes what comes before a family's samples. OpenMetrics calls a counter by its name without `_total`.
pub(super) fn header(
    out: &mut Vec<u8>,
    kind: MetricKind,
    name: &str,
    help: &str,
    unit: Option<&str>,
    format: ExpositionFormat,
) {
    let name = match (format, kind) {
        (ExpositionFormat::OpenMetrics, MetricKind::Counter) => stem(name),
        _ => name,
    };
    let mut line = |keyword: &str, write: &mut dyn FnMut(&mut Vec<u8>)| {
        for part in ["# ", keyword, " ", name, " "] {
            out.extend_from_slice(part.as_bytes());
        }
        write(out);
        out.push(b'\n');
    };
    line("HELP", &mut |out| escape::help(out, help, format));
    line("TYPE", &mut |out| out.extend_from_slice(kind_name(kind).as_bytes()));
    if let (ExpositionFormat::OpenMetrics, Some(unit)) = (format, unit) {
        line("UNIT", &mut |out| out.extend_from_slice(unit.as_bytes()));
    }
}

fn kind_name(kind: MetricKind) -> &'static str {
    match kind {
        MetricKind::Gauge => "gauge",
        MetricKind::Counter => "counter",
        MetricKind::Histogram => "histogram",
    }
}

fn stem(name: &str) -> &str {
    name.strip_suffix("_total").unwrap_or(name)
}

/// The lines of one sample.
struct Line<'a> {
    family: &'a MetricFamily,
    sample: &'a MetricSample,
    format: ExpositionFormat,
}

impl Line<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        match &self.sample.value {
            MetricValue::Number(value) => {
                self.begin(out, &self.family.name, "", None);
                self.finish(out, *value);
            }
            MetricValue::Histogram(histogram) => self.write_histogram(out, histogram),
        }
        if let (ExpositionFormat::OpenMetrics, Some(created)) = (self.format, self.sample.created) {
            self.begin(out, stem(&self.family.name), "_created", None);
            self.finish(out, created);
        }
    }

    fn write_histogram(&self, out: &mut Vec<u8>, histogram: &Histogram) {
        let last = (f64::INFINITY, histogram.count);
        for (bound, count) in histogram.buckets.iter().copied().chain([last]) {
            self.begin(out, &self.family.name, "_bucket", Some(bound));
            self.finish(out, count as f64);
        }
        self.begin(out, &self.family.name, "_sum", None);
        self.finish(out, histogram.sum);
        self.begin(out, &self.family.name, "_count", None);
        self.finish(out, histogram.count as f64);
    }

    /// Writes name and labels.
    fn begin(&self, out: &mut Vec<u8>, name: &str, suffix: &str, bound: Option<f64>) {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(suffix.as_bytes());
        let mut separator = b'{';
        for (label, value) in self.family.labels.iter().zip(&self.sample.labels) {
            out.push(separator);
            out.extend_from_slice(label.as_bytes());
            out.extend_from_slice(b"=\"");
            escape::label_value(out, value);
            out.push(b'"');
            separator = b',';
        }
        if let Some(bound) = bound {
            out.push(separator);
            out.extend_from_slice(b"le=\"");
            number::bound(out, bound, self.format);
            out.push(b'"');
            separator = b',';
        }
        if separator == b',' {
            out.push(b'}');
        }
        out.push(b' ');
    }

    fn finish(&self, out: &mut Vec<u8>, value: f64) {
        number::value(out, value);
        out.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::Desc;

    fn text(family: MetricFamily, format: ExpositionFormat) -> String {
        String::from_utf8(encode(&[family], format)).unwrap()
    }

    #[test]
    fn a_counter_loses_its_suffix_only_in_the_headers_of_openmetrics() {
        let desc = Desc::counter("cpu_seconds_total", "Time \"used\".", &["mode"]);
        let mut family = desc.family().with(&["us\"er"], 1.5);
        family.samples[0].created = Some(1_800_000_000.5);
        assert_eq!(
            text(family.clone(), ExpositionFormat::Text),
            "# HELP cpu_seconds_total Time \"used\".\n# TYPE cpu_seconds_total counter\n\
             cpu_seconds_total{mode=\"us\\\"er\"} 1.5\n"
        );
        assert_eq!(
            text(family, ExpositionFormat::OpenMetrics),
            "# HELP cpu_seconds Time \\\"used\\\".\n# TYPE cpu_seconds counter\n# UNIT cpu_seconds seconds\n\
             cpu_seconds_total{mode=\"us\\\"er\"} 1.5\ncpu_seconds_created{mode=\"us\\\"er\"} 1800000000.5\n"
        );
    }

    #[test]
    fn a_histogram_ends_in_the_bucket_of_everything() {
        let mut family = Desc::histogram("took_seconds", "How long.", &["org"]).family();
        let histogram = Histogram { buckets: vec![(0.5, 1), (1.0, 2)], count: 3, sum: 7.25 };
        family.samples.push(MetricSample {
            labels: vec!["acme".into()],
            value: MetricValue::Histogram(histogram),
            created: None,
        });
        assert_eq!(
            text(family.clone(), ExpositionFormat::Text),
            "# HELP took_seconds How long.\n# TYPE took_seconds histogram\n\
             took_seconds_bucket{org=\"acme\",le=\"0.5\"} 1\ntook_seconds_bucket{org=\"acme\",le=\"1\"} 2\n\
             took_seconds_bucket{org=\"acme\",le=\"+Inf\"} 3\ntook_seconds_sum{org=\"acme\"} 7.25\n\
             took_seconds_count{org=\"acme\"} 3\n"
        );
        assert!(text(family, ExpositionFormat::OpenMetrics).contains("le=\"1.0\"} 2\n"));
    }

    #[test]
    fn families_without_samples_or_labels_are_fine() {
        let epoch = Desc::gauge("epoch", "Which.", &[]);
        assert_eq!(text(epoch.family(), ExpositionFormat::Text), "");
        assert!(text(epoch.family().with(&[], 3.0), ExpositionFormat::Text).ends_with("\nepoch 3\n"));
    }
}
