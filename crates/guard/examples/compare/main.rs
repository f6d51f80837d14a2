//! The default rules of other mail servers, as small models, and the guard, on the same seeded runs and the same real mail:
//! recipients reached before the hold against holds of honest people.
//!
//! `cargo run --release -p sekisho-guard --example compare -- [RUNS] [TRACE.json.gz] [OUT.svg]` prints a table and draws a plot.

mod honest;
mod plot;
mod rules;
mod runs;

use std::path::PathBuf;

use sekisho_guard::drill::{Attack, From};

use rules::System;

/// Columns of the table: attacks, and from where the intruder comes.
const ATTACKS: [(Attack, From); 10] = [
    (Attack::Blast, From::Foreign),
    (Attack::Botnet, From::Foreign),
    (Attack::LowAndSlow, From::Foreign),
    (Attack::FatRecipients, From::Foreign),
    (Attack::ContactPhish, From::Foreign),
    (Attack::Blast, From::Own),
    (Attack::InfectedPc, From::Own),
    (Attack::FreshAccount, From::Own),
    (Attack::SlowRise, From::Own),
    (Attack::ManyAccounts, From::Foreign),
];

/// What a system does, in numbers.
pub(crate) struct Row {
    pub(crate) runs: u32,
    pub(crate) name: &'static str,
    /// Recipients reached, 95 %, by column of [`ATTACKS`].
    pub(crate) escaped: Vec<u32>,
    /// Holds of honest people in 1,000 user-years: real mail, and simulated people.
    pub(crate) real: Option<f64>,
    pub(crate) people: f64,
    /// Holds in a run of a sales account (a month) and of newsletters (three issues).
    pub(crate) sales: f64,
    pub(crate) news: f64,
}

impl Row {
    /// What the plot shows across: holds of all simulated honest senders in 1,000 sender-years.
    pub(crate) fn false_holds(&self) -> f64 {
        let (runs, news) = (f64::from(self.runs), f64::from(honest::news_runs(self.runs)));
        let people = honest::people_years(self.runs);
        let years = people + (runs * honest::SALES_DAYS + news * honest::NEWS_DAYS) / 365.25;
        (self.people / 1_000.0 * people + self.sales * runs + self.news * news) / years * 1_000.0
    }
}

fn main() -> std::io::Result<()> {
    let mut args = std::env::args().skip(1);
    let runs = args.next().and_then(|n| n.parse().ok()).unwrap_or(200);
    let trace = args.next().map(PathBuf::from).filter(|path| path.exists());
    let out = args.next().map(PathBuf::from);
    let real = trace.as_deref().map(honest::read).transpose()?;
    let systems: Vec<System> = System::all();
    let mut rows = vec![honest::guard_row(runs, real.as_deref())];
    rows.extend(runs::rows(&systems, runs, real.as_deref()));
    print(&rows, runs);
    match out {
        Some(path) => std::fs::write(path, plot::draw(&rows)),
        None => Ok(()),
    }
}

fn print(rows: &[Row], runs: u32) {
    println!("Recipients reached (95 % of {runs} runs), and holds of honest senders.\n");
    let letters = ATTACKS.iter().map(|(attack, from)| {
        let own = if *from == From::Own { " own" } else { "" };
        format!("{}{own}", attack.letter())
    });
    println!("| system | {} | real mail | people | sales | newsletters |", letters.collect::<Vec<_>>().join(" | "));
    println!("|---|{}---|---|---|---|", "---|".repeat(ATTACKS.len()));
    for row in rows {
        let escaped = row.escaped.iter().map(u32::to_string).collect::<Vec<_>>().join(" | ");
        let real = row.real.map_or_else(|| "-".into(), |n| format!("{n:.0}"));
        println!("| {} | {escaped} | {real} | {:.0} | {:.2} | {:.2} |", row.name, row.people, row.sales, row.news);
    }
}
