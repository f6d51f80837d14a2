//! Accounts with their rules. Hashing passwords takes the time, so several are under way at once.

use std::collections::VecDeque;
use std::io;

use sekisho_control::adopt::{Adopted, Adoption};
use sekisho_control::{Actor, Control, Refusal};
use sekisho_guard::rules::filter::MailFilter;
use sekisho_guard::rules::{self, Severity};
use sekisho_message::{Address, Language, Text, say};
use sekisho_store::account;
use sekisho_store::personal::{Forward, MOST_TARGETS, Personal};
use sekisho_store::{AccountId, domain};
use tokio::task::JoinHandle;

use super::accounts::Row;
use super::ims::Ims;
use super::layout::{Mailbox, Spool};
use super::report::{Kind, Report};
use super::{Bringing, rule_text};
use crate::files::{Listing, blocking};
use crate::maildir::Progress;

/// An account whose mail comes next.
pub(super) struct Person {
    /// None in a trial.
    pub(super) id: Option<AccountId>,
    /// Whether it is new here, or was overwritten.
    pub(super) fresh: bool,
    pub(super) row: Row,
    pub(super) mailbox: Option<Mailbox>,
}

/// What a mailbox says about its account.
struct Found {
    adopted: Adopted,
    /// Notes made while its files were read.
    notes: Report,
    auth_file: Option<bool>,
}

/// What became of an account.
struct Outcome {
    adoption: Result<Option<Adoption>, Refusal>,
    guessable: Option<Text>,
}

/// Brings all accounts; a trial only looks.
pub(super) async fn bring(
    bringing: &mut Bringing<'_>,
    rows: &[Row],
    spool: Option<&Spool>,
    progress: &mut Progress<'_>,
) -> Result<Vec<Person>, Refusal> {
    bringing.domains(rows).await?;
    let at_once = bringing.control.options().hashes.max(1) + 1;
    let mut people = Vec::with_capacity(rows.len());
    let mut under_way: VecDeque<(Row, Option<Mailbox>, Found, JoinHandle<Outcome>)> = VecDeque::new();
    for row in rows {
        let mailbox = spool.and_then(|spool| spool.mailbox(row)).cloned();
        let found = look(row, mailbox.as_ref()).await.map_err(|error| {
            crate::files::unusable(mailbox.as_ref().map_or(std::path::Path::new(""), |mailbox| &mailbox.path), &error)
        })?;
        let (control, actor) = (bringing.control.clone(), bringing.actor.clone());
        let (adopted, wanted) = (found.adopted.clone(), (bringing.wanted.dry_run, bringing.wanted.overwrite));
        let task = tokio::spawn(async move { adopt(&control, adopted, wanted, &actor).await });
        under_way.push_back((row.clone(), mailbox, found, task));
        if under_way.len() >= at_once
            && let Some(first) = under_way.pop_front()
        {
            people.extend(bringing.landed(first).await?);
            progress.add(1);
        }
    }
    while let Some(first) = under_way.pop_front() {
        people.extend(bringing.landed(first).await?);
        progress.add(1);
    }
    Ok(people)
}

async fn adopt(control: &Control, person: Adopted, wanted: (bool, bool), actor: &Actor) -> Outcome {
    let (dry_run, overwrite) = wanted;
    let key = person.address.key();
    let known = match control.store().read(move |tx| account::get(tx, &key)).await {
        Ok(known) => known,
        Err(error) => return Outcome { adoption: Err(error.into()), guessable: None },
    };
    if let Some(known) = &known
        && !overwrite
    {
        return Outcome { adoption: Ok(Some(Adoption::Present(known.id))), guessable: None };
    }
    let guessable = match &person.password {
        Some(secret) => control.judge_password(secret, &person.address, &person.full_name).await,
        None => Ok(None),
    };
    let guessable = match guessable {
        Ok(guessable) => guessable,
        Err(refusal) => return Outcome { adoption: Err(refusal), guessable: None },
    };
    if dry_run {
        return Outcome { adoption: Ok(known.map(|known| Adoption::Overwritten(known.id))), guessable };
    }
    let person = Adopted { must_change: guessable.is_some(), ..person };
    Outcome { adoption: control.adopt(person, overwrite, actor).await.map(Some), guessable }
}

