//! The layers that a province or an agency puts on the national calendar.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use serde::Deserialize;
use toml::Spanned;

use super::error::{CalendarError, CalendarProblem, Place};
use super::parse::{File, Header};
use super::{Calendar, DayKind, Layer};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "the header is read on its own; here its keys are only known"
)]
struct RawLayer {
    schema: i64,
    id: String,
    version: String,
    layer: String,
    extends: Spanned<String>,
    #[serde(default)]
    day: Vec<RawDay>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDay {
    date: Spanned<String>,
    kind: Spanned<String>,
    name: Spanned<String>,
    source: Spanned<String>,
}

/// The days that a province or an agency adds or removes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarLayer {
    pub(super) id: String,
    pub(super) version: String,
    pub(super) layer: Layer,
    extends: String,
    extends_place: Place,
    pub(super) days: Vec<LayerDay>,
}

/// One day of a layer, with its place for later messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LayerDay {
    pub(super) date: NaiveDate,
    pub(super) works: bool,
    pub(super) name: Arc<str>,
    pub(super) source: Arc<str>,
    place: Place,
}

impl CalendarLayer {
    /// Reads the file of a province or an agency.
    pub fn parse(text: &str) -> Result<Self, CalendarError> {
        let file = File(text);
        let header: Header = file.read()?;
        let layer = match header.layer.as_ref().as_str() {
            "province" => Layer::Province,
            "agency" => Layer::Agency,
            _ => return Err(file.wrong_layer(&header.layer)),
        };
        file.check_header(&header)?;
        let raw: RawLayer = file.read()?;
        file.check_name(&raw.extends)?;
        let mut days: Vec<LayerDay> = Vec::with_capacity(raw.day.len());
        let mut seen = BTreeMap::new();
        for entry in &raw.day {
            let day = LayerDay::read(file, entry)?;
            file.check_first(&mut seen, day.date, entry.date.span())?;
            days.push(day);
        }
        Ok(Self {
            id: header.id.into_inner(),
            version: header.version.into_inner(),
            layer,
            extends_place: file.place(raw.extends.span()),
            extends: raw.extends.into_inner(),
            days,
        })
    }

    /// Returns the layer's own id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the layer's own version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Returns the id of the calendar on which the layer is put.
    pub fn extends(&self) -> &str {
        &self.extends
    }

    /// Returns how wide the layer is.
    pub fn layer(&self) -> Layer {
        self.layer
    }

    pub(super) fn check_base(&self, base: &Calendar) -> Result<(), CalendarError> {
        let problem = if !base.layers.iter().any(|below| below.id == self.extends) {
            CalendarProblem::Extends {
                extends: self.extends.clone(),
                base: base.version.clone(),
            }
        } else if base
            .layers
            .iter()
            .any(|below| below.id == self.id || below.layer > self.layer)
        {
            CalendarProblem::Order {
                id: self.id.clone(),
                layer: self.layer,
                base: base.version.clone(),
            }
        } else {
            return Ok(());
        };
        Err(CalendarError {
            place: self.extends_place,
            problem,
        })
    }

    pub(super) fn check_day(&self, base: &Calendar, entry: &LayerDay) -> Result<(), CalendarError> {
        let day = entry.date;
        let version = base.version.clone();
        let problem = match base.day(day) {
            None => CalendarProblem::OutsideCoverage { day, base: version },
            // Repeating a national holiday would hide that it is national (87号令 art. 85).
            Some(below) if !entry.works && below.kind == DayKind::Holiday => {
                CalendarProblem::NoChange {
                    day,
                    already: "a holiday",
                    base: version,
                }
            }
            Some(below) if entry.works && below.is_working() => CalendarProblem::NoChange {
                day,
                already: "a working day",
                base: version,
            },
            Some(_) => return Ok(()),
        };
        Err(CalendarError {
            place: entry.place,
            problem,
        })
    }
}

impl LayerDay {
    /// Reads one entry.
    fn read(file: File<'_>, entry: &RawDay) -> Result<Self, CalendarError> {
        let works = match entry.kind.as_ref().as_str() {
            "holiday" => false,
            "workday" => true,
            other => {
                let found = other.to_owned();
                return Err(file.fail(entry.kind.span(), CalendarProblem::Kind { found }));
            }
        };
        Ok(Self {
            date: file.date(entry.date.as_ref(), entry.date.span())?,
            works,
            name: file.text(&entry.name, "name")?.into(),
            source: file.text(&entry.source, "source")?.into(),
            place: file.place(entry.date.span()),
        })
    }
}
