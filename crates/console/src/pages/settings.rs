//! *Settings*: how the guard is set, in words and in what it costs the honest.

use axum::extract::State;
use maud::{Markup, html};
use sekisho_control::Query;
use sekisho_control::guard::Mode;
use sekisho_guard::policy::ClassPolicy;
use sekisho_message::Language;

use crate::estimate::{Estimate, Row};
use crate::form::Fields;
use crate::gate::{Member, Oops};
use crate::page::{Page, badge, cell, csrf, table};
use crate::service::Console;
use crate::words::{count, span, t, text, word};

/// Years of a kind before a bound says anything.
const TELLING: f64 = 10.0;

/// `GET /settings`.
pub async fn page(State(console): State<Console>, member: Member) -> Page {
    let lang = member.lang();
    let guard = console.control().guard().settings();
    let policy = &guard.policy;
    let classes: [(&str, &ClassPolicy); 4] = [
        ("person", &policy.person),
        ("role", &policy.role),
        ("application", &policy.application),
        ("newsletter", &policy.newsletter),
    ];
    let rows: Vec<Vec<Markup>> = classes
        .iter()
        .map(|(name, class)| {
            vec![
                cell(&word(name, lang)),
                threshold(class.home, lang),
                threshold(class.away, lang),
                threshold(class.slow, lang),
                html! { span.n { (class.valve_burst) } },
                cell(&span(u64::from(class.valve_seconds), lang)),
            ]
        })
        .collect();
    let heads = [
        t!(lang, ja: "種類", en: "Kind"),
        t!(lang, ja: "いつもの場所での閾値", en: "Threshold at usual places"),
        t!(lang, ja: "見慣れない場所での閾値", en: "Threshold at other places"),
        t!(lang, ja: "ゆっくりした悪用の閾値", en: "Slow threshold"),
        t!(lang, ja: "すぐ送れる初めての宛先", en: "First contacts at once"),
        t!(lang, ja: "その後の間隔", en: "Then one each"),
    ];
    let mode = match guard.mode {
        Mode::Hold => {
            t!(lang, ja: "疑わしいメールは受け付けて保留します。", en: "Suspicious mail is accepted and held.")
        }
        Mode::Defer => t!(lang, ja: "疑わしいメールは 451 で後回しにします。", en: "Suspicious mail is answered 451."),
        Mode::Observe => {
            t!(lang, ja: "記録と通知だけを行い、何も止めません。", en: "Nothing is held: it is written down and told.")
        }
    };
    let (dwell, longest, floor, guesses) = (
        span(u64::from(policy.dwell_seconds), lang),
        span(u64::from(policy.dwell_max_seconds), lang),
        count(u64::from(policy.floor_per_day)),
        policy.guesses,
    );
    let (idle, session) =
        (span(console.settings().idle.as_secs(), lang), span(console.settings().longest.as_secs(), lang));
    let known = console.estimate().first(policy).await;
    Page::new(
        t!(lang, ja: "設定", en: "Settings"),
        html! {
            section {
                h2 { (t!(lang, ja: "見張り", en: "The guard")) }
                p { strong { (mode) } }
                ul {
                    li { (t!(lang, ja: "疑わしいときの初めての宛先への送信は {dwell} から {longest} 待ちます。その間に不正利用と分かれば、送られずに済みます。",
                        en: "When suspicious, mail to somebody new waits {dwell} to {longest}; if it turns out to be abuse meanwhile, it never leaves.")) }
                    li { (t!(lang, ja: "1 日に {floor} 人を超える初めての宛先は、学習の結果にかかわらず止めます（ニュースレターとアプリケーションを除く）。",
                        en: "More than {floor} new recipients a day are held whatever was learnt, but for newsletters and applications.")) }
                    li { (t!(lang, ja: "{guesses} 種類の誤ったパスワードの後の成功は、総当たりとみなします。",
                        en: "A login that succeeds after {guesses} different wrong passwords counts as guessed.")) }
                }
                (table(&t!(lang, ja: "種類ごとの閾値", en: "Thresholds by kind"), &heads, &rows, lang))
                p { (t!(lang,
                    ja: "兆候は 1 つで最大 3 点です。たとえば閾値 10 は、最も強い兆候がほぼ 4 つ重なるまで止めないことを意味します。点数は時間がたつと下がります（ゆっくりした悪用の点数を除く）。",
                    en: "A sign adds at most 3. A threshold of 10, for instance, means that nothing is held before nearly four of the strongest signs come together. Scores fade with time, but for the slow one.")) }
                (costs(&known, lang))
                p.quiet { (t!(lang, ja: "変更は sekisho.toml の [guard] で行い、再起動で反映します。", en: "They are set in [guard] of sekisho.toml and count after a restart.")) }
            }
            section {
                h2 { (t!(lang, ja: "通知", en: "Alerts")) }
                ul {
                    @for address in &guard.alert.mail { li { (address) } }
                    @if guard.alert.mail.is_empty() { li { (t!(lang, ja: "システム管理者のメールボックス", en: "The system administrators' mailboxes")) } }
                    @if let Some(hook) = &guard.alert.webhook { li { "Webhook: " (hook) " "
                        @if guard.alert.webhook_secret.is_some() { (t!(lang, ja: "（署名つき）", en: "(signed)")) }
                        @else { (t!(lang, ja: "（署名なし）", en: "(not signed)")) } } }
                    @if !guard.alert.command.is_empty() { li { (t!(lang, ja: "コマンド", en: "Command")) ": " code { (guard.alert.command.join(" ")) } } }
                }
                form method="post" action="/settings/alert" {
                    (csrf(&member))
                    button type="submit" { (t!(lang, ja: "試しに通知する", en: "Send a test")) }
                }
            }
            section {
                h2 { (t!(lang, ja: "管理画面", en: "The console")) }
                ul {
                    li { (t!(lang, ja: "使わないと {idle} でログアウトし、長くても {session} でログアウトします。", en: "A session that nobody uses ends after {idle}, and every session after {session}.")) }
                    li { @if console.settings().owner_release {
                        (t!(lang, ja: "利用者は、インシデントがないときに限り、止められた自分のメールを送れます。", en: "Owners may send what is held of theirs while no incident is open."))
                    } @else {
                        (t!(lang, ja: "止められたメールを送れるのは管理者だけです。", en: "Only administrators release what is held."))
                    } }
                }
            }
        },
    )
}

