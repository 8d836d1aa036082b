//! Steps of reminder ladders.

/// Where a step stands relative to the due date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LadderOffset {
    /// That many days before it.
    DaysBefore(u32),
    /// That many working days before it.
    WorkingDaysBefore(u32),
    /// On the day.
    Due,
    /// That many days after it.
    DaysAfter(u32),
    /// That many working days after it.
    WorkingDaysAfter(u32),
}

/// Reads `due`, `10 days before`, `3 working-days before`, `1 day after`.
#[must_use]
pub fn parse_ladder_step(text: &str) -> Option<LadderOffset> {
    if text == "due" {
        return Some(LadderOffset::Due);
    }
    let mut words = text.split(' ');
    let (count, unit, side) = (words.next()?, words.next()?, words.next()?);
    let plain = count.bytes().all(|b| b.is_ascii_digit());
    let n: u32 = count
        .parse()
        .ok()
        .filter(|n| plain && (1..=365).contains(n))?;
    let offset = match (unit, side) {
        ("day" | "days", "before") => LadderOffset::DaysBefore(n),
        ("day" | "days", "after") => LadderOffset::DaysAfter(n),
        ("working-day" | "working-days", "before") => LadderOffset::WorkingDaysBefore(n),
        ("working-day" | "working-days", "after") => LadderOffset::WorkingDaysAfter(n),
        _ => return None,
    };
    words.next().is_none().then_some(offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_read_strictly() {
        assert_eq!(parse_ladder_step("due"), Some(LadderOffset::Due));
        assert_eq!(
            parse_ladder_step("10 days before"),
            Some(LadderOffset::DaysBefore(10))
        );
        assert_eq!(
            parse_ladder_step("1 working-day after"),
            Some(LadderOffset::WorkingDaysAfter(1))
        );
        for bad in [
            "",
            "soon",
            "0 days before",
            "10 days",
            "10 days before lunch",
            "-1 days before",
            "+1 days before",
        ] {
            assert_eq!(parse_ladder_step(bad), None, "{bad}");
        }
    }
}
