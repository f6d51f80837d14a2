//! `ims.ctl` and its companions: forwarding and automatic replies of an E-POST mailbox.
//!
//! ```text
//! [AutoReply]   ReplyFrom= Subject= …
//! [AutoForward] ForwardTo=user@host   or   ForwardTo=file:/path/send.txt
//! [Delivery]    Discard=Yes|No
//! ```

use std::collections::BTreeMap;

use sekisho_store::personal::{AutoReply, Forward};

use crate::text;

/// Most lines that are read.
const MOST: usize = 10_000;
/// A sender hears an automatic reply once in so many days.
const DAYS: u32 = 7;

/// The settings of a file, by section and key in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ims(BTreeMap<(String, String), String>);

impl Ims {
    /// Reads a file. Lines that are neither a section nor a setting say nothing.
    #[must_use]
    pub fn parse(content: &str) -> Self {
        let mut out = BTreeMap::new();
        let mut section = String::new();
        for (_, line) in text::lines(content).take(MOST) {
            let line = line.trim();
            if let Some(name) = line.strip_prefix('[') {
                section = name.trim_end_matches(']').trim().to_lowercase();
            } else if let Some((key, value)) = line.split_once('=')
                && !line.starts_with([';', '#'])
            {
                out.entry((section.clone(), key.trim().to_lowercase())).or_insert_with(|| value.trim().to_owned());
            }
        }
        Self(out)
    }

    /// A setting; none when it is missing or empty.
    #[must_use]
    pub fn get(&self, section: &str, key: &str) -> Option<&str> {
        self.0.get(&(section.to_owned(), key.to_owned())).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Whether a setting is 1, TRUE or Yes.
    #[must_use]
    pub fn is_on(&self, section: &str, key: &str) -> bool {
        self.get(section, key).is_some_and(|value| ["1", "true", "yes"].contains(&value.to_lowercase().as_str()))
    }

    /// Name of the file, in the mailbox folder, that lists where mail is forwarded to.
    #[must_use]
    pub fn forward_file(&self) -> Option<String> {
        let to = self.get("autoforward", "forwardto")?;
        let (scheme, path) = to.split_once(':').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("file"))?;
        debug_assert!(!scheme.is_empty());
        // Whatever path it has on the other machine, its last part lies in the mailbox.
        path.rsplit(['/', '\\']).next().map(str::to_lowercase).filter(|name| !name.is_empty())
    }

    /// The forward; `listed` is what [`Ims::forward_file`] lists, `permit` the lines of `permitfrom.txt`.
    #[must_use]
    pub fn forward(&self, listed: Option<&str>, permit: Option<&str>) -> Option<Forward> {
        let to = match listed {
            Some(listed) => words(listed),
            None => words(self.get("autoforward", "forwardto").filter(|to| to.contains('@'))?),
        };
        let permit = permit.map(words).unwrap_or_default();
        (!to.is_empty()).then(|| Forward { to, keep: !self.is_on("delivery", "discard"), permit })
    }

    /// The automatic reply; `body` is `autoreply.txt`, `except` the lines of `noreply.txt`.
    #[must_use]
    pub fn reply(&self, body: Option<&str>, except: Option<&str>) -> Option<AutoReply> {
        let text = body?.trim().to_owned();
        let on = self.0.keys().any(|(section, _)| section == "autoreply");
        (on && !text.is_empty()).then(|| AutoReply {
            subject: self.get("autoreply", "subject").unwrap_or_default().chars().take(200).collect(),
            text,
            days: DAYS,
            except: except.map(words).unwrap_or_default(),
        })
    }
}

/// Addresses or patterns, one a line or separated by commas; comments left out.
fn words(content: &str) -> Vec<String> {
    text::lines(content)
        .filter(|(_, line)| !line.trim_start().starts_with(['#', ';']))
        .flat_map(|(_, line)| line.split([',', ' ', '\t']))
        .map(|word| word.trim().trim_matches(['<', '>']).to_owned())
        .filter(|word| !word.is_empty() && word.len() <= 320)
        .take(1_000)
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn forwards_and_replies_are_read() {
        let ims = Ims::parse("[AutoForward]\r\nForwardTo=hana@example.com\r\n[Delivery]\r\nDiscard=Yes\r\n");
        let forward = ims.forward(None, Some("*@abc.jp\r\n# note\r\n")).unwrap();
        assert_eq!((forward.to, forward.keep), (vec!["hana@example.com".to_owned()], false));
        assert_eq!(forward.permit, ["*@abc.jp"]);
        let ims = Ims::parse("[autoforward]\nforwardto=file:C:\\mail\\inbox\\x\\Send.txt\n[Delivery]\nDiscard=No\n");
        assert_eq!(ims.forward_file().as_deref(), Some("send.txt"));
        let forward = ims.forward(Some("a@b.jp\nc@d.jp\n"), None).unwrap();
        assert_eq!((forward.to.len(), forward.keep), (2, true));
        let ims = Ims::parse("[AutoReply]\nSubject=留守\nRecordReplies=1\n");
        let reply = ims.reply(Some("休みます"), None).unwrap();
        assert_eq!((reply.subject.as_str(), reply.text.as_str(), reply.days), ("留守", "休みます", 7));
        assert_eq!(ims.reply(None, None), None);
        assert_eq!(Ims::parse("ForwardTo=x@y.jp\n").forward(None, None), None, "outside its section");
    }

    proptest! {
        #[test]
        fn any_text_is_read(content in "[ -~\n\r\\[\\]=]{0,400}") {
            let ims = Ims::parse(&content);
            let _ = (ims.forward(None, Some(&content)), ims.reply(Some(&content), None), ims.forward_file());
        }
    }
}
