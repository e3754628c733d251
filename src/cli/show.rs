//! What commands print: JSON for programs, or text for people that nothing in it can turn against their terminal.

use comfy_table::Table;
use comfy_table::presets::{NOTHING, UTF8_HORIZONTAL_ONLY};
use serde_json::Value;

/// Prints the value, or what it means.
pub fn show(as_json: bool, value: &Value, text: impl FnOnce() -> String) {
    if as_json {
        println!("{value}");
    } else {
        println!("{}", text());
    }
}

/// What came over a wire must not move the cursor of whoever reads it.
pub fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect()
}

/// Names and what they stand for, in two columns.
pub fn pairs<'a>(rows: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let mut table = Table::new();
    table.load_preset(NOTHING);
    for (name, value) in rows {
        table.add_row([name.to_owned(), visible(&value)]);
    }
    table.to_string()
}

/// Columns with titles.
pub fn columns<const N: usize>(titles: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY).set_header(titles);
    for row in rows {
        table.add_row(row.map(|cell| visible(&cell)));
    }
    table.to_string()
}
