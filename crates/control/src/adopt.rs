//! Taking accounts over from another server: passwords that people know go on working, whatever they are worth.
//!
//! What is set here is what its owner had before. So a guessable password is not refused, only told; and nothing of an
//! account that is here already is touched unless that is asked for.

use sekisho_guard::rules::effect::EffectRules;
use sekisho_message::{Address, Language, Text, say};
use sekisho_store::account::{self, NewAccount, Role, State};
use sekisho_store::personal::{self, Personal};
use sekisho_store::{AccountId, domain, journal};
use serde_json::{Value, json};

use crate::acts::account_acts::{hashes, judge};
use crate::acts::personal_acts::{checked_forward, checked_reply};
use crate::command::Secret;
use crate::control::Acted;
use crate::{Actor, BusEvent, Control, Refusal, entry, password};

/// An account that comes from elsewhere.
#[derive(Clone, Debug)]
pub struct Adopted {
    /// Login and address.
    pub address: Address,
    /// Name of the person, or empty.
    pub full_name: String,
    /// Its password; none when nobody knows it: then nobody can log in until one is set.
    pub password: Option<Secret>,
    /// Whether the person must choose another one.
    pub must_change: bool,
    /// Whether it was suspended.
    pub suspended: bool,
    /// Language for texts to the person.
    pub language: Language,
    /// Its own `effect.dat`.
    pub effect_dat: Option<String>,
    /// Its own `sender.dat`.
    pub sender_dat: Option<String>,
    /// Its other rules.
    pub personal: Personal,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adoption {
    /// It is new.
    Added(AccountId),
    /// It was here and stays as it is.
    Present(AccountId),
    /// It was here and has name, password and rules of the other server now.
    Overwritten(AccountId),
}

impl Adoption {
    /// The account.
    #[must_use]
    pub const fn account(self) -> AccountId {
        match self {
            Self::Added(id) | Self::Present(id) | Self::Overwritten(id) => id,
        }
    }
}

impl Control {
    /// Takes an account over, with its domain added if need be.
    ///
    /// # Errors
    /// Why it was not done: a rule that cannot be, or an address that an alias or a list has.
    pub async fn adopt(&self, person: Adopted, overwrite: bool, actor: &Actor) -> Result<Adoption, Refusal> {
        let key = person.address.key();
        let wanted = key.clone();
        let known = self.store().read(move |tx| account::get(tx, &wanted)).await?;
        if let Some(known) = &known
            && !overwrite
        {
            return Ok(Adoption::Present(known.id));
        }
        let person = checked(person)?;
        let name = person.address.domain().ascii().to_ascii_lowercase();
        let domain = self.adopt_domain(&name, actor).await?;
        let secret = match &person.password {
            Some(secret) => secret.clone(),
            None => Secret(password::one_time().map_err(|error| Refusal::invalid(no_random(&error.to_string())))?),
        };
        let (hash, scram) = hashes(self, &secret, domain).await?;
        let now = self.now();
        let had_password = person.password.is_some();
        let done = self
            .transact(actor, move |tx| {
                let known = account::get(tx, &key)?;
                let (id, what) = match &known {
                    Some(known) => {
                        if had_password {
                            account::set_password(tx, known.id, &hash, scram.as_deref(), person.must_change, now)?;
                        }
                        account::set_person(tx, known.id, &person.full_name, person.language)?;
                        (known.id, "overwritten")
                    }
                    None => {
                        crate::acts::free(tx, &key)?;
                        let new = NewAccount {
                            address: person.address.clone(),
                            full_name: person.full_name.clone(),
                            role: Role::User,
                            quota: None,
                            password: hash.clone(),
                            scram: scram.clone(),
                            language: person.language,
                            must_change: person.must_change,
                        };
                        (account::add(tx, &new, now)?, "added")
                    }
                };
                account::set_rules(tx, id, person.effect_dat.as_deref(), person.sender_dat.as_deref())?;
                personal::set_forward(tx, id, person.personal.forward.as_ref())?;
                personal::set_reply(tx, id, person.personal.reply.as_ref())?;
                personal::set_filter(tx, id, person.personal.mail_dat.as_deref())?;
                personal::set_hours(tx, id, person.personal.send_hours.as_deref())?;
                if person.suspended {
                    account::set_state(tx, id, State::Suspended)?;
                }
                let mut events = vec![BusEvent::DirectoryChanged];
                if known.is_some() {
                    events.push(BusEvent::PasswordChanged { account: id });
                }
                let detail = json!({
                    "what": what,
                    "suspended": person.suspended,
                    "forward": &person.personal.forward,
                    "reply": person.personal.reply.is_some(),
                    "filter": person.personal.mail_dat.is_some(),
                });
                Ok(Acted {
                    act: "account.import",
                    about: Some(key.clone()),
                    detail,
                    done: crate::Done::with(
                        say!(ja: "{key} を移行しました。", en: "Took over {key}."),
                        json!({ "id": id.0, "what": what }),
                    ),
                    events,
                })
            })
            .await?;
        let id = AccountId(done.data["id"].as_i64().unwrap_or_default());
        Ok(if done.data["what"] == "added" { Adoption::Added(id) } else { Adoption::Overwritten(id) })
    }

