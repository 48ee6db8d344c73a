//! Bytes as choices in the grammar of PromQL: a query that parses. It prints as a query with the same tree, on one line and on
//! several, and what is printed prints as itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tsdb_query::parse::{ParseOptions, parse};

/// Makes choices; when the bytes are used up, always the first.
struct Choices<'b>(&'b [u8]);

impl Choices<'_> {
    fn below(&mut self, n: usize) -> usize {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                usize::from(*first) % n
            }
            None => 0,
        }
    }

    fn of<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.below(texts.len())]
    }

    fn name(&mut self) -> &'static str {
        self.of(&[
            "a", "sum", "b:c", "inf1", "start", "offset", "bool", "x_total",
        ])
    }

    fn label(&mut self) -> &'static str {
        self.of(&[
            "a", "by", "without", "inf", "nan", "le", "on", r#""x y""#, r#""1""#,
        ])
    }

    fn labels(&mut self) -> String {
        let n = self.below(3);
        let labels: Vec<_> = (0..n).map(|_| self.label()).collect();
        format!("({})", labels.join(", "))
    }

    fn string(&mut self) -> &'static str {
        self.of(&[
            r#""v""#,
            "'\"'",
            "`\\n`",
            r#""\u00e9\n\t\"""#,
            "''",
            r#""\xff""#,
        ])
    }

    fn number(&mut self) -> &'static str {
        self.of(&[
            "1", "0x1F", "1e300", ".5", "Inf", "NaN", "1_0.0_1", "1e-320", "1h30m", "0", "5ms",
            "1w1d",
        ])
    }

    fn duration(&mut self, depth: usize) -> String {
        let plain = ["5m", "1h30m", "90", "1ms", "0.5", "1y"];
        if depth == 0 {
            return self.of(&plain).to_owned();
        }
        let (a, b) = (self.duration(depth - 1), self.duration(depth - 1));
        match self.below(6) {
            0 => a,
            1 => format!("({a})"),
            2 => format!("({a} {} {b})", self.of(&["+", "-", "*", "/", "%", "^"])),
            3 => format!("{a} {} {b}", self.of(&["+", "*", "^"])),
            4 => format!("{}({a}, {b})", self.of(&["min_of", "max_of"])),
            _ => self.of(&["step()", "range()", "-(-5m)", "+1m"]).to_owned(),
        }
    }

    fn modifiers(&mut self) -> String {
        let at = self.of(&["", " @ 1.5", " @ start()", " @ end()", " @ -7"]);
        let offset = match self.below(4) {
            0 => String::new(),
            1 => format!(" offset {}", self.of(&["5m", "-1h", "-90", "step()"])),
            2 => format!(" offset ({})", self.duration(2)),
            _ => format!(" offset -({})", self.duration(1)),
        };
        if self.below(2) == 0 {
            format!("{at}{offset}")
        } else {
            format!("{offset}{at}")
        }
    }

    fn series(&mut self) -> String {
        if self.below(3) > 0 {
            return self.name().to_owned();
        }
        let op = self.of(&["=", "!=", "=~", "!~"]);
        let value = self.of(&[r#""v""#, "'x|y.*'", r#""""#]);
        let name = if self.below(2) == 0 {
            r#""n""#
        } else {
            r#"z="1""#
        };
        format!(
            "{{{name}, {}{op}{value}}}",
            self.label()
                .replace("without", "w")
                .replace("inf", "i")
                .replace("nan", "n")
        )
    }

    fn matrix(&mut self, depth: usize) -> String {
        if depth > 0 && self.below(3) == 0 {
            let inner = self.vector(depth - 1);
            let step = if self.below(2) == 0 {
                String::new()
            } else {
                self.duration(1)
            };
            return format!("({inner})[{}:{step}]{}", self.duration(1), self.modifiers());
        }
        let extension = self.of(&["", "", " anchored", " smoothed"]);
        let series = self.series();
        format!(
            "{series}[{}]{extension}{}",
            self.duration(2),
            self.modifiers()
        )
    }

    fn scalar(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.number().to_owned();
        }
        match self.below(5) {
            0 => self.number().to_owned(),
            1 => format!("{}{}", self.of(&["-", "+"]), self.scalar(depth - 1)),
            2 => format!("scalar({})", self.vector(depth - 1)),
            3 => {
                let op = self.of(&["+", "-", "*", "/", "^", "%", "atan2", "> bool", "== bool"]);
                format!("{} {op} {}", self.scalar(depth - 1), self.scalar(depth - 1))
            }
            _ => format!("({})", self.scalar(depth - 1)),
        }
    }

    fn vector(&mut self, depth: usize) -> String {
        if depth == 0 {
            return format!("{}{}", self.series(), self.modifiers());
        }
        let inner = |c: &mut Self| c.vector(depth - 1);
        match self.below(9) {
            0 => format!(
                "{}{}{}",
                self.series(),
                self.of(&["", " smoothed"]),
                self.modifiers()
            ),
            1 => format!(
                "{}({})",
                self.of(&["rate", "increase", "delta"]),
                self.matrix(depth - 1)
            ),
            2 => format!("({})", inner(self)),
            3 => format!("{}{}", self.of(&["-", "+"]), inner(self)),
            4 => {
                let grouping = format!(" {} {}", self.of(&["by", "without"]), self.labels());
                let op = self.of(&["sum", "topk", "count_values", "limit_ratio", "quantile"]);
                let param = match op {
                    "sum" => String::new(),
                    "count_values" => format!("{}, ", self.string()),
                    _ => format!("{}, ", self.scalar(depth - 1)),
                };
                format!("{op}{grouping} ({param}{})", inner(self))
            }
            5 => {
                let strings: Vec<_> = (0..4).map(|_| self.string()).collect();
                format!("label_replace({}, {})", inner(self), strings.join(", "))
            }
            6 => {
                let op = self.of(&["+", "-", "/", "^", ">", "!= bool", "</", ">/", "atan2"]);
                format!("{} {op} {}", inner(self), self.scalar(depth - 1))
            }
            7 => {
                let op = self.of(&["and", "or", "unless"]);
                let on = self.of(&["", " on (a)", " ignoring (b, c)"]);
                format!("{} {op}{on} {}", inner(self), inner(self))
            }
            _ => {
                let op = self.of(&["+", "*", "^", "%", "==", "<= bool"]);
                let labels = self.labels();
                let group = self.of(&["", " group_left", " group_right (q)", " group_left ()"]);
                let fill = self.of(&["", " fill (0)", " fill_left (-1e30)", " fill_right (NaN)"]);
                format!(
                    "({}) {op} ignoring {labels}{group}{fill} ({})",
                    inner(self),
                    inner(self)
                )
            }
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut choices = Choices(bytes);
    let query = choices.vector(6);
    let options = ParseOptions::default();
    // Types do not always fit: a comparison of what turns out to be a number, a matrix that is no operand.
    let Ok(expr) = parse(&query, &options) else {
        return;
    };
    let printed = expr.to_string();
    let again = parse(&printed, &options).unwrap_or_else(|e| panic!("{query}\n{printed}\n{e}"));
    assert!(again.same_as(&expr), "{query}\n{printed}");
    assert_eq!(again.to_string(), printed);
    assert!(expr.clone().same_as(&expr));
    let Some(pretty) = expr.pretty(options.max_len) else {
        return;
    };
    let again = parse(&pretty, &options).unwrap_or_else(|e| panic!("{query}\n{pretty}\n{e}"));
    assert!(again.same_as(&expr), "{query}\n{pretty}");
});