impl Bringing<'_> {
    /// Adds the domains of all accounts.
    async fn domains(&mut self, rows: &[Row]) -> Result<(), Refusal> {
        let mut names: Vec<String> = rows.iter().map(|row| row.address.domain().ascii().to_ascii_lowercase()).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let wanted = name.clone();
            if self.control.store().read(move |tx| domain::get(tx, &wanted)).await?.is_some() {
                continue;
            }
            if !self.wanted.dry_run {
                self.control.adopt_domain(&name, self.actor).await?;
            }
            self.report.domains.push(name);
        }
        Ok(())
    }

    async fn landed(
        &mut self,
        (row, mailbox, found, task): (Row, Option<Mailbox>, Found, JoinHandle<Outcome>),
    ) -> Result<Option<Person>, Refusal> {
        let outcome = task.await.map_err(|error| sekisho_store::Error::Engine(error.to_string()))?;
        let address = row.address.to_string();
        let people = &mut self.report.accounts;
        let (id, fresh) = match outcome.adoption {
            Ok(Some(Adoption::Present(id))) => {
                people.present += 1;
                (Some(id), false)
            }
            Ok(Some(Adoption::Added(id))) => {
                people.added += 1;
                (Some(id), true)
            }
            Ok(Some(Adoption::Overwritten(id))) => {
                people.overwritten += 1;
                (Some(id), true)
            }
            Ok(None) => {
                people.added += 1;
                (None, true)
            }
            Err(Refusal::Invalid { reason }) => {
                people.failed += 1;
                self.report.note(Kind::Fault, &address, Some(row.line), reason, None);
                return Ok(None);
            }
            Err(other) => return Err(other),
        };
        if fresh {
            self.tell(&row, &found, outcome.guessable);
            self.report.absorb(found.notes);
        }
        let id = id.filter(|_| !self.wanted.dry_run);
        Ok(Some(Person { id, fresh, row, mailbox }))
    }

    /// What there is to say of an account that was taken over.
    fn tell(&mut self, row: &Row, found: &Found, guessable: Option<Text>) {
        let report = &mut *self.report;
        let (address, adopted) = (row.address.to_string(), &found.adopted);
        report.accounts.suspended += u64::from(adopted.suspended);
        report.forwards += u64::from(adopted.personal.forward.is_some());
        report.replies += u64::from(adopted.personal.reply.is_some());
        let texts = [&adopted.effect_dat, &adopted.sender_dat, &adopted.personal.mail_dat];
        report.rules += texts.iter().filter(|text| text.is_some()).count() as u64;
        let password = || Some(format!("sekisho account password {address} --generate"));
        if row.smtp_auth == Some(false) || (row.smtp_auth.is_none() && found.auth_file == Some(false)) {
            let text = say!(
                ja: "旧サーバでは SMTP 認証なしに、この差出人で誰でも送信できました。ここでは認証が必要です。利用者のメールソフトで SMTP 認証を有効にしてください。",
                en: "On the old server anybody could send as this account without SMTP AUTH. Here it must authenticate: switch AUTH on in its mail programs."
            );
            report.note(Kind::Hole, &address, Some(row.line), text, None);
        }
        if let Some(why) = guessable {
            let Text { ja, en } = why;
            let text = say!(
                ja: "パスワードが容易に類推できます（{ja}）。そのまま使えますが、変更が必要です。",
                en: "The password is easy to guess ({en}). It goes on working, and must be changed."
            );
            report.note(Kind::Hole, &address, Some(row.line), text, password());
        }
        if row.password.is_none() {
            let text = say!(
                ja: "パスワードがファイルにありません。設定するまで誰もログインできません。",
                en: "The file does not have the password. Nobody can log in until one is set."
            );
            report.note(Kind::Unreadable, &address, Some(row.line), text, password());
        }
        for (on, name) in [(row.pop3, "POP3"), (row.imap4, "IMAP4")] {
            if on == Some(false) {
                let text = say!(
                    ja: "{name} は禁止されていました。ここではアカウントごとに禁止できません。",
                    en: "{name} was switched off. Here it cannot be for one account."
                );
                report.note(Kind::Unsupported, &address, Some(row.line), text, None);
            }
        }
    }
}

