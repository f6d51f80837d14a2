//! Honest people whom a nervous guard would hold: nobody is, and nobody is locked out.

use std::time::Duration;

use crate::support::site::{Site, letter, one, prose};
use crate::support::wire::Wire;
use crate::support::{PASSWORD, text, until};

const HOME: &str = "127.12.1.5";
const NEW_PASSWORD: &str = "seven-Plover-41-Saddle";

fn nobody_is_held(site: &Site) {
    assert!(site.incidents().is_empty(), "{:#?}", site.incidents());
    let locks = site.server.json(&["lockout", "list"]);
    assert!(locks["locks"].as_array().unwrap().is_empty(), "{locks:#}");
}

#[test]
fn a_newsletter_goes_to_all_its_readers() {
    let site = Site::start(&["news"], None, "");
    site.server.run(&["account", "class", "news@example.test", "newsletter"]);
    for week in 0..3_u64 {
        let mut wire = site.log_in(HOME, "news", PASSWORD).unwrap();
        let issue = format!("Our offers of week {week}.\r\n{}", prose(week));
        for part in 0..6_u64 {
            let to: Vec<String> = (0..50).map(|n| format!("reader{}@m{}.example", part * 50 + n, n % 9)).collect();
            let reply = letter(&to, "Offers", &issue).over(&mut wire, "news@example.test");
            assert!(reply.starts_with("250"), "{reply}");
        }
        site.all_goes(Duration::from_secs(600));
        nobody_is_held(&site);
        site.hours(7 * 24);
    }
    assert_eq!(site.reached().len(), 300);
}

#[test]
fn an_invoice_run_without_auth_goes_out_every_month() {
    let site = Site::start(&[], Some("127.71.1.0/24 true\n"), "");
    site.server.run(&["account", "class", "network:127.71.1.0/24", "application"]);
    for month in 0..3_u64 {
        let mut wire = Wire::from("127.71.1.20", site.server.ports.smtp).unwrap();
        wire.reply();
        wire.command("EHLO invoices.example.test");
        for n in 0..150_u64 {
            let bill = format!("Invoice {} of month {month}: please pay {} yen.", n * 13, n * 777 + month);
            let reply = letter(&one(&format!("customer{n}@c{}.example", n % 40)), "Invoice", &bill)
                .over(&mut wire, "billing@example.test");
            assert!(reply.starts_with("250"), "{reply}");
            site.pass(Duration::from_secs(3));
        }
        // In the first month all are new.
        site.all_goes(Duration::from_secs(if month == 0 { 1_800 } else { 120 }));
        nobody_is_held(&site);
        site.hours(30 * 24);
    }
    assert_eq!(site.outside.count(), 450);
}

#[test]
fn an_owner_who_travels_and_one_with_a_new_telephone_go_on_writing() {
    let site = Site::start(&["taro"], None, "");
    site.ordinary_weeks("taro", HOME, 28);
    // A week abroad: hotels, with the laptop; then a telephone whose address is another one every day.
    for day in 0..14_u64 {
        let from = format!("127.{}.{}.9", 80 + day, day % 3);
        assert!(site.reads(&from, "taro", PASSWORD), "day {day}");
        let usual = ["partner@known.example", "boss@known.example"][usize::try_from(day % 2).unwrap()];
        let to = if day % 4 == 1 { format!("met{day}@abroad.example") } else { usual.to_owned() };
        let mut wire = Wire::from(&from, site.server.ports.submission).unwrap();
        wire.reply();
        wire.command(if day < 7 { "EHLO client.example" } else { "EHLO [10.20.30.40]" });
        wire.command(&format!("AUTH PLAIN {}", plain("taro@example.test", PASSWORD)));
        let reply =
            letter(&one(&to), &format!("abroad {day}"), &prose(5_000 + day)).over(&mut wire, "taro@example.test");
        assert!(reply.starts_with("250"), "{reply}");
        if to == usual && day < 7 {
            until("people whom he knows hear at once", Duration::from_secs(30), || {
                site.with_text(&prose(5_000 + day)).len() == 1
            });
        }
        site.all_goes(Duration::from_secs(3_600));
        site.hours(20);
        assert!(site.reads(HOME, "taro", PASSWORD));
        site.hours(4);
    }
    nobody_is_held(&site);
}

#[test]
fn a_password_just_changed_and_old_clients_that_try_the_old_one_for_days() {
    let site = Site::start(&["taro"], None, "");
    site.ordinary_weeks("taro", HOME, 21);
    let done = site.server.cli_with(&["account", "password", "taro@example.test", "--password-stdin"], NEW_PASSWORD);
    assert!(done.status.success(), "{}", text(&done));
    for n in 0..120_u64 {
        // The tablet at home, and the telephone on the way.
        let from = if n % 3 == 0 { format!("127.90.{}.5", n % 12) } else { HOME.to_owned() };
        let mut wire = Wire::from(&from, site.server.ports.imap).unwrap();
        wire.line();
        wire.send(format!("a LOGIN taro@example.test {PASSWORD}\r\n").as_bytes()).unwrap();
        assert!(wire.line().starts_with("a NO"), "{n}");
        site.pass(Duration::from_secs(1_200));
        if n % 20 == 19 {
            let to = if n == 59 { "somebody@new.example" } else { "partner@known.example" };
            let reply = site.send(HOME, "taro", NEW_PASSWORD, &letter(&one(to), "hello", &prose(6_000 + n)));
            assert!(reply.starts_with("250"), "{reply}");
            until("it goes at once", Duration::from_secs(30), || site.with_text(&prose(6_000 + n)).len() == 1);
        }
    }
    // The telephone gets the new password, where the old one was tried.
    let reply = site.send("127.90.3.5", "taro", NEW_PASSWORD, &letter(&one("boss@known.example"), "x", &prose(6_500)));
    assert!(reply.starts_with("250"), "{reply}");
    site.all_goes(Duration::from_secs(3_600));
    nobody_is_held(&site);
}

#[test]
fn a_new_employees_first_week_begins_without_delay() {
    let site = Site::start(&["jiro"], None, "");
    for day in 0..7_u64 {
        for n in 0..6_u64 {
            // Everybody is new on the first day, and somebody on every other.
            let new = day == 0 || n < 2;
            let to = format!("day{}-{n}@partner{n}.example", if new { day } else { 0 });
            let reply =
                site.send(HOME, "jiro", PASSWORD, &letter(&one(&to), "Introducing myself", &prose(day * 10 + n)));
            assert!(reply.starts_with("250"), "{reply}");
            if day == 0 && n < 5 {
                site.reaches_at_once(&to);
            }
            site.all_goes(Duration::from_secs(900));
            site.pass(Duration::from_secs(1_500));
        }
        site.hours(20);
    }
    assert_eq!(site.reached().len(), 18);
    nobody_is_held(&site);
}

fn plain(who: &str, password: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(format!("\0{who}\0{password}"))
}
