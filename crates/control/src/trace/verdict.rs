//! The verdict on one file.

use std::net::IpAddr;

use sekisho_message::header::{Headers, field_addresses, from_addresses};
use sekisho_message::proof::Letter;
use sekisho_message::within::{How, Level, levels};
use sekisho_message::{Address, Time, arf, date, fingerprint, say};
use sekisho_store::journal::Entry;
use sekisho_store::{Result, domain};

use super::hops::{Hop, OurLine, border, hops};
use super::mark::Bound;
use super::{Source, Traced, Verdict, onward, past};
use crate::Control;

/// Bits in which the fingerprints of two versions of one text may differ: footers and transcoding change a few.
const SAME_TEXT: u32 = 14;
/// A text shorter than this says too little for that.
const ENOUGH_TEXT: usize = 80;

/// What is known of one message.
struct Case<'a> {
    level: &'a Level<'a>,
    hops: Vec<Hop>,
    bound: Bound,
    /// Domains of ours that the header claims.
    claims: Vec<String>,
    /// The address that the complaining side saw, by the report or by the trace.
    seen: Option<IpAddr>,
    /// When it was sent, by the header's own word.
    date: Option<Time>,
}

pub(super) async fn of(control: &Control, file: &[u8]) -> Result<Traced> {
    let all = levels(file);
    let report = arf::parse(file);
    let local: Vec<String> =
        control.store().read(|tx| Ok(domain::list(tx)?.into_iter().map(|one| one.name).collect())).await?;
    let mut cases: Vec<Case<'_>> = all.iter().map(|level| Case::of(control, level, &local)).collect();
    if let (Some(report), Some(last)) = (&report, cases.last_mut()) {
        last.seen = report.source.or(last.seen);
    }
    let Some(case) = pick(&cases) else { return Ok(Traced::default()) };
    let mut traced = Traced { header_message_id: text(&case.bound.message_id), ..Traced::default() };
    match case.level.how {
        How::Outermost => {}
        How::Feedback => traced.because(say!(ja: "苦情報告（ARF）の中のメールを調べました。", en: "It is the message inside a feedback report (ARF).")),
        How::Dsn => traced.because(say!(ja: "不達通知（DSN）の中のメールを調べました。", en: "It is the message inside a delivery status notification.")),
        How::Attached => traced.because(say!(ja: "添付されたメールを調べました。", en: "It is the attached message.")),
        How::Pasted => traced.because(say!(ja: "本文に貼られたヘッダを調べました。", en: "It is the header pasted into the text.")),
    }
    judge(control, case, &mut traced).await?;
    Ok(traced)
}

/// The message that matters: the innermost one of a report; else the innermost one that has to do with us.
fn pick<'c, 'a>(cases: &'c [Case<'a>]) -> Option<&'c Case<'a>> {
    let last = cases.last()?;
    if matches!(last.level.how, How::Feedback | How::Dsn) {
        return Some(last);
    }
    cases.iter().rev().find(|case| case.concerns_us()).or(cases.first())
}

impl<'a> Case<'a> {
    fn of(control: &Control, level: &'a Level<'a>, local: &[String]) -> Self {
        let header = Headers::of(&level.message).raw();
        let hops = hops(header, control.marks(), &control.options().hostname);
        let mut claims: Vec<String> = Vec::new();
        let mut claim = |address: &Address| {
            let domain = address.domain().ascii();
            if local.iter().any(|own| own == domain) && !claims.iter().any(|known| known == domain) {
                claims.push(domain.to_owned());
            }
        };
        from_addresses(header).iter().for_each(&mut claim);
        field_addresses(header, "Return-Path").iter().for_each(&mut claim);
        field_addresses(header, "Sender").iter().for_each(&mut claim);
        let seen = border(&hops).map(|(_, ip)| ip);
        let headers = Headers::of(header);
        let date = headers.text("Date").and_then(|text| date::parse(&text));
        let date = hops.first().and_then(|hop| hop.received.at).or(date);
        Self { level, bound: Bound::of(header), hops, claims, seen, date }
    }

    fn concerns_us(&self) -> bool {
        self.hops.iter().any(|hop| hop.names_us || hop.ours.is_some()) || !self.claims.is_empty()
    }

    /// Whether it is a copy from a mailbox here: our line is the last hop, and delivery wrote its Return-Path above that.
    fn is_from_our_mailbox(&self) -> bool {
        let first = Headers::of(&self.level.message).iter().next();
        self.hops.first().is_some_and(|hop| hop.ours.is_some()) && first.is_some_and(|field| field.is("Return-Path"))
    }

