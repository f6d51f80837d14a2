//! A drill through the real acceptance path: an attack's sessions against a scratch copy of this server's configuration.
//!
//! The script of acts comes from [`sekisho_guard::drill`]; every message of it goes through an SMTP session, reception, the
//! relay rule, AUTH, the transaction of [`sekisho_mta::accept`] and the queue of a store in a scratch folder, on a virtual
//! clock. What is due leaves the queue through the scheduler's own claims, to nowhere; who is told to be dead bounces.
//! Logins over POP3 and IMAP are told to the guard as those servers tell them, past the lockouts: what is rehearsed is the
//! case that somebody has got in.

mod client;
mod letter;
mod post;
mod script;
mod site;
#[cfg(test)]
mod tests;

use sekisho_guard::drill::world::{Act, Mail, Side, Tally, What};
use sekisho_guard::drill::{Attack, From, Run};
use sekisho_guard::policy::Policy;

use crate::config::Settings;
use crate::trouble::Trouble;
use client::Clients;
use script::Script;
use site::Site;

/// Rehearses one seeded attack; none when `go_on`, which hears of each act that is done and of all that there are, says no.
///
/// # Errors
/// When the scratch store cannot be made or refuses.
pub fn rehearse(
    server: &Settings,
    policy: &Policy,
    (attack, from, seed): (Attack, From, u64),
    go_on: &mut dyn FnMut(usize, usize) -> bool,
) -> Result<Option<Run>, Trouble> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Trouble::from_io)?;
    runtime.block_on(async {
        let script = Script::of(policy, attack, from, seed);
        let site = Site::open(server, policy, &script).await?;
        let mut rehearsal =
            Rehearsal { site, clients: Clients::default(), script, tally: Tally::default(), counting: false };
        if !rehearsal.play(go_on).await? {
            return Ok(None);
        }
        let Rehearsal { script, tally, .. } = rehearsal;
        Ok(Some(Run { attack, from, seed, origins: script.origins, tally }))
    })
}

/// A rehearsal while it goes on.
struct Rehearsal {
    site: Site,
    clients: Clients,
    script: Script,
    tally: Tally,
    /// Whether the past is over, and what happens is measured.
    counting: bool,
}

impl Rehearsal {
    /// Whether it was played to its end.
    async fn play(&mut self, go_on: &mut dyn FnMut(usize, usize) -> bool) -> Result<bool, Trouble> {
        let acts = std::mem::take(&mut self.script.acts);
        let all = acts.len();
        for (index, act) in acts.into_iter().enumerate() {
            if !go_on(index, all) {
                return Ok(false);
            }
            self.leave(act.at).await?;
            self.site.turn_to(act.at);
            if index == self.script.counting {
                self.counting = true;
                self.tally = Tally::default();
            }
            let period = self.tally.period.get_or_insert((act.at, act.at));
            period.1 = act.at;
            match &act.what {
                What::Login(login) => self.site.login(act.origin, login).await,
                What::Mail(mail) => self.send(&act, mail).await?,
            }
            self.look(act.hostile).await?;
        }
        let end = self.site.now() + std::time::Duration::from_secs(86_400);
        self.leave(end).await?;
        Ok(true)
    }

    /// A message through a session.
    async fn send(&mut self, act: &Act, mail: &Mail) -> Result<(), Trouble> {
        let neighbour = self.script.neighbour == Some(act.origin);
        let side = side(&mut self.tally, act.hostile, neighbour);
        side.messages += 1;
        side.recipients += u32::try_from(mail.recipients.len()).unwrap_or(u32::MAX);
        let Some(id) = self.clients.send(&self.site, act, mail).await else { return Ok(()) };
        self.site.sent.insert(id, post::Sent { hostile: act.hostile, neighbour, dead: mail.dead });
        let waits = self.site.waiting(id).await?;
        let side = self::side(&mut self.tally, act.hostile, neighbour);
        side.delayed += waits;
        if waits > 0 {
            side.messages_to_dwell.get_or_insert(side.messages);
        }
        Ok(())
    }

    /// Whatever is due until `until` leaves.
    async fn leave(&mut self, until: sekisho_message::Time) -> Result<(), Trouble> {
        while let Some(due) = self.site.next_due().await?.filter(|due| *due <= until) {
            self.site.turn_to(due);
            for left in self.site.relay().await? {
                let side = side(&mut self.tally, left.sent.hostile, left.sent.neighbour);
                side.reached += 1;
                if left.waited > 0.0 {
                    side.waits.push(left.waited);
                }
            }
            self.look(true).await?;
        }
        Ok(())
    }

    /// Whether an incident was opened; one from before the attack is released as an administrator would.
    async fn look(&mut self, hostile: bool) -> Result<(), Trouble> {
        for mut held in self.site.new_incidents().await? {
            if !self.counting {
                self.site.release(held.origin).await?;
                continue;
            }
            let sent = &self.tally.hostile;
            (held.messages, held.recipients, held.reached) = (sent.messages, sent.recipients, sent.reached);
            held.hostile = hostile;
            self.tally.holds.push(held);
        }
        Ok(())
    }
}

fn side(tally: &mut Tally, hostile: bool, neighbour: bool) -> &mut Side {
    match (hostile, neighbour) {
        (true, _) => &mut tally.hostile,
        (false, true) => &mut tally.neighbour,
        (false, false) => &mut tally.honest,
    }
}
