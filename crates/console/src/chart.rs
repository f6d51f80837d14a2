//! Charts, drawn on the server; each says in words what it shows.

use maud::{Markup, html};
use sekisho_message::Language;

use crate::pulse::Hour;
use crate::words::{count, t};

const WIDTH: usize = 600;
const HEIGHT: usize = 120;

/// Mail by the minute: accepted upwards, delivered as a line.
#[must_use]
pub fn minutes(hour: &Hour, lang: Language) -> Markup {
    let most = hour.minutes.iter().map(|m| m.accepted.max(m.delivered)).max().unwrap_or(0).max(1);
    let step = WIDTH / hour.minutes.len().max(1);
    let height = |n: u64| (n as usize * HEIGHT).div_ceil(most as usize).min(HEIGHT);
    let points: Vec<String> = hour
        .minutes
        .iter()
        .enumerate()
        .map(|(at, m)| format!("{},{}", at * step + step / 2, HEIGHT - height(m.delivered)))
        .collect();
    let (accepted, delivered, failed, top) =
        (count(hour.accepted), count(hour.delivered), count(hour.failed), count(most));
    let usual = hour.usual.map(|n| {
        let n = count(n);
        t!(lang, ja: "昨日の同じ時間は {n} 通。", en: "The same hour yesterday: {n}.")
    });
    let words = t!(
        lang,
        ja: "この 1 時間に受付 {accepted} 通、配送 {delivered} 件、失敗 {failed} 件。1 分の最大は {top}。",
        en: "In the last hour {accepted} accepted, {delivered} delivered, {failed} failed; at most {top} a minute."
    );
    html! {
        figure.chart {
            svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(words) preserveAspectRatio="none" {
                @for (at, m) in hour.minutes.iter().enumerate() {
                    @let h = height(m.accepted);
                    rect.in x=(at * step + 1) y=(HEIGHT - h) width=(step.saturating_sub(2).max(1)) height=(h) {}
                }
                polyline.out points=(points.join(" ")) {}
                line.base x1="0" y1=(HEIGHT) x2=(WIDTH) y2=(HEIGHT) {}
            }
            figcaption { (words) " " (usual.unwrap_or_default()) }
        }
    }
}

/// How much of a whole: what got through, and what was stopped.
#[must_use]
pub fn share(part: u64, whole: u64, words: &str) -> Markup {
    let filled = (u128::from(part.min(whole)) * WIDTH as u128).checked_div(u128::from(whole)).unwrap_or(0);
    // A little is not nothing.
    let filled = if part > 0 { filled.max(4) } else { filled };
    html! {
        figure.share {
            svg viewBox=(format!("0 0 {WIDTH} 16")) role="img" aria-label=(words) preserveAspectRatio="none" {
                rect.stopped x="0" y="0" width=(WIDTH) height="16" {}
                rect.escaped x="0" y="0" width=(filled) height="16" {}
            }
            figcaption { (words) }
        }
    }
}

/// An event on a timeline.
#[derive(Clone, Debug)]
pub struct Mark {
    /// Microseconds since 1970.
    pub at: i64,
    /// Its row, from 0.
    pub row: usize,
    /// Its class: `good`, `bad`, `mail`, `act`.
    pub class: &'static str,
}

/// A timeline with a row for each kind; the table beside it has the same in words.
#[must_use]
pub fn timeline(rows: &[String], marks: &[Mark], label: &str) -> Markup {
    let (first, last) = marks.iter().fold((i64::MAX, i64::MIN), |(a, b), m| (a.min(m.at), b.max(m.at)));
    let (left, line) = (150_i64, 24_i64);
    let room = WIDTH as i64 - left - 20;
    let place = |at: i64| {
        let span = i128::from((last - first).max(1));
        left + i64::try_from(i128::from(at - first) * i128::from(room) / span).unwrap_or(0)
    };
    let height = rows.len() as i64 * line + 8;
    html! {
        @if !marks.is_empty() {
            figure.timeline {
                svg viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-label=(label) {
                    @for (n, name) in rows.iter().enumerate() {
                        @let y = n as i64 * line + 16;
                        text x="0" y=(y + 4) { (name) }
                        line.base x1=(left) y1=(y) x2=(WIDTH - 20) y2=(y) {}
                    }
                    @for mark in marks {
                        circle.(mark.class) cx=(place(mark.at)) cy=(mark.row as i64 * line + 16) r="5" {}
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pulse::Minute;

    #[test]
    fn a_chart_says_in_words_what_it_shows() {
        let mut minutes = vec![Minute::default(); 60];
        minutes[59] = Minute { accepted: 1_234, delivered: 20, failed: 1 };
        let hour = Hour { minutes, accepted: 1_234, delivered: 20, failed: 1, usual: Some(7), ..Hour::default() };
        let drawn = super::minutes(&hour, Language::En).into_string();
        assert!(drawn.contains("1,234 accepted"), "{drawn}");
        assert!(drawn.contains("yesterday: 7"), "{drawn}");
        assert_eq!(drawn.matches("<rect").count(), 60);
    }

    #[test]
    fn a_share_is_seen_however_small() {
        let drawn = |part, whole| share(part, whole, "x").into_string();
        assert!(drawn(1, 100_000).contains("width=\"4\"") && drawn(0, 5).contains("width=\"0\""));
        assert!(drawn(3, 0).contains("escaped"), "nothing of nothing");
        assert_eq!(drawn(7, 7).matches("width=\"600\"").count(), 2);
    }

    #[test]
    fn a_timeline_stays_within_its_frame() {
        let marks = [(0, 0), (i64::MAX / 2, 1)].map(|(at, row)| Mark { at, row, class: "bad" });
        let drawn = timeline(&["a".into(), "b".into()], &marks, "x").into_string();
        assert!(drawn.contains("cx=\"150\"") && drawn.contains("cx=\"580\""), "{drawn}");
        assert_eq!(timeline(&[], &[], "x").into_string(), "");
    }
}
