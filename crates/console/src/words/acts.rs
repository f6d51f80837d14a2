//! What acts of the journal are called.

use sekisho_message::Language;

/// An act of the journal, such as `account.suspend`, in the reader's language; one that has no words as it is.
#[must_use]
pub fn act_name(code: &str, lang: Language) -> String {
    let (ja, en) = match code {
        "account.add" => ("アカウントを追加", "added the account"),
        "account.app_password.add" => ("アプリパスワードを作成", "made an app password"),
        "account.app_password.remove" => ("アプリパスワードを削除", "took an app password away"),
        "account.class" => ("送信者の種類を設定", "set the kind of sender"),
        "account.export_mail" => ("メールを書き出し", "exported mail"),
        "account.forward" => ("転送を設定", "set a forwarding"),
        "account.forward.end" => ("転送を終了", "ended a forwarding"),
        "account.hours" => ("送信できる時間を設定", "set the send hours"),
        "account.import" => ("アカウントを取り込み", "imported accounts"),
        "account.import_mail" => ("メールを取り込み", "imported mail"),
        "account.message_quota" => ("通数の上限を設定", "set the most messages"),
        "account.password" => ("パスワードを変更", "set the password"),
        "account.person" => ("氏名と言語を変更", "changed name and language"),
        "account.quota" => ("容量の上限を設定", "set the quota"),
        "account.recoverable" => ("読み取れるパスワードの可否を設定", "set whether a readable password is kept"),
        "account.remove" => ("アカウントを削除", "removed the account"),
        "account.rename" => ("アドレスを変更", "renamed the account"),
        "account.reply" => ("自動返信を設定", "set an automatic reply"),
        "account.reply.end" => ("自動返信を終了", "ended an automatic reply"),
        "account.resume" => ("送信停止を解除", "let it send again"),
        "account.role" => ("権限を変更", "changed the role"),
        "account.suspend" => ("送信を停止", "suspended it"),
        "account.whence" => ("使える場所を変更", "changed from where it may be used"),
        "alert.give" => ("知らせを送信", "gave an alert"),
        "alert.test" => ("知らせの試し送信", "sent a test alert"),
        "alias.add" => ("別名を追加", "added an alias"),
        "alias.remove" => ("別名を削除", "removed an alias"),
        "console.disown" => ("ほかのブラウザをログアウト", "logged out other browsers"),
        "console.factor.remove" => ("二段階認証を解除", "removed the second factor"),
        "console.factor.set" => ("二段階認証を設定", "set the second factor"),
        "console.sessions.end" => ("すべてのブラウザをログアウト", "logged out all browsers"),
        "console.token.add" => ("トークンを作成", "made a token"),
        "console.token.remove" => ("トークンを削除", "took a token away"),
        "domain.add" => ("ドメインを追加", "added a domain"),
        "domain.claims" => ("ドメインを名乗るメールの扱いを変更", "changed what becomes of mail that claims a domain"),
        "domain.remove" => ("ドメインを削除", "removed a domain"),
        "domain.scram" => ("SCRAM を設定", "set SCRAM"),
        "domain.whence" => ("使える場所を変更", "changed from where passwords may be used"),
        "drill.cancel" => ("予行を中止", "cancelled a drill"),
        "drill.start" => ("予行を開始", "began a drill"),
        "import.epost" => ("E-POST から取り込み", "imported from E-POST"),
        "incident.contain" => ("封じ込め", "contained it"),
        "incident.notice" => ("管理者に知らせた", "told the administrators"),
        "incident.owner_told" => ("本人に知らせた", "told the owner"),
        "incident.purge" => ("保留中のメールを削除", "purged held mail"),
        "incident.release" => ("保留中のメールを送信", "released held mail"),
        "incident.resolve" => ("解決", "resolved it"),
        "list.add" => ("リストを追加", "added a list"),
        "list.member.add" => ("リストの会員を追加", "added members"),
        "list.member.remove" => ("リストの会員を削除", "removed members"),
        "list.remove" => ("リストを削除", "removed a list"),
        "list.set" => ("リストの設定を変更", "changed a list"),
        "lockout.allow" => ("ネットワークを許可", "allowed a network"),
        "lockout.deny" => ("ネットワークを拒否", "denied a network"),
        "lockout.end" => ("ロックが終了", "a lock ended"),
        "lockout.forget" => ("ネットワークの行を削除", "took a network's rows away"),
        "lockout.lock" => ("ロックした", "locked it"),
        "lockout.regime" => ("ロックアウトの厳しさを変更", "changed how strict lockouts are"),
        "lockout.unlock" => ("ロックを解除", "unlocked it"),
        "queue.hold" => ("キューで保留", "held queued mail"),
        "queue.purge" => ("キューから削除", "purged queued mail"),
        "queue.release" => ("キューの保留を解除", "released queued mail"),
        "queue.retry" => ("今すぐ再試行", "retried queued mail"),
        "rules.bar" => ("ルールにネットワークの拒否を追加", "barred a network in the rules"),
        "rules.reload" => ("ルールを読み直し", "read the rules again"),
        "rules.write" => ("ルールを変更", "changed rules"),
        "service.pause" => ("サービスを停止", "paused a service"),
        "service.resume" => ("サービスを再開", "resumed a service"),
        other => (other, other),
    };
    match lang {
        Language::Ja => ja.to_owned(),
        Language::En => en.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_act_is_called() {
        for act in crate::api::acts::ACTS {
            let code = match (act.area, act.name) {
                ("class", _) => "account.class".to_owned(),
                ("credential", "recoverable") => "account.recoverable".into(),
                ("credential", "add_app_password") => "account.app_password.add".into(),
                ("credential", _) => "account.app_password.remove".into(),
                ("personal", name) => format!("account.{name}"),
                ("list", "member_add") => "list.member.add".into(),
                ("list", "member_remove") => "list.member.remove".into(),
                ("switch", name) => format!("service.{name}"),
                ("console", "factor_remove") => "console.factor.remove".into(),
                ("console", _) => "console.sessions.end".into(),
                (area, name) => format!("{area}.{name}"),
            };
            assert_ne!(act_name(&code, Language::Ja), code);
            assert_ne!(act_name(&code, Language::En), code);
        }
    }
}
