//! `NOTIFY` (RFC 5465): what a client wants to hear of without asking.

use super::command::Command;
use super::fault::{Parsed, syntax};
use super::fetch::{self, Item};
use super::lex::Cursor;
use super::parse;

/// Groups and mailboxes of one command.
const MAX: usize = 1_000;

/// `NOTIFY NONE` or `NOTIFY SET …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notify {
    /// Nothing; not even what a selected mailbox tells by itself.
    None,
    /// These events.
    Set {
        /// Tell how the mailboxes stand now, first.
        status: bool,
        /// Which events of which mailboxes; the first group that a mailbox is in counts.
        groups: Vec<Group>,
    },
}

/// Mailboxes and the events that are wanted of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Which mailboxes.
    pub filter: Filter,
    /// Which events.
    pub events: Events,
}

/// Which mailboxes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// The one that is selected; expunges are told at once.
    Selected,
    /// The one that is selected; expunges are told when that is allowed without NOTIFY.
    SelectedDelayed,
    /// Those that mail may be delivered to.
    Inboxes,
    /// All in the personal namespace.
    Personal,
    /// All that are subscribed.
    Subscribed,
    /// These and all below them.
    Subtree(Vec<String>),
    /// These.
    Mailboxes(Vec<String>),
}

/// Which events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// `MessageNew`.
    pub message_new: bool,
    /// What to tell of each new message of the selected mailbox.
    pub items: Vec<Item>,
    /// `MessageExpunge`.
    pub message_expunge: bool,
    /// `FlagChange`.
    pub flag_change: bool,
    /// `MailboxName`.
    pub mailbox_name: bool,
    /// `SubscriptionChange`.
    pub subscription_change: bool,
    /// `MailboxMetadataChange`.
    pub mailbox_metadata: bool,
    /// `ServerMetadataChange`.
    pub server_metadata: bool,
    /// An event that there is not here: the command is to be refused with `BADEVENT`.
    pub unknown: bool,
}

/// Events that there are here, as `NO [BADEVENT (…)]` names them.
pub const KNOWN_EVENTS: &str = "MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange \
                                MailboxMetadataChange ServerMetadataChange";

pub(super) fn notify(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    cursor.space()?;
    if cursor.eat_word("NONE") {
        return Ok(Command::Notify(Notify::None));
    }
    if !cursor.eat_word("SET ") {
        return syntax("NOTIFY takes SET or NONE");
    }
    let status = cursor.eat_word("STATUS ");
    let mut groups = Vec::new();
    loop {
        groups.push(group(cursor)?);
        if groups.len() > MAX {
            return syntax("too many groups");
        }
        if !cursor.eat(b' ') {
            return Ok(Command::Notify(Notify::Set { status, groups }));
        }
    }
}

fn group(cursor: &mut Cursor<'_>) -> Parsed<Group> {
    cursor.expect(b'(', "a group must be in parentheses")?;
    let filter = match cursor.word()?.to_ascii_lowercase().as_str() {
        "selected" => Filter::Selected,
        "selected-delayed" => Filter::SelectedDelayed,
        "inboxes" => Filter::Inboxes,
        "personal" => Filter::Personal,
        "subscribed" => Filter::Subscribed,
        "subtree" => Filter::Subtree(mailboxes(cursor)?),
        "mailboxes" => Filter::Mailboxes(mailboxes(cursor)?),
        _ => return syntax("unknown mailbox filter"),
    };
    cursor.space()?;
    let events = events(cursor)?;
    cursor.expect(b')', "a group has no end")?;
    let selected = matches!(filter, Filter::Selected | Filter::SelectedDelayed);
    if events.message_new != events.message_expunge {
        return syntax("MessageNew and MessageExpunge come together");
    }
    if events.flag_change && !events.message_new {
        return syntax("FlagChange needs MessageNew and MessageExpunge");
    }
    if !selected && !events.items.is_empty() {
        return syntax("only the selected mailbox's messages can be fetched");
    }
    let others = events.mailbox_name || events.subscription_change || events.mailbox_metadata || events.server_metadata;
    if selected && others {
        return syntax("the selected mailbox has message events only");
    }
    Ok(Group { filter, events })
}

fn mailboxes(cursor: &mut Cursor<'_>) -> Parsed<Vec<String>> {
    cursor.space()?;
    if !cursor.eat(b'(') {
        return Ok(vec![parse::mailbox(cursor)?]);
    }
    let mut names = Vec::new();
    loop {
        names.push(parse::mailbox(cursor)?);
        if cursor.eat(b')') {
            return Ok(names);
        }
        if names.len() > MAX {
            return syntax("too many mailboxes");
        }
        cursor.space()?;
    }
}

fn events(cursor: &mut Cursor<'_>) -> Parsed<Events> {
    let mut events = Events::default();
    if cursor.eat_word("NONE") {
        return Ok(events);
    }
    cursor.expect(b'(', "events must be in parentheses")?;
    loop {
        match cursor.atom()?.to_ascii_lowercase().as_str() {
            "messagenew" => {
                events.message_new = true;
                if cursor.rest().starts_with(b" (") {
                    cursor.space()?;
                    events.items = fetch::items(cursor)?;
                }
            }
            "messageexpunge" => events.message_expunge = true,
            "flagchange" => events.flag_change = true,
            "mailboxname" => events.mailbox_name = true,
            "subscriptionchange" => events.subscription_change = true,
            "mailboxmetadatachange" => events.mailbox_metadata = true,
            "servermetadatachange" => events.server_metadata = true,
            // AnnotationChange too: there are no annotations of messages.
            _ => events.unknown = true,
        }
        if cursor.eat(b')') {
            return Ok(events);
        }
        cursor.space()?;
    }
}
