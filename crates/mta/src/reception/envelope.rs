//! MAIL and RCPT.

use sekisho_guard::origin::Origin;
use sekisho_guard::relay::{self, Action, Locality, Refusal, Request, Standing};
use sekisho_guard::rules::effect::{Decision, Ruling, Sender};
use sekisho_message::Address;
use sekisho_message::address::{ForwardPath, ReversePath};
use sekisho_proto::smtp::server::Reply;
use sekisho_proto::smtp::{MailParams, RcptParams, Response};
use sekisho_store::domain::Claims;
use sekisho_store::list::{self, List, Posting};

use super::agent::{SmtpAgent, isolated};
use super::settings::{FullMailbox, Service};
use super::transaction::{Transaction, notify_bits, orcpt};
use super::{Reception, reply};
use crate::accept::{Recipient, Route};
use crate::directory::Site;
use crate::identity;
use crate::routing::{self, Resident, Target};
use crate::srs::{self, Signer};

impl SmtpAgent {
    pub(super) async fn mail(&mut self, reverse_path: ReversePath, params: MailParams) -> Reply {
        let line = format!("MAIL FROM:{reverse_path}");
        self.summary.sender = reverse_path.address().map(ToString::to_string).unwrap_or_default();
        let now = self.now();
        let site = match self.site.directory.site(now).await {
            Ok(site) => site,
            Err(error) => return self.store_failed(&line, &error),
        };
        if let Some(reason) = &site.paused {
            let reason = format!("receive is paused: {reason}");
            return self.refused(&line, reply::unavailable(self.site.hostname()), &reason);
        }
        if self.is_ended() {
            return self.refused(&line, reply::unavailable(self.site.hostname()), "the account may no longer send");
        }
        if let Some(origin) = self.shut_out() {
            return self.refused(&line, reply::unavailable(self.site.hostname()), &isolated(&origin));
        }
        let key = reverse_path.address().map(Address::key).unwrap_or_default();
        let sender = if key.is_empty() { Sender::Null } else { Sender::Address(&key) };
        let rule = self.site.effect(now).decide(self.ip, sender);
        if rule.ruling == Ruling::Refuse {
            let reason = format!("line {} of effect.dat", rule.line.unwrap_or_default());
            return self.refused(&line, Reception::bad_source(), &reason);
        }
        if let Some(refusal) = self.foreign_sender(&line, &reverse_path).await {
            return refusal;
        }
        let claimed = self.claimed(&reverse_path, &site);
        let standing = match self.standing(&reverse_path, claimed.is_some()).await {
            Ok(standing) => standing,
            Err(error) => return self.store_failed(&line, &error),
        };
        let origin = match &self.login {
            Some(login) => login.origin.clone(),
            None => relay::unauthenticated(self.site.settings.policy, &rule, self.ip, standing),
        };
        // Lists of domains are asked anew for another sender.
        self.door = None;
        self.transaction = Some(Box::new(Transaction {
            reverse_path,
            sender: key,
            params,
            rule,
            standing,
            site,
            claimed,
            role: false,
            origin,
            recipients: Vec::new(),
            single: None,
            forbidden: None,
            intake: None,
            dialogue: line,
        }));
        Reply::Ok
    }

    /// Refuses a reverse-path that the account that authenticated does not own.
    async fn foreign_sender(&mut self, line: &str, reverse_path: &ReversePath) -> Option<Reply> {
        let (login, address) = (self.login.as_deref()?, reverse_path.address()?);
        let store = self.site.control.store();
        match identity::foreign(store, &login.account, std::slice::from_ref(address)).await {
            Ok(None) => None,
            Ok(Some(foreign)) => {
                let response = reply::not_yours(&foreign.to_string());
                Some(self.refused(line, response, "the reverse-path does not belong to the account"))
            }
            Err(error) => Some(self.store_failed(line, &error)),
        }
    }

    /// The domain of ours that the reverse-path claims without AUTH, where its switch lets that through.
    fn claimed(&self, reverse_path: &ReversePath, site: &Site) -> Option<String> {
        let domain = reverse_path.address()?.domain();
        let through = self.login.is_none() && matches!(site.claims(domain)?, Claims::Mark | Claims::Off);
        through.then(|| domain.ascii().to_owned())
    }

