//! Words that a guesser with a Japanese list tries first.
//!
//! Hiragana, most tried first; the spellings in Latin letters are derived, so each word stands here once.

use std::sync::OnceLock;

use super::{kana, walks};

/// The words in every spelling and the keyboard walks, in the order in which a guesser tries them.
pub(super) fn all() -> &'static [String] {
    static WORDS: OnceLock<Vec<String>> = OnceLock::new();
    WORDS.get_or_init(|| {
        let mut words = Vec::with_capacity(4_096);
        for word in KANA.split_whitespace() {
            words.push(word.to_owned());
            words.extend(kana::spellings(word));
        }
        words.extend(KANJI.split_whitespace().map(str::to_owned));
        words.extend(LATIN.split_whitespace().map(str::to_owned));
        words.extend(walks::all());
        words
    })
}

/// Whether `word` (lower case) is one of the listed words, keyboard walks aside.
pub(super) fn contains(word: &str) -> bool {
    all().iter().any(|known| known == word)
}

const KANA: &str = "
さくら ひみつ ことば ひみつのことば あいことば あんしょう あんしょうばんごう ぱすわーど めーる かぎ きー
あいうえお かきくけこ さしすせそ いろは いろはにほへと あいう かな
わたし ぼく おれ あなた きみ みんな だれ なに
あい あいしてる すき だいすき だいきらい きらい らぶ こい こいびと ゆめ きぼう みらい しあわせ ありがとう ごめん
こんにちは こんばんは おはよう おやすみ さようなら いただきます ただいま おかえり がんばる がんばって がんばれ よろしく
にほん にっぽん やまと とうきょう おおさか きょうと ほっかいどう さっぽろ なごや ふくおか よこはま こうべ ひろしま おきなわ
せんだい ながさき かごしま くまもと にいがた かなざわ ちば さいたま かながわ しずおか あいち なら わかやま おかやま
ふじさん ふじ しんかんせん げいしゃ さむらい しのび にんじゃ しょうぐん かたな さどう じゅうどう からて けんどう すもう
ねこ いぬ うさぎ くま とり たぬき きつね ぱんだ ひつじ うし うま さる ぞう らいおん とら りゅう ぺんぎん くじら いるか さかな
ねこちゃん にゃんこ わんこ わんちゃん たま ぽち しろ くろ もも まろん ここあ ちょこ もか みるく
すし てんぷら らーめん うどん そば かれー おにぎり おさけ びーる にほんしゅ おちゃ まっちゃ みかん りんご いちご ばなな すいか
はな ひまわり ばら ゆり うめ たんぽぽ こすもす もみじ つき ほし そら うみ やま かわ かぜ ゆき あめ くも たいよう にじ
はる なつ あき ふゆ しょうわ へいせい れいわ たいしょう めいじ
げつようび かようび すいようび もくようび きんようび どようび にちようび たんじょうび きょう あした きのう
おかあさん おとうさん おにいさん おねえさん おじいさん おばあさん かぞく ともだち せんせい がくせい かいしゃ がっこう だいがく
かんり かんりしゃ しゃちょう そうむ えいぎょう けいり じんじ うけつけ じむ じょうほう しすてむ さーば てすと なまえ みほん
あか あお きいろ みどり しろ くろ むらさき ぴんく いち に さん よん ご ろく なな はち きゅう じゅう
やきゅう さっかー てにす ばすけ ばれー すきー きょじん はんしん かーぷ とらきち じゃいあんつ
どらえもん ぴかちゅう ぽけもん なると ごくう るふぃ わんぴーす がんだむ とっとろ ととろ きてぃ あんぱんまん さざえさん こなん
あにめ まんが げーむ いんたーねっと けいたい すまほ ぱそこん
ぞんび ばか あほ うんこ ちんちん えっち すけべ
さとう すずき たかはし たなか いとう わたなべ やまもと なかむら こばやし かとう よしだ やまだ ささき やまぐち まつもと いのうえ
きむら はやし しみず さいとう やまざき もり いけだ はしもと あべ いしかわ やました なかじま いしい おがわ まえだ おかだ はせがわ
ふじた ごとう こんどう むらかみ えんどう あおき さかもと さいとう ふくだ おおた にしむら ふじい かねこ おかもと ふじわら なかの
みうら はらだ なかがわ まつだ たけうち おの たむら なかやま わだ いしだ もりた うえだ はら うちだ しばた さかい みやざき よこやま
たかぎ あんどう みやもと おおの こじま くどう たにぐち いまい たかだ まるやま ますだ すぎやま むらた おおつか あらい ひらの
たろう じろう さぶろう いちろう けんじ けんいち けん ひろし たかし あきら まこと つよし しげる まさる おさむ みのる ゆたか たけし
しょう しょうた だいすけ けんた たくや なおき ゆうき ゆうた りょう りょうた ひろと はると はるき そうた ゆうと れん あおい
はなこ ようこ けいこ さちこ かずこ ひろこ ゆうこ きょうこ のりこ ともこ じゅんこ まゆみ あけみ くみこ えみ えみこ みほ みき
ゆか ゆみ ゆみこ ゆい めい ひな ひなた みさき あかり あやか あやの まい まゆ りこ りな りさ ななみ ゆうか みゆ さき はるか ひかり
すず こはる いちか つむぎ さら のぞみ かおり なおみ めぐみ ちえ まり まりこ あゆみ あき あきこ
の は が を に と も で や ちゃん くん さん さま だよ です ます
";

const KANJI: &str = "
秘密 秘密の言葉 合言葉 暗証番号 言葉 桜 愛 夢 希望 日本 東京 大阪 京都 令和 平成 昭和 管理者 社長 会社 学校 名前 誕生日 家族
山田 佐藤 鈴木 高橋 田中 伊藤 渡辺 山本 中村 小林 加藤 太郎 花子 猫 犬 富士山 侍 忍者
";

const LATIN: &str = "
sekisho epost mail mailserver webmail smtp imap pop3 postmaster administrator admin root user info support sales office soumu
password passwd pass pw himitu aikotoba nihongo japan tokyo2020 osaka2025 expo2025 letmein welcome changeme qwerty
yamada tarou taro hanako jiro ichiro kanrisha pasuwado pasuwaado
reiwa heisei showa syouwa taisho meiji
";
