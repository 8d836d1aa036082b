//! Reads calendar files. Every refusal names a line and a column.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use chrono::{Datelike, NaiveDate};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::Spanned;

use super::error::{CalendarError, CalendarProblem, Place};
use super::{Calendar, Exception, Layer, LayerId, is_weekend};

/// The years for which a file may speak: the People's Republic, and not a slip of the pen.
const YEARS: std::ops::RangeInclusive<i64> = 1949..=2199;

/// No holiday is longer; a longer range is a mistake in the year or month.
const RANGE_DAYS_MAX: i64 = 31;

/// Ids and versions are short, for they are joined in every stored deadline.
const NAME_BYTES_MAX: usize = 40;

/// The part that all layers share; it is read first so that a wrong file is named as such.
#[derive(Deserialize)]
pub(super) struct Header {
    pub(super) schema: Spanned<i64>,
    pub(super) id: Spanned<String>,
    pub(super) version: Spanned<String>,
    pub(super) layer: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "the header is read on its own; here its keys are only known"
)]
struct RawNational {
    schema: i64,
    id: String,
    version: String,
    layer: Spanned<String>,
    #[serde(default)]
    year: Vec<RawYear>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawYear {
    year: Spanned<i64>,
    notice: Spanned<String>,
    #[serde(default)]
    amendments: Vec<Spanned<String>>,
    #[serde(default)]
    period: Vec<RawPeriod>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPeriod {
    name: Spanned<String>,
    off: Spanned<Vec<Spanned<String>>>,
    #[serde(default)]
    work: Vec<Spanned<String>>,
}

/// Reads the national file.
pub(super) fn national(text: &str) -> Result<Calendar, CalendarError> {
    let file = File(text);
    let header: Header = file.read()?;
    if header.layer.as_ref() != "national" {
        return Err(file.wrong_layer(&header.layer));
    }
    file.check_header(&header)?;
    let raw: RawNational = file.read()?;
    let years = file.years(&raw)?;
    let mut days = Days {
        file,
        first_year: *years.start(),
        seen: BTreeMap::new(),
        exceptions: BTreeMap::new(),
    };
    for (year, raw_year) in years.clone().zip(&raw.year) {
        days.add_year(year, raw_year)?;
    }
    let bounds = NaiveDate::from_ymd_opt(*years.start(), 1, 1).zip(NaiveDate::from_ymd_opt(
        *years.end(),
        12,
        31,
    ));
    let Some((first, last)) = bounds else {
        let found = i64::from(*years.end());
        return Err(file.fail(raw.layer.span(), CalendarProblem::YearRange { found }));
    };
    let id = header.id.into_inner();
    Ok(Calendar {
        version: format!("{id}@{}", header.version.as_ref()),
        layers: vec![LayerId {
            id: id.clone(),
            layer: Layer::National,
        }],
        top_id: id,
        first,
        last,
        exceptions: days.exceptions,
    })
}

/// The exceptions collected so far, year by year.
struct Days<'t> {
    file: File<'t>,
    first_year: i32,
    seen: BTreeMap<NaiveDate, usize>,
    exceptions: BTreeMap<NaiveDate, Exception>,
}

impl Days<'_> {
    fn add_year(&mut self, year: i32, raw: &RawYear) -> Result<(), CalendarError> {
        let mut source = self.file.text(&raw.notice, "notice")?.to_owned();
        for amendment in &raw.amendments {
            source.push('；');
            source.push_str(self.file.text(amendment, "amendments")?);
        }
        if raw.period.is_empty() {
            let what = format!("the year {year}");
            return Err(self
                .file
                .fail(raw.year.span(), CalendarProblem::NoEntries { what }));
        }
        let source: Arc<str> = source.into();
        for period in &raw.period {
            let name: Arc<str> = self.file.text(&period.name, "name")?.into();
            if period.off.as_ref().is_empty() {
                return Err(self
                    .file
                    .fail(period.off.span(), CalendarProblem::Empty { key: "off" }));
            }
            let off = period.off.as_ref().iter().map(|entry| (entry, false));
            let work = period.work.iter().map(|entry| (entry, true));
            for (entry, works) in off.chain(work) {
                let exception = Exception {
                    works,
                    name: Arc::clone(&name),
                    source: Arc::clone(&source),
                    layer: Layer::National,
                };
                self.add_days(year, entry, &exception)?;
            }
        }
        Ok(())
    }

    fn add_days(
        &mut self,
        year: i32,
        entry: &Spanned<String>,
        exception: &Exception,
    ) -> Result<(), CalendarError> {
        let (first, last) = self.file.range(entry)?;
        for day in first.iter_days().take_while(|day| *day <= last) {
            // A notice may begin its New Year's holiday in the December before.
            let is_december_before =
                day.year() + 1 == year && day.month() == 12 && day.year() >= self.first_year;
            if day.year() != year && !is_december_before {
                return Err(self
                    .file
                    .fail(entry.span(), CalendarProblem::OutsideYear { day, year }));
            }
            if exception.works && !is_weekend(day) {
                return Err(self
                    .file
                    .fail(entry.span(), CalendarProblem::WorkOnWeekday { day }));
            }
            self.file.check_first(&mut self.seen, day, entry.span())?;
            self.exceptions.insert(day, exception.clone());
        }
        Ok(())
    }
}