    /// What is known of the reverse-path. Whether a local one exists is looked up only where that matters, so that
    /// nobody can learn it from the time that an answer takes.
    async fn standing(&self, reverse_path: &ReversePath, claimed: bool) -> sekisho_store::Result<Standing> {
        let Some(address) = reverse_path.address() else { return Ok(Standing::Nobody) };
        if claimed {
            // The operator lets such mail in, as from anybody outside: the claim opens nothing.
            return Ok(Standing::Outside);
        }
        if !self.site.directory.is_local(address.domain(), self.now()).await? {
            return Ok(Standing::Outside);
        }
        let policy = self.site.settings.policy;
        if self.login.is_some() || (policy.local_senders_need_auth && !policy.legacy_internal_senders) {
            return Ok(Standing::Local { exists: self.login.is_some() });
        }
        let address = address.clone();
        let exists = self.site.control.store().read(move |tx| identity::exists(tx, &address)).await?;
        Ok(Standing::Local { exists })
    }

    pub(super) async fn rcpt(&mut self, forward_path: ForwardPath, params: RcptParams) -> Reply {
        let line = format!("RCPT TO:{forward_path}");
        let Some(transaction) = self.transaction.take() else {
            return self.refused(&line, reply::out_of_step(), "no transaction");
        };
        let mut transaction = transaction;
        let outcome = self.recipient(&mut transaction, forward_path, params).await;
        let reply = match outcome {
            Ok(()) => {
                transaction.said(&line);
                Reply::Ok
            }
            Err(Refused { response, reason }) => self.refused(&line, response, &reason),
        };
        self.transaction = Some(transaction);
        reply
    }

    async fn recipient(
        &mut self,
        transaction: &mut Transaction,
        forward_path: ForwardPath,
        params: RcptParams,
    ) -> Result<(), Refused> {
        if let Some(response) = &transaction.forbidden {
            return Err(Refused::new(response.clone(), "sender.dat forbade another recipient of the message"));
        }
        let address = forward_path
            .resolve(&self.site.settings.hostname)
            .map_err(|_| Refused::new(reply::out_of_step(), "the host name is too long for a postmaster"))?;
        self.look_at_lists(transaction, &address).await?;
        let target = match self.returning(transaction, &address).await? {
            Some(target) => target,
            None => self.target(&address).await?,
        };
        transaction.role |= routing::is_role(&address);
        self.judge(transaction, &address, &target).await?;
        self.may_write_to(transaction, &address).await?;
        let (route, origin) = self.route(transaction, &address, target).await?;
        let recipient = Recipient {
            notify: notify_bits(params.notify),
            orcpt: orcpt(params.orcpt, &address, &route),
            route,
            origin,
        };
        transaction.add(recipient, address);
        Ok(())
    }

    /// Asks the block lists that reception uses, once for a sender, and refuses what they refuse. Who is listed may still
    /// write to `postmaster` and `abuse`, to say that it is a mistake.
    async fn look_at_lists(&mut self, transaction: &Transaction, address: &Address) -> Result<(), Refused> {
        let outsider = self.login.is_none() && !transaction.origin.may_reach_outside();
        if !outsider || self.service != Service::Smtp || !self.site.control.asks_lists() {
            return Ok(());
        }
        if self.door.is_none() {
            let sender = transaction.reverse_path.address().map(|address| address.domain().ascii().to_owned());
            let door = Box::pin(self.site.control.door(self.ip, sender.as_deref())).await;
            self.door = Some(Box::new(door));
        }
        match self.door.as_ref().and_then(|door| door.refused_by.as_deref()) {
            Some(zone) if !routing::is_role(address) => {
                Err(Refused::new(reply::listed(&self.client, zone), &format!("block list {zone}")))
            }
            _ => Ok(()),
        }
    }

