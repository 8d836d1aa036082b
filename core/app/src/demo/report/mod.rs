//! What the demo shows: figures of each jurisdiction, what people did, the course of a project.

mod course;
mod figures;
mod story;
mod table;
mod teller;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use liucheng_engine::{
    CommandError, Engine,
    ports::{Page, ProjectRow},
    record::Record,
    verify::ProjectCheck,
};
use liucheng_model::{project::Project, text::Text};
use serde_json::{Value as Json, json};

use super::script;
use crate::output::wrap;
use story::ProjectReport;

/// Everything the demo shows.
pub struct Report {
    jurisdictions: Vec<Jurisdiction>,
    checks: Vec<ProjectCheck>,
    /// The day on which the demo ends.
    today: NaiveDate,
}

/// The projects of one package, the one that is followed to its end first.
struct Jurisdiction {
    province: String,
    title: Text,
    projects: Vec<ProjectReport>,
}

impl Report {
    /// Reads the histories of all projects.
    pub async fn read(engine: &Engine, checks: Vec<ProjectCheck>) -> Result<Self, CommandError> {
        let all = Page {
            after: None,
            limit: 100,
        };
        let today = engine.clock.now().date();
        let mut by_province: BTreeMap<String, Vec<ProjectReport>> = BTreeMap::new();
        for row in engine.store.list(all).await? {
            let project: Project = serde_json::from_str(&row.state)?;
            let province = project.package.as_ref().map(|p| p.id.clone());
            let told = tell(engine, (&row, project), today).await?;
            let projects = by_province.entry(province.unwrap_or_default());
            projects.or_default().push(told);
        }
        let mut jurisdictions = Vec::new();
        for (province, first) in script::jurisdictions() {
            let Some(mut projects) = by_province.remove(province) else {
                continue;
            };
            projects.sort_by_key(|p| (p.project.code != first, p.project.code.clone()));
            jurisdictions.push(Jurisdiction {
                province: province.to_owned(),
                title: title(engine, province)?,
                projects,
            });
        }
        Ok(Self {
            jurisdictions,
            checks,
            today,
        })
    }

    /// Is every state the fold of its history?
    pub fn is_consistent(&self) -> bool {
        self.checks.iter().all(|c| c.problems.is_empty())
    }

    /// For people, in lines of at most that many cells.
    pub fn lines(&self, cells: usize) -> Vec<String> {
        let mut lines = table::lines(&self.jurisdictions, cells);
        lines.push(String::new());
        for jurisdiction in &self.jurisdictions {
            jurisdiction.write(cells, &mut lines);
        }
        lines.push(String::new());
        let bad: Vec<&ProjectCheck> = self
            .checks
            .iter()
            .filter(|check| !check.problems.is_empty())
            .collect();
        let records: u64 = self.checks.iter().map(|check| check.records).sum();
        let verdict = match bad.as_slice() {
            [] => "一致 ok",
            _ => "不一致 BAD",
        };
        let projects = self.checks.len();
        lines.push(format!(
            "状态 = fold(历史)  {projects} 个项目  {records} 条记录  {verdict}"
        ));
        for check in bad {
            let problems = check.problems.iter();
            lines.extend(problems.map(|problem| format!("  {}  {problem}", check.code)));
        }
        lines
    }

    /// The whole course of a project, in lines of at most that many cells.
    pub fn details(&self, code: &str, cells: usize) -> Vec<String> {
        let mut lines = Vec::new();
        let projects = self.jurisdictions.iter().flat_map(|j| &j.projects);
        for project in projects.filter(|p| p.project.code == code) {
            project.write(cells, &mut lines);
        }
        lines
    }

    /// For machines. Holds nothing that differs from run to run.
    pub fn to_json(&self) -> Json {
        let projects = || self.jurisdictions.iter().flat_map(|j| &j.projects);
        json!({
            "consistent": self.is_consistent(),
            "today": self.today,
            "mails": projects().map(|p| p.mails).sum::<usize>(),
            "jurisdictions": self.jurisdictions.iter().map(Jurisdiction::to_json).collect::<Vec<_>>(),
            "projects": projects().map(ProjectReport::to_json).collect::<Vec<_>>(),
            "checks": self.checks.iter().map(|check| json!({
                "code": check.code,
                "records": check.records,
                "problems": check.problems,
            })).collect::<Vec<_>>(),
        })
    }
}

impl Jurisdiction {
    /// What people did and what came of it, under the jurisdiction's name.
    fn write(&self, cells: usize, lines: &mut Vec<String>) {
        lines.push(format!("━━ {}", self.title.zh));
        if let [first, .., _] = self.projects.as_slice() {
            let text = format!(
                "{} 个项目，其中 {} 至结束：{}",
                self.projects.len(),
                first.project.code,
                self.stages().join("，")
            );
            lines.extend(wrap(&text, cells, ("  ", "  ")));
        }
        let Some(first) = self.projects.first() else {
            return;
        };
        for note in &first.figures.notes {
            let first = format!("  {}  ", note.on);
            lines.extend(wrap(&note.text, cells, (&first, "              ")));
        }
        for (title, value) in first.figures.computed_lines() {
            let text = format!("测算 {title}：{value}");
            lines.extend(wrap(&text, cells, ("  ", "       ")));
        }
    }

    /// How many projects are at which stage, in the order of the projects.
    fn stages(&self) -> Vec<String> {
        let mut counts: Vec<(&str, usize)> = Vec::new();
        for project in &self.projects {
            let stage = project.stage.zh.as_str();
            match counts.iter_mut().find(|(known, _)| *known == stage) {
                Some((_, count)) => *count += 1,
                None => counts.push((stage, 1)),
            }
        }
        counts
            .iter()
            .map(|(stage, count)| format!("{stage} {count}"))
            .collect()
    }
}

async fn tell(
    engine: &Engine,
    (row, project): (&ProjectRow, Project),
    today: NaiveDate,
) -> Result<ProjectReport, CommandError> {
    let definition = engine
        .library
        .definition(&project.definition, &*engine.store)
        .await?;
    let history = engine.store.history(row.id, 0, u32::MAX).await?;
    let records = history
        .iter()
        .map(Record::open)
        .collect::<Result<Vec<_>, _>>()?;
    let mails = engine.store.mail(row.id).await?;
    let source = story::Source {
        definition: &definition,
        records: &records,
        mails: &mails,
        today,
    };
    Ok(ProjectReport::tell(project, row.version, source))
}

/// The name of a jurisdiction, as its package has it.
fn title(engine: &Engine, province: &str) -> Result<Text, CommandError> {
    #[derive(serde::Deserialize)]
    struct Head {
        title: Text,
    }
    let entry = engine.library.entry(province)?;
    let head = entry.sources.overlay.as_deref().map(toml::from_str::<Head>);
    Ok(match head {
        Some(Ok(head)) => head.title,
        _ => Text::new(province, province),
    })
}
