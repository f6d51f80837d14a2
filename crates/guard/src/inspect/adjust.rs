//! Settings changed by hand: `key=value`.

use sekisho_message::{Text, say};
use serde_json::Value;

use crate::policy::Policy;

/// Changes one number of a policy: `floor_per_day=100`, `person.home=12`.
///
/// # Errors
/// An unknown key or a value that does not fit, as a sentence.
pub fn adjust(policy: &mut Policy, assignment: &str) -> Result<(), Text> {
    let Some((key, value)) = assignment.split_once('=') else {
        return Err(
            say!(ja: "「{assignment}」は key=value の形ではありません。", en: "“{assignment}” is not key=value."),
        );
    };
    let (key, value) = (key.trim(), value.trim());
    let wrong = || say!(ja: "{key} に「{value}」は使えません。", en: "“{value}” does not fit {key}.");
    let number: Value = serde_json::from_str(value).map_err(|_| wrong())?;
    let mut tree = serde_json::to_value(&*policy).map_err(|_| wrong())?;
    let mut place = &mut tree;
    for name in key.split('.') {
        let Some(next) = place.get_mut(name) else {
            return Err(say!(ja: "{key} という設定はありません。", en: "There is no setting {key}."));
        };
        place = next;
    }
    if place.is_object() || !number.is_number() {
        return Err(wrong());
    }
    *place = number;
    *policy = serde_json::from_value(tree).map_err(|_| wrong())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_number_is_changed_and_nothing_else() {
        let mut policy = Policy::default();
        adjust(&mut policy, "floor_per_day=100").unwrap();
        adjust(&mut policy, "person.home = 12.5").unwrap();
        let mut same = Policy { floor_per_day: 100, ..Policy::default() };
        same.person.home = 12.5;
        assert_eq!(policy, same);
        for wrong in ["", "x", "nothing=1", "person=1", "person.x=1", "floor_per_day=-1", "floor_per_day=many", "=1"] {
            let text = adjust(&mut policy, wrong).unwrap_err();
            assert!(!text.ja.is_empty() && !text.en.is_empty(), "{wrong}");
        }
        assert_eq!(policy, same);
    }
}
