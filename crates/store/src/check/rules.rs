//! What must hold between rows: each rule is a query for what breaks it.

use sekisho_message::Text;

use super::Report;
use crate::{Result, Tx, Value};

/// One rule.
pub(super) struct Rule {
    ja: &'static str,
    en: &'static str,
    /// Answers the rows that break the rule.
    sql: &'static str,
}

/// Broken rows that one rule names.
const NAMED: usize = 20;

impl Rule {
    /// Reports what breaks the rule.
    pub(super) fn apply(&self, tx: &mut dyn Tx, report: &mut Report) -> Result<()> {
        let mut count = 0;
        tx.query(self.sql, &[], &mut |row| {
            count += 1;
            if count > NAMED {
                report.more += 1;
                return Ok(());
            }
            let mut words = Vec::new();
            for column in 0.. {
                match row.value(column) {
                    Ok(Value::Int(n)) => words.push(n.to_string()),
                    Ok(Value::Text(text)) => words.push(text.to_owned()),
                    Ok(_) => words.push("-".into()),
                    Err(_) => break,
                }
            }
            let words = words.join(", ");
            report.problem(Text::new(format!("{}: {words}", self.ja), format!("{}: {words}", self.en)));
            Ok(())
        })
    }
}

const fn rule(ja: &'static str, en: &'static str, sql: &'static str) -> Rule {
    Rule { ja, en, sql }
}

