//! Templates: a text with `{{ variables }}` and `{% if %}`, checked when stored, filled strictly when used.
//!
//! The language is minijinja's, cut down to what a text message needs: no loops, assignments, lists or
//! multiplication, no deep nesting. Without these a template of bounded length takes bounded time, memory
//! and stack.

mod name;
mod scan;

use std::fmt;

use minijinja::value::{Serde, ValueKind};
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior, escape_formatter, filters};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::name::{InvalidTemplateName, TemplateName};
use crate::text::is_unsendable;

/// Longest template, in bytes.
const MAX_BODY_BYTES: usize = 4096;
/// Longest rendered text, in bytes; ten segments are shorter in any script.
const MAX_TEXT_BYTES: usize = 4096;
/// Most variables a template may have and a request may bring.
pub(crate) const MAX_VARIABLES: usize = 50;
/// Longest value of a variable, in characters.
pub(crate) const MAX_VALUE_CHARS: usize = 500;
/// Instructions one rendering may take; a template of the longest kind takes a few thousand.
const FUEL: u64 = 50_000;

/// The same template as registered with a provider: what its own texts and variables are called there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderTemplate {
    /// The provider's own name or id of the template.
    pub id: String,
    /// Our variables in the order of the provider's (`VAR1`, `VAR2`, …).
    #[serde(default)]
    pub variables: Vec<String>,
}

/// A checked template, ready to be filled.
#[derive(Clone)]
pub struct Template {
    name: TemplateName,
    environment: Environment<'static>,
    variables: Vec<String>,
}

/// What is wrong with a template, and in which line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct InvalidTemplate {
    /// Line in the template, from 1.
    pub line: usize,
    /// What to change there.
    pub reason: String,
}

impl InvalidTemplate {
    fn new(line: usize, reason: impl Into<String>) -> Self {
        Self { line, reason: reason.into() }
    }
}

impl From<minijinja::Error> for InvalidTemplate {
    fn from(error: minijinja::Error) -> Self {
        Self::new(error.line().unwrap_or(1), reason(&error))
    }
}

/// Why a template could not be filled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// More values than any template takes.
    #[error("{0} variables were given, at most {MAX_VARIABLES} are allowed")]
    TooManyVariables(usize),
    /// The template needs a value that was not given.
    #[error("the variable {0} is missing")]
    Missing(String),
    /// The template has no such variable: a mistyped name, most likely.
    #[error("the template has no variable {0}")]
    Unknown(String),
    /// Lists, objects and null have no place in a text.
    #[error("the variable {0} must be a string, a number or true or false")]
    NotScalar(String),
    /// The value alone would fill several segments.
    #[error("the variable {0} is longer than {MAX_VALUE_CHARS} characters")]
    ValueTooLong(String),
    /// The whole text became too long.
    #[error("the filled template is longer than {MAX_TEXT_BYTES} bytes: shorten the values")]
    TextTooLong,
    /// The values do not suit what the template does with them.
    #[error("line {line} of the template does not work with these values: {reason}")]
    Failed {
        /// Line in the template, from 1.
        line: usize,
        /// What went wrong there.
        reason: String,
    },
}

impl RenderError {
    /// The variable at fault, if it is one.
    pub fn variable(&self) -> Option<&str> {
        match self {
            Self::Missing(name) | Self::Unknown(name) | Self::NotScalar(name) | Self::ValueTooLong(name) => {
                Some(name)
            }
            Self::TooManyVariables(_) | Self::TextTooLong | Self::Failed { .. } => None,
        }
    }
}

impl Template {
    /// Checks a template.
    ///
    /// # Errors
    /// [`InvalidTemplate`] says what to change in which line.
    pub fn compile(name: TemplateName, body: &str) -> Result<Self, InvalidTemplate> {
        if body.trim().is_empty() {
            return Err(InvalidTemplate::new(1, "the template is empty"));
        }
        if body.len() > MAX_BODY_BYTES {
            return Err(InvalidTemplate::new(
                1,
                format!("the template is longer than {MAX_BODY_BYTES} bytes"),
            ));
        }
        if let Some((at, found)) = body.char_indices().find(|&(_, c)| is_unsendable(c)) {
            let line = 1 + body[..at].matches('\n').count();
            let reason = format!("the control character U+{:04X} cannot be sent", u32::from(found));
            return Err(InvalidTemplate::new(line, reason));
        }
        scan::check(body)?;
        let mut environment = environment();
        environment.add_template_owned(name.as_str().to_owned(), body.to_owned())?;
        let variables = variables(&environment, &name)?;
        let template = Self { name, environment, variables };
        template.rehearse()?;
        Ok(template)
    }