    fn our_line(&self) -> Option<&OurLine> {
        let mut lines = self.hops.iter().filter_map(|hop| hop.ours.as_ref());
        let first = lines.next()?;
        Some(if first.bound { first } else { lines.find(|line| line.bound).unwrap_or(first) })
    }

    fn source(&self, control: &Control) -> Source {
        let claimed = self.claims.first().map_or("", String::as_str);
        let header = Headers::of(&self.level.message).raw();
        let ip = self.seen.filter(|ip| !control.is_own_address(*ip));
        // What the border host called itself, where the trace knows it.
        let helo =
            border(&self.hops).filter(|(_, seen)| Some(*seen) == ip).and_then(|(hop, _)| hop.received.from.clone());
        let letter = Letter {
            ip,
            helo: helo.unwrap_or_default(),
            mail_from: field_addresses(header, "Return-Path").first().map(ToString::to_string).unwrap_or_default(),
            message: self.level.message.to_vec(),
        };
        Source::new(claimed, letter, self.level.whole)
    }
}

async fn judge(control: &Control, case: &Case<'_>, traced: &mut Traced) -> Result<()> {
    match case.our_line() {
        Some(line) => with_line(control, case, line, traced).await,
        None => without_line(control, case, traced).await,
    }
}

/// A line with a mark of ours is there: is it on the message that it was written for?
async fn with_line(control: &Control, case: &Case<'_>, line: &OurLine, traced: &mut Traced) -> Result<()> {
    let id = &line.id;
    traced.because(say!(
        ja: "Received 行 {id} に当サーバの署名があり、正しいものです。",
        en: "A Received line carries our signed mark for {id}, and the mark is genuine."
    ));
    let entry = past::accepted(control.store(), &line.id, line.at).await?;
    let by_us = case.seen.is_some_and(|ip| control.is_own_address(ip));
    if !line.bound && !case.bound.is_empty() && !by_us {
        traced.because(say!(
            ja: "しかし Message-ID・From・Date が署名されたものと違います。当方の Received 行を別のメールに写したものです。",
            en: "But Message-ID, From or Date are not those that it was made for: our line was copied onto another message."
        ));
        return forged(control, case, traced);
    }
    if let Some(entry) = &entry
        && is_other_text(case, entry)
    {
        traced.because(say!(
            ja: "しかし本文が、記録された {id} のものと違います。当方のヘッダを別の本文に付けたものです。",
            en: "But the text is not the one that {id} had: our header was put onto another text."
        ));
        return forged(control, case, traced);
    }
    traced.message_id = Some(line.id.clone());
    traced.time = Some(line.at);
    match entry {
        Some(entry) => {
            from_entry(&entry, traced);
            traced.because(say!(ja: "ログに受付の記録があります（inlog {id}）。", en: "The journal has its acceptance (inlog {id})."));
            if traced.verdict == Verdict::Received && !case.is_from_our_mailbox() {
                handed_on(control, case, line, traced).await?;
            }
        }
        None => from_mark(control, line, traced).await?,
    }
    Ok(())
}

/// It came from outside; if an alias, a forward or a list of ours sent it on, that is what the complaint is about.
async fn handed_on(control: &Control, case: &Case<'_>, line: &OurLine, traced: &mut Traced) -> Result<()> {
    let header = Headers::of(&case.level.message).raw();
    let Some(found) = onward::look(control, header, &line.id, line.at).await? else { return Ok(()) };
    let (origin, to) = (found.origin.clone(), found.recipients.join(", "));
    traced.because(say!(
        ja: "外から届いたものを、{origin} の設定に従って {to} へ送り出しました。",
        en: "It came from outside, and {origin} sent it on to {to}."
    ));
    traced.verdict = Verdict::Relayed;
    traced.origin = Some(found.origin);
    traced.account = found.account;
    traced.recipients = found.recipients;
    Ok(())
}

/// The journal has forgotten it; the mark still tells whose it was.
async fn from_mark(control: &Control, line: &OurLine, traced: &mut Traced) -> Result<()> {
    traced.because(say!(
        ja: "受付の記録は保存期間を過ぎています。署名だけから判断しました。",
        en: "The journal no longer has its acceptance; the mark alone tells whose it was."
    ));
    let (who, hands) = (line.who, control.clone());
    let account = control.store().read(move |tx| past::account_of(tx, hands.marks(), who)).await?;
    traced.verdict = if account.is_some() {
        Verdict::Submitted
    } else if control.marks().who("inbound") == line.who {
        Verdict::Received
    } else {
        Verdict::Relayed
    };
    traced.account = account;
    Ok(())
}

