//! `GET /sms/templates`, `GET/PUT/DELETE /sms/templates/{name}`.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use shared::lane::Lane;
use shared::store::templates::{self, Template as Row};
use shared::template::{ProviderTemplate, Template, TemplateName};
use shared::text::{MessageText, SenderId};

use crate::accept::Refusal;
use crate::app::App;
use crate::auth::{Caller, MayAdmin, MayRead};
use crate::extract::{Json, Path, Query};
use crate::fields::{self, Faults};
use crate::otp;
use crate::problem::{InvalidDocument, Problem};

/// Longest id a vendor or a registry gives a template.
const MAX_ID_BYTES: usize = 100;
/// What a code's text may contain.
const OTP_VARIABLES: [&str; 2] = ["code", "minutes"];

/// A variant as it is set.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    locale: Option<String>,
    lane: Option<Lane>,
    body: String,
    sender: Option<String>,
    dlt_entity_id: Option<String>,
    dlt_template_id: Option<String>,
    dlt_text: Option<String>,
    #[serde(default)]
    provider_templates: BTreeMap<String, ProviderTemplate>,
}

/// Several variants.
#[derive(Serialize)]
pub(super) struct Variants {
    templates: Vec<Row>,
}

/// Which variant.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    locale: Option<String>,
}

/// Lists all templates with their variants.
pub(super) async fn list(
    State(app): State<App>,
    _: Caller<MayRead>,
) -> Result<axum::Json<Variants>, Problem> {
    Ok(axum::Json(Variants { templates: templates::list(&app.pool).await? }))
}

/// Shows the variants of one template.
pub(super) async fn show(
    State(app): State<App>,
    _: Caller<MayRead>,
    Path(name): Path<String>,
) -> Result<axum::Json<Variants>, Problem> {
    TemplateName::parse(&name).map_err(|_| no_such_template())?;
    let found = templates::list_variants(&app.pool, &name).await?;
    if found.is_empty() {
        return Err(no_such_template());
    }
    Ok(axum::Json(Variants { templates: found }))
}

/// Sets one variant.
pub(super) async fn replace(
    State(app): State<App>,
    _: Caller<MayAdmin>,
    Path(name): Path<String>,
    Json { value: wanted, .. }: Json<Wanted>,
) -> Result<axum::Json<Row>, Problem> {
    let mut row = check(&name, wanted, app.clock.now())?;
    row.updated_at = templates::replace(&app.pool, &row).await?;
    app.templates.forget(&name);
    app.rules.forget();
    Ok(axum::Json(row))
}

/// Deletes a template, or one variant of it.
pub(super) async fn delete(
    State(app): State<App>,
    _: Caller<MayAdmin>,
    Path(name): Path<String>,
    Query(which): Query<Which>,
) -> Result<StatusCode, Problem> {
    TemplateName::parse(&name).map_err(|_| no_such_template())?;
    let locale = match which.locale {
        Some(locale) if !locale.is_empty() => Some(fields::locale(locale).map_err(|_| no_such_template())?),
        default_or_all => default_or_all,
    };
    let deleted = templates::delete(&app.pool, &name, locale.as_deref()).await?;
    app.templates.forget(&name);
    app.rules.forget();
    if deleted == 0 { Err(no_such_template()) } else { Ok(StatusCode::NO_CONTENT) }
}

/// The variant `name` as `document` describes it, checked as `PUT /sms/templates/{name}` checks it.
///
/// # Errors
/// [`InvalidDocument`] names every field that cannot be used.
pub fn parse_template(
    name: &str,
    document: serde_json::Value,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<Row, InvalidDocument> {
    Ok(check(name, serde_json::from_value(document)?, now)?)
}

fn no_such_template() -> Problem {
    Problem::not_found("there is no such template")
}

fn check(name: &str, wanted: Wanted, now: chrono::DateTime<chrono::Utc>) -> Result<Row, Problem> {
    let mut faults = Faults::default();
    let is_for_codes = name == otp::TEMPLATE;
    let usual_lane = if is_for_codes { Lane::Otp } else { Lane::Transactional };
    let lane = wanted.lane.unwrap_or(usual_lane);
    if is_for_codes && lane != Lane::Otp {
        faults.note("lane", "must be otp: this template is the text of codes");
    }
    let parsed = faults.take("name", TemplateName::parse(name));
    let compiled = parsed.and_then(|name| faults.take("body", Template::compile(name, &wanted.body)));
    if let Some(template) = &compiled {
        check_variables(template, lane, &wanted.provider_templates, &mut faults);
    }
    let locale = match wanted.locale {
        Some(locale) if !locale.is_empty() => faults.take("locale", fields::locale(locale)),
        _ => Some(String::new()),
    };
    let sender = faults.take("sender", wanted.sender.as_deref().map(SenderId::parse).transpose());
    let id = |id: Option<String>| id.map(|id| fields::label(id, MAX_ID_BYTES)).transpose();
    let entity = faults.take("dlt_entity_id", id(wanted.dlt_entity_id));
    let registered = faults.take("dlt_template_id", id(wanted.dlt_template_id));
    let text = wanted.dlt_text.map(|text| MessageText::parse(text).map(MessageText::into_string));
    let text = faults.take("dlt_text", text.transpose());
    let (Some(locale), Some(sender), Some(dlt_entity_id), Some(dlt_template_id), Some(dlt_text), true) =
        (locale, sender, entity, registered, text, faults.is_empty())
    else {
        return Err(Refusal::from(faults).into());
    };
    Ok(Row {
        name: name.to_owned(),
        locale,
        lane,
        body: wanted.body,
        sender: sender.map(|sender| sender.as_str().to_owned()),
        dlt_entity_id,
        dlt_template_id,
        dlt_text,
        provider_templates: serde_json::to_value(wanted.provider_templates)?,
        updated_at: now,
    })
}

fn check_variables(
    template: &Template,
    lane: Lane,
    providers: &BTreeMap<String, ProviderTemplate>,
    faults: &mut Faults,
) {
    let has = |name: &str| template.variables().iter().any(|variable| variable == name);
    if lane == Lane::Otp {
        if !has("code") {
            faults.note("body", "must contain {{ code }}, being for the lane otp");
        }
        if let Some(other) = template.variables().iter().find(|name| !OTP_VARIABLES.contains(&name.as_str()))
        {
            faults
                .note("body", format_args!("may use code and minutes, not {other}, being for the lane otp"));
        }
    }
    for (provider, theirs) in providers {
        let field = format!("provider_templates.{provider}");
        faults.take(&field, fields::provider(provider.clone()));
        faults.take(&format!("{field}.id"), fields::label(theirs.id.clone(), MAX_ID_BYTES));
        if let Some(unknown) = theirs.variables.iter().find(|name| !has(name)) {
            let shown: String = unknown.chars().take(64).collect();
            faults.note(&format!("{field}.variables"), format_args!("the body has no variable {shown:?}"));
        }
    }
}
