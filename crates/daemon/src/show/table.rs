//! Tables that stay aligned with Japanese in them.

/// Widest cell, in columns; longer ones are cut with an ellipsis.
const WIDEST: usize = 60;

/// Rows under headings.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings.
    #[must_use]
    pub fn new<const N: usize>(headings: [&str; N]) -> Self {
        Self { rows: vec![headings.iter().map(|h| (*h).to_owned()).collect()] }
    }

    /// Adds a row. Cells that came from peers are made harmless for the terminal.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.iter().map(|cell| cut(&harmless(cell))).collect());
    }

    /// The rows below the headings.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len().saturating_sub(1)
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The lines, each ended with `\n`; nothing at the end of a line.
    #[must_use]
    pub fn print(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|at| self.rows.iter().filter_map(|row| row.get(at)).map(|cell| width(cell)).max().unwrap_or(0))
            .collect();
        let mut out = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, wide) in row.iter().zip(&widths) {
                line.push_str(cell);
                line.extend(std::iter::repeat_n(' ', wide.saturating_sub(width(cell)) + 2));
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}

/// Columns that a terminal gives to `text`: two for East Asian wide characters, none for combining ones.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

fn columns(c: char) -> usize {
    match u32::from(c) {
        0x0300..=0x036f | 0x200b..=0x200f | 0x3099..=0x309a | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f
        | 0x2e80..=0x303e
        | 0x3041..=0x33ff
        | 0x3400..=0x4dbf
        | 0x4e00..=0x9fff
        | 0xa000..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe4f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1f64f
        | 0x1f900..=0x1f9ff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

fn cut(cell: &str) -> String {
    if width(cell) <= WIDEST {
        return cell.to_owned();
    }
    let mut taken = 0;
    let mut short: String = cell
        .chars()
        .take_while(|c| {
            taken += columns(*c);
            taken < WIDEST
        })
        .collect();
    short.push('…');
    short
}

/// Controls and direction marks would let a stranger's subject move the cursor.
fn harmless(cell: &str) -> String {
    let bad = |c: char| {
        c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    cell.chars().map(|c| if bad(c) { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stay_aligned_with_japanese() {
        let mut table = Table::new(["アドレス", "NAME", "STATE"]);
        table.row(["taro@example.jp".into(), "山田 太郎".into(), "active".into()]);
        table.row(["info@example.jp".into(), "Info".into(), "suspended".into()]);
        assert_eq!(
            table.print(),
            "アドレス         NAME       STATE\n\
             taro@example.jp  山田 太郎  active\n\
             info@example.jp  Info       suspended\n"
        );
        assert_eq!(table.len(), 2);
    }

    #[test]
    fn cells_are_cut_and_harmless() {
        let mut table = Table::new(["SUBJECT"]);
        table.row(["件".repeat(80)]);
        table.row(["a\x1b[2J\u{202e}b\n".into()]);
        let printed = table.print();
        let lines: Vec<&str> = printed.lines().collect();
        assert!(width(lines[1]) <= WIDEST && lines[1].ends_with('…'));
        assert_eq!(lines[2], "a [2J b");
    }
}