    /// The template's name.
    pub fn name(&self) -> &TemplateName {
        &self.name
    }

    /// The variables it needs, in alphabetical order: all of them, also where only one branch shows them.
    pub fn variables(&self) -> &[String] {
        &self.variables
    }

    /// Fills the template; `vars` must hold exactly its [`Template::variables`].
    ///
    /// # Errors
    /// [`RenderError`] names the variable at fault.
    pub fn render(&self, vars: &Map<String, Value>) -> Result<String, RenderError> {
        self.check_values(vars)?;
        let failed = |error: minijinja::Error| RenderError::Failed {
            line: error.line().unwrap_or(1),
            reason: reason(&error),
        };
        let text = self.fill(vars).map_err(failed)?;
        if text.len() > MAX_TEXT_BYTES {
            return Err(RenderError::TextTooLong);
        }
        Ok(text)
    }

    fn check_values(&self, vars: &Map<String, Value>) -> Result<(), RenderError> {
        if vars.len() > MAX_VARIABLES {
            return Err(RenderError::TooManyVariables(vars.len()));
        }
        if let Some(missing) = self.variables.iter().find(|name| !vars.contains_key(*name)) {
            return Err(RenderError::Missing(missing.clone()));
        }
        for (name, value) in vars {
            if !self.variables.contains(name) {
                return Err(RenderError::Unknown(name.chars().take(64).collect()));
            }
            match value {
                Value::String(text) if text.chars().count() > MAX_VALUE_CHARS => {
                    return Err(RenderError::ValueTooLong(name.clone()));
                }
                Value::String(_) | Value::Number(_) | Value::Bool(_) => {}
                Value::Null | Value::Array(_) | Value::Object(_) => {
                    return Err(RenderError::NotScalar(name.clone()));
                }
            }
        }
        Ok(())
    }

    fn fill(&self, vars: &Map<String, Value>) -> Result<String, minijinja::Error> {
        self.environment.get_template(self.name.as_str())?.render(Serde(vars))
    }

    /// Fills the template with made-up values, so that a misspelt filter shows now and not when a message
    /// is due.
    fn rehearse(&self) -> Result<(), InvalidTemplate> {
        let mut worked = None;
        for value in [Value::from("1"), Value::from(""), Value::from(1)] {
            let vars = self.variables.iter().map(|name| (name.clone(), value.clone())).collect();
            match self.fill(&vars) {
                Ok(_) => worked = Some(Ok(())),
                Err(error) if is_misspelt(&error) => return Err(error.into()),
                Err(error) => worked = worked.or(Some(Err(error.into()))),
            }
        }
        worked.unwrap_or(Ok(()))
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Template").field("name", &self.name).field("variables", &self.variables).finish()
    }
}

/// No functions and tests, a handful of filters, every undefined name an error.
fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_fuel(Some(FUEL));
    // True and false as JSON writes them, not as Python does.
    environment.set_formatter(|out, state, value| match value.kind() {
        ValueKind::Bool => Ok(write!(out, "{}", value.is_true())?),
        _ => escape_formatter(out, state, value),
    });
    environment.add_filter("capitalize", filters::capitalize);
    environment.add_filter("default", filters::default);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("title", filters::title);
    environment.add_filter("trim", filters::trim);
    environment.add_filter("upper", filters::upper);
    environment
}

fn variables(environment: &Environment<'_>, name: &TemplateName) -> Result<Vec<String>, InvalidTemplate> {
    let names = environment.get_template(name.as_str())?.undeclared_variables(true);
    if let Some(path) = names.iter().find(|name| name.contains('.')) {
        return Err(InvalidTemplate::new(1, format!("{path} is not a plain variable: values have no parts")));
    }
    if names.len() > MAX_VARIABLES {
        return Err(InvalidTemplate::new(1, format!("more than {MAX_VARIABLES} variables")));
    }
    let mut names: Vec<String> = names.into_iter().collect();
    names.sort_unstable();
    Ok(names)
}

fn is_misspelt(error: &minijinja::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::UnknownFilter
            | ErrorKind::UnknownTest
            | ErrorKind::UnknownFunction
            | ErrorKind::UnknownMethod
    )
}

fn reason(error: &minijinja::Error) -> String {
    error.detail().map_or_else(|| error.kind().to_string(), str::to_owned)
}

#[cfg(test)]
mod tests;
