//! The script language of Prometheus's tests (`promql/promqltest/README.md`): `load`, `clear`, `eval`.

use tsdb_core::Labels;

use super::series::{SeriesLine, Value, is_start_timestamp_line, parse_series, parse_start_times};

/// A command with the number of its line.
#[derive(Debug)]
pub(crate) enum Command {
    Clear,
    Load(Load),
    Eval(Box<Eval>),
}

/// `load <step>`
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) step_ms: i64,
    pub(crate) series: Vec<SeriesLine>,
    /// Also as native histograms with custom buckets.
    pub(crate) with_nhcb: bool,
    /// How far the start times of a series' samples are from their times.
    pub(crate) start_times: Vec<(Labels, Vec<Option<i64>>)>,
}

/// `eval instant at <time> <expr>`, `eval range from <time> to <time> step <step> <expr>`
#[derive(Debug)]
pub(crate) struct Eval {
    pub(crate) line: usize,
    pub(crate) expr: String,
    pub(crate) when: When,
    pub(crate) expect: Expect,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum When {
    Instant {
        t_ms: i64,
    },
    Range {
        start_ms: i64,
        end_ms: i64,
        step_ms: i64,
    },
}

/// What an evaluation is to give.
#[derive(Debug, Default)]
pub(crate) struct Expect {
    pub(crate) ordered: bool,
    pub(crate) fail: Option<Text>,
    pub(crate) warn: Vec<Text>,
    pub(crate) info: Vec<Text>,
    pub(crate) no_warn: bool,
    pub(crate) no_info: bool,
    pub(crate) scalar: Option<f64>,
    pub(crate) string: Option<String>,
    /// Times of a range vector.
    pub(crate) range_vector: Option<(i64, i64, i64)>,
    pub(crate) series: Vec<(Labels, Vec<Value>)>,
}

/// A condition on a text.
#[derive(Clone, Debug)]
pub(crate) enum Text {
    Any,
    Exactly(String),
    Regex(String),
}

impl Text {
    pub(crate) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(wanted) => wanted == text,
            Self::Regex(pattern) => {
                let anywhere = format!("(?s:.*)(?:{pattern})(?s:.*)");
                tsdb_core::LabelRegex::new(&anywhere).is_ok_and(|r| r.is_match(text))
            }
        }
    }
}

/// Reads a script.
pub(crate) fn parse(text: &str) -> Result<Vec<Command>, String> {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .map(|line| if line.starts_with('#') { "" } else { line })
        .collect();
    let mut commands = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let number = at + 1;
        at += 1;
        if line.is_empty() {
            continue;
        }
        let mut block = Vec::new();
        let word = line.split_whitespace().next().unwrap_or("").to_lowercase();
        let failed = |e: String| format!("line {number}: {e}");
        if word == "clear" {
            commands.push(Command::Clear);
            continue;
        }
        while let Some(next) = lines.get(at).filter(|next| !next.is_empty()) {
            block.push(*next);
            at += 1;
        }
        if word.starts_with("load") {
            commands.push(Command::Load(parse_load(line, &block).map_err(failed)?));
        } else if word.starts_with("eval") {
            let eval = parse_eval(line, number, &block).map_err(failed)?;
            commands.push(Command::Eval(Box::new(eval)));
        } else {
            return Err(failed(format!("invalid command {line:?}")));
        }
    }
    Ok(commands)
}

fn parse_load(line: &str, block: &[&str]) -> Result<Load, String> {
    let mut words = line.split_whitespace();
    let with_nhcb = words.next().is_some_and(|w| w.ends_with("_with_nhcb"));
    let step_ms = duration(words.next().unwrap_or(""))?;
    let (marked, plain): (Vec<&str>, Vec<&str>) =
        block.iter().partition(|line| is_start_timestamp_line(line));
    Ok(Load {
        step_ms,
        with_nhcb,
        start_times: marked
            .iter()
            .map(|line| parse_start_times(line))
            .collect::<Result<_, _>>()?,
        series: plain
            .iter()
            .map(|line| parse_series(line))
            .collect::<Result<_, _>>()?,
    })
}