    /// Asks the one function that says who may be reached.
    async fn judge(&mut self, transaction: &Transaction, address: &Address, target: &Target) -> Result<(), Refused> {
        let verdict = relay::decide(&Request {
            origin: &transaction.origin,
            rule: &transaction.rule,
            sender: transaction.standing,
            recipient: locality(target),
            policy: self.site.settings.policy,
        });
        let Action::Refuse(refusal) = verdict.action else { return Ok(()) };
        if matches!(target, Target::Loop) {
            return Err(Refused::new(reply::alias_loop(), "aliases lead round in a circle, or too far"));
        }
        let response = Reception::refusal(refusal, transaction.rule_sender(), &address.to_string());
        if refusal == Refusal::UnknownUser && self.login.is_none() {
            self.slow_down(&address.key()).await?;
        }
        Err(Refused { response, reason: verdict.reason.text().en })
    }

    /// Makes the harvesting of addresses slow, and ends it.
    async fn slow_down(&mut self, recipient: &str) -> Result<(), Refused> {
        let harvest = self.site.settings.harvest;
        self.unknown += 1;
        let locked = Box::pin(self.site.control.note_unknown(self.ip, recipient)).await;
        if locked || self.unknown > harvest.most {
            return Err(Refused::new(reply::harvesting(self.site.hostname()), "too many unknown recipients"));
        }
        if self.unknown > harvest.free {
            self.site.clock.sleep(harvest.delay).await;
        }
        Ok(())
    }

    /// Heeds the account's `sender.dat` as it is now. One forbidden recipient refuses the whole message.
    async fn may_write_to(&self, transaction: &mut Transaction, address: &Address) -> Result<(), Refused> {
        let Some(login) = self.login.as_deref() else { return Ok(()) };
        let Target::Account(resident) = self.target(&login.address).await? else { return Ok(()) };
        let Some(rules) = &resident.sender else { return Ok(()) };
        let decision = rules.decide(&address.key());
        if decision.allowed {
            return Ok(());
        }
        let response = reply::forbidden_recipient(&address.to_string());
        transaction.forbidden = Some(response.clone());
        let reason = match decision.line {
            Some(line) => format!("line {line} of the account's sender.dat"),
            None => "no line of the account's sender.dat allows the recipient".to_owned(),
        };
        Err(Refused { response, reason })
    }

    /// Where a bounce to an address that we signed for forwarded mail goes: back to the sender of that mail. Nothing but
    /// bounces, and nothing but what we signed, goes anywhere by such an address.
    async fn returning(&self, transaction: &Transaction, address: &Address) -> Result<Option<Target>, Refused> {
        if !sekisho_message::srs::is_one(address) || !transaction.sender.is_empty() || self.login.is_some() {
            return Ok(None);
        }
        let now = self.now();
        let local = |found: sekisho_store::Result<bool>| found.map_err(|error| Refused::store(&error));
        if !local(self.site.directory.is_local(address.domain(), now).await)? {
            return Ok(None);
        }
        let signer = Signer::of(&self.site.control);
        let Some(to) = srs::read(&signer, address, now) else { return Ok(None) };
        if local(self.site.directory.is_local(to.domain(), now).await)? {
            return Ok(Some(self.target(&to).await?));
        }
        let alias = format!("srs@{}", address.domain().ascii());
        Ok(Some(Target::Forward { alias, to }))
    }

    pub(super) async fn target(&self, address: &Address) -> Result<Target, Refused> {
        self.site.directory.target(address, self.now()).await.map_err(|error| Refused::store(&error))
    }

    /// Where an acceptable recipient goes, and the origin that answers for it if that is another one.
    async fn route(
        &self,
        transaction: &Transaction,
        address: &Address,
        target: Target,
    ) -> Result<(Route, Option<Origin>), Refused> {
        match target {
            Target::Account(resident) => {
                self.welcomed(transaction, &resident)?;
                Ok((Route::Local(resident.account.address.clone()), None))
            }
            Target::List(list) => {
                self.may_post(transaction, &list).await?;
                Ok((Route::List(list.key.clone()), None))
            }
            Target::Outside => Ok((Route::Outside(address.clone()), None)),
            Target::Forward { alias, to } => {
                let origin = self.forwarding_origin(transaction, &alias);
                Ok((Route::Outside(to), origin))
            }
            Target::Unknown | Target::Loop => Err(Refused::new(reply::out_of_step(), "an unknown recipient passed")),
        }
    }

