//! Price lists as operators have them: a CSV file with the columns provider, country, price and currency.
//!
//! Small and simple on purpose: no field of it can hold a separator, so one in quotes is refused like any field too
//! many. All that is wrong is told at once, and a list with a fault is no list.

use std::collections::HashMap;

use crate::cost::Price;
use crate::money::{Amount, Currency};
use crate::phone::Region;

/// What a provider charges in one country, as a list says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedPrice {
    /// Which provider.
    pub provider: String,
    /// Where to.
    pub country: Region,
    /// For one segment.
    pub price: Price,
}

/// Why a line cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct BadLine {
    /// Which, counted from 1.
    pub line: usize,
    /// Why, and what to write.
    pub reason: String,
}

/// The columns, as they must be called.
const COLUMNS: [&str; 4] = ["provider", "country", "price", "currency"];

/// Reads a whole list. Separators are `,`, `;` or tabs, columns come in any order, blank lines and a byte order mark
/// are passed over.
///
/// # Errors
/// Every line that is wrong, in order, if there is one; also a list without prices.
pub fn parse(text: &str, known_providers: &[String]) -> Result<Vec<ListedPrice>, Vec<BadLine>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text.lines().zip(1..).filter(|(text, _)| !text.trim().is_empty());
    let bad = |line, reason: String| BadLine { line, reason };
    let Some((header, at)) = lines.next() else {
        return Err(vec![bad(1, format!("is missing: {}", header()))]);
    };
    let layout = Layout::read(header).map_err(|reason| vec![bad(at, reason)])?;
    let (mut prices, mut wrong) = (Vec::new(), Vec::new());
    let mut seen = HashMap::new();
    for (text, line) in lines {
        match read(&layout, text, known_providers) {
            Err(reason) => wrong.push(bad(line, reason)),
            Ok(price) => match seen.insert((price.provider.clone(), price.country), line) {
                Some(before) => {
                    wrong.push(bad(line, format!("line {before} is about the same provider and country")));
                }
                None => prices.push(price),
            },
        }
    }
    if prices.is_empty() && wrong.is_empty() {
        wrong.push(bad(at, "no price follows this line".to_owned()));
    }
    if wrong.is_empty() { Ok(prices) } else { Err(wrong) }
}

/// How a list is laid out.
struct Layout {
    separator: char,
    /// Where each of [`COLUMNS`] stands.
    places: [usize; 4],
}

impl Layout {
    fn read(line: &str) -> Result<Self, String> {
        let separator = [';', '\t'].into_iter().find(|&c| line.contains(c)).unwrap_or(',');
        let names: Vec<String> = fields(line, separator).map(str::to_ascii_lowercase).collect();
        let place = |name: &str| names.iter().position(|one| one == name);
        match COLUMNS.map(place) {
            [Some(a), Some(b), Some(c), Some(d)] if names.len() == COLUMNS.len() => {
                Ok(Self { separator, places: [a, b, c, d] })
            }
            _ => Err(format!("{line:?} are not the columns of a price list: {}", header())),
        }
    }

    /// The fields of a line in the order of [`COLUMNS`].
    fn pick<'a>(&self, line: &'a str) -> Result<[&'a str; 4], String> {
        let found: Vec<&str> = fields(line, self.separator).collect();
        if found.len() != COLUMNS.len() {
            return Err(format!("it has {} fields, not {}", found.len(), COLUMNS.len()));
        }
        Ok(self.places.map(|place| found[place]))
    }
}

fn header() -> String {
    format!("write {} in the first line", COLUMNS.join(","))
}

/// The fields of a line, without the quotes that some programs put around each.
fn fields(line: &str, separator: char) -> impl Iterator<Item = &str> {
    line.split(separator).map(|field| {
        let field = field.trim();
        let inside = field.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        inside.unwrap_or(field).trim()
    })
}