    /// The domain, added when it is not here.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn adopt_domain(&self, name: &str, actor: &Actor) -> Result<sekisho_store::DomainId, Refusal> {
        let wanted = name.to_owned();
        if let Some(domain) = self.store().read(move |tx| domain::get(tx, &wanted)).await? {
            return Ok(domain.id);
        }
        let (wanted, now) = (name.to_owned(), self.now());
        let adding = self.transact(actor, move |tx| {
            let id = match domain::get(tx, &wanted)? {
                Some(domain) => domain.id,
                None => domain::add(tx, &wanted, now)?,
            };
            Ok(Acted {
                act: "domain.add",
                about: Some(wanted.clone()),
                detail: json!({ "by": "import" }),
                done: crate::Done::with(
                    say!(ja: "ドメイン {wanted} を追加しました。", en: "Added the domain {wanted}."),
                    json!({ "id": id.0 }),
                ),
                events: vec![BusEvent::DirectoryChanged],
            })
        });
        Ok(sekisho_store::DomainId(adding.await?.data["id"].as_i64().unwrap_or_default()))
    }

    /// Why a password should not be kept; none when it is hard to guess.
    ///
    /// # Errors
    /// When the server is stopping.
    pub async fn judge_password(
        &self,
        secret: &Secret,
        address: &Address,
        full_name: &str,
    ) -> Result<Option<Text>, Refusal> {
        match judge(self, secret, address, full_name).await {
            Ok(()) => Ok(None),
            Err(Refusal::Invalid { reason }) => Ok(Some(reason)),
            Err(other) => Err(other),
        }
    }

    /// Notes an act that was done in steps elsewhere: an import, an export.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn record(
        &self,
        what: &'static str,
        about: Option<&str>,
        detail: &Value,
        actor: &Actor,
    ) -> Result<(), Refusal> {
        let note = entry::act(self.now(), &actor.to_string(), what, about, detail);
        Ok(self.store().write(move |tx| journal::append(tx, std::slice::from_ref(&note))).await?)
    }

    /// Refuses `client` from now on, by a `false` row at the head of `effect.dat`; false when it is refused already, may
    /// relay, is this machine, or there are [`MOST_BARRED`] such rows.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn bar_client(&self, client: std::net::IpAddr, why: &str) -> Result<bool, Refusal> {
        use sekisho_guard::rules::effect::{Ruling, SHIPPED, Sender};
        let client = client.to_canonical();
        let Some(folder) = self.options().rules.clone() else { return Ok(false) };
        if client.is_loopback() || client.is_unspecified() {
            return Ok(false);
        }
        let _one = self.barring().lock().await;
        let path = folder.join(crate::acts::EFFECT);
        let text = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => SHIPPED.as_bytes().to_vec(),
            Err(error) => return Err(unwritable(&error)),
        };
        let rules = EffectRules::parse(&text);
        let ruling = rules.decide(client, Sender::Null).ruling;
        let barred = rules.rules().iter().filter(|rule| rule.source.ends_with(" false")).count();
        if matches!(ruling, Ruling::Refuse | Ruling::TrustNetwork(_)) || barred >= MOST_BARRED {
            return Ok(false);
        }
        let marked = text.starts_with(&[0xFF, 0xFE]) || text.starts_with(&[0xFE, 0xFF]);
        if marked {
            // A row in another encoding would spoil the file.
            return Ok(false);
        }
        let rest = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&text);
        let new = [format!("{client} false\r\n").as_bytes(), rest].concat();
        let written = tokio::task::spawn_blocking(move || crate::lockout::replace(&path, &new)).await;
        if let Some(error) = written.map_err(std::io::Error::other).and_then(|done| done).err() {
            return Err(unwritable(&error));
        }
        let detail = json!({ "client": client.to_string(), "why": why });
        self.record("rules.bar", None, &detail, &Actor::server("mail.dat")).await?;
        self.publish(BusEvent::RulesChanged);
        Ok(true)
    }
}

/// Rows that refuse one address each, at most: a sender with many addresses must not fill the file.
pub const MOST_BARRED: usize = 2_000;

/// The person with rules in the form in which they are kept.
fn checked(mut person: Adopted) -> Result<Adopted, Refusal> {
    if let Some(forward) = person.personal.forward.take() {
        person.personal.forward = Some(checked_forward(&person.address, forward)?);
    }
    if let Some(reply) = person.personal.reply.take() {
        person.personal.reply = Some(checked_reply(reply)?);
    }
    Ok(person)
}

fn no_random(error: &str) -> Text {
    say!(ja: "乱数が得られません: {error}", en: "No random numbers: {error}")
}

fn unwritable(error: &std::io::Error) -> Refusal {
    Refusal::Store {
        reason: say!(ja: "effect.dat を書けません: {error}", en: "effect.dat cannot be written: {error}"),
        temporary: true,
    }
}
