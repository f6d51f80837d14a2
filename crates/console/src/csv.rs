//! Tables with commas (RFC 4180), read and written.

/// Fields in a row, at most.
const MOST_FIELDS: usize = 64;

/// The rows of a text, each with the line that it begins on; quoted fields may hold commas, quotes and line ends.
#[must_use]
pub fn read(text: &str) -> Vec<(usize, Vec<String>)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (mut rows, mut row, mut field) = (Vec::new(), Vec::new(), String::new());
    let (mut line, mut begun, mut quoted) = (1, 1, false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if field.is_empty() => quoted = true,
            ',' if !quoted && row.len() < MOST_FIELDS => row.push(std::mem::take(&mut field)),
            '\n' if !quoted => {
                line += 1;
                end(&mut rows, &mut row, &mut field, begun);
                begun = line;
            }
            '\r' if !quoted => {}
            '\n' => {
                line += 1;
                field.push(c);
            }
            c => field.push(c),
        }
    }
    end(&mut rows, &mut row, &mut field, begun);
    rows
}

fn end(rows: &mut Vec<(usize, Vec<String>)>, row: &mut Vec<String>, field: &mut String, line: usize) {
    if !row.is_empty() || !field.trim().is_empty() {
        row.push(std::mem::take(field));
        rows.push((line, std::mem::take(row)));
    }
    field.clear();
}

/// A row, its end included. What a spreadsheet would take for a formula is made text.
#[must_use]
pub fn row<S: AsRef<str>>(fields: &[S]) -> String {
    let cells: Vec<String> = fields.iter().map(|field| quoted(field.as_ref())).collect();
    format!("{}\r\n", cells.join(","))
}

fn quoted(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t']) { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\"").replace(['\r', '\n'], " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_commas_and_lines() {
        let rows = read("\u{feff}a,\"b, \"\"c\"\"\"\r\n\r\n\"x\ny\",z\nlast");
        let shown: Vec<(usize, Vec<&str>)> =
            rows.iter().map(|(line, row)| (*line, row.iter().map(String::as_str).collect())).collect();
        assert_eq!(shown, [(1, vec!["a", "b, \"c\""]), (3, vec!["x\ny", "z"]), (5, vec!["last"])]);
        assert!(read("").is_empty());
        assert_eq!(read("\"open").len(), 1);
    }

    #[test]
    fn what_is_written_can_be_read_and_runs_nowhere() {
        let line = row(&["=cmd()", "a \"b\", c", "日本"]);
        assert_eq!(line, "\"'=cmd()\",\"a \"\"b\"\", c\",\"日本\"\r\n");
        assert_eq!(read(&line)[0].1, ["'=cmd()", "a \"b\", c", "日本"]);
    }
}