    /// Whether the account's own `effect.dat` and quota let the message in.
    fn welcomed(&self, transaction: &Transaction, resident: &Resident) -> Result<(), Refused> {
        let rule = resident.effect.as_ref().map(|rules| rules.decide(self.ip, transaction.rule_sender()));
        if let Some(rule) = rule.filter(|rule| !rule.welcomes()) {
            let reason = format!("line {} of the recipient's effect.dat", rule.line.unwrap_or_default());
            return Err(Refused { response: Reception::bad_source(), reason });
        }
        if !resident.is_full(transaction.params.size.unwrap_or(1)) {
            return Ok(());
        }
        let response = match self.site.settings.full_mailbox {
            FullMailbox::TryLater => Response::new(452, (4, 2, 2), "The mailbox is full, try again later"),
            FullMailbox::Refuse => Response::new(552, (5, 2, 2), "The mailbox is full"),
        };
        Err(Refused::new(response, "the recipient's quota is used up"))
    }

    /// Whether the sender may post. A local sender without AUTH never came this far, so a local address is proven;
    /// one from outside is taken at its word, as lists always have. Bounces are not posts.
    async fn may_post(&self, transaction: &Transaction, list: &List) -> Result<(), Refused> {
        let denied = |reason: &str| Err(Refused::new(reply::no_posting(), reason));
        if transaction.claimed.is_some() && list.posting != Posting::Anyone {
            return denied("a local address that nobody proved to own does not post to a list");
        }
        if transaction.sender.is_empty() {
            return denied("a null reverse-path does not post to a list");
        }
        let mut names = vec![transaction.sender.clone()];
        names.extend(self.login.as_deref().map(|login| login.account.key.clone()));
        let owner = Address::parse(&list.owner).map(|owner| owner.key()).unwrap_or_default();
        if list.posting == Posting::Anyone || names.contains(&owner) {
            return Ok(());
        }
        if list.posting == Posting::Owner {
            return denied("only the owner may post to the list");
        }
        let id = list.id;
        let member = self.site.control.store().read(move |tx| {
            let mut found = false;
            for name in &names {
                found = found || list::is_member(tx, id, name)?;
            }
            Ok(found)
        });
        match member.await {
            Ok(true) => Ok(()),
            Ok(false) => denied("only members may post to the list"),
            Err(error) => Err(Refused::store(&error)),
        }
    }

    /// Who answers for what an alias forwards: the message's own origin if it may reach outside, else the alias, which
    /// an administrator made.
    fn forwarding_origin(&self, transaction: &Transaction, alias: &str) -> Option<Origin> {
        let own = relay::decide(&Request {
            origin: &transaction.origin,
            rule: &transaction.rule,
            sender: transaction.standing,
            recipient: Locality::Outside,
            policy: self.site.settings.policy,
        });
        if own.accepts() {
            return None;
        }
        let origin = relay::forwarding(alias);
        let rule = Decision::base();
        let forwarded = relay::decide(&Request {
            origin: &origin,
            rule: &rule,
            sender: Standing::Outside,
            recipient: Locality::Outside,
            policy: self.site.settings.policy,
        });
        forwarded.accepts().then_some(origin)
    }
}

/// A refusal of one recipient, with the reason for the operator.
pub(super) struct Refused {
    pub(super) response: Response,
    pub(super) reason: String,
}

impl Refused {
    fn new(response: Response, reason: &str) -> Self {
        Self { response, reason: reason.to_owned() }
    }

    fn store(error: &sekisho_store::Error) -> Self {
        tracing::error!(%error, "reception: the store refused");
        Self { response: reply::of_store(error), reason: error.to_string() }
    }
}

fn locality(target: &Target) -> Locality {
    match target {
        Target::Account(_) | Target::List(_) | Target::Forward { .. } => Locality::Local,
        Target::Unknown | Target::Loop => Locality::UnknownLocal,
        Target::Outside => Locality::Outside,
    }
}