/// One price, or all that is wrong with it.
fn read(layout: &Layout, line: &str, known_providers: &[String]) -> Result<ListedPrice, String> {
    let [provider, country, price, currency] = layout.pick(line)?;
    let mut wrong = Vec::new();
    if !known_providers.iter().any(|known| known == provider) {
        let shown: String = provider.chars().take(40).collect();
        wrong
            .push(format!("there is no provider called {shown:?}; known are {}", known_providers.join(", ")));
    }
    let country = country.parse::<Region>().map_err(|error| wrong.push(format!("country: {error}"))).ok();
    let amount = price.parse::<Amount>().map_err(|error| wrong.push(format!("price: {error}"))).ok();
    let currency =
        currency.parse::<Currency>().map_err(|error| wrong.push(format!("currency: {error}"))).ok();
    match (country, amount, currency) {
        (Some(country), Some(price), Some(currency)) if wrong.is_empty() => {
            Ok(ListedPrice { provider: provider.to_owned(), country, price: Price { price, currency } })
        }
        _ => Err(wrong.join("; ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<Vec<String>, Vec<String>> {
        let known = ["main".to_owned(), "india".to_owned()];
        let said = |one: &ListedPrice| {
            let Price { price, currency } = one.price;
            format!("{} {} {price} {currency}", one.provider, one.country)
        };
        let told = |wrong: Vec<BadLine>| wrong.iter().map(ToString::to_string).collect();
        parse(text, &known).map(|prices| prices.iter().map(said).collect()).map_err(told)
    }

    #[test]
    fn a_list_is_read_however_it_was_saved() {
        let wanted = Ok(vec!["main US 0.0079 USD".to_owned(), "india IN 0.15 INR".to_owned()]);
        for text in [
            "provider,country,price,currency\nmain,US,0.0079,USD\nindia,IN,0.15,INR\n",
            "\u{feff}Provider; Country; Price; Currency\r\n\r\nmain;us;0.0079;usd\r\nindia;IN;0.15;INR",
            "currency\tprice\tprovider\tcountry\nUSD\t0.0079\tmain\tUS\nINR\t0.150000\tindia\tIN\n\n",
            "\"provider\",\"country\",\"price\",\"currency\"\n\"main\",\"US\",\"0.0079\",\"USD\"\nindia, IN, 0.15, INR",
        ] {
            assert_eq!(read(text), wanted, "{text}");
        }
    }

    #[test]
    fn all_that_is_wrong_is_told_with_its_line() {
        let told = read(
            "provider,country,price,currency\nmain,US,0.0079,USD\n\nmian,Switzerland,\"0,05\",USD\nmian,XX,free,$\n\
             main,CH,0.05\nmain,us,0.01,EUR\n",
        )
        .unwrap_err();
        assert_eq!(told.len(), 4, "{told:#?}");
        assert_eq!(told[0], "line 4: it has 5 fields, not 4");
        for part in [
            "line 5: there is no provider called \"mian\"; known are main, india; country: ",
            "; price: ",
            "; currency: ",
        ] {
            assert!(told[1].contains(part), "{}", told[1]);
        }
        assert_eq!(told[2], "line 6: it has 3 fields, not 4");
        assert_eq!(told[3], "line 7: line 2 is about the same provider and country");
    }

    #[test]
    fn a_list_without_header_or_prices_is_refused() {
        for (text, told) in [
            ("", "line 1: is missing"),
            ("main,US,0.0079,USD\n", "in the first line"),
            ("provider,country,price\n", "in the first line"),
            ("provider,country,price,currency,comment\n", "in the first line"),
            ("provider,price,price,currency\n", "in the first line"),
            ("\nprovider,country,price,currency\n\n", "line 2: no price"),
        ] {
            let wrong = read(text).unwrap_err();
            assert!(wrong.len() == 1 && wrong[0].contains(told), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn every_line_is_either_taken_or_told(rows in prop::collection::vec("(main|x),(US|CH|XX),(1|-1),(USD|U)", 1..20)) {
            let text = format!("provider,country,price,currency\n{}", rows.join("\n"));
            match parse(&text, &["main".to_owned()]) {
                Ok(prices) => prop_assert_eq!(prices.len(), rows.len()),
                Err(wrong) => {
                    prop_assert!(!wrong.is_empty() && wrong.len() <= rows.len());
                    prop_assert!(wrong.iter().all(|bad| (2..=rows.len() + 1).contains(&bad.line)));
                }
            }
        }
    }
}
