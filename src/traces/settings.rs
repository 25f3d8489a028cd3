//! The standard variables of OpenTelemetry, as far as its library leaves them unchecked.

use opentelemetry::KeyValue;
use shared::config::ConfigError;

/// Where spans go; the first counts.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const RATIO: &str = "OTEL_TRACES_SAMPLER_ARG";
/// Those the library knows, and whether they take a ratio. With another it would silently sample everything.
const SAMPLERS: [(&str, bool); 6] = [
    ("always_on", false),
    ("always_off", false),
    ("traceidratio", true),
    ("parentbased_always_on", false),
    ("parentbased_always_off", false),
    ("parentbased_traceidratio", true),
];

/// Whether there is somebody to send spans to.
///
/// # Errors
/// When a variable cannot be used.
pub(super) fn names_collector() -> Result<bool, ConfigError> {
    let Some((variable, endpoint)) = ENDPOINTS.iter().find_map(|name| Some((*name, given(name)?))) else {
        return Ok(false);
    };
    check_endpoint(&endpoint).map_err(|problem| ConfigError::new(variable, problem))?;
    check_sampler(given(SAMPLER).as_deref(), given(RATIO).as_deref())?;
    Ok(true)
}

/// The service's name, unless a variable gives another.
pub(super) fn usual_name() -> Option<KeyValue> {
    let named = given("OTEL_SERVICE_NAME").is_some()
        || given("OTEL_RESOURCE_ATTRIBUTES").is_some_and(|text| text.contains("service.name="));
    (!named).then(|| KeyValue::new("service.name", "smsgw"))
}

fn given(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn check_endpoint(endpoint: &str) -> Result<(), &'static str> {
    let url = reqwest::Url::parse(endpoint).ok();
    let usable = url.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    usable.then_some(()).ok_or("must be a URL such as http://127.0.0.1:4318")
}

fn check_sampler(sampler: Option<&str>, ratio: Option<&str>) -> Result<(), ConfigError> {
    let Some(sampler) = sampler else { return Ok(()) };
    let Some((_, takes_ratio)) = SAMPLERS.iter().find(|(name, _)| *name == sampler) else {
        let names = SAMPLERS.map(|(name, _)| name).join(", ");
        return Err(ConfigError::new(SAMPLER, format!("must be one of {names}")));
    };
    let ratio = ratio.and_then(|text| text.parse().ok()).filter(|ratio| (0.0..=1.0).contains(ratio));
    if *takes_ratio && ratio.is_none() {
        return Err(ConfigError::new(RATIO, format!("must be a number from 0 to 1, for {sampler}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_whole_url() {
        for usable in ["http://127.0.0.1:4318", "https://collector.example/otlp"] {
            assert_eq!(check_endpoint(usable), Ok(()), "{usable}");
        }
        for other in ["collector:4318", "127.0.0.1:4318", "unix:/run/otlp", "http://"] {
            assert!(check_endpoint(other).is_err(), "{other}");
        }
    }

    #[test]
    fn what_would_sample_everything_by_mistake_is_refused() {
        let fault = |sampler, ratio| check_sampler(Some(sampler), ratio).err().map(|error| error.variable);
        assert_eq!(fault("parentbased_traceidratio", Some("0.01")), None);
        assert_eq!(fault("always_on", None), None);
        assert_eq!(fault("ratio", Some("0.01")), Some(SAMPLER));
        assert_eq!(fault("traceidratio", None), Some(RATIO));
        assert_eq!(fault("traceidratio", Some("1%")), Some(RATIO));
        assert_eq!(fault("traceidratio", Some("7")), Some(RATIO));
    }
}
