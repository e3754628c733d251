//! Output of commands: JSON for programs, or text for people without the control characters of what
//! is shown.

use comfy_table::Table;
use comfy_table::presets::{NOTHING, UTF8_HORIZONTAL_ONLY};
use serde_json::Value;

/// Prints the value as JSON, or the text.
pub fn show(as_json: bool, value: &Value, text: impl FnOnce() -> String) {
    if as_json {
        println!("{value}");
    } else {
        println!("{}", text());
    }
}

/// Replaces control characters, so that text from elsewhere cannot move the terminal's cursor.
pub fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect()
}

/// A table of names and values without a heading.
pub fn pairs<'a>(rows: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let mut table = Table::new();
    table.load_preset(NOTHING);
    for (name, value) in rows {
        table.add_row([name.to_owned(), visible(&value)]);
    }
    table.to_string()
}

/// A table with a heading.
pub fn columns<const N: usize>(titles: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY).set_header(titles);
    for row in rows {
        table.add_row(row.map(|cell| visible(&cell)));
    }
    table.to_string()
}