/// Nothing in it carries a mark of ours.
async fn without_line(control: &Control, case: &Case<'_>, traced: &mut Traced) -> Result<()> {
    let names_us = case.hops.iter().any(|hop| hop.names_us);
    let message_id = traced.header_message_id.clone().unwrap_or_default();
    // A report may have kept all trace lines back; then the Message-ID is all there is.
    if case.hops.is_empty() && !message_id.is_empty() && case.date.is_some() {
        let date = case.date.unwrap_or(Time::EPOCH);
        let (found, complete) = past::by_message_id(control.store(), &message_id, date).await?;
        if let Some(entry) = found.filter(|entry| !is_other_text(case, entry)) {
            traced.because(say!(
                ja: "Received 行がないため Message-ID で探し、受付の記録が見つかりました。",
                en: "It has no Received lines; the journal has the acceptance of a message with this Message-ID."
            ));
            traced.message_id.clone_from(&entry.message);
            traced.time = Some(entry.at);
            from_entry(&entry, traced);
            return Ok(());
        }
        if !complete {
            traced.because(say!(ja: "ログが多く、すべては探せませんでした。", en: "The journal is too large to be searched whole."));
        }
    }
    if !names_us && case.claims.is_empty() {
        traced.because(say!(
            ja: "当サーバの名前もドメインも出てきません。当方とは関係のないメールです。",
            en: "Neither our host nor a domain of ours is in it: it has nothing to do with us."
        ));
        return Ok(());
    }
    let begins = past::begins(control.store()).await?;
    let marked = case.hops.iter().any(|hop| hop.names_us && hop.received.mark.is_some());
    let before = match (case.date, begins) {
        (Some(date), Some(begins)) => date < begins,
        _ => true,
    };
    if !marked && before && (names_us || case.hops.is_empty()) {
        traced.because(say!(
            ja: "その時刻のログは残っていないか時刻が分からず、署名もないため判断できません。",
            en: "It is older than the journal, or its time is not known, and it carries no mark: it cannot be known."
        ));
        return Ok(());
    }
    traced.because(match (names_us, marked) {
        (true, true) => say!(
            ja: "当サーバを名乗る Received 行がありますが、署名が偽物です。",
            en: "A Received line names our host, but its mark is not ours."
        ),
        (true, false) => say!(
            ja: "当サーバを名乗る Received 行がありますが、当方が必ず付ける署名がありません。",
            en: "A Received line names our host, but it lacks the mark that we always write."
        ),
        (false, _) => say!(
            ja: "差出人は当方のドメインですが、当サーバを通った跡がありません。",
            en: "Its sender is in a domain of ours, but it never passed through this server."
        ),
    });
    forged(control, case, traced)
}

#[expect(clippy::unnecessary_wraps, reason = "the last word of several functions that can fail")]
fn forged(control: &Control, case: &Case<'_>, traced: &mut Traced) -> Result<()> {
    traced.verdict = Verdict::Forged;
    traced.source = Some(case.source(control));
    Ok(())
}

fn from_entry(entry: &Entry, traced: &mut Traced) {
    let text = |name: &str| entry.detail[name].as_str().unwrap_or_default();
    traced.account.clone_from(&entry.account);
    traced.network.clone_from(&entry.network);
    let to = entry.detail["to"].as_array().map_or(&[][..], Vec::as_slice);
    traced.recipients = to.iter().filter_map(|one| one.as_str()).map(str::to_owned).collect();
    let origin = text("origin");
    traced.verdict = match (&entry.account, origin) {
        (Some(_), _) => Verdict::Submitted,
        (None, "" | "inbound") => Verdict::Received,
        (None, _) => Verdict::Relayed,
    };
    if traced.verdict == Verdict::Relayed {
        traced.origin = Some(origin.to_owned());
    }
}

/// Whether the text differs from the one that was accepted, as far as both are known.
fn is_other_text(case: &Case<'_>, entry: &Entry) -> bool {
    let known = entry.detail["fingerprint"].as_str().and_then(|text| u64::from_str_radix(text, 16).ok());
    let (Some(known), true) = (known, case.level.whole && case.level.message.len() > ENOUGH_TEXT) else { return false };
    let found = fingerprint::of_message(&case.level.message);
    found != 0 && known != 0 && fingerprint::distance(known, found) > SAME_TEXT
}

fn text(value: &[u8]) -> Option<String> {
    let text: String = String::from_utf8_lossy(value).chars().filter(|c| !c.is_control()).take(995).collect();
    (!text.is_empty()).then_some(text)
}
