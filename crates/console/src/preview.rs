//! What an act will do, in numbers, before it is done.

use sekisho_control::command::{
    AccountCommand, AliasCommand, Command, ConsoleCommand, CredentialCommand, DomainCommand, DrillCommand,
    IncidentCommand, ListCommand, LockoutCommand, PersonalCommand, QueueCommand, RulesCommand, Service, SwitchCommand,
};
use sekisho_control::{Query, Refusal};
use sekisho_message::{Text, say};
use sekisho_store::RecipientId;
use sekisho_store::queue::{self, Filter, Step};
use serde_json::Value;

use crate::scope::filter_of;
use crate::service::Console;
use crate::words::{count, items, number, size, word};

/// Steps of counting before "more than" is said: some seconds at most.
const STEPS: usize = 600;

/// What will happen.
#[derive(Clone, Debug)]
pub struct Ahead {
    /// In a sentence.
    pub text: Text,
    /// In numbers.
    pub figures: Vec<(Text, String)>,
    /// Whether it cannot be undone, or stops somebody.
    pub danger: bool,
}

impl Ahead {
    fn said(text: Text) -> Self {
        Self { text, figures: Vec::new(), danger: false }
    }

    fn danger(text: Text) -> Self {
        Self { danger: true, ..Self::said(text) }
    }
}

/// What `command` will do.
///
/// # Errors
/// When it cannot be found out.
pub async fn of(console: &Console, command: &Command) -> Result<Ahead, Refusal> {
    Ok(match command {
        Command::Switch(act) => switch(console, act).await?,
        Command::Queue(act) => queue(console, act).await?,
        Command::Incident(act) => incident(console, act).await?,
        Command::Account(act) => account(console, act).await?,
        Command::Domain(act) => domain(act),
        Command::Alias(AliasCommand::Add { pattern, target }) => Ahead::said(say!(
            ja: "{pattern} 宛てのメールを {target} に届けるようにします。",
            en: "Mail for {pattern} will go to {target}."
        )),
        Command::Alias(AliasCommand::Remove { pattern }) => Ahead::danger(say!(
            ja: "別名 {pattern} を削除します。以後この宛先のメールは受け取りません。",
            en: "Removes the alias {pattern}; mail for it will be refused."
        )),
        Command::List(act) => list(console, act).await?,
        Command::Rules(act) => rules(act),
        Command::Lockout(act) => lockout(act),
        Command::Drill(act) => drill(act),
        Command::Personal(act) => personal(act),
        Command::Credential(act) => credential(act),
        Command::Class { who, class } => {
            let name = serde_json::to_value(class).unwrap_or_default();
            let (ja, en) = words(name.as_str().unwrap_or("learnt"));
            Ahead::said(say!(
                ja: "{who} を「{ja}」として判定します。",
                en: "{who} will be judged as: {en}."
            ))
        }
        Command::Console(ConsoleCommand::FactorRemove { address }) => Ahead::danger(say!(
            ja: "{address} の二段階認証を解除します。以後パスワードだけで管理画面に入れます。",
            en: "Removes the second factor of {address}; the password alone will do for the console."
        )),
        Command::Console(ConsoleCommand::SessionsEnd { address }) => Ahead::danger(say!(
            ja: "{address} のすべてのブラウザをログアウトさせ、API トークンを無効にします。",
            en: "Logs out all browsers of {address} and takes its tokens away."
        )),
    })
}

fn words(name: &str) -> (String, String) {
    use sekisho_message::Language::{En, Ja};
    if name == "learnt" { ("学習に任せる".into(), "as learnt".into()) } else { (word(name, Ja), word(name, En)) }
}

