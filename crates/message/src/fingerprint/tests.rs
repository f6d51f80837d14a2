#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;

use super::*;

const OFFER: &str = "Dear customer, your mailbox has exceeded its storage limit of 5000 MB. You will not be able to send or \
    receive new mail until you validate your account. Please click the link below within 24 hours and sign in with your \
    user name and password, or your mailbox will be closed for ever. http://mail.example.com/verify?id=83271 \
    Thank you for using our service. The help desk team.";

const JAPANESE: &str = "お客様各位、平素よりお世話になっております。お使いのメールボックスの容量が上限の5000MBを超えました。\
    このままではメールの送受信ができなくなります。24時間以内に下記のリンクからログインし、アカウントの確認をお願いいたします。";

#[test]
fn near_duplicates_are_near_and_others_far() {
    let varied =
        OFFER.replace("Dear customer", "Hello Yamada").replace("83271", "99123").replace("5000", "7500").to_uppercase();
    assert!(distance(simhash(OFFER), simhash(&varied)) <= 10, "{}", distance(simhash(OFFER), simhash(&varied)));
    let varied = JAPANESE.replace("お客様各位", "山田様").replace("5000MB", "７５００ＭＢ").replace("24", "48");
    assert!(distance(simhash(JAPANESE), simhash(&varied)) <= 10, "{}", distance(simhash(JAPANESE), simhash(&varied)));
    let other = "Minutes of the meeting: we agreed to move the release to next Thursday. Tanaka will prepare the slides for the \
        board, and Suzuki asks the printer about the price of the new leaflets. Lunch is on the company.";
    assert!(distance(simhash(OFFER), simhash(other)) > 18);
    assert!(distance(simhash(OFFER), simhash(JAPANESE)) > 18);
}

#[test]
fn what_a_spammer_varies_does_not_count() {
    let base = simhash("Buy now at our shop for 100 dollars");
    for same in [
        "buy  NOW at\r\nour shop, for 999 dollars!",
        "ＢＵＹ now at our shop for 5x dollars",
        "Buy now at our shop for abcdefghijklmnopqrstuvwxyzabc dollars",
    ] {
        assert_eq!(simhash(same), base, "{same}");
    }
    assert_ne!(simhash("Buy now at our shop for ten dollars"), base);
}

#[test]
fn the_form_is_fixed() {
    // Stored in databases: a change here needs a migration.
    assert_eq!(simhash(""), 0);
    assert_eq!(simhash(" ,.- "), 0);
    assert_eq!(format!("{:016x}", simhash("hello")), "16fe05a1c75bcd0f");
    assert_eq!(format!("{:016x}", simhash(OFFER)), "aab46735010d9476");
    assert_eq!(format!("{:016x}", simhash(JAPANESE)), "86c535d420182f37");
}

#[test]
fn only_what_is_said_counts_in_a_message() {
    let plain = "From: a@b\r\nTo: c@d\r\nSubject: Hello\r\n\r\nBuy now at our shop\r\n";
    let encoded = "From: x@y\r\nDate: z\r\nSubject: =?utf-8?B?SGVsbG8=?=\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n\
        PGgxPkJ1eSBub3c8L2gxPiBhdCBvdXIgPGI+c2hvcDwvYj4=\r\n";
    assert_eq!(of_message(plain.as_bytes()), of_message(encoded.as_bytes()));
    assert_eq!(of_message(b"From: a@b\r\n\r\n"), 0);
}

proptest! {
    #[test]
    fn counters_agree_with_counting(hashes in proptest::collection::vec(any::<u64>(), 0..200)) {
        let mut sum = BitSum::default();
        hashes.iter().for_each(|hash| sum.add(*hash));
        let naive = (0..64).filter(|bit| hashes.iter().filter(|h| (*h >> bit) & 1 == 1).count() * 2 > hashes.len());
        prop_assert_eq!(sum.majority(), naive.fold(0, |bits, bit| bits | 1u64 << bit));
    }

    #[test]
    fn never_panics(text in "\\PC{0,200}") {
        let _ = simhash(&text);
    }
}
