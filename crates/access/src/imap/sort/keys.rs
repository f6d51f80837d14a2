//! What messages are sorted by (RFC 5256 §3, RFC 5957 §3).

use std::cmp::Ordering;

use sekisho_message::header::{AddressItem, Headers, address_list};
use sekisho_message::search::casemap;
use sekisho_message::subject::BaseSubject;
use sekisho_message::{Time, charset, date};
use sekisho_proto::imap::sort::{Criterion, SortBy};

use super::super::search::Hit;

/// A value of one criterion. Values of one criterion are of one kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SortKey {
    Number(i64),
    Text(String),
}

/// Some criterion is about the header.
pub(super) fn needs_header(criteria: &[Criterion]) -> bool {
    criteria.iter().any(|criterion| !matches!(criterion.by, SortBy::Arrival | SortBy::Size))
}

/// The values of a message, in the order of the criteria.
pub(super) fn of_hit(hit: &Hit, header: &[u8], criteria: &[Criterion]) -> Vec<SortKey> {
    criteria.iter().map(|criterion| value(criterion.by, hit, header)).collect()
}

/// The order of two messages, as far as the criteria decide it.
pub(super) fn compare(a: &[SortKey], b: &[SortKey], criteria: &[Criterion]) -> Ordering {
    for ((a, b), criterion) in a.iter().zip(b).zip(criteria) {
        match a.cmp(b) {
            Ordering::Equal => {}
            order if criterion.reverse => return order.reverse(),
            order => return order,
        }
    }
    Ordering::Equal
}

/// When a message was sent; when it arrived, where its header does not say (RFC 5256 §2.2).
pub(in crate::imap) fn sent(header: Headers<'_>, arrived: Time) -> Time {
    let field = header.first("Date").map(|field| field.text());
    field.and_then(|text| date::parse_with_offset(&text)).map_or(arrived, |(time, _)| time)
}

fn value(by: SortBy, hit: &Hit, header: &[u8]) -> SortKey {
    let header = Headers::of(header);
    match by {
        SortBy::Arrival => SortKey::Number(hit.mail.date.micros()),
        SortBy::Size => SortKey::Number(i64::try_from(hit.mail.size).unwrap_or(i64::MAX)),
        SortBy::Date => SortKey::Number(sent(header, hit.mail.date).micros()),
        SortBy::Subject => SortKey::Text(casemap(&BaseSubject::of(&header.text("Subject").unwrap_or_default()).text)),
        SortBy::Cc => local_part(header, "Cc"),
        SortBy::From => local_part(header, "From"),
        SortBy::To => local_part(header, "To"),
        SortBy::DisplayFrom => display(header, "From"),
        SortBy::DisplayTo => display(header, "To"),
    }
}

fn first_address(header: Headers<'_>, name: &str) -> Option<AddressItem> {
    address_list(&header.first(name)?.unfolded()).into_iter().next()
}

/// The local part of the first address; of a group, its name, which ENVELOPE shows in the same place.
fn local_part(header: Headers<'_>, name: &str) -> SortKey {
    let text = match first_address(header, name) {
        Some(AddressItem::Mailbox { local, .. }) => String::from_utf8_lossy(&local).into_owned(),
        Some(AddressItem::GroupStart(group)) => charset::decode_header(&group),
        Some(AddressItem::GroupEnd) | None => String::new(),
    };
    SortKey::Text(casemap(&text))
}

/// The display name of the first address, or the address where it has none.
fn display(header: Headers<'_>, name: &str) -> SortKey {
    let text = match first_address(header, name) {
        Some(AddressItem::Mailbox { name, local, domain, .. }) if name.is_empty() => {
            format!("{}@{}", String::from_utf8_lossy(&local), String::from_utf8_lossy(&domain))
        }
        Some(AddressItem::Mailbox { name, .. }) => charset::decode_header(&name),
        Some(AddressItem::GroupStart(group)) => charset::decode_header(&group),
        Some(AddressItem::GroupEnd) | None => String::new(),
    };
    SortKey::Text(casemap(&text))
}