/// Reads the rule files of a mailbox.
async fn look(row: &Row, mailbox: Option<&Mailbox>) -> io::Result<Found> {
    let path = mailbox.map(|mailbox| mailbox.path.clone());
    let listing = match path.clone() {
        Some(path) => Some(blocking(move || Listing::of(&path)).await?),
        None => None,
    };
    let mut notes = Report::default();
    let mut read = |name: &str| listing.as_ref().and_then(|listing| rule_text(listing, name, &mut notes));
    let (effect_dat, sender_dat, mail_dat) = (read("effect.dat"), read("sender.dat"), read("mail.dat"));
    let ims = Ims::parse(&read("ims.ctl").unwrap_or_default());
    let listed = ims.forward_file().and_then(|name| read(&name));
    let (permit, except) = (read("permitfrom.txt"), read("noreply.txt"));
    let body = read("autoreply.txt").or_else(|| read("autorply.txt"));
    let place = path.map(|path| path.display().to_string()).unwrap_or_default();
    let forward = ims.forward(listed.as_deref(), permit.as_deref());
    let forward = forward.and_then(|forward| sound_forward(&row.address, forward, &place, &mut notes));
    let mut reply = ims.reply(body.as_deref(), except.as_deref());
    if let Some(reply) = &mut reply {
        reply.except.retain(|pattern| rules::sender_pattern(pattern).is_some());
    }
    if let Some(text) = &mail_dat {
        for finding in MailFilter::parse(text.as_bytes()).findings() {
            if finding.severity == Severity::Error {
                let file = format!("{place}/mail.dat");
                notes.note(Kind::Fault, &file, Some(finding.line), finding.text.clone(), None);
            }
        }
    }
    if let Some(listing) = &listing {
        unsupported(listing, &mut notes);
    }
    let auth_file = listing.as_ref().map(|listing| listing.files.contains_key("apop.dat"));
    let suspended = row.suspended || mailbox.is_some_and(|mailbox| mailbox.suspended);
    let adopted = Adopted {
        address: row.address.clone(),
        full_name: row.full_name.clone(),
        password: row.password.clone(),
        must_change: false,
        suspended,
        language: Language::Ja,
        effect_dat,
        sender_dat,
        personal: Personal { forward, reply, mail_dat, send_hours: None },
    };
    Ok(Found { adopted, notes, auth_file })
}

/// A forward without addresses that cannot be. A list of senders that cannot be read lets nobody's mail out.
fn sound_forward(own: &Address, forward: Forward, place: &str, notes: &mut Report) -> Option<Forward> {
    let file = format!("{place}/ims.ctl");
    let Forward { to, keep, permit } = forward;
    let (good, bad): (Vec<String>, Vec<String>) =
        to.into_iter().partition(|to| Address::parse(to).is_ok_and(|to| to.key() != own.key()));
    for to in bad {
        let text = say!(ja: "転送先「{to}」は使えません。", en: "The forward to \"{to}\" cannot be used.");
        notes.note(Kind::Fault, &file, None, text, None);
    }
    let (patterns, bad): (Vec<String>, Vec<String>) =
        permit.into_iter().partition(|pattern| rules::sender_pattern(pattern).is_some());
    for pattern in &bad {
        let text = say!(ja: "permitfrom.txt の「{pattern}」は読めません。", en: "\"{pattern}\" of permitfrom.txt cannot be read.");
        notes.note(Kind::Fault, &file, None, text, None);
    }
    let shut = !bad.is_empty() && patterns.is_empty();
    if good.is_empty() || good.len() > MOST_TARGETS || shut {
        let text = say!(
            ja: "転送を設定しませんでした（転送先は 1 件から {MOST_TARGETS} 件まで）。",
            en: "The forward was not set: it has to have 1 to {MOST_TARGETS} addresses."
        );
        notes.note(Kind::Fault, &file, None, text, None);
        return None;
    }
    Some(Forward { to: good, keep, permit: patterns })
}

/// Files whose form was never published.
fn unsupported(listing: &Listing, notes: &mut Report) {
    for (name, text) in [
        (
            "usetime.dat",
            say!(
                ja: "送信時間の制限です。形式が公開されていないため移行できません。sekisho account hours で設定してください。",
                en: "Send hours. The form of the file is not public; set them with sekisho account hours."
            ),
        ),
        (
            "size.ctl",
            say!(
                ja: "容量の制限です。アカウントファイルの MailboxLimit を使います。",
                en: "A limit of the mailbox. The MailboxLimit of the account file is used."
            ),
        ),
    ] {
        if let Some(path) = listing.files.get(name) {
            notes.note(Kind::Unsupported, &path.display().to_string(), None, text, None);
        }
    }
}