/// The text being read; turns spans into places.
#[derive(Clone, Copy)]
pub(super) struct File<'t>(pub(super) &'t str);

impl File<'_> {
    pub(super) fn read<T: DeserializeOwned>(self) -> Result<T, CalendarError> {
        toml::from_str(self.0).map_err(|error| {
            let message = error.message().to_owned();
            let span = error.span().unwrap_or(0..0);
            self.fail(span, CalendarProblem::Syntax { message })
        })
    }

    pub(super) fn place(self, span: Range<usize>) -> Place {
        Place::of(self.0, span.start)
    }

    pub(super) fn fail(self, span: Range<usize>, problem: CalendarProblem) -> CalendarError {
        CalendarError {
            place: self.place(span),
            problem,
        }
    }

    pub(super) fn wrong_layer(self, layer: &Spanned<String>) -> CalendarError {
        let found = layer.as_ref().clone();
        self.fail(layer.span(), CalendarProblem::Layer { found })
    }

    pub(super) fn check_header(self, header: &Header) -> Result<(), CalendarError> {
        let found = *header.schema.as_ref();
        if found != 1 {
            return Err(self.fail(header.schema.span(), CalendarProblem::Schema { found }));
        }
        self.check_name(&header.id)?;
        self.check_name(&header.version)
    }

    pub(super) fn check_name(self, name: &Spanned<String>) -> Result<(), CalendarError> {
        let text = name.as_ref();
        let is_plain = text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if is_plain && (1..=NAME_BYTES_MAX).contains(&text.len()) {
            return Ok(());
        }
        let found = text.clone();
        Err(self.fail(name.span(), CalendarProblem::Name { found }))
    }

    pub(super) fn text<'r>(
        self,
        value: &'r Spanned<String>,
        key: &'static str,
    ) -> Result<&'r str, CalendarError> {
        let text = value.as_ref().trim();
        if text.is_empty() {
            return Err(self.fail(value.span(), CalendarProblem::Empty { key }));
        }
        Ok(text)
    }

    /// Returns the years, which must follow one another without a gap.
    fn years(self, raw: &RawNational) -> Result<std::ops::RangeInclusive<i32>, CalendarError> {
        let mut years: Option<(i32, i32)> = None;
        for entry in &raw.year {
            let found = *entry.year.as_ref();
            let year = i32::try_from(found)
                .ok()
                .filter(|_| YEARS.contains(&found))
                .ok_or_else(|| {
                    self.fail(entry.year.span(), CalendarProblem::YearRange { found })
                })?;
            years = match years {
                Some((_, previous)) if previous + 1 != year => {
                    let found = year;
                    let problem = CalendarProblem::YearGap { previous, found };
                    return Err(self.fail(entry.year.span(), problem));
                }
                Some((first, _)) => Some((first, year)),
                None => Some((year, year)),
            };
        }
        let what = "the national calendar".to_owned();
        years
            .map(|(first, last)| first..=last)
            .ok_or_else(|| self.fail(raw.layer.span(), CalendarProblem::NoEntries { what }))
    }

    pub(super) fn date(self, text: &str, span: Range<usize>) -> Result<NaiveDate, CalendarError> {
        let found = || CalendarProblem::Date {
            found: text.to_owned(),
        };
        strict_date(text).ok_or_else(|| self.fail(span, found()))
    }

    /// Reads `2026-02-17` or `2026-02-15..2026-02-23`.
    fn range(self, entry: &Spanned<String>) -> Result<(NaiveDate, NaiveDate), CalendarError> {
        let text = entry.as_ref();
        let Some((first, last)) = text.split_once("..") else {
            let day = self.date(text, entry.span())?;
            return Ok((day, day));
        };
        let first = self.date(first, entry.span())?;
        let last = self.date(last, entry.span())?;
        if (0..RANGE_DAYS_MAX).contains(&(last - first).num_days()) {
            return Ok((first, last));
        }
        let found = text.clone();
        Err(self.fail(entry.span(), CalendarProblem::Range { found }))
    }

    /// Refuses a day that was listed before; `seen` holds byte offsets.
    pub(super) fn check_first(
        self,
        seen: &mut BTreeMap<NaiveDate, usize>,
        day: NaiveDate,
        span: Range<usize>,
    ) -> Result<(), CalendarError> {
        match seen.insert(day, span.start) {
            None => Ok(()),
            Some(first) => {
                let first_line = Place::of(self.0, first).line;
                Err(self.fail(span, CalendarProblem::DuplicateDay { day, first_line }))
            }
        }
    }
}

/// Reads a date of exactly the form `2026-02-17`; chrono's own reader is more lenient.
fn strict_date(text: &str) -> Option<NaiveDate> {
    let bytes = text.as_bytes();
    let is_form = bytes.len() == 10
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if !is_form {
        return None;
    }
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()
}
