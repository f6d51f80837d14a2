//! The sentences.

use sekisho_message::{Text, say};

use super::{Kind, Signal};

pub(super) fn of(signal: &Signal) -> Text {
    let (a, b, place) = (whole(signal.a), whole(signal.b), signal.place);
    match signal.kind {
        Kind::FirstContact if signal.llr < 0.0 => say!(
            ja: "宛先 {b} 件のうち {a} 件だけが初めての相手です。",
            en: "Only {a} of {b} recipients are new to this sender."
        ),
        Kind::FirstContact => say!(
            ja: "宛先 {b} 件のうち {a} 件は、これまで一度も送ったことのない相手です。",
            en: "{a} of {b} recipients were never written to by this sender before."
        ),
        Kind::ManyRecipients => say!(
            ja: "1 通の宛先が {a} 件あります。ふだんは {b} 件以下です。",
            en: "One message has {a} recipients; usually there are at most {b}."
        ),
        Kind::DomainSpread => say!(
            ja: "宛先ドメイン {b} 個のうち {a} 個は初めてです。",
            en: "{a} of {b} recipient domains are new to this sender."
        ),
        Kind::StrangerVolume => say!(
            ja: "見慣れない場所の見慣れないクライアントから続けて送られ、{a} 件の宛先が順番を待っています。",
            en: "An unknown client at an unknown place keeps sending: {a} recipients wait for their turn."
        ),
        Kind::ListOrder => say!(
            ja: "宛先がアルファベット順に {a} 件続いています。名簿を順に使っているようです。",
            en: "{a} recipients in a row are in alphabetical order, as from a list."
        ),
        Kind::DeadRecipients => say!(
            ja: "初めての相手 {b} 件のうち {a} 件が存在しない宛先でした。",
            en: "{a} of {b} new recipients do not exist."
        ),
        Kind::Refusals => say!(
            ja: "{a} か所の受信側が、迷惑メールまたはポリシー違反として拒否しました。",
            en: "{a} receiving organisations refused this sender's mail as spam or for policy."
        ),
        Kind::NewPlace => say!(
            ja: "この送信者が使っていないネットワーク {place} から送られました。",
            en: "Sent from {place}, a network that this sender does not use."
        ),
        Kind::NewClient => say!(
            ja: "この送信者が使っていないメールソフトから送られました。",
            en: "Sent with a client program that this sender does not use."
        ),
        Kind::ManyPlaces => say!(
            ja: "24 時間に {a} 個の見慣れないネットワークから使われました（ふだんは {b} 個程度）。",
            en: "Used from {a} strange networks within 24 hours; {b} are usual."
        ),
        Kind::TwoPlaces => say!(
            ja: "{place} と同時に、ほかの {a} か所からも接続されています。",
            en: "Connected from {place} and from {a} other places at the same time."
        ),
        Kind::GuessedLogin => say!(
            ja: "1 週間以内に {a} 種類の誤ったパスワードが試されたあと、{place} からのログインが成功しました。",
            en: "A login from {place} succeeded after {a} different wrong passwords within a week."
        ),
        Kind::GuessingRegime => say!(
            ja: "サーバー全体でパスワードの総当たりが行われています。",
            en: "Passwords are being guessed all over this site."
        ),
        Kind::WeakCredential => say!(
            ja: "パスワードが弱い・漏えい済み・古いか、古い認証方式が使われました。",
            en: "The password is weak, breached or old, or an outdated mechanism was used."
        ),
        Kind::ForeignAuthor => author(a),
        Kind::FanOut => say!(
            ja: "ほぼ同じ本文が {a} 件の宛先に送られました（ふだんは {b} 件まで）。",
            en: "Nearly the same text went to {a} recipients; up to {b} are usual."
        ),
        Kind::Content => content(a, signal.b),
        Kind::UnusualHour => say!(
            ja: "週の第 {a} 時間目は、この送信者がめったに送らない時間帯です。",
            en: "Hour {a} of the week is one in which this sender hardly ever sends."
        ),
        Kind::Rhythm => say!(
            ja: "{b} 通続けて、人にはできない速さまたは規則正しさで送られました（間隔 {a} 秒）。",
            en: "{b} messages in a row came faster or more regularly than a person works (gap {a} s)."
        ),
        Kind::SendOnly => say!(
            ja: "このクライアントは送信だけを行い、受信箱を読んでいません。",
            en: "This client only sends; it never reads the inbox."
        ),
        Kind::Trap => say!(
            ja: "おとりのアドレスに送られました（1 週間に {a} 回）。",
            en: "A trap address was written to ({a} times within a week)."
        ),
        Kind::Complaint => complaint(a, b),
        Kind::Persistence => persistence(a, signal),
        Kind::NewAuthor => say!(
            ja: "認証なしの送信元が、これまで使ったことのない差出人を名乗りました。",
            en: "An origin without AUTH writes as an author that it never used before."
        ),
        Kind::Campaign => say!(
            ja: "ほぼ同じ本文が {a} 個の送信元から、合わせて {b} 通送られています。",
            en: "Nearly the same text comes from {a} origins, {b} messages together."
        ),
        Kind::Floor => say!(
            ja: "今日の新しい宛先は {a} 件です。上限は {b} 件です。",
            en: "{a} new recipients today; the floor is {b}."
        ),
    }
}

fn author(which: i64) -> Text {
    match which {
        2 => say!(
            ja: "差出人の表示名が、ほかの利用者または企業をかたっています。",
            en: "The author's display name imitates another user or a brand."
        ),
        3 => say!(ja: "返信先が別のドメインになっています。", en: "Answers are to go to another domain."),
        _ => say!(
            ja: "ヘッダーの差出人は、この送信者のアドレスではありません。",
            en: "The author in the header is not one of this sender's addresses."
        ),
    }
}

fn content(which: i64, score: f32) -> Text {
    match which {
        2 => say!(
            ja: "本文に、このサーバーで初めて見るドメインへのリンクがあります。",
            en: "A link leads to a domain that this site never saw."
        ),
        3 => say!(ja: "本文のリンク先がブロックリストに載っています。", en: "A link is on a blocklist."),
        _ => say!(
            ja: "内容フィルターの評価は {score:.1} です。",
            en: "The content filter's score is {score:.1}."
        ),
    }
}

fn complaint(which: i64, times: i64) -> Text {
    match which {
        2 => say!(
            ja: "この送信元の IP アドレスがブロックリストに載りました。",
            en: "The address by which this mail leaves was put on a blocklist."
        ),
        3 => say!(
            ja: "この送信者が送ったメールのバウンスが外から戻ってきました。",
            en: "Bounces of mail that this sender did send come back from outside."
        ),
        _ => say!(
            ja: "受信者から苦情が届きました（1 週間に {times} 件）。",
            en: "A recipient complained ({times} within a week)."
        ),
    }
}

fn persistence(which: i64, signal: &Signal) -> Text {
    let place = signal.place;
    match which {
        1 => say!(
            ja: "{place} から、外部への転送が設定されました。",
            en: "Forwarding to an address outside was set up from {place}."
        ),
        2 => say!(
            ja: "{place} から、メールを隠すフィルターが設定されました。",
            en: "A filter that hides mail was set up from {place}."
        ),
        _ => say!(
            ja: "{place} から、アプリパスワードが作られました。",
            en: "An application password was made from {place}."
        ),
    }
}

fn whole(number: f32) -> i64 {
    number.round() as i64
}