async fn switch(console: &Console, act: &SwitchCommand) -> Result<Ahead, Refusal> {
    let status = console.desk().look(Query::QueueStatus).await?;
    let waiting: u64 = ["incoming", "lists", "domains"]
        .iter()
        .map(|stage| status.pointer(&format!("/stages/{stage}/recipients")).and_then(Value::as_u64).unwrap_or(0))
        .sum();
    let hour = console.pulse().hour(console.control()).await?;
    let figures = vec![
        (say!(ja: "この 1 時間に受け付けた通数", en: "Messages accepted in the last hour"), count(hour.accepted)),
        (say!(ja: "この 1 時間に配送した件数", en: "Deliveries in the last hour"), count(hour.delivered)),
        (say!(ja: "今キューで配送を待つ宛先", en: "Recipients that wait in the queue"), count(waiting)),
    ];
    let text = match act {
        SwitchCommand::Pause { service: Service::Receive, .. } => say!(
            ja: "受信を止めます。ほかのサーバは後で再送し、利用者は送信できなくなります。届いているメールは失われません。",
            en: "Stops receiving: other servers try again later, users cannot send. Nothing that was accepted is lost."
        ),
        SwitchCommand::Pause { service: Service::Delivery, .. } => say!(
            ja: "配送を止めます。メールは受け付けますが、キューに溜まります。",
            en: "Stops delivery: mail is still accepted and waits in the queue."
        ),
        SwitchCommand::Pause { service, .. } => {
            let name = service.as_str();
            say!(ja: "{name} を止めます。利用者はメールを読めなくなります。", en: "Stops {name}: users cannot read their mail.")
        }
        SwitchCommand::Resume { service } => {
            let (ja, en) = words(service.as_str());
            say!(ja: "{ja}を再開します。", en: "Resumes {en}.")
        }
    };
    Ok(Ahead { text, figures, danger: matches!(act, SwitchCommand::Pause { .. }) })
}

async fn queue(console: &Console, act: &QueueCommand) -> Result<Ahead, Refusal> {
    let (found, more) = counted(console, filter_of(act)).await?;
    let (messages, recipients) = (bounded(found.messages, more), bounded(found.changed, more));
    let figures = vec![
        (say!(ja: "メール", en: "Messages"), messages),
        (say!(ja: "宛先", en: "Recipients"), recipients),
        (say!(ja: "容量", en: "Size"), size(found.bytes)),
    ];
    let (text, danger) = match act {
        QueueCommand::Hold { .. } => (
            say!(
                ja: "次のメールを保留します。送信元だけを指定した場合は、これから来るメールも保留します。",
                en: "Holds this mail. By account or origin alone, what still comes is held as well."
            ),
            false,
        ),
        QueueCommand::Release { .. } => {
            (say!(ja: "次のメールの保留を解いて送ります。", en: "Lets this mail go on its way."), true)
        }
        QueueCommand::Retry { .. } => (say!(ja: "次のメールを今すぐ試します。", en: "Tries this mail now."), false),
        QueueCommand::Purge { .. } => (
            say!(
                ja: "次のメールを削除します。元には戻せません。",
                en: "Destroys this mail. It cannot be undone."
            ),
            true,
        ),
    };
    Ok(Ahead { text, figures, danger })
}

fn bounded(n: u64, more: bool) -> String {
    if more { format!("> {}", count(n)) } else { count(n) }
}

/// What a filter matches, up to a bound; whether there is more.
pub(crate) async fn counted(console: &Console, filter: &Filter) -> Result<(Step, bool), Refusal> {
    let (mut sum, mut after): (Step, Option<RecipientId>) = (Step::default(), None);
    for _ in 0..STEPS {
        let filter = filter.clone();
        let step = console.control().store().read(move |tx| queue::count_step(tx, &filter, after)).await?;
        sum.changed += step.changed;
        sum.messages += step.messages;
        sum.bytes += step.bytes;
        after = step.next;
        if after.is_none() {
            return Ok((sum, false));
        }
    }
    Ok((sum, true))
}

