//! Rows for people.

use serde_json::Value;

/// Columns as wide as they must be, numbers to the right; nothing for no rows.
pub(super) fn render(columns: &[&str], rows: &[Value]) -> String {
    let cell = |row: &Value, column: &str| match &row[column] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let width = |column: &&str| {
        let cells = rows.iter().map(|row| cell(row, column).chars().count());
        cells.chain([column.chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = columns.iter().map(width).collect();
    let mut out = String::new();
    let mut line = |cells: Vec<(String, bool)>| {
        let padded = cells.iter().zip(&widths).map(|((text, right), &width)| match right {
            true => format!("{text:>width$}"),
            false => format!("{text:<width$}"),
        });
        out.push_str(padded.collect::<Vec<_>>().join("  ").trim_end());
        out.push('\n');
    };
    if rows.is_empty() {
        return String::new();
    }
    line(columns.iter().map(|column| (column.to_uppercase(), rows[0][*column].is_number())).collect());
    for row in rows {
        line(columns.iter().map(|column| (cell(row, column), row[*column].is_number())).collect());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn columns() {
        let rows = [json!({ "a": "x", "n": 5 }), json!({ "a": "long", "n": 1000 })];
        assert_eq!(render(&["a", "n"], &rows), "A        N\nx        5\nlong  1000\n");
    }
}
