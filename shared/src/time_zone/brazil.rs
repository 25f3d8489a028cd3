//! Brazil: the two digits after +55 name a part of a state.

use chrono_tz::America::{
    Boa_Vista, Campo_Grande, Cuiaba, Manaus, Noronha, Porto_Velho, Recife, Rio_Branco, Sao_Paulo,
};
use chrono_tz::Tz;

/// The zones of an area code; `None` if there is no such code.
pub(super) fn zones(area: u16) -> Option<&'static [Tz]> {
    Some(match area {
        // The coast and the south: Brasília time, without daylight saving since 2019.
        11..=19 | 21 | 22 | 24 | 27 | 28 | 31..=35 | 37 | 38 | 41..=49 | 51 | 53..=55 => &[Sao_Paulo],
        61..=64 | 71 | 73..=75 | 77 | 79 | 82..=89 | 91 | 93 | 94 | 96 | 98 | 99 => &[Sao_Paulo],
        // Pernambuco has the islands of Fernando de Noronha, an hour ahead.
        81 => &[Recife, Noronha],
        65 | 66 => &[Cuiaba],
        67 => &[Campo_Grande],
        68 => &[Rio_Branco],
        69 => &[Porto_Velho],
        92 => &[Manaus],
        95 => &[Boa_Vista],
        // The west of Amazonas keeps Acre's time.
        97 => &[Manaus, Rio_Branco],
        _ => return None,
    })
}