async fn incident(console: &Console, act: &IncidentCommand) -> Result<Ahead, Refusal> {
    let (which, all) = match act {
        IncidentCommand::Contain { which, .. } | IncidentCommand::Resolve { which, .. } => (which, false),
        IncidentCommand::Release { which, all, .. } | IncidentCommand::Purge { which, all, .. } => (which, *all),
    };
    let told = match console.desk().look(Query::Incident { which: which.clone() }).await {
        Ok(told) => told,
        // Containing opens one where there is none.
        Err(Refusal::Invalid { .. } | Refusal::Store { .. }) if matches!(act, IncidentCommand::Contain { .. }) => {
            Value::Null
        }
        Err(refusal) => return Err(refusal),
    };
    let pile = |name: &str| (number(&told["held"][name], "messages"), number(&told["held"][name], "recipients"));
    let (own, rest) = (pile("own"), pile("rest"));
    let shown = |(messages, recipients): (u64, u64)| format!("{} ({})", count(messages), count(recipients));
    let mut figures = vec![
        (
            say!(ja: "本人のものと見られる通数（宛先）", en: "Seems to be the owner's: messages (recipients)"),
            shown(own),
        ),
        (say!(ja: "それ以外の通数（宛先）", en: "Others: messages (recipients)"), shown(rest)),
    ];
    let text = match act {
        IncidentCommand::Contain { which, .. } => {
            if told.is_null() {
                figures.clear();
            }
            say!(
                ja: "{which} を封じ込めます。外への送信を止め、キューのメールとこれからのメールを保留し、接続を切ります。何も失われません。",
                en: "Contains {which}: no more sending, what is queued and what comes is held, live sessions end. Nothing is lost."
            )
        }
        IncidentCommand::Release { .. } if all => say!(
            ja: "誤検知として、すべてのメールを送り、インシデントを閉じます。",
            en: "Says that it was a false alarm: everything goes on its way and the incident is closed."
        ),
        IncidentCommand::Release { .. } => {
            say!(ja: "本人のものと見られるメールを送ります。", en: "Sends what the owner seems to have sent.")
        }
        IncidentCommand::Purge { .. } if all => say!(
            ja: "保留中のメールをすべて削除します。元には戻せません。",
            en: "Destroys all mail that is held. It cannot be undone."
        ),
        IncidentCommand::Purge { .. } => say!(
            ja: "本人のものではないメールを削除します。元には戻せません。",
            en: "Destroys what is not the owner's. It cannot be undone."
        ),
        IncidentCommand::Resolve { .. } => say!(
            ja: "解決します。本人のメールを送り、残りは確認を待ちます。",
            en: "Resolves it: the owner's mail goes, the rest waits for a person."
        ),
    };
    Ok(Ahead { text, figures, danger: !matches!(act, IncidentCommand::Resolve { .. }) })
}

async fn account(console: &Console, act: &AccountCommand) -> Result<Ahead, Refusal> {
    Ok(match act {
        AccountCommand::Suspend { address, .. } => {
            let filter = Filter { account: Some(address.clone()), ..Filter::default() };
            let (found, more) = counted(console, &filter).await?;
            Ahead {
                text: say!(
                    ja: "{address} の送信を止めます。受信とメールの閲覧はできます。",
                    en: "{address} will not be able to send; receiving and reading go on."
                ),
                figures: vec![(say!(ja: "送信待ちの通数", en: "Messages in the queue"), bounded(found.messages, more))],
                danger: true,
            }
        }
        AccountCommand::Remove { address, .. } => {
            let shown = console.desk().look(Query::Account { address: address.clone() }).await?;
            let days = console.control().options().grace.as_secs() / 86_400;
            Ahead {
                text: say!(
                    ja: "{address} を削除します。{days} 日のあいだは元に戻せます。",
                    en: "Removes {address}. It can be brought back for {days} days."
                ),
                figures: vec![
                    (say!(ja: "メールの通数", en: "Messages in its mailboxes"), count(number(&shown, "messages"))),
                    (say!(ja: "容量", en: "Size"), size(number(&shown, "used"))),
                ],
                danger: true,
            }
        }
        AccountCommand::Resume { address } => {
            Ahead::said(say!(ja: "{address} を再び使えるようにします。", en: "{address} can be used again."))
        }
        AccountCommand::Rename { address, to } => Ahead::danger(say!(
            ja: "{address} を {to} に変えます。元のアドレス宛てのメールは受け取らなくなります。",
            en: "Renames {address} to {to}; mail for the old address will be refused."
        )),
        AccountCommand::Quota { address, quota } => {
            let (ja, en) = quota.map_or(("なし".into(), "none".into()), |octets| (size(octets), size(octets)));
            Ahead::said(say!(ja: "{address} の容量の上限を {ja} にします。", en: "Sets the quota of {address}: {en}."))
        }
        AccountCommand::MessageQuota { address, messages } => {
            let (ja, en) =
                messages.map_or(("なし".into(), "none".into()), |most| (format!("{most} 通"), most.to_string()));
            Ahead::said(
                say!(ja: "{address} の通数の上限を {ja} にします。", en: "Sets the most messages of {address}: {en}."),
            )
        }
        AccountCommand::Person { address, .. } => {
            Ahead::said(say!(ja: "{address} の氏名と言語を変えます。", en: "Changes name and language of {address}."))
        }
        AccountCommand::Role { address, role } => {
            let name = serde_json::to_value(role).unwrap_or_default();
            let (ja, en) = words(name.as_str().unwrap_or_default());
            Ahead::danger(say!(ja: "{address} を{ja}にします。", en: "Makes {address} a {en}."))
        }
        AccountCommand::Whence { address, .. } => Ahead::said(say!(
            ja: "{address} のパスワードを使えるネットワークと国を変えます。",
            en: "Changes from where the password of {address} may be used."
        )),
        AccountCommand::Add(person) => {
            let address = &person.address;
            Ahead::said(say!(ja: "{address} を追加します。", en: "Adds {address}."))
        }
        AccountCommand::Password { address, .. } => Ahead::said(say!(
            ja: "{address} のパスワードを変えます。接続は切れます。",
            en: "Sets the password of {address}; its sessions end."
        )),
    })
}

