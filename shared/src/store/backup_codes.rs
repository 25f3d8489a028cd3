//! `public.two_factor_backup_codes`: ten codes of a user, each good for once.

use sqlx::PgExecutor;

use crate::second_factor::BACKUP_CODES;

/// Gives a user these codes in place of all earlier ones. A row each, by its number: whoever makes codes at the same moment
/// leaves ten as well, all of one making.
pub async fn replace(
    db: impl PgExecutor<'_>,
    user_id: &str,
    macs: &[Vec<u8>; BACKUP_CODES],
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into public.two_factor_backup_codes as c (user_id, number, code_mac)
         select $1, n, mac from unnest($2::bytea[]) with ordinality as m (mac, n) order by n
         on conflict (user_id, number) do update
         set id = excluded.id, code_mac = excluded.code_mac, used_at = null, created_at = excluded.created_at",
        user_id,
        macs.as_slice(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Uses up the code that is stored as one of `macs`; `false` if there is none that is unused. Of any number at once one gets
/// `true`.
pub async fn redeem(db: impl PgExecutor<'_>, user_id: &str, macs: &[Vec<u8>]) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update public.two_factor_backup_codes set used_at = clock_timestamp()
         where user_id = $1 and code_mac = any($2) and used_at is null",
        user_id,
        macs,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether the code that is stored as one of `macs` was good once.
pub async fn was_used(db: impl PgExecutor<'_>, user_id: &str, macs: &[Vec<u8>]) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from public.two_factor_backup_codes
                          where user_id = $1 and code_mac = any($2) and used_at is not null) as "was!""#,
        user_id,
        macs,
    )
    .fetch_one(db)
    .await
}

/// Whether a user was ever given codes.
pub async fn exist(db: impl PgExecutor<'_>, user_id: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from public.two_factor_backup_codes where user_id = $1) as "are!""#,
        user_id,
    )
    .fetch_one(db)
    .await
}

/// How many codes of a user are unused.
pub async fn remaining(db: impl PgExecutor<'_>, user_id: &str) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "left!" from public.two_factor_backup_codes where user_id = $1 and used_at is null"#,
        user_id,
    )
    .fetch_one(db)
    .await
}
