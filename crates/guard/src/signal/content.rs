//! What a message says (signals 13-15), and who else says it.

use super::{Kind, Signal};
use crate::class::Class;
use crate::event::Submission;
use crate::profile::Profile;
use crate::profile::habits::TextUse;
use crate::profile::places::Standing;
use crate::site::Spread;

/// The signals. `like`: the earlier text that this one is like.
pub(crate) fn read(
    profile: &Profile,
    message: &Submission,
    standing: Standing,
    like: Option<TextUse>,
    out: &mut Vec<Signal>,
) {
    author(message, out);
    out.extend(fan_out(profile, message, standing, like));
    content(message, out);
}

/// Header From, display name, Reply-To.
fn author(message: &Submission, out: &mut Vec<Signal>) {
    let mut push = |which: f32, llr| out.push(Signal::new(Kind::ForeignAuthor, llr, which, 0.0));
    if message.author.foreign && message.authenticated {
        push(1.0, 1.5);
    }
    if message.author.imitates {
        push(2.0, 1.5);
    }
    if message.author.reply_elsewhere {
        push(3.0, 0.4);
    }
}

/// Nearly one text in message after message. One message to many is not this: a person does that.
fn fan_out(profile: &Profile, message: &Submission, standing: Standing, like: Option<TextUse>) -> Option<Signal> {
    let like = like?;
    let machine = matches!(profile.class(), Class::Application | Class::Newsletter);
    if standing.home && machine {
        return None;
    }
    let recipients = like.recipients as f32 + message.recipients.len() as f32;
    // What the owner's mailings reach excuses nobody at a strange place.
    let usual = if standing.home { profile.usual_fan.max(3.0) } else { 2.0 };
    (like.messages >= 1 && recipients > usual).then(|| {
        let llr = 0.6 * (recipients / usual).log2();
        Signal::new(Kind::FanOut, llr.clamp(0.3, if standing.home { 1.5 } else { 2.5 }), recipients, usual)
    })
}

/// The filter and the links, as far as anybody looked.
fn content(message: &Submission, out: &mut Vec<Signal>) {
    if let Some(score) = message.content.filter(|score| score.is_finite() && score.abs() >= 0.1) {
        out.push(Signal::new(Kind::Content, score.clamp(-1.0, 3.0), 1.0, score));
    }
    if message.new_link == Some(true) {
        out.push(Signal::new(Kind::Content, 0.4, 2.0, 0.0));
    }
    if message.listed_link == Some(true) {
        out.push(Signal::new(Kind::Content, 2.5, 3.0, 0.0));
    }
}

/// The same suspicious text from several origins within a day.
pub(crate) fn campaign(spread: Spread) -> Option<Signal> {
    let origins = spread.origins as f32;
    (spread.origins >= 2)
        .then(|| Signal::new(Kind::Campaign, (origins - 1.0).min(3.0), origins, f32::from(spread.messages)))
}
