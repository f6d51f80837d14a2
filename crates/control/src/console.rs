//! What the console does on behalf of whoever is at a browser: second factors and tokens, with their journal entries.

use sekisho_guard::place::Place;
use sekisho_message::{Time, say};
use sekisho_store::console::{self, NewToken};
use sekisho_store::{AccountId, lockout};
use serde_json::json;

use crate::control::{Acted, Fault};
use crate::lockout::Seeker;
use crate::{Actor, Control, Done, Failure, Protocol, Refusal};

/// Most tokens of one account.
const MOST_TOKENS: usize = 50;

/// A token for a program, to be made.
#[derive(Clone, Debug)]
pub struct TokenWish {
    /// Whose.
    pub account: AccountId,
    /// What its owner calls it.
    pub name: String,
    /// SHA-256 of the token.
    pub hash: Vec<u8>,
    /// What it may do: names separated by blanks.
    pub scopes: String,
    /// Its end.
    pub until: Time,
}

impl Control {
    /// Whether somebody whose password was right may give a code of the second factor now.
    ///
    /// # Errors
    /// [`Failure::Locked`], [`Failure::Elsewhere`] or [`Failure::Store`].
    pub async fn may_give_code(&self, login: &str, network: &str) -> Result<(), Failure> {
        let seeker = self.console_seeker(login, network).await?;
        self.may_try(&seeker).await
    }

    /// Counts a wrong code of the second factor like a wrong password, and notes it.
    ///
    /// # Errors
    /// [`Failure::Store`].
    pub async fn wrong_code(&self, login: &str, network: &str) -> Result<(), Failure> {
        let seeker = self.console_seeker(login, network).await?;
        // Codes differ by themselves, so each wrong one counts.
        self.learn_wrong(&seeker, &self.lockout().unlike()).await;
        let entry = crate::entry::login(self.now(), Protocol::Console, network, Some(login), login, "wrong code");
        self.journal().note(entry);
        Ok(())
    }

    async fn console_seeker(&self, login: &str, network: &str) -> Result<Seeker, Failure> {
        let ip = network.parse().ok();
        let found = self.find(login, ip).await?;
        Ok(self.seeker(login, &found, Protocol::Console, ip).await)
    }

    /// Puts the second factor of an account in force, with the hashes of its recovery codes; `step` is that of the code
    /// that was given.
    ///
    /// # Errors
    /// Why not.
    pub async fn confirm_factor(
        &self,
        account: AccountId,
        address: &str,
        step: i64,
        recovery: Vec<Vec<u8>>,
        actor: &Actor,
    ) -> Result<Done, Refusal> {
        let about = address.to_owned();
        self.transact(actor, move |tx| {
            console::confirm_factor(tx, account, step, &recovery)?;
            Ok(Acted {
                act: "console.factor.set",
                about: Some(about.clone()),
                detail: json!({ "recovery_codes": recovery.len() }),
                done: Done::said(say!(ja: "二段階認証を有効にしました。", en: "The second factor is in force.")),
                events: Vec::new(),
            })
        })
        .await
    }

    /// Makes a token for a program.
    ///
    /// # Errors
    /// Why not.
    pub async fn make_token(&self, wish: TokenWish, address: &str, actor: &Actor) -> Result<Done, Refusal> {
        let (about, now) = (address.to_owned(), self.now());
        self.transact(actor, move |tx| {
            if console::tokens(tx, wish.account)?.len() >= MOST_TOKENS {
                return Err(Fault::invalid(say!(
                    ja: "トークンは {MOST_TOKENS} 個までです。使わないものを消してください。",
                    en: "There can be {MOST_TOKENS} tokens. Take some away that are not used."
                )));
            }
            let TokenWish { account, name, hash, scopes, until } = &wish;
            let id = console::token(tx, &NewToken { account: *account, name, hash, scopes, until: *until }, now)?;
            Ok(Acted {
                act: "console.token.add",
                about: Some(about.clone()),
                detail: json!({ "token": id, "name": name, "scopes": scopes, "until": until.to_string() }),
                done: Done::with(say!(ja: "トークンを作りました。", en: "The token is made."), json!({ "token": id })),
                events: Vec::new(),
            })
        })
        .await
    }

    /// Takes a program's token away.
    ///
    /// # Errors
    /// Why not.
    pub async fn end_token(&self, account: AccountId, address: &str, id: i64, actor: &Actor) -> Result<Done, Refusal> {
        let about = address.to_owned();
        self.transact(actor, move |tx| {
            if !console::end_token(tx, account, id)? {
                return Err(Fault::invalid(say!(
                    ja: "そのトークンはありません。",
                    en: "There is no such token."
                )));
            }
            Ok(Acted {
                act: "console.token.remove",
                about: Some(about.clone()),
                detail: json!({ "token": id }),
                done: Done::said(say!(ja: "トークンを消しました。", en: "The token is taken away.")),
                events: Vec::new(),
            })
        })
        .await
    }

    /// Ends all sessions of an account but `token`'s, takes its programs' tokens away, and forgets that it was ever used
    /// from `network`: its owner says that this was somebody else. An empty network is none.
    ///
    /// # Errors
    /// Why not.
    pub async fn disown(
        &self,
        account: AccountId,
        address: &str,
        network: &str,
        token: Vec<u8>,
        actor: &Actor,
    ) -> Result<Done, Refusal> {
        let place = network.parse().ok().map(|ip| Place::of(ip).to_string());
        let about = address.to_owned();
        self.transact(actor, move |tx| {
            let sessions = console::end_others(tx, account, &token)?;
            let mut tokens = 0_u64;
            if let Some(place) = &place {
                lockout::forget_use(tx, account, Some(place))?;
                for token in console::tokens(tx, account)? {
                    tokens += u64::from(console::end_token(tx, account, token.id)?);
                }
            }
            Ok(Acted {
                act: "console.disown",
                about: Some(about.clone()),
                detail: json!({ "network": place, "sessions": sessions, "tokens": tokens }),
                done: Done::said(say!(
                    ja: "ほかのブラウザ {sessions} 件をログアウトさせました。",
                    en: "Logged out {sessions} other browsers."
                )),
                events: Vec::new(),
            })
        })
        .await
    }
}