/// Splits off the first word.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    text.split_once(char::is_whitespace).unwrap_or((text, ""))
}

fn parse_eval(line: &str, number: usize, block: &[&str]) -> Result<Eval, String> {
    let (command, rest) = word(line);
    let mut expect = Expect::default();
    match command.strip_prefix("eval_") {
        Some("ordered") => expect.ordered = true,
        Some("fail") => expect.fail = Some(Text::Any),
        Some("warn") => expect.warn.push(Text::Any),
        Some("info") => expect.info.push(Text::Any),
        _ => {}
    }
    let (kind, mut rest) = word(rest);
    let mut next = |keyword: &str| -> Result<i64, String> {
        let (found, after) = word(rest);
        if found != keyword {
            return Err(format!("expected {keyword:?}, found {found:?}"));
        }
        let (value, after) = word(after);
        rest = after;
        duration(value)
    };
    let when = match kind {
        "instant" => When::Instant { t_ms: next("at")? },
        "range" => When::Range {
            start_ms: next("from")?,
            end_ms: next("to")?,
            step_ms: next("step")?,
        },
        other => return Err(format!("invalid evaluation {other:?}")),
    };
    let expr = rest.trim().to_owned();
    for line in block {
        if parse_expectation(line, &mut expect)? {
            break;
        }
    }
    Ok(Eval {
        line: number,
        expr,
        when,
        expect,
    })
}

/// Reads a line of an evaluation's block; true when it is the last.
fn parse_expectation(line: &str, expect: &mut Expect) -> Result<bool, String> {
    if let Some(message) = line.strip_prefix("expected_fail_message") {
        expect.fail = Some(Text::Exactly(message.trim().to_owned()));
        return Ok(true);
    }
    if let Some(pattern) = line.strip_prefix("expected_fail_regexp") {
        expect.fail = Some(Text::Regex(pattern.trim().to_owned()));
        return Ok(true);
    }
    if let Some(rest) = line.strip_prefix("expect range vector") {
        let words: Vec<&str> = rest.split_whitespace().collect();
        let ["from", from, "to", to, "step", step] = words.as_slice() else {
            return Err(format!("invalid range vector {line:?}"));
        };
        expect.range_vector = Some((duration(from)?, duration(to)?, duration(step)?));
        return Ok(false);
    }
    if let Some(literal) = line.strip_prefix("expect string") {
        let literal = literal.trim();
        let inner = literal.get(1..literal.len().saturating_sub(1));
        expect.string = Some(inner.ok_or("invalid string")?.to_owned());
        return Ok(false);
    }
    if word(line).0 == "expect" {
        let (kind, condition) = word(word(line).1);
        let condition = condition.trim();
        let text = if let Some(message) = condition.strip_prefix("msg:") {
            Text::Exactly(message.trim().to_owned())
        } else if let Some(pattern) = condition.strip_prefix("regex:") {
            Text::Regex(pattern.trim().to_owned())
        } else {
            Text::Any
        };
        match kind {
            "ordered" => expect.ordered = true,
            "fail" => expect.fail = Some(text),
            "warn" => expect.warn.push(text),
            "info" => expect.info.push(text),
            "no_warn" => expect.no_warn = true,
            "no_info" => expect.no_info = true,
            other => return Err(format!("invalid expectation {other:?}")),
        }
        return Ok(false);
    }
    if let Ok(number) = line.parse() {
        expect.scalar = Some(number);
        return Ok(true);
    }
    let series = parse_series(line)?;
    expect.series.push((series.labels, series.values));
    Ok(false)
}

/// `1h30m`, `15s`, `10ms`, `0`: milliseconds.
pub(crate) fn duration(text: &str) -> Result<i64, String> {
    let bad = || format!("invalid duration {text:?}");
    if text == "0" {
        return Ok(0);
    }
    let mut rest = text;
    let mut total = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
        let (number, after) = rest.split_at(digits);
        let unit_len = after
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_len);
        let unit = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 7 * 86_400_000,
            "y" => 365 * 86_400_000,
            _ => return Err(bad()),
        };
        total += number.parse::<i64>().map_err(|_| bad())? * unit;
        rest = after;
    }
    Ok(total)
}