fn drill(act: &DrillCommand) -> Ahead {
    match act {
        DrillCommand::Start { .. } => Ahead::said(say!(
            ja: "設定の写しの上で攻撃を予行します。本物のメールには触れません。",
            en: "Rehearses the attack on a copy of the settings. No real mail is touched."
        )),
        DrillCommand::Cancel => Ahead::said(say!(ja: "進行中の予行を中止します。", en: "Ends the drill that goes on.")),
    }
}

fn domain(act: &DomainCommand) -> Ahead {
    match act {
        DomainCommand::Add { name } => Ahead::said(
            say!(ja: "{name} のメールをこのサーバで受け取ります。", en: "This server will take mail for {name}."),
        ),
        DomainCommand::Remove { name } => Ahead::danger(say!(
            ja: "{name} のメールを受け取らなくなります。別名も消えます。",
            en: "Mail for {name} will be refused; its aliases go with it."
        )),
        DomainCommand::Whence { name, .. } => Ahead::said(say!(
            ja: "{name} のパスワードを使えるネットワークと国を変えます。",
            en: "Changes from where passwords of {name} may be used."
        )),
        DomainCommand::Claims { name, claims } => {
            let named = serde_json::to_value(claims).unwrap_or_default();
            let (ja, en) = words(named.as_str().unwrap_or_default());
            Ahead::said(say!(
                ja: "外から {name} を名乗って届くメールの扱いを「{ja}」にします。",
                en: "Mail from outside that claims to be from {name}: {en}."
            ))
        }
        DomainCommand::Scram { name, on } => {
            let (ja, en) = if *on { ("使う", "on") } else { ("使わない", "off") };
            Ahead::said(say!(ja: "{name} の SCRAM を「{ja}」にします。", en: "SCRAM of {name}: {en}."))
        }
    }
}

fn personal(act: &PersonalCommand) -> Ahead {
    match act {
        PersonalCommand::Forward { address, forward: Some(forward) } => {
            let (n, to) = (forward.to.len(), forward.to.join(", "));
            let (ja, en) = if forward.keep {
                ("残します", "stays here too")
            } else {
                ("残しません", "does not stay here")
            };
            Ahead::danger(say!(
                ja: "{address} に届くメールを {n} か所（{to}）に転送します。手元には{ja}。",
                en: "Mail for {address} goes on to {n} addresses ({to}); it {en}."
            ))
        }
        PersonalCommand::Forward { address, forward: None } => {
            Ahead::said(say!(ja: "{address} の転送をやめます。", en: "Ends the forwarding of {address}."))
        }
        PersonalCommand::Reply { address, reply: Some(reply) } => {
            let days = reply.days;
            Ahead::said(say!(
                ja: "{address} に届いたメールに自動で返信します（同じ人には {days} 日に一度）。",
                en: "Answers mail for {address} by itself, each sender once in {days} days."
            ))
        }
        PersonalCommand::Reply { address, reply: None } => {
            Ahead::said(say!(ja: "{address} の自動返信をやめます。", en: "Ends the automatic reply of {address}."))
        }
        PersonalCommand::Hours { address, hours } => {
            let (ja, en) = hours.as_deref().map_or(("いつでも", "always"), |hours| (hours, hours));
            Ahead::said(say!(
                ja: "{address} が送信できる時間: {ja}",
                en: "When mail of {address} may leave: {en}"
            ))
        }
    }
}

