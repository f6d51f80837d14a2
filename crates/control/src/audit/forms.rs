//! The address forms by which servers were made to relay, ever since there were servers.

/// A recipient that is nobody's (RFC 2606 §3).
pub(super) const VICTIM: &str = "relay-test@relay-test.example.com";

/// Reverse-path and forward-path. `%d` is a domain of ours, `%h` our host name, `%i` the listener's address, `%v` the
/// local part and `%w` the domain of a stranger.
pub(super) const FORMS: [(&str, &str); 26] = [
    ("<stranger@outside.example.net>", "<%v@%w>"),
    ("<postmaster@%d>", "<%v@%w>"),
    ("<nobody-at-all@%d>", "<%v@%w>"),
    ("<>", "<%v@%w>"),
    ("<stranger@localhost>", "<%v@%w>"),
    ("<stranger@[%i]>", "<%v@%w>"),
    ("<postmaster@%h>", "<%v@%w>"),
    ("<stranger>", "<%v@%w>"),
    ("<stranger@outside.example.net>", "<%v%%w@%d>"),
    ("<stranger@outside.example.net>", "<%v%%w@[%i]>"),
    ("<stranger@outside.example.net>", "<%v%%w@%h>"),
    ("<stranger@outside.example.net>", "<\"%v@%w\">"),
    ("<stranger@outside.example.net>", "<\"%v%%w\">"),
    ("<stranger@outside.example.net>", "<%v@%w@%d>"),
    ("<stranger@outside.example.net>", "<\"%v@%w\"@%d>"),
    ("<stranger@outside.example.net>", "<%v@%w@[%i]>"),
    ("<stranger@outside.example.net>", "<@%d:%v@%w>"),
    ("<stranger@outside.example.net>", "<@[%i]:%v@%w>"),
    ("<stranger@outside.example.net>", "<@%h,@%d:%v@%w>"),
    ("<stranger@outside.example.net>", "<%w!%v>"),
    ("<stranger@outside.example.net>", "<%w!%v@%d>"),
    ("<stranger@outside.example.net>", "<%w!%v@[%i]>"),
    ("<stranger@outside.example.net>", "<%v%%w>"),
    ("<stranger@outside.example.net>", "<%v@%w.>"),
    ("<postmaster@%d>", "<%v@%w (%d)>"),
    ("<postmaster@%d>", "<%v%%w@%d>"),
];

/// The form with its places filled in.
pub(super) fn fill(form: &str, domain: &str, host: &str, ip: &str) -> String {
    let (local, stranger) = VICTIM.split_once('@').unwrap_or((VICTIM, "example.com"));
    // `%%w` is a percent sign before the stranger's domain.
    form.replace("%%w", &format!("\u{1}{stranger}"))
        .replace("%d", domain)
        .replace("%h", host)
        .replace("%i", ip)
        .replace("%v", local)
        .replace("%w", stranger)
        .replace('\u{1}', "%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled() {
        let of = |form| fill(form, "example.jp", "mx.example.jp", "192.0.2.1");
        assert_eq!(of("<%v%%w@%d>"), "<relay-test%relay-test.example.com@example.jp>");
        assert_eq!(of("<@[%i]:%v@%w>"), "<@[192.0.2.1]:relay-test@relay-test.example.com>");
        assert!(FORMS.iter().all(|(from, to)| !of(from).contains("%d") && !of(to).contains("%i")));
    }
}