pub(super) const RULES: &[Rule] = &[
    // Bodies
    rule(
        "本文の参照数が合いません (本文, 記録, 実際)",
        "a body's references are miscounted (body, counted, found)",
        "SELECT c.id, c.refs, COALESCE(n.n, 0) FROM content c LEFT JOIN
             (SELECT content, COUNT(*) AS n FROM
                 (SELECT content FROM mail UNION ALL SELECT content FROM message UNION ALL SELECT content FROM expunged)
                 AS uses GROUP BY content) AS n
             ON n.content = c.id WHERE c.refs <> COALESCE(n.n, 0)",
    ),
    rule(
        "本文のないメール (フォルダー, UID, 本文)",
        "a message in a folder without its body (folder, UID, body)",
        "SELECT mailbox, uid, content FROM mail WHERE NOT EXISTS (SELECT 1 FROM content c WHERE c.id = mail.content)",
    ),
    rule(
        "本文のないキューのメール (メール, 本文)",
        "a queued message without its body (message, body)",
        "SELECT id, content FROM message WHERE NOT EXISTS (SELECT 1 FROM content c WHERE c.id = message.content)",
    ),
    rule(
        "内容のない本文",
        "a body without bytes",
        "SELECT id FROM content WHERE file IS NULL AND NOT EXISTS (SELECT 1 FROM body b WHERE b.content = content.id)",
    ),
    rule(
        "どこからも参照されない本文",
        "bytes or a summary of no body",
        "SELECT content FROM body WHERE NOT EXISTS (SELECT 1 FROM content c WHERE c.id = body.content)
         UNION SELECT content FROM summary WHERE NOT EXISTS (SELECT 1 FROM content c WHERE c.id = summary.content)
         UNION SELECT content FROM digest WHERE NOT EXISTS (SELECT 1 FROM content c WHERE c.id = digest.content)
         UNION SELECT content FROM signature WHERE NOT EXISTS (SELECT 1 FROM content c WHERE c.id = signature.content)",
    ),
    rule(
        "参照がなく回収予定もない本文",
        "a body without references that is not to be collected",
        "SELECT id FROM content WHERE refs <= 0 AND NOT EXISTS (SELECT 1 FROM garbage g WHERE g.content = content.id)",
    ),
    // Queue
    rule(
        "メールのない宛先",
        "a recipient without its message",
        "SELECT id FROM recipient WHERE NOT EXISTS (SELECT 1 FROM message m WHERE m.id = (recipient.id >> 20))",
    ),
    rule(
        "レーンのない宛先 (宛先, レーン)",
        "a recipient without its lane (recipient, lane)",
        "SELECT id, lane FROM recipient WHERE NOT EXISTS (SELECT 1 FROM lane l WHERE l.id = recipient.lane)",
    ),
    rule(
        "宛先とメールのエポックが違います (宛先)",
        "a recipient whose lane is not of its message's epoch",
        "SELECT r.id FROM recipient r JOIN message m ON m.id = (r.id >> 20) JOIN lane l ON l.id = r.lane
         WHERE l.epoch <> m.epoch",
    ),
    rule(
        "エポックのないメールやレーン",
        "a message or lane without its epoch",
        "SELECT id, epoch FROM message WHERE NOT EXISTS (SELECT 1 FROM epoch e WHERE e.id = message.epoch)
         UNION ALL SELECT id, epoch FROM lane WHERE NOT EXISTS (SELECT 1 FROM epoch e WHERE e.id = lane.epoch)",
    ),
    rule(
        "発信元とエポックが合いません",
        "an origin and its epochs do not fit",
        "SELECT id, origin FROM epoch WHERE NOT EXISTS (SELECT 1 FROM origin o WHERE o.id = epoch.origin)
         UNION ALL SELECT epoch, id FROM origin WHERE NOT EXISTS
             (SELECT 1 FROM epoch e WHERE e.id = origin.epoch AND e.origin = origin.id)",
    ),
    rule(
        "メールの残り宛先数が合いません",
        "a queued message's recipients are miscounted",
        "SELECT m.id FROM message m LEFT JOIN recipient r ON r.id >= (m.id << 20) AND r.id < ((m.id + 1) << 20)
         GROUP BY m.id HAVING COUNT(r.id) = 0
             OR m.p0 <> SUM(CASE r.stage WHEN 0 THEN 1 ELSE 0 END) OR m.p1 <> SUM(CASE r.stage WHEN 1 THEN 1 ELSE 0 END)
             OR m.p2 <> SUM(CASE r.stage WHEN 2 THEN 1 ELSE 0 END) OR m.p3 <> SUM(CASE r.stage WHEN 3 THEN 1 ELSE 0 END)",
    ),
    rule(
        "エポックの集計が合いません",
        "an epoch's counters are wrong",
        "SELECT e.id FROM epoch e LEFT JOIN
             (SELECT epoch, COUNT(*) AS n, SUM(size) AS b,
                  SUM(p0) AS r0, SUM(p1) AS r1, SUM(p2) AS r2, SUM(p3) AS r3,
                  SUM(CASE WHEN p0 > 0 THEN 1 ELSE 0 END) AS m0, SUM(CASE WHEN p1 > 0 THEN 1 ELSE 0 END) AS m1,
                  SUM(CASE WHEN p2 > 0 THEN 1 ELSE 0 END) AS m2, SUM(CASE WHEN p3 > 0 THEN 1 ELSE 0 END) AS m3,
                  SUM(CASE WHEN p0 > 0 THEN size ELSE 0 END) AS b0, SUM(CASE WHEN p1 > 0 THEN size ELSE 0 END) AS b1,
                  SUM(CASE WHEN p2 > 0 THEN size ELSE 0 END) AS b2, SUM(CASE WHEN p3 > 0 THEN size ELSE 0 END) AS b3
              FROM message GROUP BY epoch) AS s ON s.epoch = e.id
         WHERE e.messages <> COALESCE(s.n, 0) OR e.bytes <> COALESCE(s.b, 0)
            OR e.r0 <> COALESCE(s.r0, 0) OR e.r1 <> COALESCE(s.r1, 0)
            OR e.r2 <> COALESCE(s.r2, 0) OR e.r3 <> COALESCE(s.r3, 0)
            OR e.m0 <> COALESCE(s.m0, 0) OR e.m1 <> COALESCE(s.m1, 0)
            OR e.m2 <> COALESCE(s.m2, 0) OR e.m3 <> COALESCE(s.m3, 0)
            OR e.b0 <> COALESCE(s.b0, 0) OR e.b1 <> COALESCE(s.b1, 0)
            OR e.b2 <> COALESCE(s.b2, 0) OR e.b3 <> COALESCE(s.b3, 0)",
    ),
    rule(
        "レーンの期限が宛先より遅れています",
        "a lane is due later than its recipients",
        "SELECT l.id FROM lane l WHERE l.owner IS NULL
         AND l.due > (SELECT MIN(r.due) FROM recipient r WHERE r.lane = l.id)",
    ),
    rule(
        "エポックの期限がレーンより遅れています",
        "an epoch is due later than its lanes",
        "SELECT e.id FROM epoch e WHERE e.held = 0
         AND e.next_due > (SELECT MIN(l.due) FROM lane l WHERE l.epoch = e.id AND l.owner IS NULL)",
    ),
    // People and folders
    rule(
        "ドメインや受信箱のないアカウント",
        "an account without its domain or INBOX",
        "SELECT id, key FROM account WHERE NOT EXISTS (SELECT 1 FROM domain d WHERE d.id = account.domain)
            OR (purge_after IS NULL AND NOT EXISTS
                (SELECT 1 FROM mailbox m WHERE m.id = account.inbox AND m.account = account.id))",
    ),
    rule(
        "存在しないメーリングリストの会員",
        "a member of no list",
        "SELECT list, key FROM list_member WHERE NOT EXISTS (SELECT 1 FROM list l WHERE l.id = list_member.list)",
    ),
    rule(
        "アカウントのないフォルダー",
        "a folder without its account",
        "SELECT id, name FROM mailbox WHERE NOT EXISTS (SELECT 1 FROM account a WHERE a.id = mailbox.account)",
    ),
    rule(
        "フォルダーのないメール (フォルダー, UID)",
        "a message without its folder (folder, UID)",
        "SELECT mailbox, uid FROM mail WHERE NOT EXISTS (SELECT 1 FROM mailbox m WHERE m.id = mail.mailbox)
             AND NOT EXISTS (SELECT 1 FROM mailbox_gone g WHERE g.mailbox = mail.mailbox)",
    ),
    rule(
        "フォルダーの集計が合いません",
        "a folder's counters are wrong",
        "SELECT m.id, m.name FROM mailbox m LEFT JOIN
             (SELECT mailbox, COUNT(*) AS n, SUM(size) AS b, MAX(uid) AS u, MAX(modseq) AS s,
                  SUM(CASE WHEN (flags & 1) = 0 THEN 1 ELSE 0 END) AS unseen,
                  SUM(CASE WHEN (flags & 8) = 8 THEN 1 ELSE 0 END) AS deleted
              FROM mail GROUP BY mailbox) AS f ON f.mailbox = m.id
         WHERE m.messages <> COALESCE(f.n, 0) OR m.size <> COALESCE(f.b, 0) OR m.unseen <> COALESCE(f.unseen, 0)
            OR m.deleted <> COALESCE(f.deleted, 0) OR m.uidnext <= COALESCE(f.u, 0) OR m.modseq < COALESCE(f.s, 0)",
    ),
    rule(
        "フォルダーの欠番が合いません (フォルダー, 番号, 見込み)",
        "a folder's gaps between UIDs are wrong (folder, UIDs, expected)",
        "SELECT m.id, m.uidnext - 1, m.messages + COALESCE(g.n, 0) FROM mailbox m LEFT JOIN
             (SELECT mailbox, CAST(SUM(last - first + 1) AS BIGINT) AS n FROM gap GROUP BY mailbox) AS g
             ON g.mailbox = m.id
         WHERE m.uidnext - 1 <> m.messages + COALESCE(g.n, 0)
         UNION ALL SELECT mail.mailbox, mail.uid, 0 FROM mail JOIN gap g ON g.mailbox = mail.mailbox
             AND g.first <= mail.uid AND g.last >= mail.uid",
    ),
    rule(
        "未読の始まりが合いません (フォルダー, UID)",
        "an unseen message where there should be none (folder, UID)",
        "SELECT m.id, f.uid FROM mailbox m JOIN mail f ON f.mailbox = m.id
         WHERE f.uid < m.unseen_from AND (f.flags & 1) = 0",
    ),
    rule(
        "アカウントの使用量が合いません (アカウント, 記録, 実際)",
        "an account's usage is miscounted (account, counted, found)",
        "SELECT a.id, a.used, COALESCE(s.b, 0) FROM account a LEFT JOIN
             (SELECT account, CAST(SUM(size) AS BIGINT) AS b FROM mailbox GROUP BY account) AS s ON s.account = a.id
         WHERE a.used <> COALESCE(s.b, 0) AND a.purge_after IS NULL",
    ),
    rule(
        "アカウントのない購読 (アカウント, フォルダー)",
        "a subscription of no account (account, folder)",
        "SELECT account, name FROM subscription
         WHERE NOT EXISTS (SELECT 1 FROM account a WHERE a.id = subscription.account)",
    ),
    rule(
        "フォルダーのない権限や注釈 (フォルダー, アカウント)",
        "rights or annotations of no folder (folder, account)",
        "SELECT mailbox, account FROM acl WHERE NOT EXISTS (SELECT 1 FROM mailbox m WHERE m.id = acl.mailbox)
         UNION ALL SELECT mailbox, account FROM annotation
         WHERE mailbox <> 0 AND NOT EXISTS (SELECT 1 FROM mailbox m WHERE m.id = annotation.mailbox)",
    ),
    // Journal
    rule(
        "記録の圧縮済みの大きさが合いません (記録, 実際)",
        "the size of the compressed journal is miscounted (counted, found)",
        "SELECT c.value, s.b FROM counter c,
             (SELECT CAST(COALESCE(SUM(LENGTH(bytes)), 0) AS BIGINT) AS b FROM journal_chunk) AS s
         WHERE c.name = 'journal_bytes' AND c.value <> s.b",
    ),
    // The guard
    rule(
        "相手先の数が合いません (発信元, 記録, 実際)",
        "an origin's contacts are miscounted (origin, counted, found)",
        "SELECT c.origin, c.contacts, COALESCE(n.n, 0) FROM contact_count c LEFT JOIN
             (SELECT origin, COUNT(*) AS n FROM contact GROUP BY origin) AS n
             ON n.origin = c.origin WHERE c.contacts <> COALESCE(n.n, 0)
         UNION ALL SELECT DISTINCT origin, 0, 1 FROM contact
             WHERE NOT EXISTS (SELECT 1 FROM contact_count c WHERE c.origin = contact.origin)",
    ),
];
