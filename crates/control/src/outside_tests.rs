//! A world of names that a test writes down.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Mutex;

use sekisho_message::proof::{Letter, Proof, Spf};

use crate::outside::{Answer, Door, Mx, Outside, Silence};

#[derive(Clone, Default)]
struct Records {
    a: Vec<Ipv4Addr>,
    txt: Vec<String>,
    mx: Vec<String>,
    fails: bool,
}

/// Names, addresses, and how a listener answers RCPT.
#[derive(Default)]
pub(crate) struct Names {
    records: Mutex<HashMap<String, Records>>,
    ptr: Mutex<HashMap<IpAddr, String>>,
    spf: Mutex<HashMap<(IpAddr, String), Spf>>,
    /// What is proven of any message.
    pub(crate) proof: Mutex<Proof>,
    /// Forward-paths that a listener accepts, by what they contain.
    pub(crate) relays: Mutex<Option<&'static str>>,
}

impl Names {
    fn change(&self, name: &str, change: impl FnOnce(&mut Records)) {
        change(self.records.lock().unwrap().entry(name.to_ascii_lowercase()).or_default());
    }
    pub(crate) fn set(&self, name: &str, answer: [u8; 4]) {
        self.change(name, |records| *records = Records { a: vec![answer.into()], ..Records::default() });
    }
    pub(crate) fn txt(&self, name: &str, text: &str) {
        self.change(name, |records| records.txt.push(text.into()));
    }
    pub(crate) fn mx(&self, name: &str, host: &str) {
        self.change(name, |records| records.mx.push(host.into()));
    }
    pub(crate) fn ptr(&self, ip: &str, name: &str) {
        self.ptr.lock().unwrap().insert(ip.parse().unwrap(), name.into());
    }
    pub(crate) fn spf(&self, ip: &str, domain: &str, result: Spf) {
        self.spf.lock().unwrap().insert((ip.parse().unwrap(), domain.into()), result);
    }
    pub(crate) fn fail(&self, name: &str) {
        self.change(name, |records| records.fails = true);
    }
    pub(crate) fn forget(&self, name: &str) {
        self.records.lock().unwrap().remove(name);
    }
    fn look<T>(&self, name: &str, of: impl FnOnce(Records) -> Vec<T>) -> Result<Vec<T>, Silence> {
        let Some(records) = self.records.lock().unwrap().get(&name.to_ascii_lowercase()).cloned() else {
            return Err(Silence::Nothing);
        };
        if records.fails {
            return Err(Silence::Unknown("SERVFAIL".into()));
        }
        let found = of(records);
        if found.is_empty() { Err(Silence::Nothing) } else { Ok(found) }
    }
}

impl Outside for Names {
    fn txt<'a>(&'a self, name: &'a str) -> Answer<'a, Result<Vec<String>, Silence>> {
        let found = self.look(name, |records| records.txt);
        Box::pin(async move { found })
    }
    fn a<'a>(&'a self, name: &'a str) -> Answer<'a, Result<Vec<Ipv4Addr>, Silence>> {
        let found = self.look(name, |records| records.a);
        Box::pin(async move { found })
    }
    fn addresses<'a>(&'a self, name: &'a str) -> Answer<'a, Result<Vec<IpAddr>, Silence>> {
        let found = self.look(name, |records| records.a.into_iter().map(IpAddr::V4).collect());
        Box::pin(async move { found })
    }
    fn ptr(&self, ip: IpAddr) -> Answer<'_, Result<Vec<String>, Silence>> {
        let found = self.ptr.lock().unwrap().get(&ip).cloned();
        Box::pin(async move { found.map(|name| vec![name]).ok_or(Silence::Nothing) })
    }
    fn mx<'a>(&'a self, name: &'a str) -> Answer<'a, Result<Mx, Silence>> {
        let found = self.look(name, |records| records.mx).map(Mx::Hosts);
        Box::pin(async move { found })
    }
    fn spf<'a>(&'a self, ip: IpAddr, _: &'a str, domain: &'a str) -> Answer<'a, Spf> {
        let known = self.spf.lock().unwrap().get(&(ip, domain.to_owned())).copied();
        Box::pin(async move { known.unwrap_or(Spf::Fail) })
    }
    fn prove(&self, letter: Letter) -> Answer<'_, Proof> {
        let domain = letter.mail_from.rsplit_once('@').map(|(_, domain)| domain.to_owned());
        let mut proof = self.proof.lock().unwrap().clone();
        proof.spf_domain = domain.unwrap_or(letter.helo);
        Box::pin(async move { proof })
    }
    fn smtp<'a>(&'a self, _: &'a Door, commands: &'a [String]) -> Answer<'a, Result<Vec<u16>, String>> {
        let relays = *self.relays.lock().unwrap();
        let open = relays.is_some_and(|part| commands.last().is_some_and(|last| last.contains(part)));
        Box::pin(async move { Ok(vec![220, 250, 250, if open { 250 } else { 550 }]) })
    }
}