/// `POST /settings/alert`: tells everybody, as a test.
///
/// # Errors
/// When nobody could be told.
pub async fn alert(State(console): State<Console>, member: Member, _: Fields) -> Result<Page, Oops> {
    let lang = member.lang();
    let tried = member.look(&console, Query::AlertTest).await?;
    let rows = tried.as_array().map_or(&[][..], Vec::as_slice);
    Ok(Page::new(
        t!(lang, ja: "通知の試験", en: "Test of the alerts"),
        html! {
            section role="status" {
                ul { @for one in rows {
                    @let well = one["ok"] == true;
                    li { (badge(if well { "ok" } else { "error" }, lang)) " " (text(one, "channel")) " " (text(one, "target")) " " (text(one, "text")) }
                } }
                p { a.button href="/settings" { (t!(lang, ja: "戻る", en: "Back")) } }
            }
        },
    ))
}

/// A threshold with what it takes to get there.
fn threshold(value: f32, lang: Language) -> Markup {
    let signs = (value / 3.0).ceil();
    html! { div { span.n { (value) } " " span.quiet { (t!(lang, ja: "強い兆候 {signs} 個", en: "{signs} strong signs")) } } }
}

/// What these thresholds cost honest senders.
fn costs(known: &[Row], lang: Language) -> Markup {
    let rows: Vec<Vec<Markup>> = known
        .iter()
        .map(|row| {
            let ((years, runs), late) = (row.at_most(), 100.0 * row.delayed as f64 / row.recipients.max(1) as f64);
            let bound =
                |most: f64| html! { @if row.years >= TELLING { span.n { (format!("{most:.1}")) } } @else { "…" } };
            vec![
                cell(row.kind.text().get(lang)),
                html! { span.n { (count(row.runs.into())) } },
                html! { span.n { (format!("{:.0}", row.years)) } },
                html! { span.n { (row.holds) } },
                bound(years),
                bound(runs),
                html! { @if row.recipients > 0 { span.n { (format!("{late:.1} %")) } } },
            ]
        })
        .collect();
    let heads = [
        t!(lang, ja: "正直な送り手", en: "Honest sender"),
        t!(lang, ja: "試した数", en: "Tried"),
        t!(lang, ja: "年数", en: "Years"),
        t!(lang, ja: "誤った保留", en: "False holds"),
        t!(lang, ja: "1,000 年に多くても", en: "At most in 1,000 years"),
        t!(lang, ja: "1,000 回に多くても", en: "At most in 1,000 of them"),
        t!(lang, ja: "待たされる宛先", en: "Recipients that wait"),
    ];
    html! {
        p { (t!(lang,
            ja: "今の閾値で誤って止める数を、模擬した正直な送り手のメールをこのサーバの見張りに判定させて見積もります。出荷時の値では、実在の組織の 2 年間・238 人年のメールで誤った保留は 0 件、待たされた宛先は 0.6 % でした。",
            en: "What these thresholds hold by mistake is estimated by letting this server's guard judge the mail of simulated honest senders. As shipped, two years of a real organisation's mail, 238 years of people, saw no false hold, and 0.6 % of recipients waited.")) }
        (table(&t!(lang, ja: "誤った保留の見積もり（95 % の上限）", en: "Expected false holds (upper bounds at 95 %)"), &heads, &rows, lang))
        @if !Estimate::is_over(known) {
            p.quiet role="status" { (t!(lang, ja: "見積もりの途中です（1 分ほど）。開き直すと進んでいます。", en: "The estimate goes on for about a minute; open the page again to see more.")) }
        }
    }
}
