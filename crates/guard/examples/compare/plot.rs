//! The plot: recipients reached (up) against holds of honest senders (across), both on scales that begin at 0.

use std::fmt::Write as _;

use super::Row;

const SIZE: (f64, f64) = (920.0, 560.0);
/// Left, right, top and bottom of the field.
const FIELD: (f64, f64, f64, f64) = (80.0, 620.0, 40.0, 480.0);
/// The attacks that are drawn: columns of the table, and their letters.
const DRAWN: [(usize, &str); 5] = [(0, "A"), (2, "C"), (3, "D"), (4, "E"), (5, "A own")];
const COLOURS: [&str; 9] =
    ["#0b6e4f", "#888888", "#1f77b4", "#17becf", "#ff7f0e", "#9467bd", "#d62728", "#8c564b", "#e377c2"];

/// The picture as SVG.
pub(crate) fn draw(rows: &[Row]) -> String {
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
        SIZE.0, SIZE.1
    );
    axes(&mut out, rows);
    for (n, row) in rows.iter().enumerate() {
        let colour = COLOURS.get(n).copied().unwrap_or("#000000");
        // Those who have the same number of false holds stand side by side.
        let nudge = (n as f64 - 4.0) * 7.0;
        let x = across(row.false_holds(), rows) + nudge + 30.0;
        let ys: Vec<f64> = DRAWN.iter().filter_map(|(column, _)| row.escaped.get(*column)).map(|&n| up(n)).collect();
        let (top, bottom) = (ys.iter().copied().fold(f64::MAX, f64::min), ys.iter().copied().fold(0.0, f64::max));
        let _ = writeln!(
            out,
            "<path d=\"M{x:.1} {top:.1}V{bottom:.1}\" stroke=\"{colour}\" stroke-opacity=\"0.4\" stroke-width=\"2\"/>"
        );
        for (y, (_, letter)) in ys.iter().zip(DRAWN) {
            let _ = writeln!(
                out,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{colour}\"><title>{} {letter}</title></circle>",
                row.name
            );
            if n == 0 {
                let _ = writeln!(
                    out,
                    "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" font-size=\"11\" fill=\"{colour}\">{letter}</text>",
                    x - 7.0,
                    y + 4.0
                );
            }
        }
        let y = 60.0 + n as f64 * 22.0;
        let _ = writeln!(
            out,
            "<circle cx=\"645\" cy=\"{:.1}\" r=\"5\" fill=\"{colour}\"/><text x=\"657\" y=\"{y:.1}\">{}</text>",
            y - 4.0,
            row.name
        );
    }
    out.push_str("</svg>\n");
    out
}

fn axes(out: &mut String, rows: &[Row]) {
    let (left, right, top, bottom) = FIELD;
    let _ = writeln!(out, "<path d=\"M{left} {top}V{bottom}H{right}\" fill=\"none\" stroke=\"black\"/>");
    for n in [0, 1, 3, 10, 30, 100, 300, 1_000, 3_000] {
        let y = up(n);
        let _ = writeln!(
            out,
            "<path d=\"M{left} {y:.1}H{right}\" stroke=\"#dddddd\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{n}</text>",
            left - 8.0,
            y + 4.0
        );
    }
    for n in [0.0, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1_000.0] {
        let x = across(n, rows) + 30.0;
        if x <= right {
            let _ = writeln!(
                out,
                "<path d=\"M{x:.1} {bottom}v5\" stroke=\"black\"/><text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{n}</text>",
                bottom + 20.0
            );
        }
    }
    let middle = (left + right) / 2.0;
    let _ = writeln!(
        out,
        "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">holds of honest senders in 1,000 sender-years</text>",
        bottom + 45.0
    );
    let _ = writeln!(
        out,
        "<text transform=\"translate(24 {}) rotate(-90)\" text-anchor=\"middle\">recipients reached before the hold (95 %)</text>",
        (top + bottom) / 2.0
    );
    let _ = writeln!(
        out,
        "<text x=\"{left}\" y=\"24\" font-weight=\"bold\">The lower and the further left, the better</text>"
    );
}

fn up(n: u32) -> f64 {
    let (_, _, top, bottom) = FIELD;
    bottom - (f64::from(n) + 1.0).ln() / 3_500_f64.ln() * (bottom - top)
}

fn across(n: f64, rows: &[Row]) -> f64 {
    let (left, right, ..) = FIELD;
    let most = rows.iter().map(Row::false_holds).fold(30.0, f64::max);
    left + (n + 1.0).ln() / (most + 1.0).ln() * (right - left - 70.0)
}
