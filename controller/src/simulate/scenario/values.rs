//! How are shares and the values of facts written in a scenario?

use tidegate_policies::document::{DocumentError, Field, Value, plain};
use tidegate_policies::share::Share;

use super::fleet::Valued;

/// Most values of one fact.
const MOST_VALUES: usize = 64;

const NAME: Field = Field { key: "name", example: r#"name = "free""# };
const SHARE: Field = Field { key: "share", example: r#"share = "60%""# };
const TIMES: Field = Field { key: "times", example: "times = 10" };

/// A share, such as `"12.5%"`.
pub(super) fn share(value: &Value<'_>) -> Result<Share, DocumentError> {
    let text = value.text()?;
    text.parse().map_err(|_| {
        let problem = format!("`{}` is not a percentage", plain(text));
        let way_out = "Write 0% to 100% with at most 4 decimals, such as \"12.5%\"".to_owned();
        value.error(problem, way_out)
    })
}

/// The values of a fact, and which share of the hosts has each.
pub(super) fn valued(value: &Value<'_>) -> Result<Vec<Valued>, DocumentError> {
    let read = |item: &Value<'_>| {
        let table = item.table(&[NAME, SHARE, TIMES])?;
        let name = table.required(&NAME)?;
        let text = name.text()?;
        if text.is_empty() || text.len() > 60 || text.chars().any(char::is_control) {
            let problem = format!("`{}` is not a value", plain(text));
            return Err(name.error(problem, "Write 1 to 60 bytes of plain text".to_owned()));
        }
        let share = share(&table.required(&SHARE)?)?;
        let times = table.optional(&TIMES).map(|value| value.number("times", 1..=1_000));
        Ok(Valued { name: text.to_owned(), share, times: times.transpose()?.unwrap_or(1) })
    };
    let all: Vec<Valued> =
        value.list("values", MOST_VALUES)?.iter().map(read).collect::<Result<_, _>>()?;
    let total: u64 = all.iter().map(|one| u64::from(one.share.ppm())).sum();
    if total != u64::from(Share::ALL.ppm()) {
        return Err(value.error(
            format!("the shares come to {}%, not to 100%", percent(total)),
            "Write shares that come to 100%".to_owned(),
        ));
    }
    Ok(all)
}

/// Parts per million as a percentage, without the sign.
fn percent(ppm: u64) -> String {
    let (whole, rest) = (ppm / 10_000, ppm % 10_000);
    if rest == 0 {
        return whole.to_string();
    }
    format!("{whole}.{rest:04}").trim_end_matches('0').to_owned()
}