async fn list(console: &Console, act: &ListCommand) -> Result<Ahead, Refusal> {
    Ok(match act {
        ListCommand::Remove { address, .. } => {
            let shown = console.desk().look(Query::List { address: address.clone(), after: String::new() }).await?;
            let members = items(&shown, "members").len();
            let more = if shown["next"].is_null() { "" } else { "+" };
            Ahead {
                figures: vec![(say!(ja: "会員", en: "Members"), format!("{members}{more}"))],
                ..Ahead::danger(say!(
                    ja: "メーリングリスト {address} を削除します。元には戻せません。",
                    en: "Removes the mailing list {address}. It cannot be undone."
                ))
            }
        }
        ListCommand::Add { address, .. } => {
            Ahead::said(say!(ja: "メーリングリスト {address} を作ります。", en: "Makes the mailing list {address}."))
        }
        ListCommand::Set { address, .. } => {
            Ahead::said(say!(ja: "{address} の設定を変えます。", en: "Changes the settings of {address}."))
        }
        ListCommand::MemberAdd { address, members } => {
            let n = members.len();
            Ahead::said(say!(ja: "{address} に会員を {n} 人加えます。", en: "Adds {n} members to {address}."))
        }
        ListCommand::MemberRemove { address, members } => {
            let n = members.len();
            Ahead::danger(say!(ja: "{address} から会員を {n} 人外します。", en: "Removes {n} members from {address}."))
        }
    })
}

fn credential(act: &CredentialCommand) -> Ahead {
    match act {
        CredentialCommand::AddAppPassword { address, name, .. } => Ahead::said(say!(
            ja: "{address} のアプリパスワード「{name}」を作ります。",
            en: "Makes the app password \"{name}\" of {address}."
        )),
        CredentialCommand::RemoveAppPassword { address, name } => Ahead::danger(say!(
            ja: "{address} のアプリパスワード「{name}」を削除します。使っていたプログラムは入れなくなります。",
            en: "Removes the app password \"{name}\" of {address}; whatever used it is locked out."
        )),
        CredentialCommand::Recoverable { address, on: true } => Ahead::danger(say!(
            ja: "{address} のパスワードを復元できる形で保存します（APOP、CRAM-MD5 用）。",
            en: "Keeps the password of {address} in a form that can be read (for APOP and CRAM-MD5)."
        )),
        CredentialCommand::Recoverable { address, on: false } => Ahead::said(say!(
            ja: "{address} の復元できるパスワードを消します。",
            en: "Forgets the recoverable password of {address}."
        )),
    }
}

fn rules(act: &RulesCommand) -> Ahead {
    match act {
        RulesCommand::Write { text, .. } => {
            let lines = text.lines().count();
            Ahead::said(say!(
                ja: "ルールを置き換えます（{lines} 行）。すぐに効きます。前の内容は履歴から戻せます。",
                en: "Replaces the rules ({lines} lines). They count at once; the old ones stay in the history."
            ))
        }
        RulesCommand::Reload => Ahead::said(say!(ja: "ルールを読み直します。", en: "Reads the rules again.")),
    }
}

fn lockout(act: &LockoutCommand) -> Ahead {
    match act {
        LockoutCommand::Unlock { what } => {
            Ahead::said(say!(ja: "{what} のロックを解除します。", en: "Lifts the locks of {what}."))
        }
        LockoutCommand::Allow { network, .. } => Ahead::danger(say!(
            ja: "{network} を決してロックしないようにします。",
            en: "{network} will never be locked out."
        )),
        LockoutCommand::Deny { network, .. } => Ahead::danger(say!(
            ja: "{network} からの接続をすべて拒否します。",
            en: "Refuses every connection from {network}."
        )),
        LockoutCommand::Forget { network, .. } => Ahead::said(
            say!(ja: "{network} の行を表から消します。", en: "Takes the rows of {network} out of the tables."),
        ),
    }
}
