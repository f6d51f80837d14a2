#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

const YAMADA: Person<'static> = Person { account: "yamada", domain: "example.jp", full_name: "山田 はなこ" };

fn refused(password: &str) -> Text {
    judge(password, &YAMADA, Policy::default()).expect_err(password)
}

#[test]
fn guessable_passwords_are_refused_in_every_spelling() {
    for password in [
        "yamada2024",
        "sakura123",
        "ひみつのことば",
        "ヒミツノコトバ",
        "ｓａｋｕｒａ１２３",
        "Tr0ub4dour&3",
        "himitsu1",
        "himitunokotoba",
        "reiwa6nen",
        "Reiwa2024",
        "zaq12wsx",
        "1qaz2wsx3edc",
        "iop@[jkl;:]",
        "hanako-yamada",
        "Example.jp1",
        "password1!",
        "P@ssw0rd2024",
        "tokyo2020",
        "sekisho1",
        "aaaaaaaaaaaa",
        "とうきょう2020",
        "satosuzuki1",
    ] {
        refused(password);
    }
}

#[test]
fn the_reason_names_the_guessable_part() {
    let own = refused("yamada2024");
    assert!(own.en.contains("“yamada” is part of the account"), "{own:?}");
    assert!(own.en.contains("“2024” is a year"), "{own:?}");
    assert!(own.ja.contains("「yamada」はアカウント名"), "{own:?}");
    let word = refused("sakura123");
    assert!(word.en.contains("“sakura” is a word"), "{word:?}");
    let kana = refused("ひみつのことば2");
    assert!(kana.ja.contains("ひみつのことば"), "{kana:?}");
}

#[test]
fn lengths_are_bounded_before_anything_is_computed() {
    assert!(refused("a1!x").en.contains("at least 8"));
    assert!(refused(&"x7$Kq".repeat(100)).en.contains("at most 256"));
    assert!(refused("tab\there and more of it").en.contains("control characters"));
    let longer = Policy { min_length: 14 };
    assert!(judge("w4kt-9mzx-p2q", &YAMADA, longer).is_err());
}

#[test]
fn good_passwords_pass() {
    for password in
        ["w4kt-9mzx-p2qh-7cde", "copper lantern violet sawmill", "むらさきの急須とくじらの午後三時半", "gN7!vw2#Lq0z"]
    {
        assert_eq!(judge(password, &YAMADA, Policy::default()), Ok(()), "{password}");
    }
    for _ in 0..20 {
        let generated = one_time().unwrap();
        assert_eq!(judge(&generated, &YAMADA, Policy::default()), Ok(()), "{generated}");
    }
}
