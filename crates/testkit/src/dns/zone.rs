//! What the server knows, and how it answers.

use std::collections::{HashMap, HashSet};

use hickory_proto::op::{Query, ResponseCode};
use hickory_proto::rr::rdata::SOA;
use hickory_proto::rr::{Name, RData, Record, RecordType};

/// Longest chain of aliases that is followed in one answer.
const ALIASES: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Zone {
    /// By name in lower case.
    records: HashMap<Name, Vec<RData>>,
    /// Names that exist, with or without records.
    names: HashSet<Name>,
    /// For a name, or for one type of record of it.
    faults: HashMap<(Name, Option<RecordType>), Fault>,
    pub(super) ttl: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    ServFail,
    Refused,
    Silence,
    Truncated,
}

pub(super) enum Answer {
    Nothing,
    Truncated,
    Records { code: ResponseCode, answers: Vec<Record>, authorities: Vec<Record> },
}

impl Zone {
    pub(super) fn add(&mut self, name: Name, data: RData) {
        let name = name.to_lowercase();
        self.exists(name.clone());
        self.records.entry(name).or_default().push(data);
    }

    /// A name exists, and so do those above it (RFC 8020 §2).
    pub(super) fn exists(&mut self, name: Name) {
        let mut name = name.to_lowercase();
        while !name.is_root() {
            let above = name.base_name();
            self.names.insert(name);
            name = above;
        }
    }

    pub(super) fn forget(&mut self, name: &Name) {
        let name = name.to_lowercase();
        self.records.remove(&name);
        self.names.remove(&name);
        self.faults.retain(|(failing, _), _| *failing != name);
    }

    pub(super) fn fail(&mut self, name: Name, kind: Option<RecordType>, fault: Fault) {
        self.faults.insert((name.to_lowercase(), kind), fault);
    }

    pub(super) fn answer(&self, question: &Query, tcp: bool) -> Answer {
        let mut name = question.name().to_lowercase();
        let kind = question.query_type();
        match self.fault(&name, kind) {
            Some(Fault::Silence) => return Answer::Nothing,
            Some(Fault::ServFail) => return self.only(ResponseCode::ServFail),
            Some(Fault::Refused) => return self.only(ResponseCode::Refused),
            Some(Fault::Truncated) if !tcp => return Answer::Truncated,
            Some(Fault::Truncated) | None => {}
        }
        // The first owner is spelt as it was asked for; some resolvers mix cases and compare.
        let mut owner = question.name().clone();
        let mut answers = Vec::new();
        for _ in 0..ALIASES {
            let records = self.records.get(&name).map(Vec::as_slice).unwrap_or_default();
            let wanted = records.iter().filter(|data| data.record_type() == kind);
            let before = answers.len();
            answers.extend(wanted.map(|data| Record::from_rdata(owner.clone(), self.ttl, data.clone())));
            if answers.len() > before {
                return self.records(ResponseCode::NoError, answers);
            }
            let Some(RData::CNAME(alias)) = records.iter().find(|data| data.record_type() == RecordType::CNAME) else {
                break;
            };
            answers.push(Record::from_rdata(owner, self.ttl, RData::CNAME(alias.clone())));
            owner = alias.0.clone();
            name = alias.0.to_lowercase();
            match self.fault(&name, kind) {
                Some(Fault::ServFail) => return self.only(ResponseCode::ServFail),
                Some(Fault::Silence) => return Answer::Nothing,
                _ => {}
            }
        }
        let code = if self.names.contains(&name) { ResponseCode::NoError } else { ResponseCode::NXDomain };
        self.records(code, answers)
    }

    fn fault(&self, name: &Name, kind: RecordType) -> Option<Fault> {
        let of_all = || self.faults.get(&(name.clone(), None));
        self.faults.get(&(name.clone(), Some(kind))).or_else(of_all).copied()
    }

    fn only(&self, code: ResponseCode) -> Answer {
        Answer::Records { code, answers: Vec::new(), authorities: Vec::new() }
    }

    /// An answer without what was asked for carries an SOA, which says how long that holds (RFC 2308 §3).
    fn records(&self, code: ResponseCode, answers: Vec<Record>) -> Answer {
        let positive = answers.last().is_some_and(|record| record.record_type() != RecordType::CNAME);
        let mut authorities = Vec::new();
        if !positive {
            let (mname, rname) = (Name::root(), Name::root());
            let times = i32::try_from(self.ttl).unwrap_or(i32::MAX);
            let soa = SOA::new(mname, rname, 1, times, times, times, self.ttl);
            authorities.push(Record::from_rdata(Name::root(), self.ttl, RData::SOA(soa)));
        }
        Answer::Records { code, answers, authorities }
    }
}
