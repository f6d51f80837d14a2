#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;

use super::*;

const MESSAGE: &str = "From: =?iso-2022-jp?B?GyRCOzNFRBsoQg==?= <yamada@example.jp>\r\n\
Subject: =?utf-8?B?6KuL5rGC5pu4?=\r\n\
Content-Type: multipart/mixed; boundary=b\r\n\r\n\
--b\r\nContent-Type: text/plain; charset=iso-2022-jp\r\n\r\n\x1b$B$3$s$K$A$O\x1b(B\r\n\
--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
<style>hidden</style><p>caf=C3=A9 &amp; <b>bo</b>ld</p><!-- hidden -->\r\n\
--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n44GV44KI44GG44Gq44KJ\r\n\
--b\r\nContent-Type: application/pdf; name*=utf-8''%E8%B3%87%E6%96%99.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\naGlkZGVu\r\n\
--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: forwarded\r\n\r\ninner text\r\n--b--\r\n";

#[test]
fn all_text_is_found_decoded() {
    let text = extract(MESSAGE.as_bytes(), 10_000);
    for word in ["From: 山田 <yamada@example.jp>", "Subject: 請求書", "Subject: forwarded"] {
        assert!(text.header.contains(word), "{word}: {}", text.header);
    }
    for word in ["こんにちは", "café &", "bold", "さようなら", "資料.pdf", "inner text"] {
        assert!(text.body.contains(word), "{word}: {}", text.body);
    }
    assert!(!text.body.contains("hidden"), "{}", text.body);
}

#[test]
fn limits_are_kept_at_character_boundaries() {
    for limit in 0..200 {
        let text = extract(MESSAGE.as_bytes(), limit);
        assert!(text.header.len() <= limit && text.body.len() <= limit);
    }
    let bomb = format!("Subject: x\r\n\r\n{}", "あ".repeat(1_000_000));
    assert!(extract(bomb.as_bytes(), 1_000).body.len() <= 1_000);
}

#[test]
fn folding_makes_equals_equal() {
    assert_eq!(fold("  ＨＥＬＬＯ\r\n\tWorld  "), "hello world");
    assert_eq!(fold("ﾒｰﾙ"), fold("メール"));
    assert_eq!(fold("CAFE\u{301}"), fold("café"));
    assert_eq!(fold("ABC  d"), "abc d");
    assert_eq!(fold(" A\u{b}\u{c}b "), "a b");
    assert_eq!(fold("あ A\u{b}\u{c}b "), "あ a b");
}

#[test]
fn html_becomes_text() {
    assert_eq!(text_of_html("a<br>b &lt;c&gt; &#12354;&#x3042;&unknown; & x &amp"), "a b <c> ああ&unknown; & x &amp");
    assert_eq!(text_of_html("1 < 2 <SCRIPT>x</b></Script >y"), "1 < 2  y");
    assert_eq!(text_of_html("a<!-- never closed"), "a");
    assert_eq!(text_of_html("a<b never closed"), "a");
    assert_eq!(text_of_html("<style>x"), " ");
    assert_eq!(text_of_html("&#0;&#xD800;&#13;"), " &#xD800; ");
    let start = std::time::Instant::now();
    for bomb in ["<", "<a", "&", "<!--", "<script></", "&#"] {
        let _ = text_of_html(&bomb.repeat(100_000));
    }
    assert!(start.elapsed().as_secs() < 20);
}

proptest! {
    #[test]
    fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), page in "[<>/!a-c&;#0-9x -]{0,80}", limit in 0usize..100) {
        let _ = extract(&bytes, limit);
        let _ = text_of_html(&page);
    }

    #[test]
    fn folding_twice_changes_nothing(text in "[ -~ぁ-んｱ-ﾝＡ-ｚ\t\n]{0,60}") {
        prop_assert_eq!(fold(&fold(&text)), fold(&text));
    }
}
